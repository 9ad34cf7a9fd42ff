//! How far a cell may go, whatever its notebook says: bounds of this program, not of the file.

use std::time::Duration;

use maitred_core::workload::ast::{Action, Data, Request, Step, Workload};

/// One run of one model, unless who started this program says otherwise.
pub(crate) const RUN: Duration = Duration::from_secs(60);

/// In which rounds of a cell are begun, if its fence says nothing; and at most.
pub(crate) const BUDGET: Duration = Duration::from_secs(12);
pub(crate) const BUDGET_MAX: Duration = Duration::from_secs(120);

/// Memory of all processes of a run together, bytes.
pub(crate) const MEMORY_BYTES: u64 = 4 << 30;

/// Models of one cell, and calls of a function.
pub(crate) const MODELS: usize = 40;
pub(crate) const CALLS: u32 = 10_000;

/// Threads and processes of one run.
pub(crate) const THREADS: u32 = 10_000;

/// Bytes of a recorded run that a reader takes along; what has no room is said in it.
pub(crate) const TRACE_BYTES: u64 = 256 << 20;

/// Bytes of one source, and of one request.
pub(crate) const SOURCE_BYTES: usize = 256 << 10;
pub(crate) const REQUEST_BYTES: usize = 2 << 20;

/// What no cell may do, as sentences: requests leave this machine.
pub(crate) fn forbidden(workload: &Workload) -> Vec<String> {
    let mut wrong = Vec::new();
    let servers: Vec<&str> = workload.servers.iter().map(|one| one.name.text.as_str()).collect();
    for task in &workload.tasks {
        requests(&task.steps, &mut |request| {
            if request.follow.is_some() {
                // Where an answer points is not known before.
                wrong.push(
                    "a cell follows no redirects, for they could lead anywhere; omit `follow`"
                        .into(),
                );
            }
            let Data::Text(url) = &request.url.data else { return };
            if !is_here(url, &servers, workload) {
                wrong.push(format!(
                    "a cell asks only servers of this machine, and `{url}` is another; write 127.0.0.1, \
                     localhost or [::1], or compare it on the command line: maitred compare {url}"
                ));
            }
        });
    }
    wrong
}

fn requests(steps: &[Step], see: &mut dyn FnMut(&Request)) {
    for step in steps {
        match &step.action {
            Action::Http(request) => see(request),
            Action::Hold { steps, .. } | Action::Repeat { steps, .. } => requests(steps, see),
            _ => {}
        }
    }
}

/// Whether an address leads to a declared server or to loopback, with parameters as they are at
/// first; one that a parameter names is not let through, since a slider could lead it elsewhere.
fn is_here(url: &str, servers: &[&str], workload: &Workload) -> bool {
    if let Some(rest) = url.strip_prefix('$') {
        let name = rest.trim_start_matches('{').split(['/', '?', '}']).next().unwrap_or_default();
        let is_param = workload.params.iter().any(|param| param.name.text == name);
        return servers.contains(&name) && !is_param;
    }
    let Some(rest) = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://")) else {
        return false;
    };
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    if authority.contains(['@', '$']) {
        return false;
    }
    let host = match authority.strip_prefix('[') {
        Some(six) => six.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    ["127.0.0.1", "localhost", "::1"].contains(&host)
}

#[cfg(test)]
mod tests {
    use maitred_core::workload::parse;

    use super::*;

    fn said(url: &str) -> Vec<String> {
        let source = format!(
            "param \"where\" \"http://127.0.0.1:1\"\nserver \"api\"\ntask \"t\" {{ http \"GET\" {url:?} }}"
        );
        forbidden(&parse(&source).unwrap())
    }

    #[test]
    fn a_cell_follows_nothing() {
        let forbidden = |rest: &str| {
            let source = format!("server \"api\"\ntask \"t\" {{ http \"GET\" \"$api/\" {rest} }}");
            forbidden(&parse(&source).unwrap())
        };
        assert!(forbidden("follow=#true")[0].contains("follows no redirects"));
        assert_eq!(forbidden("timeout=\"1s\""), Vec::<String>::new());
    }

    #[test]
    fn requests_stay_on_this_machine() {
        for here in
            ["$api/", "http://127.0.0.1:80/x", "http://localhost/", "http://[::1]:9/?a", "${api}/x"]
        {
            assert_eq!(said(here), Vec::<String>::new(), "{here}");
        }
        for there in [
            "http://example.org/",
            "https://127.0.0.1.example.org/",
            "http://localhost@example.org/",
            "http://169.254.169.254/latest",
            "$where/",
            "http://${where}/",
        ] {
            assert_eq!(said(there).len(), 1, "{there}");
        }
    }
}
