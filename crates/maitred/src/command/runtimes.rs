//! `maitred runtimes`: which runtimes are here, what each can do, and why not the rest.

use maitred_core::view::units;
use maitred_core::workload::StepKind;
use maitred_wire::{Ready, Strategy};

use crate::cli::RuntimesArgs;
use crate::error::Error;
use maitred_engine::Engine;
use maitred_engine::runtime::interpreters::fact;
use maitred_engine::runtimes::Runtime;

/// All of them, as text.
///
/// # Errors
/// [`Error::failed`] when the program cannot find itself.
pub(crate) fn text(args: &RuntimesArgs) -> Result<String, Error> {
    let cancel = super::cancel()?;
    let runtimes = Engine::of_this_program()?.runtimes(&args.pythons, true, &cancel)?;
    let mut text = String::new();
    for runtime in runtimes.all() {
        text.push_str(&section(runtime));
    }
    let is_python = |runtime: &Runtime| runtime.ready.as_ref().is_some_and(is_python);
    if !runtimes.all().iter().any(is_python) && runtimes.unusable().is_empty() {
        text.push_str("no Python was found on PATH; --python PATH names one\n");
    }
    if !runtimes.unusable().is_empty() || !runtimes.lacking().is_empty() {
        text.push_str("cannot be used\n");
    }
    for file in runtimes.unusable() {
        text.push_str(&format!("  {}: it {}\n", file.path.display(), file.why));
    }
    for (name, why) in runtimes.lacking() {
        text.push_str(&format!("  {name}: {why}\n"));
    }
    Ok(text)
}

fn section(runtime: &Runtime) -> String {
    let mut text = format!("{}\n", runtime.name);
    let facts = match &runtime.ready {
        Some(ready) if is_python(ready) => python(ready),
        Some(ready) => other(ready),
        None => vec![("version", env!("CARGO_PKG_VERSION").to_owned())],
    };
    let names: Vec<_> = runtime.strategies.iter().map(ToString::to_string).collect();
    let missing = match &runtime.ready {
        Some(ready) if is_python(ready) => {
            Strategy::ALL.iter().filter_map(|strategy| lacks(ready, *strategy)).collect()
        }
        Some(ready) => not_done(ready),
        None => vec!["interpreters: only Python has them".to_owned()],
    };
    let strategies = [("strategies", names.join(", "))].into_iter();
    let missing = missing.into_iter().map(|why| ("not", why));
    for (name, value) in facts.into_iter().chain(strategies).chain(missing) {
        text.push_str(&format!("  {name:<12}{value}\n"));
    }
    text.push('\n');
    text
}

/// Whether it is an interpreter of Python itself, and not what runs on one.
fn is_python(ready: &Ready) -> bool {
    fact(ready, "free-threaded build").is_some() && matches!(&*ready.runtime, "cpython" | "pypy")
}

fn other(ready: &Ready) -> Vec<(&'static str, String)> {
    let mut lines = vec![("version", ready.version.clone())];
    let path = fact(ready, "executable").map(|path| ("path", path.to_owned()));
    let build = ready.build.clone().map(|build| ("build", build));
    let warm_up = ready.warm_up_ns.map(|ns| ("warm-up", units::duration(ns)));
    let cost = ready.span_cost_ns;
    let cost = cost.map(|ns| ("recording", format!("{} a span", units::duration(ns as u64))));
    lines.extend([path, build, warm_up, cost].into_iter().flatten());
    lines
}

/// Strategies that this version does not know, and steps of which the runner did not say that it does them.
fn not_done(ready: &Ready) -> Vec<String> {
    let unknown = ready.unknown_strategies();
    let unknown = unknown.map(|name| format!("{name}: this maitred does not know such a strategy"));
    unknown.chain(steps_not_done(ready)).collect()
}

fn steps_not_done(ready: &Ready) -> Option<String> {
    let can = ready.steps.as_ref()?;
    // Who waits for what it is to hold does the same step.
    let kinds = StepKind::ALL.into_iter().filter(|kind| *kind != StepKind::Acquire);
    let names = kinds.map(StepKind::name).filter(|name| can.iter().all(|one| one != name));
    let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
    match &names[..] {
        [] => None,
        [one] => Some(format!("the step {one}")),
        [first @ .., last] => Some(format!("the steps {} and {last}", first.join(", "))),
    }
}

fn python(ready: &Ready) -> Vec<(&'static str, String)> {
    let known = |name| fact(ready, name).unwrap_or("unknown").to_owned();
    let version = match ready.runtime.as_str() {
        "cpython" => format!("CPython {}", ready.version),
        "pypy" => format!("PyPy {} (Python {})", ready.version, known("language")),
        other => format!("{other} {}", ready.version),
    };
    let state = |on: Option<bool>| match on {
        Some(true) => "on",
        Some(false) => "off",
        None => "none",
    };
    let lock = match (ready.gil, fact(ready, "free-threaded build")) {
        (Some(true), Some("yes")) => "on, though it was built to do without".to_owned(),
        (gil, _) => state(gil).to_owned(),
    };
    let mut lines = vec![
        ("version", version),
        ("path", known("executable")),
        ("build", ready.build.clone().unwrap_or_default()),
        ("GIL", lock),
        ("JIT", state(ready.jit).to_owned()),
        (
            "processes",
            format!("{} (by default {})", known("start methods"), known("default start method")),
        ),
        ("uvloop", known("uvloop")),
    ];
    if let Some(home) = fact(ready, "virtual environment").filter(|home| *home != "no") {
        lines.insert(2, ("environment", home.to_owned()));
    }
    if let Some(cost) = ready.span_cost_ns {
        lines.push(("recording", format!("{} a span", units::duration(cost as u64))));
    }
    lines
}

/// `interpreters: they need CPython 3.14 or later`.
fn lacks(ready: &Ready, strategy: Strategy) -> Option<String> {
    if ready.properties(strategy).is_some() {
        return None;
    }
    let own = match strategy {
        Strategy::AsyncPool => "its event loops run on one thread",
        _ => "it does not offer it",
    };
    let why = fact(ready, &format!("no {strategy}")).unwrap_or(own);
    Some(format!("{strategy}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_that_a_runner_does_not_do_are_named() {
        let ready = |steps: &str| -> Ready {
            let text = format!(
                r#"{{"protocol":2,"runtime":"r","version":"1","strategies":[],"pid":1,
                "calibration":1e8,"facts":[],"steps":{steps}}}"#
            );
            serde_json::from_str(&text).unwrap()
        };
        let named: Vec<_> = StepKind::ALL.into_iter().map(StepKind::name).collect();
        let but = |left_out: &[&str]| {
            let names: Vec<_> = named.iter().filter(|name| !left_out.contains(name)).collect();
            steps_not_done(&ready(&serde_json::to_string(&names).unwrap()))
        };
        assert_eq!(but(&[]), None);
        assert_eq!(but(&["call"]).as_deref(), Some("the step `call`"));
        assert_eq!(
            but(&["send", "receive", "call"]).as_deref(),
            Some("the steps `send`, `receive` and `call`")
        );
        assert_eq!(steps_not_done(&ready("null")), None, "it does all");
    }
}
