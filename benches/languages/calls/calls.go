// calls read N: reads that would block. calls queue N: runs of 64 operations that do nothing. See ../calls.py.
package main

// #cgo LDFLAGS: -lanysock
// #include <anysock.h>
// #include <stdlib.h>
import "C"

import (
	"os"
	"strconv"
	"unsafe"
)

func main() {
	times, _ := strconv.Atoi(os.Args[2])
	var first, second C.anysock_t
	kind, timeout := C.CString("unix"), C.CString("timeout")
	C.anysock_pair(kind, &first, &second)
	C.anysock_set(first, timeout, 0)
	queue := C.anysock_queue_open(0, 0)
	var wanted [64]C.anysock_op
	var done [64]C.anysock_done
	var one [1]byte
	for i := 0; i < times; i++ {
		if os.Args[1] == "read" {
			C.anysock_read(first, unsafe.Pointer(&one[0]), 1)
			continue
		}
		for at := range wanted {
			wanted[at].op = C.ANYSOCK_OP_NOP
		}
		C.anysock_queue_run(queue, &wanted[0], 64, &done[0], 64, 0)
	}
}
