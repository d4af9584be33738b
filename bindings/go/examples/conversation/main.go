// Both ends of the conversation that every language has with every other (tests/languages/README.md):
// `conversation listen 127.0.0.1:0`, and `conversation talk ADDRESS NOBODY`, where the server is and where nobody listens.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"hash/adler32"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"anysock"
)

const (
	patience = 30 * time.Second
	mebibyte = 1 << 20
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "conversation:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	switch {
	case len(arguments) == 2 && arguments[0] == "listen":
		return serve(arguments[1])
	case len(arguments) == 3 && arguments[0] == "talk":
		return talk(arguments[1], arguments[2])
	}
	return errors.New("usage: conversation listen ADDRESS | conversation talk ADDRESS NOBODY")
}

// failure is the name of an error: package net's, where it has one that Go programs compare with.
func failure(err error) string {
	var code anysock.Errno
	switch {
	case errors.Is(err, net.ErrClosed):
		return "net.ErrClosed"
	case errors.As(err, &code):
		return code.Name()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "os.ErrDeadlineExceeded"
	}
	return fmt.Sprint(err)
}

// The server: reads a client to its end, and answers with how much that was, its checksum, and all of it.

func serve(address string) error {
	listener, err := anysock.Listen("tcp", address)
	if err != nil {
		return err
	}
	fmt.Println("listening on", listener.Addr())
	for {
		client, err := listener.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer client.Close()
			if err := answer(client); err != nil {
				fmt.Fprintln(os.Stderr, "conversation:", err)
			}
		}()
	}
}

func answer(client io.ReadWriter) error {
	all, err := io.ReadAll(client)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(client, "%d %d\n", len(all), adler32.Checksum(all)); err != nil {
		return err
	}
	_, err = client.Write(all)
	return err
}

// The client: a line for each step.

func talk(address, nobody string) error {
	_, err := anysock.Dial("tcp", nobody)
	fmt.Println("refused", failure(err))
	server, err := anysock.Dial("tcp", "localhost"+address[strings.LastIndex(address, ":"):])
	if err != nil {
		return err
	}
	fmt.Println("connected", server.RemoteAddr())
	server.SetDeadline(time.Now().Add(50 * time.Millisecond))
	_, err = server.Read(make([]byte, 1))
	fmt.Println("silence", failure(err))
	server.SetDeadline(time.Now().Add(patience))
	if err := say(server); err != nil {
		return err
	}
	if err := hear(server); err != nil {
		return err
	}
	if err := cancelled(); err != nil {
		return err
	}
	server.Close()
	_, err = server.Read(make([]byte, 1))
	fmt.Println("gone", failure(err))
	return nil
}

func say(server *anysock.Conn) error {
	data := make([]byte, mebibyte)
	for i := range data {
		data[i] = byte(i % 251)
	}
	if _, err := server.Write(data); err != nil {
		return err
	}
	return server.CloseWrite()
}

type heard struct {
	name string
	all  []byte
	err  error
}

// hear listens to two, each in a goroutine: one to whom nobody speaks, and the server. select says who spoke.
func hear(server *anysock.Conn) error {
	idle, other, err := anysock.Pair("tcp")
	if err != nil {
		return err
	}
	defer idle.Close()
	defer other.Close()
	first := make(chan heard, 2)
	for name, each := range map[string]io.Reader{"idle": idle, "server": server} {
		go func(name string, from io.Reader) {
			all, err := io.ReadAll(from)
			first <- heard{name, all, err}
		}(name, each)
	}
	var one heard
	select {
	case one = <-first:
	case <-time.After(patience):
		return os.ErrDeadlineExceeded
	}
	if one.err != nil {
		return one.err
	}
	line, echo, _ := bytes.Cut(one.all, []byte("\n"))
	fmt.Printf("ready %s\nanswer %s\necho %d %d\n", one.name, line, len(echo), adler32.Checksum(echo))
	return nil
}

// cancelled closes a connection in which a goroutine is blocked, or is about to be: package net has one error for both.
func cancelled() error {
	idle, other, err := anysock.Pair("tcp")
	if err != nil {
		return err
	}
	defer other.Close()
	result := make(chan error)
	go func() {
		_, err := idle.Read(make([]byte, 1))
		result <- err
	}()
	time.Sleep(20 * time.Millisecond)
	idle.Close()
	fmt.Println("cancelled", failure(<-result))
	return nil
}
