// A read for which nothing comes: Ctrl-C ends the program, and with the argument "end" it ends by itself, while a goroutine waits. Started
// by bindings/go/test.
package main

import (
	"fmt"
	"os"
	"time"

	"anysock"
)

func main() {
	first, _, err := anysock.Pair("unix")
	if err != nil {
		panic(err)
	}
	read := func() { first.Read(make([]byte, 1)) }
	fmt.Println("waiting")
	if len(os.Args) == 1 {
		read()
		return
	}
	go read()
	time.Sleep(20 * time.Millisecond)
	os.Exit(7)
}
