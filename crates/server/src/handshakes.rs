//! Whether clients are still on their way in: connections of a port that are half made, state SYN_RECV, which one leaves
//! for the queue of `accept`.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};

use crate::sys;

/// A connection that the kernel has kept nothing of but its first packet, by the numbers of its tables.
const SYN_RECV: u8 = 3;
const FAMILIES: [libc::c_int; 2] = [libc::AF_INET, libc::AF_INET6];

/// Whether the kernel has a half-made connection to that port.
pub(crate) fn under_way(port: u16) -> bool {
    is_any_asked_for(port).unwrap_or_else(|_| is_any_listed(port))
}

/// By sock_diag(7): the kernel looks for those of the port itself, which takes 4 ms where the machine has 28,000 other
/// connections, and to read all of their lines 95 ms.
fn is_any_asked_for(port: u16) -> io::Result<bool> {
    let mut kernel = File::from(sys::sock_diag()?);
    for family in FAMILIES {
        kernel.write_all(&dump_request(family, port))?;
        // The first message says enough: a connection, the end of the list, or that nobody can be asked.
        let mut answer = [0; 8192];
        let length = kernel.read(&mut answer)?;
        let kind = answer.get(4..6).filter(|_| length >= 6).and_then(|kind| kind.try_into().ok());
        match kind.map(|kind| libc::c_int::from(u16::from_ne_bytes(kind))) {
            Some(SOCK_DIAG_BY_FAMILY) => return Ok(true),
            Some(libc::NLMSG_DONE) => (),
            _ => return Err(io::ErrorKind::Unsupported.into()),
        }
    }
    Ok(false)
}

/// linux/sock_diag.h
const SOCK_DIAG_BY_FAMILY: libc::c_int = 20;

/// A `nlmsghdr` (netlink(7)) and an `inet_diag_req_v2` (sock_diag(7)): the half-made connections of one port.
fn dump_request(family: libc::c_int, port: u16) -> [u8; 72] {
    let mut request = [0; 72];
    let mut put = |at: usize, bytes: &[u8]| request[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &72_u32.to_ne_bytes());
    put(4, &(SOCK_DIAG_BY_FAMILY as u16).to_ne_bytes());
    put(6, &((libc::NLM_F_REQUEST | libc::NLM_F_DUMP) as u16).to_ne_bytes());
    put(16, &[family as u8, libc::IPPROTO_TCP as u8]);
    put(20, &(1_u32 << SYN_RECV).to_ne_bytes());
    put(24, &port.to_be_bytes());
    request
}

/// By the tables in proc_pid_net(5), where the kernel cannot be asked (it can be built without).
fn is_any_listed(port: u16) -> bool {
    let is_half_made = |line: &str| {
        let mut words = line.split_ascii_whitespace().skip(1);
        let mut number = |separator| {
            let digits = words.next().and_then(|word| word.rsplit(separator).next())?;
            u16::from_str_radix(digits, 16).ok()
        };
        let (local, _remote, state) = (number(':'), number(':'), number(' '));
        local == Some(port) && state == Some(SYN_RECV.into())
    };
    ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .any(|table| fs::read_to_string(table).is_ok_and(|text| text.lines().any(is_half_made)))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use socket2::{Domain, SockFilter, Socket, Type};

    use super::*;

    #[test]
    fn a_client_that_is_half_way_in_is_seen_and_nobody_else_is() {
        let others = TcpListener::bind("127.0.0.1:0").unwrap();
        let _inside = (
            std::net::TcpStream::connect(others.local_addr().unwrap()).unwrap(),
            others.accept().unwrap(),
        );
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(address) else { continue };
            let address = listener.local_addr().unwrap();
            let ask = || (is_any_asked_for(address.port()).unwrap(), is_any_listed(address.port()));
            let _inside =
                (std::net::TcpStream::connect(address).unwrap(), listener.accept().unwrap());
            assert_eq!(ask(), (false, false));
            let client = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
            // It hears no answer to its first packet, and so sends no other: all that comes is dropped.
            client.attach_filter(&[SockFilter::new(6, 0, 0, 0)]).unwrap();
            client.set_nonblocking(true).unwrap();
            client.connect(&address.into()).unwrap_err();
            assert_eq!(ask(), (true, true));
        }
        assert!(!under_way(others.local_addr().unwrap().port()));
    }
}
