//! What may be asked on the command line of a bench: the main type is [`Options`].

use std::ffi::OsString;
use std::path::PathBuf;

use maitred_core::workload::parse_duration;
use maitred_engine::request;
use pico_args::Arguments;

/// The words that come first where this program is started again.
pub(crate) const AGAIN: &str = "--maitred";

pub(crate) const HELP: &str = "\
Compares functions under several concurrency models, as the program says or as is asked here.
As with other benches, without --bench (as `cargo test` starts it) everything runs once, to see that it works.

  cargo bench -- [NAME…] [OPTIONS]     those whose name contains one of these

      --list              Say the names
      --test              Run everything once
      --run               Run once under one model (--model), with what every worker did
      --call NAME         Of several functions, only this one
      --models A,B,…      RUNTIME/STRATEGY[:WORKERS], as in rayon/thread-pool:4
      --model MODEL       The same of one
      --runs N            So many rounds, in the place of as many as decide the ranking
      --budget TIME       No further round is started when this is spent
      --warmup N          Rounds before the first one that counts
      --min-effect SHARE  The smallest difference that is worth a verdict, as in 3%
      --timeout TIME      A round that takes longer is stopped
      --seed N            From which the order of the rounds follows
      --no-trace          Do not record what the kernel did with the threads
      --details           Everything that is known
      --save FILE.json    For `maitred show`, `compare`, `report` and `check --against`
      --report FILE.html  A page with pictures
      --svg FILE.svg      The picture
      --save-trace FILE   With --run: all that was recorded, for `maitred show`
  -h, --help
";

/// What is done with those that were chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    Help,
    /// What `cargo test -- --ignored` wants: tests that are left out otherwise, of which there are none.
    Nothing,
    List,
    /// Once each, to see that it works.
    Test,
    Compare,
    Run,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) task: Task,
    pub(crate) names: Vec<String>,
    is_exact: bool,
    pub(crate) details: bool,
    pub(crate) save: Option<PathBuf>,
    pub(crate) report: Option<PathBuf>,
    pub(crate) svg: Option<PathBuf>,
    pub(crate) save_trace: Option<PathBuf>,
    call: Option<String>,
    models: Option<Vec<String>>,
    runs: Option<u32>,
    budget_ns: Option<u64>,
    warmup: Option<u32>,
    minimum_effect: Option<f64>,
    timeout_ns: Option<u64>,
    seed: Option<u64>,
    no_trace: bool,
}

impl Options {
    /// Reads them.
    ///
    /// # Errors
    /// A sentence about what is wrong.
    pub(crate) fn parse(words: Vec<OsString>) -> Result<Self, String> {
        let mut words = Arguments::from_vec(without_words_of_libtest(words));
        let is_bench = words.contains("--bench");
        let is_exact = words.contains("--exact");
        let asked = [
            (Task::Help, words.contains(["-h", "--help"])),
            (Task::Nothing, words.contains("--ignored")),
            (Task::List, words.contains("--list")),
            (Task::Test, words.contains("--test")),
            (Task::Run, words.contains("--run")),
            (Task::Compare, is_bench),
        ];
        let task = asked.iter().find(|(_, is)| *is).map_or(Task::Test, |(task, _)| *task);
        let mut read = || -> Result<Self, pico_args::Error> {
            let one = words.opt_value_from_str::<_, String>("--model")?.map(|one| vec![one]);
            let models = words.opt_value_from_fn("--models", |text| {
                Ok::<_, String>(text.split(',').map(str::to_owned).collect())
            })?;
            Ok(Self {
                task,
                is_exact,
                details: words.contains("--details"),
                save: words.opt_value_from_str("--save")?,
                report: words.opt_value_from_str("--report")?,
                svg: words.opt_value_from_str("--svg")?,
                save_trace: words.opt_value_from_str("--save-trace")?,
                call: words.opt_value_from_str("--call")?,
                models: one.or(models),
                runs: words.opt_value_from_str("--runs")?,
                budget_ns: words.opt_value_from_fn("--budget", time)?,
                warmup: words.opt_value_from_str("--warmup")?,
                minimum_effect: words.opt_value_from_fn("--min-effect", share)?,
                timeout_ns: words.opt_value_from_fn("--timeout", time)?,
                seed: words.opt_value_from_str("--seed")?,
                no_trace: words.contains("--no-trace"),
                names: Vec::new(),
            })
        };
        let mut options = read().map_err(|error| format!("{error}; --help says what there is"))?;
        for word in words.finish() {
            match word.into_string() {
                Ok(word) if !word.starts_with('-') => options.names.push(word),
                other => {
                    let word = other.unwrap_or_else(|word| word.display().to_string());
                    return Err(format!("unknown option `{word}`; --help says what there is"));
                }
            }
        }
        Ok(options)
    }

    /// Whether those of this name are meant.
    pub(crate) fn means(&self, name: &str) -> bool {
        let is_named = |part: &String| match self.is_exact {
            true => name == part,
            false => name.contains(part.as_str()),
        };
        self.names.is_empty() || self.names.iter().any(is_named)
    }

    /// What is asked takes the place of what the program says.
    ///
    /// # Errors
    /// A sentence where there is no such function.
    pub(crate) fn change(&self, request: &mut request::Compare) -> Result<(), String> {
        if let (Some(call), request::Subject::Closures { name, closures, .. }) =
            (&self.call, &mut request.subject)
        {
            let names: Vec<String> = closures.iter().map(|one| one.name.clone()).collect();
            closures.retain(|one| one.name == *call);
            if closures.is_empty() {
                let names = names.join(", ");
                return Err(format!("`{name}` has no function `{call}`; it has {names}"));
            }
        }
        let rounds = &mut request.rounds;
        if let Some(models) = &self.models {
            request.models.clone_from(models);
        }
        rounds.exactly = self.runs.or(rounds.exactly);
        rounds.budget_ns = self.budget_ns.or(rounds.budget_ns);
        rounds.warmup = self.warmup.unwrap_or(rounds.warmup);
        rounds.minimum_effect = self.minimum_effect.unwrap_or(rounds.minimum_effect);
        rounds.trace &= !self.no_trace;
        request.work.timeout_ns = self.timeout_ns.unwrap_or(request.work.timeout_ns);
        request.work.seed = self.seed.unwrap_or(request.work.seed);
        if self.task == Task::Test {
            *rounds = request::Rounds { exactly: Some(1), warmup: 0, trace: false, ..*rounds };
        }
        Ok(())
    }
}

fn time(text: &str) -> Result<u64, String> {
    match parse_duration(text) {
        Ok(ns) if ns > 0 => Ok(ns),
        _ => Err("write a time with its unit, as in 30s or 250ms".to_owned()),
    }
}

/// The words without those that `cargo test` and cargo-nextest tell every program of tests, and which mean
/// nothing here. Source: `--help` of libtest.
fn without_words_of_libtest(words: Vec<OsString>) -> Vec<OsString> {
    const FLAGS: [&str; 6] =
        ["--include-ignored", "--nocapture", "--no-capture", "--show-output", "--quiet", "-q"];
    const OPTIONS: [&str; 5] = ["--skip", "--test-threads", "--format", "--color", "--logfile"];
    let mut kept = Vec::new();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let text = word.to_str().unwrap_or_default();
        let is_option = |name: &str| OPTIONS.contains(&name);
        match text.split_once('=') {
            Some((name, _)) if is_option(name) => {}
            None if is_option(text) => drop(words.next()),
            None if FLAGS.contains(&text) => {}
            _ => kept.push(word),
        }
    }
    kept
}

fn share(text: &str) -> Result<f64, String> {
    let percent = text.strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
    let percent = percent.filter(|percent| (0.0..100.0).contains(percent));
    percent.map(|percent| percent / 100.0).ok_or_else(|| "write a share, as in 3%".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, String> {
        Options::parse(line.split_whitespace().map(OsString::from).collect())
    }

    #[test]
    fn only_cargo_bench_measures() {
        assert_eq!(parse("--bench").unwrap().task, Task::Compare);
        assert_eq!(parse("").unwrap().task, Task::Test);
        assert_eq!(parse("--bench --test").unwrap().task, Task::Test);
        assert_eq!(parse("--bench --run --model std/threads").unwrap().task, Task::Run);
    }

    #[test]
    fn what_programs_of_tests_are_told_is_understood() {
        assert_eq!(parse("--ignored --skip measured:: --skip slow").unwrap().task, Task::Nothing);
        assert_eq!(parse("--list --format terse --ignored").unwrap().task, Task::Nothing);
        assert_eq!(parse("--list --format terse").unwrap().task, Task::List);
        let one = parse("size --exact --nocapture").unwrap();
        assert!(one.task == Task::Test && one.means("size") && !one.means("resize"));
        assert!(parse("-q --test-threads=1 --include-ignored").unwrap().names.is_empty());
    }

    #[test]
    fn names_choose_and_what_is_none_is_refused() {
        let options = parse("--bench size --runs 3 --min-effect 5%").unwrap();
        assert!(options.means("resize") && !options.means("blur"));
        assert_eq!((options.runs, options.minimum_effect), (Some(3), Some(0.05)));
        assert!(parse("--bench").unwrap().means("blur"));
        let refused = |line: &str, part: &str| {
            let error = parse(line).unwrap_err();
            assert!(error.contains(part), "{line}: {error}");
        };
        refused("--benches", "unknown option `--benches`");
        refused("--budget 3", "write a time with its unit");
        refused("--min-effect 3", "write a share");
        refused("--runs many", "--help");
    }
}
