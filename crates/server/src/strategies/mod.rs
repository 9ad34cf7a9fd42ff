//! One file a strategy. They differ only in who waits where; everything else is shared.

pub(crate) mod async_pool;
pub(crate) mod event_loop;
pub(crate) mod hyper;
pub(crate) mod processes;
pub(crate) mod sequential;
pub(crate) mod thread_pool;
pub(crate) mod threads;
