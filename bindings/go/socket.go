package anysock

// A socket below every connection, listener and packet connection: tries, waits and tries again.
// Not here: the goroutine that watches for all (watch.go), the interfaces of package net (conn.go).

// #include <anysock.h>
import "C"

import (
	"net"
	"os"
	"runtime"
	"sync"
	"time"
	"unsafe"
)

// A socket is a handle that never waits by itself. The handle's number is never another's, so that it may be used after
// it was closed: the library then says so.
type socket struct {
	handle  C.anysock_t
	network string
	read    direction
	write   direction
	closing sync.Once
	closed  chan struct{}
	local   net.Addr
	peer    net.Addr
	mutex   sync.Mutex
	armed   Events
}

// A direction is what one half of a socket waits with.
type direction struct {
	turn     sync.Mutex // one goroutine at a time; the others wait for theirs
	ready    chan struct{}
	deadline deadline
}

func open(network string) (*socket, error) {
	text, free := ctext(network)
	defer free()
	handle := C.anysock_open(text)
	if err := check(handle); err != nil {
		return nil, err
	}
	return wrap(handle, network), nil
}

func wrap(handle C.anysock_t, network string) *socket {
	s := &socket{handle: handle, network: network, closed: make(chan struct{})}
	for _, d := range []*direction{&s.read, &s.write} {
		d.ready = make(chan struct{}, 1)
		d.deadline.init()
	}
	timeout, free := ctext(OptTimeout)
	defer free()
	C.anysock_set(handle, timeout, 0)
	s.setDefaults() // before it connects, as without "broadcast" nobody connects to a broadcast address
	// A connection that was forgotten is closed, as package net does.
	runtime.SetFinalizer(s, (*socket).close)
	return s
}

func (s *socket) close() error {
	err := net.ErrClosed
	s.closing.Do(func() {
		runtime.SetFinalizer(s, nil)
		close(s.closed)
		watching.forget(s)
		err = check(C.anysock_close(s.handle))
		s.read.deadline.set(time.Time{})
		s.write.deadline.set(time.Time{})
	})
	return err
}

// try repeats a call that never waits until it need not, the deadline has passed or the socket is closed.
func (s *socket) try(d *direction, events Events, call func() C.int64_t) (int64, error) {
	d.turn.Lock()
	defer d.turn.Unlock()
	for {
		if err := s.over(d); err != nil {
			return 0, err
		}
		result := call()
		if Errno(result) != EAGAIN {
			return s.answer(result)
		}
		if err := s.wait(d, events); err != nil {
			return 0, err
		}
	}
}

func (s *socket) answer(result C.int64_t) (int64, error) {
	runtime.KeepAlive(s)
	if result >= 0 {
		return int64(result), nil
	}
	select {
	case <-s.closed:
		return 0, net.ErrClosed
	default:
		return 0, Errno(result)
	}
}

// over says why a call may not begin.
func (s *socket) over(d *direction) error {
	select {
	case <-s.closed:
		return net.ErrClosed
	case <-d.deadline.passed():
		return os.ErrDeadlineExceeded
	default:
		return nil
	}
}

// wait returns when the socket may be ready.
func (s *socket) wait(d *direction, events Events) error {
	if err := watching.watch(s, events); err != nil {
		return err
	}
	select {
	case <-d.ready:
		return nil
	case <-s.closed:
		return net.ErrClosed
	case <-d.deadline.passed():
		return os.ErrDeadlineExceeded
	}
}

// connect goes on by itself once it has begun; its end makes the socket writable, and a second call tells it.
func (s *socket) connect(address string) error {
	text, free := ctext(address)
	defer free()
	_, err := s.try(&s.write, EventWrite, func() C.int64_t {
		result := C.anysock_connect(s.handle, text)
		if Errno(result) == EINPROGRESS || Errno(result) == EALREADY {
			return C.int64_t(EAGAIN)
		}
		return result
	})
	return err
}

func (s *socket) setDeadline(t time.Time, ds ...*direction) error {
	select {
	case <-s.closed:
		return failed("set", s.network, nil, s.local, net.ErrClosed)
	default:
	}
	for _, d := range ds {
		d.deadline.set(t)
	}
	return nil
}

// settled keeps both addresses, once it has them: they are asked for when it is closed, too.
func (s *socket) settled() *socket {
	s.local, s.peer = s.addr(false), s.addr(true)
	return s
}

// addr is its own address or the peer's; nil if it has none.
func (s *socket) addr(peer bool) net.Addr {
	address, err := text(func(room *C.char, capacity C.size_t) C.int64_t {
		if peer {
			return C.anysock_peer_address(s.handle, room, capacity)
		}
		return C.anysock_local_address(s.handle, room, capacity)
	})
	if err != nil {
		return nil
	}
	return addr(s.network, address)
}

// start is where a call reads or writes; of no bytes nowhere.
func start(data []byte) unsafe.Pointer {
	return unsafe.Pointer(unsafe.SliceData(data))
}

// A deadline is a channel that is closed when the time has come, and made anew when another is set.
type deadline struct {
	mutex sync.Mutex
	timer *time.Timer
	done  chan struct{}
}

func (d *deadline) init() { d.done = make(chan struct{}) }

func (d *deadline) passed() <-chan struct{} {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	return d.done
}

// set also reaches those who wait already: they hold the channel, which stays the same until it is closed.
func (d *deadline) set(t time.Time) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if d.timer != nil && !d.timer.Stop() {
		<-d.done // its function runs, or has run
	}
	d.timer = nil
	closed := isClosed(d.done)
	if closed && (t.IsZero() || until(t) > 0) {
		d.done, closed = make(chan struct{}), false
	}
	if t.IsZero() || closed {
		return
	}
	done := d.done
	if left := until(t); left > 0 {
		d.timer = time.AfterFunc(left, func() { close(done) })
		return
	}
	close(done)
}

func isClosed(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

func until(t time.Time) time.Duration { return time.Until(t) }
