package faults_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/middleware"
)

const maxAnswer = 64 << 10 // of an introspection answer, in bytes

// What a server that has lost its wits says about a token is no verdict: 503, nothing accepted, nothing remembered, and no more
// read than a sane answer could be long.
func TestSenselessIntrospectionAnswersAreNoVerdict(t *testing.T) {
	const good = `"active":true,"aud":"` + stockAPI + `","sub":"good.one"`
	typed := func(mediaType, text string) func() *http.Response {
		return func() *http.Response {
			r := jsonAnswer(text)
			r.Header.Set("Content-Type", mediaType)
			return r
		}
	}
	plain := func(text string) func() *http.Response { return typed("application/json", text) }
	status := func(code int) func() *http.Response {
		return func() *http.Response {
			r := jsonAnswer(`{` + good + `}`)
			r.StatusCode = code
			return r
		}
	}
	answers := map[string]func() *http.Response{
		"bytes that are no text":            plain("\xff\xfe\x00\x01{\"active\":true}"),
		"nothing":                           plain(""),
		"blanks":                            plain("   "),
		"HTML":                              typed("text/html", "<html>down for maintenance</html>"),
		"HTML that calls itself JSON":       plain("<html>down for maintenance</html>"),
		"two byte order marks":              plain("\ufeff\ufeff{" + good + "}"),
		"a signed answer nobody asked for":  typed("application/token-introspection+jwt", "a.b.c"),
		"an object without active":          plain(`{"sub":"good.one","aud":"` + stockAPI + `"}`),
		"active as text":                    plain(`{"active":"true","aud":"` + stockAPI + `"}`),
		"active as a number":                plain(`{"active":1,"aud":"` + stockAPI + `"}`),
		"active as null":                    plain(`{"active":null,"aud":"` + stockAPI + `"}`),
		"active twice":                      plain(`{"active":false,` + good + `}`),
		"active in capitals":                plain(`{"ACTIVE":true,` + good + `}`),
		"an array around the object":        plain(`[{` + good + `}]`),
		"true":                              plain(`true`),
		"an object cut short":               plain(`{` + good),
		"two objects":                       plain(`{` + good + `}{` + good + `}`),
		"an exp that is no number":          plain(`{` + good + `,"exp":"tomorrow"}`),
		"an object of depth 65":             plain(`{` + good + `,"deep":` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + `}`),
		"an object one byte over the limit": plain(padded(`{`+good, maxAnswer+1)),
		"64 MiB of blanks":                  func() *http.Response { return endlessAnswer(64<<20, "") },
		"64 MiB that begin well":            func() *http.Response { return endlessAnswer(64<<20, `{`+good+`,"padding":"`) },
		"201 with a good body":              status(http.StatusCreated),
		"206 with a good body":              status(http.StatusPartialContent),
		"302 with a good body":              status(http.StatusFound),
		"400 with a good body":              status(http.StatusBadRequest),
		"404 with a good body":              status(http.StatusNotFound),
		"429 with a good body":              status(http.StatusTooManyRequests),
		"500 with a good body":              status(http.StatusInternalServerError),
	}
	for name, answer := range answers {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newOracle()
				o.fail(func(*http.Request, string) (*http.Response, error) { return answer(), nil })
				stock := newStock(t, o, introspection.Config{}, nil)
				var during, after verdicts
				for range 3 {
					status, subject := stock.ask(t.Context(), "good.one")
					during.note("good.one", status, subject)
				}
				during.mustCount(t, 0, 0, 3)
				if calls, _ := o.counts(); calls != 3 {
					t.Errorf("%d calls, want 3: something was remembered", calls)
				}
				if n := o.read.Load(); n > 3*(maxAnswer+1) {
					t.Errorf("%d bytes were read of three answers", n)
				}
				o.fail(nil)
				status, subject := stock.ask(t.Context(), "good.one")
				after.note("good.one", status, subject)
				after.mustCount(t, 1, 0, 0)
			})
		})
	}
}

// padded is an object of length bytes.
func padded(begin string, length int) string {
	return begin + strings.Repeat(" ", length-len(begin)-1) + "}"
}

func endlessAnswer(length int64, begin string) *http.Response {
	r := jsonAnswer("")
	r.Body = io.NopCloser(io.LimitReader(io.MultiReader(strings.NewReader(begin), blanks{}), length))
	return r
}

type blanks struct{}

func (blanks) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// A compressed answer counts as long as it is unpacked: 16 MiB in 16 KiB are not unpacked.
func TestCompressedIntrospectionAnswerIsCutAfterUnpacking(t *testing.T) {
	var bomb bytes.Buffer
	w, _ := gzip.NewWriterLevel(&bomb, gzip.BestSpeed)
	_, _ = io.WriteString(w, `{"active":true,"aud":"`+stockAPI+`","padding":"`)
	_, _ = w.Write(bytes.Repeat([]byte{' '}, 16<<20))
	_, _ = io.WriteString(w, `"}`)
	_ = w.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept-Encoding") != "gzip" {
			t.Error("compression is not asked for, so this test shows nothing")
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(bomb.Bytes())
	}))
	defer server.Close()
	service := newLoopbackService(t, server.URL, introspection.Config{Timeout: time.Minute})
	var answers verdicts
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	const requests = 5
	for i := range requests {
		token := fmt.Sprint("good.", i)
		status, subject := serve(service, requestWith(t.Context(), token))
		answers.note(token, status, subject)
	}
	runtime.ReadMemStats(&after)
	answers.mustCount(t, 0, 0, requests)
	if used := after.TotalAlloc - before.TotalAlloc; used > requests<<20 {
		t.Errorf("%d bytes were allocated for %d answers", used, requests)
	}
}

// newLoopbackService guards a handler by the introspection endpoint of a real server.
func newLoopbackService(t *testing.T, address string, ask introspection.Config) http.Handler {
	t.Helper()
	ask.URL = address + "/introspect"
	ask.ClientAuth = introspection.SecretBasic("stock", "secret")
	asker, err := introspection.New(ask)
	if err != nil {
		t.Fatal(err)
	}
	validator, err := middleware.New(middleware.Config{
		Issuers: []middleware.Issuer{{URL: oracleURL, JWTs: middleware.IntrospectJWTs, Introspector: asker}}, Audiences: []string{stockAPI},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = validator.Close(), asker.Close() })
	return validator.Require().HandlerFunc(tellSubject)
}

// Servers hang up on idle connections at any moment. Whatever way they do it, a request is repeated once and none is lost.
func TestIntrospectionOnDyingConnectionsLosesNothing(t *testing.T) {
	for name, hangUp := range map[string]func(*net.TCPConn){
		"reset": func(c *net.TCPConn) { _, _ = c.SetLinger(0), c.Close() },
		"close": func(c *net.TCPConn) { _ = c.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			var calls, dropped atomic.Int64
			last := make(map[string]bool) // connections that have carried a request; one request runs at a time
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				calls.Add(1)
				token := r.FormValue("token")
				if last[r.RemoteAddr] {
					dropped.Add(1)
					connection, _, err := w.(http.Hijacker).Hijack()
					if err != nil {
						t.Error(err)
						return
					}
					hangUp(connection.(*net.TCPConn))
					return
				}
				last[r.RemoteAddr] = true
				w.Header().Set("Content-Type", "application/json")
				_, _ = fmt.Fprintf(w, `{"active":true,"aud":%q,"sub":%q}`, stockAPI, token)
			}))
			defer server.Close()
			service := newLoopbackService(t, server.URL, introspection.Config{Timeout: time.Minute})
			var answers verdicts
			const requests = 200
			for i := range requests {
				token := fmt.Sprint("good.", i)
				before := calls.Load()
				status, subject := serve(service, requestWith(t.Context(), token))
				answers.note(token, status, subject)
				if n := calls.Load() - before; n > 2 {
					t.Errorf("%d calls for one request", n)
				}
			}
			answers.mustCount(t, requests, 0, 0)
			// Now and then the client has not put a connection back yet when the next request comes, and opens another.
			if n := dropped.Load(); n < requests/2 || calls.Load() != requests+n {
				t.Errorf("%d connections dropped in %d calls; want most requests to meet one, and a call more for each", n, calls.Load())
			}
		})
	}
}

// A body that never ends, over a real connection: the caller is answered, and the server sees the connection go.
func TestTricklingIntrospectionAnswerIsGivenUp(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Run("trickle", func(t *testing.T) {
		var left atomic.Int64
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Type", "application/json")
			for r.Context().Err() == nil {
				_, _ = io.WriteString(w, " ")
				_ = http.NewResponseController(w).Flush()
				_ = pause(r.Context(), 5*time.Millisecond)
			}
			left.Add(1)
		}))
		defer server.Close()
		service := newLoopbackService(t, server.URL, introspection.Config{Timeout: 100 * time.Millisecond})
		var answers verdicts
		const requests = 5
		for i := range requests {
			token := fmt.Sprint("good.", i)
			status, subject := serve(service, requestWith(t.Context(), token))
			answers.note(token, status, subject)
		}
		answers.mustCount(t, 0, 0, requests)
		server.Close()            // waits for the handlers
		const sent = requests + 1 // with our own question
		if n := left.Load(); n == 0 || n > sent {
			t.Errorf("%d handlers saw the connection go", n)
		}
	})
	backTo(t, before)
}
