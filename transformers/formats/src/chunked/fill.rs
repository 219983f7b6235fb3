//! Fill values for elements that were never written.

/// What to write where nothing is stored.
pub(super) enum Fill {
    /// All bytes of the element are alike.
    Byte(u8),
    Element(Vec<u8>),
}

impl Fill {
    /// `element`: one element in native order. Of a wrong length (empty: none defined), zeros.
    pub(super) fn new(element: Vec<u8>, element_size: usize) -> Self {
        match element.first() {
            Some(&first) if element.len() == element_size => {
                if element.iter().all(|&b| b == first) {
                    Fill::Byte(first)
                } else {
                    Fill::Element(element)
                }
            }
            _ => Fill::Byte(0),
        }
    }

    /// Fills whole elements.
    pub(super) fn write(&self, out: &mut [u8]) {
        match self {
            Fill::Byte(byte) => out.fill(*byte),
            Fill::Element(element) => {
                let mut done = element.len().min(out.len());
                out[..done].copy_from_slice(&element[..done]);
                while done < out.len() {
                    // What is there already doubles with each round.
                    let n = done.min(out.len() - done);
                    out.copy_within(..n, done);
                    done += n;
                }
            }
        }
    }
}
