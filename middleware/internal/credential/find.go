// Package credential finds the one token of a request: in the Authorization field, or in another place that the configuration names. It
// knows the syntax of requests and nothing of what a token says.
package credential

import (
	"cmp"
	"errors"
	"net/http"
	"slices"

	"github.com/cardea-auth/cardea/middleware/internal/cause"
)

// Header gives the values of a field in the order in which they arrived, as middleware.Header does.
type Header interface {
	Values(name string) []string
}

// Values is Header.Values where there may be no Header. The name is in canonical form.
func Values(h Header, name string) []string {
	switch h := h.(type) {
	case nil:
		return nil
	case http.Header:
		return h[name] // its Values would look first whether name is canonical
	default:
		return h.Values(name)
	}
}

// Request is where a token may be.
type Request struct {
	Header Header // nil: no fields
	Method string
	HTTP   *http.Request // nil where the transport is not net/http: there is no Host, and no form
	NoForm bool          // forms are left alone, because they have been read before
}

// Reason names what is wrong with a request. The zero Reason says that nothing is.
type Reason int

// The reasons.
const (
	_             Reason = iota
	SeveralTokens        // or several Authorization fields
	Malformed            // a place breaks its syntax
	OtherScheme          // the Authorization field speaks of something else
	TooLong              // the token is longer than Config.MaxBytes
	CrossOrigin          // a page of another origin sends the user's cookie

	Reasons // how many there are, the zero Reason among them
)

// Refusal says why a request is not looked at any further. The zero Refusal is none.
type Refusal struct {
	Reason Reason
	Err    error // the cause
}

// Refused reports whether r is a refusal.
func (r Refusal) Refused() bool { return r.Reason != 0 }

// Found is what there was in a request. With a Refusal only the Scheme counts.
type Found struct {
	Token    string // "": none
	Scheme   Scheme
	FromForm bool // Token was in a form
	ReadBody bool // the body has been read, which takes as long as the client likes
}

// Config says where tokens are looked for.
type Config struct {
	Sources  []Source // beside the Authorization field, in the order in which they are asked
	DPoP     bool     // the DPoP scheme is accepted
	Origins  []string // the only ones whose pages may send cookies that change something; none: that of the Host field
	MaxBytes int      // of a token

	IgnoreAuthorization bool // the Authorization field is somebody else's
	Padded              bool // Sources are one field, which holds tokens of package loadbalancer
}

// Finder finds tokens. It is immutable and safe for concurrent use.
type Finder struct {
	sources  []Source
	dpop     bool
	origin   originRule
	maxBytes int

	ignoreAuthorization bool
	padded              bool
}

// New makes a Finder. The error is about Config.Origins.
func New(cfg Config) (*Finder, error) {
	origin, err := newOriginRule(cfg.Origins)
	return &Finder{
		sources:             slices.Clone(cfg.Sources),
		dpop:                cfg.DPoP,
		origin:              origin,
		maxBytes:            cfg.MaxBytes,
		ignoreAuthorization: cfg.IgnoreAuthorization,
		padded:              cfg.Padded,
	}, err
}

var (
	errSeveralTokens = errors.New("the request carries more than one token")
	errTooLong       = errors.New("the token is longer than Config.MaxTokenBytes")
)

// Find finds the one token of a request. Its characters are not looked at, because those of a token that was seen before are known to be
// good.
func (f *Finder) Find(r Request) (Found, Refusal) {
	found, foreign, refusal := f.authorization(Values(r.Header, "Authorization"))
	if refusal.Refused() && !foreign {
		return found, refusal
	}
	inAuthorization := found.Token != ""
	for _, source := range f.sources {
		if source.Kind == InForm && r.NoForm {
			continue
		}
		held, readBody, wrong := f.held(source, r)
		found.ReadBody = found.ReadBody || readBody
		switch {
		case wrong.Refused():
			return found, wrong
		case held.Token == "":
		case found.Token == "":
			found.Token, found.Scheme, found.FromForm = held.Token, held.Scheme, held.FromForm
		case inAuthorization || held.Token != found.Token || held.Scheme != found.Scheme && held.Scheme != "" && found.Scheme != "":
			// RFC 6750 section 2: clients must not use more than one method in a request. A gateway may write one token into
			// two places.
			return found, Refusal{SeveralTokens, cause.Places(errSeveralTokens, f.places(r))}
		default:
			found.Scheme = cmp.Or(found.Scheme, held.Scheme)
		}
	}
	if found.Token == "" && foreign {
		return found, refusal
	}
	if len(found.Token) > f.maxBytes {
		return found, Refusal{TooLong, cause.Long(errTooLong, len(found.Token), f.maxBytes)}
	}
	return found, Refusal{}
}

// places names the places of a request that hold something, for an operator. A form has been read by then, and is not read again.
func (f *Finder) places(r Request) []string {
	var places []string
	if !f.ignoreAuthorization && len(Values(r.Header, "Authorization")) > 0 {
		places = append(places, "Authorization")
	}
	for _, source := range f.sources {
		switch {
		case source.Kind == InHeader && len(filled(Values(r.Header, source.Name))) > 0:
			places = append(places, "the field "+source.Name)
		case source.Kind == InCookie && len(filled(cookies(r.Header, source.Name))) > 0:
			places = append(places, "the cookie "+source.Name)
		case source.Kind == InForm:
			places = append(places, "the form, perhaps")
		}
	}
	return places
}
