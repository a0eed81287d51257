package middleware

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/cardea-auth/cardea/middleware/internal/accesstoken"
	"github.com/cardea-auth/cardea/middleware/internal/exactjson"
)

// admission is the context under which an admitted request runs. It holds the request's own copy of the token and the
// verdict that a nested Guard takes over, in one allocation.
type admission struct {
	context.Context

	token     Token
	anonymous bool

	// The verdict; zero in a context made by ContextWithToken, which no Guard believes.
	validator *Validator
	key       accesstoken.Key       // of the token that was judged, which itself is not kept
	verified  *accesstoken.Verified // shared and never written, unlike token
	nextNonce string                // for the answer; empty: none
	keptProof bool                  // Credentials.KeepProof: the proof is unspent
	fromForm  bool                  // the token came in a form, which cannot be read again
	boundTo   *boundCall            // nil: the token is bound to nothing

	revocationsWithin time.Duration // zero: no limit
}

// admissionKey finds the latest admission, admissionBy the latest of one Validator, which another's further in does not hide, and
// admissionByForm the latest whose token came in a form.
type (
	admissionKey    struct{}
	admissionBy     struct{ validator *Validator }
	admissionByForm struct{}
)

// Value finds the admission itself, and everything else in the request's context.
func (a *admission) Value(key any) any {
	found := false
	switch key := key.(type) {
	case admissionKey:
		found = true
	case admissionBy:
		found = a.validator == key.validator
	case admissionByForm:
		found = a.fromForm
	}
	if found {
		return a
	}
	return a.Context.Value(key)
}

// String keeps a printed context from showing a person's claims.
func (a *admission) String() string {
	return fmt.Sprint(a.Context) + ".WithToken"
}

func admissionFrom(ctx context.Context) *admission { return admissionAt(ctx, admissionKey{}) }

// admissionAt is the admission of a key; nil if there is none.
func admissionAt(ctx context.Context, key any) *admission {
	a, _ := ctx.Value(key).(*admission)
	return a
}

// admissionOf is the latest admission of a Validator. It judges for itself, so what another has admitted further in is nothing to it.
func admissionOf(ctx context.Context, v *Validator) *admission {
	if latest := admissionFrom(ctx); latest == nil || latest.validator == v {
		return latest
	}
	return admissionAt(ctx, admissionBy{v})
}

// withoutAdmissions drops the admissions of a Validator from the top of ctx, which one that takes their place would otherwise hold on to: a
// stream that is judged again every minute would make an endless chain.
func withoutAdmissions(ctx context.Context, v *Validator) (_ context.Context, dropped bool) {
	a, ok := ctx.(*admission)
	if !ok {
		return ctx, false
	}
	rest, dropped := withoutAdmissions(a.Context, v)
	switch {
	case a.validator == v:
		return rest, true
	case !dropped:
		return ctx, false
	}
	kept := *a
	kept.Context = rest
	return &kept, true
}

// ResponseHeader returns the header fields that the answer to an admitted request should carry: a DPoP-Nonce when it is
// time for the next one (RFC 9449 section 8.2). Handler and Admit set them; other transports call it. It is nil where there
// is nothing to send.
func ResponseHeader(ctx context.Context) http.Header {
	a := admissionFrom(ctx)
	if a == nil || a.nextNonce == "" {
		return nil
	}
	return http.Header{"Dpop-Nonce": {a.nextNonce}, "Cache-Control": {"no-store"}}
}

// TokenFromContext returns the verified token of the request to which ctx belongs. It is false for an anonymous request
// (Validator.Optional) and where no Guard stands in front of the handler. All readers of one request share the Token.
func TokenFromContext(ctx context.Context) (*Token, bool) {
	a := admissionFrom(ctx)
	if a == nil || a.anonymous {
		return nil, false
	}
	return &a.token, true
}

// ClaimsFromContext decodes the claims of the request's verified token into a T, any type that [encoding/json] can
// decode into, by exact names as Token.Claims does. The error is ErrNoToken or the decoding error; the T is then its zero value.
// A T without pointers, maps, slices and interfaces is decoded once for a token that is cached, and costs a copy afterwards.
func ClaimsFromContext[T any](ctx context.Context) (T, error) {
	token, ok := TokenFromContext(ctx)
	if ok && token.proven != nil {
		if claims, ok := exactjson.Recall[T](&token.proven.Decoded); ok {
			return claims, nil
		}
	}
	return decodeClaims[T](token)
}

// decodeClaims stands apart because what is decoded into lives on the heap. token may be nil.
func decodeClaims[T any](token *Token) (T, error) {
	var claims, none T
	if err := token.Claims(&claims); err != nil {
		return none, err
	}
	exactjson.Keep(&token.proven.Decoded, claims)
	return claims, nil
}

// ContextWithToken returns a copy of ctx that carries t, for tests of handlers. A copy of t is carried; nil stands for
// an anonymous request. No Guard believes it: a Guard judges the credentials of the request. A Token made by hand has no
// claims to decode; authtest.Context makes a context whose token has them.
func ContextWithToken(ctx context.Context, t *Token) context.Context {
	if t == nil {
		return &admission{Context: ctx, anonymous: true}
	}
	return &admission{Context: ctx, token: *t}
}

// ContextWithExpiry returns a copy of ctx that ends when the request's token expires, with ErrExpired as its cause
// ([context.Cause]): for server-sent events, WebSockets and other streams that outlive the check at their start. Without
// a token, or with one that has no expiry, only the returned function ends it. Calling that function releases the
// timer; it should be deferred. It ends with ErrRevoked as its cause when Config.Revocations learn that the token was revoked, and with
// ErrUnavailable when what they know has become older than RevocationsWithin. What an introspection endpoint knows, tells Guard.Recheck.
func ContextWithExpiry(ctx context.Context) (context.Context, context.CancelFunc) {
	a := admissionFrom(ctx)
	if a == nil || a.anonymous {
		return context.WithCancel(ctx)
	}
	// The handler's copy may have been changed; what was judged was not.
	now, expiry := time.Now, a.token.Expiry
	if a.validator != nil {
		now, expiry = a.validator.policy.clock, a.verified.Facts.Expiry
	}
	ctx, cancel := a.withRevocation(ctx)
	if expiry.IsZero() {
		return ctx, cancel
	}
	timed, stop := context.WithTimeoutCause(ctx, expiry.Sub(now()), ErrExpired)
	return timed, func() { stop(); cancel() }
}
