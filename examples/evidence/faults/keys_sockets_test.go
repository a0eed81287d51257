package faults_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
)

// line is a real listener that talks to each connection as it is told, and counts connections.
type line struct {
	net.Listener

	talk     atomic.Pointer[func(*net.TCPConn)]
	accepted atomic.Int32
	open     sync.WaitGroup
}

func newLine(t *testing.T) *line {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &line{Listener: listener}
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			l.accepted.Add(1)
			l.open.Go(func() {
				defer func() { _ = c.Close() }()
				(*l.talk.Load())(c.(*net.TCPConn))
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		accepting.Wait()
		l.open.Wait()
	})
	return l
}

func (l *line) tell(talk func(*net.TCPConn)) { l.talk.Store(&talk) }

// asked reads one request.
func asked(c net.Conn) *http.Request {
	r, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil {
		return nil
	}
	return r
}

// answering writes text after the request has been read, and closes the connection.
func answering(text string) func(*net.TCPConn) {
	return func(c *net.TCPConn) {
		if asked(c) != nil {
			_, _ = io.WriteString(c, text)
		}
	}
}

func TestBrokenConnections(t *testing.T) {
	a := newAuthority("login.example.com")
	document := string(keySetOf(a.key()))
	const head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	for name, talk := range map[string]func(*net.TCPConn){
		"reset at once":                    func(c *net.TCPConn) { _ = c.SetLinger(0) },
		"reset after the request":          func(c *net.TCPConn) { asked(c); _ = c.SetLinger(0) },
		"reset in the header":              func(c *net.TCPConn) { asked(c); _, _ = io.WriteString(c, "HTTP/1.1 200"); _ = c.SetLinger(0) },
		"closed at once":                   func(*net.TCPConn) {},
		"closed after the request":         answering(""),
		"closed in the header":             answering(head),
		"closed in the body":               answering(head + "Content-Length: 100000\r\n\r\n" + document),
		"closed in a chunk":                answering(head + "Transfer-Encoding: chunked\r\n\r\nffff\r\n" + document),
		"closed before the last chunk":     answering(head + "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"),
		"a length of less than there is":   answering(head + "Connection: close\r\nContent-Length: 10\r\n\r\n" + document),
		"two lengths":                      answering(head + "Content-Length: 10\r\nContent-Length: 20\r\n\r\n" + document),
		"no HTTP":                          answering("220 mail.example.com ESMTP\r\n"),
		"bytes":                            answering("\x16\x03\x01\x00\xff\x00\x00"),
		"gzip that is none":                answering(head + "Content-Encoding: gzip\r\n\r\n" + document),
		"gzip that is cut":                 answering(head + "Content-Encoding: gzip\r\n\r\n" + string(packed(16 << 20)[:5000])),
		"an encoding that nobody asked":    answering(head + "Content-Encoding: br\r\n\r\n\x0b\x02\x80"),
		"switching protocols":              answering("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"),
		"a status that there is not":       answering("HTTP/1.1 999 \r\nContent-Length: 0\r\n\r\n"),
		"204 with nothing":                 answering("HTTP/1.1 204 No Content\r\n\r\n"),
		"206, a part of the document":      answering("HTTP/1.1 206 Partial Content\r\n\r\n" + document),
		"304 that nobody asked for":        answering("HTTP/1.1 304 Not Modified\r\n\r\n"),
		"203, a proxy's own version of it": answering("HTTP/1.1 203 Non-Authoritative Information\r\n\r\n" + document),
	} {
		for client, given := range map[string]func(*testing.T) *http.Client{
			"our own client": func(*testing.T) *http.Client { return nil },
			"a given client": func(t *testing.T) *http.Client { return &http.Client{Transport: ownTransport(t)} },
		} {
			t.Run(name+", "+client, func(t *testing.T) {
				l := newLine(t)
				l.tell(answering(head + "\r\n" + document))
				s := newService(t, middleware.Config{
					Issuers:    []middleware.Issuer{{URL: a.url, JWKSURI: "http://" + l.Addr().String() + "/keys"}},
					Audiences:  []string{ordersAPI},
					HTTPClient: given(t),
				})
				warm(t, s.validator)
				tr := a.usual(1)
				l.tell(talk)
				before := l.accepted.Load()
				if err := s.validator.Warm(t.Context()); err == nil || s.health().Keys.LastError == nil {
					t.Errorf("the answer is taken for a key set: %v", s.health().Keys)
				}
				if n := l.accepted.Load() - before; n > 2 { // net/http repeats a GET once whose reused connection dies
					t.Errorf("%d connections for one fetch", n)
				}
				for _, token := range tr.good {
					s.good(token)
				}
				for _, token := range tr.bad {
					s.bad(token)
				}
				s.wantServed("with the keys from before")
			})
		}
	}
}

// A connection that was kept open may die at any moment; that alone must not fail a fetch.
func TestReusedConnectionThatDied(t *testing.T) {
	a := newAuthority("login.example.com")
	l := newLine(t)
	document := string(keySetOf(a.key()))
	l.tell(func(c *net.TCPConn) {
		if asked(c) != nil {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: "+strconv.Itoa(len(document))+"\r\n\r\n"+document)
		}
		asked(c) // waits for the second request, and resets instead of an answer
		_ = c.SetLinger(0)
	})
	s := newService(t, middleware.Config{
		Issuers:    []middleware.Issuer{{URL: a.url, JWKSURI: "http://" + l.Addr().String() + "/keys"}},
		Audiences:  []string{ordersAPI},
		HTTPClient: &http.Client{Transport: ownTransport(t)},
	})
	for range 20 {
		warm(t, s.validator)
	}
	if n := l.accepted.Load(); n < 10 || n > 40 {
		t.Errorf("%d connections for 20 fetches", n)
	}
}

// Fetches that fail in every way leave no goroutine and no connection behind.
func TestBrokenConnectionsLeaveNothingBehind(t *testing.T) {
	a := newAuthority("login.example.com")
	l := newLine(t)
	before := runtime.NumGoroutine()
	for n := range 50 {
		switch n % 4 {
		case 0:
			l.tell(func(c *net.TCPConn) { _ = c.SetLinger(0) })
		case 1:
			l.tell(answering("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{"))
		case 2:
			l.tell(answering("bytes"))
		case 3:
			l.tell(func(c *net.TCPConn) { silent(context.Background(), c) }) // until Close
		}
		validator, err := middleware.New(middleware.Config{
			Issuers:   []middleware.Issuer{{URL: a.url, JWKSURI: "http://" + l.Addr().String() + "/keys"}},
			Audiences: []string{ordersAPI},
		})
		if err != nil {
			t.Fatal(err)
		}
		warmed := make(chan error)
		seen := l.accepted.Load()
		go func() { warmed <- validator.Warm(t.Context()) }()
		for l.accepted.Load() == seen {
			time.Sleep(time.Millisecond)
		}
		if n%4 == 3 {
			_ = validator.Close()
		}
		if err := <-warmed; err == nil {
			t.Error("the keys were loaded")
		}
		_ = validator.Close()
	}
	l.open.Wait() // ends only when the other side has hung up
	for range 1000 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}
