//! Words for how a process ended, and for what it said that was no message or none of ours. Text only.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use maitred_wire::{PROTOCOL, Ready};

/// How much of a line is quoted.
const QUOTED_CHARS: usize = 120;

/// `exited with code 3` or `killed by signal 9 (SIGKILL)`.
pub(super) fn describe(status: ExitStatus) -> String {
    match (status.signal(), status.code()) {
        (Some(signal), _) => format!("killed by signal {signal} ({})", signal_name(signal)),
        (None, code) => format!("exited with code {}", code.unwrap_or(-1)),
    }
}

/// Quotes a line that is not a message, and names the likely cause.
pub(super) fn not_a_message(line: &[u8], error: &serde_json::Error) -> String {
    let text = String::from_utf8_lossy(line);
    let start = text.trim_start();
    let cause = if start.starts_with("Traceback") {
        "an error of the Python runner went to its standard output".to_owned()
    } else if !start.starts_with('{') {
        "something prints to the standard output that belongs to the protocol: \
         a runner must move the real output aside first"
            .to_owned()
    } else if error.is_eof() {
        "the line ends within the message".to_owned()
    } else {
        format!("not in the form of the protocol: {error}")
    };
    format!("wrote a line that is not a message, {}: {cause}", quote(&text))
}

/// What is said of a runner of another version, which understands no plan of this one.
pub(super) fn other_protocol(ready: &Ready) -> Option<String> {
    let theirs = ready.protocol;
    (theirs != PROTOCOL).then(|| {
        format!(
            "speaks protocol {theirs}, and this maitred speaks {PROTOCOL}: use a runner of this \
             version (runtimes/PROTOCOL.md says what changed)"
        )
    })
}

/// The text in backquotes, shortened, with nothing in it that moves a terminal's cursor.
pub(super) fn quote(text: &str) -> String {
    let mut quoted: String = text.chars().take(QUOTED_CHARS).flat_map(visible).collect();
    if text.chars().nth(QUOTED_CHARS).is_some() {
        quoted.push('…');
    }
    format!("`{quoted}`")
}

fn visible(c: char) -> Vec<char> {
    if c.is_control() { c.escape_default().collect() } else { vec![c] }
}

/// signal(7), the numbers of x86 and ARM.
fn signal_name(signal: i32) -> &'static str {
    match signal {
        libc::SIGHUP => "SIGHUP",
        libc::SIGINT => "SIGINT",
        libc::SIGQUIT => "SIGQUIT",
        libc::SIGILL => "SIGILL",
        libc::SIGTRAP => "SIGTRAP",
        libc::SIGABRT => "SIGABRT",
        libc::SIGBUS => "SIGBUS",
        libc::SIGFPE => "SIGFPE",
        libc::SIGKILL => "SIGKILL",
        libc::SIGUSR1 => "SIGUSR1",
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGUSR2 => "SIGUSR2",
        libc::SIGPIPE => "SIGPIPE",
        libc::SIGALRM => "SIGALRM",
        libc::SIGTERM => "SIGTERM",
        libc::SIGXCPU => "SIGXCPU",
        libc::SIGXFSZ => "SIGXFSZ",
        libc::SIGSYS => "SIGSYS",
        _ => "see signal(7)",
    }
}

#[cfg(test)]
mod tests {
    use maitred_wire::Reply;

    use super::*;

    fn said(line: &str) -> String {
        let error = serde_json::from_str::<Reply>(line).unwrap_err();
        not_a_message(line.as_bytes(), &error)
    }

    #[test]
    fn the_cause_follows_from_the_line() {
        assert!(said("Traceback (most recent call last):").contains("Python"));
        assert!(said("Hello, World").contains("move the real output aside"));
        assert!(said(r#"{"done": {"phases""#).contains("ends within"));
        assert!(said(r#"{"progress": {}}"#).contains("unknown variant `progress`"));
    }

    #[test]
    fn a_quoted_line_is_short_and_harmless() {
        let line = format!("\u{1b}[2J\t{}", "x".repeat(1_000_000));
        let quoted = quote(&line);
        assert!(quoted.chars().count() < 2 * QUOTED_CHARS && quoted.ends_with("…`"), "{quoted}");
        assert!(!quoted.chars().any(char::is_control));
    }

    #[test]
    fn deaths_have_names() {
        assert_eq!(describe(ExitStatus::from_raw(9)), "killed by signal 9 (SIGKILL)");
        assert_eq!(describe(ExitStatus::from_raw(3 << 8)), "exited with code 3");
    }
}
