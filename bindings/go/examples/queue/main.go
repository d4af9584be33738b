// An echo server on the batch queue, by the C interface: `queue 127.0.0.1:7000`. One call hands over what shall be done on all connections,
// and brings back what has happened; the bytes go out from the buffer they came in.
//
// What it is not: how Go programs usually serve, which is a goroutine for each connection (examples/echo).
package main

// #cgo LDFLAGS: -lanysock
// #include <anysock.h>
import "C"

import (
	"fmt"
	"os"

	"anysock"
)

const batch = 128

func main() {
	address := "127.0.0.1:7000"
	if len(os.Args) > 1 {
		address = os.Args[1]
	}
	if err := serve(address); err != nil {
		fmt.Fprintln(os.Stderr, "queue:", err)
		os.Exit(1)
	}
}

func serve(address string) error {
	listener, err := anysock.Listen("tcp", address)
	if err != nil {
		return err
	}
	fmt.Println("listening on", listener.Addr())
	// The queue waits for it, which the package would do in its poller.
	if err := listener.SetOption(anysock.OptTimeout, -1); err != nil {
		return err
	}
	queue := C.anysock_queue_open(0, 0)
	var wanted [batch]C.anysock_op
	var done [batch]C.anysock_done
	wanted[0] = C.anysock_op{handle: C.anysock_t(listener.Handle()), op: C.ANYSOCK_OP_ACCEPT, flags: C.ANYSOCK_QUEUE_MULTI}
	count := 1
	for {
		happened := C.anysock_queue_run(queue, &wanted[0], C.size_t(count), &done[0], batch, -1)
		if happened < 0 {
			return anysock.Errno(happened)
		}
		count = 0
		for i := range done[:happened] {
			if answer(&done[i], &wanted[count]) {
				count++
			}
		}
	}
}

// answer says what shall be done because of what has happened: at most one thing.
func answer(done *C.anysock_done, wanted *C.anysock_op) bool {
	switch {
	case done.op == C.ANYSOCK_OP_READ && done.result > 0:
		*wanted = C.anysock_op{handle: done.handle, op: C.ANYSOCK_OP_WRITE, flags: C.ANYSOCK_QUEUE_QUIET,
			data: done.data, length: done.result, buffer: done.buffer}
	case done.op == C.ANYSOCK_OP_READ && done.result != C.ANYSOCK_ECANCELED:
		*wanted = C.anysock_op{handle: done.handle, op: C.ANYSOCK_OP_CLOSE, flags: C.ANYSOCK_QUEUE_QUIET}
	case done.op == C.ANYSOCK_OP_ACCEPT && done.result > 0:
		*wanted = C.anysock_op{handle: C.anysock_t(done.result), op: C.ANYSOCK_OP_READ, flags: C.ANYSOCK_QUEUE_MULTI}
	case done.op == C.ANYSOCK_OP_WRITE: // it has failed: it is quiet otherwise
		*wanted = C.anysock_op{handle: done.handle, op: C.ANYSOCK_OP_CLOSE, flags: C.ANYSOCK_QUEUE_QUIET | C.ANYSOCK_QUEUE_NOW}
	default:
		return false
	}
	return true
}
