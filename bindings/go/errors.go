package anysock

// Errors: an Errno says its name, and errors.Is finds in it what package net, os and syscall call it.
// Not here: the numbers (abi.go).

// #include <anysock.h>
import "C"

import (
	"context"
	"net"
	"os"
	"runtime"
	"strconv"
	"syscall"
)

// Error is the name and the meaning: "ECONNREFUSED: connection refused".
func (e Errno) Error() string {
	name, meaning := e.text()
	if name == "" {
		return C.GoString(C.anysock_error_name(C.int64_t(e))) + ": error " + strconv.FormatInt(-int64(e), 10)
	}
	return name + ": " + meaning
}

// Name is "ECONNREFUSED" and the like.
func (e Errno) Name() string { return C.GoString(C.anysock_error_name(C.int64_t(e))) }

// Timeout is net.Error's.
func (e Errno) Timeout() bool { return e == EAGAIN || e == ETIMEDOUT || e == EAI_AGAIN }

// Temporary is net.Error's.
func (e Errno) Temporary() bool {
	return e.Timeout() || e == EINTR || e == EMFILE || e == ENFILE || e == ECONNRESET || e == ECONNABORTED
}

// Is compares with another package's word for the same.
func (e Errno) Is(target error) bool {
	switch target {
	case os.ErrPermission:
		return e == EACCES || e == EPERM
	case os.ErrExist:
		return e == EEXIST
	case os.ErrNotExist:
		return e == ENOENT
	case net.ErrClosed:
		return e == EBADF || e == ECANCELED
	}
	number, ok := target.(syscall.Errno)
	return ok && number == e.system()
}

// system is this system's own number; Linux's are the library's, elsewhere the name leads to it.
func (e Errno) system() syscall.Errno {
	if runtime.GOOS == "linux" && e < 0 && e > -1000 {
		return syscall.Errno(-e)
	}
	return numbers[e]
}

// numbers has the errors that programs compare with, by this system's own name.
var numbers = map[Errno]syscall.Errno{
	EACCES: syscall.EACCES, EADDRINUSE: syscall.EADDRINUSE, EADDRNOTAVAIL: syscall.EADDRNOTAVAIL, EAGAIN: syscall.EAGAIN,
	ECONNABORTED: syscall.ECONNABORTED, ECONNREFUSED: syscall.ECONNREFUSED, ECONNRESET: syscall.ECONNRESET,
	EHOSTUNREACH: syscall.EHOSTUNREACH, EINVAL: syscall.EINVAL, EISCONN: syscall.EISCONN, EMFILE: syscall.EMFILE,
	EMSGSIZE: syscall.EMSGSIZE, ENETUNREACH: syscall.ENETUNREACH, ENOTCONN: syscall.ENOTCONN, EPIPE: syscall.EPIPE,
	EPERM: syscall.EPERM, ETIMEDOUT: syscall.ETIMEDOUT,
}

// check makes an error of a result.
func check(result C.int64_t) error {
	if result < 0 {
		return Errno(result)
	}
	return nil
}

// micros is how long a context allows, in microseconds.
func micros(ctx context.Context) C.int64_t {
	deadline, ok := ctx.Deadline()
	if !ok {
		return -1
	}
	return C.int64_t(max(until(deadline).Microseconds(), 0))
}
