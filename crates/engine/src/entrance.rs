//! The one entrance: [`Engine::run`] turns a request into events and an outcome.

use std::path::PathBuf;

use crate::cancel::Cancel;
use crate::engine::{Context, Engine};
use crate::error::Error;
use crate::event::Event;
use crate::outcome::Outcome;
use crate::request::Request;
use crate::runtimes::Runtimes;
use crate::{check, compare, scale, single, strategies};

impl Engine {
    /// Does what is asked, and tells what happens meanwhile. The calling thread must be one that
    /// lives on: what it starts is killed with it.
    ///
    /// # Errors
    /// See [`Error`]. What was measured before is in the last event all the same, an
    /// [`Event::Result`].
    pub fn run(
        &self,
        request: &Request,
        cancel: &Cancel,
        on_event: &mut dyn FnMut(Event<'_>),
    ) -> Result<Outcome, Error> {
        let mut context = Context { engine: self, cancel, on_event };
        match request {
            Request::Compare(compare) => compare::run(compare, &mut context),
            Request::Run(run) => single::run(run, &mut context),
            Request::Scale(scale) => scale::run(scale, &mut context),
            Request::Check(check) => check::run(check, &mut context),
            Request::Strategies(strategies) => strategies::run(strategies, &mut context),
        }
    }

    /// All runtimes that there are. `anew`: interpreters are asked what they are though that is known of
    /// their files.
    ///
    /// # Errors
    /// [`Error::Failed`] when there is no place for the runner of Python.
    pub fn runtimes(
        &self,
        interpreters: &[PathBuf],
        anew: bool,
        cancel: &Cancel,
    ) -> Result<Runtimes, Error> {
        Runtimes::everything(self, interpreters, anew, cancel.interrupt())
    }
}
