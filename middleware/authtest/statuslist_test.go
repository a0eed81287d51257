package authtest_test

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/authtest"
	"github.com/cardea-auth/cardea/middleware/revocation/statuslist"
)

// A whole API: its status lists are fetched from the Issuer.
func TestStatusListsRevoke(t *testing.T) {
	t.Parallel()
	issuer := authtest.NewIssuer(t)
	keys, _ := newAPI(t, issuer.Config(api))
	lists, err := statuslist.New(keys, statuslist.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer lists.Close()
	cfg := issuer.Config(api)
	cfg.Revocations = []middleware.Revocations{lists}
	_, call := newAPI(t, cfg)

	list := issuer.StatusList(2)
	token, other := issuer.Token(authtest.Claims{"status": list.Claim(7)}), issuer.Token(authtest.Claims{"status": list.Claim(6)})
	want(t, call(token), http.StatusOK)
	for status, code := range []int{http.StatusOK, http.StatusUnauthorized, http.StatusUnauthorized, http.StatusUnauthorized} {
		list.Set(7, status)
		if err := lists.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		want(t, call(token), code)
		want(t, call(other), http.StatusOK)
	}
	list.Set(7, 0)
	if err := lists.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	want(t, call(token), http.StatusOK)
	for name, text := range list.Broken() {
		list.Serve(text)
		if err := lists.Refresh(t.Context()); err == nil {
			t.Errorf("%s: it was believed", name)
		}
	}
	list.Serve("")
	if err := lists.Refresh(t.Context()); err != nil {
		t.Errorf("the list as it is: %v", err)
	}
	if got := issuer.Requests(authtest.EndpointStatusLists); got < 20 {
		t.Errorf("%d requests were counted", got)
	}
}

// What is published is a Status List Token of draft-ietf-oauth-status-list, section 5.1.
func TestStatusListToken(t *testing.T) {
	t.Parallel()
	issuer := authtest.NewIssuer(t)
	for _, bits := range []int{1, 2, 4, 8} {
		list := issuer.StatusList(bits)
		list.Set(0, 1)
		list.Set(9, 1)
		list.Set(9, 0)
		list.Set(1023, 1<<bits-1)
		response, err := http.Get(list.URI())
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "application/statuslist+jwt" {
			t.Fatalf("%d bits: %v, %s, %q", bits, err, response.Status, response.Header)
		}
		segments := strings.Split(string(text), ".")
		var header struct{ Typ string }
		var claims struct {
			Sub           string
			Iat, Exp, TTL int64
			StatusList    struct {
				Bits int
				Lst  string
			} `json:"status_list"`
		}
		decode(t, segments[0], &header)
		decode(t, segments[1], &claims)
		if header.Typ != "statuslist+jwt" || claims.Sub != list.URI() || claims.Iat == 0 ||
			claims.Exp != claims.Iat+3600 || claims.TTL != 300 || claims.StatusList.Bits != bits {
			t.Errorf("%d bits: %+v, %+v", bits, header, claims)
		}
		compressed, err := base64.RawURLEncoding.DecodeString(claims.StatusList.Lst)
		if err != nil {
			t.Fatal(err)
		}
		z, err := zlib.NewReader(bytes.NewReader(compressed))
		if err != nil {
			t.Fatal(err)
		}
		packed, err := io.ReadAll(z)
		if err != nil || len(packed) != 1024*bits/8 || packed[0] != 1 || packed[9*bits/8] != 0 || packed[len(packed)-1]>>(8-bits) != 1<<bits-1 {
			t.Errorf("%d bits: %d bytes, %v", bits, len(packed), err)
		}
	}
	response, err := http.Get(issuer.URL() + "/statuslists/99")
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusNotFound {
		t.Errorf("a list that does not exist: %s", response.Status)
	}
}

func TestMistakesWithStatusListsEndTheTest(t *testing.T) {
	t.Parallel()
	for name, mistake := range map[string]func(*authtest.Issuer){
		"three bits":          func(i *authtest.Issuer) { i.StatusList(3) },
		"no bits":             func(i *authtest.Issuer) { i.StatusList(0) },
		"a place below zero":  func(i *authtest.Issuer) { i.StatusList(1).Set(-1, 0) },
		"a place behind":      func(i *authtest.Issuer) { i.StatusList(1).Set(1024, 0) },
		"a status too large":  func(i *authtest.Issuer) { i.StatusList(2).Set(0, 4) },
		"a status below zero": func(i *authtest.Issuer) { i.StatusList(2).Set(0, -1) },
		"no JSON":             func(i *authtest.Issuer) { i.StatusList(1).Token(nil, authtest.Claims{"x": func() {}}) },
		"an unknown alg":      func(i *authtest.Issuer) { i.StatusList(1).Token(authtest.Header{"alg": "HS256"}, nil) },
	} {
		issuer, err := authtest.Start(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s went through", name)
				}
			}()
			mistake(issuer)
		}()
	}
}

func decode(t *testing.T, segment string, into any) {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(segment)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}
