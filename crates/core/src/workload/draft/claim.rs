//! Claims: which figure is meant, of which models, and between which bounds it must lie.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use maitred_wire as wire;

use super::super::ast::{self, Relation};
use super::super::claim::{Claim, Figure, Part, Quantity, Unit};
use super::super::limits::MODELS_MAX;
use super::super::param::Params;
use super::super::quantity::nearest;
use super::super::shape::{STEPS, list};
use super::super::step::StepKind;
use super::super::syntax::Value;
use super::Drafter;
use super::model::model;

impl Drafter<'_> {
    pub(super) fn claims(&mut self) {
        let workload = self.workload;
        for claim in &workload.claims {
            if !self.goes_on() {
                return;
            }
            let says = self.values.text(&claim.says, "a claim");
            if claim.figures.is_empty() {
                let help = "as in: figure \"cores\" of=\"python3/threads\" at-most=1.1";
                let message = "a claim needs a figure that it predicts";
                self.mistake(&claim.says.span, message, Some(help.into()));
            }
            let figures = claim.figures.iter().filter_map(|figure| self.figure(figure)).collect();
            self.draft.claims.extend(says.map(|says| Claim { says, figures }));
        }
    }

    fn figure(&mut self, figure: &ast::Figure) -> Option<Figure> {
        let name = self.values.text(&figure.name, "a figure")?;
        let Some(quantity) = Quantity::ALL.into_iter().find(|known| known.name() == name) else {
            let names = Quantity::ALL.map(Quantity::name);
            let help = match nearest(&name, names) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are {}", list(&names)),
            };
            self.mistake(&figure.name.span, format!("unknown figure `{name}`"), Some(help));
            return None;
        };
        let part = self.part(figure, quantity);
        let Some(of) = &figure.of else {
            let help = "as in: of=\"native/threads\"".into();
            let message = format!("the figure `{name}` needs the model of which it is");
            self.mistake(&figure.span, message, Some(help));
            return None;
        };
        let of = self.model_of(of);
        if quantity == Quantity::SerialShare && figure.over.is_none() {
            let help = "as in: of=\"native/thread-pool\" over=\"native/thread-pool:1\"".into();
            let message = "a serial share is that of a speed-up over another model";
            self.mistake(&figure.span, message, Some(help));
        }
        let over = figure.over.as_ref().map(|over| self.model_of(over));
        let unit = match (&over, quantity.unit()) {
            (Some(_), _) => Unit::Number,
            (None, unit) => unit,
        };
        let (low, high) = self.bounds(figure, unit)?;
        Some(Figure {
            quantity,
            part: part?,
            of: of?,
            over: over.map_or(Some(None), |o| o.map(Some))?,
            low,
            high,
        })
    }

    /// What the quantity is of; `None`, with a mistake, if that is not said or too much is.
    fn part(&mut self, figure: &ast::Figure, quantity: Quantity) -> Option<Option<Part>> {
        let name = quantity.name();
        for (key, value) in &figure.part {
            if Some(*key) != quantity.part() {
                let message = format!("the figure `{name}` takes no `{key}`");
                self.mistake(&value.span, message, None);
                return None;
            }
        }
        let Some(key) = quantity.part() else { return Some(None) };
        let Some((_, value)) = figure.part.first() else {
            let message = format!("the figure `{name}` needs a `{key}`");
            self.mistake(&figure.span, message, Some(format!("as in: {key}=\"…\"")));
            return None;
        };
        let part = match key {
            "step" => Part::Step(self.step_kind(value)?),
            "var" => {
                let known = &self.workload.vars;
                Part::Var(self.object(value, "variable", known)?.1.into())
            }
            _ => {
                let name = self.values.text(value, "the server")?;
                if !self.values.params.is_server(&name) {
                    self.mistake(&value.span, format!("unknown server `{name}`"), None);
                    return None;
                }
                Part::Server(name)
            }
        };
        Some(Some(part))
    }

    fn step_kind(&mut self, value: &Value) -> Option<StepKind> {
        let name = self.values.text(value, "the step")?;
        let known = StepKind::ALL.into_iter().find(|kind| kind.name() == name);
        if known.is_none() {
            let names = STEPS.map(|shape| shape.name);
            let help = match nearest(&name, names) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are {}", list(&names)),
            };
            self.mistake(&value.span, format!("unknown step `{name}`"), Some(help));
        }
        known
    }

    /// A model, and behind a space the values that it gives to parameters.
    fn model_of(&mut self, value: &Value) -> Option<wire::Model> {
        let text = self.values.text(value, "a model")?;
        let (bare, setting) = match text.split_once(' ') {
            Some((bare, setting)) => (bare, setting.trim()),
            None => (&*text, ""),
        };
        let found = match model(bare) {
            Ok(found) => found,
            Err((message, help)) => {
                self.mistake(&value.span, message, help);
                return None;
            }
        };
        let mut set: Vec<(String, String)> = Vec::new();
        for word in setting.split_whitespace() {
            let Some((name, value_of)) = word.split_once('=') else {
                let help = "as in: of=\"native/threads tasks=10\"".into();
                let message = format!("`{word}` gives no parameter a value");
                self.mistake(&value.span, message, Some(help));
                return None;
            };
            set.push((name.to_string(), value_of.to_string()));
        }
        let mut wrong = Vec::new();
        Params::resolve(self.workload, &[], &mut wrong);
        let known = wrong.len();
        Params::resolve(self.workload, &set, &mut wrong);
        // What is wrong with the defaults comes twice; the rest is of these values.
        for mistake in wrong.into_iter().skip(2 * known) {
            self.mistake(&value.span, mistake.message, mistake.help);
        }
        let setting: Vec<&str> = setting.split_whitespace().collect();
        let setting = (!setting.is_empty()).then(|| setting.join(" "));
        self.note_model(value, wire::Model { setting, ..found })
    }

    /// A claim is about no more models than a comparison.
    fn note_model(&mut self, value: &Value, model: wire::Model) -> Option<wire::Model> {
        if !self.draft.claimed.contains(&model) {
            self.draft.claimed.push(model.clone());
        }
        if self.draft.claimed.len() == MODELS_MAX + 1 {
            let message = format!("claims are about at most {MODELS_MAX} models");
            self.mistake(&value.span, message, None);
        }
        Some(model)
    }

    /// The least and the largest value that the claim allows, in the unit.
    fn bounds(&mut self, figure: &ast::Figure, unit: Unit) -> Option<(Option<f64>, Option<f64>)> {
        let (mut low, mut high) = (None, None);
        for (comparison, value) in &figure.bounds {
            let bound = Some(match unit {
                Unit::Duration => self.values.duration(value)?.0 as f64,
                Unit::Size => self.values.size(value)? as f64,
                Unit::Number => self.values.number(value, "a bound")?,
                Unit::Count => {
                    self.values.integer(value, "a bound", -COUNT_MAX..=COUNT_MAX)? as f64
                }
            });
            match comparison {
                Relation::AtLeast => low = bound,
                Relation::AtMost => high = bound,
                Relation::Equals => (low, high) = (bound, bound),
            }
        }
        let message = match (low, high) {
            (None, None) => "a figure needs at-least=, at-most= or equals=",
            (Some(low), Some(high)) if low > high => "at-least is more than at-most",
            _ => return Some((low, high)),
        };
        self.mistake(&figure.span, message, None);
        None
    }
}

/// Whole numbers up to here are exact as `f64`.
const COUNT_MAX: i64 = 1 << 53;
