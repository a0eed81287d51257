// Package issued verifies what an issuer signs beside its access tokens: logout tokens, security events, status lists. It does so with what
// verifies tokens: the same readers, and the issuer's own keys and algorithms.
package issued

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/cause"
	"github.com/cardea-auth/cardea/middleware/internal/compact"
	"github.com/cardea-auth/cardea/middleware/internal/signature"
	"github.com/cardea-auth/cardea/middleware/internal/strictjson"
)

// The reasons for which Verify refuses; it wraps one of them, or what Kind.Accept returned. ErrUnavailable says nothing about what was sent:
// the issuer's keys cannot be had, or whether there is such a key was not looked for now, so it is to be sent again.
var (
	ErrMalformed   = errors.New("it cannot be read")
	ErrType        = errors.New("it is of another kind")
	ErrIssuer      = errors.New("its issuer is not the one that it must come from")
	ErrSignature   = errors.New("none of its issuer's keys and algorithms has signed it")
	ErrUnavailable = errors.New("its issuer's keys cannot be had")
)

var (
	errLarge  = errors.New("it is too large")
	errNoIss  = errors.New("it names no issuer (iss)")
	errNoAlgo = errors.New("its alg is none of the issuer's")
)

// Kind says what is verified.
type Kind struct {
	Types   []string // typ in lower case, without "application/"
	Untyped bool     // one without typ will do as well

	MaxBytes int // of the whole text; zero: 16 KiB

	// Issuerless lets the iss be absent where Verify is told the issuer. One that is there must name it all the same.
	Issuerless bool

	// Accept refuses what is not for us, from what it says of itself. It comes before the signature, as everything that is cheaper
	// does, so it may believe nothing and do nothing. Nil: everything goes on.
	Accept func(*Statement) error
}

const (
	defaultMaxBytes = 16 << 10

	// maxReconsidered is how often other keys are looked for, as for tokens: a server may publish a new key under the name of an old one.
	maxReconsidered = 2
)

// Statement is what an issuer says.
type Statement struct {
	Claims

	Issuer string // as middleware.TokenFacts.Issuer has it, whichever of its names iss is
	Type   string // typ in lower case, without "application/"; empty: it had none
}

// Verify verifies text, a compact JWS of the issuer that iss names; empty: of the issuer that its own iss names. That must be one of v
// that verifies JWTs.
func Verify(ctx context.Context, v *middleware.Validator, text string, kind Kind, iss string) (*Statement, error) {
	s, err := takeApart(text, &kind)
	if err != nil {
		return nil, err
	}
	source, err := s.from(v, &kind, iss)
	if err != nil {
		return nil, err
	}
	return s.verified(ctx, source, &kind)
}

// Keys are those of somebody whose tokens a Validator does not know, such as a transmitter of security events.
type Keys struct {
	Source     middleware.KeySource
	Algorithms []string
	Issuer     string // the iss of what they sign, letter by letter
}

// Verify is the function Verify for what k signs.
func (k Keys) Verify(ctx context.Context, text string, kind Kind) (*Statement, error) {
	s, err := takeApart(text, &kind)
	if err != nil {
		return nil, err
	}
	iss, err := s.Text("iss")
	switch {
	case err != nil:
		return nil, err
	case iss != k.Issuer:
		return nil, fmt.Errorf("%w: it is %s, want %q", ErrIssuer, cause.Text(iss), k.Issuer)
	}
	s.iss, s.Issuer = iss, nameOf(k.Source, iss)
	if err := s.signedAs(k.Algorithms); err != nil {
		return nil, err
	}
	return s.verified(ctx, signature.NewSource(k.Source), &kind)
}

// statement is a Statement on its way.
type statement struct {
	Statement

	compact   compact.JWS
	header    compact.Header
	signature []byte

	iss string // that the keys are for
}

// takeApart reads what can be read before anything is looked up. What is cheap comes first.
func takeApart(text string, kind *Kind) (*statement, error) {
	most := kind.MaxBytes
	if most == 0 {
		most = defaultMaxBytes
	}
	if len(text) > most {
		return nil, malformed(errLarge)
	}
	var s statement
	var err error
	if s.compact, err = compact.Split(text); err != nil {
		return nil, malformed(err)
	}
	s.header, err = compact.ParseHeader(s.compact.Header)
	switch {
	case errors.Is(err, compact.ErrType):
		return nil, fmt.Errorf("%w: %w", ErrType, err)
	case err != nil:
		return nil, malformed(err)
	}
	if s.Type = s.header.Type; !slices.Contains(kind.Types, s.Type) && (s.Type != "" || !kind.Untyped) {
		return nil, fmt.Errorf("%w: its typ is %s, want one of %q", ErrType, cause.Text(s.Type), kind.Types)
	}
	payload, err := compact.Text(s.compact.Payload)
	if err != nil {
		return nil, malformed(err)
	}
	if s.signature, err = s.compact.Signature(); err != nil {
		return nil, malformed(err)
	}
	if s.object, err = strictjson.Parse(payload); err != nil {
		return nil, malformed(err)
	}
	return &s, nil
}

// from finds the keys of whom the statement must come from. Its iss selects one of the issuers of v, and is believed in nothing else.
func (s *statement) from(v *middleware.Validator, kind *Kind, want string) (signature.Source, error) {
	var none signature.Source
	iss, err := s.Text("iss")
	switch {
	case err != nil:
		return none, err
	case iss == "" && (s.Has("iss") || !kind.Issuerless || want == ""):
		return none, malformed(errNoIss)
	case iss == "":
		iss = want
	}
	keys, algorithms := v.KeySource(iss)
	if keys == nil {
		return none, fmt.Errorf("%w: %s is not trusted, or its JWTs are not verified here", ErrIssuer, cause.Text(iss))
	}
	s.iss, s.Issuer = iss, nameOf(keys, iss)
	if want != "" && NameOf(v, want) != s.Issuer {
		return none, fmt.Errorf("%w: it is %s, want %q", ErrIssuer, cause.Text(iss), want)
	}
	if err := s.signedAs(algorithms); err != nil {
		return none, err
	}
	return signature.NewSource(keys), nil
}

func (s *statement) signedAs(algorithms []string) error {
	if slices.Contains(algorithms, s.header.Algorithm) {
		return nil
	}
	return fmt.Errorf("%w: %w: it is %s, want one of %q", ErrSignature, errNoAlgo, cause.Text(s.header.Algorithm), algorithms)
}

// verified is the statement if nobody refuses it. What is cheaper than the signature comes before it.
func (s *statement) verified(ctx context.Context, source signature.Source, kind *Kind) (*Statement, error) {
	if kind.Accept != nil {
		if err := kind.Accept(&s.Statement); err != nil {
			return nil, err
		}
	}
	if err := s.verify(ctx, source); err != nil {
		return nil, err
	}
	return &s.Statement, nil
}

// NameOf returns the name under which entries know the issuer of an iss, which may be any of its names. It is empty for an iss that is not
// trusted, or whose JWTs are not verified here.
func NameOf(v *middleware.Validator, iss string) string {
	keys, _ := v.KeySource(iss)
	if keys == nil {
		return ""
	}
	return nameOf(keys, iss)
}

// nameOf is the name under which tokens of the issuer can be revoked.
func nameOf(keys middleware.KeySource, iss string) string {
	if named, ok := keys.(interface{ Issuer() string }); ok {
		return named.Issuer()
	}
	return iss
}

// verify finds the key that has signed. Not finding one is a verdict; not being able to tell is none.
func (s *statement) verify(ctx context.Context, source signature.Source) error {
	for reconsidered := 0; ; reconsidered++ {
		keys, outcome, err := source.Find(ctx, s.iss, s.header, anyKey)
		if outcome == signature.Unavailable || outcome == signature.Unknown && isUnsought(err) {
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		if outcome == signature.Found {
			if _, err = source.Verify(keys, s.header, s.compact.SigningInput, s.signature, anyKey); err == nil {
				return nil
			}
		}
		refused := fmt.Errorf("%w: %w", ErrSignature, err)
		if reconsidered == maxReconsidered || !source.Reconsiders() || err == signature.ErrTooManyKeys {
			return refused
		}
		switch outcome, err = source.Reconsider(ctx, s.iss, s.header, keys); outcome {
		case signature.Unknown:
			if isUnsought(err) {
				return fmt.Errorf("%w: %w", ErrUnavailable, err)
			}
			return refused
		case signature.Unavailable:
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
	}
}

// isUnsought reports whether a key is unknown only because nobody has looked for it: anybody can invent the names that spend the fetches,
// and must not be able to have what a new key has signed refused for good. jwks.Cache says so.
func isUnsought(err error) bool {
	var key interface{ Unsought() bool }
	return errors.As(err, &key) && key.Unsought()
}

// anyKey: Validator.KeySource has left out those that may not serve.
func anyKey(*jwks.Key) bool { return true }

func malformed(err error) error { return fmt.Errorf("%w: %w", ErrMalformed, err) }
