package loopback

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"strconv"
	"sync"
)

// Answers is an HTTP server that gives the same JSON answer to every request with a body, and costs next to nothing, so that what its
// clients cost shows.
type Answers struct {
	URL      string
	listener net.Listener
	response []byte

	mu    sync.Mutex
	conns []net.Conn
}

// Answer begins to answer on a loopback address, until Close.
func Answer(body []byte) (*Answers, error) {
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	a := &Answers{
		URL:      "http://" + listener.Addr().String() + "/introspect",
		listener: listener,
		response: fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body),
	}
	go a.accept()
	return a, nil
}

func (a *Answers) accept() {
	for {
		conn, err := a.listener.Accept()
		if err != nil {
			return
		}
		a.mu.Lock()
		a.conns = append(a.conns, conn)
		a.mu.Unlock()
		go a.serve(conn)
	}
}

// serve reads of a request how long its body is, and leaves the connection at the first that does not say so.
func (a *Answers) serve(conn net.Conn) {
	defer conn.Close()
	r := bufio.NewReader(conn)
	for {
		length := 0
		for {
			line, err := r.ReadSlice('\n')
			if err != nil {
				return
			}
			if len(line) <= len("\r\n") {
				break
			}
			if value, is := bytes.CutPrefix(line, []byte("Content-Length: ")); is {
				if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
					return
				}
			}
		}
		if _, err := r.Discard(length); err != nil || length == 0 {
			return
		}
		if _, err := conn.Write(a.response); err != nil {
			return
		}
	}
}

// Close ends the server and its connections.
func (a *Answers) Close() {
	_ = a.listener.Close()
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, conn := range a.conns {
		_ = conn.Close()
	}
}
