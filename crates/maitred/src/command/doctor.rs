//! `maitred doctor`: what this machine can measure and what it cannot, and why; how fast it
//! computes; what the instrument itself costs.

use std::fs;
use std::time::{Duration, Instant};

use maitred_core::analyse::stats;
use maitred_core::result::Machine;
use maitred_core::trace::Observed;
use maitred_core::view::units;
use maitred_wire::Ready;

use crate::cli::DoctorArgs;
use crate::error::Error;
use maitred_engine::Engine;
use maitred_engine::measure::calibration::Calibrations;
use maitred_engine::measure::recorder::SwitchRecorder;
use maitred_engine::measure::{limits, machine};
use maitred_engine::runtime::overhead::{self, Load};
use maitred_engine::runtime::{Interrupt, RunnerCommand, STARTUP_LIMIT, describe};
use maitred_engine::runtimes::Runtime;

/// Everything, as text.
///
/// # Errors
/// [`Error::failed`] when not even the native runner can be started.
pub(crate) fn text(args: &DoctorArgs) -> Result<String, Error> {
    let engine = Engine::of_this_program()?;
    let mut text = machine_lines();
    text.push_str(&measuring_lines());
    text.push_str(&scheduling_lines(&engine));
    text.push_str(&limit_lines());
    text.push_str(&timer_lines());
    let cancel = super::cancel()?;
    let runtimes = engine.runtimes(&args.pythons, true, &cancel)?;
    for runtime in runtimes.all() {
        match &runtime.ready {
            None => text.push_str(&runtime_lines(runtime, args.recalibrate, cancel.interrupt())?),
            Some(ready) => text.push_str(&interpreter_lines(&runtime.name, ready)),
        }
    }
    Ok(text)
}

fn section(title: &str, lines: &[(&str, String)]) -> String {
    let mut text = format!("{title}\n");
    for (name, value) in lines {
        text.push_str(&format!("  {name:<22}{value}\n"));
    }
    text.push('\n');
    text
}

fn machine_lines() -> String {
    let facts = machine::describe();
    let virtualization = facts.virtualization.clone().unwrap_or_else(|| "none seen".into());
    section(
        "Machine",
        &[
            ("processor", format!("{}, {}", facts.cpu, facts.architecture)),
            ("usable processors", usable(&facts)),
            ("memory", units::bytes(facts.memory_bytes)),
            ("kernel", format!("Linux {}", facts.kernel)),
            ("virtualization", virtualization),
            ("identity", format!("{} (results compare where this is equal)", facts.id)),
        ],
    )
}

/// How many processors, of how many, and what a quota allows of them.
fn usable(facts: &Machine) -> String {
    let usable = units::processors(facts.processors());
    match machine::online_cores().filter(|all| *all > facts.cores) {
        None => usable,
        Some(all) => format!(
            "{usable}; the machine has {all}, an affinity mask or cpuset keeps us from the rest"
        ),
    }
}

/// What can be measured: each thing, whether it can, and by what.
fn measuring_lines() -> String {
    let pressure = readable("/proc/pressure/cpu").map(|_| {
        "yes, /proc/pressure/cpu; who waited for a processor is known, ours or others".into()
    });
    let memory = readable("/proc/self/smaps_rollup")
        .map(|_| "yes, sampled: PSS of the whole process tree (/proc/PID/smaps_rollup)".to_owned());
    let delay = readable("/proc/self/schedstat")
        .map(|_| "yes, /proc/PID/task/TID/schedstat: run-queue wait".to_owned());
    let steal = readable("/proc/stat").map(|_| "yes, /proc/stat: steal".to_owned());
    section(
        "Measuring",
        &[
            ("processor time", "yes, exact: wait4 of the whole process tree".into()),
            ("context switches", "yes, exact: wait4, voluntary and involuntary".into()),
            ("memory", answer(memory)),
            ("pressure", answer(pressure)),
            ("run queue delay", answer(delay)),
            ("hypervisor", answer(steal)),
        ],
    )
}

fn readable(path: &str) -> Observed<()> {
    match fs::read(path) {
        Ok(_) => Observed::Known(()),
        Err(error) => Observed::Unknown(format!("{path}: {error}")),
    }
}

fn answer(observed: Observed<String>) -> String {
    match observed {
        Observed::Known(text) => text,
        Observed::Unknown(why) => format!("no: {why}"),
    }
}

/// Whether the kernel lets us record who ran on which processor, what would make it, and what
/// that costs.
fn scheduling_lines(engine: &Engine) -> String {
    let title = "What the kernel saw (run, and one run more of compare)";
    let recorder = SwitchRecorder::open();
    if let Some(why) = recorder.refusal() {
        let samples = readable("/proc/self/schedstat")
            .map(|()| "yes, /proc/PID/task/TID/schedstat, every few milliseconds".to_owned());
        return section(
            title,
            &[("every switch", format!("no: {why}")), ("samples instead", answer(samples))],
        );
    }
    drop(recorder);
    let level = fs::read_to_string("/proc/sys/kernel/perf_event_paranoid").unwrap_or_default();
    let allowed = format!("yes, perf_event_open (kernel.perf_event_paranoid = {})", level.trim());
    let mut lines = vec![("every switch", allowed)];
    let program = RunnerCommand::new(engine.program(), ["runner"]);
    let (mut records, mut lost, mut reader_cpu_ns) = (0, 0, 0);
    for load in Load::ALL {
        let label = match load {
            Load::Switches => "costs a switch",
            Load::Threads => "costs a thread",
            Load::Forks => "costs a process",
        };
        match overhead::measure(load, &program) {
            Ok(cost) => {
                lines.push((label, paired(&cost.differences_ns)));
                if load == Load::Switches {
                    (records, lost, reader_cpu_ns) = (cost.records, cost.lost, cost.reader_cpu_ns);
                }
            }
            Err(error) => lines.push((label, format!("unknown: {error}"))),
        }
    }
    if let Some(each_ns) = reader_cpu_ns.checked_div(records) {
        let lost = if lost == 0 { "none".to_owned() } else { units::count(lost) };
        lines.push((
            "reading a record",
            format!(
                "{} of maitred's processor time; of {} records {lost} were lost",
                units::duration(each_ns),
                units::count(records),
            ),
        ));
    }
    section(title, &lines)
}

/// The median of differences, and what they lie between; sorted.
fn paired(differences_ns: &[f64]) -> String {
    let (Some(&least), Some(&most)) = (differences_ns.first(), differences_ns.last()) else {
        return "unknown".into();
    };
    let signed = |ns: f64| {
        let sign = if ns < 0.0 { "−" } else { "+" };
        format!("{sign}{}", units::duration(ns.abs() as u64))
    };
    let between = format!(
        "{} to {} in {} pairs with and without",
        signed(least),
        signed(most),
        differences_ns.len()
    );
    if least <= 0.0 {
        format!("nothing that stands out of the noise: {between}")
    } else {
        let median = stats::median(differences_ns).unwrap_or_default();
        format!("{} of processor time ({between})", signed(median))
    }
}

fn limit_lines() -> String {
    let allowed = |demand: &dyn Fn(u64) -> limits::Demand| {
        let most = limits::most(demand);
        let why = limits::check(&demand(most + 1)).err();
        match why {
            Some(why) => format!("{} ({why})", units::count(most)),
            None => format!("{} and more", units::count(most)),
        }
    };
    section(
        "Limits",
        &[
            (
                "threads at once",
                allowed(&|threads| limits::Demand { threads, ..limits::Demand::default() }),
            ),
            (
                "processes at once",
                allowed(&|processes| limits::Demand { processes, ..limits::Demand::default() }),
            ),
        ],
    )
}

/// How much longer a wait of a millisecond is than it should be.
fn timer_lines() -> String {
    let wanted = Duration::from_millis(1);
    let late = (0..100).map(|_| {
        let before = Instant::now();
        std::thread::sleep(wanted);
        before.elapsed().saturating_sub(wanted).as_nanos() as u64
    });
    let mut late: Vec<u64> = late.collect();
    let text = match stats::percentiles(&mut late, [500, 990]) {
        Some([half, most]) => format!(
            "a wait of 1 ms is {} too long in half of the cases, {} in 99 % of them",
            units::duration(half),
            units::duration(most)
        ),
        None => "unknown".into(),
    };
    section("Timers", &[("sleep", text)])
}

/// What one question told; `maitred runtimes` says more.
fn interpreter_lines(name: &str, ready: &Ready) -> String {
    let strategies: Vec<_> = ready.strategies().iter().map(ToString::to_string).collect();
    let span = ready.span_cost_ns.map_or("unknown".into(), |cost| units::duration(cost as u64));
    let lock = if ready.gil == Some(false) { "off" } else { "on" };
    section(
        &format!("Runtime {name}"),
        &[
            ("version", format!("{} {}, GIL {lock}", ready.runtime, ready.version)),
            ("strategies", strategies.join(", ")),
            ("computes", format!("{} units a second, now", units::count(ready.calibration as u64))),
            ("recording costs", format!("{span} a span, its clock reading included")),
        ],
    )
}

fn runtime_lines(
    runtime: &Runtime,
    recalibrate: bool,
    interrupt: &Interrupt,
) -> Result<String, Error> {
    let mut starts = Vec::new();
    let mut ready: Option<Ready> = None;
    for _ in 0..3 {
        let before = Instant::now();
        let answer = describe(&runtime.runner, STARTUP_LIMIT, interrupt)
            .map_err(|error| Error::failed(error.to_string()))?;
        starts.push(before.elapsed());
        let faster = ready.as_ref().is_none_or(|one| one.calibration < answer.calibration);
        if faster {
            ready = Some(answer);
        }
    }
    let Some(ready) = ready else { return Ok(String::new()) };
    let calibrations = Calibrations::of_user();
    let (identity, id) = (runtime.runner.identity(), machine::describe().id);
    let kept = calibrations.get(&identity, &id);
    if kept.is_none() || recalibrate {
        calibrations.put(&identity, &id, ready.calibration);
    }
    let speed = match kept.filter(|_| !recalibrate) {
        Some(kept) => format!(
            "{} units a second, kept from before; now {}",
            units::count(kept as u64),
            units::count(ready.calibration as u64)
        ),
        None => {
            format!("{} units a second, kept from now on", units::count(ready.calibration as u64))
        }
    };
    let span = ready.span_cost_ns.map_or("unknown".into(), |cost| {
        format!("{} a span, its clock reading included", units::duration(cost as u64))
    });
    let fastest = starts.into_iter().min().unwrap_or_default().as_nanos() as u64;
    let strategies: Vec<_> = ready.strategies().iter().map(ToString::to_string).collect();
    Ok(section(
        &format!("Runtime {}", runtime.name),
        &[
            ("version", format!("{} {}", ready.runtime, ready.version)),
            ("strategies", strategies.join(", ")),
            ("computes", speed),
            ("recording costs", span),
            ("start to answer", format!("{}, calibration included", units::duration(fastest))),
        ],
    ))
}
