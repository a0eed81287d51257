package authtest_test

import (
	"net/http"
	"net/url"
	"reflect"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/authtest"
)

func introspect(t *testing.T, issuer *authtest.Issuer, token string) map[string]any {
	t.Helper()
	r := newPost(t, issuer.URL()+"/introspect", url.Values{"token": {token}})
	r.SetBasicAuth(issuer.Client())
	a := send(t, r)
	if a.StatusCode != http.StatusOK || a.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("the answer is %d %s", a.StatusCode, a.body)
	}
	var members map[string]any
	a.decode(t, &members)
	return members
}

func TestIntrospectionDescribesActiveTokens(t *testing.T) {
	t.Parallel()
	issuer := authtest.NewIssuer(t)
	issuer.SetClock(func() time.Time { return time.Unix(2_000_000_000, 0) })
	claims := authtest.Claims{"aud": []string{api}, "scope": "read", "jti": nil, "large": int64(1 << 60), "at": time.Unix(7, 9)}
	want := map[string]any{
		"active": true, "iss": issuer.URL(), "sub": "alice", "aud": []any{api}, "client_id": "authtest-client",
		"iat": 2e9, "exp": 2e9 + 3600, "scope": "read", "large": float64(1 << 60), "at": 7.0,
	}
	if got := introspect(t, issuer, issuer.Token(claims)); !reflect.DeepEqual(got, want) {
		t.Errorf("of the JWT it says %v, want %v", got, want)
	}
	want["token_type"] = "Bearer"
	opaque := issuer.OpaqueToken(claims)
	claims["sub"] = "changed later"
	if got := introspect(t, issuer, opaque); !reflect.DeepEqual(got, want) {
		t.Errorf("of the opaque token it says %v, want %v", got, want)
	}
}

func TestIntrospectionSaysNothingAboutOtherTokens(t *testing.T) {
	t.Parallel()
	issuer, other := authtest.NewIssuer(t), authtest.NewIssuer(t)
	revoked, revokedJWT := issuer.OpaqueToken(nil), issuer.Token(nil)
	issuer.Revoke(revoked)
	issuer.Revoke(revokedJWT)
	withdrawn := issuer.Token(nil)
	issuer.RotateKeys()
	rotated := issuer.Token(nil)
	issuer.DropOldKeys()
	for name, token := range map[string]string{
		"an unknown token":               "unknown",
		"a revoked opaque token":         revoked,
		"a revoked JWT":                  revokedJWT,
		"a JWT of a withdrawn key":       withdrawn,
		"a JWT of another issuer":        other.Token(nil),
		"a JWT in another's name":        other.Token(authtest.Claims{"iss": issuer.URL()}),
		"a JWT that names another":       issuer.Token(authtest.Claims{"iss": other.URL()}),
		"an expired JWT":                 issuer.Token(authtest.Claims{"exp": time.Now().Add(-time.Minute)}),
		"a JWT without an expiry":        issuer.Token(authtest.Claims{"exp": nil}),
		"a JWT that never expires":       issuer.Token(authtest.Claims{"exp": 1e300}),
		"an opaque token not yet valid":  issuer.OpaqueToken(authtest.Claims{"nbf": time.Now().Add(time.Minute)}),
		"a JWT without a signature":      issuer.Mint(authtest.Header{"alg": "none"}, nil),
		"a JWT whose payload is no JSON": issuer.Sign(nil, "sub=alice"),
	} {
		if got := introspect(t, issuer, token); !reflect.DeepEqual(got, map[string]any{"active": false}) {
			t.Errorf("of %s it says %v", name, got)
		}
	}
	if introspect(t, issuer, rotated)["active"] != true {
		t.Error("a JWT of the keys after the rotation is not active")
	}
}

func TestIntrospectionRefusesStrangersAndOddRequests(t *testing.T) {
	t.Parallel()
	issuer := authtest.NewIssuer(t)
	token := issuer.OpaqueToken(nil)
	for _, row := range []struct {
		name   string
		form   url.Values
		known  bool
		status int
	}{
		{"no client", url.Values{"token": {token}}, false, http.StatusUnauthorized},
		{"no token", url.Values{}, true, http.StatusBadRequest},
		{"two tokens", url.Values{"token": {token, token}}, true, http.StatusBadRequest},
	} {
		r := newPost(t, issuer.URL()+"/introspect", row.form)
		if row.known {
			r.SetBasicAuth(issuer.Client())
		}
		if a := send(t, r); a.StatusCode != row.status {
			t.Errorf("%s: the answer is %d %s", row.name, a.StatusCode, a.body)
		}
	}
}

func TestRevocationIsSeenByTheNextRequest(t *testing.T) {
	t.Parallel()
	issuer := authtest.NewIssuer(t)
	cfg := issuer.Config(api)
	cfg.Issuers[0].JWTs = middleware.VerifyAndIntrospectJWTs
	_, call := newAPI(t, cfg)
	for name, token := range map[string]string{"a JWT": issuer.Token(nil), "an opaque token": issuer.OpaqueToken(nil)} {
		want(t, call(token), http.StatusOK)
		issuer.Revoke(token)
		if w := call(token); w.Code != http.StatusUnauthorized {
			t.Errorf("%s: status %d after it was revoked", name, w.Code)
		}
	}
	if n := issuer.Requests(authtest.EndpointIntrospection); n != 4 {
		t.Errorf("the server was asked %d times, want 4: nothing is cached", n)
	}
}

func TestSignedAnswersAreAccepted(t *testing.T) {
	t.Parallel()
	issuer := authtest.NewIssuer(t)
	issuer.SetClock(func() time.Time { return time.Date(2040, 1, 2, 3, 4, 5, 0, time.UTC) }) // no matter to the answer
	keys, err := jwks.New(jwks.Config{Issuer: issuer.URL()})
	if err != nil {
		t.Fatal(err)
	}
	defer keys.Close()
	id, secret := issuer.Client()
	client, err := introspection.New(introspection.Config{
		URL:        issuer.URL() + string(authtest.EndpointIntrospection),
		Issuer:     issuer.URL(),
		ClientAuth: introspection.SecretPost(id, secret),
		SignedBy:   keys,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for token, active := range map[string]bool{issuer.OpaqueToken(nil): true, issuer.Token(nil): true, "unknown": false} {
		response, err := client.Introspect(t.Context(), token)
		if err != nil || response.Active() != active {
			t.Errorf("the answer is %v, %v; want active %v", response, err, active)
		}
	}
}
