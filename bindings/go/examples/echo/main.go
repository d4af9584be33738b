// Echo, both ends: `echo listen 127.0.0.1:7000` answers each client with what it says, `echo ask 127.0.0.1:7000 hello` is a client.
package main

import (
	"fmt"
	"io"
	"os"

	"anysock"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "echo:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	switch {
	case len(arguments) == 2 && arguments[0] == "listen":
		return listen(arguments[1])
	case len(arguments) == 3 && arguments[0] == "ask":
		return ask(arguments[1], arguments[2])
	}
	return fmt.Errorf("usage: echo listen ADDRESS | echo ask ADDRESS TEXT")
}

func listen(address string) error {
	listener, err := anysock.Listen("tcp", address)
	if err != nil {
		return err
	}
	defer listener.Close()
	fmt.Println("listening on", listener.Addr())
	for {
		client, err := listener.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer client.Close()
			io.Copy(client, client)
		}()
	}
}

func ask(address, text string) error {
	server, err := anysock.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer server.Close()
	go func() {
		io.WriteString(server, text)
		server.CloseWrite()
	}()
	_, err = io.Copy(os.Stdout, server)
	fmt.Println()
	return err
}
