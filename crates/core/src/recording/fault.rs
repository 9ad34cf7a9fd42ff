//! Why a recording cannot be read. The main type is [`Fault`].

use alloc::string::String;
use core::fmt;

use super::VERSION;

/// Why the bytes cannot be read any further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The bytes end before the part does, which takes at least so many. If there are no more, the
    /// file was cut short here.
    Short(usize),
    /// There is not one byte.
    Empty,
    /// The beginning is not that of a recording.
    NotARecording,
    /// It is one of another version of the form.
    Version(u32),
    /// It does not go on as it was written.
    Damaged,
    /// The checksum is right, but the facts are not those that this version writes.
    Unlike(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str(
                "this file is empty: whoever was to write it did not begin; measure again",
            ),
            Self::Short(_) => f.write_str("this trace was cut short before it says anything"),
            Self::NotARecording => f.write_str(
                "this is no trace and no result that maitred saved; `maitred run … --trace FILE` makes \
                 the one, `maitred compare … --save FILE` the other",
            ),
            Self::Version(found) => {
                let which = if *found > VERSION { "newer" } else { "older" };
                write!(
                    f,
                    "this trace has version {found}, and this maitred reads {VERSION}: use the \
                     {which} maitred that wrote it, or run the work again"
                )
            }
            Self::Damaged => f.write_str("this trace is damaged; run the work again"),
            Self::Unlike(why) => write!(
                f,
                "this trace says what no trace of this version says ({why}): it was written by \
                 another build of maitred; use that one, or run the work again"
            ),
        }
    }
}

impl core::error::Error for Fault {}
