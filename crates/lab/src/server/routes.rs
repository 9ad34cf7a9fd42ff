//! What the page can ask, in one table: a route that is not in it does not exist.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use maitred_core::recording;
use maitred_core::view::picture::{self, Look, Theme, timeline};
use maitred_core::view::timeline::Lens;
use maitred_core::view::{json, units};
use maitred_store::Item;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;

use super::stream::Lines;
use crate::describe;
use crate::keep;
use crate::limits;
use crate::look::look;
use crate::repeat;
use crate::run;
use crate::session::{Kept, Session};
use crate::shown::CHARTS;
use crate::wish::Wish;

type Held = State<Arc<Session>>;

/// Between two looks whether all runtimes are known.
const LOOK: Duration = Duration::from_millis(100);

/// A path and what answers there.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    pub method: &'static str,
    pub path: &'static str,
    pub(super) handler: fn() -> MethodRouter<Arc<Session>>,
}

/// All of them but the files of the page.
pub const ROUTES: &[Route] = &[
    Route { method: "GET", path: "/api/book", handler: || get(book) },
    Route { method: "GET", path: "/api/here", handler: || get(here) },
    Route { method: "POST", path: "/api/look", handler: || post(looked) },
    Route { method: "POST", path: "/api/run", handler: || post(started) },
    Route { method: "POST", path: "/api/cancel", handler: || post(cancel) },
    Route { method: "POST", path: "/api/save", handler: || post(save) },
    Route { method: "POST", path: "/api/command", handler: || post(command) },
    Route { method: "GET", path: "/api/recorded/{id}", handler: || get(recorded) },
    Route { method: "GET", path: "/api/replay/{id}/{number}", handler: || get(replay) },
    Route { method: "GET", path: "/api/switches/{id}/{number}", handler: || get(switches) },
    Route { method: "GET", path: "/api/result/{id}", handler: || get(result) },
    Route { method: "GET", path: "/api/picture/{id}/{name}", handler: || get(drawn) },
    Route { method: "GET", path: "/api/trace/{id}/{number}", handler: || get(trace) },
    Route { method: "GET", path: "/api/history", handler: || get(history) },
    Route { method: "GET", path: "/api/export", handler: || get(export) },
    Route { method: "GET", path: "/api/jupyter", handler: || get(jupyter) },
];

/// A request that is refused: a sentence for the reader.
struct Refused(StatusCode, String);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, self.1).into_response()
    }
}

impl From<String> for Refused {
    fn from(text: String) -> Self {
        Self(StatusCode::BAD_REQUEST, text)
    }
}

fn gone(what: &str) -> Refused {
    Refused(StatusCode::NOT_FOUND, format!("{what} is not kept any more; run the cell again"))
}

fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Refused> {
    serde_json::from_slice(body)
        .map_err(|error| Refused::from(format!("this request is not understood: {error}")))
}

fn media(media: &'static str, bytes: impl IntoResponse) -> Response {
    ([(header::CONTENT_TYPE, media)], bytes).into_response()
}

fn json_of(value: &impl serde::Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(bytes) => media("application/json", bytes),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    name: String,
}

async fn book(State(session): Held, Query(named): Query<Named>) -> Result<Response, Refused> {
    // The other files of the page are handed out meanwhile.
    let read = move || describe::book(&session, &named.name).map(|book| json_of(&book));
    match tokio::task::spawn_blocking(read).await {
        Ok(answer) => Ok(answer?),
        Err(error) => Err(Refused::from(error.to_string())),
    }
}

/// Answers once all runtimes were asked what they are: a page that asked again and again would take time
/// from what it measures meanwhile.
async fn here(State(session): Held) -> Response {
    let here = loop {
        match session.here() {
            here if here.complete => break here,
            _ => tokio::time::sleep(LOOK).await,
        }
    };
    json_of(&serde_json::json!({ "models": here.models, "missing": here.missing }))
}

async fn export(State(session): Held, Query(named): Query<Named>) -> Result<Response, Refused> {
    Ok(media("text/html; charset=utf-8", crate::export::html(&session, &named.name)?))
}

async fn jupyter(State(session): Held, Query(named): Query<Named>) -> Result<Response, Refused> {
    Ok(media("application/x-ipynb+json", crate::export::jupyter(&session, &named.name)?))
}

/// A cell as it stands in the page.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Edited {
    book: String,
    cell: String,
    source: String,
    #[serde(default)]
    set: Vec<(String, String)>,
}

async fn looked(State(session): Held, body: Bytes) -> Result<Response, Refused> {
    let Edited { book, cell, source, set } = read(&body)?;
    sized(&source)?;
    let notebook = session.book(&book)?.read()?;
    let cell = notebook.cell(&cell).ok_or_else(|| gone("this cell"))?;
    let mut seen = look(cell, &source, &notebook.servers_above(&cell.id), &set);
    seen.asks = seen.asks.filter(|asks| !session.is_agreed(&asks.text));
    Ok(json_of(&describe::looked(&session, cell, &seen)))
}

fn sized(source: &str) -> Result<(), Refused> {
    match source.len() {
        fits if fits <= limits::SOURCE_BYTES => Ok(()),
        large => Err(Refused::from(format!(
            "this cell has {}, and one may have {}; put the work into a file",
            units::bytes(large as u64),
            units::bytes(limits::SOURCE_BYTES as u64)
        ))),
    }
}

async fn started(State(session): Held, body: Bytes) -> Result<Response, Refused> {
    let wish: Wish = read(&body)?;
    sized(&wish.source)?;
    let ready = run::prepare(&session, &wish)
        .map_err(|why| Refused(StatusCode::UNPROCESSABLE_ENTITY, why))?;
    let (id, cancel) =
        session.begin().map_err(|why| Refused(StatusCode::TOO_MANY_REQUESTS, why))?;
    let (send, lines) = mpsc::unbounded_channel();
    let body = Lines::body(lines, Arc::clone(&session), id);
    std::thread::spawn(move || {
        run::cell(&session, &wish, &ready, id, &cancel, &|line| drop(send.send(line)));
    });
    Ok(media("application/x-ndjson", body))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unwanted {
    run: u64,
}

async fn cancel(State(session): Held, body: Bytes) -> Result<Response, Refused> {
    let Unwanted { run } = read(&body)?;
    session.cancel(run);
    Ok(json_of(&serde_json::json!({})))
}

async fn save(State(session): Held, body: Bytes) -> Result<Response, Refused> {
    let Edited { book, cell, source, .. } = read(&body)?;
    sized(&source)?;
    session.book(&book)?.save(&cell, &source)?;
    Ok(json_of(&serde_json::json!({ "said": "saved into the notebook" })))
}

async fn command(State(session): Held, body: Bytes) -> Result<Response, Refused> {
    let wish: Wish = read(&body)?;
    let notebook = session.book(&wish.book)?.read()?;
    let cell = notebook.cell(&wish.cell).ok_or_else(|| gone("this cell"))?;
    let words = repeat::command(cell, &notebook.servers_above(&cell.id), &wish);
    Ok(json_of(&serde_json::json!({ "words": words })))
}

/// A result whose recorded runs are read. Other requests are answered meanwhile.
async fn loaded(session: &Session, id: u64) -> Result<Arc<Kept>, Refused> {
    let kept = session.result(id).ok_or_else(|| gone("this result"))?;
    let own = Arc::clone(&kept);
    let read = tokio::task::spawn_blocking(move || {
        own.recorded();
    })
    .await;
    read.map(|()| kept).map_err(|error| Refused::from(error.to_string()))
}

async fn recorded(State(session): Held, Path(id): Path<u64>) -> Result<Response, Refused> {
    Ok(json_of(loaded(&session, id).await?.recorded()))
}

async fn replay(
    State(session): Held,
    Path((id, number)): Path<(u64, usize)>,
) -> Result<Response, Refused> {
    let kept = loaded(&session, id).await?;
    let replay = kept.recorded().replays.get(number).ok_or_else(|| gone("this run"))?;
    Ok(media("application/octet-stream", replay.columns.bytes()))
}

async fn switches(
    State(session): Held,
    Path((id, number)): Path<(u64, usize)>,
) -> Result<Response, Refused> {
    let kept = loaded(&session, id).await?;
    let replay = kept.recorded().switches.get(number).and_then(Option::as_ref);
    let replay = replay.ok_or_else(|| gone("the kernel's record of this run"))?;
    Ok(media("application/octet-stream", replay.columns.bytes()))
}

/// A recorded run as `maitred show` reads it.
async fn trace(
    State(session): Held,
    Path((id, number)): Path<(u64, usize)>,
) -> Result<Response, Refused> {
    let kept = loaded(&session, id).await?;
    let trace = kept.recorded().traces.get(number).ok_or_else(|| gone("this run"))?;
    let comparison = kept.found.comparison.as_ref().ok_or_else(|| gone("this result"))?;
    let (from, mut file) = (Item::provenance(comparison), Vec::new());
    let sink = |bytes: &[u8]| {
        file.extend_from_slice(bytes);
        Ok::<(), Infallible>(())
    };
    let Ok(_) = recording::write(&from, trace, None, limits::TRACE_BYTES, sink);
    Ok(media("application/octet-stream", file))
}

async fn result(State(session): Held, Path(id): Path<u64>) -> Result<Response, Refused> {
    let kept = session.result(id).ok_or_else(|| gone("this result"))?;
    let text = match (&kept.found.comparison, &kept.found.check) {
        (Some(comparison), _) => json::to_json(comparison),
        (None, Some(check)) => json::check_to_json(check),
        (None, None) => return Err(gone("this result")),
    };
    Ok(media("application/json", text))
}

#[derive(Deserialize)]
struct Dress {
    #[serde(default)]
    theme: String,
}

impl Dress {
    fn look(&self) -> Look {
        let theme = match self.theme.as_str() {
            "light" => Theme::Light,
            "dark" => Theme::Dark,
            _ => Theme::Auto,
        };
        Look { theme, ..Look::default() }
    }
}

#[derive(Deserialize)]
struct Past {
    book: String,
    cell: String,
    #[serde(flatten)]
    dress: Dress,
}

/// Equal work over time: as figures, and drawn.
async fn history(State(session): Held, Query(past): Query<Past>) -> Result<Response, Refused> {
    let points = keep::history(&session, &past.book, &past.cell)?;
    let drawn = picture::history::history(&points, &past.cell, &past.dress.look());
    Ok(json_of(&serde_json::json!({ "points": points, "picture": drawn })))
}

async fn drawn(
    State(session): Held,
    Path((id, name)): Path<(u64, String)>,
    Query(dress): Query<Dress>,
) -> Result<Response, Refused> {
    let kept = loaded(&session, id).await?;
    let look = dress.look();
    let svg = match name.strip_prefix("timeline-").map(str::parse::<usize>) {
        Some(number) => {
            let trace = number.ok().and_then(|number| kept.recorded().traces.get(number));
            let trace = trace.ok_or_else(|| gone("this run"))?;
            let slices = trace.scheduling.known().map_or(&[][..], |it| &it.slices);
            {
                let subject =
                    kept.found.comparison.as_ref().map_or("", |it| it.subject.name.as_str());
                let spans = || trace.spans.iter().copied();
                let lens = Lens::default();
                timeline::timeline(trace, subject, spans, || slices.iter().copied(), &lens, &look)
                    .map_err(|why| Refused::from(why.to_string()))?
            }
        }
        None => {
            let chart = CHARTS.iter().find(|(known, _)| *known == name);
            let (_, chart) =
                chart.ok_or_else(|| Refused::from(format!("there is no chart `{name}`")))?;
            let comparison = kept.found.comparison.as_ref().ok_or_else(|| gone("this result"))?;
            picture::chart(comparison, *chart, &look)
                .map_err(|why| Refused::from(why.to_owned()))?
        }
    };
    Ok(media("image/svg+xml", svg))
}
