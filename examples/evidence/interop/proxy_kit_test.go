package interop_test

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// proxy stands between the API and the provider and treats every connection as it is told, and counts them. At first it
// passes everything on.
type proxy struct {
	address string // of its own, host and port

	mu       sync.Mutex
	upstream string
	listener net.Listener // nil: connections are refused
	treat    treatment
	open     map[net.Conn]bool
	accepted int // since the last tell
	hungUp   int // by the client, while the treatment had nothing more to say
	all      sync.WaitGroup
}

// treatment serves one connection, which is closed afterwards.
type treatment func(p *proxy, client *net.TCPConn)

func startProxy(t *testing.T) *proxy {
	t.Helper()
	p := &proxy{address: "127.0.0.1:0", treat: pass, open: make(map[net.Conn]bool)}
	p.listen(t)
	t.Cleanup(func() {
		p.refuse()
		p.closeAll()
		p.all.Wait()
	})
	return p
}

// lead says where connections are passed on to, such as http://127.0.0.1:8080.
func (p *proxy) lead(upstream string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.upstream = strings.TrimPrefix(upstream, "http://")
}

// listen takes connections, at the same address as before.
func (p *proxy) listen(t *testing.T) {
	t.Helper()
	listener, err := net.Listen("tcp", p.address)
	for n := 0; err != nil && n < 100; n++ { // somebody's outgoing connection may have the port for a moment
		time.Sleep(10 * time.Millisecond)
		listener, err = net.Listen("tcp", p.address)
	}
	if err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.listener, p.address = listener, listener.Addr().String()
	p.all.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			p.all.Go(func() { p.serve(c.(*net.TCPConn)) })
		}
	})
}

// refuse lets connections fail as if nothing ran there.
func (p *proxy) refuse() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != nil {
		_ = p.listener.Close()
		p.listener = nil
	}
}

// tell says how connections are treated from now on, and closes those that exist.
func (p *proxy) tell(treat treatment) {
	p.mu.Lock()
	p.treat, p.accepted, p.hungUp = treat, 0, 0
	p.mu.Unlock()
	p.closeAll()
}

func (p *proxy) closeAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.open {
		_ = c.Close()
	}
}

// counts returns the connections since tell, and how many of them the client gave up.
func (p *proxy) counts() (accepted, hungUp int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.accepted, p.hungUp
}

func (p *proxy) serve(c *net.TCPConn) {
	p.mu.Lock()
	p.accepted++
	p.open[c] = true
	treat := p.treat
	p.mu.Unlock()
	defer p.forget(c)
	treat(p, c)
}

func (p *proxy) forget(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, c)
	_ = c.Close()
}

// dial connects to the provider; nil: it cannot.
func (p *proxy) dial() net.Conn {
	p.mu.Lock()
	upstream := p.upstream
	p.mu.Unlock()
	c, err := net.Dial("tcp", upstream)
	if err != nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open[c] = true
	return c
}

// waitForHangUp ends when the client closes the connection, and counts that.
func (p *proxy) waitForHangUp(client net.Conn) {
	_, _ = io.Copy(io.Discard, client)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hungUp++
}

// forwarding passes requests on, and what comes back through back.
func forwarding(back func(p *proxy, client *net.TCPConn, upstream io.Reader)) treatment {
	return func(p *proxy, client *net.TCPConn) {
		upstream := p.dial()
		if upstream == nil {
			return
		}
		defer p.forget(upstream)
		p.all.Go(func() {
			_, _ = io.Copy(upstream, client)
			p.forget(upstream)
		})
		back(p, client, upstream)
	}
}

var pass = forwarding(func(_ *proxy, client *net.TCPConn, upstream io.Reader) { _, _ = io.Copy(client, upstream) })

// resetAtOnce and the others are what a network does to connections.
func resetAtOnce(_ *proxy, client *net.TCPConn) { _ = client.SetLinger(0) }

func resetAfterTheRequest(_ *proxy, client *net.TCPConn) {
	_, _ = client.Read(make([]byte, 1024))
	_ = client.SetLinger(0)
}

func hang(p *proxy, client *net.TCPConn) { p.waitForHangUp(client) }

func answer200(text string) treatment {
	return func(_ *proxy, client *net.TCPConn) {
		_, _ = client.Read(make([]byte, 1024))
		_, _ = io.WriteString(client, text)
	}
}

// truncate passes the first bytes of the answers on, which is the header and not all of the body.
func truncate(n int64) treatment {
	return forwarding(func(_ *proxy, client *net.TCPConn, upstream io.Reader) { _, _ = io.CopyN(client, upstream, n) })
}

func delay(d time.Duration) treatment {
	return func(p *proxy, client *net.TCPConn) {
		time.Sleep(d)
		pass(p, client)
	}
}

// trickle passes answers on byte by byte, each after a pause, until the client has had enough.
func trickle(pause time.Duration) treatment {
	return forwarding(func(p *proxy, client *net.TCPConn, upstream io.Reader) {
		for {
			time.Sleep(pause)
			if _, err := io.CopyN(client, upstream, 1); err != nil {
				p.mu.Lock()
				p.hungUp++
				p.mu.Unlock()
				return
			}
		}
	})
}

// resetWhenReused serves one request on each connection, and resets it when the second comes.
func resetWhenReused(p *proxy, client *net.TCPConn) {
	upstream := p.dial()
	if upstream == nil {
		return
	}
	defer p.forget(upstream)
	request := make([]byte, 8<<10)
	n, err := client.Read(request)
	if err != nil {
		return
	}
	_, _ = upstream.Write(request[:n])
	p.all.Go(func() { _, _ = io.Copy(client, upstream) })
	if _, err := client.Read(request); err == nil {
		_ = client.SetLinger(0)
	}
}
