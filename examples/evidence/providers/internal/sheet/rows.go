package sheet

import (
	"strings"
	"time"

	"github.com/cardea-auth/cardea/middleware"
)

// Changed returns a JWT with the last character but ten of its signature changed: the last one may hold bits that mean nothing.
func Changed(token string) string {
	at := len(token) - 10
	other := byte('A')
	if token[at] == other {
		other = 'B'
	}
	return token[:at] + string(other) + token[at+1:]
}

// WantForged asks about JWTs that nobody issued, made of two good ones of the same server.
func (s *Sheet) WantForged(api *API, token, another string) {
	header, rest, _ := strings.Cut(token, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	_, rest, _ = strings.Cut(another, ".")
	otherPayload, _, _ := strings.Cut(rest, ".")
	s.Want(Forged, "one character of the signature changed", "401 signature", api.Get("/any", Changed(token)))
	s.Want(Forged, "the claims of one token under the signature of another", "401 signature", api.Get("/any", header+"."+otherPayload+"."+signature))
	s.Want(Forged, "no signature", "401 malformed", api.Get("/any", header+"."+payload+"."))
	s.Want(Forged, `alg "none"`, "401 malformed", api.Get("/any", encode(`{"alg":"none","typ":"JWT"}`)+"."+payload+"."))
}

// Later is a clock that is ahead, so that nobody waits until a token has expired.
func Later(d time.Duration) func() time.Time {
	return func() time.Time { return time.Now().Add(d) }
}

// With starts an API for as long as use runs.
func With(cfg middleware.Config, use func(*API) error) error {
	api, err := Serve(cfg)
	if err != nil {
		return err
	}
	defer api.Close()
	return use(api)
}
