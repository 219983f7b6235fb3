//! Loops compiled twice: for every processor, and for those with AVX2. Both do the same operations in the same order,
//! so that results do not depend on the processor.

/// A loop that gains from wider vectors. Implementations are `#[inline(always)]`, as is all that they call in the loop.
pub trait Loop {
    fn run(self);
}

/// Runs a loop in the widest form that the processor has.
pub fn wide(work: impl Loop) {
    #[cfg(target_arch = "x86_64")]
    {
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the processor was asked for AVX2 just now; the function has no other condition.
            unsafe { with_avx2(work) };
            return;
        }
    }
    work.run();
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn with_avx2(work: impl Loop) {
    work.run();
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Roots<'a>(&'a mut [f64]);

    impl Loop for Roots<'_> {
        #[inline(always)]
        fn run(self) {
            self.0.iter_mut().for_each(|v| *v = v.sqrt() * 3.0 + 0.1);
        }
    }

    #[test]
    fn both_forms_give_the_same_bits() {
        let values: Vec<f64> = (0..999).map(f64::from).collect();
        let (mut plain, mut vector) = (values.clone(), values);
        Roots(&mut plain).run();
        wide(Roots(&mut vector));
        assert!(plain.iter().zip(&vector).all(|(a, b)| a.to_bits() == b.to_bits()));
    }
}
