package anysock

// What needs a signal to a certain thread, which Linux has.

import (
	"context"
	"errors"
	"os"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The signal by which Go's scheduler preempts goroutines neither cuts nor stretches a wait, nor does any other that Go has a handler for.
func TestPreemptionNeitherCutsNorStretchesAWait(t *testing.T) {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Skip("no /proc")
	}
	first, second, err := Pair("tcp")
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	defer second.Close()
	ended := make(chan struct{})
	var signals sync.WaitGroup
	signals.Add(1)
	go func() {
		defer signals.Done()
		for {
			select {
			case <-ended:
				return
			default:
			}
			for _, task := range tasks {
				if id, err := strconv.Atoi(task.Name()); err == nil {
					syscall.Tgkill(os.Getpid(), id, syscall.SIGURG)
				}
			}
			runtime.Gosched()
		}
	}()
	begun := time.Now()
	first.SetDeadline(begun.Add(200 * time.Millisecond))
	if _, err := first.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if took := time.Since(begun); took < 200*time.Millisecond {
		t.Errorf("after %v", took)
	}
	// A name is resolved on a thread, which is in the library for as long.
	if addresses, err := Resolve(context.Background(), "tcp", "localhost:80"); err != nil || len(addresses) == 0 {
		t.Errorf("got %v, %v", addresses, err)
	}
	close(ended)
	signals.Wait()
}
