//! Endpoints that break HTTP on purpose, as networks and servers do.

use super::Ask;
use crate::reply::{Act, Body, Fault, Reply};

pub(super) fn fault(ask: &Ask<'_>) -> Result<Reply, Reply> {
    let broken = |fault| Reply::new(200, "text/plain; charset=utf-8", Body::Fault(fault));
    Ok(match ask.argument {
        "reset" => broken(Fault::Reset),
        "close" => broken(Fault::Close),
        // The client has to give up; if it never does, the server's patience is that for work.
        "hang" => broken(Fault::Close).after(Act::Wait(ask.service.options.duration_max)),
        "truncate" => broken(Fault::Truncate),
        "chunk" => broken(Fault::Chunk),
        "garbage" => broken(Fault::Garbage),
        _ => {
            return Err(Reply::text(
                404,
                "there are /fault/reset (the connection is reset), close (it is closed without an answer), \
                 hang (no answer comes), truncate (a body is cut off), chunk (a chunk is malformed) and \
                 garbage (the answer is not HTTP)\n",
            ));
        }
    })
}
