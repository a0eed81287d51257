package events_test

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
	"github.com/cardea-auth/cardea/middleware/revocation"
	"github.com/cardea-auth/cardea/middleware/revocation/events"
)

// aboutSubject is a token of the transmitter that offline plays, whose sub_id is text.
func aboutSubject(id, text string) string {
	name, _ := json.Marshal(id)
	return signed(
		`{"iss":"` + testkit.Issuer + `","aud":"` + audience + `","iat":1,"jti":` + string(
			name,
		) + `,"sub_id":` + text + `,"events":{"` + caep + `session-revoked":{}}}`,
	)
}

func TestSubjectsAreRead(t *testing.T) {
	many := func(n int, each string) string { return strings.TrimSuffix(strings.Repeat(each+",", n), ",") }
	members := func(n int) string {
		var all []string
		for i := range n {
			all = append(all, `"m`+strings.Repeat("x", i)+`":{"format":"opaque","id":"a"}`)
		}
		return `{"format":"complex",` + strings.Join(all, ",") + `}`
	}
	long := strings.Repeat("a", 4096)
	for _, row := range []struct {
		text string
		want events.Subject
		bad  bool
	}{
		{text: `{"format":"iss_sub","iss":"https://i","sub":"145234573"}`, want: events.Subject{Format: "iss_sub", Issuer: "https://i", ID: "145234573"}},
		{text: `{"format":"email","email":"user@example.com","more":{"a":1}}`, want: events.Subject{Format: "email", ID: "user@example.com"}},
		{text: `{"format":"phone_number","phone_number":"+12065550100"}`, want: events.Subject{Format: "phone_number", ID: "+12065550100"}},
		{
			text: `{"format":"account","uri":"acct:example.user@service.example.com"}`,
			want: events.Subject{Format: "account", ID: "acct:example.user@service.example.com"},
		},
		{text: `{"format":"opaque","id":"11112222333344445555"}`, want: events.Subject{Format: "opaque", ID: "11112222333344445555"}},
		{text: `{"format":"did","url":"did:example:123456"}`, want: events.Subject{Format: "did", ID: "did:example:123456"}},
		{text: `{"format":"uri","uri":"urn:uuid:4e851e98"}`, want: events.Subject{Format: "uri", ID: "urn:uuid:4e851e98"}},
		{text: `{"format":"jwt_id","iss":"https://i","jti":"B70BA622"}`, want: events.Subject{Format: "jwt_id", Issuer: "https://i", ID: "B70BA622"}},
		{
			text: `{"format":"saml_assertion_id","issuer":"https://i","assertion_id":"_8e8d"}`,
			want: events.Subject{Format: "saml_assertion_id", Issuer: "https://i", ID: "_8e8d"},
		},
		{text: `{"format":"ip-addresses","ip-addresses":["10.29.37.75"]}`, want: events.Subject{Format: "ip-addresses"}},
		{text: `{"format":"catalog_item","catalog_id":"c0384"}`, want: events.Subject{Format: "catalog_item"}},
		{text: `{"format":"opaque","id":"` + long + `"}`, want: events.Subject{Format: "opaque", ID: long}},
		{text: `{"subject_type":"iss-sub","iss":"https://i","sub":"a"}`, want: events.Subject{Format: "iss_sub", Issuer: "https://i", ID: "a"}},
		{text: `{"format":"aliases","identifiers":[{"format":"opaque","id":"a"},{"format":"email","email":"b"}]}`, want: events.Subject{
			Format: "aliases", Aliases: []events.Subject{{Format: "opaque", ID: "a"}, {Format: "email", ID: "b"}},
		}},
		{text: `{"format":"complex","user":{"format":"opaque","id":"a"},"x":1}`, want: events.Subject{
			Format: "complex", Members: map[string]events.Subject{"user": {Format: "opaque", ID: "a"}},
		}},
		{text: `{"user":{"format":"opaque","id":"a"}}`, want: events.Subject{
			Format: "complex", Members: map[string]events.Subject{"user": {Format: "opaque", ID: "a"}},
		}},

		{text: `null`, bad: true},
		{text: `"alice"`, bad: true},
		{text: `[]`, bad: true},
		{text: `{}`, bad: true},
		{text: `{"format":1}`, bad: true},
		{text: `{"format":"","id":"a"}`, bad: true},
		{text: `{"Format":"opaque","id":"a"}`, bad: true},
		{text: `{"format":"opaque"}`, bad: true},
		{text: `{"format":"opaque","id":""}`, bad: true},
		{text: `{"format":"opaque","id":1}`, bad: true},
		{text: `{"format":"opaque","ID":"a"}`, bad: true},
		{text: `{"format":"opaque","id":"` + long + `a"}`, bad: true},
		{text: `{"format":"iss_sub","sub":"a"}`, bad: true},
		{text: `{"format":"iss_sub","iss":"https://i"}`, bad: true},
		{text: `{"format":"iss_sub","iss":"https://i","sub":"a","sub":"b"}`, bad: true},
		{text: `{"format":"complex"}`, bad: true},
		{text: `{"format":"complex","user":"alice"}`, bad: true},
		{text: `{"format":"complex","user":{"format":"opaque"}}`, bad: true},
		{text: `{"format":"complex","user":{"format":"complex","user":{"format":"opaque","id":"a"}}}`, bad: true},
		{text: `{"format":"complex","user":{"format":"aliases","identifiers":[{"format":"opaque","id":"a"}]}}`, bad: true},
		{text: `{"format":"complex","user":{}}`, bad: true},
		{text: `{"format":"complex","user":{"format":1}}`, bad: true},
		{text: `{"format":"opaque","Format":"iss_sub","id":"a"}`, bad: true},
		{text: `{"format":"iss_sub","iss":"https://i","Iss":"https://j","sub":"a"}`, bad: true},
		{text: `{"format":"aliases"}`, bad: true},
		{text: `{"format":"aliases","identifiers":{}}`, bad: true},
		{text: `{"format":"aliases","identifiers":[]}`, bad: true},
		{text: `{"format":"aliases","identifiers":["a"]}`, bad: true},
		{text: `{"format":"aliases","identifiers":[{"format":"aliases","identifiers":[{"format":"opaque","id":"a"}]}]}`, bad: true},
		{text: `{"format":"aliases","identifiers":[` + many(33, `{"format":"opaque","id":"a"}`) + `]}`, bad: true},
		{text: members(33), bad: true},
	} {
		var got *events.Subject
		r, _, _ := offline(t, nil, func(cfg *events.Config) {
			cfg.Entries = func(_ context.Context, e events.Event) ([]revocation.Entry, error) {
				got = &e.Subject
				return nil, nil
			}
		})
		name := row.text[:min(len(row.text), 100)]
		w := pushTo(r, aboutSubject("j", row.text))
		if row.bad {
			if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "invalid_request") || got != nil {
				t.Errorf("%s: %d %+v", name, w.Code, got)
			}
			continue
		}
		if w.Code != http.StatusAccepted || got == nil {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
			continue
		}
		if string(got.Raw) != row.text {
			t.Errorf("%s: Raw is %s", name, got.Raw)
		}
		if bare := withoutRaw(*got); !reflect.DeepEqual(bare, row.want) {
			t.Errorf("%s: %+v", name, bare)
		}
	}
	for text, want := range map[string]int{`{"format":"aliases","identifiers":[` + many(32, `{"format":"opaque","id":"a"}`) + `]}`: 202, members(32): 202} {
		r, _, _ := offline(t, nil)
		if w := pushTo(r, aboutSubject("j", text)); w.Code != want {
			t.Errorf("as many as may be: %d", w.Code)
		}
	}
}

func withoutRaw(s events.Subject) events.Subject {
	s.Raw = nil
	for i := range s.Aliases {
		s.Aliases[i] = withoutRaw(s.Aliases[i])
	}
	for name, member := range s.Members {
		s.Members[name] = withoutRaw(member)
	}
	return s
}

// FuzzSubject holds the reading of subjects against encoding/json: what is taken says what a plain reading of it says, and ends tokens of
// nobody whom it does not name.
func FuzzSubject(f *testing.F) {
	for _, seed := range []string{
		`{"format":"iss_sub","iss":"` + testkit.Issuer + `","sub":"alice"}`, `{"format":"opaque","id":"s1"}`, `{"format":"aliases","identifiers":[{"format":"opaque","id":"a"}]}`,
		`{"format":"complex","user":{"format":"iss_sub","iss":"` + testkit.Issuer + `","sub":"alice"},"session":{"format":"opaque","id":"s1"}}`,
		`{"user":{"subject_type":"iss-sub","iss":"` + testkit.Issuer + `","sub":"alice"}}`, `{"format":"jwt_id","iss":"` + testkit.Issuer + `","jti":"alice"}`, `null`, `{"format":"email","email":"\ud83d"}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, list, _ := offline(t, nil)
		w := pushTo(r, aboutSubject("j", text))
		if w.Code != http.StatusAccepted && w.Code != http.StatusBadRequest {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		var plain any
		if json.Unmarshal([]byte(text), &plain) != nil && w.Code == http.StatusAccepted {
			t.Fatal("what is no JSON was taken")
		}
		revoked := list.Judge(middleware.TokenFacts{Issuer: testkit.Issuer, Subject: "alice", ID: "alice", SessionID: "s1"}).Kind
		if revoked != "" && !holds(plain, "alice") && !holds(plain, "s1") {
			t.Fatalf("revoked by %q though nothing names it", revoked)
		}
	})
}

// holds reports whether a text stands anywhere in a JSON value.
func holds(v any, text string) bool {
	switch v := v.(type) {
	case string:
		return v == text
	case []any:
		for _, element := range v {
			if holds(element, text) {
				return true
			}
		}
	case map[string]any:
		for _, member := range v {
			if holds(member, text) {
				return true
			}
		}
	}
	return false
}
