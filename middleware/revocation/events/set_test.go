package events_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/authtest"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
	"github.com/cardea-auth/cardea/middleware/revocation/events"
)

func TestWhatATokenMustSay(t *testing.T) {
	good := map[string]string{
		"iss": `"` + testkit.Issuer + `"`, "aud": `["other","` + audience + `"]`, "iat": "1", "jti": `"j"`,
		"sub_id": `{"format":"opaque","id":"s1"}`, "events": `{"` + caep + `session-revoked":{}}`,
	}
	eight := `{"` + caep + `session-revoked":{}`
	for n := range 7 {
		eight += fmt.Sprintf(`,"urn:example:%d":{}`, n)
	}
	for _, row := range []struct {
		name, claim, text string // empty text: without the claim
		want              string // of err; empty: it is taken
	}{
		{"a good one", "jti", `"j"`, ""},
		{"a jti of 512 bytes", "jti", `"` + strings.Repeat("j", 512) + `"`, ""},
		{"a jti of more", "jti", `"` + strings.Repeat("j", 513) + `"`, "invalid_request"},
		{"a jti in another case", "JTI", `"j"`, "invalid_request"},
		{"an iat of zero", "iat", "0", "invalid_request"},
		{"an iat before 1970", "iat", "-1", "invalid_request"},
		{"an iat in milliseconds", "iat", "1493856000000", "invalid_request"},
		{"a sub that is null", "sub", "null", "invalid_request"},
		{"an exp of zero", "exp", "0", "invalid_request"},
		{"a claim that nobody reads", "x", `{"y":[1]}`, ""},
		{"a txn", "txn", `"8675309"`, ""},
		{"a txn that is a number", "txn", "1", "invalid_request"},
		{"a toe that is text", "toe", `"now"`, "invalid_request"},
		{"one audience", "aud", `"` + audience + `"`, ""},
		{"an audience that is a number", "aud", "1", "invalid_request"},
		{"events in another case", "Events", "{}", "invalid_request"},
		{"an event that is null", "events", `{"` + caep + `session-revoked":null}`, "invalid_request"},
		{"an event of no name", "events", `{"":{}}`, "invalid_request"},
		{"an event of a relative name", "events", `{"/secevent/caep/event-type/session-revoked":{}}`, "invalid_request"},
		{"an event of a name that is no URI", "events", `{"https://%":{}}`, "invalid_request"},
		{"one event twice", "events", `{"` + caep + `session-revoked":{},"` + caep + `session-revoked":{}}`, "invalid_request"},
		{"eight events", "events", eight + `}`, ""},
		{"nine events", "events", eight + `,"urn:example:9":{}}`, "invalid_request"},
		{"a timestamp in another case", "events", `{"` + caep + `session-revoked":{"Event_Timestamp":1}}`, "invalid_request"},
		{"an event with effect that has no subject", "sub_id", "", "invalid_request"},
	} {
		r, list, _ := offline(t, nil)
		var all []string
		for name, text := range good {
			if name != row.claim {
				all = append(all, `"`+name+`":`+text)
			}
		}
		if row.text != "" {
			all = append(all, `"`+row.claim+`":`+row.text)
		}
		w := pushTo(r, signed("{"+strings.Join(all, ",")+"}"))
		if (w.Code == http.StatusAccepted) != (row.want == "") || !strings.Contains(w.Body.String(), row.want) {
			t.Errorf("%s: %d %s", row.name, w.Code, w.Body)
		}
		if revoked := list.Judge(middleware.TokenFacts{Issuer: testkit.Issuer, SessionID: "s1"}).Kind == "session"; revoked != (row.want == "") {
			t.Errorf("%s: the session is revoked: %t", row.name, revoked)
		}
	}
}

// An event that ends nothing need not say whom it is about.
func TestAnEventWithoutEffectNeedsNoSubject(t *testing.T) {
	r, _, _ := offline(t, nil)
	text := fmt.Sprintf(`{"iss":%q,"aud":%q,"iat":1,"jti":"j","events":{"urn:example:made-up":{}}}`, testkit.Issuer, audience)
	if w := pushTo(r, signed(text)); w.Code != http.StatusAccepted {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	for name, more := range map[string]string{
		"a subject in another case": `"Sub_Id":{"format":"opaque","id":"a"},"events":{"urn:example:made-up":{}}`,
		"one inside of the event":   `"events":{"urn:example:made-up":{"Subject":{"format":"opaque","id":"a"}}}`,
		"one that is null":          `"sub_id":null,"events":{"urn:example:made-up":{}}`,
	} {
		text := fmt.Sprintf(`{"iss":%q,"aud":%q,"iat":1,"jti":%q,%s}`, testkit.Issuer, audience, name, more)
		if w := pushTo(r, signed(text)); w.Code != http.StatusBadRequest {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}

// What has no Logger uses the default one, at each line.
func TestWithoutALogger(t *testing.T) {
	var log buffer
	before := slog.Default()
	defer slog.SetDefault(before)
	r, _, _ := offline(t, nil, func(cfg *events.Config) { cfg.Logger = nil })
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	pushTo(r, "no token")
	if !strings.Contains(log.String(), "refused") {
		t.Errorf("the log is %s", &log)
	}
}

// lines is a handler that escapes nothing, as many do.
type lines struct {
	slog.Handler

	into *strings.Builder
}

func (l lines) Enabled(context.Context, slog.Level) bool { return true }

func (l lines) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool { fmt.Fprintf(l.into, "%s=%s ", a.Key, a.Value); return true })
	l.into.WriteByte('\n')
	return nil
}

// What a token says comes to a log, and to the errors of Status, escaped and cut short.
func TestWhatIsLoggedOfATokenIsBoundedAndEscaped(t *testing.T) {
	const forged = "x\nlevel=ERROR msg=forged \x1b[31m"
	long := forged + strings.Repeat("ä", 200)
	for name, token := range map[string]claims{
		"an event that ended access": {"jti": long, "events": claims{caep + "session-revoked": claims{}}},
		"one about nobody":           {"jti": long, "sub_id": claims{"format": long}, "events": claims{caep + "session-revoked": claims{}}},
		"one without a subject":      {"sub_id": nil, "events": claims{caep + "session-revoked": claims{}, "urn:" + strings.Repeat("ä", 300): claims{}}},
		"a name that is no URI":      {"events": claims{long: claims{}}},
		"a status that is none": {
			"sub_id": claims{"format": "opaque", "id": authtest.EventStream}, "events": claims{ssf + "stream-updated": claims{"status": long}},
		},
		"a critical member": {
			"jti":    long,
			"sub_id": claims{"format": "complex", long: claims{"format": "opaque", "id": "a"}}, "events": claims{caep + "session-revoked": claims{}},
		},
		"a member that is none": {
			"sub_id": claims{"format": "complex", long: claims{"format": "opaque"}}, "events": claims{caep + "session-revoked": claims{}},
		},
	} {
		log := new(strings.Builder)
		f := receiver(t, with(func(cfg *events.Config) {
			cfg.Logger, cfg.CriticalMembers = slog.New(lines{slog.DiscardHandler, log}), []string{long}
			cfg.Ends = func(events.Event) bool { return true }
		}))
		if _, set := token["sub_id"]; !set {
			token["sub_id"] = f.alice()
		}
		f.push(f.issuer.SecurityEvent(token))
		got := log.String() + fmt.Sprint(f.Status().Feed.LastError)
		if strings.Count(log.String(), "\n") != 1 || strings.Contains(got, "\x1b") || strings.Contains(got, "ä") || len(log.String()) > 1000 {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// FuzzSET signs whatever claims there are. What is taken must be a security event token for a reader that knows only encoding/json, too.
func FuzzSET(f *testing.F) {
	for _, seed := range []string{
		`{"iss":"` + testkit.Issuer + `","aud":"` + audience + `","iat":1,"jti":"j","sub_id":{"format":"opaque","id":"s1"},"events":{"` + caep + `session-revoked":{"event_timestamp":1}}}`,
		`{"iss":"` + testkit.Issuer + `","aud":["` + audience + `"],"iat":1e9,"jti":"j","toe":1,"events":{"` + ssf + `stream-updated":{"status":"paused"}},"sub_id":{"format":"opaque","id":"s"}}`,
		`{"iss":"` + testkit.Issuer + `","aud":"` + audience + `","iat":1,"jti":"j","sub":"a","exp":1,"events":{}}`,
		`{}`, `null`, `[]`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, list, _ := offline(t, nil)
		w := pushTo(r, signed(text))
		if w.Code == http.StatusBadRequest {
			if list.Status().Entries > 0 || r.Status().Feed.Blind != "" {
				t.Fatal("what was refused had an effect")
			}
			return
		}
		if w.Code != http.StatusAccepted {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		var plain map[string]any
		if err := json.Unmarshal([]byte(text), &plain); err != nil {
			t.Fatal(err)
		}
		id, _ := plain["jti"].(string)
		all, _ := plain["events"].(map[string]any)
		_, hasSub := plain["sub"]
		_, hasExp := plain["exp"]
		iat, _ := plain["iat"].(float64)
		if plain["iss"] != testkit.Issuer || !holds(plain["aud"], audience) || id == "" || len(all) == 0 || hasSub || hasExp || iat < 1 {
			t.Fatalf("this was taken: %s", text)
		}
		if list.Status().Entries > 0 && !strings.Contains(strings.Join(names(all), " "), "secevent") {
			t.Fatal("an unknown event has ended access")
		}
	})
}

func names(m map[string]any) (all []string) {
	for name := range m {
		all = append(all, name)
	}
	return all
}
