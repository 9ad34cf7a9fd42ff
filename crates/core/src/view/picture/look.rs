//! How a picture is to look. The main type is [`Look`].

use alloc::string::String;

use super::palette::Theme;

/// How a picture is to look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    pub theme: Theme,
    /// Begins every id of the picture, so that several can stand in one page. Letters, digits, `-`.
    pub id: String,
    /// Rows of a kind before "and so many more".
    pub rows: usize,
}

impl Default for Look {
    fn default() -> Self {
        Self { theme: Theme::Auto, id: "maitred".into(), rows: 24 }
    }
}
