package adaptertest

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/cardea-auth/cardea/middleware"
)

// refusal is a call that must not reach the handler.
type refusal struct {
	name   string
	guard  func(*api) *middleware.Guard
	call   func(*api) call
	status int
	code   middleware.ErrorCode
}

const refusalPromise = "A refused request reaches no handler, and its answer is the Guard's own: status, every field of Error.Header, " +
	"and the problem document; to a HEAD request the same without the document."

func refusals() []clause {
	read := func(a *api) *middleware.Guard { return a.Require("read") }
	table := []refusal{
		{"no credentials", read, func(*api) call { return call{} }, 401, ""},
		{"another scheme", read, func(*api) call {
			return call{header: http.Header{"Authorization": {"Basic YWxpY2U6c2VjcmV0"}}}
		}, 401, ""},
		{"a token in the query", read, func(a *api) call {
			return call{target: "/orders/42?access_token=" + a.token("alice", "read")}
		}, 401, ""},
		{"a preflight", read, func(*api) call {
			return call{method: http.MethodOptions, header: http.Header{
				"Origin": {"https://shop.example"}, "Access-Control-Request-Method": {"POST"},
			}}
		}, 401, ""},
		{"two Authorization lines", read, func(a *api) call {
			good := "Bearer " + a.token("alice", "read")
			return call{header: http.Header{"Authorization": {good, good}}}
		}, 400, middleware.InvalidRequest},
		{"two tokens in one line", read, func(a *api) call {
			return bearer(a.token("alice", "read") + ", Bearer " + a.token("mallory", "read"))
		}, 400, middleware.InvalidRequest},
		{"a forged token", read, func(a *api) call { return bearer(a.forgedToken()) }, 401, middleware.InvalidToken},
		{"an expired token", read, func(a *api) call { return bearer(a.expiredToken()) }, 401, middleware.InvalidToken},
		{"a forged token on an optional route", func(a *api) *middleware.Guard { return a.Optional() }, func(a *api) call {
			return bearer(a.forgedToken())
		}, 401, middleware.InvalidToken},
		{"a missing scope", func(a *api) *middleware.Guard { return a.Require("write", "admin") }, func(a *api) call {
			return bearer(a.token("alice", "read write"))
		}, 403, middleware.InsufficientScope},
		{"a login that is too old", func(a *api) *middleware.Guard { return a.Require("read").ACR("gold").MaxAge(time.Hour) }, func(a *api) call {
			return bearer(a.token("alice", "read"))
		}, 401, middleware.InsufficientUserAuthentication},
		{"a cookie from another origin", read, func(a *api) call {
			return call{method: http.MethodPost, header: http.Header{
				"Cookie": {cookie + "=" + a.token("alice", "read")}, "Sec-Fetch-Site": {"cross-site"},
			}}
		}, 403, ""},
		{"a WebSocket of another origin, by cookie", read, func(a *api) call {
			return call{header: http.Header{
				"Cookie": {cookie + "=" + a.token("alice", "read")}, "Origin": {"https://evil.example"},
				"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="},
			}}
		}, 403, ""},
		{"keys out of reach", func(a *api) *middleware.Guard { a.keys.down.Store(true); return read(a) }, func(a *api) call {
			return bearer(a.token("alice", "read"))
		}, 503, ""},
		{"a zero Guard", func(*api) *middleware.Guard { return &middleware.Guard{} }, func(a *api) call {
			return bearer(a.token("alice", "read"))
		}, 500, ""},
		{"a nil Guard", func(*api) *middleware.Guard { return nil }, func(a *api) call {
			return bearer(a.token("alice", "read"))
		}, 500, ""},
	}
	var clauses []clause
	for _, row := range table {
		clauses = append(clauses, clause{"refused: " + row.name, refusalPromise, row.check})
	}
	return clauses
}

func (row refusal) check(serve adapter) error {
	a := newAPI(nil)
	guard, refused := row.guard(a), row.call(a)
	err := row.agree(guard, refused)
	if err != nil {
		return err
	}
	err = sendRefused(serve, guard, refused)
	if refused.method == "" {
		refused.method = http.MethodHead
		err = errors.Join(err, sendRefused(serve, guard, refused))
	}
	return err
}

// agree is an error if the Guard itself, without an adapter, sees more or less in the call than the row says.
func (row refusal) agree(guard *middleware.Guard, c call) error {
	_, err := guard.Check(c.request())
	var refused *middleware.Error
	if !errors.As(err, &refused) {
		return fmt.Errorf("the Guard does not refuse the request: %v", err)
	}
	return errors.Join(differ("the Guard's status", refused.Status(), row.status), differ("the Guard's code", refused.Code, row.code))
}

// sendRefused is an error unless the call's answer is the one that the Guard writes without an adapter.
func sendRefused(serve adapter, guard *middleware.Guard, c call) error {
	alone := httptest.NewRecorder()
	if _, ok := guard.Admit(alone, c.request()); ok {
		return errors.New("the Guard admits the request")
	}
	runs := 0
	got, err := c.send(serve(guard, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { runs++ })))
	if err != nil {
		return err
	}
	want := answer{alone.Code, alone.Header(), alone.Body.String()}
	if err := errors.Join(got.differ(want), differ("number of times that the handler ran", runs, 0)); err != nil {
		return fmt.Errorf("%s %s:\n%w", c.method, c.path(), err)
	}
	return nil
}
