//! The mark by which the processes of a run are known: a variable of their environment.

/// Carries the process id of `maitred` into the environment of everything that a run starts, by
/// which the guard knows them. Where one `maitred` runs another, both stand there.
pub(crate) const NAME: &str = "MAITRED_RUN";

/// Whether this `NAME=value` says that a run of that `maitred` started the process.
pub(crate) fn is_marked(pair: &[u8], maitred: u32) -> bool {
    let value = pair.strip_prefix(NAME.as_bytes()).and_then(|rest| rest.strip_prefix(b"="));
    let number = maitred.to_string();
    value.is_some_and(|value| value.split(|&byte| byte == b',').any(|id| id == number.as_bytes()))
}

/// Whether this program is a part of what another `maitred` measures.
pub fn is_within_a_run() -> bool {
    std::env::var_os(NAME).is_some()
}

/// What it is for whatever this process starts.
pub(crate) fn value() -> String {
    let own = std::process::id();
    match std::env::var(NAME) {
        Ok(outer) => format!("{outer},{own}"),
        Err(_) => own.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_found_among_others_and_not_within_another() {
        for (pair, marked) in [
            ("MAITRED_RUN=42", true),
            ("MAITRED_RUN=7,42", true),
            ("MAITRED_RUN=42,7", true),
            ("MAITRED_RUN=142", false),
            ("MAITRED_RUN=", false),
            ("MAITRED_RUNS=42", false),
            ("PATH=42", false),
        ] {
            assert_eq!(is_marked(pair.as_bytes(), 42), marked, "{pair}");
        }
    }
}
