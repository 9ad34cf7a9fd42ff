//! Where results are kept.

use std::path::PathBuf;

/// The name of the database in its folder.
pub const FILE: &str = "runs.sqlite";

/// The folder of this user: `$XDG_DATA_HOME/maitred`, else `~/.local/share/maitred` (XDG Base
/// Directory Specification); `None`: this user has no folder.
pub fn folder() -> Option<PathBuf> {
    let absolute =
        |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let data = absolute("XDG_DATA_HOME").or_else(|| Some(absolute("HOME")?.join(".local/share")));
    data.map(|data| data.join("maitred"))
}
