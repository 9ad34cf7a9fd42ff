//! The server alone, for its tests and benches: `maitred-server-dev --strategy S --port 0 …`.

use std::process::ExitCode;
use std::time::Duration;

use maitred_server::{AccessLog, ENDPOINTS, Identity, Options, serve};
use maitred_wire::{Nanos, parse_size_or_bytes};

#[expect(clippy::print_stderr, reason = "the outermost layer speaks to the user")]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--help") {
        eprintln!("{}", help());
        return ExitCode::SUCCESS;
    }
    let outcome = parse(&arguments).and_then(|options| serve(options).map_err(|e| e.to_string()));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn help() -> String {
    let mut text = String::from("options are --NAME VALUE, see `parse`; endpoints:\n");
    for endpoint in ENDPOINTS {
        text += &format!("  {}{}  {}\n", endpoint.path, endpoint.argument, endpoint.about);
    }
    text
}

#[expect(clippy::print_stderr, reason = "the outermost layer speaks to the user")]
fn parse(arguments: &[String]) -> Result<Options, String> {
    let mut options = Options { tell: |event| eprintln!("{event}"), ..Options::default() };
    for pair in arguments.chunks(2) {
        let [name, value] = pair else { return Err(format!("{} lacks a value", pair[0])) };
        set(&mut options, name, value)?;
    }
    Ok(options)
}

fn set(options: &mut Options, name: &str, value: &str) -> Result<(), String> {
    match name {
        "--strategy" => options.architecture = value.parse()?,
        "--unix" => options.unix = Some(value.into()),
        "--port" => options.port = number(value)?,
        "--admin-port" => options.admin_port = Some(number(value)?),
        "--workers" => options.workers = Some(number(value)?),
        "--backlog" => options.backlog = number(value)?,
        "--max-connections" => options.connections_max = number(value)?,
        "--max-requests" => options.requests_max = Some(number(value)?),
        "--max-requests-jitter" => options.requests_jitter = number(value)?,
        "--max-memory" => {
            options.memory_max = Some(size(value)?);
        }
        "--delay" => options.delay = duration(value)?,
        "--max-body" => options.sizes.body_bytes = size(value)?,
        "--max-delay" => options.duration_max = duration(value)?,
        "--worker-timeout" => options.worker_timeout = duration(value)?,
        "--graceful-timeout" => options.graceful_timeout = duration(value)?,
        "--head-time" => options.times.head = duration(value)?,
        "--body-time" => options.times.body = duration(value)?,
        "--idle-time" => options.times.idle = duration(value)?,
        "--write-time" => options.times.write = duration(value)?,
        "--courtesy" => options.courtesy = duration(value)?,
        "--drain-idle" => options.times.drain_idle = duration(value)?,
        "--tls" => {
            let saved_as = (value != "-").then(|| value.into());
            options.tls = Some(Identity::Made { saved_as });
        }
        "--identity" => {
            let (certificate, key) =
                value.split_once(',').ok_or_else(|| wrong(value, "CERT,KEY"))?;
            options.tls =
                Some(Identity::Files { certificate: certificate.into(), key: key.into() });
        }
        "--json" if value == "-" => options.access_log = AccessLog::Stdout,
        "--json" => options.access_log = AccessLog::File(value.into()),
        _ => return Err(format!("there is no option `{name}`: see --help")),
    }
    Ok(())
}

fn number<T: std::str::FromStr>(value: &str) -> Result<T, String> {
    value.parse().map_err(|_| wrong(value, "a number"))
}

fn duration(value: &str) -> Result<Duration, String> {
    let Nanos(ns) = Nanos::parse_or_seconds(value).map_err(|_| wrong(value, "a duration"))?;
    Ok(Duration::from_nanos(ns))
}

fn size(value: &str) -> Result<u64, String> {
    parse_size_or_bytes(value).map_err(|_| wrong(value, "a size"))
}

fn wrong(value: &str, expected: &str) -> String {
    format!("`{value}` is not {expected}")
}
