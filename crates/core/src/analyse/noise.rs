//! Whether something else disturbed a run, and what, in words. Judges by cause, never by how long
//! the run took: a round is left out because others took the processors, not because it was slow.
//! Reads figures; measures nothing and tunes nothing.

use alloc::format;
use alloc::string::String;

use super::units;
use crate::trace::Noise;

/// Others may use so much of the processors before a run that leaves room for them is disturbed.
const OTHERS: f64 = 0.25;
/// Others may use so much where the processors are full.
const OTHERS_WHEN_FULL: f64 = 0.05;
/// From here on the processors are full: others and the run get in each other's way.
const FULL: f64 = 0.85;
/// The hypervisor may take so much: time that is gone for whoever runs.
const STEAL: f64 = 0.03;
/// So much waiting for a processor beyond what the run itself can cause is somebody else's.
const PRESSURE: f64 = 0.15;

/// What the run itself did during its work phase.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Own {
    pub wall_ns: u64,
    /// Processor time of its whole tree; `None`: not known.
    pub cpu_ns: Option<u64>,
    /// How many threads could be runnable at one time.
    pub threads: u32,
    /// Processors that it may use.
    pub cores: u32,
}

/// Why the run should not be trusted, as the end of a sentence; `None`: nothing speaks against
/// it. What is not known speaks for nobody.
pub fn dirty(noise: &Noise, own: &Own) -> Option<String> {
    let cores = f64::from(own.cores.max(1));
    let used = own.cpu_ns.map(|cpu| cpu as f64 / own.wall_ns.max(1) as f64);
    if let Some(steal) = noise.steal.filter(|steal| *steal >= STEAL) {
        return Some(format!(
            "the hypervisor took {} of the processor time",
            units::percent(steal)
        ));
    }
    if let Some(others) = noise.others {
        let full = used.is_none_or(|used| used / cores + others >= FULL);
        if others >= OTHERS || full && others >= OTHERS_WHEN_FULL {
            return Some(format!(
                "other processes used {} of the processors",
                units::percent(others)
            ));
        }
    }
    let pressure = noise.pressure?;
    // A thread of ours waits for a processor only while one is taken. With no more threads than
    // processors none of ours need take another's; with more, ours can cause no more waiting
    // than they compute.
    let ours = if own.threads <= own.cores { 0.0 } else { used?.min(1.0) };
    // Nor is it somebody else's where a quota keeps ours from a processor that is free.
    let throttled_ns = noise.throttled.map_or(0, |throttled| throttled.ns);
    let throttled = (throttled_ns as f64 / own.wall_ns.max(1) as f64).min(1.0);
    (pressure - ours - throttled >= PRESSURE).then(|| {
        let share = units::percent(pressure);
        let needed = used.map_or_else(|| "few".into(), units::cores);
        format!("somebody waited for a processor {share} of the time, though the run needed {needed} of {}", own.cores)
    })
}

/// Whether others leave the processors alone, as far as it is known: work that fills them would not be
/// disturbed.
pub fn is_quiet(noise: &Noise) -> bool {
    noise.others.is_some_and(|others| others < OTHERS_WHEN_FULL)
        && noise.pressure.is_none_or(|pressure| pressure < PRESSURE)
        && noise.steal.is_none_or(|steal| steal < STEAL)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Throttled;
    use expect_test::expect;

    const MS: u64 = 1_000_000;

    fn judge(noise: &Noise, cpu_ms: u64, threads: u32) -> String {
        let own = Own { wall_ns: 100 * MS, cpu_ns: Some(cpu_ms * MS), threads, cores: 2 };
        dirty(noise, &own).unwrap_or_else(|| "clean".into())
    }

    #[test]
    fn noise_is_named_by_cause() {
        let others = |share| Noise { others: Some(share), ..Noise::default() };
        let steal = |share| Noise { steal: Some(share), ..Noise::default() };
        expect!["other processes used 43 % of the processors"].assert_eq(&judge(
            &others(0.43),
            1,
            1,
        ));
        expect!["other processes used 8.0 % of the processors"].assert_eq(&judge(
            &others(0.08),
            190,
            2,
        ));
        expect!["the hypervisor took 12 % of the processor time"].assert_eq(&judge(
            &steal(0.12),
            1,
            1,
        ));
        let pressure = Noise { pressure: Some(0.4), ..Noise::default() };
        expect![
            "somebody waited for a processor 40 % of the time, though the run needed 0.10 of 2"
        ]
        .assert_eq(&judge(&pressure, 10, 1));
    }

    #[test]
    fn what_the_run_does_to_itself_is_no_noise() {
        let pressure = Noise { pressure: Some(0.98), ..Noise::default() };
        assert_eq!(judge(&pressure, 198, 8), "clean", "eight threads compute on two cores");
        assert_ne!(judge(&pressure, 198, 2), "clean", "two threads on two cores need not wait");
        let some = Noise { pressure: Some(0.3), ..Noise::default() };
        assert_eq!(judge(&some, 20, 1000), "clean", "a thousand wake at once");
        assert_ne!(judge(&some, 2, 1000), "clean", "they computed too little to explain it");
    }

    #[test]
    fn what_a_quota_does_is_no_noise() {
        let throttled = Some(Throttled { periods: 1, ns: 50 * MS });
        let pressure = Noise { pressure: Some(0.5), throttled, ..Noise::default() };
        assert_eq!(judge(&pressure, 50, 1), "clean");
        assert_ne!(judge(&Noise { throttled: None, ..pressure }, 50, 1), "clean");
    }

    #[test]
    fn a_quiet_machine_is_one_of_which_it_is_known() {
        let idle = Noise { others: Some(0.02), ..Noise::default() };
        assert!(is_quiet(&idle));
        assert!(!is_quiet(&Noise { others: Some(0.06), ..idle.clone() }));
        assert!(!is_quiet(&Noise { pressure: Some(0.2), ..idle.clone() }));
        assert!(!is_quiet(&Noise { steal: Some(0.04), ..idle }));
        assert!(!is_quiet(&Noise::default()));
    }

    #[test]
    fn little_noise_and_the_unknown_are_clean() {
        let little = Noise {
            pressure: Some(0.1),
            others: Some(0.04),
            steal: Some(0.01),
            ..Noise::default()
        };
        assert_eq!(judge(&little, 190, 2), "clean");
        assert_eq!(judge(&Noise::default(), 190, 2), "clean");
        let room = Noise { others: Some(0.2), ..Noise::default() };
        assert_eq!(judge(&room, 5, 1), "clean", "there was room for both");
    }
}
