//! The one list of error codes: number, symbol and meaning, each written once. Constants, texts,
//! the C header's macros and the numbers of Linux all come from it. Pure data; the sentences are
//! our own.

use crate::core::error::number::{Alias, Described, Error, Map};
use std::ffi::CStr;

macro_rules! codes {
    (
        linux { $($errno:ident $number:literal $meaning:literal,)* }
        own { $($own:ident $own_number:literal $own_meaning:literal,)* }
    ) => {
        impl Error {
            $(
                #[doc = concat!("`", $number, "` on Linux: ", $meaning, ".")]
                pub const $errno: Error = Error(-$number);
            )*
            $(
                #[doc = concat!("`-", $own_number, "`: ", $own_meaning, ".")]
                pub const $own: Error = Error(-$own_number);
            )*
        }

        /// Every error that has a name, from -1 downwards.
        pub static NAMED: &[Described] = &[
            $(row(Error::$errno, concat!(stringify!($errno), "\0"), concat!($meaning, "\0")),)*
            $(row(Error::$own, concat!(stringify!($own), "\0"), concat!($own_meaning, "\0")),)*
        ];

        /// The numbers of Linux, as most architectures have them.
        pub(super) const LINUX: Map = &[$(($number, Error::$errno)),*];
    };
}

/// Second names of codes in [`NAMED`].
pub static ALIASES: &[Alias] = &[
    Alias { name: c"EWOULDBLOCK", error: Error::EAGAIN },
    Alias { name: c"ENOTSUP", error: Error::EOPNOTSUPP },
    Alias { name: c"EDEADLOCK", error: Error::EDEADLK },
];

const fn row(error: Error, name: &'static str, message: &'static str) -> Described {
    Described { code: error.code(), name: text(name), message: text(message) }
}

/// Evaluated at compile time only: a misplaced NUL would not build.
const fn text(with_nul: &'static str) -> &'static CStr {
    match CStr::from_bytes_with_nul(with_nul.as_bytes()) {
        Ok(text) => text,
        Err(_) => panic!("a text has one NUL, at its end"),
    }
}

codes! {
    linux {
        EPERM 1 "operation not permitted",
        ENOENT 2 "no such file or directory",
        ESRCH 3 "no such process",
        EINTR 4 "interrupted by a signal",
        EIO 5 "input/output error",
        ENXIO 6 "no such device or address",
        E2BIG 7 "argument list too long",
        ENOEXEC 8 "not an executable format",
        EBADF 9 "bad handle or file descriptor",
        ECHILD 10 "no child processes",
        EAGAIN 11 "would block, try again later",
        ENOMEM 12 "out of memory",
        EACCES 13 "permission denied",
        EFAULT 14 "bad memory address",
        ENOTBLK 15 "not a block device",
        EBUSY 16 "device or resource busy",
        EEXIST 17 "already exists",
        EXDEV 18 "link across devices",
        ENODEV 19 "no such device",
        ENOTDIR 20 "not a directory",
        EISDIR 21 "is a directory",
        EINVAL 22 "invalid argument",
        ENFILE 23 "too many open files in the system",
        EMFILE 24 "too many open files in the process",
        ENOTTY 25 "not a terminal, or control operation not supported by the device",
        ETXTBSY 26 "executable file busy",
        EFBIG 27 "file too large",
        ENOSPC 28 "no space left on device",
        ESPIPE 29 "cannot seek",
        EROFS 30 "read-only file system",
        EMLINK 31 "too many links",
        EPIPE 32 "broken pipe: nobody will read this",
        EDOM 33 "argument out of domain",
        ERANGE 34 "result out of range",
        EDEADLK 35 "resource deadlock avoided",
        ENAMETOOLONG 36 "name too long",
        ENOLCK 37 "no locks available",
        ENOSYS 38 "function not implemented",
        ENOTEMPTY 39 "directory not empty",
        ELOOP 40 "too many symbolic links",
        ENOMSG 42 "no message of the desired type",
        EIDRM 43 "identifier removed",
        ECHRNG 44 "channel number out of range",
        EL2NSYNC 45 "level 2 not synchronized",
        EL3HLT 46 "level 3 halted",
        EL3RST 47 "level 3 reset",
        ELNRNG 48 "link number out of range",
        EUNATCH 49 "protocol driver not attached",
        ENOCSI 50 "no CSI structure available",
        EL2HLT 51 "level 2 halted",
        EBADE 52 "invalid exchange",
        EBADR 53 "invalid request descriptor",
        EXFULL 54 "exchange full",
        ENOANO 55 "no anode",
        EBADRQC 56 "invalid request code",
        EBADSLT 57 "invalid slot",
        EBFONT 59 "bad font file format",
        ENOSTR 60 "not a STREAMS device",
        ENODATA 61 "no data available",
        ETIME 62 "timer expired",
        ENOSR 63 "out of STREAMS resources",
        ENONET 64 "machine is not on the network",
        ENOPKG 65 "package not installed",
        EREMOTE 66 "object is remote",
        ENOLINK 67 "link has been severed",
        EADV 68 "advertise error",
        ESRMNT 69 "mounted remotely",
        ECOMM 70 "communication error on send",
        EPROTO 71 "protocol error",
        EMULTIHOP 72 "multihop attempted",
        EDOTDOT 73 "remote file sharing error",
        EBADMSG 74 "bad message",
        EOVERFLOW 75 "value too large for its type",
        ENOTUNIQ 76 "name not unique on the network",
        EBADFD 77 "file descriptor in a bad state",
        EREMCHG 78 "remote address changed",
        ELIBACC 79 "cannot access a needed shared library",
        ELIBBAD 80 "shared library is corrupted",
        ELIBSCN 81 ".lib section is corrupted",
        ELIBMAX 82 "too many shared libraries",
        ELIBEXEC 83 "cannot execute a shared library",
        EILSEQ 84 "invalid byte sequence",
        ERESTART 85 "interrupted call should be restarted",
        ESTRPIPE 86 "error in a STREAMS pipe",
        EUSERS 87 "too many users",
        ENOTSOCK 88 "not a socket",
        EDESTADDRREQ 89 "destination address required",
        EMSGSIZE 90 "message too long",
        EPROTOTYPE 91 "wrong protocol type for the socket",
        ENOPROTOOPT 92 "no such protocol option",
        EPROTONOSUPPORT 93 "protocol not supported",
        ESOCKTNOSUPPORT 94 "socket type not supported",
        EOPNOTSUPP 95 "operation not supported",
        EPFNOSUPPORT 96 "protocol family not supported",
        EAFNOSUPPORT 97 "address family not supported",
        EADDRINUSE 98 "address already in use",
        EADDRNOTAVAIL 99 "address not available",
        ENETDOWN 100 "network is down",
        ENETUNREACH 101 "network is unreachable",
        ENETRESET 102 "connection dropped by the network",
        ECONNABORTED 103 "connection aborted",
        ECONNRESET 104 "connection reset by peer",
        ENOBUFS 105 "no buffer space available",
        EISCONN 106 "already connected",
        ENOTCONN 107 "not connected",
        ESHUTDOWN 108 "cannot send after shutdown",
        ETOOMANYREFS 109 "too many references",
        ETIMEDOUT 110 "connection timed out",
        ECONNREFUSED 111 "connection refused",
        EHOSTDOWN 112 "host is down",
        EHOSTUNREACH 113 "host is unreachable",
        EALREADY 114 "operation already in progress",
        EINPROGRESS 115 "operation now in progress",
        ESTALE 116 "stale file handle",
        EUCLEAN 117 "structure needs cleaning",
        ENOTNAM 118 "not a XENIX named type file",
        ENAVAIL 119 "no XENIX semaphores available",
        EISNAM 120 "is a named type file",
        EREMOTEIO 121 "remote input/output error",
        EDQUOT 122 "quota exceeded",
        ENOMEDIUM 123 "no medium found",
        EMEDIUMTYPE 124 "wrong medium type",
        ECANCELED 125 "operation canceled",
        ENOKEY 126 "required key not available",
        EKEYEXPIRED 127 "key has expired",
        EKEYREVOKED 128 "key has been revoked",
        EKEYREJECTED 129 "key was rejected",
        EOWNERDEAD 130 "owner died",
        ENOTRECOVERABLE 131 "state not recoverable",
        ERFKILL 132 "radio is switched off",
        EHWPOISON 133 "memory page has a hardware error",
    }
    own {
        EAI_ADDRFAMILY 3000 "name has no address of this family",
        EAI_AGAIN 3001 "temporary failure in name resolution",
        EAI_BADFLAGS 3002 "invalid resolver flags",
        EAI_CANCELED 3003 "name resolution canceled",
        EAI_FAIL 3004 "permanent failure in name resolution",
        EAI_FAMILY 3005 "resolver does not support the address family",
        EAI_MEMORY 3006 "out of memory in name resolution",
        EAI_NODATA 3007 "name has no address",
        EAI_NONAME 3008 "name or service not known",
        EAI_OVERFLOW 3009 "resolver's buffer too small",
        EAI_SERVICE 3010 "service not available for this socket type",
        EAI_SOCKTYPE 3011 "resolver does not support the socket type",
        EAI_BADHINTS 3013 "invalid resolver hints",
        EAI_PROTOCOL 3014 "resolved protocol is unknown",
        EINTERNAL 10000 "internal error",
    }
}
