//! Reading a bit stream, most significant bit first.

/// A position in a bit stream. Reading past the end gives zeros and is remembered.
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    /// Next byte to load.
    at: usize,
    /// Bits loaded, left-aligned.
    window: u64,
    /// How many of them.
    loaded: u32,
    overrun: bool,
}

impl<'a> BitReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        BitReader { bytes, at: 0, window: 0, loaded: 0, overrun: false }
    }

    /// Whether more bits were asked for than there are.
    pub(super) fn overran(&self) -> bool {
        self.overrun
    }

    /// Loads whole bytes until at least 57 bits are there, or the stream ends.
    fn refill(&mut self) {
        if let Some(next) = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk::<8>) {
            // Bits beyond the whole bytes are loaded too; they are the same ones again with the next refill.
            self.window |= u64::from_be_bytes(*next) >> self.loaded;
            let whole = (63 - self.loaded) / 8;
            self.at += whole as usize;
            self.loaded += whole * 8;
            return;
        }
        while self.loaded <= 56 {
            let Some(&byte) = self.bytes.get(self.at) else { return };
            self.window |= u64::from(byte) << (56 - self.loaded);
            self.at += 1;
            self.loaded += 8;
        }
    }

    fn skip(&mut self, n: u32) {
        self.window = if n < 64 { self.window << n } else { 0 };
        self.loaded -= n;
    }

    /// The next `n` ≤ 56 bits.
    pub(super) fn read(&mut self, n: u32) -> u64 {
        if n == 0 {
            return 0;
        }
        if self.loaded < n {
            self.refill();
            if self.loaded < n {
                self.overrun = true;
                (self.window, self.loaded) = (0, 0);
                return 0;
            }
        }
        let value = self.window >> (64 - n);
        self.skip(n);
        value
    }

    /// The next `n` ≤ 128 bits.
    pub(super) fn read_wide(&mut self, n: u32) -> u128 {
        let (mut value, mut left) = (0u128, n);
        while left > 0 {
            let step = left.min(32);
            value = value << step | u128::from(self.read(step));
            left -= step;
        }
        value
    }

    /// Zeros before the next one, which is consumed too.
    pub(super) fn unary(&mut self) -> u64 {
        let mut zeros = 0u64;
        loop {
            let run = self.window.leading_zeros();
            if run < self.loaded {
                self.skip(run + 1);
                return zeros + u64::from(run);
            }
            zeros += u64::from(self.loaded);
            (self.window, self.loaded) = (0, 0);
            self.refill();
            if self.loaded == 0 {
                self.overrun = true;
                return zeros;
            }
        }
    }
}
