// Package anysock gives Go programs anysock's sockets as net.Conn, net.Listener and net.PacketConn: the same on every system.
//
// A goroutine that has to wait costs no thread: it waits in one poller for all. Deadlines, Close from another goroutine
// and errors are as in package net.
package anysock

// #cgo LDFLAGS: -lanysock
// #include <stdlib.h>
// #include <anysock.h>
import "C"

import (
	"context"
	"net"
	"strings"
	"unsafe"
)

// Version is that of the loaded library.
func Version() string { return C.GoString(C.anysock_version()) }

// Has says whether this system has a feature: "tcp6", "unix", "unix.abstract" and the like.
func Has(feature string) bool {
	text, free := ctext(feature)
	defer free()
	return C.anysock_has(text) == 1
}

// Dial connects to an address, as net.Dial: the networks are "tcp", "tcp4", "tcp6", "udp", "udp4", "udp6", "unix",
// "unixgram" and "unixpacket". A name's addresses are tried as RFC 8305 says.
func Dial(network, address string) (*Conn, error) {
	return DialContext(context.Background(), network, address)
}

// DialContext is Dial until the context is done. While a name is resolved it holds a thread.
func DialContext(ctx context.Context, network, address string) (*Conn, error) {
	s, err := open(network)
	if err != nil {
		return nil, failed("dial", network, nil, nil, err)
	}
	stop := context.AfterFunc(ctx, func() { s.close() })
	err = s.connect(address)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err == nil {
		return connection(s), nil
	}
	s.close()
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return nil, failed("dial", network, nil, textAddr{network, address}, err)
}

// Listen makes a listener, as net.Listen: ":80" is every interface, port 0 a free one.
func Listen(network, address string) (*Listener, error) {
	s, err := bound(network, address)
	if err == nil {
		if err = s.listen(0); err != nil {
			s.close()
		}
	}
	if err != nil {
		return nil, failed("listen", network, nil, textAddr{network, address}, err)
	}
	return &Listener{socket: s.settled(), path: path(network, address)}, nil
}

// path is what a listener of a unix kind leaves in the file system.
func path(network, address string) string {
	if !strings.HasPrefix(network, "unix") || strings.HasPrefix(address, "@") {
		return ""
	}
	return address
}

// ListenPacket makes a datagram socket, as net.ListenPacket.
func ListenPacket(network, address string) (*PacketConn, error) {
	s, err := bound(network, address)
	if err == nil && !keepsBorders(network) {
		s.close()
		err = EPROTOTYPE
	}
	if err != nil {
		return nil, failed("listen", network, nil, textAddr{network, address}, err)
	}
	return &PacketConn{stream{s.settled()}}, nil
}

// Pair makes two connected sockets of a kind: "tcp", "unix", "unixgram", "unixpacket".
func Pair(network string) (*Conn, *Conn, error) {
	text, free := ctext(network)
	defer free()
	var first, second C.anysock_t
	if err := check(C.anysock_pair(text, &first, &second)); err != nil {
		return nil, nil, failed("pair", network, nil, nil, err)
	}
	return connection(wrap(first, network)), connection(wrap(second, network)), nil
}

// Resolve lists the addresses of a name, best first, as "host:port", until the context is done. A thread is held until the name is
// resolved or the context's deadline has come, also if it was cancelled before.
func Resolve(ctx context.Context, network, address string) ([]string, error) {
	addresses, err := resolve(ctx, network, address)
	switch {
	case ctx.Err() != nil:
		err = ctx.Err()
	case err != nil && micros(ctx) == 0:
		err = context.DeadlineExceeded // the library was first to see it
	}
	if err != nil {
		return nil, failed("resolve", network, nil, textAddr{network, address}, err)
	}
	return lines(addresses), nil
}

func resolve(ctx context.Context, network, address string) (string, error) {
	type answer struct {
		addresses string
		err       error
	}
	resolved := make(chan answer, 1)
	go func() {
		kind, free := ctext(network)
		defer free()
		name, freeName := ctext(address)
		defer freeName()
		addresses, err := text(func(room *C.char, capacity C.size_t) C.int64_t {
			return C.anysock_resolve(kind, name, micros(ctx), room, capacity)
		})
		resolved <- answer{addresses, err}
	}()
	select {
	case got := <-resolved:
		return got.addresses, got.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func bound(network, address string) (*socket, error) {
	s, err := open(network)
	if err != nil {
		return nil, err
	}
	text, free := ctext(address)
	defer free()
	if err := check(C.anysock_bind(s.handle, text)); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// listen takes a backlog; 0 is the system's greatest.
func (s *socket) listen(backlog int32) error {
	return check(C.anysock_listen(s.handle, C.int32_t(backlog)))
}

// ctext is C's copy of a text; a NUL inside would cut it, and so makes it a text that is no address.
func ctext(text string) (*C.char, func()) {
	for i := 0; i < len(text); i++ {
		if text[i] == 0 {
			text = "\uFFFD"
			break
		}
	}
	copied := C.CString(text)
	return copied, func() { C.free(unsafe.Pointer(copied)) }
}

// text calls what fills a buffer with text, again if it was too small.
func text(fill func(room *C.char, capacity C.size_t) C.int64_t) (string, error) {
	room := make([]byte, 256)
	for {
		length := fill((*C.char)(unsafe.Pointer(&room[0])), C.size_t(len(room)))
		if err := check(length); err != nil {
			return "", err
		}
		if int(length) < len(room) {
			return string(room[:length]), nil
		}
		room = make([]byte, length+1)
	}
}

func failed(op, network string, source, addr net.Addr, err error) error {
	return &net.OpError{Op: op, Net: network, Source: source, Addr: addr, Err: err}
}
