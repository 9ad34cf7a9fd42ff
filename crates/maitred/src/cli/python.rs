//! What can be typed for functions of Python and their interpreters.

use std::path::PathBuf;

use clap::Args;
use clap::builder::TypedValueParser as _;

use maitred_engine::request::{EventLoop, StartMethod};
use maitred_engine::subject::function;

/// What only Python and functions of Python know.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Functions and runtimes of Python")]
pub struct PythonArgs {
    /// A further interpreter; may be repeated. The first is the one that functions run on
    #[arg(long = "python", value_name = "PATH")]
    pub pythons: Vec<PathBuf>,

    /// A task for each line: the function's argument, JSON values in .jsonl, a row of arguments in
    /// .csv; or for each value of the list that a function makes: FILE.py:NAME
    #[arg(long, value_name = "FILE")]
    pub inputs: Option<PathBuf>,

    /// Arguments that follow the input: a JSON list, as in '[3, "a"]'
    #[arg(long, value_name = "LIST", value_parser = parse_list)]
    pub args: Option<String>,

    /// A function to call in each process before the work: FILE.py:NAME
    #[arg(long, value_name = "FUNCTION")]
    pub setup: Option<String>,

    /// A function to call in each worker (thread, process, loop) before the work, which may be
    /// `async`: to open a connection, to load a model
    #[arg(long, value_name = "FUNCTION")]
    pub worker_setup: Option<String>,

    /// A function to call in each worker after the work
    #[arg(long, value_name = "FUNCTION")]
    pub worker_teardown: Option<String>,

    /// Call the function so often in each worker before the work, with the first inputs
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub warmup_calls: Option<u32>,

    /// Hand so many tasks over to a process at once, as the `chunksize` of a pool
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub chunk: Option<u32>,

    /// A function that is called with the list of all results after the work; a model whose results
    /// make it return False or raise is not ranked
    #[arg(long, value_name = "FUNCTION")]
    pub expect: Option<String>,

    /// An input that is a list becomes several arguments, an object keyword arguments
    #[arg(long)]
    pub spread: bool,

    /// Drop what the function returns: otherwise results are kept to the end of the work, as by a
    /// program that asked for them, and compared
    #[arg(long)]
    pub discard_results: bool,

    /// How many tasks an event loop has under way at most; without it all
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub concurrency: Option<u32>,

    /// How processes are started
    #[arg(long, value_name = "METHOD", value_parser = choice::<StartMethod>(StartMethod::NAMES))]
    pub start_method: Option<StartMethod>,

    /// Run every model with so many threads of libraries in each worker (BLAS, OpenMP), as in 1,auto
    #[arg(long, value_name = "N,N", value_delimiter = ',', value_parser = parse_inner_threads)]
    pub inner_threads: Vec<String>,

    /// A function that makes an executor of your own (anything with `submit`), which takes part under
    /// this name; may be repeated
    #[arg(long = "executor", value_name = "[NAME=]FUNCTION", value_parser = parse_executor)]
    pub executors: Vec<(String, String)>,

    /// Which event loop
    #[arg(long = "loop", value_name = "LOOP", value_parser = choice::<EventLoop>(EventLoop::NAMES))]
    pub event_loop: Option<EventLoop>,

    /// A cluster that is there already: the scheduler of Dask's for the tasks of `dask/…` (tcp://HOST:PORT), or the
    /// client server of Ray's for those of `ray/…` (ray://HOST:PORT); without it one is started here for each run
    #[arg(long, value_name = "ADDRESS", value_parser = parse_cluster)]
    pub cluster: Option<String>,

    /// Show what the function printed
    #[arg(long)]
    pub show_output: bool,
}

fn parse_list(text: &str) -> Result<String, String> {
    match serde_json::from_str(text) {
        Ok(serde_json::Value::Array(_)) => Ok(text.to_owned()),
        Ok(_) => Err(format!("write a list, as in '[{text}]'")),
        Err(error) => Err(format!("write a JSON list, as in '[3, \"a\"]' ({error})")),
    }
}

/// The name is that of the function unless another is written before it.
fn parse_executor(text: &str) -> Result<(String, String), String> {
    let (name, maker) = text.split_once('=').unwrap_or(("", text));
    if !function::is_function(maker) {
        return Err("name a function that makes one, as in mine=pools.py:make".to_owned());
    }
    let own = maker.rsplit([':', '.']).next().unwrap_or(maker);
    let name = if name.is_empty() { own } else { name };
    match name.contains(|letter: char| letter.is_whitespace() || ",/:".contains(letter)) {
        true => {
            Err(format!("`{name}` is no name for it; write one without blanks, `,`, `/` and `:`"))
        }
        false => Ok((name.to_owned(), maker.to_owned())),
    }
}

fn parse_cluster(text: &str) -> Result<String, String> {
    let place = text.split_once("://").and_then(|(_, place)| place.rsplit_once(':'));
    match place {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => {
            Ok(text.to_owned())
        }
        _ => Err(format!(
            "write the address that Dask's scheduler prints, as in tcp://{text}:8786, or of Ray's client server, as in ray://{text}:10001"
        )),
    }
}

fn parse_inner_threads(text: &str) -> Result<String, String> {
    match text.parse::<u16>() {
        Ok(1..) => Ok(text.to_owned()),
        _ if text == "auto" => Ok(text.to_owned()),
        _ => {
            Err("write numbers of threads, or auto for what the library does by itself".to_owned())
        }
    }
}

/// One of the words of a closed set.
fn choice<T>(names: &'static [&'static str]) -> impl clap::builder::TypedValueParser<Value = T>
where
    T: std::str::FromStr<Err = String> + Clone + Send + Sync + 'static,
{
    clap::builder::PossibleValuesParser::new(names).try_map(|word| word.parse::<T>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_executor_is_named_by_its_function_or_before_it() {
        let pair = |name: &str, maker: &str| Ok((name.to_owned(), maker.to_owned()));
        assert_eq!(parse_executor("pools.py:make"), pair("make", "pools.py:make"));
        assert_eq!(parse_executor("mine=a.b:C.make"), pair("mine", "a.b:C.make"));
        for wrong in ["pools.py", "mine=", "a b=pools.py:make", "a/b=pools.py:make"] {
            assert!(parse_executor(wrong).is_err(), "{wrong}");
        }
    }
}
