package anysock

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/nettest"
)

func listen(t *testing.T, network, address string) *Listener {
	t.Helper()
	l, err := Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// connected is both ends of a connection through a listener.
func connected(t *testing.T, network, address string) (client, server *Conn) {
	t.Helper()
	l := listen(t, network, address)
	client, err := Dial(network, l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server, err = l.AcceptConn()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); server.Close() })
	return client, server
}

// What every net.Conn must do, by Go's own suite.
func TestConnIsANetConn(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			nettest.TestConn(t, func() (net.Conn, net.Conn, func(), error) {
				first, second, err := Pair(network)
				if err != nil {
					return nil, nil, nil, err
				}
				return first, second, func() { first.Close(); second.Close() }, nil
			})
		})
	}
}

func TestAddresses(t *testing.T) {
	client, server := connected(t, "tcp", "127.0.0.1:0")
	if client.LocalAddr().String() != server.RemoteAddr().String() {
		t.Errorf("%v is not %v", client.LocalAddr(), server.RemoteAddr())
	}
	if _, ok := client.RemoteAddr().(*net.TCPAddr); !ok {
		t.Errorf("%T is no *net.TCPAddr", client.RemoteAddr())
	}
	path := filepath.Join(t.TempDir(), "socket")
	client, _ = connected(t, "unix", path)
	if got := client.RemoteAddr().String(); got != path {
		t.Errorf("%q is not %q", got, path)
	}
}

// As package net's, they outlive the connection.
func TestAddressesAfterClose(t *testing.T) {
	l := listen(t, "tcp", "127.0.0.1:0")
	client, err := Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	before := [...]net.Addr{l.Addr(), client.LocalAddr(), client.RemoteAddr()}
	l.Close()
	client.Close()
	after := [...]net.Addr{l.Addr(), client.LocalAddr(), client.RemoteAddr()}
	for i, addr := range after {
		if addr == nil || addr.String() != before[i].String() {
			t.Errorf("%v, before %v", addr, before[i])
		}
	}
	_, err = client.Read(make([]byte, 1))
	if want := "read tcp " + before[1].String() + "->" + before[2].String(); err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%v", err)
	}
}

func TestAUnixListenerTakesItsPathAway(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	for range [2]int{} {
		l, err := Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
	}
	// What has the name by now is somebody else's.
	old := listen(t, "unix", path)
	old.Close()
	listen(t, "unix", path)
	old.Close()
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

func TestPacketConnsWithoutPeers(t *testing.T) {
	c, err := ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if addr := c.RemoteAddr(); addr != nil {
		t.Errorf("%v is no peer", addr)
	}
	if _, err := c.WriteTo([]byte("x"), nil); !errors.Is(err, EDESTADDRREQ) {
		t.Errorf("got %v", err)
	}
	if _, err := ListenPacket("tcp", "127.0.0.1:0"); !errors.Is(err, EPROTOTYPE) {
		t.Errorf("got %v", err)
	}
}

func TestRefusedConnectsAreErrorsByName(t *testing.T) {
	l := listen(t, "tcp", "127.0.0.1:0")
	address := l.Addr().String()
	l.Close()
	_, err := Dial("tcp", address)
	var op *net.OpError
	if !errors.Is(err, ECONNREFUSED) || !errors.Is(err, syscall.ECONNREFUSED) || !errors.As(err, &op) || op.Op != "dial" {
		t.Errorf("got %v", err)
	}
}

func TestTextThatIsNoAddress(t *testing.T) {
	for _, address := range []string{"nonsense", "127.0.0.1:99999", "127.0.0.1:80\x00"} {
		if _, err := Dial("tcp", address); !errors.Is(err, EINVAL) {
			t.Errorf("%q: %v", address, err)
		}
	}
	if _, err := Listen("teleport", ":0"); !errors.Is(err, EINVAL) {
		t.Errorf("got %v", err)
	}
}

func TestContextsEndDials(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := DialContext(ctx, "tcp", "127.0.0.1:1"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	// A backlog that is full: the next connect hangs.
	path := filepath.Join(t.TempDir(), "full")
	full, err := bound("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer full.close()
	if err := full.listen(1); err != nil {
		t.Fatal(err)
	}
	ctx, cancel = context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	for {
		connection, err := DialContext(ctx, "unix", path)
		if err != nil {
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
			return
		}
		defer connection.Close()
	}
}

func TestDeadlinesAndHalfClose(t *testing.T) {
	client, server := connected(t, "tcp", "127.0.0.1:0")
	client.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	_, err := client.Read(make([]byte, 1))
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	var timeout net.Error
	if !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("%v is no timeout", err)
	}
	client.SetReadDeadline(time.Time{})
	client.Write([]byte("question"))
	client.CloseWrite()
	if got, err := io.ReadAll(server); string(got) != "question" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	server.Write([]byte("answer"))
	server.Close()
	if got, err := io.ReadAll(client); string(got) != "answer" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestAMebibyteArrives(t *testing.T) {
	client, server := connected(t, "tcp", "[::1]:0")
	sent := make([]byte, 1<<20)
	rand.Read(sent)
	go func() {
		client.Write(sent)
		client.Close()
	}()
	got, err := io.ReadAll(server)
	if err != nil || sha256.Sum256(got) != sha256.Sum256(sent) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestCloseEndsCalls(t *testing.T) {
	client, _ := connected(t, "tcp", "127.0.0.1:0")
	l := listen(t, "tcp", "127.0.0.1:0")
	ended := make(chan error)
	begun := make(chan struct{}, 2)
	go func() { begun <- struct{}{}; _, err := client.Read(make([]byte, 1)); ended <- err }()
	go func() { begun <- struct{}{}; _, err := l.Accept(); ended <- err }()
	<-begun
	<-begun
	client.Close()
	l.Close()
	for range [2]int{} {
		if err := <-ended; !errors.Is(err, net.ErrClosed) {
			t.Errorf("got %v", err)
		}
	}
	if err := client.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("closed twice: %v", err)
	}
}

func TestDatagrams(t *testing.T) {
	server, err := ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	client, err := Dial("udp", server.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for _, content := range [][]byte{[]byte("ping"), {}} {
		if _, err := client.Write(content); err != nil {
			t.Fatal(err)
		}
		room := make([]byte, 16)
		count, sender, err := server.ReadFrom(room)
		if err != nil || !bytes.Equal(room[:count], content) || sender.String() != client.LocalAddr().String() {
			t.Fatalf("%q from %v, %v", room[:count], sender, err)
		}
		if _, err := server.WriteTo(content, sender); err != nil {
			t.Fatal(err)
		}
		if count, err := client.Read(room); err != nil || count != len(content) {
			t.Fatalf("%d, %v", count, err)
		}
	}
}

// Of a raw socket, too, no bytes are a datagram and not the end.
func TestEmptyRawDatagrams(t *testing.T) {
	c, err := ListenPacket("ip6:253", "::1")
	if errors.Is(err, EPERM) || errors.Is(err, EACCES) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.WriteTo(nil, c.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	if count, err := c.Read(make([]byte, 8)); count != 0 || err != nil {
		t.Errorf("%d, %v", count, err)
	}
}

func TestOptionsOfPackageNet(t *testing.T) {
	client, server := connected(t, "tcp", "127.0.0.1:0")
	first, second, err := Pair("tcp")
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	defer second.Close()
	for _, c := range []*Conn{client, server, first, second} {
		for name, want := range map[string]int64{OptTcpNodelay: 1, OptKeepalive: 1, OptTcpKeepaliveIdle: 15 * Second} {
			if got, err := c.Option(name); got != want || err != nil {
				t.Errorf("%s: %d, %v", name, got, err)
			}
		}
	}
	packets, err := ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer packets.Close()
	if got, err := packets.Option(OptBroadcast); got != 1 || err != nil {
		t.Errorf("%d, %v", got, err)
	}
}

func TestConnectsToBroadcastAddresses(t *testing.T) {
	c, err := Dial("udp4", "255.255.255.255:9")
	if errors.Is(err, ENETUNREACH) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

func TestOptions(t *testing.T) {
	client, _ := connected(t, "tcp", "127.0.0.1:0")
	if err := client.SetOption(OptTcpNodelay, 0); err != nil {
		t.Error(err)
	}
	if value, err := client.Option(OptTcpNodelay); value != 0 || err != nil {
		t.Errorf("got %d, %v", value, err)
	}
	if kind, err := client.OptionText(OptKind); kind != "tcp" || err != nil {
		t.Errorf("got %q, %v", kind, err)
	}
	if err := client.SetOption("no.such", 1); !errors.Is(err, ENOPROTOOPT) {
		t.Errorf("got %v", err)
	}
}

func TestResolve(t *testing.T) {
	got, err := Resolve(context.Background(), "tcp4", "localhost:80")
	if err != nil || len(got) == 0 || got[0] != "127.0.0.1:80" {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestContextsEndResolving(t *testing.T) {
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	late, cancel := context.WithDeadline(context.Background(), time.Now().Add(-time.Second))
	defer cancel()
	for _, ctx := range []context.Context{cancelled, late} {
		if got, err := Resolve(ctx, "tcp", "localhost:80"); !errors.Is(err, ctx.Err()) {
			t.Errorf("got %v, %v", got, err)
		}
	}
}

// A thousand goroutines that wait cost no threads.
func TestWaitingGoroutinesShareAThread(t *testing.T) {
	const many = 1000
	before := pprof.Lookup("threadcreate").Count()
	var ends [many][2]*Conn
	var all sync.WaitGroup
	for i := range ends {
		first, second, err := Pair("unix")
		if err != nil {
			t.Fatal(err)
		}
		ends[i] = [2]*Conn{first, second}
		all.Add(1)
		go func() {
			defer all.Done()
			if _, err := io.ReadFull(first, make([]byte, 2)); err != nil {
				t.Error(err)
			}
		}()
	}
	for round := 0; round < 2; round++ {
		for _, end := range ends {
			if _, err := end[1].Write([]byte{1}); err != nil {
				t.Fatal(err)
			}
		}
		runtime.Gosched()
	}
	all.Wait()
	if threads := pprof.Lookup("threadcreate").Count() - before; threads > 50 {
		t.Errorf("%d threads more", threads)
	}
	for _, end := range ends {
		end[0].Close()
		end[1].Close()
	}
}

// A connection that nobody refers to any more is closed.
func TestForgottenConnectionsAreClosed(t *testing.T) {
	first, second, err := Pair("tcp")
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	first = nil
	_ = first
	done := make(chan error, 1)
	go func() { _, err := second.Read(make([]byte, 1)); done <- err }()
	for {
		runtime.GC()
		select {
		case err := <-done:
			if err != io.EOF {
				t.Errorf("got %v", err)
			}
			return
		case <-time.After(time.Millisecond):
		}
	}
}
