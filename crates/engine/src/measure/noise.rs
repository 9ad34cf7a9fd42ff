//! What else went on on the machine while a run did: pressure, other programs, the hypervisor.
//! Figures only; whether they spoil a run is decided elsewhere. The main type is [`Snapshot`].

use maitred_core::trace::{Noise, Throttled};
use maitred_core::view::units;
use maitred_kernel::ticks_per_second;

use super::cgroup::{CpuLimit, OomKills};
use super::{clock, procfs};

/// /proc/stat counts in ticks of (mostly) 10 ms a processor: over less than this many, rounding is
/// as large as what is measured.
const TICKS_WORTH_READING: u64 = 20;

/// The machine's counters at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Snapshot {
    at_ns: u64,
    pressure_ns: Option<u64>,
    ticks: Option<Ticks>,
    throttled: Option<Throttled>,
}

/// Processor time of the whole machine since it was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ticks {
    busy: u64,
    steal: u64,
    total: u64,
}

impl Snapshot {
    /// Reads the counters.
    pub(crate) fn take() -> Self {
        Self {
            at_ns: clock::now_ns(),
            pressure_ns: procfs::text("/proc/pressure/cpu").and_then(|text| pressure_ns(&text)),
            ticks: procfs::text("/proc/stat").and_then(|text| ticks(&text)),
            throttled: CpuLimit::here().and_then(CpuLimit::throttled),
        }
    }

    /// The noise since this moment: pressure and throttling until `worked`, the shares until `ended`, when the
    /// whole tree was reaped and its CPU time since this moment is known exactly.
    pub(crate) fn noise(&self, worked: &Self, ended: &Self, tree_cpu_ns: Option<u64>) -> Noise {
        let passed_ns = worked.at_ns.saturating_sub(self.at_ns);
        let pressure = worked.pressure_ns.zip(self.pressure_ns).filter(|_| passed_ns > 0);
        let ticks = ended.ticks.zip(self.ticks).and_then(|(end, start)| end.since(start));
        Noise {
            pressure: pressure.map(|(end, start)| share(end.saturating_sub(start), passed_ns)),
            others: ticks.zip(tree_cpu_ns).map(|(ticks, tree_cpu_ns)| {
                let tick_ns = 1_000_000_000 / ticks_per_second();
                share((ticks.busy * tick_ns).saturating_sub(tree_cpu_ns), ticks.total * tick_ns)
            }),
            steal: ticks.map(|ticks| share(ticks.steal, ticks.total)),
            throttled: worked.throttled.zip(self.throttled).map(|(end, start)| Throttled {
                periods: end.periods.saturating_sub(start.periods),
                ns: end.ns.saturating_sub(start.ns),
            }),
            dirty: None,
        }
    }
}

impl Ticks {
    /// What was counted in between; `None` when that is too little to say anything.
    fn since(self, start: Self) -> Option<Self> {
        let passed = Self {
            busy: self.busy.saturating_sub(start.busy),
            steal: self.steal.saturating_sub(start.steal),
            total: self.total.saturating_sub(start.total),
        };
        (passed.total >= TICKS_WORTH_READING).then_some(passed)
    }
}

/// How often the kernel has killed for want of memory, in our control groups and on the machine.
#[derive(Clone, Debug, Default)]
pub(crate) struct Killings {
    ours: OomKills,
    anywhere: Option<u64>,
}

impl Killings {
    /// Until now.
    pub(crate) fn count() -> Self {
        let anywhere = procfs::text("/proc/vmstat");
        let anywhere = anywhere.and_then(|text| procfs::field_number(&text, "oom_kill "));
        Self { ours: OomKills::here(), anywhere }
    }

    /// What ran out of memory between the two, as a sentence's end; `None`: nothing did.
    pub(crate) fn since(&self, before: &Self) -> Option<String> {
        if let Some((file, bytes)) = self.ours.ran_out_since(&before.ours) {
            return Some(format!(
                "the control group ran out of memory ({} allows {}), and the kernel killed for it",
                file.display(),
                units::bytes(bytes)
            ));
        }
        (self.anywhere > before.anywhere).then(|| {
            "the kernel's count of processes killed for want of memory rose meanwhile, so the \
             machine or a control group ran out of it"
                .to_owned()
        })
    }
}

fn share(part: u64, whole: u64) -> f64 {
    (part as f64 / whole as f64).min(1.0)
}

/// The microseconds at the end of `some avg10=0.00 avg60=0.00 avg300=0.00 total=8216921`;
/// Documentation/accounting/psi.rst of the kernel.
fn pressure_ns(text: &str) -> Option<u64> {
    let micros: u64 = procfs::field(text, "some")?.rsplit_once("total=")?.1.parse().ok()?;
    Some(micros * 1000)
}

/// The line `cpu  user nice system idle iowait irq softirq steal …` of proc_stat(5). Time of guests
/// is contained in user and nice.
fn ticks(text: &str) -> Option<Ticks> {
    let words = procfs::field(text, "cpu ")?.split_whitespace();
    let figures: Vec<u64> = words.take(8).map(str::parse).collect::<Result<_, _>>().ok()?;
    let [user, nice, system, idle, waiting, irq, softirq, steal] = figures.try_into().ok()?;
    let busy = user + nice + system + irq + softirq;
    Some(Ticks { busy, steal, total: busy + steal + idle + waiting })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_are_read_as_the_kernel_documents_them() {
        let pressure =
            "some avg10=0.74 avg60=0.61 avg300=0.51 total=8216921\nfull avg10=0.00 total=7";
        assert_eq!(pressure_ns(pressure), Some(8_216_921_000));
        let stat = "cpu  100 20 30 4000 500 6 7 80 9 9\ncpu0 1 1 1 1 1 1 1 1 1 1\n";
        assert_eq!(ticks(stat), Some(Ticks { busy: 163, steal: 80, total: 4743 }));
        assert_eq!(ticks("cpu  1 2 3"), None);
        assert_eq!(pressure_ns(""), None);
    }

    #[test]
    fn shares_follow_from_what_passed() {
        let at = |at_ns, pressure_ns, busy, steal, total| Snapshot {
            at_ns,
            pressure_ns: Some(pressure_ns),
            ticks: Some(Ticks { busy, steal, total }),
            throttled: Some(Throttled { periods: busy, ns: 2 * busy }),
        };
        let tick_ns = 1_000_000_000 / ticks_per_second();
        let (start, end) = (at(0, 5, 1000, 10, 5000), at(100, 30, 1060, 20, 5100));
        let noise = start.noise(&end, &end, Some(35 * tick_ns));
        assert_eq!(noise.pressure, Some(0.25));
        assert_eq!(noise.others, Some(0.25));
        assert_eq!(noise.steal, Some(0.1));
        assert_eq!(noise.throttled, Some(Throttled { periods: 60, ns: 120 }));
        assert_eq!(start.noise(&end, &end, None).others, None, "unknown is not zero");
        let soon = at(100, 30, 1005, 11, 5010);
        assert_eq!(start.noise(&soon, &soon, Some(0)).steal, None, "too short to tell");
    }

    #[test]
    fn this_machine_counts_its_processor_time() {
        assert!(Snapshot::take().ticks.is_some());
    }
}
