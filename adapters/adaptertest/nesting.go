package adaptertest

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/cardea-auth/cardea/middleware"
)

func nesting() []clause {
	return []clause{
		{"judged: once", "An admitted request costs one judgement and one decision.", judgedOnce},
		{"judged: refused once", "A refused request costs one judgement and one decision.", refusedOnce},
		{"nested: both admit", "A Guard inside a Guard takes over the verdict: the token is judged once, and the handler has it.", bothAdmit},
		{"nested: the inner refuses", "A Guard inside a Guard refuses what its own requirement does not allow.", innerRefuses},
		{"nested: the outer refuses", "What the outer Guard refuses does not reach the inner one.", outerRefuses},
		{"nested: optional outside", "An anonymous request that an optional Guard let through is refused by a strict one inside.", anonymousInside},
		{"rechecked", "A handler that asks again with Guard.Recheck has the request judged anew, and not by the verdict in its context.", rechecked},
	}
}

// nested calls are made once, and what they cost is compared.
type nested struct {
	outer, inner *middleware.Guard // inner nil: there is only one
	call         call

	status    int
	subject   string // that the handler sees; empty: it does not run
	decisions []string
	keys      int64 // look-ups, one for each judgement of a token
}

func (n nested) check(serve adapter, a *api) error {
	var subjects []string
	h := http.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { subjects = append(subjects, subject(r)) }))
	if n.inner != nil {
		h = serve(n.inner, h)
	}
	got, err := n.call.send(serve(n.outer, h))
	if err != nil {
		return err
	}
	var want []string
	if n.subject != "" {
		want = []string{n.subject}
	}
	return errors.Join(
		differ("status", got.status, n.status),
		differ("subjects that the handler saw", subjects, want),
		differ("decisions", a.decisions(), n.decisions),
		differ("judgements of the token", a.keys.calls.Load(), n.keys))
}

func judgedOnce(serve adapter) error {
	a := newAPI(nil)
	return nested{
		outer: a.Require("read"), call: bearer(a.token("alice", "read")),
		status: 200, subject: "alice", decisions: []string{"allowed"}, keys: 1,
	}.check(serve, a)
}

func refusedOnce(serve adapter) error {
	a := newAPI(nil)
	return nested{
		outer: a.Require("write"), call: bearer(a.token("alice", "read")),
		status: 403, decisions: []string{"forbidden"}, keys: 1,
	}.check(serve, a)
}

func bothAdmit(serve adapter) error {
	a := newAPI(nil)
	return nested{
		outer: a.Require("read"), inner: a.Require("write"), call: bearer(a.token("alice", "read write")),
		status: 200, subject: "alice", decisions: []string{"allowed", "allowed, nested"}, keys: 1,
	}.check(serve, a)
}

func innerRefuses(serve adapter) error {
	a := newAPI(nil)
	return nested{
		outer: a.Require("read"), inner: a.Require("write"), call: bearer(a.token("alice", "read")),
		status: 403, decisions: []string{"allowed", "forbidden, nested"}, keys: 1,
	}.check(serve, a)
}

func outerRefuses(serve adapter) error {
	a := newAPI(nil)
	return nested{
		outer: a.Require("write"), inner: a.Require("read"), call: bearer(a.token("alice", "read")),
		status: 403, decisions: []string{"forbidden"}, keys: 1,
	}.check(serve, a)
}

func anonymousInside(serve adapter) error {
	a := newAPI(nil)
	return nested{
		outer: a.Optional(), inner: a.Require("read"), call: call{},
		status: 401, decisions: []string{"anonymous", "refused"}, keys: 0,
	}.check(serve, a)
}

func rechecked(serve adapter) error {
	a := newAPI(nil)
	guard := a.Require("read")
	var again error
	h := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, err := guard.Check(r)
		a.keys.gone.Store(true)
		_, again = guard.Recheck(r)
		again = errors.Join(err, again)
	})
	got, err := bearer(a.token("alice", "read")).send(serve(guard, h))
	if err != nil {
		return err
	}
	var refusal *middleware.Error
	errors.As(again, &refusal)
	if refusal == nil || refusal.Reason != middleware.ReasonUnknownKey {
		return fmt.Errorf("a withdrawn key is not seen: Recheck says %v", again)
	}
	return errors.Join(
		differ("status", got.status, 200),
		differ("decisions", a.decisions(), []string{"allowed", "allowed, nested", "refused, rechecked"}))
}
