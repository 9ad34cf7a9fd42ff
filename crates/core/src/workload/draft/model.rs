//! Models as they are written in `compare`.

use alloc::format;
use alloc::string::{String, ToString};

use maitred_wire as wire;

use super::super::quantity::nearest;
use super::super::shape::list;

/// Reads a model; what is wrong with it, and the next step.
pub(super) fn model(text: &str) -> Result<wire::Model, (String, Option<String>)> {
    let model: wire::Model = text.parse().map_err(|error: wire::ModelError| {
        let help = match &error {
            wire::ModelError::UnknownStrategy(name) => Some(strategy_help(name)),
            wire::ModelError::NoSlash(name) => {
                let strategy = name.split(':').next().and_then(|name| name.parse().ok());
                strategy.map(|_: wire::Strategy| format!("did you mean `native/{name}`?"))
            }
            wire::ModelError::BadWorkers(_) => None,
        };
        (error.to_string(), help)
    })?;
    if let Some(setting) = &model.setting {
        let message = format!("a model takes no `{setting}`");
        return Err((message, Some("sweep a parameter, as in: sweep \"waiters\" 1 2 5".into())));
    }
    let runtime = model.runtime.as_str();
    if runtime != "native" && nearest(runtime, ["native"]).is_some() {
        return Err((
            format!("unknown runtime `{runtime}`"),
            Some("did you mean `native`?".into()),
        ));
    }
    if model.workers.is_some() && !model.strategy.has_workers() {
        let message = format!("`{}` takes no number of workers", model.strategy);
        return Err((message, Some(format!("write {runtime}/{}", model.strategy))));
    }
    Ok(model)
}

/// The next step for who misspelt a strategy.
pub(super) fn strategy_help(name: &str) -> String {
    let names = wire::Strategy::ALL.map(wire::Strategy::name);
    match nearest(name, names) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are {}", list(&names)),
    }
}
