//! Tests of the codes, the texts and every system's tables. Numbers in them are those of the
//! systems' own headers.

use super::*;
use std::collections::HashSet;

const SYSTEMS: [System; 9] = [
    System::Linux,
    System::LinuxMips,
    System::LinuxSparc,
    System::Apple,
    System::FreeBsd,
    System::NetBsd,
    System::OpenBsd,
    System::DragonFly,
    System::Windows,
];

const EXTREMES: [i32; 8] = [i32::MIN, i32::MIN + 1, -1, 0, 19_999, 20_000, i32::MAX - 1, i32::MAX];

fn name_of(code: i64) -> &'static str {
    name(code).to_str().unwrap()
}

fn message_of(code: i64) -> &'static str {
    message(code).to_str().unwrap()
}

fn own(number: i64) -> Error {
    Error(-OS_BASE - number)
}

#[test]
fn the_table_counts_downwards_from_minus_one() {
    assert_eq!(NAMED[0].code, -1);
    assert!(NAMED.is_sorted_by(|a, b| a.code > b.code));
    assert!(NAMED.iter().all(|row| row.code > -OS_BASE));
}

#[test]
fn the_maps_are_sorted_and_lead_to_named_errors() {
    for system in SYSTEMS {
        let [shared, added] = system.errors();
        for map in [shared, added, system.resolver_errors()] {
            assert!(map.is_sorted_by(|a, b| a.0 < b.0), "{system:?}");
            for &(number, error) in map {
                assert_ne!(number, 0);
                assert!(NAMED.iter().any(|row| row.code == error.code()), "{system:?} {number}");
            }
        }
        assert!(shared.iter().all(|&(number, _)| number > 0 && find(added, number).is_none()), "{system:?}");
    }
}

#[test]
fn symbols_and_messages_are_unique_and_in_style() {
    let mut symbols = HashSet::new();
    let mut messages = HashSet::new();
    for row in NAMED.iter().chain([&SUCCESS]) {
        let (symbol, message) = (row.name.to_str().unwrap(), row.message.to_str().unwrap());
        assert!(symbols.insert(symbol), "{symbol}");
        assert!(messages.insert(message), "{message}");
        assert!(
            symbol.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
        );
        assert!(
            !message.starts_with(|first: char| first.is_uppercase()) && !message.ends_with('.'),
            "{message}"
        );
    }
    for alias in ALIASES {
        assert!(symbols.insert(alias.name.to_str().unwrap()));
        assert!(NAMED.iter().any(|row| row.code == alias.error.code()));
    }
}

#[test]
fn every_code_finds_its_row() {
    for row in NAMED {
        assert_eq!((name(row.code), message(row.code)), (row.name, row.message));
        assert_eq!(Error(row.code).to_string(), row.message.to_str().unwrap());
    }
}

#[test]
fn the_documented_numbers() {
    for (error, code) in [
        (Error::EPERM, -1),
        (Error::EAGAIN, -11),
        (Error::ECONNREFUSED, -111),
        (Error::EHWPOISON, -133),
        (Error::EAI_ADDRFAMILY, -3000),
        (Error::EAI_NONAME, -3008),
        (Error::EAI_PROTOCOL, -3014),
        (Error::EINTERNAL, -10_000),
    ] {
        assert_eq!(error.code(), code);
    }
    assert_eq!((name_of(0), message_of(0)), ("OK", "success"));
    assert_eq!((name_of(-110), message_of(-110)), ("ETIMEDOUT", "connection timed out"));
}

#[test]
fn a_system_s_own_errors_have_numbered_texts() {
    for number in 1..20_000 {
        let code = own(number).code();
        assert_eq!(name_of(code), format!("EOS_{number}"));
        assert_eq!(message_of(code), format!("operating system error {number}"));
    }
    assert_eq!(own(10_093).to_string(), "operating system error 10093");
}

/// Those that Winsock's header defines.
#[test]
fn every_code_of_winsock_is_known() {
    let plain = [10004, 10009, 10013, 10014, 10022, 10024].into_iter().chain(10035..=10071);
    for number in plain.chain(10091..=10093).chain(10101..=10112).chain(11001..=11033) {
        let error = Error::from_os(System::Windows, number);
        assert_ne!(error, own(number.into()), "{number}");
        assert_ne!(name_of(error.code()), "EUNKNOWN", "{number}");
    }
}

#[cfg(windows)]
#[test]
fn winsock_s_names_have_the_numbers_of_the_table() {
    use windows_sys::Win32::Networking::WinSock as ws;
    for (number, error) in [
        (ws::WSAEWOULDBLOCK, Error::EAGAIN),
        (ws::WSAECONNREFUSED, Error::ECONNREFUSED),
        (ws::WSAECONNRESET, Error::ECONNRESET),
        (ws::WSAESHUTDOWN, Error::EPIPE),
        (ws::WSAETIMEDOUT, Error::ETIMEDOUT),
        (ws::WSANOTINITIALISED, Error::ENETDOWN),
        (ws::WSA_QOS_RESERVED_PETYPE, Error::EINVAL),
    ] {
        assert_eq!(Error::from_os(System::HOST, number), error, "{number}");
    }
}

#[test]
fn texts_are_static_and_made_once_by_however_many_threads() {
    let address = || name(own(4321).code()).as_ptr() as usize;
    let threads: Vec<_> = (0..8).map(|_| std::thread::spawn(address)).collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), address());
    }
}

#[test]
fn any_other_number_is_unknown() {
    let powers = (0..63).map(|shift| 1i64 << shift);
    let edges = [i64::MIN, i64::MIN + 1, i64::MAX, -20_000, -40_000, -40_001, -41, -134, -3012, -3015, 110];
    for code in powers.chain(edges) {
        assert_eq!((name_of(code), message_of(code)), ("EUNKNOWN", "unknown error"), "{code}");
    }
    for code in -45_000..45_000 {
        assert!(!name(code).is_empty() && !message(code).is_empty());
    }
}

#[test]
fn no_number_of_any_system_becomes_a_success() {
    for system in SYSTEMS {
        for number in (-40_000..40_000).chain(EXTREMES) {
            assert!(Error::from_os(system, number).code() < 0, "{system:?} {number}");
            assert!(Error::from_resolver(system, number).code() < 0, "{system:?} {number}");
        }
        assert_eq!(Error::from_os(system, 0), Error::EIO);
        assert_eq!(Error::from_os(system, i32::MIN), Error::EIO);
        assert_eq!(Error::from_os(system, i32::MAX), own(i32::MAX.into()));
    }
}

#[test]
fn linux_numbers_are_ours() {
    for number in 1..=133 {
        let expected = match number {
            41 => own(41),
            58 => Error::EDEADLK,
            _ => Error(i64::from(-number)),
        };
        assert_eq!(Error::from_os(System::Linux, number), expected);
    }
    for number in [134, 512, 3000, 3008, 10_000] {
        assert_eq!(Error::from_os(System::Linux, number), own(number.into()));
    }
}

/// Where the systems disagree most, and where they call one thing by two names.
#[test]
fn each_system_s_numbers() {
    use System::*;
    #[rustfmt::skip]
    let known: &[(System, &[(i32, Error)])] = &[
        (Linux, &[(11, Error::EAGAIN), (35, Error::EDEADLK), (104, Error::ECONNRESET),
            (524, Error::EOPNOTSUPP)]),
        (LinuxMips, &[(11, Error::EAGAIN), (45, Error::EDEADLK), (56, Error::EDEADLK),
            (145, Error::ETIMEDOUT), (146, Error::ECONNREFUSED), (150, Error::EINPROGRESS),
            (158, Error::ECANCELED), (1133, Error::EDQUOT), (35, Error::ENOMSG), (72, own(72)),
            (524, Error::EOPNOTSUPP)]),
        (LinuxSparc, &[(11, Error::EAGAIN), (36, Error::EINPROGRESS), (61, Error::ECONNREFUSED),
            (78, Error::EDEADLK), (108, Error::EDEADLK), (92, Error::EOVERFLOW),
            (127, Error::ECANCELED), (67, own(67))]),
        (Apple, &[(11, Error::EDEADLK), (35, Error::EAGAIN), (45, Error::EOPNOTSUPP),
            (60, Error::ETIMEDOUT), (84, Error::EOVERFLOW), (89, Error::ECANCELED),
            (93, Error::ENODATA), (100, Error::EPROTO), (102, Error::EOPNOTSUPP),
            (106, Error::ENOBUFS), (72, own(72)), (88, own(88))]),
        (FreeBsd, &[(11, Error::EDEADLK), (35, Error::EAGAIN), (45, Error::EOPNOTSUPP),
            (54, Error::ECONNRESET), (85, Error::ECANCELED), (92, Error::EPROTO),
            (94, Error::EPERM), (95, Error::ENOTRECOVERABLE), (88, own(88))]),
        (DragonFly, &[(36, Error::EINPROGRESS), (61, Error::ECONNREFUSED), (93, Error::ENOMEDIUM),
            (94, Error::ENOTRECOVERABLE), (99, own(99))]),
        (NetBsd, &[(35, Error::EAGAIN), (45, Error::EOPNOTSUPP), (85, Error::EILSEQ),
            (86, Error::EOPNOTSUPP), (87, Error::ECANCELED), (96, Error::EPROTO),
            (97, Error::EOWNERDEAD)]),
        (OpenBsd, &[(35, Error::EAGAIN), (45, Error::EOPNOTSUPP), (84, Error::EILSEQ),
            (88, Error::ECANCELED), (91, Error::EOPNOTSUPP), (95, Error::EPROTO), (82, own(82))]),
        (Windows, &[(5, Error::EACCES), (6, Error::EBADF), (64, Error::ECONNRESET),
            (109, Error::EPIPE), (121, Error::ETIMEDOUT), (234, Error::EMSGSIZE),
            (258, Error::ETIMEDOUT), (995, Error::ECANCELED), (1225, Error::ECONNREFUSED),
            (1234, Error::ECONNREFUSED), (1236, Error::ECONNABORTED), (10004, Error::EINTR),
            (10035, Error::EAGAIN), (10054, Error::ECONNRESET), (10058, Error::EPIPE),
            (10061, Error::ECONNREFUSED), (11001, Error::EAI_NONAME), (10093, Error::ENETDOWN),
            (11010, Error::ENOBUFS)]),
    ];
    for &(system, pairs) in known {
        for &(number, error) in pairs {
            assert_eq!(Error::from_os(system, number), error, "{system:?} {number}");
        }
    }
}

#[test]
fn an_error_goes_back_to_a_number_that_means_it() {
    for system in SYSTEMS {
        for (_, error) in system.errors().into_iter().flatten() {
            assert_eq!(Error::from_os(system, error.to_os(system)), *error, "{system:?}");
        }
        assert_eq!(own(12_345).to_os(system), 12_345);
        assert_eq!(Error::from_os(system, Error::EINTERNAL.to_os(system)), Error::EIO, "{system:?}");
    }
    assert_eq!(Error::ECONNREFUSED.to_os(System::Linux), 111);
    assert_eq!(Error::ECONNREFUSED.to_os(System::FreeBsd), 61);
    assert_eq!(Error::ECONNREFUSED.to_os(System::Windows), 10_061);
}

#[test]
fn each_resolver_s_numbers() {
    use System::*;
    #[rustfmt::skip]
    let known: &[(System, &[(i32, Error)])] = &[
        (Linux, &[(-2, Error::EAI_NONAME), (-6, Error::EAI_FAMILY), (-9, Error::EAI_ADDRFAMILY),
            (-12, Error::EAI_OVERFLOW), (-101, Error::EAI_CANCELED), (8, Error::EAI_NONAME),
            (-11, Error::EAI_FAIL), (11, Error::EAI_FAIL)]),
        (Apple, &[(2, Error::EAI_AGAIN), (8, Error::EAI_NONAME), (14, Error::EAI_OVERFLOW),
            (11, Error::EAI_FAIL)]),
        (FreeBsd, &[(1, Error::EAI_ADDRFAMILY), (9, Error::EAI_SERVICE),
            (13, Error::EAI_PROTOCOL)]),
        (NetBsd, &[(7, Error::EAI_NODATA), (12, Error::EAI_BADHINTS), (15, Error::EAI_FAIL)]),
        (DragonFly, &[(3, Error::EAI_BADFLAGS), (10, Error::EAI_SOCKTYPE)]),
        (OpenBsd, &[(-2, Error::EAI_NONAME), (-12, Error::EAI_BADHINTS), (-14, Error::EAI_OVERFLOW),
            (-11, Error::EAI_FAIL)]),
        (Windows, &[(8, Error::EAI_MEMORY), (10022, Error::EAI_BADFLAGS),
            (10047, Error::EAI_FAMILY), (10109, Error::EAI_SERVICE), (11001, Error::EAI_NONAME),
            (11002, Error::EAI_AGAIN), (11003, Error::EAI_FAIL), (11004, Error::EAI_NODATA),
            (10060, Error::ETIMEDOUT), (10093, Error::ENETDOWN)]),
    ];
    for &(system, pairs) in known {
        for &(number, error) in pairs {
            assert_eq!(Error::from_resolver(system, number), error, "{system:?} {number}");
        }
    }
    for system in SYSTEMS.into_iter().filter(|&system| system != Windows) {
        assert_eq!(Error::from_resolver(system, 4711), Error::EAI_FAIL);
    }
}

/// The host's C library has the last word on the host's numbers.
#[cfg(unix)]
mod host {
    use super::*;

    macro_rules! agree {
        ($from:ident: $($name:ident)*) => {
            $(assert_eq!(Error::$from(System::HOST, libc::$name), Error::$name, stringify!($name));)*
        };
    }

    #[test]
    #[rustfmt::skip]
    fn the_c_library_agrees() {
        agree!(from_os:
             EPERM ENOENT ESRCH EINTR EIO ENXIO E2BIG ENOEXEC EBADF ECHILD EAGAIN ENOMEM EACCES
            EFAULT ENOTBLK EBUSY EEXIST EXDEV ENODEV ENOTDIR EISDIR EINVAL ENFILE EMFILE ENOTTY
            ETXTBSY EFBIG ENOSPC ESPIPE EROFS EMLINK EPIPE EDOM ERANGE EDEADLK ENAMETOOLONG ENOLCK
            ENOSYS ENOTEMPTY ELOOP ENOMSG EIDRM EREMOTE EPROTO EBADMSG EOVERFLOW EILSEQ EUSERS
            ENOTSOCK EDESTADDRREQ EMSGSIZE EPROTOTYPE ENOPROTOOPT EPROTONOSUPPORT ESOCKTNOSUPPORT
            EOPNOTSUPP EPFNOSUPPORT EAFNOSUPPORT EADDRINUSE EADDRNOTAVAIL ENETDOWN ENETUNREACH
            ENETRESET ECONNABORTED ECONNRESET ENOBUFS EISCONN ENOTCONN ESHUTDOWN ETOOMANYREFS
            ETIMEDOUT ECONNREFUSED EHOSTDOWN EHOSTUNREACH EALREADY EINPROGRESS ESTALE EDQUOT
            ECANCELED EOWNERDEAD ENOTRECOVERABLE
        );
        assert_eq!(Error::from_os(System::HOST, libc::EWOULDBLOCK), Error::EAGAIN);
        assert_eq!(Error::from_os(System::HOST, libc::ENOTSUP), Error::EOPNOTSUPP);
    }

    #[cfg(target_os = "linux")]
    #[test]
    #[rustfmt::skip]
    fn the_c_library_agrees_on_what_only_linux_has() {
        agree!(from_os:
             ECHRNG EL2NSYNC EL3HLT EL3RST ELNRNG EUNATCH ENOCSI EL2HLT EBADE EBADR EXFULL ENOANO
            EBADRQC EBADSLT EBFONT ENOSTR ENODATA ETIME ENOSR ENONET ENOPKG ENOLINK EADV ESRMNT
            ECOMM EMULTIHOP EDOTDOT ENOTUNIQ EBADFD EREMCHG ELIBACC ELIBBAD ELIBSCN ELIBMAX ELIBEXEC
            ERESTART ESTRPIPE EUCLEAN ENOTNAM ENAVAIL EISNAM EREMOTEIO ENOMEDIUM EMEDIUMTYPE ENOKEY
            EKEYEXPIRED EKEYREVOKED EKEYREJECTED ERFKILL EHWPOISON
        );
        assert_eq!(Error::from_os(System::HOST, libc::EDEADLOCK), Error::EDEADLK);
    }

    #[test]
    #[rustfmt::skip]
    fn the_resolver_agrees() {
        agree!(from_resolver:
             EAI_AGAIN EAI_BADFLAGS EAI_FAIL EAI_FAMILY EAI_MEMORY EAI_NONAME EAI_SERVICE
            EAI_SOCKTYPE EAI_OVERFLOW
        );
        assert_eq!(Error::from_resolver(System::HOST, libc::EAI_SYSTEM), Error::EAI_FAIL);
    }
}
