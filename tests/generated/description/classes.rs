//! What languages call an error: the class that their own sockets raise for it. A language whose errors have the names of C needs
//! no table, only the rule. Not here: the errors (`core::error`).

/// For an error the exception of Python, the one of Java, the `SocketError` of .NET, the `ErrorKind` of Rust, the `std::errc` of
/// C++. Where a language has no word of its own, it is the general one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Classes {
    pub python: &'static str,
    pub java: &'static str,
    pub dotnet: &'static str,
    pub rust: &'static str,
    pub cpp: Option<&'static str>,
}

/// By which rule other languages name an error; `{name}` is "ECONNREFUSED", `{errno}` the host's number.
pub const RULES: [(&str, &str); 6] = [
    ("c", "ANYSOCK_{name}"),
    ("go", "syscall.{name}"),
    ("javascript", "Error with code \"{name}\""),
    ("perl", "$! = {errno}"),
    ("ruby", "Errno::{name}"),
    ("php", "SOCKET_{name}"),
];

const GENERAL: Classes = Classes {
    python: "OSError",
    java: "java.net.SocketException",
    dotnet: "SocketError",
    rust: "Other",
    cpp: None,
};

const RESOLVER: Classes = Classes {
    python: "socket.gaierror",
    java: "java.net.UnknownHostException",
    dotnet: "HostNotFound",
    rust: "Other",
    cpp: None,
};

/// The classes of an error, by its name.
pub fn of(name: &str) -> Classes {
    let general = if name.starts_with("EAI_") { RESOLVER } else { GENERAL };
    Classes {
        python: find(PYTHON, name).unwrap_or(general.python),
        java: find(JAVA, name).unwrap_or(general.java),
        dotnet: find(DOTNET, name).unwrap_or(general.dotnet),
        rust: find(RUST, name).unwrap_or(general.rust),
        cpp: find(CPP, name),
    }
}

type Names = &'static [(&'static str, &'static str)];

fn find(names: Names, error: &str) -> Option<&'static str> {
    names.iter().find(|(errors, _)| errors.split(' ').any(|known| known == error)).map(|(_, class)| *class)
}

/// Every name of an error that a table has.
pub fn mentioned() -> impl Iterator<Item = &'static str> {
    [PYTHON, JAVA, DOTNET, RUST, CPP].into_iter().flatten().flat_map(|(errors, _)| errors.split(' '))
}

const PYTHON: Names = &[
    ("EAGAIN EALREADY EINPROGRESS", "BlockingIOError"),
    ("EPIPE ESHUTDOWN", "BrokenPipeError"),
    ("ECHILD", "ChildProcessError"),
    ("ECONNABORTED", "ConnectionAbortedError"),
    ("ECONNREFUSED", "ConnectionRefusedError"),
    ("ECONNRESET", "ConnectionResetError"),
    ("EEXIST", "FileExistsError"),
    ("ENOENT", "FileNotFoundError"),
    ("EINTR", "InterruptedError"),
    ("EISDIR", "IsADirectoryError"),
    ("ENOTDIR", "NotADirectoryError"),
    ("EACCES EPERM", "PermissionError"),
    ("ESRCH", "ProcessLookupError"),
    ("ETIMEDOUT", "TimeoutError"),
    ("EINTERNAL", "RuntimeError"),
];

const JAVA: Names = &[
    ("ECONNREFUSED", "java.net.ConnectException"),
    ("EADDRINUSE EADDRNOTAVAIL", "java.net.BindException"),
    ("EHOSTUNREACH ENETUNREACH EHOSTDOWN ENETDOWN", "java.net.NoRouteToHostException"),
    ("ETIMEDOUT EAGAIN", "java.net.SocketTimeoutException"),
    ("EPROTO EPROTOTYPE EPROTONOSUPPORT ENOPROTOOPT", "java.net.ProtocolException"),
    ("EBADF", "java.nio.channels.ClosedChannelException"),
    ("ECANCELED", "java.nio.channels.AsynchronousCloseException"),
    ("EISCONN", "java.nio.channels.AlreadyConnectedException"),
    ("ENOTCONN", "java.nio.channels.NotYetConnectedException"),
    ("EINPROGRESS EALREADY", "java.nio.channels.ConnectionPendingException"),
    ("EINTR", "java.io.InterruptedIOException"),
    ("ENOENT", "java.nio.file.NoSuchFileException"),
    ("EACCES EPERM", "java.nio.file.AccessDeniedException"),
    ("EINVAL EFAULT", "java.lang.IllegalArgumentException"),
    ("EOPNOTSUPP ENOSYS", "java.lang.UnsupportedOperationException"),
    ("EINTERNAL", "java.lang.IllegalStateException"),
];

const DOTNET: Names = &[
    ("EACCES EPERM", "AccessDenied"),
    ("EADDRINUSE", "AddressAlreadyInUse"),
    ("EADDRNOTAVAIL", "AddressNotAvailable"),
    ("EAFNOSUPPORT", "AddressFamilyNotSupported"),
    ("EAGAIN", "WouldBlock"),
    ("EALREADY", "AlreadyInProgress"),
    ("ECANCELED", "OperationAborted"),
    ("ECONNABORTED", "ConnectionAborted"),
    ("ECONNREFUSED", "ConnectionRefused"),
    ("ECONNRESET", "ConnectionReset"),
    ("EDESTADDRREQ", "DestinationAddressRequired"),
    ("EFAULT", "Fault"),
    ("EHOSTDOWN", "HostDown"),
    ("EHOSTUNREACH", "HostUnreachable"),
    ("EINPROGRESS", "InProgress"),
    ("EINTR", "Interrupted"),
    ("EINVAL", "InvalidArgument"),
    ("EISCONN", "IsConnected"),
    ("EMFILE ENFILE", "TooManyOpenSockets"),
    ("EMSGSIZE", "MessageSize"),
    ("ENETDOWN", "NetworkDown"),
    ("ENETRESET", "NetworkReset"),
    ("ENETUNREACH", "NetworkUnreachable"),
    ("ENOBUFS ENOMEM", "NoBufferSpaceAvailable"),
    ("ENOPROTOOPT", "ProtocolOption"),
    ("ENOTCONN", "NotConnected"),
    ("ENOTSOCK EBADF", "NotSocket"),
    ("EOPNOTSUPP", "OperationNotSupported"),
    ("EPFNOSUPPORT", "ProtocolFamilyNotSupported"),
    ("EPIPE ESHUTDOWN", "Shutdown"),
    ("EPROTONOSUPPORT", "ProtocolNotSupported"),
    ("EPROTOTYPE", "ProtocolType"),
    ("ESOCKTNOSUPPORT", "SocketNotSupported"),
    ("ETIMEDOUT", "TimedOut"),
    ("EAI_AGAIN", "TryAgain"),
    ("EAI_NODATA EAI_ADDRFAMILY", "NoData"),
    ("EAI_FAIL", "NoRecovery"),
    ("EAI_SERVICE", "TypeNotFound"),
];

const RUST: Names = &[
    ("EACCES EPERM", "PermissionDenied"),
    ("EADDRINUSE", "AddrInUse"),
    ("EADDRNOTAVAIL", "AddrNotAvailable"),
    ("EAGAIN", "WouldBlock"),
    ("EBUSY", "ResourceBusy"),
    ("ECONNABORTED", "ConnectionAborted"),
    ("ECONNREFUSED", "ConnectionRefused"),
    ("ECONNRESET", "ConnectionReset"),
    ("EDEADLK", "Deadlock"),
    ("EDQUOT", "QuotaExceeded"),
    ("EEXIST", "AlreadyExists"),
    ("EFBIG", "FileTooLarge"),
    ("EHOSTUNREACH", "HostUnreachable"),
    ("EINTR", "Interrupted"),
    ("EINVAL", "InvalidInput"),
    ("EISDIR", "IsADirectory"),
    ("ENETDOWN", "NetworkDown"),
    ("ENETUNREACH", "NetworkUnreachable"),
    ("ENOENT EAI_NONAME", "NotFound"),
    ("ENOMEM EAI_MEMORY", "OutOfMemory"),
    ("ENOSPC", "StorageFull"),
    ("ENOTCONN", "NotConnected"),
    ("ENOTDIR", "NotADirectory"),
    ("ENOTEMPTY", "DirectoryNotEmpty"),
    ("EOPNOTSUPP ENOSYS", "Unsupported"),
    ("EPIPE", "BrokenPipe"),
    ("EROFS", "ReadOnlyFilesystem"),
    ("ESPIPE", "NotSeekable"),
    ("ESTALE", "StaleNetworkFileHandle"),
    ("ETIMEDOUT", "TimedOut"),
    ("ETXTBSY", "ExecutableFileBusy"),
    ("EXDEV", "CrossesDevices"),
    ("E2BIG", "ArgumentListTooLong"),
];

const CPP: Names = &[
    ("EPERM", "operation_not_permitted"),
    ("ENOENT", "no_such_file_or_directory"),
    ("ESRCH", "no_such_process"),
    ("EINTR", "interrupted"),
    ("EIO", "io_error"),
    ("ENXIO", "no_such_device_or_address"),
    ("E2BIG", "argument_list_too_long"),
    ("ENOEXEC", "executable_format_error"),
    ("EBADF", "bad_file_descriptor"),
    ("ECHILD", "no_child_process"),
    ("EAGAIN", "resource_unavailable_try_again"),
    ("ENOMEM", "not_enough_memory"),
    ("EACCES", "permission_denied"),
    ("EFAULT", "bad_address"),
    ("EBUSY", "device_or_resource_busy"),
    ("EEXIST", "file_exists"),
    ("EXDEV", "cross_device_link"),
    ("ENODEV", "no_such_device"),
    ("ENOTDIR", "not_a_directory"),
    ("EISDIR", "is_a_directory"),
    ("EINVAL", "invalid_argument"),
    ("ENFILE", "too_many_files_open_in_system"),
    ("EMFILE", "too_many_files_open"),
    ("ENOTTY", "inappropriate_io_control_operation"),
    ("ETXTBSY", "text_file_busy"),
    ("EFBIG", "file_too_large"),
    ("ENOSPC", "no_space_on_device"),
    ("ESPIPE", "invalid_seek"),
    ("EROFS", "read_only_file_system"),
    ("EMLINK", "too_many_links"),
    ("EPIPE", "broken_pipe"),
    ("EDOM", "argument_out_of_domain"),
    ("ERANGE", "result_out_of_range"),
    ("EDEADLK", "resource_deadlock_would_occur"),
    ("ENAMETOOLONG", "filename_too_long"),
    ("ENOLCK", "no_lock_available"),
    ("ENOSYS", "function_not_supported"),
    ("ENOTEMPTY", "directory_not_empty"),
    ("ELOOP", "too_many_symbolic_link_levels"),
    ("ENOMSG", "no_message"),
    ("EIDRM", "identifier_removed"),
    ("ENOLINK", "no_link"),
    ("EPROTO", "protocol_error"),
    ("EBADMSG", "bad_message"),
    ("EOVERFLOW", "value_too_large"),
    ("EILSEQ", "illegal_byte_sequence"),
    ("ENOTSOCK", "not_a_socket"),
    ("EDESTADDRREQ", "destination_address_required"),
    ("EMSGSIZE", "message_size"),
    ("EPROTOTYPE", "wrong_protocol_type"),
    ("ENOPROTOOPT", "no_protocol_option"),
    ("EPROTONOSUPPORT", "protocol_not_supported"),
    ("EOPNOTSUPP", "operation_not_supported"),
    ("EAFNOSUPPORT", "address_family_not_supported"),
    ("EADDRINUSE", "address_in_use"),
    ("EADDRNOTAVAIL", "address_not_available"),
    ("ENETDOWN", "network_down"),
    ("ENETUNREACH", "network_unreachable"),
    ("ENETRESET", "network_reset"),
    ("ECONNABORTED", "connection_aborted"),
    ("ECONNRESET", "connection_reset"),
    ("ENOBUFS", "no_buffer_space"),
    ("EISCONN", "already_connected"),
    ("ENOTCONN", "not_connected"),
    ("ETIMEDOUT", "timed_out"),
    ("ECONNREFUSED", "connection_refused"),
    ("EHOSTUNREACH", "host_unreachable"),
    ("EALREADY", "connection_already_in_progress"),
    ("EINPROGRESS", "operation_in_progress"),
    ("ECANCELED", "operation_canceled"),
    ("EOWNERDEAD", "owner_dead"),
    ("ENOTRECOVERABLE", "state_not_recoverable"),
];
