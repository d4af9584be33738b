//! What differs between operating systems, one folder for each mechanism and in it a file for each way to do it. Nothing here
//! knows of handles, timeouts or options by name: that is `core`. All calls are non-blocking unless their name says `poll` or
//! `wait`, and every error is the system's own number.
//!
//! The floors, top first; each uses only what stands below it:
//!
//! | floor | what it holds |
//! | --- | --- |
//! | `message`, `batch`, `file`, `ring`, `resolver` | messages with control data, many datagrams, files, io_uring, names |
//! | `cmsg` | control messages, and how each system lays them out |
//! | `state` | what the kernel knows of a descriptor |
//! | `readiness` | many descriptors: epoll, kqueue, a completion port |
//! | `waker` | what ends another thread's wait: eventfd, a pair of sockets, an event object |
//! | `poll` | a few descriptors: ppoll, select, the driver AFD |
//! | `transfer` | bytes of sockets |
//! | `socket` | opening, naming, connecting, shutting down |
//! | `option` | options in the system's numbers |
//! | `address` | AF_UNIX addresses, and the peer's address of an accepted connection |
//! | `edges` | Windows: watchers to be re-enabled by calls (edge-triggered) |
//! | `descriptor` | the descriptor itself |
//! | `process` | cancellation, signals, threads, fork |
//! | `calls` | Unix: system calls that are no cancellation points |
//! | `time`, `piece`, `memory` | durations and memory as system calls take them |
//! | `reserve` | memory when the system has none |
//! | `types` | the types that all share, and `core` with them: [`Events`], [`Flags`], [`Half`], [`Timeout`] ([`MOST_REPORTS`]); [`DescriptorKind`], [`Source`], [`Interface`], [`Moved`], [`Received`], [`Message`], [`Control`] ([`BATCH`]) |
//! | `errno` | errors as the system numbers them |
//!
//! # What a back-end supplies
//!
//! All of this, and nothing else; a new system is a file in each folder whose rows no present file serves.
//!
//! **`errno`**: `unix`, `windows`; `refusal` for what a sandbox may refuse
//!
//! | item | its contract |
//! | --- | --- |
//! | [`WOULD_BLOCK`], [`INTERRUPTED`], [`INVALID`], [`OUT_OF_MEMORY`], `UNSUPPORTED` | the numbers that have a meaning here |
//! | [`ALREADY_WATCHED`] | the error of a selector that watches the descriptor already |
//! | [`OsError`], [`Result`], [`ResolveError`] | shared: a number; [`OsError::last`] is the thread's |
//! | `check`, `count` | a call's result: success, or the thread's last error |
//!
//! **`process`**: `unix` with `thread`, `windows`; `wiped`, `thread_local`
//!
//! | item | its contract |
//! | --- | --- |
//! | [`HAS_CANCELLATION_POINTS`] | whether a call may be a cancellation point, so that each function of the library must be kept from being one |
//! | [`uncancelled`] | runs a body in which the thread is not cancelled |
//! | [`sleep`] | sleeps, and is no cancellation point |
//! | [`start_thread`], [`Body`] | a detached thread that takes none of the program's signals; an error if there is no memory for it |
//! | [`ThreadLocal`] | a value of each thread's own, if there is memory for one |
//! | [`ThreadOwned`] | a value that only the thread takes out which has stored it: locks held around a fork |
//! | [`stay_loaded`] | the object that holds the library is never unloaded: threads, thread-locals and fork handlers point into it |
//! | [`on_fork`] | three functions that run around every `fork`; none where there is no fork |
//! | [`claim`] | the first of some numbers that no other copy of the library in the process has claimed |
//! | [`Wiped`] | a place that a forked child finds zeroed, by whatever call it was forked, where the kernel can do that |
//!
//! **`piece`** and **`memory`**: `unix`, `windows`; `memory` is shared
//!
//! | item | its contract |
//! | --- | --- |
//! | [`Piece`], [`MAX_PIECES`] | memory of the caller's in the layout of `readv`; `new`, `total`, `is_empty`, `truncate` |
//! | [`Region`], [`Bytes`], [`Target`] | shared: memory that the library owns, lends, and has written to by the kernel |
//! | [`is_memory_short`], [`has_memory`] | shared: whether the library lives on its reserve; whether the system has so many bytes |
//! | [`grow`], [`grow_exactly`] | shared: room in a list that outlives the call, which is never the reserve's |
//! | [`grow_up_to`] | shared: the same for what waits report: without memory room for fewer |
//!
//! **`descriptor`**: `unix`, `windows`
//!
//! | item | its contract |
//! | --- | --- |
//! | [`Fd`] | the number; `NONE`, `is_none`, `to_raw`, `from_raw`, `from_kept`. Copyable: who may close it, the handle table decides |
//! | [`close`], [`is_open`], [`duplicate`] | once; whether the process has it; not inherited |
//! | [`replace`] | replaces one socket by another: which descriptor has it now, and which is to be closed later |
//! | [`inherit`], [`set_inherit`] | whether a program that is started gets it |
//! | [`HAS_DONT_WAIT`] | whether a read or write of a socket can be made non-blocking for one call |
//! | [`set_blocking`], [`set_nonblocking`], [`without_blocking`] | the mode, which others may change; `without_blocking` makes one call non-blocking |
//! | `with_socket`, `into_fd` | borrows a descriptor for a method of socket2; takes one over from it |
//!
//! **`address`**: `unix`, `windows`
//!
//! | item | its contract |
//! | --- | --- |
//! | [`unix_name`], [`unix_address`], [`HAS_ABSTRACT`] | AF_UNIX addresses as bytes, and from them |
//! | [`Origin`] | shared: room for the peer's address, which [`accept`] fills in |
//!
//! **`option`**: `unix`, `linux`, `bsd`, `windows`; `raw_unix`, `raw_windows`
//!
//! | item | its contract |
//! | --- | --- |
//! | `TABLES` | which options there are, with level, name and encoding |
//! | [`set_option`], [`get_option_into`], [`get_option`], [`SO_ERROR`], [`SO_TYPE`] | the calls, with the system's own numbers |
//! | `TIMEOUTS`, [`timeout_option`], [`system_timeout`] | SO_RCVTIMEO and SO_SNDTIMEO, under all numbers that they have |
//! | [`set_datagram_default`], [`set_listener_default`], [`set_v6_only`], [`is_v6_only`] | what a new socket is set to, so that all systems do alike; what it is |
//! | `LACKING`, `LINGER_PART`, `GROUP_OFFSET`, `family_bytes`, `read`, `write` | the layout of the tables' encodings |
//!
//! **`socket`**: `unix` with `posix` or `apple`, `windows`; `shared`
//!
//! | item | its contract |
//! | --- | --- |
//! | [`open`], [`pair`], [`HAS_UNIX_PAIR`] | non-blocking, not inherited, raising no SIGPIPE |
//! | [`bind`], [`listen`], [`local`], [`peer`], [`ADDRESSES_ARE_SHARED`] | as their manual pages say; whether two sockets can be bound to one address to connect from it |
//! | [`accept`], [`DIED_IN_QUEUE`] | the next connection, non-blocking and not inherited; errors that concern a dead one alone |
//! | [`has_connected`] | whether a connect that was begun has succeeded |
//! | [`connect`], [`disconnect`] | begins to connect, `true` if it has connected at once; cancels an attempt, or removes the peer |
//! | [`shutdown`], [`shutdown_raw`], [`stop_lingering`] | half-close, alike on every system; as the system does it; a close that does not wait |
//!
//! **`transfer`**: `unix` with `linux` or `bsd`, `windows`; `measured`
//!
//! | item | its contract |
//! | --- | --- |
//! | [`recv`], [`send`], [`recv_from`], [`send_to`], [`readv`], [`writev`] | bytes, with [`Flags`] translated; no SIGPIPE |
//! | `receive_one`, `send_one` | one datagram in pieces, for `batch`, where the system has no call for many |
//! | `PLATFORM_RECV`, `PLATFORM_SEND`, `MSG_MORE`, `TRUNC_RETURNS_LENGTH` | Unix: flags of every call, and whether `MSG_TRUNC` returns a datagram's length |
//!
//! **`poll`**: `posix`, `select` (Apple), `windows`
//!
//! | item | its contract |
//! | --- | --- |
//! | [`PollFd`], [`poll`] | readiness of a few, without a limit on their number; urgent data is not the end of a stream |
//! | `hangs_up` | shared on Unix: whether both directions have ended |
//! | [`STALE_POLL_IS_HARMLESS`] | whether an entry may name a descriptor that is closed meanwhile |
//!
//! **`waker`**: `eventfd`, `pair`, `event`
//!
//! | item | its contract |
//! | --- | --- |
//! | [`Waker`] | an entry for [`poll`] that another thread makes ready, also in a signal handler; counts wake-ups, and notices when the program has closed it |
//! | `pull` | Unix: wakes it by its descriptor |
//!
//! **`readiness`**: `epoll`, `kqueue`, `completion_port`; `trigger` on Unix
//!
//! | item | its contract |
//! | --- | --- |
//! | [`Selector`] | watches descriptors, each under a tag: `add`, `modify`, `remove`, `wait`, `wake`, `set_alarm`, `fd`, `close`; from any thread |
//! | [`Reports`] | room for what one wait reports, so that a wait allocates nothing |
//! | [`Trigger`] | wakes a selector or a waker from a signal handler |
//! | [`SELECTOR_NAME`], [`SELECTOR_SCALES`], [`HAS_POLL_ENGINE`] | its name; whether the cost of a wait depends on how many are ready; whether a batch queue may poll instead |
//!
//! **`state`**: `unix` with `linux` or `bsd`, `windows`
//!
//! | item | its contract |
//! | --- | --- |
//! | [`describe`], [`protocol`], `pollable`, `SO_PROTOCOL` | the type of a descriptor that the library has not opened |
//! | [`pending_error`], [`has_ended`], [`peer_has_finished`], [`FORGETS_PEERS`] | how a connection stands |
//! | [`available`], [`queued`] | how many bytes can be read; of a TCP stream those behind an urgent byte too |
//!
//! **`cmsg`**: `unix` with `linux` or `bsd`, `windows`; `form` and `layout` are shared
//!
//! | item | its contract |
//! | --- | --- |
//! | `RECEIVED`, `SENT`, `CMSG_CLOEXEC` | the control messages of the system, with the form of each |
//! | `ControlHeader`, `CONTROL_PAYLOAD`, `control_space`, `control_length` | the header, and how messages are aligned |
//! | `RIGHTS`, `received_right`, `discard_control`, [`HAS_RIGHTS`], [`PEEKS_CONTROL`] | received descriptors; whether a peek returns control data |
//! | [`ControlRoom`], [`ControlData`], [`Capacity`], [`Arrived`], [`Rights`], [`MOST_RIGHTS`] | shared: reading and writing them |
//!
//! **`message`**, **`batch`**: `unix`, `windows`; `mmsg`, `one_by_one`
//!
//! | item | its contract |
//! | --- | --- |
//! | [`receive_message`], [`send_message`] | bytes with control data |
//! | [`recv_many`], [`send_many`], [`Batch`], [`HAS_SEGMENTS`] | many datagrams by one call; whether the kernel joins and cuts them |
//!
//! **`file`**: `unix` with `stream` and `linux` or `bsd`, `windows` with `stream_windows`
//!
//! | item | its contract |
//! | --- | --- |
//! | [`read_stream`], [`write_stream`], [`read_source`] | bytes of pipes and terminals, whose blocking mode is not changed |
//! | [`duplicate_file`], [`close_file`], [`examine`], [`position`], [`set_position`], [`read_at`] | the caller's files |
//! | [`send_file`], [`send_pipe`] | bytes sent inside the kernel; `None` where it can't do that |
//! | `read_now`, `write_now`, `without_sigpipe`, `lseek`, `pread`, `off_t` | Unix: calls that do not wait; no SIGPIPE; 64-bit offsets |
//!
//! **`ring`**: `io_uring`, `none`
//!
//! | item | its contract |
//! | --- | --- |
//! | [`Ring`], [`Call`], [`RING_SIZE`] | many transfers by one system call, none of which waits; an error where there is no such thing |
//!
//! **`resolver`**: `unix` with `unix_hosts`, `windows`; `hosts` is shared
//!
//! | item | its contract |
//! | --- | --- |
//! | [`resolve`] | the system's resolver, which blocks without a limit |
//! | `hosts_file`, [`is_own_name`] | whether the machine can resolve a name by itself |
//! | [`interface_index`], [`interface_name`], [`interfaces`] | network interfaces |

mod address;
mod batch;
#[cfg(unix)]
mod calls;
mod cmsg;
mod descriptor;
#[cfg(windows)]
mod edges;
mod errno;
mod file;
mod memory;
mod message;
pub mod option;
mod piece;
mod poll;
mod process;
mod readiness;
mod reserve;
mod resolver;
mod ring;
mod socket;
mod state;
mod time;
mod transfer;
mod types;
mod waker;

pub use address::*;
pub use batch::*;
pub use cmsg::*;
pub use descriptor::*;
pub use errno::*;
pub use file::*;
pub use memory::*;
pub use message::*;
pub use option::{
    SO_ERROR, SO_TYPE, get_option, get_option_into, is_v6_only, set_datagram_default, set_listener_default,
    set_option, set_v6_only, system_timeout, timeout_option,
};
pub use piece::*;
pub use poll::*;
pub use process::*;
pub use readiness::*;
pub use reserve::{grow, grow_exactly, grow_up_to, has_memory, is_memory_short};
pub use resolver::*;
pub use ring::*;
pub use socket::*;
pub use state::*;
pub(in crate::sys) use time::*;
pub use transfer::*;
pub use types::*;
pub use waker::*;

#[cfg(windows)]
pub(in crate::sys) use option::ioctl;
