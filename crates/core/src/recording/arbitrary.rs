//! Traces of any content, sound or not, for property tests: what a reader must bear.

use alloc::string::String;

use maitred_wire::Strategy;
use maitred_wire::trace_file::{Role, TaskOutcome};
use proptest::collection::vec as vec_of;
use proptest::option::of;
use proptest::prelude::*;

use crate::trace::sample::tables;
use crate::trace::{
    Gap, Group, Kinds, Lane, LaneCounters, Observed, Scheduling, Slice, SliceEnd, Source, Span,
    Task, Thread, Trace, WaitCause, WaitLook, Waits,
};

prop_compose! {
    fn lane()(
        (pid, tid, role, tasks_ended) in any::<(u32, u32, u32, u32)>(),
        dropped in any::<u64>(),
        counters in of(any::<(u64, Option<u64>, u32, u32)>()),
    ) -> Lane {
        let counters = counters.map(|(cpu_ns, run_delay_ns, voluntary, involuntary)| {
            LaneCounters { cpu_ns, run_delay_ns, voluntary, involuntary }
        });
        Lane { pid, tid, role: Role::from_u32(role % 4), tasks_ended, dropped, counters }
    }
}

/// Times of a real clock as well as such as no clock shows.
fn time() -> impl proptest::strategy::Strategy<Value = u64> {
    prop_oneof![Just(0), 1_000_000_000_u64..1_000_900_000, any::<u64>()]
}

prop_compose! {
    fn task()(
        (start_ns, end_ns) in (time(), time()),
        (lane, step, outcome) in any::<(u32, Option<u32>, u32)>(),
    ) -> Task {
        Task { start_ns, end_ns, lane, step, outcome: TaskOutcome::from_u32(outcome % 4) }
    }
}

prop_compose! {
    fn span()(
        (start_ns, end_ns) in (time(), time()),
        (task, step, lane) in any::<(u32, u32, u32)>(),
    ) -> Span {
        Span { task, step, lane, start_ns, end_ns }
    }
}

prop_compose! {
    fn slice()(
        (start_ns, end_ns) in (time(), time()),
        (thread, cpu, end) in any::<(u32, u16, u8)>(),
    ) -> Slice {
        let end = [SliceEnd::Blocked, SliceEnd::Preempted, SliceEnd::Exited, SliceEnd::Unknown]
            [usize::from(end % 4)];
        Slice { start_ns, end_ns, thread, cpu, end }
    }
}

prop_compose! {
    fn thread()(
        (pid, tid, parent) in any::<(u32, u32, Option<u32>)>(),
        figures in any::<[Option<u64>; 5]>(),
        (start_ns, end_ns, counted_ns) in (time(), time(), time()),
        name in any::<String>(),
    ) -> Thread {
        let [run_delay_ns, cpu_ns, voluntary, involuntary, migrations] = figures;
        Thread {
            pid,
            tid,
            name,
            parent,
            start_ns,
            end_ns,
            run_delay_ns,
            cpu_ns,
            counted_ns,
            voluntary,
            involuntary,
            migrations,
        }
    }
}

prop_compose! {
    fn scheduling()(
        every in of(any::<u64>()),
        cpus in vec_of(any::<u16>(), 0..4),
        threads in vec_of(thread(), 0..20),
        mut slices in vec_of(slice(), 0..300),
        (records, lost, reader_cpu_ns) in any::<(u64, u64, Option<u64>)>(),
        gaps in vec_of(any::<(u64, u64, u16)>(), 0..3),
        missing in vec_of(any::<String>(), 0..2),
    ) -> Scheduling {
        slices.sort_by_key(|slice| slice.start_ns);
        let source = every.map_or(Source::Switches, |every_ns| Source::Samples { every_ns });
        let gap = |(start_ns, end_ns, cpu)| Gap { start_ns, end_ns, cpu };
        let gaps = gaps.into_iter().map(gap).collect();
        let kinds = Kinds { came: records, execs: lost, ..Kinds::default() };
        let look = WaitLook { ns: records, pid: 1, tid: 2, cause: WaitCause::Gil };
        let waits = reader_cpu_ns.map(|left_out| Waits { looks: [look].to_vec(), left_out, refused: None });
        Scheduling { source, cpus, threads, slices, records, kinds, lost, gaps, reader_cpu_ns, waits, missing }
    }
}

prop_compose! {
    pub(crate) fn trace()(
        lanes in vec_of(lane(), 0..20),
        tasks in vec_of(task(), 0..50),
        mut spans in vec_of(span(), 0..300),
        scheduling in of(scheduling()),
        arrivals_ns in vec_of(any::<u64>(), 0..20),
        log in any::<String>(),
    ) -> Trace {
        spans.sort_by_key(|span| span.start_ns);
        let mut trace = tables(2, 1).run(Strategy::Threads, 2);
        let second = Group { name: "second".into(), arrivals_ns, ..trace.groups[0].clone() };
        trace.groups.push(second);
        let scheduling = match scheduling {
            None => Observed::Unknown("nobody looked".into()),
            Some(scheduling) => Observed::Known(scheduling),
        };
        Trace { lanes, tasks, spans, scheduling, log, ..trace }
    }
}
