//! The claims that are built in: the files of `claims/`.

use crate::error::Error;
use crate::spelling;

/// A file with claims.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BuiltIn {
    /// Its number and its name, as the file is called: `11-gil`.
    pub name: &'static str,
    pub text: &'static str,
}

macro_rules! claims {
    ($($name:literal)*) => {
        &[$(BuiltIn {
            name: $name,
            text: include_str!(concat!("../../../claims/", $name, ".kdl")),
        }),*]
    };
}

/// All of them, by number.
pub(crate) const ALL: &[BuiltIn] = claims!["11-gil"];

impl BuiltIn {
    /// The number, without a zero before it.
    pub(crate) fn number(&self) -> &'static str {
        let number = self.name.split('-').next().unwrap_or_default();
        number.trim_start_matches('0')
    }

    /// The name without the number.
    fn word(&self) -> &'static str {
        self.name.split_once('-').map_or(self.name, |(_, word)| word)
    }

    /// The one of this number or name.
    ///
    /// # Errors
    /// [`Error::Usage`] with the nearest name.
    pub(crate) fn find(text: &str) -> Result<Self, Error> {
        let number = text.trim_start_matches('0');
        let is_it = |one: &&Self| one.number() == number || [one.name, one.word()].contains(&text);
        ALL.iter().find(is_it).copied().ok_or_else(|| {
            let words = ALL.iter().map(Self::word);
            let hint = spelling::nearest(text, words)
                .map_or_else(String::new, |near| format!("did you mean `{near}`? "));
            Error::Usage(format!(
                "there is no claim `{text}`; {hint}`maitred check --list` lists those there are, \
                 and a file of your own ends in .kdl"
            ))
        })
    }
}
