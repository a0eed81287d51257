//go:build unix

package replicas

import (
	"net"
	"sync"
	"testing"
)

// wire is a network between a process and a server, which can be cut: then nothing arrives any more, and nobody is told.
type wire struct {
	addr, to string

	mu     sync.Mutex
	isCut  bool
	broken []net.Conn // those that have lost something
}

func newWire(t *testing.T, to string) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	w := &wire{addr: l.Addr().String(), to: to}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			there, err := net.Dial("tcp", to)
			if err != nil {
				_ = conn.Close()
				continue
			}
			go w.carry(conn, there)
			go w.carry(there, conn)
		}
	}()
	return w
}

func (w *wire) carry(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	bytes := make([]byte, 1<<16)
	for {
		n, err := from.Read(bytes)
		if err != nil {
			return
		}
		if w.loses(from) {
			continue
		}
		if _, err := to.Write(bytes[:n]); err != nil {
			return
		}
	}
}

func (w *wire) loses(conn net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.isCut {
		w.broken = append(w.broken, conn)
	}
	return w.isCut
}

func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.isCut = true
}

// mend lets bytes arrive again, but not on connections that have lost some.
func (w *wire) mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.isCut = false
	for _, conn := range w.broken {
		_ = conn.Close()
	}
}
