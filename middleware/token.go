package middleware

import (
	"errors"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/middleware/internal/accesstoken"
	"github.com/cardea-auth/cardea/middleware/internal/claims"
	"github.com/cardea-auth/cardea/middleware/internal/exactjson"
)

// Token is a verified access token. The raw token is not kept.
//
// A Token that comes from a context belongs to that one request: its readers share one copy, and nothing done to it
// reaches another request or a later Guard's judgement.
type Token struct {
	_ [0]func() // keyed literals only

	// Issuer is the iss claim. For an introspected token whose answer names no issuer it is Issuer.URL of the trust
	// entry that answered.
	Issuer string

	// Subject is the sub claim; empty when the token has none. It is unique within Issuer only (RFC 7519 section 4.1.2).
	Subject string

	// ClientID is the first of the issuer's ClaimMapping.ClientID claims that is present; empty when there is none.
	ClientID string

	// ID is the jti claim; empty when the token has none.
	ID string

	// SessionID is the sid claim, the session at the authorization server that the token belongs to; empty when absent or not a string.
	SessionID string

	// ACR is the authentication context class (RFC 9470 section 6.2); empty when absent or not a string.
	ACR string

	Audience Set // the aud claim
	Scopes   Set // as ClaimMapping.Scopes finds them, before ScopeImplies
	Roles    Set // as ClaimMapping.Roles finds them
	AMR      Set // authentication methods (RFC 8176)

	IssuedAt  time.Time // iat; zero when absent
	NotBefore time.Time // nbf; zero when absent
	Expiry    time.Time // exp; zero only for an introspected token whose answer has none: ask IsZero before time.Until
	AuthTime  time.Time // auth_time; zero when absent or malformed, and then no Guard.MaxAge is met

	// Actor is the current actor of a delegated token: the outermost act claim (RFC 8693 section 4.1). Zero: no
	// delegation. Earlier actors are history and grant nothing; Claims shows them.
	Actor Actor

	// Opaque says that the claims are those of an introspection answer, and not of a JWT that was verified here.
	Opaque bool

	proven *accesstoken.Verified // nil for a Token made by hand. A pointer, so that printing a Token with %+v shows an address and not a person's claims
}

// Actor identifies the party that acts on behalf of a token's subject (RFC 8693 section 4.1).
type Actor struct {
	Issuer, Subject, ClientID string
}

var errHandMade = errors.New("middleware: this Token was made by hand and carries no claims; authtest.Context makes one that does")

// Claims decodes all verified claims into v, as [json.Unmarshal] does, but by exact names at every depth: a field gets the claim of
// exactly its name, and never one that differs in case, which is another claim (RFC 7519 section 4). So give fields their tags; a
// field without one gets the claim that is spelt as the field is. A type with an UnmarshalJSON of its own reads its part as it
// likes. Tokens with repeated names were refused. For an introspected token these are the members of the answer. Strings may
// share the memory of all claims: clone one that is kept for long.
func (t *Token) Claims(v any) error {
	if t == nil {
		return ErrNoToken
	}
	if t.proven == nil {
		return errHandMade
	}
	return exactjson.DecodeText(t.proven.Claims, v)
}

// String returns what LogValue logs, and not the claims.
func (t Token) String() string { return t.LogValue().String() }

// LogValue implements [slog.LogValuer] with what identifies the token and its parties, and nothing that could be used
// as a credential.
func (t *Token) LogValue() slog.Value {
	if t == nil {
		return slog.Value{}
	}
	attrs := make([]slog.Attr, 0, 7)
	add := func(key, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(key, value))
		}
	}
	add("issuer", t.Issuer)
	add("subject", t.Subject)
	add("client_id", t.ClientID)
	add("actor", t.Actor.Subject)
	add("token_id", t.ID)
	add("scopes", t.Scopes.String())
	if !t.Expiry.IsZero() {
		attrs = append(attrs, slog.Time("expiry", t.Expiry))
	}
	return slog.GroupValue(attrs...)
}

// tokenOf makes the Token of one request.
func tokenOf(v *accesstoken.Verified) Token {
	facts := &v.Facts
	return Token{
		Issuer:    facts.Issuer,
		Subject:   facts.Subject,
		ClientID:  facts.ClientID,
		ID:        facts.ID,
		ACR:       facts.ACR,
		Audience:  Set{facts.Audience},
		Scopes:    Set{facts.Scopes},
		Roles:     Set{facts.Roles},
		AMR:       Set{facts.AMR},
		IssuedAt:  facts.IssuedAt,
		NotBefore: facts.NotBefore,
		Expiry:    facts.Expiry,
		AuthTime:  facts.AuthTime,
		Actor:     Actor(v.Actor()),
		Opaque:    facts.Opaque,
		SessionID: facts.SessionID,
		proven:    v,
	}
}

// Set is an immutable list of distinct strings, in the order in which they were given: scopes, audiences, roles.
// The zero Set is empty. A Set is safe for concurrent use.
type Set struct {
	elems []string // distinct, never written after construction
}

// SetOf returns the set of elems; repeated ones count once.
func SetOf(elems ...string) Set {
	return Set{elems: claims.Distinct(slices.Clone(elems))}
}

// Has reports whether elem is in s. The comparison is exact: case matters and no pattern is known.
func (s Set) Has(elem string) bool { return slices.Contains(s.elems, elem) }

// HasAll reports whether every one of elems is in s. Of no elems it is true.
func (s Set) HasAll(elems ...string) bool {
	for _, e := range elems {
		if !s.Has(e) {
			return false
		}
	}
	return true
}

// HasAny reports whether at least one of elems is in s. Of no elems it is false.
func (s Set) HasAny(elems ...string) bool { return slices.ContainsFunc(elems, s.Has) }

// Len returns the number of strings in s.
func (s Set) Len() int { return len(s.elems) }

// All returns an iterator over the strings of s in their order.
func (s Set) All() iter.Seq[string] { return slices.Values(s.elems) }

// Slice returns a copy of the strings of s. Of the empty set it is nil.
func (s Set) Slice() []string { return slices.Clone(s.elems) }

// String returns the strings of s joined by single spaces, the form of a scope parameter (RFC 6749 section 3.3).
func (s Set) String() string { return strings.Join(s.elems, " ") }
