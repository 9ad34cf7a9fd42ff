//! Counting semaphores, first come first served, by tickets.
//!
//! Who wants a unit draws the next ticket. The semaphore counts how many it has granted so far,
//! the units that it starts with included; ticket `t` (counted from 0) is granted as soon as that
//! count is above `t`. To give a unit back is to count one more, which serves the longest waiter
//! and nobody else: a hand-off that no newcomer can overtake.
//!
//! Both numbers only grow, so `tickets drawn − granted` is at every moment exactly the number of
//! those who wait. The watchdog rests on that.
//!
//! [`futex::Semaphore`] puts threads to sleep, in one process or in several;
//! [`waker::Semaphore`] puts tasks of an event loop to sleep.

pub(crate) mod futex;
pub(crate) mod waker;
