// Package load sends prepared requests over keep-alive connections, at a steady rate, and times the answers.
package load

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// patience ends a request that the server does not answer. The longest that it may take is two seconds and a little.
const patience = 30 * time.Second

// Conn is one connection, with one request under way at a time. It is opened when it is needed.
type Conn struct {
	Addr string

	raw    net.Conn
	reader *bufio.Reader
}

// Response is what the soak has to know of one.
type Response struct {
	Status                int
	Body                  string
	Challenge, RetryAfter bool
	Reason                string
}

// Do sends a request and reads the answer. After an error the next one opens another connection.
func (c *Conn) Do(request []byte) (r Response, err error) {
	if c.raw == nil {
		if c.raw, err = net.DialTimeout("tcp", c.Addr, patience); err != nil {
			return r, err
		}
		c.reader = bufio.NewReaderSize(c.raw, 4<<10)
	}
	defer func() {
		if err != nil {
			c.Close()
		}
	}()
	if err := c.raw.SetDeadline(time.Now().Add(patience)); err != nil {
		return r, err
	}
	if _, err := c.raw.Write(request); err != nil {
		return r, err
	}
	return c.read()
}

var errForm = errors.New("load: this is no HTTP/1.1 response of a known length")

func (c *Conn) read() (r Response, err error) {
	line, err := c.reader.ReadSlice('\n')
	if err != nil {
		return r, err
	}
	if len(line) < len("HTTP/1.1 200") {
		return r, errForm
	}
	if r.Status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return r, errForm
	}
	length, closing := -1, false
	for {
		line, err := c.reader.ReadSlice('\n')
		if err != nil {
			return r, err
		}
		name, value, more := bytes.Cut(bytes.TrimRight(line, "\r\n"), []byte(": "))
		if !more {
			break
		}
		switch string(name) {
		case "Content-Length":
			if length, err = strconv.Atoi(string(value)); err != nil {
				return r, errForm
			}
		case "Www-Authenticate":
			r.Challenge = true
		case "Retry-After":
			r.RetryAfter = true
		case "Soak-Reason":
			r.Reason = string(value)
		case "Connection":
			closing = string(value) == "close"
		}
	}
	if length < 0 || length > 1<<20 {
		return r, fmt.Errorf("%w: status %d", errForm, r.Status)
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(c.reader, body); err != nil {
		return r, err
	}
	r.Body = string(body)
	if closing {
		c.Close()
	}
	return r, nil
}

// Close closes the connection, if there is one.
func (c *Conn) Close() {
	if c.raw != nil {
		_ = c.raw.Close()
		c.raw = nil
	}
}
