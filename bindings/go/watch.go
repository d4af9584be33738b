package anysock

// One goroutine waits in a poller for all sockets of the program: this is the only thread that ever waits for them.

// #include <anysock.h>
import "C"

import "sync"

// A watcher is the poller and who waits in it.
type watcher struct {
	begin   sync.Once
	poller  C.anysock_t
	mutex   sync.Mutex
	waiting map[C.anysock_t]*socket
}

var watching = watcher{waiting: map[C.anysock_t]*socket{}}

// answers is how many sockets one wait may report.
const answers = 128

// watch has the socket told once of each of these events.
func (w *watcher) watch(s *socket, events Events) error {
	w.begin.Do(func() {
		if w.poller = C.anysock_poller_open(); w.poller > 0 {
			go w.run()
		}
	})
	if err := check(C.int64_t(w.poller)); err != nil {
		return err
	}
	// Under the socket's lock, as its removal: what is armed is known here.
	s.mutex.Lock()
	defer s.mutex.Unlock()
	w.mutex.Lock()
	w.waiting[s.handle] = s
	w.mutex.Unlock()
	s.armed |= events
	return w.arm(s)
}

func (w *watcher) arm(s *socket) error {
	return check(C.anysock_poller_set(w.poller, s.handle, C.int32_t(s.armed|EventOneshot), C.int64_t(s.handle)))
}

func (w *watcher) forget(s *socket) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	delete(w.waiting, s.handle)
}

func (w *watcher) run() {
	var events [answers]C.anysock_event
	for {
		count := C.anysock_poller_wait(w.poller, &events[0], answers, -1)
		// A socket that is closed during the wait ends it; the others go on.
		for i := C.int64_t(0); i < count; i++ {
			w.report(C.anysock_t(events[i].token), Events(events[i].events))
		}
	}
}

func (w *watcher) report(handle C.anysock_t, events Events) {
	w.mutex.Lock()
	s := w.waiting[handle]
	w.mutex.Unlock()
	if s == nil {
		return
	}
	over := events&(EventHangup|EventError) != 0
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if over || events&EventRead != 0 {
		s.armed &^= EventRead
		s.read.tell()
	}
	if over || events&EventWrite != 0 {
		s.armed &^= EventWrite
		s.write.tell()
	}
	if s.armed != 0 {
		// A socket that was closed meanwhile needs no watching.
		_ = w.arm(s)
		return
	}
	w.forget(s)
}

func (d *direction) tell() {
	select {
	case d.ready <- struct{}{}:
	default:
	}
}
