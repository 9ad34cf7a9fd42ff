//! From figures to places: linear and logarithmic axes with round ticks.

use alloc::vec::Vec;

/// Values on one side, units of the picture on the other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scale {
    from: f64,
    to: f64,
    is_log: bool,
    start: f64,
    length: f64,
}

/// Figures that mean something; beyond these, powers of ten are no numbers any more.
fn is_usable(value: &f64) -> bool {
    (1e-100..1e100).contains(value)
}

/// Beyond this ratio of the largest to the smallest value, equal ratios take equal room.
const WIDE: f64 = 20.0;

impl Scale {
    /// From nothing to at least `most`.
    pub(super) fn from_zero(most: f64, start: f64, length: f64) -> Self {
        let most = if is_usable(&most) { most } else { 1.0 };
        Self { from: 0.0, to: most, is_log: false, start, length }
    }

    /// Over all values above zero, by decades and their halves if it is logarithmic.
    pub(super) fn log(values: impl Iterator<Item = f64>, start: f64, length: f64) -> Self {
        let (mut least, mut most) = (f64::INFINITY, 0.0_f64);
        for value in values.filter(is_usable) {
            (least, most) = (least.min(value), most.max(value));
        }
        if most == 0.0 {
            (least, most) = (1.0, 10.0);
        }
        let below = STEPS.iter().rev().map(|step| step * decade(least));
        let from = below.clone().find(|tick| *tick <= least * 1.000_001).unwrap_or(least);
        let top = decade(most);
        let above = STEPS.iter().map(|step| step * top).find(|tick| *tick >= most * 0.999_999);
        let to = above.unwrap_or(10.0 * top).max(2.0 * from);
        Self { from, to, is_log: true, start, length }
    }

    /// From nothing, or logarithmic where the values differ by orders of magnitude.
    pub(super) fn fitting(values: &[f64], start: f64, length: f64) -> Self {
        let positive = || values.iter().copied().filter(is_usable);
        let most = positive().fold(0.0, f64::max);
        match positive().fold(f64::INFINITY, f64::min) {
            least if most > WIDE * least => Self::log(positive(), start, length),
            _ => Self::from_zero(most, start, length),
        }
    }

    pub(super) fn is_log(&self) -> bool {
        self.is_log
    }

    pub(super) fn from(&self) -> f64 {
        self.from
    }

    pub(super) fn to(&self) -> f64 {
        self.to
    }

    /// Where a value is; within the axis whatever it is.
    pub(super) fn at(&self, value: f64) -> f64 {
        let share = if self.is_log {
            libm::log(value.max(self.from) / self.from) / libm::log(self.to / self.from)
        } else {
            (value - self.from) / (self.to - self.from)
        };
        let share = if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) };
        self.start + share * self.length
    }

    /// Round values within the axis, at most about so many.
    pub(super) fn ticks(&self, most: usize) -> Vec<f64> {
        let most = most.max(2);
        if !self.is_log {
            let step = round_step(self.to - self.from, most as f64);
            let count = libm::floor((self.to - self.from) / step * 1.000_001) as usize;
            return (0..=count).map(|number| self.from + number as f64 * step).collect();
        }
        let all = |steps: &[f64]| {
            let mut ticks = Vec::new();
            let mut ten = decade(self.from);
            while ten <= self.to * 1.000_001 {
                let within =
                    |tick: &f64| *tick >= self.from * 0.999_999 && *tick <= self.to * 1.000_001;
                ticks.extend(steps.iter().map(|step| step * ten).filter(within));
                ten *= 10.0;
            }
            ticks
        };
        let fine = all(&STEPS);
        if fine.len() <= most {
            return fine;
        }
        let tens = all(&[1.0]);
        let nth = tens.len().div_ceil(most).max(1);
        tens.into_iter().step_by(nth).collect()
    }
}

const STEPS: [f64; 3] = [1.0, 2.0, 5.0];

/// The power of ten that a value begins with.
fn decade(value: f64) -> f64 {
    libm::pow(10.0, libm::floor(libm::log10(value * 1.000_001)))
}

/// 1, 2 or 5 times a power of ten, so that there are at most so many steps.
fn round_step(length: f64, most: f64) -> f64 {
    let ten = decade(length / most);
    let steps = STEPS.iter().map(|step| step * ten);
    steps.into_iter().find(|step| length / step <= most).unwrap_or(10.0 * ten)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ticks_are_round() {
        assert_eq!(Scale::from_zero(9.3, 0.0, 1.0).ticks(6), [0.0, 2.0, 4.0, 6.0, 8.0]);
        assert_eq!(
            Scale::from_zero(250.0, 0.0, 1.0).ticks(5),
            [0.0, 50.0, 100.0, 150.0, 200.0, 250.0]
        );
        let log = Scale::log([3.0, 700.0].into_iter(), 0.0, 1.0);
        assert_eq!(log.ticks(10), [2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0]);
        assert_eq!(log.ticks(4), [10.0, 100.0, 1000.0]);
    }

    proptest! {
        #[test]
        fn every_value_is_within_the_axis_and_in_order(
            mut values in proptest::collection::vec(any::<f64>(), 0..20), most in 2_usize..12,
        ) {
            let scale = Scale::fitting(&values, 100.0, 500.0);
            prop_assert!(values.iter().all(|value| (100.0..=600.0).contains(&scale.at(*value))));
            values.sort_by(f64::total_cmp);
            let finite: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
            let places: Vec<f64> = finite.iter().map(|value| scale.at(*value)).collect();
            prop_assert!(places.is_sorted());
            let ticks = scale.ticks(most);
            prop_assert!(ticks.len() <= most + 2, "{ticks:?}");
        }
    }
}
