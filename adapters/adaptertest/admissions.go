package adaptertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"

	"github.com/cardea-auth/cardea/middleware"
)

func admissions() []clause {
	return []clause{
		{"admitted: the token", "The token is in the standard context of the handler's request, with its claims.", tokenInContext},
		{"admitted: anonymous", "An optional route without credentials runs its handler without a token.", anonymous},
		{"admitted: the context", "The context of the handler's request still has the values, the deadline and the end of the one that arrived.", contextKept},
		{"admitted: the request", "The handler's request is the one that arrived: method, target, fields and body.", requestKept},
		{"admitted: a form token", "A form that held the token still reaches the handler.", formKept},
		{"admitted: one after another", "Nothing of a request is left for the next one that the same engine serves.", nothingLeft},
	}
}

func tokenInContext(serve adapter) error {
	a := newAPI(nil)
	return bearer(a.token("alice", "read write")).watch(serve, a.Require("read"), func(r *http.Request) error {
		token, ok := middleware.TokenFromContext(r.Context())
		if !ok {
			return errors.New("TokenFromContext finds no token in r.Context()")
		}
		claims, err := middleware.ClaimsFromContext[struct {
			Team string `json:"team"`
		}](r.Context())
		return errors.Join(err,
			differ("subject", token.Subject, "alice"),
			differ("scopes", token.Scopes.String(), "read write"),
			differ("claim team", claims.Team, "blue"))
	})
}

func anonymous(serve adapter) error {
	a := newAPI(nil)
	return call{}.watch(serve, a.Optional(), func(r *http.Request) error {
		return differ("subject", subject(r), "")
	})
}

// subject is who the handler's request comes from; empty: nobody is known.
func subject(r *http.Request) string {
	token, ok := middleware.TokenFromContext(r.Context())
	if !ok {
		return ""
	}
	return token.Subject
}

func contextKept(serve adapter) error {
	type key struct{}
	a := newAPI(nil)
	gone := errors.New("the client is gone")
	ctx, cancel := context.WithCancelCause(context.WithValue(context.Background(), key{}, "trace"))
	defer cancel(nil)
	deadline := now.AddDate(1000, 0, 0)
	ctx, release := context.WithDeadline(ctx, deadline)
	defer release()

	runs := 0
	var problem error
	h := serve(a.Require("read"), http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		runs++
		got, _ := r.Context().Deadline()
		problem = errors.Join(
			differ("a value of the context", r.Context().Value(key{}), any("trace")),
			differ("deadline", got, deadline),
			differ("error before the end", r.Context().Err(), nil))
		cancel(gone)
		problem = errors.Join(problem,
			differ("error after the end", r.Context().Err(), context.Canceled),
			differ("cause of the end", context.Cause(r.Context()), gone))
	}))
	h.ServeHTTP(httptest.NewRecorder(), bearer(a.token("alice", "read")).request().WithContext(ctx))
	return errors.Join(problem, differ("number of times that the handler ran", runs, 1))
}

func requestKept(serve adapter) error {
	a := newAPI(nil)
	c := bearer(a.token("alice", "read"))
	c.method, c.target, c.body = http.MethodPost, "/orders/4%2F2?page=2&page=3", "two hinges"
	c.header["X-Trace"] = []string{"one", "two"}
	return c.watch(serve, a.Require("read"), func(r *http.Request) error {
		body, err := io.ReadAll(r.Body)
		return errors.Join(err,
			differ("method", r.Method, c.method),
			differ("target", r.URL.RequestURI(), c.target),
			differ("host", r.Host, "example.com"),
			differ("peer", r.RemoteAddr, "192.0.2.1:1234"),
			differ("fields", r.Header, c.header),
			differ("body", string(body), c.body))
	})
}

func formKept(serve adapter) error {
	a := newAPI(nil)
	c := call{
		method: http.MethodPost,
		header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
		body:   url.Values{"access_token": {a.token("alice", "read")}, "article": {"hinge"}}.Encode(),
	}
	return c.watch(serve, a.Require("read"), func(r *http.Request) error {
		body, err := io.ReadAll(r.Body)
		return errors.Join(err, differ("subject", subject(r), "alice"), differ("body", string(body), c.body))
	})
}

// nothingLeft matters where a framework keeps its own contexts in a pool.
func nothingLeft(serve adapter) error {
	a := newAPI(nil)
	var got string
	h := serve(a.Optional(), http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = "handler: " + subject(r) }))
	steps := []struct {
		call call
		want string
	}{
		{bearer(a.token("alice", "read")), "handler: alice"},
		{call{}, "handler: "},
		{bearer(a.token("bob", "read")), "handler: bob"},
		{bearer(a.forgedToken()), ""},
		{call{}, "handler: "},
	}
	var problems []error
	for i, step := range steps {
		got = ""
		h.ServeHTTP(httptest.NewRecorder(), step.call.request())
		problems = append(problems, differ(fmt.Sprintf("request %d", i+1), got, step.want))
	}
	return errors.Join(problems...)
}
