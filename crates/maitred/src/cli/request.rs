//! From arguments to what the engine is asked.

use std::path::Path;

use maitred_engine::request::{COUNT, Calls, Http, Python, Subject, Work};
use maitred_engine::runtimes;
use maitred_engine::subject::{function, url};

use super::{CheckArgs, HttpArgs, PythonArgs, SubjectArgs};
use crate::amount::{Period, Rate};
use crate::error::Error;

impl SubjectArgs {
    /// The work, whatever the subject is.
    pub(crate) fn work(&self) -> Work {
        Work {
            set: self.set.clone(),
            seed: self.seed,
            speed: self.speed.0,
            timeout_ns: self.timeout.nanos(),
            memory_limit_bytes: self.memory_limit.map(|limit| limit.0),
            recalibrate: self.recalibrate,
            python: self.python.request(),
        }
    }

    /// What was named: an address, a workload file or a function.
    ///
    /// # Errors
    /// [`Error::usage`] for what is none of them, and for options that mean nothing for it.
    pub(crate) fn named(&self, path: &Path, http: &HttpArgs) -> Result<Subject, Error> {
        let text = path.to_str().unwrap_or_default();
        if url::is_url(text) {
            return self.address(text, http);
        }
        if let Some(error) = url::without_scheme(path) {
            return Err(error.into());
        }
        http.refuse(&path.display().to_string())?;
        if function::is_function(text) {
            return Ok(Subject::Function { name: text.to_owned(), calls: self.calls()? });
        }
        if text.ends_with(".py") && path.is_file() {
            return Err(function::unnamed(path).into());
        }
        Ok(Subject::Workload { path: path.to_owned() })
    }

    /// A command, behind `--`.
    ///
    /// # Errors
    /// [`Error::usage`] for options that mean nothing for it.
    pub(crate) fn command(&self, words: &[String], http: &HttpArgs) -> Result<Subject, Error> {
        http.refuse(&words.join(" "))?;
        Ok(Subject::Command { words: words.to_vec(), count: self.count.unwrap_or(COUNT) })
    }

    fn address(&self, text: &str, http: &HttpArgs) -> Result<Subject, Error> {
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
            (Some(path), None) => Ok(Calls::Inputs(path.clone())),
            (None, count) => Ok(Calls::Count(count.unwrap_or(COUNT))),
        }
    }
}

impl PythonArgs {
    fn request(&self) -> Python {
        Python {
            interpreters: self.pythons.clone(),
            args: self.args.clone(),
            setup: self.setup.clone(),
            concurrency: self.concurrency,
            start_method: self.start_method,
            event_loop: self.event_loop,
        }
    }
}

impl HttpArgs {
    fn request(&self) -> Http {
        Http {
            connections: self.connections,
            requests: self.requests,
            duration_ns: self.duration.map(Period::nanos),
            rate_per_second: self.rate.map(|Rate { per_second }| per_second),
            headers: self.headers.clone(),
            body: self.data.clone(),
            method: self.method.clone(),
            timeout_ns: self.request_timeout.map(Period::nanos),
        }
    }

    /// Refuses what only means something for an address.
    fn refuse(&self, subject: &str) -> Result<(), Error> {
        let default = Http::default();
        let given = [
            ("--connections", self.connections != default.connections),
            ("--requests", self.requests != default.requests),
            ("--duration", self.duration.is_some()),
            ("--rate", self.rate.is_some()),
            ("--header", !self.headers.is_empty()),
            ("--data", self.data.is_some()),
            ("--method", self.method.is_some()),
            ("--request-timeout", self.request_timeout.is_some()),
        ];
        match given.into_iter().find(|(_, given)| *given) {
            Some((option, _)) => Err(Error::usage(format!(
                "{option} says how an address is asked, and `{subject}` is none; leave it away, or \
                 name an address, as in http://localhost:8080/"
            ))),
            None => Ok(()),
        }
    }
}

impl CheckArgs {
    /// The work of every experiment.
    pub(crate) fn work(&self) -> Work {
        Work {
            seed: self.seed,
            timeout_ns: self.timeout.nanos(),
            recalibrate: self.recalibrate,
            python: Python { interpreters: runtimes::further(&self.pythons), ..Python::default() },
            ..Work::default()
        }
    }
}
