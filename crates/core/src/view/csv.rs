//! Every run of a comparison as one line of CSV (RFC 4180), for spreadsheets and data frames.
//! Times are nanoseconds; what is not known is an empty field. The columns are [`COLUMNS`].

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::requests;
use crate::analyse::compare;
use crate::result::{Comparison, Contestant, Latency, Run};
use crate::trace::{Observed, ServerUse, Usage};

/// Names and meanings of the columns, in order.
pub const COLUMNS: [(&str, &str); 39] = [
    ("model", "runtime/strategy, with the number of workers if one was asked for"),
    ("runtime", "name and version of the runtime"),
    ("workers", "how many there were"),
    ("round", "counted from 0; runs of one round are pairs"),
    ("mistake", "why the run does not count; empty: it does"),
    ("disturbed", "what disturbed it; empty: nothing"),
    ("startup_ns", "from spawn to ready"),
    ("setup_ns", "making threads, processes, loops"),
    ("work_ns", "the work: the headline"),
    ("teardown_ns", "joining and closing"),
    ("work_user_ns", "processor time of the work in user mode"),
    ("work_system_ns", "processor time of the work in the kernel"),
    ("user_ns", "processor time of the whole tree of processes in user mode"),
    ("system_ns", "processor time of the whole tree of processes in the kernel"),
    ("voluntary", "context switches because a thread had to wait"),
    ("involuntary", "context switches because the kernel took the processor away"),
    ("major_faults", "page faults that needed a disk"),
    ("memory_bytes", "largest sum of PSS that was sampled"),
    ("done", "tasks that are done"),
    ("failed", "tasks that failed"),
    ("lost", "tasks gone with their process"),
    ("not_run", "tasks that never started"),
    ("from_arrival", "true: latency counts from the scheduled arrival, else from the start"),
    ("latency_min_ns", "the least latency of a task that is done"),
    ("latency_p50_ns", "median latency"),
    ("latency_p90_ns", "latency that 90 % do not exceed"),
    ("latency_p99_ns", "latency that 99 % do not exceed"),
    ("latency_max_ns", "the largest latency"),
    ("requests", "how many requests were recorded"),
    ("request_p50_ns", "median time of a request"),
    ("request_p99_ns", "time that 99 % of the requests do not exceed"),
    ("server_cpu_ns", "processor time of all test servers"),
    ("server_grown_bytes", "by how much the test servers grew at most"),
    ("pressure", "share of the time in which somebody waited for a processor"),
    ("others", "share of the processors that others used"),
    ("steal", "share of the processor time that the hypervisor took"),
    ("latency_p999_ns", "latency that 99.9 % do not exceed"),
    (
        "site",
        "here: measured on the machine of the result; remote: on another one; simulated: nowhere",
    ),
    ("answers", "how many requests were answered with which status, as in 200=98 503=2"),
];

/// A header line and a line a run, in order of models, then rounds.
pub fn csv(comparison: &Comparison) -> String {
    let names: Vec<String> = COLUMNS.iter().map(|(name, _)| (*name).to_string()).collect();
    let mut text = line(&names);
    for contestant in &comparison.contestants {
        for run in &contestant.runs {
            text.push_str(&line(&fields(contestant, run)));
        }
    }
    text
}

fn fields(contestant: &Contestant, run: &Run) -> Vec<String> {
    let cpu = run.work_cpu.known();
    let usage = |figure: fn(&Usage) -> u64| number(run.usage.known().map(figure));
    let latency = |figure: fn(&Latency) -> u64| number(run.latency.known().map(figure));
    let share = |share: Option<f64>| share.map_or_else(String::new, |share| share.to_string());
    let from_arrival = run.latency.known().map(|latency| latency.from_arrival.to_string());
    let request = |figure: &dyn Fn(&Latency) -> u64| run.requests.as_ref().map(figure);
    let servers = |figure: fn(&ServerUse) -> &Observed<u64>| {
        let sum = run.servers.iter().map(|server| figure(server).known().copied()).sum();
        number(if run.servers.is_empty() { None } else { sum })
    };
    Vec::from([
        contestant.model.to_string(),
        contestant.runtime.clone(),
        contestant.workers.to_string(),
        run.round.to_string(),
        compare::mistake(run).unwrap_or_default(),
        run.noise.dirty.clone().unwrap_or_default(),
        run.startup_ns.to_string(),
        run.setup_ns.to_string(),
        run.work_ns.to_string(),
        run.teardown_ns.to_string(),
        number(cpu.map(|cpu| cpu.user_ns)),
        number(cpu.map(|cpu| cpu.system_ns)),
        usage(|usage| usage.user_ns),
        usage(|usage| usage.system_ns),
        usage(|usage| usage.voluntary),
        usage(|usage| usage.involuntary),
        usage(|usage| usage.major_faults),
        number(run.memory.known().map(|peak| peak.bytes)),
        run.tasks.done.to_string(),
        run.tasks.failed.to_string(),
        run.tasks.lost.to_string(),
        run.tasks.not_run.to_string(),
        from_arrival.unwrap_or_default(),
        latency(|latency| latency.min_ns),
        latency(|latency| latency.p50_ns),
        latency(|latency| latency.p90_ns),
        latency(|latency| latency.p99_ns),
        latency(|latency| latency.max_ns),
        number(request(&|_| 0).map(|_| requests::number(run))),
        number(request(&|latency| latency.p50_ns)),
        number(request(&|latency| latency.p99_ns)),
        servers(|server| &server.cpu_ns),
        servers(|server| &server.grown_bytes),
        share(run.noise.pressure),
        share(run.noise.others),
        share(run.noise.steal),
        number(run.latency.known().and_then(|latency| latency.p999_ns)),
        contestant.site.name().to_string(),
        run.answers.as_ref().map_or_else(String::new, |answers| requests::statuses(answers, "=")),
    ])
}

fn number(value: Option<u64>) -> String {
    value.map_or_else(String::new, |value| format!("{value}"))
}

fn line(fields: &[String]) -> String {
    let quoted: Vec<String> = fields.iter().map(|field| quote(field)).collect();
    quoted.join(",") + "\r\n"
}

fn quote(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_string()
    }
}
