//! What to conclude, in the order in which it is read: one answer, what changes it, why, and the
//! rest. Every sentence names the [`Rule`] that made it, so that a page or a program can find one
//! without reading English. Made by [`crate::analyse::advice`]; the main type is [`Conclusion`].

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

/// Sentences for people, most important first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Saved")]
pub struct Conclusion {
    /// What a person would say who is asked which to use; `None`: nothing was measured, or the
    /// result was saved before the answer stood apart.
    pub answer: Option<Sentence>,
    /// What makes the answer worth less, or worth nothing: it is read before anything else.
    pub warnings: Vec<Sentence>,
    /// Why, at most three.
    pub reasons: Vec<Sentence>,
    /// The rest.
    pub details: Vec<Sentence>,
    /// What tasks queue for, so that a program need not read it out of a sentence; `None`: nothing,
    /// or the result was saved before this was kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bottleneck: Option<Bottleneck>,
    /// Whom the answer recommends; `None`: nobody, or the result was saved before this was kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recommended: Option<Recommended>,
}

/// Whom to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recommended {
    /// Index into the contestants.
    pub contestant: u32,
    /// How many are as fast, it included.
    pub equals: u32,
}

/// The resource that holds tasks up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bottleneck {
    pub resource: String,
    /// The parameter of the workload that says how many there are of it; `None`: a number does.
    pub parameter: Option<String>,
}

/// One sentence, or a few that belong together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sentence {
    pub rule: Rule,
    pub text: String,
}

/// The most that are told as reasons.
const REASONS: usize = 3;

impl Conclusion {
    /// Puts sentences where they belong, in the order of their rules.
    pub fn of(sentences: impl IntoIterator<Item = Sentence>) -> Self {
        let mut sentences: Vec<Sentence> = sentences.into_iter().collect();
        sentences.sort_by_key(|one| one.rule);
        let mut conclusion = Self::default();
        sentences.into_iter().for_each(|one| conclusion.add(one));
        conclusion
    }

    /// Puts one more sentence where it belongs, behind those that are there.
    pub fn add(&mut self, sentence: Sentence) {
        match sentence.rule.part() {
            Part::Answer if self.answer.is_none() => self.answer = Some(sentence),
            Part::Warning => self.warnings.push(sentence),
            Part::Reason if self.reasons.len() < REASONS => self.reasons.push(sentence),
            Part::Answer | Part::Reason | Part::Detail => self.details.push(sentence),
        }
    }

    /// All of it, in the order in which it is read.
    pub fn sentences(&self) -> impl Iterator<Item = &Sentence> {
        let rest = self.reasons.iter().chain(&self.details);
        self.before_answer().chain(&self.answer).chain(self.behind_answer()).chain(rest)
    }

    /// The warnings that stand before the answer: it is of different work.
    pub fn before_answer(&self) -> impl Iterator<Item = &Sentence> {
        self.warnings.iter().filter(|one| one.rule == Rule::ResultsDiffer)
    }

    /// All other warnings.
    pub fn behind_answer(&self) -> impl Iterator<Item = &Sentence> {
        self.warnings.iter().filter(|one| one.rule != Rule::ResultsDiffer)
    }

    /// The same, text only.
    pub fn texts(&self) -> Vec<String> {
        self.sentences().map(|sentence| sentence.text.clone()).collect()
    }

    /// What this rule said; `None`: nothing.
    pub fn said_by(&self, rule: Rule) -> Option<&str> {
        self.sentences().find(|one| one.rule == rule).map(|one| one.text.as_str())
    }
}

/// What is found in files: results of earlier versions had a list of texts.
#[derive(Deserialize)]
#[serde(untagged)]
enum Saved {
    Texts(Vec<String>),
    Parts {
        answer: Option<Sentence>,
        warnings: Vec<Sentence>,
        reasons: Vec<Sentence>,
        details: Vec<Sentence>,
        #[serde(default)]
        bottleneck: Option<Bottleneck>,
        #[serde(default)]
        recommended: Option<Recommended>,
    },
}

impl From<Saved> for Conclusion {
    fn from(saved: Saved) -> Self {
        match saved {
            Saved::Parts { answer, warnings, reasons, details, bottleneck, recommended } => {
                Self { answer, warnings, reasons, details, bottleneck, recommended }
            }
            Saved::Texts(texts) => {
                let unnamed = |text| Sentence { rule: Rule::Unnamed, text };
                Self { details: texts.into_iter().map(unnamed).collect(), ..Self::default() }
            }
        }
    }
}

/// Where a sentence stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Answer,
    Warning,
    Reason,
    Detail,
}

/// What makes one kind of sentence; in the order in which sentences are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    NothingRanked,
    TooShortCalls,
    OnlyOne,
    DifferentAmounts,
    TooFewRounds,
    SequentialSuffices,
    NotShownFaster,
    Use,
    SoonestOfThoseThatKeepUp,
    AheadByTooLittle,
    BestWorkers,
    Survived,
    ResultsDiffer,
    ResultsChange,
    LostUpdates,
    OwnVariables,
    StateNotShared,
    UnequalConcurrency,
    UnevenTurns,
    SomeRaised,
    FailuresIgnored,
    WithinRounds,
    Overslept,
    BusyClient,
    BusyConnections,
    FewRequests,
    NotFollowed,
    ProxyBetween,
    PlainToTls,
    Startup,
    KeepsUp,
    Nature,
    OwnThreads,
    Throttled,
    Bottleneck,
    GlobalLock,
    OwnLock,
    StandsStill,
    LoneCall,
    TooBigToSend,
    LowerBound,
    CheapestOfEquals,
    SimplestOfEquals,
    Undecided,
    Dropped,
    NatureUnknown,
    LatencyFromArrival,
    EnoughWorkers,
    ScalingLaw,
    NoLaw,
    SerialShare,
    MoreProcessors,
    WorkerMemory,
    PoolSize,
    TaskTime,
    #[serde(alias = "threads-at-once")]
    RunningThreads,
    ProcessCosts,
    BreakEven,
    RunnerTakenOff,
    ResultsSame,
    Starved,
    SharedMachine,
    /// Saved before rules had names, or by a later version that has more of them.
    #[serde(other)]
    Unnamed,
}

impl Rule {
    /// All that say something.
    pub const ALL: [Self; 62] = {
        use Rule as R;
        [
            R::NothingRanked,
            R::TooShortCalls,
            R::OnlyOne,
            R::DifferentAmounts,
            R::TooFewRounds,
            R::SequentialSuffices,
            R::NotShownFaster,
            R::Use,
            R::SoonestOfThoseThatKeepUp,
            R::AheadByTooLittle,
            R::BestWorkers,
            R::Survived,
            R::ResultsDiffer,
            R::ResultsChange,
            R::LostUpdates,
            R::OwnVariables,
            R::StateNotShared,
            R::UnequalConcurrency,
            R::UnevenTurns,
            R::SomeRaised,
            R::FailuresIgnored,
            R::WithinRounds,
            R::Overslept,
            R::BusyClient,
            R::BusyConnections,
            R::FewRequests,
            R::NotFollowed,
            R::ProxyBetween,
            R::PlainToTls,
            R::Startup,
            R::KeepsUp,
            R::Nature,
            R::OwnThreads,
            R::Throttled,
            R::Bottleneck,
            R::GlobalLock,
            R::OwnLock,
            R::StandsStill,
            R::LoneCall,
            R::TooBigToSend,
            R::LowerBound,
            R::CheapestOfEquals,
            R::SimplestOfEquals,
            R::Undecided,
            R::Dropped,
            R::NatureUnknown,
            R::LatencyFromArrival,
            R::EnoughWorkers,
            R::ScalingLaw,
            R::NoLaw,
            R::SerialShare,
            R::MoreProcessors,
            R::WorkerMemory,
            R::PoolSize,
            R::TaskTime,
            R::RunningThreads,
            R::ProcessCosts,
            R::BreakEven,
            R::RunnerTakenOff,
            R::ResultsSame,
            R::Starved,
            R::SharedMachine,
        ]
    };

    /// A sentence by this rule.
    pub fn says(self, text: impl Into<String>) -> Sentence {
        Sentence { rule: self, text: text.into() }
    }

    /// Where its sentences stand.
    pub fn part(self) -> Part {
        use Rule as R;
        match self {
            R::NothingRanked
            | R::TooShortCalls
            | R::OnlyOne
            | R::DifferentAmounts
            | R::TooFewRounds
            | R::SequentialSuffices
            | R::NotShownFaster
            | R::Use
            | R::SoonestOfThoseThatKeepUp
            | R::AheadByTooLittle
            | R::BestWorkers => Part::Answer,
            R::Survived
            | R::ResultsDiffer
            | R::ResultsChange
            | R::LostUpdates
            | R::OwnVariables
            | R::StateNotShared
            | R::UnequalConcurrency
            | R::UnevenTurns
            | R::SomeRaised
            | R::FailuresIgnored
            | R::WithinRounds
            | R::Overslept
            | R::BusyClient
            | R::BusyConnections
            | R::FewRequests
            | R::NotFollowed
            | R::ProxyBetween
            | R::PlainToTls
            | R::Startup => Part::Warning,
            R::KeepsUp
            | R::Nature
            | R::OwnThreads
            | R::Throttled
            | R::Bottleneck
            | R::GlobalLock
            | R::OwnLock
            | R::StandsStill
            | R::LoneCall
            | R::TooBigToSend
            | R::LowerBound
            | R::CheapestOfEquals
            | R::SimplestOfEquals => Part::Reason,
            R::Undecided
            | R::Dropped
            | R::NatureUnknown
            | R::LatencyFromArrival
            | R::EnoughWorkers
            | R::ScalingLaw
            | R::NoLaw
            | R::SerialShare
            | R::MoreProcessors
            | R::WorkerMemory
            | R::PoolSize
            | R::TaskTime
            | R::RunningThreads
            | R::ProcessCosts
            | R::BreakEven
            | R::RunnerTakenOff
            | R::ResultsSame
            | R::Starved
            | R::SharedMachine
            | R::Unnamed => Part::Detail,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_stand_where_they_belong() {
        let conclusion = Conclusion::of([
            Rule::Nature.says("why"),
            Rule::Use.says("use it"),
            Rule::Bottleneck.says("second"),
            Rule::PoolSize.says("aside"),
            Rule::LowerBound.says("one too many"),
            Rule::GlobalLock.says("third"),
            Rule::Startup.says("beware"),
            Rule::ResultsDiffer.says("other work"),
        ]);
        let (first, aside) = (["other work", "use it", "beware"], ["one too many", "aside"]);
        let reasons = ["why", "second", "third"];
        assert_eq!(conclusion.texts(), [&first[..], &reasons, &aside].concat());
        assert_eq!(conclusion.said_by(Rule::PoolSize), Some("aside"));
        assert_eq!(conclusion.said_by(Rule::LostUpdates), None);
    }

    #[test]
    fn what_was_saved_as_a_list_is_still_read() {
        let old: Conclusion = serde_json::from_str(r#"["Use it.", "Why."]"#).unwrap();
        assert_eq!((old.answer.as_ref(), old.texts().len()), (None, 2));
        let newer = r#"{"answer": {"rule": "not-yet-known", "text": "Use it."},
            "warnings": [], "reasons": [], "details": []}"#;
        let newer: Conclusion = serde_json::from_str(newer).unwrap();
        assert_eq!(newer.answer, Some(Rule::Unnamed.says("Use it.")));
        let saved = serde_json::to_string(&newer).unwrap();
        assert_eq!(serde_json::from_str::<Conclusion>(&saved).unwrap(), newer);
        assert!(serde_json::from_str::<Conclusion>(r#""Use it.""#).is_err());
    }

    #[test]
    fn every_rule_is_listed_once() {
        let mut all = Rule::ALL.to_vec();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), Rule::Unnamed as usize, "a rule is missing in `Rule::ALL`");
    }
}
