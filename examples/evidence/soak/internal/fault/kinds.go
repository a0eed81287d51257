package fault

import (
	"bytes"
	"compress/gzip"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/window"
)

// Kind is one way to fail.
type Kind struct {
	Name      string
	Of        []window.Endpoint // that can fail in this way
	alternate bool              // every second time only
	serve     func(w http.ResponseWriter, r *http.Request, right func() *answer)
}

var (
	everywhere    = []window.Endpoint{window.Keys, window.Introspection}
	keys          = []window.Endpoint{window.Keys}
	introspection = []window.Endpoint{window.Introspection}
)

// Kinds are all ways to fail.
var Kinds = []*Kind{
	{Name: "reset", Of: everywhere, serve: reset},
	{Name: "hang", Of: everywhere, serve: hang},
	{Name: "trickle", Of: everywhere, serve: trickle},
	{Name: "503", Of: everywhere, serve: status(http.StatusServiceUnavailable)},
	{Name: "flip", Of: everywhere, alternate: true, serve: status(http.StatusServiceUnavailable)},
	{Name: "garbage", Of: everywhere, serve: says("application/json", "\x00\xff}{,]not JSON")},
	{Name: "html", Of: everywhere, serve: says("text/html", "<!doctype html><title>Sign in</title>")},
	{Name: "empty", Of: everywhere, serve: says("application/json", "")},
	{Name: "truncated", Of: everywhere, serve: truncated},
	{Name: "huge", Of: everywhere, serve: huge},
	{Name: "gzip bomb", Of: everywhere, serve: gzipBomb},
	{Name: "redirect", Of: everywhere, serve: redirect},
	{Name: "no keys", Of: keys, serve: says("application/json", `{"keys":[]}`)},
	{Name: "denied", Of: introspection, serve: status(http.StatusUnauthorized)},
	{Name: "no active", Of: introspection, serve: says("application/json", `{"sub":"somebody"}`)},
	{Name: "active in quotes", Of: introspection, serve: says("application/json", `{"active":"true","sub":"somebody"}`)},
}

func status(code int) func(http.ResponseWriter, *http.Request, func() *answer) {
	return func(w http.ResponseWriter, _ *http.Request, _ func() *answer) { w.WriteHeader(code) }
}

func says(mediaType, text string) func(http.ResponseWriter, *http.Request, func() *answer) {
	return func(w http.ResponseWriter, _ *http.Request, _ func() *answer) {
		w.Header().Set("Content-Type", mediaType)
		_, _ = w.Write([]byte(text))
	}
}

// reset ends the connection as a crashed machine does.
func reset(w http.ResponseWriter, _ *http.Request, _ func() *answer) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// hang answers nothing until the caller gives up.
func hang(_ http.ResponseWriter, r *http.Request, _ func() *answer) {
	<-r.Context().Done()
	panic(http.ErrAbortHandler)
}

// trickle sends the right answer, a byte at a time, and never comes to its end.
func trickle(w http.ResponseWriter, r *http.Request, right func() *answer) {
	body := right().body
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	flush := http.NewResponseController(w)
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	for _, b := range body {
		_, _ = w.Write([]byte{b})
		_ = flush.Flush()
		select {
		case <-ticker.C:
		case <-r.Context().Done():
			panic(http.ErrAbortHandler)
		}
	}
}

// truncated promises more than it sends.
func truncated(w http.ResponseWriter, _ *http.Request, right func() *answer) {
	body := right().body
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body[:len(body)/2])
	panic(http.ErrAbortHandler)
}

const giant = 64 << 20

// huge is a document whose end nobody waits for.
func huge(w http.ResponseWriter, _ *http.Request, _ func() *answer) {
	w.Header().Set("Content-Type", "application/json")
	block := bytes.Repeat([]byte(" "), 64<<10)
	_, _ = w.Write([]byte(`{"active":true,"keys":[`))
	for sent := 0; sent < giant; sent += len(block) {
		if _, err := w.Write(block); err != nil {
			return
		}
	}
}

var bomb = sync.OnceValue(func() []byte {
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	block := bytes.Repeat([]byte(" "), 64<<10)
	for size := 0; size < giant; size += len(block) {
		_, _ = writer.Write(block) // a buffer takes everything
	}
	_ = writer.Close()
	return packed.Bytes()
})

// gzipBomb is small on the way and huge when it has arrived.
func gzipBomb(w http.ResponseWriter, _ *http.Request, _ func() *answer) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Encoding", "gzip")
	_, _ = w.Write(bomb())
}

// redirect leads to where nobody may go.
func redirect(w http.ResponseWriter, r *http.Request, _ func() *answer) {
	http.Redirect(w, r, "/trap", http.StatusTemporaryRedirect)
}
