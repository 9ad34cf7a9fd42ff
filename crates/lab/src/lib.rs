//! The lab: notebooks whose cells run here, and the page that shows them. Knows how a notebook is
//! written, what a cell asks of the engine, and how what comes back is shown. Nothing runs because
//! a notebook was opened.

mod controls;
mod describe;
pub mod export;
mod found;
pub mod headless;
mod here;
pub mod ipynb;
mod keep;
mod knob;
mod limits;
mod look;
pub mod notebook;
mod recorded;
mod repeat;
mod run;
pub mod server;
mod session;
mod shelf;
mod shown;
mod wish;

pub use here::{Here, Present};
pub use keep::last;
pub use server::{Lab, serve};
pub use session::{Keeping, Session};
pub use shelf::Shelf;
