//! Numbers of the fields of `TracePacket`, protos/perfetto/trace/trace_packet.proto.

pub(super) const FTRACE_EVENTS: u32 = 1;
pub(super) const PROCESS_TREE: u32 = 2;
pub(super) const CLOCK_SNAPSHOT: u32 = 6;
pub(super) const TIMESTAMP: u32 = 8;
pub(super) const SEQUENCE: u32 = 10;
pub(super) const TRACK_EVENT: u32 = 11;
pub(super) const INTERNED_DATA: u32 = 12;
pub(super) const SEQUENCE_FLAGS: u32 = 13;
pub(super) const SYSTEM_INFO: u32 = 45;
pub(super) const TIMESTAMP_CLOCK: u32 = 58;
pub(super) const DEFAULTS: u32 = 59;
pub(super) const TRACK_DESCRIPTOR: u32 = 60;

/// Sequences: of the writer of all steps, and of the one of all else.
pub(super) const STEPS: u64 = 1;
pub(super) const SYSTEM: u64 = 2;
