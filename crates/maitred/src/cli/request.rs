//! From arguments to what the engine is asked.

use std::path::{Path, PathBuf};

use maitred_engine::request::{
    COUNT, Calls, Check, Claims, Compare, Http, INNER_THREADS, Python, Recording, Rounds, Run,
    Scale, Strategies, Subject, Work, scale,
};
use maitred_engine::subject::command::find_program;
use maitred_engine::subject::{function, url};
use maitred_engine::workloads;

use super::{
    CheckArgs, ClaimArgs, CompareArgs, HttpArgs, PythonArgs, RunArgs, ScaleArgs, StrategiesArgs,
    SubjectArgs,
};
use crate::amount::{Period, Rate};
use crate::error::Error;

/// So many rounds say how a model changed since it was saved.
const SETTLED: u32 = 40;

impl SubjectArgs {
    /// The work, whatever the subject is.
    fn work(&self) -> Work {
        Work {
            set: self.set.clone(),
            seed: self.seed,
            speed: self.speed.0,
            timeout_ns: self.timeout.nanos(),
            memory_limit_bytes: self.memory_limit.map(|limit| limit.0),
            recalibrate: self.recalibrate,
            env: self.env.iter().cloned().chain(self.python.inner_threads()).collect(),
            python: self.python.request(),
        }
    }

    /// What was named: an address, a workload file or a function.
    ///
    /// # Errors
    /// [`Error::usage`] for what is none of them, and for options that mean nothing for it.
    fn named(&self, path: &Path, http: &HttpArgs) -> Result<Subject, Error> {
        let text = path.to_str().unwrap_or_default();
        if url::is_url(text) {
            return self.address(text, http);
        }
        if let Some(error) = url::without_scheme(path) {
            return Err(error.into());
        }
        http.refuse(&path.display().to_string())?;
        self.commands.refuse(&path.display().to_string())?;
        if function::is_function(text) {
            let (name, also) = (text.to_owned(), Vec::new());
            return Ok(Subject::Function { name, also, calls: self.calls()?, folder: None });
        }
        if text.ends_with(".py") && path.is_file() {
            return Err(function::unnamed(path).into());
        }
        if let Some(shipped) = workloads::find(path) {
            return Ok(shipped);
        }
        if !text.contains(['/', '.']) && !path.exists() {
            return Err(no_workload(text));
        }
        Ok(Subject::Workload { path: path.to_owned() })
    }

    /// Several functions that do the same job; `None`: they are not all functions.
    ///
    /// # Errors
    /// [`Error::usage`] for options that mean nothing for them.
    pub(crate) fn functions(
        &self,
        paths: &[PathBuf],
        http: &HttpArgs,
    ) -> Result<Option<Subject>, Error> {
        let texts: Vec<&str> = paths.iter().filter_map(|path| path.to_str()).collect();
        let all = texts.iter().all(|text| function::is_function(text));
        let Some((name, also)) = texts.split_first().filter(|_| all && texts.len() == paths.len())
        else {
            return Ok(None);
        };
        http.refuse(name)?;
        self.commands.refuse(name)?;
        let also = also.iter().map(|&text| text.to_owned()).collect();
        let (name, calls) = ((*name).to_owned(), self.calls()?);
        Ok(Some(Subject::Function { name, also, calls, folder: None }))
    }

    /// A command, behind `--`.
    ///
    /// # Errors
    /// [`Error::usage`] for options that mean nothing for it.
    fn command(&self, words: &[String], http: &HttpArgs) -> Result<Subject, Error> {
        http.refuse(&words.join(" "))?;
        let named = self.commands.named.clone();
        if !words.is_empty() && !named.is_empty() {
            return Err(Error::usage(
                "a command behind `--` and one by --command are two pieces of work; name all by \
                 --command, to have them beside each other",
            ));
        }
        let (words, around) = (words.to_vec(), self.commands.around());
        Ok(Subject::Command { words, named, around, count: self.count.unwrap_or(COUNT) })
    }

    fn address(&self, text: &str, http: &HttpArgs) -> Result<Subject, Error> {
        self.commands.refuse(text)?;
        if self.count.is_some() {
            return Err(Error::usage("the number of requests is given by -n, not by --count"));
        }
        Ok(Subject::Url { address: text.to_owned(), http: http.request() })
    }

    fn calls(&self) -> Result<Calls, Error> {
        match (&self.python.inputs, self.count) {
            (Some(_), Some(_)) => {
                Err(Error::usage("`--inputs` makes one task a line, so `--count` cannot be given"))
            }
            (Some(path), None) => {
                Ok(match path.to_str().filter(|text| function::is_function(text)) {
                    Some(maker) => Calls::Made(maker.to_owned()),
                    None => Calls::Inputs(path.clone()),
                })
            }
            (None, count) => Ok(Calls::Count(count.unwrap_or(COUNT))),
        }
    }
}

/// A bare word that is no workload: a program, or misspelled.
fn no_workload(text: &str) -> Error {
    if find_program(text).is_ok() {
        return Error::usage(format!(
            "{text}: there is no such workload; a program is named behind `--`: maitred compare -- \
             {text}"
        ));
    }
    let names: Vec<&str> = workloads::ALL.iter().map(|(name, _)| *name).collect();
    let hint = workloads::nearest(text)
        .map_or_else(String::new, |near| format!(" (did you mean `{near}`?)"));
    Error::usage(format!(
        "{text}: there is no such workload{hint}; shipped are {}; a file of your own ends in .kdl",
        names.join(", ")
    ))
}

impl PythonArgs {
    /// Threads of libraries as one more axis of the environment.
    fn inner_threads(&self) -> Option<(String, Vec<String>)> {
        let values = &self.inner_threads;
        (!values.is_empty()).then(|| (INNER_THREADS.to_owned(), values.clone()))
    }

    fn request(&self) -> Python {
        Python {
            interpreters: self.pythons.clone(),
            args: self.args.clone(),
            setup: self.setup.clone(),
            worker_setup: self.worker_setup.clone(),
            worker_teardown: self.worker_teardown.clone(),
            warmup_calls: self.warmup_calls,
            chunk: self.chunk,
            expect: self.expect.clone(),
            spread: self.spread,
            discard_results: self.discard_results,
            concurrency: self.concurrency,
            start_method: self.start_method,
            event_loop: self.event_loop,
            cluster: self.cluster.clone(),
            executors: self.executors.clone(),
        }
    }
}

impl HttpArgs {
    fn request(&self) -> Http {
        let close = [("Connection".to_owned(), "close".to_owned())];
        let closing = if self.disable_keepalive { &close[..] } else { &[] };
        Http {
            connections: self.connections,
            requests: self.requests,
            duration_ns: self.duration.map(Period::nanos),
            rate_per_second: self.rate.map(|Rate { per_second }| per_second),
            headers: [&self.headers[..], closing].concat(),
            body: self.data.as_ref().map(|body| body.text.clone()),
            body_file: self.data.as_ref().and_then(|body| body.file.clone()),
            method: self.method.clone(),
            timeout_ns: self.request_timeout.map(Period::nanos),
            follow: self.follow,
            unix: self.unix.clone(),
            insecure: self.insecure,
            authority: self.cacert.clone(),
        }
    }

    /// Refuses what only means something for an address.
    fn refuse(&self, subject: &str) -> Result<(), Error> {
        let default = Http::default();
        let given = [
            ("--connections", self.connections.is_some()),
            ("--requests", self.requests != default.requests),
            ("--duration", self.duration.is_some()),
            ("--rate", self.rate.is_some()),
            ("--header", !self.headers.is_empty()),
            ("--data", self.data.is_some()),
            ("--method", self.method.is_some()),
            ("--request-timeout", self.request_timeout.is_some()),
            ("--disable-keepalive", self.disable_keepalive),
            ("--follow", self.follow),
            ("--unix", self.unix.is_some()),
            ("--cacert", self.cacert.is_some()),
            ("--insecure", self.insecure),
        ];
        match given.into_iter().find(|(_, given)| *given) {
            Some((option, _)) => Err(Error::usage(format!(
                "{option} says how an address is asked, and `{subject}` is none; omit it, or \
                 name an address, as in http://localhost:8080/"
            ))),
            None => Ok(()),
        }
    }
}

impl CompareArgs {
    /// What is asked of the engine.
    ///
    /// # Errors
    /// [`Error::usage`] for what is no piece of work, and for options that mean nothing for it.
    pub(crate) fn request(&self) -> Result<Compare, Error> {
        Ok(Compare {
            work: self.work.work(),
            models: self.models.clone(),
            workers: self.workers.as_ref().map_or_else(Vec::new, |counts| counts.0.clone()),
            sweep: self.sweep.clone(),
            no_sweep: self.no_sweep.clone(),
            baseline: self.baseline.clone(),
            rounds: self.rounds.request(Rounds {
                // One model alone is decided soon; how it changed is not.
                at_least: if self.against.is_some() { SETTLED } else { Rounds::default().at_least },
                warmup: self.warmup,
                trace: !self.no_trace,
                ..Rounds::default()
            }),
            ..Compare::of(self.subject()?)
        })
    }

    fn subject(&self) -> Result<Subject, Error> {
        match (&self.subject[..], &self.words[..]) {
            ([], words) => self.work.command(words, &self.http),
            ([path], []) => self.work.named(path, &self.http),
            ([path], _) => Err(two_subjects(path)),
            (many @ [first, ..], words) => {
                let functions = self.work.functions(many, &self.http)?;
                functions.filter(|_| words.is_empty()).ok_or_else(|| {
                    Error::usage(format!(
                        "one workload at a time: {} and one more were named; two saved results \
                         (.json) can be compared, and several functions (FILE.py:NAME)",
                        first.display()
                    ))
                })
            }
        }
    }
}

impl RunArgs {
    /// What is asked of the engine.
    ///
    /// # Errors
    /// [`Error::usage`] for what is no piece of work, and for options that mean nothing for it.
    pub(crate) fn request(&self) -> Result<Run, Error> {
        let subject = match (&self.subject, &self.words[..]) {
            (Some(path), []) => self.work.named(path, &self.http)?,
            (None, words) => self.work.command(words, &self.http)?,
            (Some(path), _) => return Err(two_subjects(path)),
        };
        Ok(Run {
            work: self.work.work(),
            model: self.model.clone(),
            workers: self.workers,
            recording: Recording {
                scheduling: !self.no_scheduling,
                path: self.trace.clone(),
                limit_bytes: self.trace_limit.0,
            },
            ..Run::of(subject)
        })
    }
}

impl ScaleArgs {
    /// What is asked of the engine.
    ///
    /// # Errors
    /// [`Error::usage`] for what is no piece of work, and for options that mean nothing for it.
    pub(crate) fn request(&self) -> Result<Scale, Error> {
        let mut subject = match (&self.subject, &self.words[..]) {
            (Some(path), []) => self.work.named(path, &self.http)?,
            (None, words) => self.work.command(words, &self.http)?,
            (Some(path), _) => return Err(two_subjects(path)),
        };
        if self.http.connections != Http::default().connections {
            return Err(Error::usage(
                "the number of connections is what is swept; give numbers by --workers, or the most \
                 of them by --most",
            ));
        }
        match &mut subject {
            Subject::Command { count, .. }
            | Subject::Function { calls: Calls::Count(count), .. }
                if self.work.count.is_none() =>
            {
                *count = scale::COUNT;
            }
            _ => {}
        }
        Ok(Scale {
            work: self.work.work(),
            models: self.models.clone(),
            workers: self.workers.as_ref().map_or_else(Vec::new, |counts| counts.0.clone()),
            most: self.most,
            rounds: self.rounds.request(Scale::rounds()),
            ..Scale::of(subject)
        })
    }
}

fn two_subjects(path: &Path) -> Error {
    Error::usage(format!(
        "{} and a command behind `--` are two pieces of work; name one",
        path.display()
    ))
}

impl CheckArgs {
    /// What is asked of the engine.
    pub(crate) fn request(&self) -> Check {
        Check {
            claims: self.claims.iter().cloned().map(Claims::Named).collect(),
            seed: self.seed,
            timeout_ns: self.timeout.nanos(),
            budget_ns: self.budget.nanos(),
            recalibrate: self.recalibrate,
            interpreters: self.pythons.clone(),
        }
    }
}

impl ClaimArgs {
    /// What is asked of the engine.
    ///
    /// # Errors
    /// [`Error::usage`] for what is no piece of work, or where nothing is claimed of it.
    pub(crate) fn request(&self) -> Result<Check, Error> {
        let (subject, says) = match (&self.says[..], &self.words[..]) {
            ([path, says @ ..], []) => (self.work.named(Path::new(path), &self.http)?, says),
            (says, words) => (self.work.command(words, &self.http)?, says),
        };
        if says.is_empty() {
            return Err(Error::usage(
                "nothing is claimed; add what must hold, as in 'throughput of threads over \
                 sequential >= 3'",
            ));
        }
        let (subject, work) = (Box::new(subject), Box::new(self.work.work()));
        Ok(Check {
            claims: vec![Claims::About { subject, work, says: says.to_vec() }],
            seed: self.work.seed,
            timeout_ns: self.work.timeout.nanos(),
            budget_ns: self.budget.nanos(),
            ..Check::default()
        })
    }
}

impl StrategiesArgs {
    /// What is asked of the engine.
    pub(crate) fn request(&self) -> Strategies {
        Strategies {
            runtimes: self.runtimes.clone(),
            budget_ns: self.budget.nanos(),
            interpreters: self.pythons.clone(),
        }
    }
}
