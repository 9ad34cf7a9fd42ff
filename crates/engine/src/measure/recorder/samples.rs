//! Slices from samples: how long a thread ran between two looks is exact, when it did is not. The
//! main type is [`Samples`].

use maitred_core::trace::{Slice, SliceEnd};
use rustc_hash::FxHashMap;

/// So many slices are kept: 64 MB of them.
const SLICES_MAX: usize = 2_000_000;

/// What one look saw of one thread.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) thread: usize,
    /// The processor that it was last on.
    pub(super) cpu: u16,
    /// On a processor since the look before, nanoseconds.
    pub(super) ran_ns: u64,
    /// Ready, or on a processor.
    pub(super) is_ready: bool,
    pub(super) is_gone: bool,
}

/// Puts the slices of all looks together.
#[derive(Debug, Default)]
pub(super) struct Samples {
    slices: Vec<Slice>,
    left_out: u64,
    /// By thread: time that did not fit between the looks, since the kernel's figure of a thread
    /// that is on a processor lags by up to a tick, and then comes at once.
    owed_ns: FxHashMap<usize, u64>,
    /// By thread: what its last slice says of the time after it.
    after: FxHashMap<usize, SliceEnd>,
}

impl Samples {
    /// What was seen at `now_ns`, beside the look at `before_ns`. On each processor the threads
    /// are taken to have run one after another, who is there now last.
    pub(super) fn take(&mut self, before_ns: u64, now_ns: u64, mut seen: Vec<Sample>) {
        seen.sort_by_key(|sample| (sample.cpu, sample.is_ready, sample.thread));
        let (mut cpu, mut free_ns) = (None, before_ns);
        for (place, sample) in seen.iter().enumerate() {
            if cpu != Some(sample.cpu) {
                (cpu, free_ns) = (Some(sample.cpu), before_ns);
            }
            let end = match (sample.is_gone, sample.is_ready) {
                (true, _) => SliceEnd::Exited,
                (false, true) => SliceEnd::Preempted,
                (false, false) => SliceEnd::Blocked,
            };
            let owed = self.owed_ns.entry(sample.thread).or_default();
            let ran_ns = *owed + sample.ran_ns;
            let fits_ns = ran_ns.min(now_ns - free_ns);
            *owed = ran_ns - fits_ns;
            let is_last = seen.get(place + 1).is_none_or(|next| Some(next.cpu) != cpu);
            // Who is ready last on its processor is on it now.
            let start_ns = if is_last && sample.is_ready { now_ns - fits_ns } else { free_ns };
            // Without a slice only a change is worth saying.
            if fits_ns > 0 || self.after.get(&sample.thread) != Some(&end) {
                self.after.insert(sample.thread, end);
                let (thread, end_ns) = (sample.thread as u32, start_ns + fits_ns);
                self.keep(Slice { start_ns, end_ns, thread, cpu: sample.cpu, end });
                free_ns = end_ns;
            }
        }
    }

    fn keep(&mut self, slice: Slice) {
        if self.slices.len() < SLICES_MAX {
            self.slices.push(slice);
        } else {
            self.left_out += 1;
        }
    }

    /// By start.
    pub(super) fn finish(mut self) -> Vec<Slice> {
        self.slices.sort_by_key(|slice| slice.start_ns);
        self.slices
    }

    /// How many slices had no room, as a sentence.
    pub(super) fn left_out(&self) -> Option<String> {
        (self.left_out > 0)
            .then(|| format!("{} sampled slices beyond {SLICES_MAX} are left out", self.left_out))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample(thread: usize, cpu: u16, ran_ns: u64, is_ready: bool) -> Sample {
        Sample { thread, cpu, ran_ns, is_ready, is_gone: false }
    }

    #[test]
    fn threads_of_one_processor_have_run_one_after_another() {
        let mut samples = Samples::default();
        samples.take(100, 200, vec![sample(0, 0, 40, true), sample(1, 0, 30, false)]);
        // The figure of thread 0 comes late: more than there is time.
        samples.take(200, 300, vec![sample(0, 0, 130, true), sample(1, 0, 0, false)]);
        samples.take(300, 400, vec![sample(0, 0, 0, false), sample(1, 0, 0, true)]);
        let slices: Vec<_> = samples
            .finish()
            .iter()
            .map(|slice| (slice.thread, slice.start_ns, slice.end_ns, slice.end))
            .collect();
        assert_eq!(
            slices,
            [
                (1, 100, 130, SliceEnd::Blocked),
                (0, 160, 200, SliceEnd::Preempted),
                (0, 200, 300, SliceEnd::Preempted),
                (0, 300, 330, SliceEnd::Blocked),
                (1, 400, 400, SliceEnd::Preempted),
            ]
        );
    }

    proptest! {
        #[test]
        fn no_two_slices_of_a_thread_or_of_a_processor_overlap(
            looks in proptest::collection::vec(
                proptest::collection::vec((0_u16..2, 0_u64..300, any::<bool>()), 5),
                1..20,
            ),
        ) {
            let mut samples = Samples::default();
            for (number, look) in (1..).zip(&looks) {
                let seen = look.iter().enumerate();
                let seen = seen.map(|(thread, one)| sample(thread, one.0, one.1, one.2)).collect();
                samples.take(number * 100, number * 100 + 100, seen);
            }
            let slices = samples.finish();
            let mut free: [u64; 7] = [0; 7];
            for slice in slices {
                for place in [slice.thread as usize, 5 + usize::from(slice.cpu)] {
                    prop_assert!(free[place] <= slice.start_ns, "{slice:?} {free:?}");
                    free[place] = slice.end_ns;
                }
            }
        }
    }
}
