// An echo server on Go's own sockets, a goroutine a connection: what bindings/go/examples/queue is compared with.
package main

import (
	"fmt"
	"net"
)

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println("listening on", listener.Addr())
	for {
		client, err := listener.Accept()
		if err != nil {
			panic(err)
		}
		go echo(client)
	}
}

func echo(client net.Conn) {
	defer client.Close()
	part := make([]byte, 4096)
	for {
		count, err := client.Read(part)
		if err != nil {
			return
		}
		client.Write(part[:count])
	}
}
