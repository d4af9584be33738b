/*
 * anysock: the same sockets for every language on every system.
 * Handles are numbers, names are text, results are numbers.
 *
 * Every function that can fail returns int64_t: 0 or more is the answer, less is one of the error codes below. Times are
 * microseconds. Texts are NUL-terminated UTF-8. Any function may be called from any thread at any time.
 *
 * In parentheses before a parameter: whether the memory that a pointer points at is read (in), written (out) or both (inout),
 * which parameter says how many bytes, characters or elements it holds (length=...), whether it may be NULL (nullable; with
 * length 0 each may), and the group of constants that a number is made of (group=...). No pointer is kept after the call.
 * Behind the word Blocks: the option or parameter that bounds the wait, and what else ends it: close, shutdown, a wake, or a signal if
 * the handle has option `interruptible`.
 *
 * Generated from the source; do not edit.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

#ifndef ANYSOCK_H
#define ANYSOCK_H

#include <stddef.h>
#include <stdint.h>

/** The version that this header belongs to; compare with `anysock_version()`. */
#define ANYSOCK_HEADER_VERSION "0.2.0"

/* Errors: Linux's numbers, negated, on every system. */
#define ANYSOCK_EPERM (-1) /**< operation not permitted */
#define ANYSOCK_ENOENT (-2) /**< no such file or directory */
#define ANYSOCK_ESRCH (-3) /**< no such process */
#define ANYSOCK_EINTR (-4) /**< interrupted by a signal */
#define ANYSOCK_EIO (-5) /**< input/output error */
#define ANYSOCK_ENXIO (-6) /**< no such device or address */
#define ANYSOCK_E2BIG (-7) /**< argument list too long */
#define ANYSOCK_ENOEXEC (-8) /**< not an executable format */
#define ANYSOCK_EBADF (-9) /**< bad handle or file descriptor */
#define ANYSOCK_ECHILD (-10) /**< no child processes */
#define ANYSOCK_EAGAIN (-11) /**< would block, try again later */
#define ANYSOCK_ENOMEM (-12) /**< out of memory */
#define ANYSOCK_EACCES (-13) /**< permission denied */
#define ANYSOCK_EFAULT (-14) /**< bad memory address */
#define ANYSOCK_ENOTBLK (-15) /**< not a block device */
#define ANYSOCK_EBUSY (-16) /**< device or resource busy */
#define ANYSOCK_EEXIST (-17) /**< already exists */
#define ANYSOCK_EXDEV (-18) /**< link across devices */
#define ANYSOCK_ENODEV (-19) /**< no such device */
#define ANYSOCK_ENOTDIR (-20) /**< not a directory */
#define ANYSOCK_EISDIR (-21) /**< is a directory */
#define ANYSOCK_EINVAL (-22) /**< invalid argument */
#define ANYSOCK_ENFILE (-23) /**< too many open files in the system */
#define ANYSOCK_EMFILE (-24) /**< too many open files in the process */
#define ANYSOCK_ENOTTY (-25) /**< not a terminal, or control operation not supported by the device */
#define ANYSOCK_ETXTBSY (-26) /**< executable file busy */
#define ANYSOCK_EFBIG (-27) /**< file too large */
#define ANYSOCK_ENOSPC (-28) /**< no space left on device */
#define ANYSOCK_ESPIPE (-29) /**< cannot seek */
#define ANYSOCK_EROFS (-30) /**< read-only file system */
#define ANYSOCK_EMLINK (-31) /**< too many links */
#define ANYSOCK_EPIPE (-32) /**< broken pipe: nobody will read this */
#define ANYSOCK_EDOM (-33) /**< argument out of domain */
#define ANYSOCK_ERANGE (-34) /**< result out of range */
#define ANYSOCK_EDEADLK (-35) /**< resource deadlock avoided */
#define ANYSOCK_ENAMETOOLONG (-36) /**< name too long */
#define ANYSOCK_ENOLCK (-37) /**< no locks available */
#define ANYSOCK_ENOSYS (-38) /**< function not implemented */
#define ANYSOCK_ENOTEMPTY (-39) /**< directory not empty */
#define ANYSOCK_ELOOP (-40) /**< too many symbolic links */
#define ANYSOCK_ENOMSG (-42) /**< no message of the desired type */
#define ANYSOCK_EIDRM (-43) /**< identifier removed */
#define ANYSOCK_ECHRNG (-44) /**< channel number out of range */
#define ANYSOCK_EL2NSYNC (-45) /**< level 2 not synchronized */
#define ANYSOCK_EL3HLT (-46) /**< level 3 halted */
#define ANYSOCK_EL3RST (-47) /**< level 3 reset */
#define ANYSOCK_ELNRNG (-48) /**< link number out of range */
#define ANYSOCK_EUNATCH (-49) /**< protocol driver not attached */
#define ANYSOCK_ENOCSI (-50) /**< no CSI structure available */
#define ANYSOCK_EL2HLT (-51) /**< level 2 halted */
#define ANYSOCK_EBADE (-52) /**< invalid exchange */
#define ANYSOCK_EBADR (-53) /**< invalid request descriptor */
#define ANYSOCK_EXFULL (-54) /**< exchange full */
#define ANYSOCK_ENOANO (-55) /**< no anode */
#define ANYSOCK_EBADRQC (-56) /**< invalid request code */
#define ANYSOCK_EBADSLT (-57) /**< invalid slot */
#define ANYSOCK_EBFONT (-59) /**< bad font file format */
#define ANYSOCK_ENOSTR (-60) /**< not a STREAMS device */
#define ANYSOCK_ENODATA (-61) /**< no data available */
#define ANYSOCK_ETIME (-62) /**< timer expired */
#define ANYSOCK_ENOSR (-63) /**< out of STREAMS resources */
#define ANYSOCK_ENONET (-64) /**< machine is not on the network */
#define ANYSOCK_ENOPKG (-65) /**< package not installed */
#define ANYSOCK_EREMOTE (-66) /**< object is remote */
#define ANYSOCK_ENOLINK (-67) /**< link has been severed */
#define ANYSOCK_EADV (-68) /**< advertise error */
#define ANYSOCK_ESRMNT (-69) /**< mounted remotely */
#define ANYSOCK_ECOMM (-70) /**< communication error on send */
#define ANYSOCK_EPROTO (-71) /**< protocol error */
#define ANYSOCK_EMULTIHOP (-72) /**< multihop attempted */
#define ANYSOCK_EDOTDOT (-73) /**< remote file sharing error */
#define ANYSOCK_EBADMSG (-74) /**< bad message */
#define ANYSOCK_EOVERFLOW (-75) /**< value too large for its type */
#define ANYSOCK_ENOTUNIQ (-76) /**< name not unique on the network */
#define ANYSOCK_EBADFD (-77) /**< file descriptor in a bad state */
#define ANYSOCK_EREMCHG (-78) /**< remote address changed */
#define ANYSOCK_ELIBACC (-79) /**< cannot access a needed shared library */
#define ANYSOCK_ELIBBAD (-80) /**< shared library is corrupted */
#define ANYSOCK_ELIBSCN (-81) /**< .lib section is corrupted */
#define ANYSOCK_ELIBMAX (-82) /**< too many shared libraries */
#define ANYSOCK_ELIBEXEC (-83) /**< cannot execute a shared library */
#define ANYSOCK_EILSEQ (-84) /**< invalid byte sequence */
#define ANYSOCK_ERESTART (-85) /**< interrupted call should be restarted */
#define ANYSOCK_ESTRPIPE (-86) /**< error in a STREAMS pipe */
#define ANYSOCK_EUSERS (-87) /**< too many users */
#define ANYSOCK_ENOTSOCK (-88) /**< not a socket */
#define ANYSOCK_EDESTADDRREQ (-89) /**< destination address required */
#define ANYSOCK_EMSGSIZE (-90) /**< message too long */
#define ANYSOCK_EPROTOTYPE (-91) /**< wrong protocol type for the socket */
#define ANYSOCK_ENOPROTOOPT (-92) /**< no such protocol option */
#define ANYSOCK_EPROTONOSUPPORT (-93) /**< protocol not supported */
#define ANYSOCK_ESOCKTNOSUPPORT (-94) /**< socket type not supported */
#define ANYSOCK_EOPNOTSUPP (-95) /**< operation not supported */
#define ANYSOCK_EPFNOSUPPORT (-96) /**< protocol family not supported */
#define ANYSOCK_EAFNOSUPPORT (-97) /**< address family not supported */
#define ANYSOCK_EADDRINUSE (-98) /**< address already in use */
#define ANYSOCK_EADDRNOTAVAIL (-99) /**< address not available */
#define ANYSOCK_ENETDOWN (-100) /**< network is down */
#define ANYSOCK_ENETUNREACH (-101) /**< network is unreachable */
#define ANYSOCK_ENETRESET (-102) /**< connection dropped by the network */
#define ANYSOCK_ECONNABORTED (-103) /**< connection aborted */
#define ANYSOCK_ECONNRESET (-104) /**< connection reset by peer */
#define ANYSOCK_ENOBUFS (-105) /**< no buffer space available */
#define ANYSOCK_EISCONN (-106) /**< already connected */
#define ANYSOCK_ENOTCONN (-107) /**< not connected */
#define ANYSOCK_ESHUTDOWN (-108) /**< cannot send after shutdown */
#define ANYSOCK_ETOOMANYREFS (-109) /**< too many references */
#define ANYSOCK_ETIMEDOUT (-110) /**< connection timed out */
#define ANYSOCK_ECONNREFUSED (-111) /**< connection refused */
#define ANYSOCK_EHOSTDOWN (-112) /**< host is down */
#define ANYSOCK_EHOSTUNREACH (-113) /**< host is unreachable */
#define ANYSOCK_EALREADY (-114) /**< operation already in progress */
#define ANYSOCK_EINPROGRESS (-115) /**< operation now in progress */
#define ANYSOCK_ESTALE (-116) /**< stale file handle */
#define ANYSOCK_EUCLEAN (-117) /**< structure needs cleaning */
#define ANYSOCK_ENOTNAM (-118) /**< not a XENIX named type file */
#define ANYSOCK_ENAVAIL (-119) /**< no XENIX semaphores available */
#define ANYSOCK_EISNAM (-120) /**< is a named type file */
#define ANYSOCK_EREMOTEIO (-121) /**< remote input/output error */
#define ANYSOCK_EDQUOT (-122) /**< quota exceeded */
#define ANYSOCK_ENOMEDIUM (-123) /**< no medium found */
#define ANYSOCK_EMEDIUMTYPE (-124) /**< wrong medium type */
#define ANYSOCK_ECANCELED (-125) /**< operation canceled */
#define ANYSOCK_ENOKEY (-126) /**< required key not available */
#define ANYSOCK_EKEYEXPIRED (-127) /**< key has expired */
#define ANYSOCK_EKEYREVOKED (-128) /**< key has been revoked */
#define ANYSOCK_EKEYREJECTED (-129) /**< key was rejected */
#define ANYSOCK_EOWNERDEAD (-130) /**< owner died */
#define ANYSOCK_ENOTRECOVERABLE (-131) /**< state not recoverable */
#define ANYSOCK_ERFKILL (-132) /**< radio is switched off */
#define ANYSOCK_EHWPOISON (-133) /**< memory page has a hardware error */
#define ANYSOCK_EAI_ADDRFAMILY (-3000) /**< name has no address of this family */
#define ANYSOCK_EAI_AGAIN (-3001) /**< temporary failure in name resolution */
#define ANYSOCK_EAI_BADFLAGS (-3002) /**< invalid resolver flags */
#define ANYSOCK_EAI_CANCELED (-3003) /**< name resolution canceled */
#define ANYSOCK_EAI_FAIL (-3004) /**< permanent failure in name resolution */
#define ANYSOCK_EAI_FAMILY (-3005) /**< resolver does not support the address family */
#define ANYSOCK_EAI_MEMORY (-3006) /**< out of memory in name resolution */
#define ANYSOCK_EAI_NODATA (-3007) /**< name has no address */
#define ANYSOCK_EAI_NONAME (-3008) /**< name or service not known */
#define ANYSOCK_EAI_OVERFLOW (-3009) /**< resolver's buffer too small */
#define ANYSOCK_EAI_SERVICE (-3010) /**< service not available for this socket type */
#define ANYSOCK_EAI_SOCKTYPE (-3011) /**< resolver does not support the socket type */
#define ANYSOCK_EAI_BADHINTS (-3013) /**< invalid resolver hints */
#define ANYSOCK_EAI_PROTOCOL (-3014) /**< resolved protocol is unknown */
#define ANYSOCK_EINTERNAL (-10000) /**< internal error */
#define ANYSOCK_EWOULDBLOCK ANYSOCK_EAGAIN
#define ANYSOCK_ENOTSUP ANYSOCK_EOPNOTSUPP
#define ANYSOCK_EDEADLOCK ANYSOCK_EDEADLK

/* Options: what they mean is in the manual. */
#define ANYSOCK_OPT_TIMEOUT "timeout"
#define ANYSOCK_OPT_READ_TIMEOUT "read_timeout"
#define ANYSOCK_OPT_WRITE_TIMEOUT "write_timeout"
#define ANYSOCK_OPT_CONNECT_TIMEOUT "connect_timeout"
#define ANYSOCK_OPT_ACCEPT_TIMEOUT "accept_timeout"
#define ANYSOCK_OPT_INTERRUPTIBLE "interruptible"
#define ANYSOCK_OPT_INHERIT "inherit"
#define ANYSOCK_OPT_NATIVE "native"
#define ANYSOCK_OPT_KIND "kind"
#define ANYSOCK_OPT_FAMILY "family"
#define ANYSOCK_OPT_TYPE "type"
#define ANYSOCK_OPT_PROTOCOL "protocol"
#define ANYSOCK_OPT_ERROR "error"
#define ANYSOCK_OPT_AVAILABLE "available"
#define ANYSOCK_OPT_LISTENING "listening"
#define ANYSOCK_OPT_REUSE_ADDRESS "reuse_address"
#define ANYSOCK_OPT_REUSE_PORT "reuse_port"
#define ANYSOCK_OPT_EXCLUSIVE_ADDRESS "exclusive_address"
#define ANYSOCK_OPT_BROADCAST "broadcast"
#define ANYSOCK_OPT_KEEPALIVE "keepalive"
#define ANYSOCK_OPT_LINGER "linger"
#define ANYSOCK_OPT_OOB_INLINE "oob_inline"
#define ANYSOCK_OPT_RECEIVE_BUFFER "receive_buffer"
#define ANYSOCK_OPT_SEND_BUFFER "send_buffer"
#define ANYSOCK_OPT_RECEIVE_LOW_WATER "receive_low_water"
#define ANYSOCK_OPT_SEND_LOW_WATER "send_low_water"
#define ANYSOCK_OPT_PRIORITY "priority"
#define ANYSOCK_OPT_MARK "mark"
#define ANYSOCK_OPT_BUSY_POLL "busy_poll"
#define ANYSOCK_OPT_INCOMING_CPU "incoming_cpu"
#define ANYSOCK_OPT_TIMESTAMP "timestamp"
#define ANYSOCK_OPT_TCP_NODELAY "tcp.nodelay"
#define ANYSOCK_OPT_TCP_KEEPALIVE_IDLE "tcp.keepalive_idle"
#define ANYSOCK_OPT_TCP_KEEPALIVE_INTERVAL "tcp.keepalive_interval"
#define ANYSOCK_OPT_TCP_KEEPALIVE_COUNT "tcp.keepalive_count"
#define ANYSOCK_OPT_TCP_USER_TIMEOUT "tcp.user_timeout"
#define ANYSOCK_OPT_TCP_FASTOPEN "tcp.fastopen"
#define ANYSOCK_OPT_TCP_FASTOPEN_CONNECT "tcp.fastopen_connect"
#define ANYSOCK_OPT_TCP_QUICKACK "tcp.quickack"
#define ANYSOCK_OPT_TCP_CORK "tcp.cork"
#define ANYSOCK_OPT_TCP_DEFER_ACCEPT "tcp.defer_accept"
#define ANYSOCK_OPT_TCP_MAX_SEGMENT "tcp.max_segment"
#define ANYSOCK_OPT_TCP_NOT_SENT_LOW_WATER "tcp.not_sent_low_water"
#define ANYSOCK_OPT_TCP_CONGESTION "tcp.congestion"
#define ANYSOCK_OPT_TCP_STATE "tcp.state"
#define ANYSOCK_OPT_TCP_RTT "tcp.rtt"
#define ANYSOCK_OPT_TCP_RTT_VARIANCE "tcp.rtt_variance"
#define ANYSOCK_OPT_TCP_RETRANSMITS "tcp.retransmits"
#define ANYSOCK_OPT_TCP_TOTAL_RETRANSMITS "tcp.total_retransmits"
#define ANYSOCK_OPT_TCP_CONGESTION_WINDOW "tcp.congestion_window"
#define ANYSOCK_OPT_TCP_UNACKED "tcp.unacked"
#define ANYSOCK_OPT_TCP_BYTES_SENT "tcp.bytes_sent"
#define ANYSOCK_OPT_TCP_BYTES_ACKED "tcp.bytes_acked"
#define ANYSOCK_OPT_TCP_BYTES_RECEIVED "tcp.bytes_received"
#define ANYSOCK_OPT_TCP_DELIVERY_RATE "tcp.delivery_rate"
#define ANYSOCK_OPT_UDP_SEGMENT "udp.segment"
#define ANYSOCK_OPT_UDP_GRO "udp.gro"
#define ANYSOCK_OPT_UDP_CONNECTION_RESET "udp.connection_reset"
#define ANYSOCK_OPT_IP_TTL "ip.ttl"
#define ANYSOCK_OPT_IP_TOS "ip.tos"
#define ANYSOCK_OPT_IP_BIND_DEVICE "ip.bind_device"
#define ANYSOCK_OPT_IP_MTU "ip.mtu"
#define ANYSOCK_OPT_IP_DONT_FRAGMENT "ip.dont_fragment"
#define ANYSOCK_OPT_IP_FREEBIND "ip.freebind"
#define ANYSOCK_OPT_IP_TRANSPARENT "ip.transparent"
#define ANYSOCK_OPT_IP_PACKET_INFO "ip.packet_info"
#define ANYSOCK_OPT_IP_RECEIVE_TTL "ip.receive_ttl"
#define ANYSOCK_OPT_IP_RECEIVE_TOS "ip.receive_tos"
#define ANYSOCK_OPT_IP_MULTICAST_TTL "ip.multicast_ttl"
#define ANYSOCK_OPT_IP_MULTICAST_LOOP "ip.multicast_loop"
#define ANYSOCK_OPT_IP_MULTICAST_ALL "ip.multicast_all"
#define ANYSOCK_OPT_IP_MULTICAST_INTERFACE "ip.multicast_interface"
#define ANYSOCK_OPT_IP_MULTICAST_JOIN "ip.multicast_join"
#define ANYSOCK_OPT_IP_MULTICAST_LEAVE "ip.multicast_leave"
#define ANYSOCK_OPT_IP_MULTICAST_JOIN_SOURCE "ip.multicast_join_source"
#define ANYSOCK_OPT_IP_MULTICAST_LEAVE_SOURCE "ip.multicast_leave_source"
#define ANYSOCK_OPT_IPV6_ONLY "ipv6.only"
#define ANYSOCK_OPT_IPV6_HOPS "ipv6.hops"
#define ANYSOCK_OPT_IPV6_TRAFFIC_CLASS "ipv6.traffic_class"
#define ANYSOCK_OPT_IPV6_MTU "ipv6.mtu"
#define ANYSOCK_OPT_IPV6_DONT_FRAGMENT "ipv6.dont_fragment"
#define ANYSOCK_OPT_IPV6_FREEBIND "ipv6.freebind"
#define ANYSOCK_OPT_IPV6_TRANSPARENT "ipv6.transparent"
#define ANYSOCK_OPT_IPV6_PACKET_INFO "ipv6.packet_info"
#define ANYSOCK_OPT_IPV6_RECEIVE_HOPS "ipv6.receive_hops"
#define ANYSOCK_OPT_IPV6_RECEIVE_TRAFFIC_CLASS "ipv6.receive_traffic_class"
#define ANYSOCK_OPT_IPV6_MULTICAST_HOPS "ipv6.multicast_hops"
#define ANYSOCK_OPT_IPV6_MULTICAST_LOOP "ipv6.multicast_loop"
#define ANYSOCK_OPT_IPV6_MULTICAST_ALL "ipv6.multicast_all"
#define ANYSOCK_OPT_IPV6_MULTICAST_INTERFACE "ipv6.multicast_interface"
#define ANYSOCK_OPT_IPV6_MULTICAST_JOIN "ipv6.multicast_join"
#define ANYSOCK_OPT_IPV6_MULTICAST_LEAVE "ipv6.multicast_leave"
#define ANYSOCK_OPT_IPV6_MULTICAST_JOIN_SOURCE "ipv6.multicast_join_source"
#define ANYSOCK_OPT_IPV6_MULTICAST_LEAVE_SOURCE "ipv6.multicast_leave_source"
#define ANYSOCK_OPT_UNIX_CREDENTIALS "unix.credentials"
#define ANYSOCK_OPT_UNIX_PEER_PID "unix.peer_pid"
#define ANYSOCK_OPT_UNIX_PEER_UID "unix.peer_uid"
#define ANYSOCK_OPT_UNIX_PEER_GID "unix.peer_gid"
#define ANYSOCK_OPT_QUEUE_SEND_LIMIT "queue.send_limit"
#define ANYSOCK_OPT_QUEUE_ENGINE "queue.engine"

/**
 * The version of the interface that this header describes; compare with `anysock_abi_version()`.
 */
#define ANYSOCK_HEADER_ABI 1

/**
 * One millisecond in the unit of every timeout.
 */
#define ANYSOCK_MILLISECOND 1000

/**
 * One second in the unit of every timeout.
 */
#define ANYSOCK_SECOND 1000000

/**
 * `anysock_shutdown`: no more reading.
 */
#define ANYSOCK_SHUT_READ 1

/**
 * `anysock_shutdown`: no more writing; the peer sees the end of the stream.
 */
#define ANYSOCK_SHUT_WRITE 2

/**
 * `anysock_shutdown`: neither.
 */
#define ANYSOCK_SHUT_BOTH 3

/**
 * Receiving: leave the data in the queue.
 */
#define ANYSOCK_FLAG_PEEK 1

/**
 * Sending and receiving: urgent (out-of-band) data, of which TCP has one byte.
 */
#define ANYSOCK_FLAG_OOB 2

/**
 * Receiving: wait until the whole length has come, the stream ends or an error comes (recv(2), MSG_WAITALL).
 */
#define ANYSOCK_FLAG_WAIT_ALL 4

/**
 * Sending and receiving: `ANYSOCK_EAGAIN` rather than wait, in this one call.
 */
#define ANYSOCK_FLAG_DONT_WAIT 8

/**
 * Receiving a datagram: the result is its real length, even if that is more than the memory holds.
 */
#define ANYSOCK_FLAG_TRUNC 16

/**
 * Sending: more follows at once, so hold back a segment that is not full. A hint: ignored where the system has none.
 */
#define ANYSOCK_FLAG_MORE 32

/**
 * Only reported, of a message: control data or handles did not fit, and are lost.
 */
#define ANYSOCK_FLAG_CONTROL_TRUNC 64

/**
 * Control data: the sender's `pid`, `uid` and `gid`. Option "unix.credentials".
 */
#define ANYSOCK_CONTROL_CREDENTIALS 1

/**
 * Control data: interface and addresses. `interface_index`, `local_address`, `destination`. Options "ip.packet_info",
 * "ipv6.packet_info".
 */
#define ANYSOCK_CONTROL_PACKET_INFO 2

/**
 * Control data: TTL or hop limit, in `value`. Options "ip.receive_ttl", "ipv6.receive_hops".
 */
#define ANYSOCK_CONTROL_TTL 3

/**
 * Control data: TOS or traffic class, in `value`. Options "ip.receive_tos", "ipv6.receive_traffic_class".
 */
#define ANYSOCK_CONTROL_TOS 4

/**
 * Control data, received only: when the message came, in `value`, as nanoseconds since 1970. Option "timestamp".
 */
#define ANYSOCK_CONTROL_TIMESTAMP 5

/**
 * Asked for and reported: a read would not block.
 */
#define ANYSOCK_EVENT_READ 1

/**
 * Asked for and reported: a write would not block.
 */
#define ANYSOCK_EVENT_WRITE 2

/**
 * Asked for and reported: urgent data, or a connect that failed.
 */
#define ANYSOCK_EVENT_EXCEPT 4

/**
 * Reported with the others: the connection is over in both directions.
 */
#define ANYSOCK_EVENT_HANGUP 8

/**
 * Reported with the others: an error is pending.
 */
#define ANYSOCK_EVENT_ERROR 16

/**
 * Asked for: report a change once (edge-triggered), not as long as it lasts.
 */
#define ANYSOCK_EVENT_EDGE 32

/**
 * Asked for: report once, then nothing until the socket is set again.
 */
#define ANYSOCK_EVENT_ONESHOT 64

/**
 * Operation: an event with result 0, in the same run. Takes nothing.
 */
#define ANYSOCK_OP_NOP 1

/**
 * Operation: takes connections of `handle`; with `ANYSOCK_QUEUE_MULTI` one after the other. Result: the new handle.
 */
#define ANYSOCK_OP_ACCEPT 2

/**
 * Operation: connects `handle` to the text at `data`, which is `length` long or, if that is 0, ends with a NUL; with
 * `ANYSOCK_QUEUE_FLAT` to the `anysock_address` at `data`. Later operations on `handle` wait for it. Result: 0.
 */
#define ANYSOCK_OP_CONNECT 3

/**
 * Operation: reads `handle`, at most `length` bytes an event, or a buffer's size if that is 0; with `ANYSOCK_QUEUE_MULTI`
 * again and again. Result: how many bytes, at `data` in `buffer`; `value` is how many its earlier events had. 0 is the end.
 */
#define ANYSOCK_OP_READ 4

/**
 * Operation: writes all of the `length` bytes at `data` to `handle`. If `buffer` is not 0 they lie in that buffer, which is
 * given back. Result: `length`; on an error `value` is how many bytes the system has taken.
 */
#define ANYSOCK_OP_WRITE 5

/**
 * Operation: as `ANYSOCK_OP_READ`, of datagrams with their sender: `value` is the address of an `anysock_address`.
 */
#define ANYSOCK_OP_RECEIVE_FROM 6

/**
 * Operation: as `ANYSOCK_OP_WRITE`, of a datagram to the `anysock_address` whose address is `value`.
 */
#define ANYSOCK_OP_SEND_TO 7

/**
 * Operation: sends to `handle` the bytes of the file whose descriptor is `data`, from the offset `value` on (-1: its
 * position), `length` of them (-1: to its end). Result: how many.
 */
#define ANYSOCK_OP_SEND_FILE 8

/**
 * Operation: waits until `handle` is ready for any of `value`, `ANYSOCK_EVENT_READ` and its like; with
 * `ANYSOCK_QUEUE_MULTI` once in every run for as long as it is so. Result: what it is ready for.
 */
#define ANYSOCK_OP_POLL 9

/**
 * Operation: waits for `value` microseconds; with `ANYSOCK_QUEUE_MULTI` again and again. Result: 0.
 */
#define ANYSOCK_OP_TIMER 10

/**
 * Operation: ends the operations whose token is `value`, those of `handle` alone if that is not 0; with
 * `ANYSOCK_QUEUE_ALL` whatever goes on for `handle`. Result: how many.
 */
#define ANYSOCK_OP_CANCEL 11

/**
 * Operation: shuts halves of `handle`, `value` as for `anysock_shutdown`, after the writes before it. Result: 0.
 */
#define ANYSOCK_OP_SHUTDOWN 12

/**
 * Operation: closes `handle` after the writes before it, with `ANYSOCK_QUEUE_NOW` without them. Result: 0.
 */
#define ANYSOCK_OP_CLOSE 13

/**
 * Operation: gives `buffer` back. No event unless it fails.
 */
#define ANYSOCK_OP_GIVE 14

/**
 * Operation: looks up the text at `data`, as long as for `ANYSOCK_OP_CONNECT`, for the kind whose text is at `value`.
 * Result: how many bytes of text, as `anysock_resolve` gives it, are at `data` in `buffer`.
 */
#define ANYSOCK_OP_RESOLVE 15

/**
 * Flag of an operation: it goes on after its event.
 */
#define ANYSOCK_QUEUE_MULTI 1

/**
 * Flag of an operation: no event if it succeeds.
 */
#define ANYSOCK_QUEUE_QUIET 2

/**
 * Flag of `ANYSOCK_OP_CLOSE`: at once.
 */
#define ANYSOCK_QUEUE_NOW 4

/**
 * Flag of `ANYSOCK_OP_CONNECT`: to an address in numbers.
 */
#define ANYSOCK_QUEUE_FLAT 8

/**
 * Flag of `ANYSOCK_OP_CANCEL`: whatever goes on for the handle.
 */
#define ANYSOCK_QUEUE_ALL 16

/**
 * Flag of an event: further ones of the operation will follow.
 */
#define ANYSOCK_QUEUE_MORE 1

/**
 * Flag of an event: a datagram was longer than its room, or a text.
 */
#define ANYSOCK_QUEUE_CUT 2

/**
 * A handle: 1 to 2^53-1, so that a double holds it. It stands for a socket, a poller, a pipe or terminal.
 *
 * A number that was never given out, or whose owner is closed, gives `ANYSOCK_EBADF` from every function; no number
 * is ever given out twice. Any function may be called on any handle from any thread at any time.
 */
typedef int64_t anysock_t;

/**
 * An address as flat memory: 128 bytes, the same layout on every system, without a pointer.
 *
 * Made by `anysock_address_parse`, returned by `anysock_recv_many`. What is not used is 0, so that equal addresses are equal
 * byte for byte. All zero is no address.
 */
typedef struct anysock_address {
  /**
   * At offset 0: 2 for IPv4, 10 for IPv6, 1 for unix, as option "family" gives them; 0 for no address.
   */
  int32_t family;
  /**
   * At offset 4: the port, as a plain number (host byte order).
   */
  uint16_t port;
  /**
   * At offset 6: how many of `bytes` count: 4 for IPv4, 16 for IPv6.
   */
  uint16_t length;
  /**
   * At offset 8: the number of the interface that a link-local IPv6 address belongs to, else 0.
   */
  uint32_t scope;
  /**
   * At offset 12: 0.
   */
  uint32_t reserved;
  /**
   * At offset 16: the octets in the order in which they are written; a path; or a 0 and an abstract name. No NUL ends it.
   */
  uint8_t bytes[112];
} anysock_address;

/**
 * A piece of the caller's memory for `anysock_readv` and `anysock_writev`.
 */
typedef struct anysock_buffer {
  /**
   * (length=length) Its first byte. May be NULL when `length` is 0.
   */
  void *data;
  /**
   * How many bytes.
   */
  size_t length;
} anysock_buffer;

/**
 * One datagram of an array for `anysock_recv_many` and `anysock_send_many`: 40 bytes where a pointer has 8, without
 * padding.
 */
typedef struct anysock_datagram {
  /**
   * (length=length) At offset 0: its first byte. May be NULL when `length` is 0.
   */
  void *data;
  /**
   * At offset 8: how many bytes there are to be sent, or how many there is room for. The library does not change it.
   */
  size_t length;
  /**
   * At offset 16, set by the call: how many bytes were received or sent; with `ANYSOCK_FLAG_TRUNC` the datagram's real
   * length.
   */
  int64_t result;
  /**
   * (nullable) At offset 24: where the sender's address goes, NULL if it is not wanted; or where to send to, NULL for the
   * connected peer. When sending, an address whose `family` is 0 is as NULL.
   */
  struct anysock_address *address;
  /**
   * At offset 32, set by receiving: `ANYSOCK_FLAG_TRUNC` if the datagram was longer than `length`, else 0. Never read.
   */
  int32_t flags;
  /**
   * At offset 36: when sending, the size of the datagrams that this one is cut into, 0 to leave that to option
   * "udp.segment". Set by receiving: with option "udp.gro", the size of the datagrams that were joined to this one, of
   * which the last may be shorter; 0 for one that is as it was sent.
   */
  int32_t segment;
} anysock_datagram;

/**
 * A piece of control data, of whatever kind: 288 bytes, the same layout on every system, without a pointer.
 *
 * Receiving fills in what `kind` says and sets the rest to 0; sending ignores the rest.
 */
typedef struct anysock_control {
  /**
   * At offset 0: `ANYSOCK_CONTROL_CREDENTIALS`, `ANYSOCK_CONTROL_PACKET_INFO` or another of these numbers.
   */
  int32_t kind;
  /**
   * At offset 4: the number of the interface by which the message came or shall go; 0 for none.
   */
  uint32_t interface_index;
  /**
   * At offset 8: TTL, TOS or time.
   */
  int64_t value;
  /**
   * At offset 16: the process that sent the message.
   */
  int32_t pid;
  /**
   * At offset 20: its user.
   */
  uint32_t uid;
  /**
   * At offset 24: its group.
   */
  uint32_t gid;
  /**
   * At offset 28: 0.
   */
  uint32_t reserved;
  /**
   * At offset 32: this machine's own address: the one by which the message came, or from which it shall go. No address
   * if the system does not report one, or shall choose.
   */
  struct anysock_address local_address;
  /**
   * At offset 160, received only: the address that the message was sent to, which may be one of many machines.
   */
  struct anysock_address destination;
} anysock_control;

/**
 * A message for `anysock_recv_message` and `anysock_send_message`: data and what goes beside it.
 *
 * It may grow at its end. `size` says how much of it the caller knows: at least up to `buffer_count`, and whole fields.
 * What the caller does not know counts as 0; a larger one than the library knows is fine if the rest is 0.
 */
typedef struct anysock_message {
  /**
   * (size, least=buffer_count) `sizeof(anysock_message)`.
   */
  uint32_t size;
  /**
   * Set by receiving: `ANYSOCK_FLAG_TRUNC` if the data did not fit, `ANYSOCK_FLAG_CONTROL_TRUNC`, `ANYSOCK_FLAG_OOB` for
   * urgent data. Sending ignores it.
   */
  int32_t flags;
  /**
   * (length=buffer_count) The pieces of memory for the data. May be NULL when `buffer_count` is 0.
   */
  struct anysock_buffer *buffers;
  /**
   * How many; the system moves 1,024 in one call.
   */
  size_t buffer_count;
  /**
   * (nullable) Receiving: who sent it. Sending: to whom; NULL or no address (`family` 0) is the connected peer.
   */
  struct anysock_address *address;
  /**
   * (length=control_count) Control data that anysock knows. May be NULL when `control_count` is 0.
   */
  struct anysock_control *controls;
  /**
   * How many. Receiving: in, how many there is room for; out, how many have come.
   */
  size_t control_count;
  /**
   * (length=handle_count) Handles that go along with a message of a unix kind. May be NULL when `handle_count` is 0.
   */
  anysock_t *handles;
  /**
   * How many. Receiving: in, how many there is room for; out, how many have come.
   */
  size_t handle_count;
  /**
   * (length=raw_length) Control data as the system lays it out (`struct cmsghdr`), for what anysock does not know. May be
   * NULL when `raw_length` is 0.
   */
  void *raw_control;
  /**
   * How many bytes. Receiving: in, how many there is room for; out, how many have come.
   */
  size_t raw_length;
} anysock_message;

/**
 * A set of handles for `anysock_select`: an array of any length, in the caller's memory.
 */
typedef struct anysock_handles {
  /**
   * How many handles there are.
   */
  int64_t count;
  /**
   * (length=count) The first of them. May be NULL when `count` is 0.
   */
  anysock_t *handles;
} anysock_handles;

/**
 * One event of `anysock_poller_wait`.
 */
typedef struct anysock_event {
  /**
   * What was given to `anysock_poller_set`.
   */
  int64_t token;
  /**
   * The socket that is ready.
   */
  anysock_t handle;
  /**
   * `ANYSOCK_EVENT_READ`, `ANYSOCK_EVENT_WRITE`, `ANYSOCK_EVENT_EXCEPT`, `ANYSOCK_EVENT_HANGUP`, `ANYSOCK_EVENT_ERROR`,
   * added up.
   */
  int32_t events;
  /**
   * 0.
   */
  int32_t reserved;
} anysock_event;

/**
 * What a queue shall do: 64 bytes, an array of numbers. What an operation does not take must be 0.
 */
typedef struct anysock_op {
  /**
   * Any number; it comes back in every event of the operation.
   */
  int64_t token;
  /**
   * The socket, pipe or terminal.
   */
  anysock_t handle;
  /**
   * `ANYSOCK_OP_READ` and its like.
   */
  int64_t op;
  /**
   * `ANYSOCK_QUEUE_MULTI` and its like, added up.
   */
  int64_t flags;
  /**
   * The address of bytes, of a text or of an `anysock_address`; a file's descriptor.
   */
  int64_t data;
  /**
   * How many bytes.
   */
  int64_t length;
  /**
   * What else the operation takes.
   */
  int64_t value;
  /**
   * The buffer in which the bytes lie, or which is given back; 0 for none.
   */
  int64_t buffer;
} anysock_op;

/**
 * What has happened: 64 bytes, an array of numbers.
 */
typedef struct anysock_done {
  /**
   * That of the operation.
   */
  int64_t token;
  /**
   * That of the operation.
   */
  anysock_t handle;
  /**
   * That of the operation.
   */
  int64_t op;
  /**
   * `ANYSOCK_QUEUE_MORE`, `ANYSOCK_QUEUE_CUT`, added up.
   */
  int64_t flags;
  /**
   * The operation's result, or a negative error.
   */
  int64_t result;
  /**
   * The address of the bytes.
   */
  int64_t data;
  /**
   * What else the operation reports, as said there.
   */
  int64_t value;
  /**
   * The buffer in which the bytes lie: the program's until it gives it back. 0 for none.
   */
  int64_t buffer;
} anysock_done;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The version of the library, as "1.2.3".
 *
 * @return The text.
 *
 * Never fails, never blocks. The text lives as long as the library.
 */
const char *anysock_version(void);

/**
 * The version of the interface of the loaded library. A program was compiled for it
 * if this equals `ANYSOCK_HEADER_ABI`.
 *
 * @return The number.
 *
 * Never fails, never blocks.
 */
int64_t anysock_abi_version(void);

/**
 * Whether this library on this system has a feature: 1 or 0.
 *
 * @param feature (in) A kind ("tcp6", "unix", "ip4:icmp"), the name of an option ("tcp.fastopen"), or one of "ipv6",
 *                "unix.abstract" (names outside the file system), "udp.gso" (`segment` of `anysock_send_many`), "fork". Any
 *                other text is a feature that is not there.
 * @return 1 or 0; `ANYSOCK_EFAULT` for NULL, `ANYSOCK_EINVAL` for text that is not UTF-8.
 *
 * Does not block. Of a kind it says whether the system knows it, not whether this user may open it.
 */
int64_t anysock_has(const char *feature);

/**
 * The name of a result: "OK" for 0, "ETIMEDOUT" for `ANYSOCK_ETIMEDOUT`, "EOS_n" for the operating system's own
 * error n (`-(20000+n)`), "EUNKNOWN" for a number that is none of these.
 *
 * @param code A result of any function.
 * @return The text.
 *
 * Never fails, never blocks. The text lives as long as the library.
 */
const char *anysock_error_name(int64_t code);

/**
 * What a result means, in a few English words: "connection timed out".
 *
 * @param code A result of any function.
 * @return The text.
 *
 * Never fails, never blocks. The text lives as long as the library.
 */
const char *anysock_error_message(int64_t code);

/**
 * The operating system's own number (`errno`, `WSAGetLastError`) of the last error that a call of this thread met.
 * For logs only: every result already says what a program needs.
 *
 * @return The number; 0 if there was no error.
 *
 * Never fails, never blocks.
 */
int64_t anysock_last_os_error(void);

/**
 * Opens a socket, as socket(2).
 *
 * @param kind (in) "tcp", "tcp4", "tcp6", "udp", "udp4", "udp6", "unix", "unixgram", "unixpacket", or for raw sockets
 *             "ip4:icmp", "ip6:58" and the like. "tcp" and "udp" take either address family: the first address settles it,
 *             and options that were set before are kept and applied then.
 * @return A handle, to be closed with `anysock_close`. `ANYSOCK_EINVAL` for a text that is no kind, `ANYSOCK_EAFNOSUPPORT`
 *         for one that the system lacks, `ANYSOCK_EMFILE` or `ANYSOCK_ENFILE` when descriptors have run out,
 *         `ANYSOCK_EPERM` for a raw kind without the right to it, `ANYSOCK_ENOMEM`, `ANYSOCK_EFAULT` for NULL;
 *         `ANYSOCK_ENOTRECOVERABLE` in a child that came by a fork which runs no handlers (`_Fork`).
 *
 * Does not block. The descriptor is not inherited by programs that are started, and no use of it raises a signal.
 */
int64_t anysock_open(const char *kind);

/**
 * Opens a socket by the system's own numbers, as socket(2): for what has no kind's name here. The handle has option
 * "native".
 *
 * @param family   `AF_INET`, `AF_INET6`, `AF_UNIX`, as this system numbers them.
 * @param type     `SOCK_STREAM` and the like.
 * @param protocol `IPPROTO_UDPLITE` and the like; 0 is the family's usual one.
 * @return A handle, to be closed with `anysock_close`. The system's errors, `ANYSOCK_EPROTONOSUPPORT` among them;
 *         `ANYSOCK_EAFNOSUPPORT` for another family; `ANYSOCK_EMFILE`, `ANYSOCK_ENFILE`, `ANYSOCK_ENOMEM`.
 *
 * Does not block. As for `anysock_open` the descriptor is not inherited, and no use of it raises a signal.
 */
int64_t anysock_open_raw(int32_t family, int32_t type, int32_t protocol);

/**
 * Opens two sockets that are connected to each other, as socketpair(2).
 *
 * @param kind   (in) "unix", "unixgram", "unixpacket", or "tcp", "tcp4", "tcp6" for a pair over the loopback, of which
 *               nobody else can take an end. "unix" is such a pair too where the system has no AF_UNIX.
 * @param first  (out) Receives one handle.
 * @param second (out) Receives the other.
 * @return 0. `ANYSOCK_EOPNOTSUPP` for other kinds, `ANYSOCK_EINVAL` for a text that is none, `ANYSOCK_EFAULT` for NULL,
 *         else as `anysock_open`. On an error nothing is stored.
 *
 * Does not block.
 */
int64_t anysock_pair(const char *kind, anysock_t *first, anysock_t *second);

/**
 * Shuts one or both halves of a connection, as shutdown(2), for every process that shares it.
 *
 * After the read half is shut, reads return what was queued and then 0; what comes later is not delivered.
 * After the write half is shut the peer reads the end of the stream (half-close), and writes give `ANYSOCK_EPIPE`.
 *
 * @param h   A connected socket.
 * @param how (group=SHUT) `ANYSOCK_SHUT_READ`, `ANYSOCK_SHUT_WRITE` or both added up.
 * @return 0. `ANYSOCK_ENOTCONN` without a peer, `ANYSOCK_EINVAL` for another `how`, `ANYSOCK_EBADF`,
 *         `ANYSOCK_ENOTSOCK` for a poller, pipe or terminal.
 *
 * Does not block. Calls that are blocked on the half return.
 */
int64_t anysock_shutdown(anysock_t h, int32_t how);

/**
 * Closes a handle of any kind, as close(2).
 *
 * Every call that is blocked on it in another thread returns at once: with the count so far if it has moved bytes,
 * with `ANYSOCK_ECANCELED` if not; so do select and poller waits that watch it. The handle leaves every poller. In a
 * forked process the other's copy is not disturbed: the connection ends when the last copy is closed.
 *
 * @param h A handle of any kind.
 * @return 0 to exactly one caller; `ANYSOCK_EBADF` to every other, and for a number that is no handle. `ANYSOCK_EBUSY` if
 *         a call that is blocked on it does not leave within two seconds of being woken, because its thread is stopped or
 *         has left the call by `longjmp` or an exception: the handle is gone, and its descriptor stays open until the
 *         call leaves, if it ever does.
 *
 * Blocks (bounded=linger) only for a moment while woken calls leave, and for option "linger".
 * When it returns, the descriptor is closed and its port free, unless a call could not be woken.
 */
int64_t anysock_close(anysock_t h);

/**
 * Gives a socket its own address, as bind(2).
 *
 * @param h       A socket that has no address yet.
 * @param address (in) "127.0.0.1:80", "[::1]:80", "[fe80::1%eth0]:80", ":80" for every interface, "localhost:http", for
 *                unix kinds a path or "@name" (abstract, Linux), for raw kinds a bare host. Port 0 asks for a free port;
 *                `anysock_local_address` returns which.
 * @return 0. `ANYSOCK_EADDRINUSE`, `ANYSOCK_EADDRNOTAVAIL`, `ANYSOCK_EACCES`; `ANYSOCK_EINVAL` for text that is no
 *         address and for a socket that has one already; `ANYSOCK_EAFNOSUPPORT` for an address of another family;
 *         `ANYSOCK_ENAMETOOLONG` for a path; `ANYSOCK_EAI_NONAME` and its like for a name that does not resolve;
 *         `ANYSOCK_ETIMEDOUT`, `ANYSOCK_ECANCELED` and with option "interruptible" `ANYSOCK_EINTR` while one is resolved;
 *         `ANYSOCK_EFAULT`, `ANYSOCK_EBADF`, `ANYSOCK_ENOTSOCK`.
 *
 * Blocks (bounded=timeout, woken=close|signal) only while a name is resolved, for option "timeout" at the longest. Of a
 * name's addresses it takes the first that can be had. A "tcp" or "udp" socket on every interface takes IPv6 and IPv4 where
 * the system can. Stream sockets get option "reuse_address" on Unix and "exclusive_address" on Windows, unless it was set
 * before. A unix path is left in place when the socket is closed.
 */
int64_t anysock_bind(anysock_t h,
                     const char *address);

/**
 * Gives a socket its own address, which is in flat memory: as `anysock_bind` with the same address in a text.
 *
 * @param h       A socket that has no address yet.
 * @param address (in) The address. With option "native", one of the unix family without a name (`length` 0) asks Linux for
 *                an abstract name of its choice.
 * @return As `anysock_bind`; `ANYSOCK_EINVAL` for what is no address.
 *
 * Does not block.
 */
int64_t anysock_bind_flat(anysock_t h,
                          const struct anysock_address *address);

/**
 * Makes a socket a listener, as listen(2). One without an address gets a free port on every interface.
 *
 * @param h       A socket of a kind with connections.
 * @param backlog How many connections may wait to be accepted; 0 or less is the system's maximum. May be called again to
 *                change it.
 * @return 0. `ANYSOCK_EADDRINUSE`; `ANYSOCK_EOPNOTSUPP` for a kind that does not listen; `ANYSOCK_EINVAL` for a
 *         connected socket and a unix kind without an address; `ANYSOCK_EBADF`, `ANYSOCK_ENOTSOCK`.
 *
 * Does not block.
 */
int64_t anysock_listen(anysock_t h,
                       int32_t backlog);

/**
 * Takes the next connection of a listener, as accept(2).
 *
 * @param h A listener.
 * @return The handle of the connection, with every option of this library at its default but "interruptible", which is the
 *         listener's.
 *         `ANYSOCK_ETIMEDOUT` after option "accept_timeout", `ANYSOCK_EAGAIN` if that is 0 and none waits;
 *         `ANYSOCK_EMFILE`, `ANYSOCK_ENFILE`: the connection stays in the queue; `ANYSOCK_EINVAL` for a socket that
 *         does not listen; `ANYSOCK_EOPNOTSUPP` for a kind that can't; `ANYSOCK_ECANCELED` when the listener is closed
 *         meanwhile; `ANYSOCK_EINTR` with option "interruptible"; `ANYSOCK_EBADF`, `ANYSOCK_ENOTSOCK`.
 *
 * Blocks (bounded=accept_timeout, woken=close|signal) until there is one. A connection that died in the queue is passed
 * over.
 */
int64_t anysock_accept(anysock_t h);

/**
 * Takes the next connection of a listener, and with it those that are in the queue already.
 *
 * @param h        A listener.
 * @param handles  (out, length=capacity) Receives the handles of the connections, as `anysock_accept` gives them.
 * @param capacity How many it holds, at least 1.
 * @return How many, at least 1. Errors as for `anysock_accept`, when not even one was taken; if the process runs out of
 *         descriptors after some, the next call says so, and the rest stays in the queue. `ANYSOCK_EINVAL` for no capacity
 *         and one that no memory has; `ANYSOCK_EFAULT`.
 *
 * Blocks as `anysock_accept` until there is one, and then not again.
 */
int64_t anysock_accept_many(anysock_t h,
                            anysock_t *handles,
                            size_t capacity);

/**
 * Connects to an address, as connect(2). A datagram socket only notes its peer, and may do so again.
 *
 * Of a name with several addresses each is tried as RFC 8305 says (Happy Eyeballs): a new attempt starts 250 ms after the
 * last or when that failed, and the first to succeed wins. A wildcard such as ":80" is this machine.
 *
 * @param h       A socket.
 * @param address (in) As for `anysock_bind`.
 * @return 0. `ANYSOCK_ECONNREFUSED`, `ANYSOCK_EHOSTUNREACH`, `ANYSOCK_ENETUNREACH`, `ANYSOCK_ECONNRESET`; `ANYSOCK_EACCES` for
 *         an address that the system forbids, `ANYSOCK_EAFNOSUPPORT` for one of another family; `ANYSOCK_ETIMEDOUT` after
 *         option "connect_timeout" or the system's own timeout; `ANYSOCK_EINPROGRESS` if that option is 0: select for
 *         writable, then connect again (the address is ignored) returns 0 or the error, and `ANYSOCK_EALREADY` before the
 *         end; `ANYSOCK_EISCONN`; `ANYSOCK_ENOENT` for a unix path that does not exist;
 *         `ANYSOCK_EINVAL` for text that is no address; `ANYSOCK_EAI_NONAME` and its like;
 *         `ANYSOCK_ECANCELED` when the handle is closed meanwhile; `ANYSOCK_EINTR` with option "interruptible": the
 *         attempt goes on, and connect again waits for it; `ANYSOCK_EOPNOTSUPP` for a listener; `ANYSOCK_EFAULT`,
 *         `ANYSOCK_EBADF`, `ANYSOCK_ENOTSOCK`.
 *
 * Blocks (bounded=connect_timeout, woken=close|signal) until the handshake is done. A socket whose connect has failed stays
 * failed: each later connect and read says the same, and only a new handle may try again. With "connect_timeout" 0,
 * resolving a name may still block; `anysock_resolve` does it beforehand.
 */
int64_t anysock_connect(anysock_t h,
                        const char *address);

/**
 * Connects to an address in flat memory: as `anysock_connect` with the same address in a text.
 *
 * @param h       A socket.
 * @param address (in) The address.
 * @return As `anysock_connect`; `ANYSOCK_EINVAL` for what is no address. With option "native" as connect(2): an attempt
 *         under way is `ANYSOCK_EALREADY`, one that has failed may be made again, and one that was too long goes on.
 *
 * Blocks as `anysock_connect`.
 */
int64_t anysock_connect_flat(anysock_t h, const struct anysock_address *address);

/**
 * The socket's own address as text, as getsockname(2).
 *
 * @param h        A socket.
 * @param text     (out, length=capacity) Receives the address, cut if it must be, and its NUL. May be NULL when `capacity`
 *                 is 0.
 * @param capacity How many bytes `text` holds. 128 hold every address but a long unix path.
 * @return The full length without the NUL; 0 for a unix socket without a name. `ANYSOCK_ENOTCONN` while the family of a
 *         "tcp" or "udp" socket is not settled; `ANYSOCK_EFAULT`, `ANYSOCK_EBADF`, `ANYSOCK_ENOTSOCK`.
 *
 * Does not block. An IPv4 address is never shown as a mapped IPv6 one.
 */
int64_t anysock_local_address(anysock_t h,
                              char *text,
                              size_t capacity);

/**
 * The peer's address as text, as getpeername(2).
 *
 * @param h        A socket.
 * @param text     (out, length=capacity) As for `anysock_local_address`.
 * @param capacity As for `anysock_local_address`.
 * @return The full length without the NUL; 0 for a unix peer without a name. `ANYSOCK_ENOTCONN` without a peer;
 *         `ANYSOCK_EFAULT`, `ANYSOCK_EBADF`, `ANYSOCK_ENOTSOCK`.
 *
 * Does not block. For an accepted connection it is the address that accept(2) returned, even after the peer has gone.
 */
int64_t anysock_peer_address(anysock_t h, char *text, size_t capacity);

/**
 * The socket's own address as flat memory, as getsockname(2).
 *
 * @param h       A socket.
 * @param address (out) Receives it; no address (`family` 0) for a unix socket without a name.
 * @return 0. Errors as for `anysock_local_address`. On an error nothing is stored.
 *
 * Does not block. An IPv4 address is never shown as a mapped IPv6 one.
 */
int64_t anysock_local_flat(anysock_t h, struct anysock_address *address);

/**
 * The peer's address as flat memory, as getpeername(2).
 *
 * @param h       A socket.
 * @param address (out) As for `anysock_local_flat`.
 * @return 0. Errors as for `anysock_peer_address`. On an error nothing is stored.
 *
 * Does not block. An IPv4 address is never shown as a mapped IPv6 one.
 */
int64_t anysock_peer_flat(anysock_t h, struct anysock_address *address);

/**
 * Reads what is there, as recv(2) without flags; read(2) for a pipe or terminal.
 *
 * @param h      A socket, pipe or terminal.
 * @param data   (out, length=length) Receives the bytes. May be NULL when `length` is 0.
 * @param length How many at the most.
 * @return How many; 0 is the end of the stream, or an empty datagram. A datagram that is longer than `length` is cut.
 *         `ANYSOCK_ETIMEDOUT` after option "read_timeout", `ANYSOCK_EAGAIN` if that is 0 and nothing is there;
 *         `ANYSOCK_ECONNRESET`, `ANYSOCK_ECONNREFUSED` and what else ended the connection; `ANYSOCK_ENOTCONN` for a stream
 *         that was never connected; `ANYSOCK_ECANCELED` when the handle is closed meanwhile; `ANYSOCK_EINTR` with option
 *         "interruptible"; `ANYSOCK_EFAULT`, `ANYSOCK_EINVAL` (a length that no memory has), `ANYSOCK_EBADF`,
 *         `ANYSOCK_ENOTSOCK` for a poller.
 *
 * Blocks (bounded=read_timeout, woken=close|shutdown|signal) until at least one byte is there. The end of a stream, and an
 * error that ended it, stay: each later read says the same.
 */
int64_t anysock_read(anysock_t h,
                     void *data,
                     size_t length);

/**
 * Writes what there is room for, as send(2); write(2) for a pipe or terminal. Never raises SIGPIPE.
 *
 * @param h      A socket, pipe or terminal.
 * @param data   (in, length=length) The bytes. May be NULL when `length` is 0.
 * @param length How many.
 * @return How many were taken: at least 1 of a stream, all of a datagram.
 *         `ANYSOCK_ETIMEDOUT` after option "write_timeout", `ANYSOCK_EAGAIN` if that is 0 and there is no room;
 *         `ANYSOCK_EPIPE` after this side has shut writing or the peer is gone, `ANYSOCK_ECONNRESET`;
 *         `ANYSOCK_EMSGSIZE` for a datagram that is too long; `ANYSOCK_ENOTCONN`; `ANYSOCK_ECANCELED`, `ANYSOCK_EINTR`,
 *         `ANYSOCK_EFAULT`, `ANYSOCK_EINVAL`, `ANYSOCK_EBADF`, `ANYSOCK_ENOTSOCK` as for `anysock_read`.
 *
 * Blocks (bounded=write_timeout, woken=close|shutdown|signal) until the send buffer has room. Success means that the system
 * has the bytes, not that the peer has.
 */
int64_t anysock_write(anysock_t h,
                      const void *data,
                      size_t length);

/**
 * Reads until `length` bytes have come, the stream ends or an error comes. Of a datagram socket, reads one datagram.
 *
 * @param h      A socket, pipe or terminal.
 * @param data   (out, length=length) As for `anysock_read`.
 * @param length How many.
 * @return How many bytes; fewer than `length` if the stream ended or an error came after some. Then the next call
 *         returns the error. Errors as for `anysock_read`.
 *
 * Blocks as `anysock_read`. Option "read_timeout" is for the whole call.
 */
int64_t anysock_read_full(anysock_t h, void *data, size_t length);

/**
 * Writes until all is taken or an error comes. On a datagram socket, sends one datagram.
 *
 * @param h      A socket, pipe or terminal.
 * @param data   (in, length=length) As for `anysock_write`.
 * @param length How many.
 * @return How many bytes; fewer than `length` if an error came after some. Then the next call returns the error.
 *         Errors as for `anysock_write`.
 *
 * Blocks as `anysock_write`. Option "write_timeout" is for the whole call.
 */
int64_t anysock_write_all(anysock_t h, const void *data, size_t length);

/**
 * Reads with flags, as recv(2).
 *
 * @param h      A socket, pipe or terminal.
 * @param data   (out, length=length) As for `anysock_read`.
 * @param length How many at the most.
 * @param flags  (group=FLAG) `ANYSOCK_FLAG_PEEK`, `ANYSOCK_FLAG_OOB`, `ANYSOCK_FLAG_WAIT_ALL`, `ANYSOCK_FLAG_DONT_WAIT`,
 *               `ANYSOCK_FLAG_TRUNC`, added up.
 * @return As `anysock_read`; with `ANYSOCK_FLAG_WAIT_ALL` as `anysock_read_full`; with `ANYSOCK_FLAG_TRUNC` a datagram's
 *         real length. `ANYSOCK_EINVAL` for other flags, and for `ANYSOCK_FLAG_OOB` when there is no urgent data;
 *         `ANYSOCK_EOPNOTSUPP` for `ANYSOCK_FLAG_OOB` on a kind that has no urgent data; `ANYSOCK_ENOTSOCK` for flags on a
 *         pipe or terminal that it can't have.
 *
 * Blocks as `anysock_read`, unless `ANYSOCK_FLAG_DONT_WAIT` is given.
 */
int64_t anysock_recv(anysock_t h,
                     void *data,
                     size_t length,
                     int32_t flags);

/**
 * Writes with flags, as send(2).
 *
 * @param h      A socket, pipe or terminal.
 * @param data   (in, length=length) As for `anysock_write`.
 * @param length How many.
 * @param flags  (group=FLAG) `ANYSOCK_FLAG_OOB`, `ANYSOCK_FLAG_DONT_WAIT`, `ANYSOCK_FLAG_MORE`, added up.
 * @return As `anysock_write`. `ANYSOCK_EINVAL` for other flags, `ANYSOCK_EOPNOTSUPP` for `ANYSOCK_FLAG_OOB` on a kind that has no
 *         urgent data.
 *
 * Blocks as `anysock_write`, unless `ANYSOCK_FLAG_DONT_WAIT` is given.
 */
int64_t anysock_send(anysock_t h,
                     const void *data,
                     size_t length,
                     int32_t flags);

/**
 * Reads a datagram and says who sent it, as recvfrom(2).
 *
 * @param h        A socket, pipe or terminal.
 * @param data     (out, length=length) As for `anysock_read`.
 * @param length   How many at the most.
 * @param flags    (group=FLAG) As for `anysock_recv`.
 * @param address  (out, length=capacity) Receives the sender's address as text, cut if it must be, and its NUL; nothing for
 *                 a stream, and for a unix sender without a name. May be NULL when `capacity` is 0.
 * @param capacity How many bytes `address` holds.
 * @return As `anysock_recv`.
 *
 * Blocks as `anysock_recv`.
 */
int64_t anysock_recv_from(anysock_t h,
                          void *data,
                          size_t length,
                          int32_t flags,
                          char *address,
                          size_t capacity);

/**
 * Sends a datagram to an address, as sendto(2).
 *
 * @param h       A socket.
 * @param data    (in, length=length) As for `anysock_write`.
 * @param length  How many.
 * @param flags   (group=FLAG) As for `anysock_send`.
 * @param address (in, nullable) As for `anysock_connect`. NULL sends to the connected peer, as `anysock_send`.
 * @return As `anysock_send`. `ANYSOCK_EISCONN` for a connected stream, `ANYSOCK_ENOTCONN` for one that is not;
 *         `ANYSOCK_EAFNOSUPPORT`, `ANYSOCK_EINVAL` and `ANYSOCK_EAI_NONAME` for addresses as `anysock_connect`.
 *
 * Blocks as `anysock_send`, and while a name is resolved; addresses in numbers need no resolver.
 */
int64_t anysock_send_to(anysock_t h, const void *data, size_t length, int32_t flags, const char *address);

/**
 * Reads into several pieces of memory in turn, as readv(2).
 *
 * @param h       A socket, pipe or terminal.
 * @param buffers (in, length=count) The pieces. May be NULL when `count` is 0.
 * @param count   How many. One call fills 1,024 that are not empty.
 * @return As `anysock_read`. `ANYSOCK_EMSGSIZE` if a datagram would need more pieces than that: it stays in the queue.
 *
 * Blocks as `anysock_read`.
 */
int64_t anysock_readv(anysock_t h, const struct anysock_buffer *buffers, size_t count);

/**
 * Writes from several pieces of memory in turn, as writev(2). Never raises SIGPIPE.
 *
 * @param h       A socket, pipe or terminal.
 * @param buffers (in, length=count) The pieces. May be NULL when `count` is 0.
 * @param count   How many. One call takes 1,024 that are not empty.
 * @return As `anysock_write`. `ANYSOCK_EMSGSIZE` if a datagram has more pieces than that: nothing has gone.
 *
 * Blocks as `anysock_write`.
 */
int64_t anysock_writev(anysock_t h, const struct anysock_buffer *buffers, size_t count);

/**
 * Sends bytes of a file, as sendfile(2): they do not pass through the program where the system can do without.
 *
 * Moves all it can, as `anysock_write_all`, and never raises SIGPIPE. A file that becomes shorter meanwhile ends earlier.
 *
 * @param h      A socket of a kind that is a byte stream.
 * @param fd     The system's own descriptor of the file, lent (on Windows a HANDLE). A file, on Unix also a pipe, a
 *               terminal or whatever else can be read, of which the call takes what it sends.
 * @param offset Where in the file to begin; its position stays as it is. -1 is its position, which moves by what is sent.
 * @param length How many bytes; -1 is to the end of the file.
 * @return How many bytes; fewer than `length` if the file ended or an error came after some. Then the next call returns
 *         the error. Errors as for `anysock_write`; `ANYSOCK_EOPNOTSUPP` for a kind that is no byte stream;
 *         `ANYSOCK_EBADF` for an `fd` that is none or can't be read, `ANYSOCK_EISDIR` for a directory, `ANYSOCK_ESPIPE` for
 *         an offset in a pipe, `ANYSOCK_EINVAL` for an offset or length below -1, `ANYSOCK_EIO`;
 *         `ANYSOCK_ENOTSOCK` for a pipe or terminal as `h`.
 *
 * Blocks as `anysock_write`, until all is taken. Option "write_timeout" is for the whole call, and for waiting for a pipe's
 * bytes too.
 */
int64_t anysock_send_file(anysock_t h,
                          int64_t fd,
                          int64_t offset,
                          int64_t length);

/**
 * Receives datagrams into an array, as recvmmsg(2): waits for the first, and takes what else is there.
 *
 * @param h         A datagram socket.
 * @param datagrams (inout, length=count) Says where each goes. Of those that were received, in their order, `result`,
 *                  `flags`, `segment` and what `address` points at are set; nothing of the others is touched. May be NULL
 *                  when `count` is 0.
 * @param count     How many there is room for. Up to 32 come by one system call.
 * @param flags     (group=FLAG) `ANYSOCK_FLAG_DONT_WAIT`, `ANYSOCK_FLAG_TRUNC`, added up.
 * @return How many; 0 if `count` is 0 or this side has shut reading. `ANYSOCK_ETIMEDOUT` after option "read_timeout",
 *         `ANYSOCK_EAGAIN` if that is 0 and nothing is there; `ANYSOCK_ECONNREFUSED` and its like, once, for what was sent
 *         before; `ANYSOCK_ENOTCONN` while the family of a "udp" socket is not settled; `ANYSOCK_EOPNOTSUPP` for connected kinds,
 *         `ANYSOCK_ENOTSOCK` for a pipe, terminal or poller; `ANYSOCK_ECANCELED` when the handle is closed meanwhile;
 *         `ANYSOCK_EINTR` with option "interruptible"; `ANYSOCK_EINVAL` for other flags and for lengths that no memory has;
 *         `ANYSOCK_EFAULT`, `ANYSOCK_EBADF`.
 *
 * Blocks as `anysock_read`, until there is one. An error after some is returned by the next call. The array must not be changed
 * during the call. Nothing is allocated, but on systems other than Linux one block with `ANYSOCK_FLAG_TRUNC`.
 */
int64_t anysock_recv_many(anysock_t h,
                          struct anysock_datagram *datagrams,
                          size_t count,
                          int32_t flags);

/**
 * Sends the datagrams of an array, as sendmmsg(2): waits until there is room for the first, and sends what else there is
 * room for. Never raises SIGPIPE.
 *
 * @param h         A datagram socket.
 * @param datagrams (inout, length=count) The datagrams, sent in their order. Of those that were sent `result` is set;
 *                  nothing else is touched. May be NULL when `count` is 0.
 * @param count     How many. Up to 32 go by one system call.
 * @param flags     (group=FLAG) `ANYSOCK_FLAG_DONT_WAIT` or 0.
 * @return How many were sent, counted from the first; 0 only if `count` is 0. When it is less than `count`, call again with
 *         those that are left: that returns the error, if there is one. Errors are those of the first datagram:
 *         `ANYSOCK_ETIMEDOUT` after option "write_timeout", `ANYSOCK_EAGAIN` if that is 0 and there is no room;
 *         `ANYSOCK_EMSGSIZE`; `ANYSOCK_ENOTCONN` without address and peer; `ANYSOCK_EAFNOSUPPORT` for an address of another
 *         family; `ANYSOCK_EINVAL` for what is no address, a segment that is negative or above 65535, and more segments
 *         than the system makes; `ANYSOCK_EOPNOTSUPP` for segments where `anysock_has("udp.gso")` is 0. And those of the
 *         socket: `ANYSOCK_ECONNREFUSED` and its like, once, for what was sent before; the rest as for `anysock_recv_many`,
 *         and `ANYSOCK_EPIPE` after this side has shut writing.
 *
 * Blocks as `anysock_write`, until there is room for one. Success means that the system has the datagrams, not that anybody
 * gets them. The first address settles the family of a "udp" socket. The array must not be changed during the call. Nothing is
 * allocated.
 */
int64_t anysock_send_many(anysock_t h,
                          struct anysock_datagram *datagrams,
                          size_t count,
                          int32_t flags);

/**
 * Receives a message and what comes beside its data, as recvmsg(2): its sender, control data, handles.
 *
 * Of a stream it reads what is there, as `anysock_read`, and no further than the handles or credentials that belong to it.
 * Handles come as handles of this process, closed on exec: a socket as a socket of its kind, a pipe, a file or whatever
 * else as one of kind "stream". Each is the caller's to close. Those that do not fit are closed, and
 * `ANYSOCK_FLAG_CONTROL_TRUNC` says so. One that can't be polled (a file) reads and writes, and can be released; select and
 * the poller say `ANYSOCK_EOPNOTSUPP`.
 *
 * @param h       A socket.
 * @param message (inout) Where all this goes; says how much room there is, and then how much has come.
 * @param flags   (group=FLAG) `ANYSOCK_FLAG_PEEK`, `ANYSOCK_FLAG_OOB`, `ANYSOCK_FLAG_DONT_WAIT`, `ANYSOCK_FLAG_TRUNC`,
 *                added up. With `ANYSOCK_FLAG_PEEK` handles come each time, on Linux; elsewhere nothing comes but the data
 *                and its sender.
 * @return How many bytes; with `ANYSOCK_FLAG_TRUNC` a datagram's real length. Errors as for `anysock_recv`; `ANYSOCK_E2BIG`
 *         if the message has fields that the library does not know, and they are not 0; `ANYSOCK_EINVAL` for a `size` that
 *         is none, for absurd counts and for other flags; `ANYSOCK_ENOTSOCK` for a pipe or terminal; `ANYSOCK_EFAULT`,
 *         `ANYSOCK_ENOMEM`. On an error nothing is stored.
 *
 * Blocks as `anysock_recv`. Control data comes only if the option for it is set (see the manual).
 * With option "native" all control data comes in `raw_control` as the system lays it out, as much as fits; descriptors in it
 * are the caller's to close.
 */
int64_t anysock_recv_message(anysock_t h,
                             struct anysock_message *message,
                             int32_t flags);

/**
 * Sends a message and what goes beside its data, as sendmsg(2): to an address, with control data, with handles.
 *
 * Handles go along over unix kinds; the sender keeps its own. On a stream they go with the first byte, so that after a
 * short count they have gone. Never raises SIGPIPE.
 *
 * @param h       A socket.
 * @param message (in) What to send. It is only read.
 * @param flags   (group=FLAG) As for `anysock_send`.
 * @return How many bytes; may be short on a stream. Errors as for `anysock_send_to`; `ANYSOCK_EOPNOTSUPP` for control data
 *         that this kind of socket or this system can't send, for handles over other kinds, and for a poller among them;
 *         `ANYSOCK_EBADF` and `ANYSOCK_ENOTCONN` for a handle among them that is none or has no descriptor yet;
 *         `ANYSOCK_EINVAL` for more than 253 handles, for values out of range, for control data or handles without a byte
 *         on a stream, and for a `size` that is none; `ANYSOCK_EPERM` for someone else's credentials;
 *         `ANYSOCK_ETOOMANYREFS` if too many descriptors are under way; `ANYSOCK_E2BIG` as for `anysock_recv_message`;
 *         `ANYSOCK_EMSGSIZE`, `ANYSOCK_ENOTSOCK`, `ANYSOCK_EFAULT`, `ANYSOCK_ENOMEM`. On an error nothing has gone.
 *
 * Blocks as `anysock_send`.
 */
int64_t anysock_send_message(anysock_t h,
                             const struct anysock_message *message,
                             int32_t flags);

/**
 * Sets an option that is a number.
 *
 * @param h      A socket; pipes, terminals and pollers have a few options too.
 * @param option (in) Its name, "tcp.nodelay"; for each there is a macro, `ANYSOCK_OPT_TCP_NODELAY`.
 * @param value  Switches are 0 and 1, times are microseconds.
 * @return 0. `ANYSOCK_ENOPROTOOPT` for an unknown name and for an option that this kind of socket lacks,
 *         `ANYSOCK_EOPNOTSUPP` for one that this system lacks, `ANYSOCK_EINVAL` for a value out of range, `ANYSOCK_EACCES`
 *         for one that can only be read, `ANYSOCK_EFAULT`, `ANYSOCK_EBADF`, `ANYSOCK_ENOTSOCK`, and the system's errors
 *         (`ANYSOCK_ENODEV` for an interface that does not exist, `ANYSOCK_EPERM`).
 *
 * Does not block. On a "tcp" or "udp" socket whose family is not settled the option is kept, and applied when it is.
 */
int64_t anysock_set(anysock_t h,
                    const char *option,
                    int64_t value);

/**
 * Reads an option that is a number.
 *
 * @param h      As for `anysock_set`.
 * @param option (in) As for `anysock_set`.
 * @param value  (out) Receives it.
 * @return 0. Errors as for `anysock_set`; `ANYSOCK_EACCES` for an option that can only be written. On an error nothing is
 *         stored.
 *
 * Does not block.
 */
int64_t anysock_get(anysock_t h,
                    const char *option,
                    int64_t *value);

/**
 * Sets an option that is text.
 *
 * @param h      As for `anysock_set`.
 * @param option (in) As for `anysock_set`.
 * @param value  (in) The text, as the option's description says.
 * @return 0. Errors as for `anysock_set`.
 *
 * Does not block.
 */
int64_t anysock_set_text(anysock_t h, const char *option, const char *value);

/**
 * Reads an option that is text.
 *
 * @param h        As for `anysock_set`.
 * @param option   (in) As for `anysock_set`.
 * @param text     (out, length=capacity) Receives it, cut if it must be, and its NUL. May be NULL when `capacity` is 0.
 * @param capacity How many bytes `text` holds.
 * @return The full length without the NUL. Errors as for `anysock_get`.
 *
 * Does not block.
 */
int64_t anysock_get_text(anysock_t h, const char *option, char *text, size_t capacity);

/**
 * Sets an option by the system's own numbers, as setsockopt(2): for what has no name here.
 *
 * @param h      A socket.
 * @param level  `SOL_SOCKET`, `IPPROTO_TCP` and the like, as this system numbers them.
 * @param name   The option's number.
 * @param value  (in, length=length) Its bytes, as this system lays them out. May be NULL when `length` is 0.
 * @param length How many.
 * @return 0. The system's errors; `ANYSOCK_ENOTCONN` while the family of the socket is not settled; `ANYSOCK_EFAULT`,
 *         `ANYSOCK_EBADF`, `ANYSOCK_ENOTSOCK`.
 *
 * Does not block. `SO_RCVTIMEO` and `SO_SNDTIMEO` become the handle's "read_timeout" and "write_timeout", apply to accept and
 * connect too, and end a call with `ANYSOCK_EAGAIN`, a connect with `ANYSOCK_EINPROGRESS`.
 */
int64_t anysock_set_raw(anysock_t h,
                        int32_t level,
                        int32_t name,
                        const void *value,
                        size_t length);

/**
 * Reads an option by the system's own numbers, as getsockopt(2).
 *
 * @param h      A socket.
 * @param level  As for `anysock_set_raw`.
 * @param name   As for `anysock_set_raw`.
 * @param value  (out, length=length) Receives its bytes. May be NULL when `length` is 0.
 * @param length How many it holds.
 * @return How many bytes the system has filled in. Errors as for `anysock_set_raw`.
 *
 * Does not block. `SO_ERROR` returns an error once, also one that a wait or option "error" has seen before; reads and a second
 * connect still return it.
 */
int64_t anysock_get_raw(anysock_t h,
                        int32_t level,
                        int32_t name,
                        void *value,
                        size_t length);

/**
 * Waits until a socket of three sets is ready, and leaves in the sets just those that are; as select(2), without its
 * limit on how many.
 *
 * Ready to read: data is queued, the peer has finished sending or this side has shut reading, a listener has a
 * connection, an error is pending. Ready to write: the send buffer has room, this side has shut writing, a
 * non-blocking connect has finished, well or badly, an error is pending. Exceptional: urgent data, a non-blocking
 * connect has failed. A stream that was never connected is never ready.
 *
 * @param readable    (inout, nullable) Handles to watch for reading. Each of the three may be NULL or empty; with all of
 *                    them empty it sleeps.
 * @param writable    (inout, nullable) Handles to watch for writing.
 * @param exceptional (inout, nullable) Handles to watch for what is exceptional.
 * @param timeout_us  Microseconds; -1 waits for ever, 0 never.
 * @return How many handles are left in all, each set in its old order and without repetition; 0 at the timeout, with the
 *         sets emptied. `ANYSOCK_EBADF` for a handle that is none, `ANYSOCK_ECANCELED` when one is closed during the wait,
 *         `ANYSOCK_EOPNOTSUPP` for a poller, `ANYSOCK_EINVAL` for another negative timeout, a negative count or two sets
 *         over one array, `ANYSOCK_EINTR` if a handle has option "interruptible", `ANYSOCK_EFAULT`, `ANYSOCK_ENOMEM`.
 *         On an error the sets are untouched.
 *
 * Blocks (bounded=timeout_us, woken=close|signal). The sets must not be changed by another thread during the call. A set
 * that a thread hands over again and again is remembered: then the cost of a call depends on how many are ready and not on how
 * many are watched. The results are the same.
 */
int64_t anysock_select(struct anysock_handles *readable,
                       struct anysock_handles *writable,
                       struct anysock_handles *exceptional,
                       int64_t timeout_us);

/**
 * Whether a handle is in a set: 1 or 0, and 0 for NULL.
 *
 * @param set (in, nullable) The set; NULL has none.
 * @param h   The handle to look for.
 * @return 1 or 0; `ANYSOCK_EINVAL` for a negative count, `ANYSOCK_EFAULT` for a count without an array.
 *
 * Does not block, and does not look whether the handle is open.
 */
int64_t anysock_handles_has(const struct anysock_handles *set, anysock_t h);

/**
 * Opens a poller: sockets are registered once, and the cost of a wait depends on how many are ready, not on how many are
 * registered, as with epoll(7) and kqueue(2).
 *
 * @return A handle, to be closed with `anysock_close`. `ANYSOCK_EMFILE`, `ANYSOCK_ENFILE`, `ANYSOCK_ENOMEM`.
 *
 * Does not block.
 */
int64_t anysock_poller_open(void);

/**
 * Registers a socket with a poller, changes what it is watched for, or takes it out.
 *
 * @param poller The poller.
 * @param h      A socket, pipe or terminal. It may be registered before it is connected, and leaves by itself when closed.
 * @param events (group=EVENT) `ANYSOCK_EVENT_READ`, `ANYSOCK_EVENT_WRITE`, `ANYSOCK_EVENT_EXCEPT` added up, and
 *               `ANYSOCK_EVENT_EDGE` or `ANYSOCK_EVENT_ONESHOT`; without these two a socket is reported as long as it is
 *               ready (level-triggered). 0 takes it out.
 * @param token  Any number; the wait gives it back.
 * @return 0. `ANYSOCK_ENOENT` for taking out what is not registered, `ANYSOCK_EINVAL` for other events or a `poller` that is
 *         none, `ANYSOCK_EOPNOTSUPP` for a poller as `h`, `ANYSOCK_ECANCELED` when `h` is closed during the call,
 *         `ANYSOCK_EBADF`, `ANYSOCK_ENOMEM`, `ANYSOCK_ENOSPC`.
 *
 * Does not block; may be called while other threads wait. Setting a one-shot registration anew arms it again.
 */
int64_t anysock_poller_set(anysock_t poller,
                           anysock_t h,
                           int32_t events,
                           int64_t token);

/**
 * Waits until something registered is ready. What ready means is said at `anysock_select`.
 *
 * @param poller     The poller.
 * @param events     (out, length=capacity) Receives the events: each socket once, with all that it is ready for.
 * @param capacity   How many it holds, at least 1. When more is ready, successive waits reach all of it.
 * @param timeout_us Microseconds; -1 waits for ever, 0 never.
 * @return How many events; 0 at the timeout, or after `anysock_poller_wake`. `ANYSOCK_ECANCELED` when the poller or a
 *         registered socket is closed during the wait; `ANYSOCK_EINTR` if the poller or a registered socket has option
 *         "interruptible"; `ANYSOCK_EINVAL` for no capacity, another negative timeout or a `poller` that is none;
 *         `ANYSOCK_EFAULT`, `ANYSOCK_EBADF`, `ANYSOCK_ENOMEM`.
 *
 * Blocks (bounded=timeout_us, woken=close|signal|wake). Several threads may wait on one poller.
 */
int64_t anysock_poller_wait(anysock_t poller, struct anysock_event *events, size_t capacity, int64_t timeout_us);

/**
 * Makes one wait on the poller return early: the one that waits now, or else the next. From any thread and from a signal
 * handler, whatever the handler has interrupted; never lost, though wakes before a wait may count as one.
 *
 * @param poller The poller.
 * @return 0. `ANYSOCK_EINVAL` for a handle that is no poller, `ANYSOCK_EBADF`.
 *
 * Does not block, and takes no lock. In a forked child it wakes the child's waits only. As all calls it may change `errno`.
 */
int64_t anysock_poller_wake(anysock_t poller);

/**
 * Opens a batch queue: a program hands over an array of operations, and gets an array of what has happened.
 *
 * @param buffers     How many buffers for received bytes, 1 to 2^20; 0 is 256.
 * @param buffer_size How many bytes each takes, 1 to 2^30; 0 is 4,096.
 * @return A handle, to be closed with `anysock_close`. `ANYSOCK_EINVAL` for other numbers, `ANYSOCK_EMFILE`,
 *         `ANYSOCK_ENOMEM`.
 * @since 0.2.0
 *
 * Does not block. A buffer that is never received into takes up address space alone, where the system allows that.
 */
int64_t anysock_queue_open(int64_t buffers, int64_t buffer_size);

/**
 * The memory in which the buffers of a queue are. An event has the address of its bytes; this is for languages that make one
 * view of all buffers.
 *
 * @param q       The queue.
 * @param address (out) Receives the address; the same for the queue's life. The memory stays mapped after it, too.
 * @param length  (out) Receives how many bytes.
 * @return 0. `ANYSOCK_EINVAL` for a handle that is no queue, `ANYSOCK_EFAULT`, `ANYSOCK_EBADF`.
 * @since 0.2.0
 *
 * Does not block.
 */
int64_t anysock_queue_memory(anysock_t q,
                             int64_t *address,
                             int64_t *length);

/**
 * Hands operations over, does what can be done, waits if nothing has happened, and returns what has.
 *
 * The memory of the caller is used during the call alone: the bytes of a write that could not go at once have been copied.
 * Received bytes come in the queue's buffers; a buffer is the program's until `ANYSOCK_OP_GIVE`, or a write from it. A bad
 * operation is an event with its error, and the others go on.
 *
 * @param q          The queue.
 * @param ops        (in, length=count) The operations, taken in their order. May be NULL when `count` is 0.
 * @param count      How many.
 * @param done       (out, length=capacity) Receives the events; may be the memory of `ops`. May be NULL when `capacity` is 0.
 * @param capacity   How many it holds. What does not fit comes with later runs; with 0 nothing is waited for.
 * @param timeout_us Microseconds; -1 waits for ever, 0 never.
 * @return How many events; 0 at the timeout or after `anysock_queue_wake`. `ANYSOCK_EINTR` if the queue has option
 *         "interruptible"; `ANYSOCK_ECANCELED` when it is closed meanwhile. Nothing was taken with `ANYSOCK_EINVAL` for
 *         another negative timeout, for lengths that no memory has and for a handle that is no queue, and with
 *         `ANYSOCK_EFAULT`, `ANYSOCK_EBADF`, `ANYSOCK_EMFILE`, `ANYSOCK_ENOMEM`.
 * @since 0.2.0
 *
 * Blocks (bounded=timeout_us, woken=close|signal|wake). Several threads may run one queue; each event goes to one of them.
 */
int64_t anysock_queue_run(anysock_t q,
                          const struct anysock_op *ops,
                          size_t count,
                          struct anysock_done *done,
                          size_t capacity,
                          int64_t timeout_us);

/**
 * Makes one run return early: one that waits now, or else the next that would. From any thread and from a signal handler,
 * whatever the handler has interrupted; never lost.
 *
 * @param q The queue.
 * @return 0. `ANYSOCK_EINVAL` for a handle that is no queue, `ANYSOCK_EBADF`.
 * @since 0.2.0
 *
 * Does not block.
 */
int64_t anysock_queue_wake(anysock_t q);

/**
 * Resolves an address text, as getaddrinfo(3).
 *
 * @param kind       (in) A kind of socket, which decides on families: "tcp" gives all, "tcp4" only IPv4.
 * @param address    (in) As for `anysock_bind`.
 * @param timeout_us Microseconds; -1 waits for ever, 0 accepts only what needs no resolver.
 * @param text       (out, length=capacity) Receives the addresses, one a line, best first, without a newline at the end;
 *                   cut if it must be, and its NUL. May be NULL when `capacity` is 0.
 * @param capacity   How many bytes `text` holds.
 * @return The full length without the NUL. `ANYSOCK_EAI_NONAME` and its like for a name that does not resolve,
 *         `ANYSOCK_ETIMEDOUT`, `ANYSOCK_EAGAIN` for timeout 0, `ANYSOCK_EINVAL` for text that is no kind or no address,
 *         `ANYSOCK_EAFNOSUPPORT`, `ANYSOCK_EFAULT`, `ANYSOCK_EMFILE` and `ANYSOCK_ENOMEM` without a descriptor or
 *         memory for the resolver.
 *
 * Blocks (bounded=timeout_us) for `timeout_us` at the longest, whatever the system's resolver does; only where no thread is
 * to be had for it, for as long as it likes.
 */
int64_t anysock_resolve(const char *kind,
                        const char *address,
                        int64_t timeout_us,
                        char *text,
                        size_t capacity);

/**
 * The machine's network interfaces, as getifaddrs(3): a line for each address, "eth0 2 up,multicast 192.0.2.7/24" (name,
 * index, flags out of up, loopback and multicast or "-", address and length of its network prefix).
 *
 * @param text     (out, length=capacity) Receives the lines, without a newline at the end; cut if it must be, and its NUL.
 *                 May be NULL when `capacity` is 0.
 * @param capacity How many bytes `text` holds.
 * @return The full length without the NUL. The system's errors; `ANYSOCK_EFAULT`.
 *
 * Does not block.
 */
int64_t anysock_interfaces(char *text,
                           size_t capacity);

/**
 * Parses an address text into flat memory (`anysock_address`). The text must be a whole address in numbers.
 *
 * @param kind    (in) The kind of socket that the address is for, as for `anysock_open`.
 * @param text    (in) "127.0.0.1:80", "[::1]:80", "[fe80::1%eth0]:80", for unix kinds a path or "@name" (abstract, Linux),
 *                for raw kinds a bare host.
 * @param address (out) Receives it. A mapped IPv6 address ("[::ffff:192.0.2.1]:80") becomes the IPv4 address that it stands
 *                for.
 * @return 0. `ANYSOCK_EINVAL` for text that is no kind or no address, and for what only `anysock_resolve` can look up: a
 *         host's name, a port's name, ":80"; `ANYSOCK_EAFNOSUPPORT` for an address of another family;
 *         `ANYSOCK_ENAMETOOLONG` for a path; `ANYSOCK_EOPNOTSUPP` for an abstract name where there are none;
 *         `ANYSOCK_EFAULT`. On an error nothing is stored.
 *
 * Does not block.
 */
int64_t anysock_address_parse(const char *kind,
                              const char *text,
                              struct anysock_address *address);

/**
 * The text of an address in flat memory, as `anysock_address_parse` takes it and `anysock_recv_from` gives it, always with
 * a port unless it is a unix address.
 *
 * @param address  (in) The address. An IPv4 address is never shown as a mapped IPv6 one.
 * @param text     (out, length=capacity) Receives the text, cut if it must be, and its NUL. May be NULL when `capacity` is
 *                 0.
 * @param capacity How many bytes `text` holds. 128 hold every address but a unix name that is not UTF-8.
 * @return The full length without the NUL; 0 for no address (`family` 0). `ANYSOCK_EINVAL` if `length` does not fit the
 *         family or `reserved` is not 0, `ANYSOCK_EAFNOSUPPORT` for another family, `ANYSOCK_ENAMETOOLONG`,
 *         `ANYSOCK_EOPNOTSUPP` as for `anysock_address_parse`, `ANYSOCK_EFAULT`.
 *
 * Does not block.
 */
int64_t anysock_address_format(const struct anysock_address *address,
                               char *text,
                               size_t capacity);

/**
 * The system's own descriptor (an `int`, a `SOCKET`), lent: for calls that are not here, and to hand to a child process.
 *
 * Of a poller, on Unix: a descriptor to be waited for by poll(2), select(2), epoll(7), kqueue(2) or another event loop. It
 * is readable whenever `anysock_poller_wait` would report something, and after `anysock_poller_wake`. It may be readable
 * without an event; a wait with timeout 0 then clears that. In a forked child it is the parent's: call this again there.
 *
 * @param h A socket, pipe, terminal or poller.
 * @return The descriptor, which must not be closed, nor read if it is a poller's.
 *         `ANYSOCK_ENOTCONN` while the family of a "tcp" or "udp" socket is not settled, `ANYSOCK_EOPNOTSUPP` for a poller on
 *         Windows, `ANYSOCK_EBADF`.
 *
 * Does not block. The number is good until the handle is closed. On Unix a socket that anysock has opened blocks for those
 * who are handed it, unless it is a listener; whatever mode they set, timeouts hold and close ends calls. On Windows it
 * is non-blocking.
 */
int64_t anysock_fd(anysock_t h);

/**
 * Makes a handle of a descriptor that something else has opened; the handle owns it from then on.
 *
 * @param fd A socket of a family that anysock knows; on Unix also whatever else can be polled (a pipe, a terminal), on
 *           which read, write, close, select and the poller work.
 * @return A handle. `ANYSOCK_EBADF` for a number that is no descriptor, `ANYSOCK_ENOTSOCK` for one that can't be polled,
 *         `ANYSOCK_EAFNOSUPPORT` for another family, `ANYSOCK_EMFILE`, `ANYSOCK_ENOMEM`. On an error the descriptor is
 *         as it was.
 *
 * Does not block. Whether programs that are started inherit it stays as it was, and on Unix whether it blocks, which those
 * see who share it; on Windows a socket is made non-blocking. A descriptor must be adopted only once.
 */
int64_t anysock_adopt(int64_t fd);

/**
 * Makes a handle of a descriptor that stays somebody else's, so that it can be waited for beside handles.
 *
 * @param fd A socket of any family; on Unix also whatever else can be polled. Nothing about it is changed.
 * @return A handle for select and the poller; read and write treat it as they do a pipe. `ANYSOCK_EBADF` for a number that
 *         is no descriptor, `ANYSOCK_ENOTSOCK` for one that can't be polled, `ANYSOCK_EMFILE`, `ANYSOCK_ENOMEM`.
 *
 * Does not block. `anysock_close` ends the loan and leaves the descriptor open. It should be called before the descriptor
 * is closed, because the system may give the number to another file at once.
 */
int64_t anysock_borrow(int64_t fd);

/**
 * Gives the descriptor away: the handle is gone as after `anysock_close`, but the descriptor lives and is the caller's.
 *
 * @param h A socket, pipe or terminal.
 * @return The descriptor, in the blocking mode in which it was adopted; blocking, if anysock had opened it.
 *         `ANYSOCK_ENOTCONN` while the family of a "tcp" or "udp" socket is not settled, `ANYSOCK_ENOTSOCK` for a poller,
 *         `ANYSOCK_EBUSY` as for `anysock_close`, `ANYSOCK_EBADF`.
 *
 * Blocks only for a moment, while calls that are blocked on the handle return as after `anysock_close`.
 */
int64_t anysock_release(anysock_t h);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* ANYSOCK_H */
