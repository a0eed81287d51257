package events_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
	"github.com/cardea-auth/cardea/middleware/revocation"
	"github.com/cardea-auth/cardea/middleware/revocation/events"
)

func TestWhichEventsEndAccess(t *testing.T) {
	for _, row := range []struct {
		event   string
		payload claims
		want    string
	}{
		{caep + "session-revoked", nil, "subject"},
		{caep + "session-revoked", claims{"reason_admin": claims{"en": "Landspeed"}, "unknown": 1}, "subject"},
		{caep + "token-claims-change", claims{"claims": claims{"role": "ro-admin"}}, "subject"},
		{caep + "credential-change", claims{"change_type": "update", "credential_type": "password"}, "subject"},
		{caep + "credential-change", claims{"change_type": "delete", "credential_type": "fido2-roaming"}, "subject"},
		{caep + "credential-change", claims{"change_type": "revoke", "credential_type": "x509"}, "subject"},
		{caep + "credential-change", claims{"change_type": "create", "credential_type": "fido2-roaming"}, ""},
		{caep + "credential-change", claims{"change_type": "created"}, "subject"},
		{caep + "credential-change", claims{"change_type": 1}, "subject"},
		{caep + "credential-change", claims{"change_type": "create", "Change_Type": "revoke"}, "subject"},
		{caep + "credential-change", nil, "subject"},
		{risc + "account-disabled", claims{"reason": "hijacking"}, "subject"},
		{risc + "account-purged", nil, "subject"},
		{risc + "account-credential-change-required", nil, "subject"},
		{risc + "credential-compromise", claims{"credential_type": "password"}, "subject"},
		{risc + "sessions-revoked", nil, "subject"},
		{"https://schemas.openid.net/secevent/oauth/event-type/tokens-revoked", nil, "subject"},
		{"https://schemas.openid.net/secevent/oauth/event-type/token-revoked", nil, "subject"},

		{caep + "assurance-level-change", claims{"current_level": "nist-aal1", "change_direction": "decrease"}, ""},
		{caep + "device-compliance-change", claims{"current_status": "not-compliant", "previous_status": "compliant"}, ""},
		{caep + "risk-level-change", claims{"current_level": "HIGH"}, ""},
		{caep + "session-established", nil, ""},
		{caep + "session-presented", nil, ""},
		{risc + "account-enabled", nil, ""},
		{risc + "identifier-changed", nil, ""},
		{risc + "identifier-recycled", nil, ""},
		{risc + "recovery-activated", nil, ""},
		{risc + "recovery-information-changed", nil, ""},
		{risc + "opt-out-effective", nil, ""},
		{"urn:example:made-up", nil, ""},
		{caep + "Session-Revoked", nil, ""}, // URIs differ by case
	} {
		f := receiver(t)
		f.takes(f.event(f.alice(), row.event, row.payload))
		if got := f.revokedBy(); got != row.want {
			t.Errorf("%s %v: revoked by %q, want %q", row.event, row.payload, got, row.want)
		}
		if got := f.Status(); got.Unmapped != 0 || got.Discarded != 0 || got.Feed.Events != 1 {
			t.Errorf("%s: %+v", row.event, got)
		}
		if got := strings.Contains(f.log.String(), "has ended access"); got != (row.want != "") {
			t.Errorf("%s: the log is %s", row.event, f.log)
		}
	}
}

func TestWhomAnEventIsAbout(t *testing.T) {
	opaque := func(id string) claims { return claims{"format": "opaque", "id": id} }
	account := risc + "account-disabled"
	revoked, changed := caep+"session-revoked", caep+"token-claims-change"
	f := receiver(t) // for its alice
	jwt := func(iss, jti string) claims { return claims{"format": "jwt_id", "iss": iss, "jti": jti} }
	alice, url := f.alice(), f.issuer.URL()
	mail := claims{"format": "email", "email": "alice@example.com"}
	device := claims{"format": "iss_sub", "iss": url, "sub": "e9297990"}
	for _, row := range []struct {
		name     string
		event    string
		subject  claims
		want     string
		unmapped uint64
	}{
		{"another user", revoked, claims{"format": "iss_sub", "iss": url, "sub": "bob"}, "", 0},
		{"a user of another issuer", revoked, claims{"format": "iss_sub", "iss": "https://evil.example", "sub": "alice"}, "", 1},
		{"a user of an issuer that is nearly ours", revoked, claims{"format": "iss_sub", "iss": url + "/", "sub": "alice"}, "", 1},
		{"an opaque session", revoked, opaque("s1"), "session", 0},
		{"an opaque session whose claims changed", changed, opaque("s1"), "session", 0},
		{"another session", revoked, opaque("s2"), "", 0},
		{"an opaque account, which could be anybody", account, opaque("alice"), "", 1},
		{"a token", changed, jwt(url, "j1"), "token", 0},
		{"another token", changed, jwt(url, "j2"), "", 0},
		{"a token of another issuer", changed, jwt("https://evil.example", "j1"), "", 1},
		{"an email address", account, mail, "", 1},
		{"a phone number", account, claims{"format": "phone_number", "phone_number": "+12065550100"}, "", 1},
		{"an account URI", account, claims{"format": "account", "uri": "acct:alice@example.com"}, "", 1},
		{"a DID", account, claims{"format": "did", "url": "did:example:123456"}, "", 1},
		{"a URI", account, claims{"format": "uri", "uri": "https://example.com/alice"}, "", 1},
		{"a SAML assertion", changed, claims{"format": "saml_assertion_id", "issuer": url, "assertion_id": "_8e8d"}, "", 1},
		{"IP addresses", account, claims{"format": "ip-addresses", "ip-addresses": []string{"10.29.37.75"}}, "", 1},
		{"a format that was agreed on", account, claims{"format": "catalog_item", "catalog_id": "c0384"}, "", 1},
		{"aliases, one of which is ours", account, claims{"format": "aliases", "identifiers": []claims{mail, alice}}, "subject", 0},
		{"aliases, none of which is ours", account, claims{"format": "aliases", "identifiers": []claims{mail, opaque("alice")}}, "", 1},
		{"aliases, one of which is a session", revoked, claims{"format": "aliases", "identifiers": []claims{mail, opaque("s1")}}, "session", 0},
		{"aliases, one of which is another session", revoked, claims{"format": "aliases", "identifiers": []claims{mail, opaque("s2")}}, "", 0},
		{"a session and its user", revoked, claims{"format": "complex", "session": opaque("s1"), "user": alice}, "session", 0},
		{"another session of the same user", revoked, claims{"format": "complex", "session": opaque("s2"), "user": alice}, "", 0},
		{"an account with one of its sessions", account, claims{"format": "complex", "session": opaque("s2"), "user": alice}, "subject", 0},
		{"an account that is unknown, with its session", account, claims{"format": "complex", "session": opaque("s1"), "user": mail}, "session", 0},
		{"a session that is named in a way we do not know", revoked, claims{"format": "complex", "session": mail, "user": alice}, "subject", 0},
		{"a user on one device", revoked, claims{"format": "complex", "user": alice, "device": device, "tenant": opaque("t")}, "subject", 0},
		{"a device without a user", revoked, claims{"format": "complex", "device": device}, "", 1},
		{"a whole tenant", revoked, claims{"format": "complex", "tenant": opaque("t")}, "", 1},
		{"aliases of a user", revoked, claims{"format": "complex", "user": claims{"format": "opaque", "id": "alice"}}, "", 1},
		{"members that are no subjects", revoked, claims{"format": "complex", "user": alice, "note": "x"}, "subject", 0},
		{"a complex subject of the older drafts", revoked, claims{"user": alice}, "subject", 0},
		{"a subject of Google", revoked, claims{"subject_type": "iss-sub", "iss": url, "sub": "alice"}, "subject", 0},
	} {
		f := receiver(t, with(func(cfg *events.Config) { cfg.Transmitter, cfg.Issuer = f.issuer.URL(), f.issuer.URL() }), func(of *fixture, _ *events.Config) {
			of.issuer, of.auth = f.issuer, f.auth
		})
		f.takes(f.event(row.subject, row.event, nil))
		if got := f.revokedBy(); got != row.want {
			t.Errorf("%s: revoked by %q, want %q", row.name, got, row.want)
		}
		if got := f.Status(); got.Unmapped != row.unmapped || got.Feed.Refused != 0 {
			t.Errorf("%s: %+v", row.name, got)
		}
		if got := strings.Contains(f.log.String(), "level=WARN"); got != (row.unmapped > 0) || strings.Contains(f.log.String(), "alice") {
			t.Errorf("%s: the log is %s", row.name, f.log)
		}
	}
}

// Older drafts had the subject inside the event. The claim sub_id counts where both are.
func TestSubjectsInsideOfEvents(t *testing.T) {
	f := receiver(t)
	inside := claims{caep + "session-revoked": claims{"subject": f.alice()}}
	f.takes(f.issuer.SecurityEvent(claims{"events": inside, "sub_id": claims{"format": "opaque", "id": "s2"}}))
	if got := f.revokedBy(); got != "" {
		t.Errorf("sub_id was not what counted: %q", got)
	}
	f.takes(f.issuer.SecurityEvent(claims{"events": inside, "sub_id": nil}))
	if got := f.revokedBy(); got != "subject" {
		t.Errorf("revoked by %q", got)
	}
}

func TestUpToWhenTokensAreRevoked(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	for _, row := range []struct {
		name    string
		payload claims
		claims  claims
		before  time.Time // tokens of this second are revoked, and those of the next are not
	}{
		{"event_timestamp", claims{"event_timestamp": ago(time.Hour).Unix()}, nil, ago(time.Hour)},
		{"event_timestamp and toe", claims{"event_timestamp": ago(time.Hour).Unix()}, claims{"toe": ago(time.Minute)}, ago(time.Hour)},
		{"toe", nil, claims{"toe": ago(time.Hour)}, ago(time.Hour)},
		{"iat", nil, claims{"iat": ago(time.Minute)}, ago(time.Minute)},
		{"a fraction of a second", claims{"event_timestamp": float64(ago(time.Hour).Unix()) + 0.75}, nil, ago(time.Hour)},
		{"milliseconds", claims{"event_timestamp": ago(time.Hour).UnixMilli() + 250}, nil, ago(time.Hour)},
		{"an event_timestamp that is text", claims{"event_timestamp": "2026-01-01T00:00:00Z"}, claims{"iat": ago(time.Minute)}, ago(time.Minute)},
		{"an event_timestamp of zero", claims{"event_timestamp": 0}, claims{"iat": ago(time.Minute)}, ago(time.Minute)},
		{"an event_timestamp before 1970", claims{"event_timestamp": -1}, claims{"iat": ago(time.Minute)}, ago(time.Minute)},
		{"an event_timestamp beyond all time", claims{"event_timestamp": 1e300}, claims{"iat": ago(time.Minute)}, ago(time.Minute)},
		{"microseconds", claims{"event_timestamp": ago(time.Hour).UnixMicro()}, claims{"iat": ago(time.Minute)}, ago(time.Minute)},
		{"a toe of zero", nil, claims{"toe": 0, "iat": ago(time.Minute)}, ago(time.Minute)},
	} {
		f := receiver(t)
		payload := row.payload
		if payload == nil {
			payload = claims{}
		}
		all := claims{"events": claims{caep + "session-revoked": payload}}
		for name, value := range row.claims {
			all[name] = value
		}
		f.takes(f.issuer.SecurityEvent(all))
		facts := f.facts()
		for after, want := range map[time.Duration]string{0: "subject", time.Second: ""} {
			if facts.IssuedAt = row.before.Add(after); f.list.Judge(facts).Kind != want {
				t.Errorf("%s: a token %v later is not %q", row.name, after, want)
			}
		}
	}
}

// What lies in the future has not happened: a date there must not refuse tokens for years.
func TestAnEventOfTheFutureIsOneOfThePresent(t *testing.T) {
	for name, c := range map[string]claims{
		"event_timestamp": {"events": claims{caep + "session-revoked": claims{"event_timestamp": time.Now().Add(24 * time.Hour).Unix()}}},
		"iat":             {"iat": time.Now().Add(24 * time.Hour), "events": claims{caep + "session-revoked": claims{}}},
		"iat after 2100":  {"iat": int64(5000000000), "events": claims{caep + "session-revoked": claims{}}},
	} {
		f := receiver(t)
		f.takes(f.issuer.SecurityEvent(c))
		facts := f.facts()
		for after, want := range map[time.Duration]string{0: "subject", 30 * time.Second: "subject", 2 * time.Minute: ""} {
			if facts.IssuedAt = time.Now().Add(after); f.list.Judge(facts).Kind != want {
				t.Errorf("%s: a token %v from now is not %q", name, after, want)
			}
		}
	}
}

// However short tokens live, an event ends them whose transmitter's clock is as far ahead as clocks may be.
func TestAnEventALittleAheadEndsShortTokens(t *testing.T) {
	for _, ahead := range []time.Duration{0, 45 * time.Second, time.Minute, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			list, err := revocation.New(revocation.Config{MaxAge: 30 * time.Second, Logger: silent})
			if err != nil {
				t.Fatal(err)
			}
			r, _ := offlineOn(t, list, nil)
			w := pushTo(r, signed(fmt.Sprintf(`{"iss":%q,"aud":%q,"iat":%d,"jti":"a","sub_id":{"format":"iss_sub","iss":%q,"sub":"alice"},"events":{%q:{}}}`,
				testkit.Issuer, audience, time.Now().Add(ahead).Unix(), testkit.Issuer, caep+"session-revoked")))
			token := middleware.TokenFacts{Issuer: testkit.Issuer, Subject: "alice", IssuedAt: time.Now(), Expiry: time.Now().Add(30 * time.Second)}
			if got := list.Judge(token).Kind; w.Code != http.StatusAccepted || got != "subject" || r.Status().Invalid != 0 {
				t.Errorf("%v ahead: %d, revoked by %q, %+v", ahead, w.Code, got, r.Status())
			}
			token.IssuedAt = time.Now().Add(61 * time.Second)
			if got := list.Judge(token).Kind; got != "" {
				t.Errorf("%v ahead: a token that was issued later is revoked by %q", ahead, got)
			}
		})
	}
}

func TestCriticalMembersAreNotLeftOutOfAccount(t *testing.T) {
	tenant := claims{"format": "opaque", "id": "t1"}
	for _, row := range []struct {
		name      string
		critical  []string
		member    string
		entries   bool
		want      string
		discarded uint64
	}{
		{"a member that is critical", []string{"tenant"}, "tenant", false, "", 1},
		{"a member that is not critical", []string{"tenant"}, "group", false, "subject", 0},
		{"a member that is critical and that Entries judges", []string{"tenant"}, "tenant", true, "session", 0},
		{"a member that is critical and understood", []string{"user", "session"}, "session", false, "session", 0},
	} {
		told := make(chan string, 1)
		f := receiver(t, with(func(cfg *events.Config) {
			cfg.CriticalMembers = row.critical
			cfg.Event = func(_ context.Context, e events.Event) { told <- e.Type }
			if row.entries {
				cfg.Entries = func(_ context.Context, e events.Event) ([]revocation.Entry, error) {
					if e.Subject.Members["tenant"].ID != "t1" {
						t.Errorf("%+v", e.Subject)
					}
					return []revocation.Entry{{Kind: revocation.Session, Issuer: cfg.Transmitter, Value: "s1"}}, nil
				}
			}
		}))
		subject := claims{"format": "complex", "user": f.alice(), row.member: tenant}
		if row.member == "session" {
			subject["session"] = claims{"format": "opaque", "id": "s1"}
		}
		f.takes(f.event(subject, caep+"session-revoked", nil))
		if got := f.revokedBy(); got != row.want {
			t.Errorf("%s: revoked by %q, want %q", row.name, got, row.want)
		}
		if got := f.Status(); got.Discarded != row.discarded {
			t.Errorf("%s: %+v", row.name, got)
		}
		if row.discarded == 0 {
			<-told
		} else if got := f.Status().Waiting; got > 0 || len(told) > 0 || !strings.Contains(f.log.String(), `\"tenant\"`) {
			t.Errorf("%s: Event was told of what was discarded, or the log does not say so: %s", row.name, f.log)
		}
	}
}

func TestEntriesOfTheApplication(t *testing.T) {
	failed := errors.New("the directory does not answer")
	mail := claims{"format": "email", "email": "alice@example.com"}
	for _, row := range []struct {
		name    string
		entries func(e events.Event, iss string) ([]revocation.Entry, error)
		subject string
		status  int
		want    string
	}{
		{"an email address is somebody", func(e events.Event, iss string) ([]revocation.Entry, error) {
			if e.Subject.Format != "email" || e.Subject.ID != "alice@example.com" {
				t.Errorf("%+v", e)
			}
			return []revocation.Entry{{Kind: revocation.Subject, Issuer: iss, Value: "alice"}}, nil
		}, "email", http.StatusAccepted, "subject"},
		{"it knows better", func(_ events.Event, iss string) ([]revocation.Entry, error) {
			return []revocation.Entry{{Kind: revocation.Client, Issuer: iss, Value: "c1"}}, nil
		}, "", http.StatusAccepted, "client"},
		{"it knows nothing", func(events.Event, string) ([]revocation.Entry, error) { return nil, nil }, "", http.StatusAccepted, "subject"},
		{"it cannot tell", func(events.Event, string) ([]revocation.Entry, error) { return nil, failed }, "", http.StatusServiceUnavailable, ""},
		{"it has a date of its own", func(_ events.Event, iss string) ([]revocation.Entry, error) {
			return []revocation.Entry{revocation.WholeIssuer(iss, time.Now().Add(-time.Hour))}, nil
		}, "", http.StatusAccepted, ""},
		{"it means the whole issuer", func(_ events.Event, iss string) ([]revocation.Entry, error) {
			return []revocation.Entry{{Kind: revocation.Issuer, Issuer: iss}}, nil
		}, "", http.StatusAccepted, "issuer"},
	} {
		f := receiver(t, with(func(cfg *events.Config) {
			cfg.Entries = func(_ context.Context, e events.Event) ([]revocation.Entry, error) {
				return row.entries(e, cfg.Transmitter)
			}
		}))
		subject := f.alice()
		if row.subject == "email" {
			subject = mail
		}
		w := f.push(f.event(subject, caep+"session-revoked", claims{"event_timestamp": time.Now().Add(-30 * time.Second).Unix()}))
		if w.Code != row.status || f.revokedBy() != row.want {
			t.Errorf("%s: %d, revoked by %q, want %q", row.name, w.Code, f.revokedBy(), row.want)
		}
		later := f.facts()
		later.IssuedAt = time.Now()
		if f.list.Judge(later).Kind != "" {
			t.Errorf("%s: a later token is revoked, too", row.name)
		}
		if err := f.Status().Feed.LastError; row.status != http.StatusAccepted && !errors.Is(err, failed) {
			t.Errorf("%s: %v", row.name, err)
		}
	}
}

func TestEndsDecidesOtherwise(t *testing.T) {
	f := receiver(t, with(func(cfg *events.Config) {
		cfg.Ends = func(e events.Event) bool {
			return e.Type == caep+"risk-level-change" || e.EndsAccess() && e.Type != events.CredentialChange
		}
	}))
	f.takes(f.event(f.alice(), caep+"credential-change", claims{"change_type": "update"}))
	if f.revokedBy() != "" {
		t.Error("what does not end access has ended it")
	}
	f.takes(f.event(f.alice(), caep+"risk-level-change", nil))
	if f.revokedBy() != "subject" {
		t.Error("what ends access has not ended it")
	}
}

// An issuer whose tokens are introspected has no keys to be known by, and its subjects can be named all the same.
func TestAnIssuerOfOpaqueTokens(t *testing.T) {
	const tokens = "https://opaque.example.com"
	f := receiver(t, func(f *fixture, cfg *events.Config) {
		given := f.issuer.Config(audience)
		given.Issuers[0].Introspector = nil
		given.Issuers = append(given.Issuers, middleware.Issuer{URL: tokens, JWTs: middleware.IntrospectJWTs, Introspector: nobody{}})
		auth, err := middleware.New(given)
		if err != nil {
			t.Fatal(err)
		}
		f.auth, cfg.Issuer = auth, tokens
	})
	f.takes(f.event(claims{"format": "iss_sub", "iss": tokens, "sub": "alice"}, caep+"session-revoked", nil))
	facts := f.facts()
	facts.Issuer = tokens
	if got := f.list.Judge(facts).Kind; got != "subject" {
		t.Errorf("revoked by %q", got)
	}
}

// Events may be about an issuer that is not their transmitter, by any of its names.
func TestAnIssuerOfAnotherName(t *testing.T) {
	const tokens, alias = "https://tokens.example.com", "https://login.example.com"
	f := receiver(t, func(f *fixture, cfg *events.Config) {
		given := f.issuer.Config(audience)
		given.Issuers = append(given.Issuers, middleware.Issuer{URL: tokens, Aliases: []string{alias}, Keys: mustKeys(t)})
		auth, err := middleware.New(given)
		if err != nil {
			t.Fatal(err)
		}
		f.auth, cfg.Issuer = auth, alias
	})
	facts := f.facts()
	facts.Issuer = tokens
	for n, iss := range []string{tokens, alias} {
		f.takes(f.event(claims{"format": "iss_sub", "iss": iss, "sub": []string{"alice", "bob"}[n]}, caep+"session-revoked", nil))
		facts.Subject = []string{"alice", "bob"}[n]
		if got := f.list.Judge(facts).Kind; got != "subject" {
			t.Errorf("%s: %q", iss, got)
		}
	}
	f.takes(f.event(claims{"format": "iss_sub", "iss": f.issuer.URL(), "sub": "carol"}, caep+"session-revoked", nil))
	if got := f.Status().Unmapped; got != 1 {
		t.Errorf("a subject of the transmitter itself: %d unmapped", got)
	}
}
