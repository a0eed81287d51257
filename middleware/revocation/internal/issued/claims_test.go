package issued_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware/internal/testkit"
	"github.com/cardea-auth/cardea/middleware/revocation/internal/issued"
)

func TestNameOf(t *testing.T) {
	v := validator(t, testkit.KeySet())
	for iss, want := range map[string]string{
		testkit.Issuer: testkit.Issuer, alias: testkit.Issuer, "https://also.example/acme": acme, "https://evil.example": "", opaque: "", template: "", "": "",
	} {
		if got := issued.NameOf(v, iss); got != want {
			t.Errorf("%q is called %q, want %q", iss, got, want)
		}
	}
}

func TestErrorsHoldNoToken(t *testing.T) {
	v := validator(t, testkit.KeySet())
	long := strings.Repeat("x", 5000)
	for _, text := range []string{
		testkit.Sign(header, payload, testkit.StrangeKey()), ours(header, `{"iss":"`+long+`"}`), ours(`{"typ":"`+long+`","alg":"EdDSA"}`, payload),
		ours(`{"typ":"test+jwt","alg":"`+long+`"}`, payload),
	} {
		_, err := issued.Verify(t.Context(), v, text, kind, "")
		if err == nil || len(err.Error()) > 500 || strings.Contains(err.Error(), text[len(text)-20:]) {
			t.Errorf("%v", err)
		}
	}
}

func TestClaims(t *testing.T) {
	v := validator(t, testkit.KeySet())
	s, err := issued.Verify(t.Context(), v, ours(header, `{"iss":"https://login.example.com","aud":["web","api"],"iat":1700000000.5,"sub":"alice","sid":null,
		"Jti":"x","exp":"soon","n":1,"events":{"https://e.example/a":{"reason":"b"},"c":2,"NOTE":1}}`), kind, "")
	if err != nil {
		t.Fatal(err)
	}
	text := func(name string) string {
		got, err := s.Text(name)
		return fmt.Sprint(got, "|", wrapped(err))
	}
	for name, want := range map[string]string{
		"sub": "alice|ok", "sid": "|ok", "nothing": "|ok", "jti": "|malformed", "n": "|malformed", "events": "|malformed",
	} {
		if got := text(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if at, err := s.Time("iat"); err != nil || !at.Equal(time.Unix(1700000000, 5e8)) {
		t.Errorf("iat: %v, %v", at, err)
	}
	for name, want := range map[string]string{"exp": "malformed", "jti": "malformed", "sid": "ok", "nothing": "ok"} {
		if at, err := s.Time(name); !at.IsZero() || wrapped(err) != want {
			t.Errorf("%s: %v, %v", name, at, err)
		}
	}
	for name, want := range map[string]bool{"sub": true, "sid": true, "Jti": true, "jti": false} {
		if s.Has(name) != want {
			t.Errorf("Has(%q) is %t", name, !want)
		}
	}
	for party, want := range map[string]bool{"api": true, "web": true, "we": false, "": false} {
		if has, err := s.AudienceHas("x", party); has != want || err != nil {
			t.Errorf("aud %q: %t, %v", party, has, err)
		}
	}
	events, ok, err := s.In("events")
	if !ok || err != nil {
		t.Fatalf("events: %t, %v", ok, err)
	}
	var names []string
	for name, value := range events.Members {
		names = append(names, name)
		if reason, err := issued.Of(value).Text("reason"); name == "https://e.example/a" && (reason != "b" || err != nil) {
			t.Errorf("reason: %q, %v", reason, err)
		}
	}
	if fmt.Sprint(names) != "[https://e.example/a c NOTE]" {
		t.Errorf("events are %q", names)
	}
	if _, err := events.At("note"); wrapped(err) != "malformed" {
		t.Errorf("note: %v", err)
	}
	for name, want := range map[string]string{"sub": "ok", "nothing": "ok", "jti": "malformed"} {
		if _, ok, err := s.In(name); ok || wrapped(err) != want {
			t.Errorf("in %s: %t, %v", name, ok, err)
		}
	}
	for range issued.Of(testkit.Must(s.At("n"))).Members {
		t.Error("a number has members")
	}
	var none issued.Claims
	if got, err := none.Text("x"); got != "" || err != nil || none.Has("x") {
		t.Error("the zero Claims have members")
	}
}

func TestAudiencesThatAreNone(t *testing.T) {
	v := validator(t, testkit.KeySet())
	for aud, want := range map[string]string{`"aud":1`: "malformed", `"aud":["web",1]`: "malformed", `"Aud":"web"`: "malformed", `"x":1`: "ok"} {
		s, err := issued.Verify(t.Context(), v, ours(header, `{"iss":"https://login.example.com",`+aud+`}`), kind, "")
		if err != nil {
			t.Fatal(err)
		}
		if has, err := s.AudienceHas("web"); has || wrapped(err) != want {
			t.Errorf("%s: %t, %v", aud, has, err)
		}
	}
}

func wrapped(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, issued.ErrMalformed):
		return "malformed"
	default:
		return err.Error()
	}
}
