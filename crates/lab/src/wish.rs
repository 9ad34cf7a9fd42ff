//! What a page asks to be run: the main type is [`Wish`].

use serde::{Deserialize, Serialize};

/// What a page asks to be run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wish {
    /// The name of the notebook.
    pub book: String,
    /// The id of the cell.
    pub cell: String,
    /// As it stands in the page, edited or not.
    pub source: String,
    /// Parameters that were turned.
    pub set: Vec<(String, String)>,
    /// Empty: those that the source names.
    pub models: Vec<String>,
    pub speed: f64,
    /// In which rounds are begun, nanoseconds; `None`: as the cell is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_ns: Option<u64>,
    /// The text of what is started that is not ours, as it was shown and agreed to.
    #[serde(default, skip_serializing)]
    pub agreed: Option<String>,
}
