//! What follows from how fast work went with how many workers: what `maitred scale` adds to a
//! comparison, and what `maitred fit` says of figures that the user has. The main types are
//! [`Sweep`] and [`Fit`].

use alloc::string::String;
use alloc::vec::Vec;

use maitred_wire::Model;
use serde::{Deserialize, Serialize};

/// One model under several numbers of workers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sweep {
    /// Without a number of workers.
    pub model: Model,
    /// Rates are tasks per second.
    pub fit: Fit,
    /// The serial share that the speed-up on the processors of this machine shows by itself; `None`:
    /// the work does not compute, or one worker and as many as processors were not both tried.
    pub serial: Option<Serial>,
    /// What twice the processors would bring; `None`: the work does not compute, or nothing tells.
    pub doubling: Option<Doubling>,
    /// What each more worker takes of memory, bytes; `None`: not known.
    pub memory: Option<Figure>,
}

/// What is shown and saved of figures by number of workers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fit {
    /// How many workers to use; `None`: there are no figures.
    pub best: Option<Workers>,
    /// The law; `None`: see `why`.
    pub law: Option<Fitted>,
    /// Why no law is told, in a sentence.
    pub why: Option<String>,
    pub points: Vec<Measured>,
}

/// How many workers to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workers {
    /// The number with the highest throughput.
    pub workers: u32,
    /// The fewest and the most that cannot be told to be worse.
    pub fewest: u32,
    pub most: u32,
    /// The fewest that are told to be as good; `None`: fewer than the best can be told from it, or
    /// nothing can be said.
    pub enough: Option<u32>,
}

/// The figure and its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

/// Which law of scaling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LawName {
    /// Amdahl's of 1967.
    Amdahl,
    /// The Universal Scalability Law (Gunther 2007).
    Universal,
}

/// A law and its coefficients.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fitted {
    pub name: LawName,
    /// σ, the serial share under Amdahl's law.
    pub contention: Figure,
    /// κ.
    pub coherency: Figure,
    /// Throughput of one worker.
    pub one: Figure,
    /// Root of the mean square of errors, as a share of the mean throughput.
    pub residual: f64,
    /// The most workers that it was fitted to: beyond them it is an extrapolation.
    pub most: u32,
    /// With how many workers throughput is highest; `None`: not seen to fall.
    pub peak: Option<Figure>,
    /// What twice as many workers as `most` would bring, times as much: an extrapolation.
    pub doubling: Figure,
}

/// Throughput with so many workers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    pub workers: u32,
    /// The median of the rounds.
    pub rate: f64,
    pub rounds: u32,
    /// What the law says; `None`: there is none, or it was not fitted to so many workers.
    pub fitted: Option<f64>,
}

/// The experimentally determined serial fraction (Karp & Flatt, CACM 33(5), 1990): what Amdahl's
/// law would have to have for one speed-up. Two numbers of workers give it, so nothing shows
/// whether the law holds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Serial {
    /// With so many workers, as many as there are processors.
    pub workers: u32,
    /// Times as fast as one worker.
    pub speedup: Figure,
    pub share: Figure,
}

/// What twice the processors would bring, by a law that goes on holding.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Doubling {
    /// So many there would be.
    pub processors: u32,
    /// Times as fast as with those that there are.
    pub brings: Figure,
    pub by: LawName,
}
