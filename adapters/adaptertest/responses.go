package adaptertest

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"
)

func responses() []clause {
	const untouched = "What the handler answers reaches the client as it is, also when it is an error."
	table := []struct {
		name   string
		answer answer
	}{
		{"created", answer{201, http.Header{"Content-Type": {"text/plain"}, "Location": {"/orders/43"}, "Set-Cookie": {"a=1", "b=2"}}, "a hinge"}},
		{"nothing", answer{204, nil, ""}},
		{"not found", answer{404, http.Header{"Content-Type": {"application/json"}}, `{"order":"unknown"}`}},
		{"a refusal of its own", answer{401, http.Header{"Content-Type": {"text/plain"}, "Www-Authenticate": {`Basic realm="till"`}}, "who?"}},
		{"failure", answer{500, http.Header{"Content-Type": {"text/plain"}}, "broken"}},
	}
	var clauses []clause
	for _, row := range table {
		clauses = append(clauses, clause{"answered: " + row.name, untouched, row.answer.passes})
	}
	return append(clauses,
		clause{"answered: silence", "A handler that writes nothing answers 200, as with net/http.", silence},
		clause{"answered: HEAD", "A handler's answer to HEAD has its status and fields, and no body.", head},
		clause{"answered: streaming", "What the handler flushes leaves at once, before the handler ends.", streaming},
		clause{"answered: deadlines", "http.ResponseController reaches the server's own writer.", deadlines},
		clause{"answered: panic", "A panic of the handler comes through as it is.", panics("broken hinge")},
		clause{"answered: abort", "http.ErrAbortHandler comes through, so that net/http cuts the connection.", panics(http.ErrAbortHandler)},
	)
}

// writeTo is the answer as a handler.
func (want answer) writeTo(w http.ResponseWriter, _ *http.Request) {
	for name, values := range want.header {
		for _, value := range values {
			w.Header().Add(name, value)
		}
	}
	w.WriteHeader(want.status)
	if want.body != "" {
		_, _ = w.Write([]byte(want.body))
	}
}

func (want answer) passes(serve adapter) error {
	a := newAPI(nil)
	got, err := bearer(a.token("alice", "read")).send(serve(a.Require("read"), http.HandlerFunc(want.writeTo)))
	if err != nil {
		return err
	}
	return got.differ(want)
}

func silence(serve adapter) error {
	a := newAPI(nil)
	got, err := bearer(a.token("alice", "read")).send(serve(a.Require("read"), http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
	if err != nil {
		return err
	}
	return got.differ(answer{200, nil, ""})
}

func head(serve adapter) error {
	a := newAPI(nil)
	want := answer{404, http.Header{"Content-Type": {"text/plain"}, "X-Order": {"unknown"}}, "no such order"}
	c := bearer(a.token("alice", "read"))
	c.method = http.MethodHead
	got, err := c.send(serve(a.Require("read"), http.HandlerFunc(want.writeTo)))
	if err != nil {
		return err
	}
	want.body = ""
	return got.differ(want)
}

func streaming(serve adapter) error {
	a := newAPI(nil)
	client := httptest.NewRecorder()
	var problem error
	h := serve(a.Require("read"), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, err := w.Write([]byte("tick"))
		problem = errors.Join(err,
			http.NewResponseController(w).Flush(),
			differ("body that has arrived while the handler runs", client.Body.String(), "tick"),
			differ("flushed", client.Flushed, true))
	}))
	h.ServeHTTP(client, bearer(a.token("alice", "read")).request())
	return errors.Join(problem, differ("status", client.Code, 200), differ("body", client.Body.String(), "tick"))
}

// timedWriter is a server's writer that can be given a deadline.
type timedWriter struct {
	*httptest.ResponseRecorder
	deadline time.Time
}

func (w *timedWriter) SetWriteDeadline(deadline time.Time) error {
	w.deadline = deadline
	return nil
}

func deadlines(serve adapter) error {
	a := newAPI(nil)
	client := &timedWriter{ResponseRecorder: httptest.NewRecorder()}
	var problem error
	h := serve(a.Require("read"), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		problem = http.NewResponseController(w).SetWriteDeadline(now)
	}))
	h.ServeHTTP(client, bearer(a.token("alice", "read")).request())
	return errors.Join(problem, differ("write deadline", client.deadline, now))
}

func panics(value any) func(serve adapter) error {
	return func(serve adapter) (err error) {
		a := newAPI(nil)
		h := serve(a.Require("read"), http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(value) }))
		defer func() {
			if got := recover(); got != value {
				err = fmt.Errorf("panic: got %v, want %v", got, value)
			}
		}()
		h.ServeHTTP(httptest.NewRecorder(), bearer(a.token("alice", "read")).request())
		return nil
	}
}
