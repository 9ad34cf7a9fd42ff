//! `maitred runs`: what was measured and kept.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use maitred_core::result::{Check, Strategies};
use maitred_core::view::{self, kept};
use maitred_store::{Filter, Kept, Part, Selector, Store};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::show;
use crate::changed;
use crate::cli::{
    ChartArgs, DrawingArgs, PictureArgs, RunsAction, RunsArgs, ShowArgs, StoreArgs, ThemeName,
    TraceExportArgs,
};
use crate::error::{Error, exit};
use crate::keep;
use crate::saved;
use crate::terminal::Terminal;

/// Does what the arguments say; the number is the exit code.
///
/// # Errors
/// See [`Error`].
pub(crate) fn run(args: &RunsArgs, terminal: &Terminal) -> Result<u8, Error> {
    match &args.action {
        None => list(args, terminal)?,
        Some(RunsAction::Show { which, model, picture, place }) => {
            let (store, kept) = find(place, which)?;
            return shown(&store, &kept, model.as_deref(), picture, terminal);
        }
        Some(RunsAction::Diff { before, after, across_machines, place }) => {
            let store = place.read()?;
            let old = keep::comparison(&store, before, None)?;
            let of = (&old.machine, &old.subject);
            let new = keep::comparison(&store, after, Some(of))?;
            saved::comparable((&new.machine, &new.subject), of, *across_machines)?;
            terminal.print(&changed::text(&new, &old, terminal))?;
        }
        Some(RunsAction::History { which, export_svg, place }) => {
            history(place, which, export_svg.as_deref(), terminal)?;
        }
        Some(RunsAction::Export { which, output, model, place }) => {
            let (store, kept) = find(place, which)?;
            export(&store, &kept, output, model.as_deref())?;
        }
        Some(RunsAction::Tag { which, name, place }) => {
            let mut store = place.write()?;
            let kept = store.find(which, &Filter::default())?;
            store.tag(kept.id, name)?;
            terminal.print(&format!("result {} is now `{name}`\n", kept.id))?;
        }
        Some(RunsAction::Untag { name, place }) => {
            if !place.write()?.untag(name)? {
                return Err(Error::usage(format!(
                    "no result is tagged `{name}`; `maitred runs` lists the tags"
                )));
            }
        }
        Some(RunsAction::Delete { which, place }) => {
            let mut store = place.write()?;
            let found = which.iter().map(|one| Ok(store.find(one, &Filter::default())?.id));
            let found = found.collect::<Result<Vec<u64>, Error>>()?;
            let deleted = store.delete(&found)?;
            terminal.print(&format!("{} deleted\n", view::units::plural(deleted, "result")))?;
        }
    }
    Ok(exit::OK)
}

fn find(place: &StoreArgs, which: &Selector) -> Result<(Store, Kept), Error> {
    let store = place.read()?;
    let kept = store.find(which, &Filter::default())?;
    Ok((store, kept))
}

fn list(args: &RunsArgs, terminal: &Terminal) -> Result<(), Error> {
    let filter = Filter {
        kind: args.kind,
        subject: args.subject.clone(),
        most: Some(args.most),
        ..Filter::default()
    };
    let store = args.place.read()?;
    let found = store.list(&filter)?;
    if args.json {
        let rows = found.iter().map(|kept| {
            let figures = store.figures(kept.id)?;
            Ok(as_json(kept, &figures))
        });
        let rows = rows.collect::<Result<Vec<_>, Error>>()?;
        let text = serde_json::to_string_pretty(&rows)
            .map_err(|error| Error::failed(error.to_string()))?;
        return terminal.print(&(text + "\n"));
    }
    let lines = found.iter().map(|kept| kept::Line {
        id: kept.id,
        when: &kept.started,
        kind: kept.kind.name(),
        tags: kept.tags.join(" "),
        subject: &kept.subject,
        cell: kept.cell.as_ref().map(|at| format!("{}#{}", at.book, at.cell)),
        answer: &kept.answer,
    });
    terminal.print(&kept::list(&lines.collect::<Vec<_>>(), &terminal.options()))
}

fn as_json(kept: &Kept, figures: &[maitred_store::Figure]) -> serde_json::Value {
    let figures = figures.iter().map(|one| {
        json!({
            "model": one.model, "workers": one.workers, "work_ns": one.work_ns, "low_ns": one.low_ns,
            "high_ns": one.high_ns, "cpu_ns": one.cpu_ns, "memory_bytes": one.memory_bytes,
        })
    });
    json!({
        "id": kept.id, "kind": kept.kind.name(), "started": kept.started, "subject": kept.subject,
        "title": kept.title, "fingerprint": kept.fingerprint, "machine": kept.machine,
        "place": kept.place, "version": kept.version, "seed": kept.seed,
        "book": kept.cell.as_ref().map(|at| &at.book), "cell": kept.cell.as_ref().map(|at| &at.cell),
        "answer": kept.answer, "tags": kept.tags, "traces": kept.traces,
        "figures": figures.collect::<Vec<_>>(),
    })
}

/// Shows one as the command did that measured it.
fn shown(
    store: &Store,
    kept: &Kept,
    model: Option<&str>,
    picture: &PictureArgs,
    terminal: &Terminal,
) -> Result<u8, Error> {
    let options = terminal.options();
    let part = |part| store.part(kept.id, part).map_err(Error::from);
    if model.is_none() {
        if let Some(text) = part(Part::Check)?.filter(|_| kept.kind == maitred_store::Kind::Check) {
            terminal.print(&view::claims::report(&read::<Check>(kept, &text)?, &options))?;
            return Ok(exit::OK);
        }
        if let Some(text) = part(Part::Strategies)? {
            let found: Strategies = read(kept, &text)?;
            let mut whole = view::strategies::heading(&found.machine, &options);
            whole.extend(found.runtimes.iter().map(|one| view::strategies::table(one, &options)));
            whole.push_str(&view::strategies::legend(&options));
            terminal.print(&whole)?;
            return Ok(exit::OK);
        }
        if part(Part::Comparison)?.is_some() {
            let comparison = keep::comparison(store, &Selector::Id(kept.id), None)?;
            terminal.print(&view::table::table(&comparison, &options))?;
            return Ok(exit::OK);
        }
    }
    let Some(bytes) = trace(store, kept, model)? else {
        terminal.print(&format!("{}\n", kept.answer))?;
        terminal.complain(&format!("the trace of result {} is not kept any more", kept.id));
        return Ok(exit::OK);
    };
    let folder = tempfile::tempdir().map_err(|error| no_place(&error))?;
    let file = folder.path().join(format!("{}.trace", kept.id));
    std::fs::write(&file, bytes).map_err(|error| no_place(&error))?;
    let args = ShowArgs {
        file,
        picture: picture.clone(),
        exports: TraceExportArgs { export_perfetto: None, export_chrome: None },
        charts: ChartArgs {
            drawing: DrawingArgs { export_svg: None, export_png: None, theme: ThemeName::Auto },
            chart: None,
        },
    };
    show::run(&args, terminal)
}

fn no_place(error: &std::io::Error) -> Error {
    Error::failed(format!("there is no place for the trace among the temporary files: {error}"))
}

fn read<T: DeserializeOwned>(kept: &Kept, text: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(text).map_err(|error| {
        Error::usage(format!(
            "result {} was kept by maitred {} in a form that this one does not read ({error})",
            kept.id, kept.version
        ))
    })
}

/// The trace of a model, else the first one; `None`: it left.
fn trace(store: &Store, kept: &Kept, model: Option<&str>) -> Result<Option<Vec<u8>>, Error> {
    let traces = store.traces(kept.id)?;
    let named = |one: &&maitred_store::TraceRow| model.is_none_or(|model| one.model == model);
    match (traces.iter().find(named), model) {
        (Some(found), _) => store.trace(kept.id, found.position).map_err(Error::from),
        (None, Some(model)) => {
            let all: Vec<&str> = traces.iter().map(|one| one.model.as_str()).collect();
            let there = if all.is_empty() { "none".to_owned() } else { all.join(", ") };
            Err(Error::usage(format!(
                "result {} has no trace of {model}; those that are kept: {there}",
                kept.id
            )))
        }
        (None, None) => Ok(None),
    }
}

fn export(store: &Store, kept: &Kept, output: &Path, model: Option<&str>) -> Result<(), Error> {
    let parts = match output.extension().and_then(|end| end.to_str()) {
        Some("json") => &[Part::Comparison, Part::Check, Part::Strategies, Part::Run][..],
        Some("trace") => &[],
        _ => &[Part::Workload][..],
    };
    let mut bytes = None;
    for part in parts {
        bytes = bytes.or(store.part(kept.id, *part)?);
    }
    if parts.is_empty() {
        bytes = trace(store, kept, model)?;
    }
    let bytes = bytes.ok_or_else(|| {
        Error::usage(format!(
            "result {} has nothing kept that {} could be made of; `.json` is its result, `.trace` a trace, \
             anything else the text of the work",
            kept.id,
            output.display()
        ))
    })?;
    let written = File::create_new(output).and_then(|mut file| file.write_all(&bytes));
    written.map_err(|error| {
        Error::NotWritten(format!("{} cannot be written: {error}", output.display()))
    })
}

fn history(
    place: &StoreArgs,
    which: &Selector,
    export_svg: Option<&Path>,
    terminal: &Terminal,
) -> Result<(), Error> {
    let (store, kept) = find(place, which)?;
    if kept.fingerprint.is_empty() {
        return Err(Error::usage(format!(
            "result {} is of `maitred {}`, which is about many pieces of work; name a comparison or a run",
            kept.id,
            kept.kind.name()
        )));
    }
    let points = store.history(&kept.fingerprint)?;
    let mut page = export_svg.map(crate::export::Page::open).transpose()?;
    if let (Some(page), Some(path)) = (&mut page, export_svg) {
        let look = view::picture::Look::default();
        let drawn = view::picture::history::history(&points, &kept.subject, &look);
        page.put(drawn.as_bytes()).map_err(|error| {
            Error::NotWritten(format!("{} cannot be written: {error}", path.display()))
        })?;
    }
    terminal.print(&view::history::table(&points, &kept.subject, &terminal.options()))
}
