package logout_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
	"github.com/cardea-auth/cardea/middleware/revocation"
	"github.com/cardea-auth/cardea/middleware/revocation/logout"
)

// Whatever an issuer signs, only what encoding/json reads as a logout for us is taken, and it ends what it names and nothing else.
func FuzzReceiver(f *testing.F) {
	text := func(changes claims) string {
		return string(testkit.JSON(good(claims{"iat": 1, "exp": 2}.With(changes))))
	}
	for _, changes := range []claims{nil, {"sid": nil}, {"sub": nil}, {"aud": []string{"x", "web"}}, {"nonce": "n"}, {"events": claims{event: true}}, {"jti": nil}, {"iss": alias}} {
		f.Add(typed, text(changes))
	}
	for _, header := range []string{`{"alg":"EdDSA"}`, `{"typ":"JWT","alg":"EdDSA"}`, `{"typ":"at+jwt","alg":"EdDSA"}`, `{"typ":"logout+jwt","alg":"none"}`, `{"crit":[],"alg":"EdDSA"}`} {
		f.Add(header, text(nil))
	}
	v := trusting(f, testkit.KeySet())
	f.Fuzz(func(t *testing.T, header, payload string) {
		now := time.Now()
		payload = strings.NewReplacer(`"iat":1,`, fmt.Sprintf(`"iat":%d,`, now.Unix()), `"exp":2,`, `"exp":4000000000,`).Replace(payload)
		list, err := revocation.New(revocation.Config{Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		receiver, err := logout.New(v, list, logout.Config{ClientIDs: []string{"web"}, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		form := url.Values{"logout_token": {testkit.Sign(header, payload, testkit.EdKey())}}
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		receiver.ServeHTTP(w, r)

		entries := list.Status().Entries
		switch {
		case w.Code == http.StatusBadRequest && entries == 0:
			return
		case w.Code != http.StatusOK || entries != 1:
			t.Fatalf("%d %s, %d entries", w.Code, w.Body, entries)
		}
		said := readLogout(t, header, payload, now)
		hits := list.Judge(middleware.TokenFacts{Issuer: testkit.Issuer, SessionID: said.SessionID, Subject: said.Subject, Expiry: now})
		if want := map[bool]string{true: "subject", false: "session"}[said.SessionID == ""]; hits.Kind != want {
			t.Errorf("%+v ended by %q, want %q", said, hits.Kind, want)
		}
		for _, other := range []middleware.TokenFacts{{Issuer: testkit.Issuer, SessionID: said.SessionID + "x", Subject: said.Subject + "x"}, {Issuer: other, SessionID: said.SessionID, Subject: said.Subject}} {
			other.Expiry = now
			if kind := list.Judge(other).Kind; kind != "" {
				t.Errorf("%+v ended by %q, but the logout was of %+v", other, kind, said)
			}
		}
	})
}

// readLogout reads what was taken with encoding/json, and says what should not have been.
func readLogout(t *testing.T, header, payload string, now time.Time) (said middleware.TokenFacts) {
	var head struct {
		Type *string `json:"typ"`
		Alg  string  `json:"alg"`
	}
	var all map[string]any
	if json.Unmarshal([]byte(header), &head) != nil || json.Unmarshal([]byte(payload), &all) != nil {
		t.Fatalf("encoding/json cannot read %q %q", header, payload)
	}
	if head.Type != nil {
		kind := strings.TrimPrefix(strings.ToLower(*head.Type), "application/")
		if kind != "logout+jwt" && kind != "jwt" {
			t.Errorf("typ %q was taken", kind)
		}
	}
	audience, _ := all["aud"].([]any)
	events, _ := all["events"].(map[string]any)
	_, isObject := events[event].(map[string]any)
	_, hasNonce := all["nonce"]
	iat, _ := all["iat"].(float64)
	exp, _ := all["exp"].(float64)
	jti, _ := all["jti"].(string)
	said.SessionID, _ = all["sid"].(string)
	said.Subject, _ = all["sub"].(string)
	iss, _ := all["iss"].(string)
	for name, ok := range map[string]bool{
		"alg":        head.Alg == "EdDSA" || head.Alg == "RS256",
		"iss":        iss == testkit.Issuer || iss == alias,
		"aud":        all["aud"] == "web" || slices.Contains(audience, any("web")),
		"events":     isObject,
		"nonce":      !hasNonce,
		"iat":        iat > float64(now.Unix()-700) && iat < float64(now.Unix()+60),
		"exp":        exp > float64(now.Unix()-60),
		"jti":        jti != "",
		"sub or sid": said.Subject != "" || said.SessionID != "",
	} {
		if !ok {
			t.Errorf("%s is no good in %s", name, payload)
		}
	}
	return said
}
