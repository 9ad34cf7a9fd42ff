//! How often a page hears how far a run is. Each time costs it processor time, which is taken from what is
//! measured, and more than five or six times a second nobody sees.

use std::time::{Duration, Instant};

/// Between two tidings, on the average: what is late does not delay those behind it.
const REST: Duration = Duration::from_millis(180);

/// When the next one is due.
#[derive(Debug, Default)]
pub(super) struct Pace {
    due: Option<Instant>,
}

impl Pace {
    /// Whether one that comes now is told.
    pub(super) fn allows(&mut self, now: Instant) -> bool {
        match self.due {
            Some(due) if now < due => false,
            Some(due) => {
                self.due = Some((due + REST).max(now));
                true
            }
            None => {
                self.due = Some(now + REST);
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_ten_tidings_a_second_five_or_six_are_told() {
        let (begun, mut pace) = (Instant::now(), Pace::default());
        let at = |tick: u64| begun + Duration::from_millis(tick * 100);
        let told: Vec<u64> = (0..=90).filter(|&tick| pace.allows(at(tick))).collect();
        assert_eq!(told.len(), 51, "{told:?}");
        // After a silence the pace is what it was, and what was missed is not made up for.
        let late: Vec<u64> = (300..310).filter(|&tick| pace.allows(at(tick))).collect();
        assert_eq!(late, [300, 301, 302, 304, 306, 308, 309]);
    }
}
