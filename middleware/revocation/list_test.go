package revocation_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/revocation"
)

var silent = slog.New(slog.DiscardHandler)

func newList(t testing.TB, cfg revocation.Config) *revocation.List {
	t.Helper()
	if cfg.Logger == nil {
		cfg.Logger = silent
	}
	l, err := revocation.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// at is a date of the tests' own time.
func at(seconds int64) time.Time {
	return time.Now().Truncate(time.Second).Add(time.Duration(seconds) * time.Second)
}

func facts() middleware.TokenFacts {
	return middleware.TokenFacts{Issuer: "https://i", ID: "j", SessionID: "s", Subject: "u", ClientID: "c", IssuedAt: at(-60), Expiry: at(600)}
}

func but(change func(*middleware.TokenFacts)) middleware.TokenFacts {
	f := facts()
	change(&f)
	return f
}

// All dates of a row are of one second.
func TestWhatAnEntryHits(t *testing.T) { synctest.Test(t, testWhatAnEntryHits) }

func testWhatAnEntryHits(t *testing.T) {
	for _, row := range []struct {
		name  string
		entry revocation.Entry
		token middleware.TokenFacts
		want  revocation.Kind
	}{
		{"its own token", revocation.Entry{Kind: revocation.Token, Issuer: "https://i", Value: "j"}, facts(), revocation.Token},
		{"another token", revocation.Entry{Kind: revocation.Token, Issuer: "https://i", Value: "k"}, facts(), ""},
		{"the same jti of another issuer", revocation.Entry{Kind: revocation.Token, Issuer: "https://k", Value: "j"}, facts(), ""},
		{"a token without jti", revocation.Entry{Kind: revocation.Token, Issuer: "https://i", Value: "j"},
			but(func(f *middleware.TokenFacts) { f.ID = "" }), ""},
		{"a sid that is spelt like the jti", revocation.Entry{Kind: revocation.Token, Issuer: "https://i", Value: "s"}, facts(), ""},
		{"issuer and value cut elsewhere", revocation.Entry{Kind: revocation.Token, Issuer: "https://", Value: "ij"}, facts(), ""},
		{"its session", revocation.Entry{Kind: revocation.Session, Issuer: "https://i", Value: "s"}, facts(), revocation.Session},
		{"a later token of the session", revocation.Entry{Kind: revocation.Session, Issuer: "https://i", Value: "s"},
			but(func(f *middleware.TokenFacts) { f.IssuedAt = at(60) }), revocation.Session},
		{"a token without sid", revocation.Entry{Kind: revocation.Session, Issuer: "https://i", Value: "s"},
			but(func(f *middleware.TokenFacts) { f.SessionID = "" }), ""},
		{"its subject", revocation.Entry{Kind: revocation.Subject, Issuer: "https://i", Value: "u", IssuedBefore: at(0)}, facts(), revocation.Subject},
		{"issued in the same second", revocation.Entry{Kind: revocation.Subject, Issuer: "https://i", Value: "u", IssuedBefore: at(-60)}, facts(), revocation.Subject},
		{"issued later in the same second", revocation.Entry{Kind: revocation.Subject, Issuer: "https://i", Value: "u", IssuedBefore: at(-60)},
			but(func(f *middleware.TokenFacts) { f.IssuedAt = at(-60).Add(900 * time.Millisecond) }), revocation.Subject},
		{"issued a second later", revocation.Entry{Kind: revocation.Subject, Issuer: "https://i", Value: "u", IssuedBefore: at(-61)}, facts(), ""},
		{"without iat", revocation.Entry{Kind: revocation.Subject, Issuer: "https://i", Value: "u", IssuedBefore: at(-600)},
			but(func(f *middleware.TokenFacts) { f.IssuedAt = time.Time{} }), revocation.Subject},
		{"another subject without iat", revocation.Entry{Kind: revocation.Subject, Issuer: "https://i", Value: "u", IssuedBefore: at(0)},
			but(func(f *middleware.TokenFacts) { f.Subject, f.IssuedAt = "v", time.Time{} }), ""},
		{"a token without sub", revocation.Entry{Kind: revocation.Subject, Issuer: "https://i", Value: "u", IssuedBefore: at(0)},
			but(func(f *middleware.TokenFacts) { f.Subject = "" }), ""},
		{"its client", revocation.Entry{Kind: revocation.Client, Issuer: "https://i", Value: "c", IssuedBefore: at(0)}, facts(), revocation.Client},
		{"a subject named like the client", revocation.Entry{Kind: revocation.Client, Issuer: "https://i", Value: "u", IssuedBefore: at(0)}, facts(), ""},
		{"its issuer", revocation.WholeIssuer("https://i", at(0)), facts(), revocation.Issuer},
		{"its issuer, before it was issued", revocation.WholeIssuer("https://i", at(-120)), facts(), ""},
		{"another issuer", revocation.WholeIssuer("https://j", at(0)), facts(), ""},
		{"until now, and the issuer's clock is a little ahead", revocation.WholeIssuer("https://i", time.Time{}),
			but(func(f *middleware.TokenFacts) { f.IssuedAt = at(1) }), revocation.Issuer},
		{"until now, and issued after that", revocation.WholeIssuer("https://i", time.Time{}),
			but(func(f *middleware.TokenFacts) { f.IssuedAt = at(4) }), ""},
	} {
		l := newList(t, revocation.Config{})
		if err := l.Revoke(t.Context(), row.entry); err != nil {
			t.Errorf("%s: %v", row.name, err)
		}
		if verdict := l.Judge(row.token); verdict.Kind != string(row.want) || verdict.AsOf.IsZero() {
			t.Errorf("%s: %+v, want %q", row.name, verdict, row.want)
		}
	}
}

func TestEntriesThatAreRefused(t *testing.T) {
	l := newList(t, revocation.Config{MaxAge: time.Hour})
	bare := &middleware.Token{Issuer: "https://i"}
	for _, row := range []struct {
		name  string
		entry revocation.Entry
		want  string
	}{
		{"the zero entry", revocation.Entry{}, "Kind is empty"},
		{"no kind", revocation.Entry{Issuer: "https://i", Value: "x"}, "Kind is empty"},
		{"an unknown kind", revocation.Entry{Kind: "jti", Issuer: "https://i", Value: "x"}, `"jti"`},
		{"no issuer", revocation.Entry{Kind: revocation.Token, Value: "x"}, "Issuer is empty"},
		{"a token without jti", revocation.ByToken(bare), "Value is empty"},
		{"a token without sid", revocation.BySession(bare), "Value is empty"},
		{"a token without sub", revocation.BySubject(bare, time.Time{}), "Value is empty"},
		{"a token without client", revocation.ByClient(bare, time.Time{}), "Value is empty"},
		{"a whole issuer with a value", revocation.Entry{Kind: revocation.Issuer, Issuer: "https://i", Value: "x"}, "whole issuer"},
		{"a dated token", revocation.Entry{Kind: revocation.Token, Issuer: "https://i", Value: "x", IssuedBefore: at(0)}, "IssuedBefore means nothing"},
		{"a date far ahead", revocation.WholeIssuer("https://i", at(3700)), "MaxAge"},
		{"a date before there were any", revocation.WholeIssuer("https://i", time.Unix(0, 0)), "1970"},
		{"an end beyond all", revocation.Entry{Kind: revocation.Token, Issuer: "https://i", Value: "x", Until: time.Date(2101, 1, 1, 0, 0, 0, 0, time.UTC)}, "2100"},
		{"an issuer beyond all", revocation.Entry{Kind: revocation.Token, Issuer: strings.Repeat("x", 5000), Value: "x"}, "4096"},
		{"a value beyond all", revocation.Entry{Kind: revocation.Token, Issuer: "https://i", Value: strings.Repeat("x", 5000)}, "4096"},
	} {
		for name, change := range map[string]func(context.Context, revocation.Entry) error{"Revoke": l.Revoke, "Lift": l.Lift} {
			if err := change(t.Context(), row.entry); err == nil || !strings.Contains(err.Error(), row.want) || errors.Is(err, revocation.ErrNotListed) {
				t.Errorf("%s of %s: %v, want %q", name, row.name, err, row.want)
			}
		}
	}
	if got := l.Status().Entries; got != 0 {
		t.Errorf("%d entries", got)
	}
}

func TestConfigMistakes(t *testing.T) {
	_, err := revocation.New(revocation.Config{MaxEntries: -1, MaxAge: -1})
	if _, err := revocation.New(revocation.Config{MaxAge: 11 * 365 * 24 * time.Hour}); err == nil {
		t.Error("a MaxAge beyond all is taken")
	}
	if err := newList(t, revocation.Config{}).Revoke(t.Context(), revocation.WholeIssuer("https://i", at(23*3600))); err != nil {
		t.Errorf("a date within the MaxAge of the zero Config: %v", err)
	}
	if err == nil || !strings.Contains(err.Error(), "MaxEntries is -1") || !strings.Contains(err.Error(), "MaxAge is -1ns") {
		t.Error(err)
	}
}

// An entry without an end lives as long as a token can that it hits: MaxAge after now, or after its date.
func TestHowLongEntriesLive(t *testing.T) {
	const beyond = 10*time.Minute + 2*time.Second // the leeway that an issuer may have, and a second to round
	for name, row := range map[string]struct {
		entry revocation.Entry
		lives time.Duration
	}{
		"a token":               {revocation.Entry{Kind: revocation.Token, Issuer: "https://i", Value: "j"}, time.Hour},
		"a token with an end":   {revocation.Entry{Kind: revocation.Token, Issuer: "https://i", Value: "j", Until: at(60)}, time.Minute},
		"a subject until now":   {revocation.Entry{Kind: revocation.Subject, Issuer: "https://i", Value: "u"}, time.Hour + 2*time.Second},
		"a subject of long ago": {revocation.Entry{Kind: revocation.Subject, Issuer: "https://i", Value: "u", IssuedBefore: at(-1800)}, 30 * time.Minute},
	} {
		synctest.Test(t, func(t *testing.T) {
			entry := row.entry
			if !entry.Until.IsZero() {
				entry.Until = at(60)
			}
			if !entry.IssuedBefore.IsZero() {
				entry.IssuedBefore = at(-1800)
			}
			l := newList(t, revocation.Config{MaxEntries: 1, MaxAge: time.Hour})
			if err := l.Revoke(t.Context(), entry); err != nil {
				t.Fatal(err)
			}
			other := revocation.Entry{Kind: revocation.Session, Issuer: "https://i", Value: "other"}
			time.Sleep(row.lives + 10*time.Minute - 2*time.Second)
			if err := l.Revoke(t.Context(), other); !errors.Is(err, revocation.ErrFull) {
				t.Errorf("%s: forgotten too soon: %v", name, err)
			}
			time.Sleep(beyond - 10*time.Minute + 3*time.Second)
			if err := l.Revoke(t.Context(), other); err != nil {
				t.Errorf("%s: not forgotten: %v", name, err)
			}
		})
	}
}

// A nil Logger is slog.Default(), asked for at each line.
func TestNilLogger(t *testing.T) {
	var log bytes.Buffer
	l, err := revocation.New(revocation.Config{MaxAge: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	before := slog.Default()
	t.Cleanup(func() { slog.SetDefault(before) })
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	if l.Judge(facts()); !strings.Contains(log.String(), "MaxAge") {
		t.Errorf("nothing is logged: %s", &log)
	}
}

func TestLift(t *testing.T) {
	l := newList(t, revocation.Config{})
	e := revocation.Entry{Kind: revocation.Subject, Issuer: "https://i", Value: "u", IssuedBefore: at(-3600)}
	later := e
	later.IssuedBefore, later.Until = at(0), at(60) // ends earlier, so that neither covers the other
	check := func(want string) {
		t.Helper()
		if got := l.Judge(facts()).Kind; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	for _, entry := range []revocation.Entry{e, later} {
		if err := l.Revoke(t.Context(), entry); err != nil {
			t.Fatal(err)
		}
	}
	check("subject")
	version := l.Version()
	if err := l.Lift(t.Context(), e); err != nil || l.Version() == version || l.Status().Entries != 0 {
		t.Errorf("%v, version %d, %+v", err, l.Version(), l.Status())
	}
	check("")
	if err := l.Lift(t.Context(), e); !errors.Is(err, revocation.ErrNotListed) {
		t.Errorf("a second time: %v", err)
	}
	if err := l.Revoke(t.Context(), later); err != nil {
		t.Fatal(err)
	}
	check("subject")
}

// A full list says so, forgets what has ended, and nothing that lives.
func TestFullList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newList(t, revocation.Config{MaxEntries: 100, MaxAge: time.Hour})
		entry := func(i int, until time.Time) revocation.Entry {
			return revocation.Entry{Kind: revocation.Token, Issuer: "https://i", Value: fmt.Sprint(i), Until: until}
		}
		for i := range 100 {
			if err := l.Revoke(t.Context(), entry(i, at(int64(60*(i%2))+60))); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Revoke(t.Context(), entry(100, at(60))); !errors.Is(err, revocation.ErrFull) {
			t.Errorf("full: %v", err)
		}
		if err := l.Revoke(t.Context(), entry(1, at(60))); err != nil {
			t.Errorf("one that is there already: %v", err)
		}
		time.Sleep(60*time.Second + 10*time.Minute + 2*time.Second) // half have ended, the leeway that an issuer may have included
		if err := l.Revoke(t.Context(), entry(100, at(60))); err != nil {
			t.Errorf("after half has ended: %v", err)
		}
		if got := l.Status().Entries; got != 51 {
			t.Errorf("%d entries, want 51", got)
		}
		for i := range 101 {
			want := "token"
			if i%2 == 0 && i != 100 {
				want = ""
			}
			if got := l.Judge(but(func(f *middleware.TokenFacts) { f.ID = fmt.Sprint(i) })).Kind; got != want {
				t.Errorf("%d: %q, want %q", i, got, want)
			}
		}
	})
}

// Entries come and go while requests are judged. Whoever is revoked before a request begins is refused in it.
func TestRevokingWhileJudging(t *testing.T) {
	l := newList(t, revocation.Config{})
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 500 {
				id := fmt.Sprintf("%d/%d", g, i)
				token := but(func(f *middleware.TokenFacts) { f.ID = id })
				before := l.Version()
				if got := l.Judge(token).Kind; got != "" {
					t.Errorf("%s is revoked by nobody", id)
				}
				e := revocation.Entry{Kind: revocation.Token, Issuer: token.Issuer, Value: id}
				if err := l.Revoke(t.Context(), e); err != nil {
					t.Error(err)
				}
				if l.Judge(token).Kind != "token" || l.Version() == before {
					t.Errorf("%s is not revoked", id)
				}
				if i%2 == 0 {
					if err := l.Lift(t.Context(), e); err != nil || l.Judge(token).Kind != "" {
						t.Errorf("%s is not lifted: %v", id, err)
					}
				}
			}
		})
	}
	wg.Wait()
	if got := l.Status(); got.Entries != 8*250 || got.Hits != 8*500 || got.LastEvent.IsZero() {
		t.Errorf("%+v", got)
	}
}

func TestLongTokensAreCounted(t *testing.T) {
	var log bytes.Buffer
	l := newList(t, revocation.Config{MaxAge: time.Minute, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	for range 3 {
		l.Judge(facts())
	}
	if got := l.Status().LongTokens; got != 3 || strings.Count(log.String(), "level=ERROR") != 1 || !strings.Contains(log.String(), "MaxAge") {
		t.Errorf("%d, %s", got, &log)
	}
}

// How long a token lives that does not say when it began, or when it ends, can only be feared.
func TestTokensThatDoNotSayHowLongTheyLive(t *testing.T) {
	for _, row := range []struct {
		name  string
		token middleware.TokenFacts
		want  uint64
	}{
		{"it lives for a minute", but(func(f *middleware.TokenFacts) { f.IssuedAt, f.Expiry = at(0), at(60) }), 0},
		{"without iat, a minute is left", but(func(f *middleware.TokenFacts) { f.IssuedAt, f.Expiry = time.Time{}, at(60) }), 0},
		{"without iat, two minutes are left", but(func(f *middleware.TokenFacts) { f.IssuedAt, f.Expiry = time.Time{}, at(120) }), 1},
		{"without exp", but(func(f *middleware.TokenFacts) { f.Expiry = time.Time{} }), 1},
		{"without both", but(func(f *middleware.TokenFacts) { f.IssuedAt, f.Expiry = time.Time{}, time.Time{} }), 1},
	} {
		l := newList(t, revocation.Config{MaxAge: time.Minute})
		l.Judge(row.token)
		if got := l.Status().LongTokens; got != row.want {
			t.Errorf("%s: %d long tokens, want %d", row.name, got, row.want)
		}
	}
	l := newList(t, revocation.Config{MaxAge: time.Minute})
	_ = l.Close()
	l.Judge(but(func(f *middleware.TokenFacts) { f.IssuedAt = time.Time{} }))
	if got := l.Status().LongTokens; got != 0 {
		t.Errorf("a closed list has counted %d", got)
	}
}

// A token can be taken back however far away its end is, and stays so: a list that forgot it would let it in again.
func TestATokenThatNeverEnds(t *testing.T) {
	for name, expiry := range map[string]time.Time{
		"without exp": {}, "in 2200": time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC), "in 9999": time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
	} {
		synctest.Test(t, func(t *testing.T) {
			l := newList(t, revocation.Config{MaxAge: time.Minute, MaxEntries: 2})
			token := &middleware.Token{Issuer: "https://i", ID: "j", Expiry: expiry}
			if err := l.Revoke(t.Context(), revocation.ByToken(token)); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for n := range 10 { // each finds the list full, which sweeps it
				time.Sleep(time.Hour)
				_ = l.Revoke(t.Context(), revocation.Entry{Kind: revocation.Token, Issuer: "https://i", Value: fmt.Sprint(n)})
			}
			if verdict := l.Judge(token.Facts()); verdict.Kind != string(revocation.Token) {
				t.Errorf("%s: the entry is gone: %+v", name, verdict)
			}
		})
	}
}

func TestClosedList(t *testing.T) {
	l := newList(t, revocation.Config{})
	version := l.Version()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := l.Revoke(t.Context(), revocation.WholeIssuer("https://i", time.Time{})); !errors.Is(err, revocation.ErrClosed) {
		t.Error(err)
	}
	if got := l.Judge(facts()); !got.AsOf.IsZero() || l.Version() == version {
		t.Errorf("%+v, version %d", got, l.Version())
	}
}

func TestCancelledRevoke(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := newList(t, revocation.Config{}).Revoke(ctx, revocation.WholeIssuer("https://i", time.Time{})); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// What is asked on every request allocates nothing.
func TestJudgeAllocatesNothing(t *testing.T) {
	l := newList(t, revocation.Config{})
	for _, kind := range []revocation.Kind{revocation.Token, revocation.Session, revocation.Subject, revocation.Client} {
		if err := l.Revoke(t.Context(), revocation.Entry{Kind: kind, Issuer: "https://i", Value: "other"}); err != nil {
			t.Fatal(err)
		}
	}
	f := facts()
	if got := testing.AllocsPerRun(100, func() { l.Judge(f) }); got != 0 {
		t.Errorf("%v allocations", got)
	}
}
