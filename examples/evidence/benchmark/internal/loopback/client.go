// Package loopback drives a server over real TCP connections on this machine, all of them kept alive, each with one request
// under way at a time. The client is small so that the server takes most of the CPU, as it would on its own machine.
package loopback

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// patience ends a window whose server hangs.
const patience = 30 * time.Second

var okLine = []byte("HTTP/1.1 200 OK\r\n")

// Client holds open connections to one server.
type Client struct{ conns []*conn }

type conn struct {
	net.Conn
	requests [][]byte // to choose from, evenly
	response []byte   // room for one; all responses are of one length
	took     []time.Duration
}

// Dial opens one connection for each token, and sends one request on each.
func Dial(addr, path string, tokens []string) (*Client, error) {
	var each [][][]byte
	for _, request := range requests(addr, path, tokens) {
		each = append(each, [][]byte{request})
	}
	return dialAll(addr, each)
}

// DialMixed opens a number of connections. Every request on any of them carries another token, drawn evenly from tokens.
func DialMixed(addr, path string, connections int, tokens []string) (*Client, error) {
	return dialAll(addr, slices.Repeat([][][]byte{requests(addr, path, tokens)}, connections))
}

func requests(addr, path string, tokens []string) [][]byte {
	var all [][]byte
	for _, token := range tokens {
		all = append(all, fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n\r\n", path, addr, token))
	}
	return all
}

func dialAll(addr string, each [][][]byte) (*Client, error) {
	c := new(Client)
	for _, requests := range each {
		opened, err := dial(addr, requests)
		if err != nil {
			c.Close()
			return nil, err
		}
		c.conns = append(c.conns, opened)
	}
	return c, nil
}

func dial(addr string, requests [][]byte) (*conn, error) {
	raw, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: raw, requests: requests}
	if err := c.first(); err != nil {
		_ = raw.Close()
		return nil, err
	}
	return c, nil
}

func (c *conn) request() []byte { return c.requests[rand.IntN(len(c.requests))] }

// first learns how long a response is.
func (c *conn) first() error {
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := c.Write(c.request()); err != nil {
		return err
	}
	var seen bytes.Buffer
	response, err := http.ReadResponse(bufio.NewReader(io.TeeReader(c, &seen)), nil)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("benchmark: the server answers %s: %s", response.Status, strings.TrimSpace(string(body)))
	}
	c.response = make([]byte, seen.Len())
	return nil
}

// Window is what happened in one stretch of time.
type Window struct {
	Rate float64         // requests per second
	Took []time.Duration // of each request, in no order
}

// Run keeps every connection busy for about d, and for one request at least.
func (c *Client) Run(d time.Duration) (Window, error) {
	start := time.Now()
	end := start.Add(d)
	err := together(len(c.conns), func(at int) error { return c.conns[at].runUntil(end) })
	elapsed := time.Since(start)
	var took [][]time.Duration
	for _, conn := range c.conns {
		took = append(took, conn.took)
	}
	return windowOf(elapsed, took), err
}

func (c *conn) runUntil(end time.Time) error {
	c.took = c.took[:0]
	if err := c.SetDeadline(end.Add(patience)); err != nil {
		return err
	}
	for begun := time.Now(); ; {
		if _, err := c.Write(c.request()); err != nil {
			return err
		}
		if _, err := io.ReadFull(c, c.response); err != nil {
			return err
		}
		if !bytes.HasPrefix(c.response, okLine) {
			return fmt.Errorf("benchmark: the server answers %.40q", c.response)
		}
		done := time.Now()
		c.took = append(c.took, done.Sub(begun))
		if begun = done; !done.Before(end) {
			return nil
		}
	}
}

// Close closes all connections.
func (c *Client) Close() {
	for _, conn := range c.conns {
		_ = conn.Close()
	}
}
