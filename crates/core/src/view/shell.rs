//! Words as a shell takes them.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

/// A word that a POSIX shell reads as this very word (POSIX.1-2017, Shell Command Language, 2.2).
pub fn quoted(word: &str) -> String {
    let plain =
        |character: char| character.is_ascii_alphanumeric() || "_./:=,+@%-".contains(character);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_string();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// A command line of these words.
pub fn line(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_what_was_written() {
        let cases = [
            ("plain-1.txt", "plain-1.txt"),
            ("", "''"),
            ("sleep 0.01", "'sleep 0.01'"),
            ("it's", r"'it'\''s'"),
            ("$HOME", "'$HOME'"),
            ("a\nb", "'a\nb'"),
        ];
        for (word, expected) in cases {
            assert_eq!(quoted(word), expected);
        }
        assert_eq!(line(&["sh".into(), "-c".into(), "sleep 1".into()]), "sh -c 'sleep 1'");
    }
}
