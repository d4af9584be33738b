package anysock

// What package net calls a connection, a listener and a packet connection.

// #include <anysock.h>
import "C"

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"
	"unsafe"
)

// stream is what connections and packet connections share.
type stream struct{ *socket }

// Conn is a connection: a net.Conn.
type Conn struct{ stream }

// Listener is a net.Listener.
type Listener struct {
	*socket
	path   string
	unlink sync.Once
}

// PacketConn is a datagram socket: a net.PacketConn.
type PacketConn struct{ stream }

var (
	_ net.Conn       = (*Conn)(nil)
	_ net.Listener   = (*Listener)(nil)
	_ net.PacketConn = (*PacketConn)(nil)
)

func connection(s *socket) *Conn { return &Conn{stream{s.settled()}} }

// What package net sets: what is written goes at once, a peer that is gone is noticed, and broadcasts are allowed.
var tcpDefaults = map[string]int64{
	OptTcpNodelay: 1, OptKeepalive: 1, OptTcpKeepaliveIdle: 15 * Second, OptTcpKeepaliveInterval: 15 * Second,
}
var datagramDefaults = map[string]int64{OptBroadcast: 1}

func (s *socket) setDefaults() {
	var defaults map[string]int64
	switch {
	case strings.HasPrefix(s.network, "tcp"):
		defaults = tcpDefaults
	case strings.HasPrefix(s.network, "udp"), strings.HasPrefix(s.network, "ip"):
		defaults = datagramDefaults
	}
	for name, value := range defaults {
		_ = s.SetOption(name, value) // one that this system lacks does without
	}
}

// Read reads what is there, at least a byte; io.EOF at the end of a stream.
func (c stream) Read(data []byte) (int, error) {
	count, err := c.try(&c.read, EventRead, func() C.int64_t {
		return C.anysock_recv(c.handle, start(data), C.size_t(len(data)), C.int32_t(FlagDontWait))
	})
	switch {
	case err != nil:
		return 0, c.failed("read", err)
	case count == 0 && len(data) > 0 && !keepsBorders(c.network):
		return 0, io.EOF
	}
	return int(count), nil
}

// Write writes all of it, or says how much was written and why not more.
func (c stream) Write(data []byte) (int, error) {
	done := 0
	for {
		rest := data[done:]
		count, err := c.try(&c.write, EventWrite, func() C.int64_t {
			return C.anysock_send(c.handle, start(rest), C.size_t(len(rest)), C.int32_t(FlagDontWait))
		})
		if done += int(count); err != nil {
			return done, c.failed("write", err)
		}
		if done == len(data) {
			return done, nil
		}
	}
}

// ReadFrom is net.PacketConn's: one datagram and who has sent it.
func (c *PacketConn) ReadFrom(data []byte) (int, net.Addr, error) {
	var room [512]byte
	count, err := c.try(&c.read, EventRead, func() C.int64_t {
		return C.anysock_recv_from(c.handle, start(data), C.size_t(len(data)), C.int32_t(FlagDontWait),
			(*C.char)(unsafe.Pointer(&room[0])), C.size_t(len(room)))
	})
	if err != nil {
		return 0, nil, c.failed("read", err)
	}
	sender, _, _ := strings.Cut(string(room[:]), "\x00")
	return int(count), addr(c.network, sender), nil
}

// WriteTo is net.PacketConn's.
func (c *PacketConn) WriteTo(data []byte, to net.Addr) (int, error) {
	if to == nil {
		return 0, failed("write", c.network, c.LocalAddr(), nil, EDESTADDRREQ)
	}
	text, free := ctext(to.String())
	defer free()
	count, err := c.try(&c.write, EventWrite, func() C.int64_t {
		return C.anysock_send_to(c.handle, start(data), C.size_t(len(data)), C.int32_t(FlagDontWait), text)
	})
	if err != nil {
		return 0, failed("write", c.network, c.LocalAddr(), to, err)
	}
	return int(count), nil
}

// Accept is net.Listener's.
func (l *Listener) Accept() (net.Conn, error) {
	connection, err := l.AcceptConn()
	if err != nil {
		return nil, err // no typed nil
	}
	return connection, nil
}

// AcceptConn is Accept with the type that it has here.
func (l *Listener) AcceptConn() (*Conn, error) {
	handle, err := l.try(&l.read, EventRead, func() C.int64_t { return C.anysock_accept(l.handle) })
	if err != nil {
		return nil, failed("accept", l.network, nil, l.Addr(), err)
	}
	return connection(wrap(C.anysock_t(handle), l.network)), nil
}

// Addr is net.Listener's; port 0 has become the port that was free.
func (l *Listener) Addr() net.Addr { return l.local }

// Close is net.Listener's: it ends every Accept, and takes the path of a unix listener out of the file system, as package net does.
func (l *Listener) Close() error {
	if l.path != "" {
		l.unlink.Do(func() { os.Remove(l.path) })
	}
	return closed(l.socket)
}

// SetDeadline bounds Accept.
func (l *Listener) SetDeadline(t time.Time) error { return l.setDeadline(t, &l.read) }

// Close ends every call on the connection.
func (c stream) Close() error { return closed(c.socket) }

func closed(s *socket) error {
	if err := s.close(); err != nil {
		return failed("close", s.network, s.local, s.peer, err)
	}
	return nil
}

// CloseWrite shuts the writing half (half-close): the peer reads the end of the stream.
func (c *Conn) CloseWrite() error { return c.shut(ShutWrite) }

// CloseRead shuts the reading half.
func (c *Conn) CloseRead() error { return c.shut(ShutRead) }

func (c *Conn) shut(how How) error {
	if _, err := c.answer(C.anysock_shutdown(c.handle, C.int32_t(how))); err != nil {
		return c.failed("shutdown", err)
	}
	return nil
}

// LocalAddr is net.Conn's; it is known when the connection is closed, too.
func (c stream) LocalAddr() net.Addr { return c.local }

// RemoteAddr is net.Conn's; it is known when the connection is closed or the peer has gone, too. It is nil if there is no peer.
func (c stream) RemoteAddr() net.Addr { return c.peer }

// SetDeadline is net.Conn's.
func (c stream) SetDeadline(t time.Time) error { return c.setDeadline(t, &c.read, &c.write) }

// SetReadDeadline is net.Conn's.
func (c stream) SetReadDeadline(t time.Time) error { return c.setDeadline(t, &c.read) }

// SetWriteDeadline is net.Conn's.
func (c stream) SetWriteDeadline(t time.Time) error { return c.setDeadline(t, &c.write) }

// Handle is the library's number for the socket, for what this package has not. It stays the package's.
func (s *socket) Handle() int64 { return int64(s.handle) }

// SetOption sets an option by its name (OptTcpNodelay ...). Timeouts are the deadlines' matter.
func (s *socket) SetOption(name string, value int64) error {
	text, free := ctext(name)
	defer free()
	_, err := s.answer(C.anysock_set(s.handle, text, C.int64_t(value)))
	return err
}

// Option is an option's value.
func (s *socket) Option(name string) (int64, error) {
	text, free := ctext(name)
	defer free()
	var value C.int64_t
	_, err := s.answer(C.anysock_get(s.handle, text, &value))
	return int64(value), err
}

// OptionText is the value of an option that is a text (OptTcpState ...).
func (s *socket) OptionText(name string) (string, error) {
	option, free := ctext(name)
	defer free()
	return text(func(room *C.char, capacity C.size_t) C.int64_t {
		return C.anysock_get_text(s.handle, option, room, capacity)
	})
}

// keepsBorders says whether no bytes are a datagram and not the end.
func keepsBorders(network string) bool {
	return strings.HasPrefix(network, "udp") || strings.HasPrefix(network, "ip") || network == "unixgram"
}

func (c stream) failed(op string, err error) error {
	if errors.Is(err, io.EOF) {
		return err
	}
	return failed(op, c.network, c.LocalAddr(), c.RemoteAddr(), err)
}

// textAddr is an address of which no more is known than its text.
type textAddr struct{ network, text string }

func (a textAddr) Network() string { return a.network }
func (a textAddr) String() string  { return a.text }

// addr is the type that package net has for an address.
func addr(network, text string) net.Addr {
	if strings.HasPrefix(network, "unix") {
		return &net.UnixAddr{Net: network, Name: text}
	}
	parsed, err := netip.ParseAddrPort(text)
	switch {
	case err != nil:
		return textAddr{network, text}
	case strings.HasPrefix(network, "udp"):
		return net.UDPAddrFromAddrPort(parsed)
	}
	return net.TCPAddrFromAddrPort(parsed)
}

func lines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}
