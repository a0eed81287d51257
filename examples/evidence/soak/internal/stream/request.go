package stream

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/label"
	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/server"
	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/window"
)

// Request is one request and what there is to know about it.
type Request struct {
	Kind    *Kind
	Bytes   []byte
	Token   *Token // nil: none of ours
	Subject string // what an admitted request is answered with
	Proven  bool   // it carries a proof that is good once

	detail string // of a kind with many forms
	from   *Authority
}

// Name tells the kind, for a report.
func (r *Request) Name() string {
	if r.detail == "" {
		return r.Kind.Name
	}
	return r.Kind.Name + ": " + r.detail
}

// Evident reports whether the answer is right beyond doubt, whatever else went on at that time. That is most of them.
func (r *Request) Evident(a label.Answer) bool {
	if r.Kind.Good {
		if a.Status != http.StatusOK || a.Body != r.Subject || r.Token != nil && !r.Token.plain() {
			return false
		}
		if r.Token != nil {
			r.Token.Authority.notice(r.Token, a.Done)
		}
		return true
	}
	return slices.Contains(r.Kind.Refusals, a.Status) && (a.Challenge || a.Status == http.StatusBadRequest)
}

// Case is what the oracle has to know, as far as it is known now: some seconds after the answer.
func (r *Request) Case(sent, now time.Time) label.Case {
	c := label.Case{Good: r.Kind.Good, Subject: r.Subject, Refusals: r.Kind.Refusals}
	from := r.from
	if r.Token != nil {
		from = r.Token.Authority
	}
	if from == nil {
		return c
	}
	for _, e := range r.Kind.Needs {
		c.Needs = append(c.Needs, from.Place(e))
	}
	if r.Token == nil {
		return c
	}
	life := r.Token.life(now)
	if r.Token.generation != noKeys && (sent.Before(life.SureFrom) || !from.published(r.Token)) {
		c.Needs = append(c.Needs, from.Place(window.Keys)) // its key is looked for
		if !c.Good {
			c.Refusals = append(slices.Clone(c.Refusals), http.StatusUnauthorized)
		}
	}
	if c.Good {
		c.Life = life
	}
	return c
}

// get writes a request with these Authorization fields.
func get(path string, more string, authorization ...string) []byte {
	text := fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: soak.example.test\r\n%s", path, more)
	for _, value := range authorization {
		text = fmt.Appendf(text, "Authorization: %s\r\n", value)
	}
	return append(text, "\r\n"...)
}

func bearer(path string, t *Token) *Request {
	return &Request{Bytes: get(path, "", "Bearer "+t.Raw), Token: t, Subject: t.Subject}
}

// proven makes a request with a proof for a method and with a token, of which the proof may be for others.
func (s *Stream) proven(t *Token, method string) *Request {
	proof := t.Authority.Issuer.Proof(t.Key, t.Raw, method, s.public+server.PathPayments)
	r := bearer(server.PathPayments, t)
	r.Bytes = get(server.PathPayments, "DPoP: "+proof+"\r\n", "DPoP "+t.Raw)
	return r
}

// Memory is what one connection remembers from request to request.
type Memory struct {
	Random *rand.Rand
	Spent  *Request // whose proof has been accepted once; nil: none
}

// Ends reports whether the token ends within the run by itself.
func (r *Request) Ends() bool { return r.Token != nil && !r.Token.ends.IsZero() }

// Revoked reports whether the token has been revoked.
func (r *Request) Revoked() bool { return r.Token != nil && r.Token.revoked.Load() != nil }
