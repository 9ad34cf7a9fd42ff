//! System calls that take and give plain numbers.
#![expect(unsafe_code, reason = "system calls")]

/// Bytes in a page; sysconf(3).
pub fn page_bytes() -> u64 {
    // SAFETY: the call takes a plain number.
    unsafe { libc::sysconf(libc::_SC_PAGESIZE) }.max(1).unsigned_abs()
}

/// Ticks in a second of the figures in /proc; sysconf(3).
pub fn ticks_per_second() -> u64 {
    // SAFETY: the call takes a plain number.
    unsafe { libc::sysconf(libc::_SC_CLK_TCK) }.max(1).unsigned_abs()
}

/// Sends a signal to one process; whether there was one. kill(2).
///
/// # Panics
/// Of process 0 and 1: to kill(2) they are our own group, and init.
pub fn signal(process: u32, signal: i32) -> bool {
    send(process, 1, signal)
}

/// Sends a signal to every process of a group; whether there was one. kill(2).
///
/// # Panics
/// Of group 0 and 1: to kill(2) they are our own group, and everybody.
pub fn signal_group(group: u32, signal: i32) -> bool {
    send(group, -1, signal)
}

fn send(number: u32, sign: libc::pid_t, signal: i32) -> bool {
    assert!(number > 1, "neither our own group (0) nor init or everybody (1) is sent a signal");
    let number = libc::pid_t::try_from(number).expect("a process id is a positive int");
    // SAFETY: the call takes plain numbers.
    unsafe { libc::kill(sign * number, signal) == 0 }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
    use std::process::Command;

    use super::*;

    #[test]
    fn a_signal_comes_to_the_process_or_to_the_whole_group() {
        let mut child = Command::new("sleep").arg("600").spawn().unwrap();
        assert!(signal(child.id(), libc::SIGTERM));
        assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGTERM));
        let mut leader = Command::new("sleep").arg("600").process_group(0).spawn().unwrap();
        let group = i32::try_from(leader.id()).unwrap();
        let mut member = Command::new("sleep").arg("600").process_group(group).spawn().unwrap();
        assert!(signal_group(leader.id(), libc::SIGKILL));
        for child in [&mut leader, &mut member] {
            assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGKILL));
        }
        assert!(
            std::panic::catch_unwind(|| signal_group(1, 0)).is_err(),
            "that would be everybody"
        );
    }

    #[test]
    fn a_page_is_a_power_of_two() {
        assert!(page_bytes().is_power_of_two() && page_bytes() >= 4096);
        assert!(ticks_per_second() >= 100);
    }
}
