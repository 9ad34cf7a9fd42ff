//! Which models take part: what was named, what the workload names, or all; each with its number
//! of workers, and with the reason where it cannot run.

use maitred_core::analyse::advice::Newcomer;
use maitred_core::result::{Chosen, Contestant, Site, SubjectKind};
use maitred_core::trace::StepKind;
use maitred_core::workload::{Diagnostic, Lowered, Place};
use maitred_wire::trace_file::Layout;
use maitred_wire::{Action, Lanes, Loops, Model, Step, Strategy, Substance};

use crate::error::Error;
use crate::job::Job;
use crate::measure::limits::{self, Demand};
use crate::measure::machine;
use crate::request::INNER_THREADS;
use crate::runtime::Library;
use crate::runtimes::{self, Runtime, Runtimes};
use crate::subject::{closures, executors, function};

/// A model that takes part.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub model: Model,
    pub workers: u32,
    /// What decided on that, or that it takes part; `None`: it was asked for, or fits its strategy.
    pub chosen: Option<Chosen>,
    pub runtime: Runtime,
    /// Why it is not run: this machine forbids it, or the runtime cannot do a step.
    pub obstacle: Option<String>,
}

impl Entry {
    /// What it is before its first run.
    pub(crate) fn contestant(&self) -> Contestant {
        Contestant {
            model: self.model.clone(),
            site: Site::Here,
            workers: self.workers,
            chosen: self.chosen,
            runtime: self.runtime.name.clone(),
            runs: Vec::new(),
            summary: None,
            unranked: self.obstacle.clone(),
            dropped: None,
            traced: None,
        }
    }
}

/// What was asked for.
#[derive(Debug)]
pub(crate) struct Wish<'a> {
    /// Of `--models`; empty: what the workload names, or all.
    pub models: &'a [String],
    pub workers: Option<&'a [u32]>,
    /// Whether executors of the user's own take part that `models` does not name.
    pub executors: bool,
    /// The address of a cluster that is there already.
    pub cluster: Option<&'a str>,
}

/// Finds the models that take part. One that was named by the user and cannot run is an error;
/// one that was only implied is kept with its obstacle, so that it is shown and not ranked.
///
/// # Errors
/// [`Error::Usage`] with the nearest name for an unknown one.
pub(crate) fn choose(wish: &Wish, job: &Job, runtimes: &Runtimes) -> Result<Vec<Entry>, Error> {
    let mut named = Vec::new();
    for text in wish.models {
        named.extend(expand(text, runtimes)?);
    }
    let by_user = !named.is_empty();
    if !by_user {
        named = job.work.compare.clone();
    }
    if named.is_empty() {
        named = match job.kind {
            SubjectKind::Function => {
                with_as_many_as_on_a_loop(function::models(job, runtimes), job, runtimes)
            }
            SubjectKind::Closure => closures::models(runtimes),
            _ => runtimes.all_models(),
        };
    }
    if wish.executors && named.iter().all(|model| model.strategy != Strategy::Executor) {
        let python = runtimes.find("python3").map(|runtime| runtime.name.clone());
        named.push(Model::new(&python.unwrap_or("python3".into()), Strategy::Executor));
    }
    let mut models = vary(spread(by_executor(named, job), wish.workers), job);
    if !by_user {
        models.retain(|model| suits(model, job));
    }
    let mut entries = Vec::new();
    for model in models {
        let mut entry = enter(model, job, runtimes);
        let is_beside_loop =
            entry.model.workers.is_some() && !by_user && job.work.compare.is_empty();
        entry.chosen = entry.chosen.or(is_beside_loop.then_some(Chosen::EqualConcurrency));
        match &entry.obstacle {
            Some(obstacle) if by_user => {
                return Err(Error::Usage(format!("{} cannot run: {obstacle}", entry.model)));
            }
            _ => entries.push(entry),
        }
    }
    has_a_use(wish.cluster, entries.iter().map(|one| &*one.model.runtime))?;
    let sequential: Vec<_> = entries.iter().filter(|one| is_one_at_a_time(one)).collect();
    let settings: Vec<_> = sequential.iter().map(|one| one.model.setting.clone()).collect();
    // One copy of a command at a time is one contestant, whatever it is called.
    let is_again = |one: &Entry| {
        let alone = one.model.strategy == Strategy::Processes && one.workers == 1;
        job.kind == SubjectKind::Command && alone && settings.contains(&one.model.setting)
    };
    entries.retain(|one| !is_again(one));
    Ok(entries)
}

/// A cluster that nobody would ask is no wish to be passed over in silence. Whose it is tells the beginning of its
/// address.
fn has_a_use<'a>(
    cluster: Option<&str>,
    mut runtimes: impl Iterator<Item = &'a str>,
) -> Result<(), Error> {
    let Some(address) = cluster else { return Ok(()) };
    let engine = if address.starts_with("ray://") { Library::Ray } else { Library::Dask }.name();
    if runtimes.any(|one| one == engine) {
        return Ok(());
    }
    Err(Error::Usage(format!(
        "no model works on this cluster, and --cluster names {address}: name one that does, as in \
         {engine}/processes"
    )))
}

fn is_one_at_a_time(entry: &Entry) -> bool {
    entry.model.strategy == Strategy::Sequential
}

/// The models that one item of `--models` stands for.
fn expand(text: &str, runtimes: &Runtimes) -> Result<Vec<Model>, Error> {
    let text = text.trim();
    if let Ok(model) = text.parse::<Model>()
        && model.setting.is_none()
    {
        let runtime = runtimes.find(&model.runtime)?.name.clone();
        return Ok(vec![Model { runtime, ..model }]);
    }
    if let Ok(runtime) = runtimes.find(text) {
        let name = |strategy: &Strategy| Model::new(&runtime.name, *strategy);
        return Ok(runtime.strategies.iter().map(name).collect());
    }
    let default = runtimes.default_runtime();
    if let Ok(model) = format!("{}/{text}", default.name).parse::<Model>()
        && !text.contains('/')
    {
        return Ok(vec![model]);
    }
    Err(unknown(text, runtimes))
}

/// One error for everything that is not a model: what is wrong, the nearest name, the list.
fn unknown(text: &str, runtimes: &Runtimes) -> Error {
    if let Err(error @ maitred_wire::ModelError::BadWorkers(_)) = text.parse::<Model>() {
        return Error::Usage(format!("model `{text}`: {error}"));
    }
    let known: Vec<String> = runtimes.all_models().iter().map(ToString::to_string).collect();
    let bare = text.split(':').next().unwrap_or(text);
    let full = if bare.contains('/') {
        bare.to_owned()
    } else {
        format!("{}/{bare}", runtimes.default_runtime().name)
    };
    let hint = maitred_core::workload::nearest(&full, known.iter().map(String::as_str))
        .map_or_else(|| ";".to_owned(), |name| format!(", did you mean `{name}`?"));
    Error::Usage(format!("unknown model `{text}`{hint} there are {}", known.join(", ")))
}

/// Each executor of the user's own in the place of the one word for all of them.
fn by_executor(models: Vec<Model>, job: &Job) -> Vec<Model> {
    let each = |model: Model| match model.strategy {
        Strategy::Executor if !job.executors.is_empty() => {
            job.executors.iter().map(|own| own.model(&model)).collect()
        }
        _ => vec![model],
    };
    models.into_iter().flat_map(each).collect()
}

/// One model for each number of workers, where it has any and none was written with it.
fn spread(models: Vec<Model>, workers: Option<&[u32]>) -> Vec<Model> {
    let mut all: Vec<Model> = Vec::new();
    for model in models {
        let counts = match workers {
            Some(counts) if model.strategy.has_workers() && model.workers.is_none() => {
                counts.iter().copied().map(Some).collect()
            }
            _ => vec![model.workers],
        };
        all.extend(counts.into_iter().map(|workers| Model { workers, ..model.clone() }));
    }
    let mut seen = Vec::new();
    all.retain(|model| {
        let new = !seen.contains(model);
        seen.push(model.clone());
        new
    });
    all
}

/// One model for each variant of the work; the variants of a value stand together.
fn vary(models: Vec<Model>, job: &Job) -> Vec<Model> {
    if job.variants.is_empty() {
        return models;
    }
    let with = |(setting, _): &(String, Lowered)| {
        let setting = setting.clone();
        let all = move |own: &Option<String>| match own {
            Some(own) => format!("{setting} {own}"),
            None => setting.clone(),
        };
        models
            .iter()
            .map(move |model| Model { setting: Some(all(&model.setting)), ..model.clone() })
    };
    job.variants.iter().flat_map(with).collect()
}

/// A loop has all tasks under way at once: beside a pool of the usual size (what the executors of
/// Python take by themselves) stands one that has as many, so that not the size decides.
fn with_as_many_as_on_a_loop(mut models: Vec<Model>, job: &Job, runtimes: &Runtimes) -> Vec<Model> {
    let tasks = job.work.task_count().min(POOL_MOST);
    let has_loop = models.iter().any(|model| model.strategy == Strategy::EventLoop);
    let pool = models.iter().position(|model| model.strategy == Strategy::ThreadPool);
    let is_smaller = |at: &usize| tasks > enter(models[*at].clone(), job, runtimes).workers;
    if let Some(at) = pool.filter(|at| has_loop && is_smaller(at)) {
        let all = Model { workers: Some(tasks), ..models[at].clone() };
        models.insert(at + 1, all);
    }
    models
}

/// More threads than this are not made unasked.
const POOL_MOST: u32 = 200;

/// Whether nothing speaks against this strategy for the function of this setting.
fn suits(model: &Model, job: &Job) -> bool {
    let words: Vec<&str> = model.setting.as_deref().unwrap_or_default().split(' ').collect();
    let speaks_against = |(word, strategy): &(String, Strategy)| {
        *strategy == model.strategy && words.contains(&word.as_str())
    };
    !job.unsuited.iter().any(speaks_against)
}

/// A model with its number of workers, or what is in its way.
pub(crate) fn enter(model: Model, job: &Job, runtimes: &Runtimes) -> Entry {
    // Of requests, one that is under way is what a task is elsewhere.
    let at_once = job.connections.map(|connections| connections.of(model.strategy));
    let tasks = at_once.unwrap_or_else(|| job.work_of(&model).task_count());
    let fitting = match at_once {
        Some(connections) if model.workers.is_none() && waits(model.strategy) => connections,
        _ => workers(&model, tasks),
    };
    let fitting = match executors::of(&model, &job.executors) {
        Some(own) => model.workers.unwrap_or_else(|| own.workers(tasks)),
        None => fitting,
    };
    match runtimes.find(&model.runtime) {
        Ok(runtime) => {
            let model = Model { runtime: runtime.name.clone(), ..model };
            let is_ours = job.kind == SubjectKind::Function && model.workers.is_none();
            let default =
                is_ours.then(|| function::library_default(runtime, model.strategy)).flatten();
            let workers = default.map_or(fitting, |default| default.min(tasks).max(1));
            let chosen = default.map(|_| Chosen::LibraryDefault);
            let obstacle = obstacle(&model, workers, job, runtime);
            Entry { model, workers, chosen, runtime: runtime.clone(), obstacle }
        }
        Err(error) => {
            let runtime = Runtime::missing(&model.runtime);
            let obstacle = Some(error.to_string());
            Entry { model, workers: fitting, chosen: None, runtime, obstacle }
        }
    }
}

/// Whoever joins for what the first round showed; `None`: something is in its way, or it takes part.
pub(crate) fn join(newcomer: &Newcomer, entries: &[Entry], job: &Job) -> Option<Entry> {
    let like = &entries[newcomer.like];
    let mut model = Model { workers: Some(newcomer.workers), ..like.model.clone() };
    if matches!(newcomer.chosen, Chosen::OneInnerThread { .. }) {
        let own = format!("{INNER_THREADS}=1");
        model.setting =
            Some(model.setting.map_or(own.clone(), |setting| format!("{setting} {own}")));
    }
    let obstacle = obstacle(&model, newcomer.workers, job, &like.runtime);
    let is_new = entries.iter().all(|entry| entry.model != model);
    let (workers, chosen) = (newcomer.workers, Some(newcomer.chosen));
    (obstacle.is_none() && is_new).then(|| Entry { model, workers, chosen, ..like.clone() })
}

/// How many workers a model has: what was asked for, else what fits the strategy.
///
/// A pool has four more than there are processors, at most 32, so that a worker that waits does
/// not idle a processor: the default of Python's `ThreadPoolExecutor`, for the same reason.
pub(crate) fn workers(model: &Model, tasks: u32) -> u32 {
    let cores = machine::usable_cores();
    let facts = model.strategy.facts();
    let fitting = match facts.loops {
        Loops::Every => cores,
        Loops::None | Loops::First => tasks.min(cores + 4).min(32),
    };
    facts.workers(tasks, model.workers.unwrap_or(fitting).max(1))
}

/// Whether a worker has one task under way at a time.
fn waits(strategy: Strategy) -> bool {
    strategy.facts().is_one_task_a_lane()
}

/// Why this model cannot run this work here, as a sentence with the next step.
fn obstacle(model: &Model, workers: u32, job: &Job, runtime: &Runtime) -> Option<String> {
    let work = job.work_of(model);
    if !runtime.offers(model.strategy) {
        let names: Vec<_> = runtime.strategies.iter().map(ToString::to_string).collect();
        let (name, has) = (&runtime.name, names.join(", "));
        return Some(format!("{name} has no `{}`; it has {has}", model.strategy));
    }
    let strategy = runtimes::told_strategy(model, job.kind);
    if strategy == Strategy::Executor && executors::of(model, &job.executors).is_none() {
        let next = "name who makes it, as in --executor pools.py:make";
        return Some(format!("an executor is an object of yours: {next}"));
    }
    let needs = work.needs(&told_runtime(model), strategy);
    if let Some(need) = needs.first() {
        return Some(sentence(need, job));
    }
    if let Some(lacks) = lacks(runtime, work).or_else(|| lacks_manner(runtime, work)) {
        return Some(lacks);
    }
    let asked = Demand {
        connections: connections(
            strategy,
            workers,
            work,
            job.connections.map(|one| one.of(strategy)),
        ),
        ..demand(strategy, workers, work)
    };
    limits::check(&asked).err()
}

/// The step that this runtime said it cannot do.
fn lacks(runtime: &Runtime, work: &Lowered) -> Option<String> {
    let can = runtime.ready.as_ref()?.steps.as_ref()?;
    // A `hold` has two entries here and one name there.
    let name = |kind: StepKind| kind.name().split(',').next().unwrap_or_default();
    let step = work.steps.iter().find(|step| can.iter().all(|one| one != name(step.kind)))?;
    let (runtime, step) = (&runtime.name, name(step.kind));
    Some(match step {
        "call" => format!("{runtime} cannot do `call`, a function of Python: use python3"),
        _ => format!("{runtime} cannot do the step `{step}`; `maitred runtimes` says what it can"),
    })
}

/// What of its requests this runtime did not say that it can do.
fn lacks_manner(runtime: &Runtime, work: &Lowered) -> Option<String> {
    fn find(steps: &[Step], can: &[String]) -> Option<&'static str> {
        steps.iter().find_map(|step| match &step.action {
            Action::Http { manner, .. } => {
                let mut needs = manner.needs();
                needs.find(|(name, _)| can.iter().all(|one| one != name)).map(|(_, words)| words)
            }
            Action::Hold { steps, .. } | Action::Repeat { steps, .. } => find(steps, can),
            _ => None,
        })
    }
    let can = runtime.ready.as_ref()?.steps.as_ref()?;
    let what = work.programs.iter().find_map(|program| find(&program.steps, can))?;
    Some(format!(
        "the requests of {} cannot {what}: omit that, or use native or python3",
        runtime.name
    ))
}

/// Place, cause and next step in one line: it stands in a table beside other models.
fn sentence(need: &Diagnostic, job: &Job) -> String {
    let place = match &need.place {
        Place::Source(span) => {
            let line = job.source[..span.start].matches('\n').count() + 1;
            format!("{}:{line}: ", job.name)
        }
        Place::File | Place::Option { .. } => String::new(),
    };
    let help = need.help.as_ref().map_or_else(String::new, |help| format!("; {help}"));
    format!("{place}{}{help}", need.message)
}

/// The runtime whose abilities count: a command is run by the native one.
fn told_runtime(model: &Model) -> String {
    if model.runtime == "command" { "native".to_owned() } else { model.runtime.clone() }
}

/// What a run asks of the machine at most.
fn demand(strategy: Strategy, workers: u32, work: &Lowered) -> Demand {
    let layout = layout(strategy, workers, work, SPANS);
    let spans = (u64::from(layout.lanes) * u64::from(layout.spans_per_lane)).min(SPANS);
    let columns = work.columns.len() * size_of::<u64>();
    let fixed = layout.spans_offset() + columns;
    let bytes = fixed as u64 + spans * maitred_wire::trace_file::SPAN_BYTES as u64;
    match strategy.facts().substance {
        Substance::Process => Demand { processes: u64::from(workers), bytes, ..Demand::default() },
        _ => Demand { threads: u64::from(workers), bytes, ..Demand::default() },
    }
}

/// How many connections may be open at once in one process, of a runner or of a server.
fn connections(strategy: Strategy, workers: u32, work: &Lowered, at_once: Option<u32>) -> u64 {
    if !work.steps.iter().any(|step| step.kind == StepKind::Http) {
        return 0;
    }
    u64::from(match strategy.interleaves() {
        true => at_once.unwrap_or_else(|| work.task_count()),
        false => workers,
    })
}

/// How many spans a compared run may record: 24 MB of them.
pub(crate) const SPANS: u64 = 1_000_000;

/// The trace file for a model: room for every task, and for at most about so many spans. Each
/// lane of a pool may do most of the work, so each has room for up to four shares.
pub(crate) fn layout(strategy: Strategy, workers: u32, work: &Lowered, spans: u64) -> Layout {
    let tasks = work.task_count();
    let total = work.span_count();
    let most = work.spans_per_task().iter().copied().max().unwrap_or(0);
    let facts = strategy.facts();
    let is_one_a_task = facts.lanes == Lanes::ByTask;
    let (lanes, room) =
        (facts.lane_count(tasks, workers), if is_one_a_task { most } else { total });
    let share = if is_one_a_task {
        spans / u64::from(lanes.max(1))
    } else {
        (4 * spans / u64::from(lanes.max(1))).min(spans)
    };
    let spans_per_lane = room.min(share.max(16)) as u32;
    Layout { lanes, tasks, spans_per_lane }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_has_a_use_for_the_engine_that_its_address_names() {
        let has = |address: &str, runtimes: &[&str]| {
            has_a_use(Some(address), runtimes.iter().copied()).is_ok()
        };
        assert!(has("tcp://h:8786", &["native", "dask"]) && has("ray://h:10001", &["ray"]));
        assert!(!has("tcp://h:8786", &["native", "ray"]), "a cluster would be started here");
        assert!(!has("ray://h:10001", &["dask"]));
        assert!(has_a_use(None, ["native"].into_iter()).is_ok());
    }
}
