//! Wall and processor time of the phases of a run. The main type is [`Meter`].

use maitred_wire::{Cpu, Phase};

use crate::ledger::used_by_this_process;
use crate::sys::kernel;

/// A clock that is stopped at the end of every phase.
#[derive(Debug)]
pub(crate) struct Meter {
    start: u64,
    cpu: Cpu,
}

impl Meter {
    pub(crate) fn start() -> Self {
        Self { start: kernel::now(), cpu: used_by_this_process() }
    }

    /// The phase that ended at this moment. The next one begins there.
    pub(crate) fn phase_until(&mut self, end: u64) -> Phase {
        let cpu = used_by_this_process();
        let used = minus(cpu, self.cpu);
        let phase = Phase { start_ns: self.start, end_ns: end, cpu: Some(used) };
        *self = Self { start: end, cpu };
        phase
    }
}

pub(crate) fn plus(a: Cpu, b: Cpu) -> Cpu {
    Cpu { user_ns: a.user_ns + b.user_ns, system_ns: a.system_ns + b.system_ns }
}

/// Never below 0: the kernel's two figures are estimates that can go back a little.
pub(crate) fn minus(a: Cpu, b: Cpu) -> Cpu {
    Cpu {
        user_ns: a.user_ns.saturating_sub(b.user_ns),
        system_ns: a.system_ns.saturating_sub(b.system_ns),
    }
}
