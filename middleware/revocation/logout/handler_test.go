package logout_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
	"github.com/cardea-auth/cardea/middleware/revocation"
	"github.com/cardea-auth/cardea/middleware/revocation/logout"
)

const notAForm = "Send one logout_token as application/x-www-form-urlencoded."

func TestOnlyPostedFormsAreTaken(t *testing.T) {
	a := usual(t)
	token := signed(nil)
	for _, method := range []string{"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "post", ""} {
		r := httptest.NewRequest("POST", "/?logout_token="+token, strings.NewReader("logout_token="+token))
		r.Method = method
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := a.serve(r)
		a.wantError(method, w, http.StatusMethodNotAllowed, invalid("Use POST."))
		if got := w.Header().Values("Allow"); len(got) != 1 || got[0] != "POST" {
			t.Errorf("%s: Allow is %q", method, got)
		}
	}
	for name, row := range map[string]struct{ media, body string }{
		"JSON": {"application/json", `{"logout_token":"` + token + `"}`},
		"a form of another type": {
			"multipart/form-data; boundary=x",
			"--x\r\nContent-Disposition: form-data; name=\"logout_token\"\r\n\r\n" + token + "\r\n--x--",
		},
		"a form that is called JSON":   {"application/json", "logout_token=" + token},
		"a JWT":                        {"application/jwt", token},
		"no type":                      {"", "logout_token=" + token},
		"a type that cannot be parsed": {"application/x-www-form-urlencoded; charset", "logout_token=" + token},
		"no parameter":                 {"application/x-www-form-urlencoded", ""},
		"another parameter":            {"application/x-www-form-urlencoded", "token=" + token},
		"two":                          {"application/x-www-form-urlencoded", "logout_token=" + token + "&logout_token=" + token},
		"a form with a semicolon":      {"application/x-www-form-urlencoded", "a=1;logout_token=" + token},
		"a form that is no form":       {"application/x-www-form-urlencoded", "%zz=1&logout_token=" + token},
		"a body that is too large":     {"application/x-www-form-urlencoded", "logout_token=" + token + "&x=" + strings.Repeat("x", 64<<10)},
	} {
		r := httptest.NewRequest("POST", "/?logout_token="+token, strings.NewReader(row.body))
		r.Header.Set("Content-Type", row.media)
		a.wantError(name, a.serve(r), http.StatusBadRequest, invalid(notAForm))
	}
	r := httptest.NewRequest("POST", "/", io.MultiReader(strings.NewReader("logout_token="), failing{}))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	a.wantError("a body that breaks off", a.serve(r), http.StatusBadRequest, invalid(notAForm))

	r = httptest.NewRequest("POST", "/?logout_token=another", strings.NewReader("a=1&logout_token="+token+"&x="+strings.Repeat("x", 60<<10)))
	r.Header.Set("Content-Type", "Application/X-WWW-Form-Urlencoded; charset=UTF-8")
	a.wantEnded("other parameters beside it", a.serve(r), 1)
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("connection reset") }

func TestWhatIsNoLogoutToken(t *testing.T) {
	const (
		unreadable = "The logout token cannot be read."
		byType     = "The token is no logout token by its typ."
		stranger   = "The issuer is none whose logout tokens are taken."
		unsigned   = "The signature is none of the issuer's."
		claim      = "The logout token lacks a claim, or has one that is no good."
		client     = "The logout token is for another client."
		late       = "The logout token has expired, is too old, or is dated ahead."
		nonce      = "The logout token has a nonce."
	)
	with := func(header string, changes claims) string {
		return testkit.Sign(header, string(testkit.JSON(good(changes))), testkit.EdKey())
	}
	for name, row := range map[string]struct{ token, want string }{
		"nothing":                {"", unreadable},
		"no JWT":                 {"x", unreadable},
		"another token's claims": {swapped(), unsigned},
		"somebody else's key":    {testkit.Sign(typed, string(testkit.JSON(good(nil))), testkit.StrangeKey()), unsigned},
		"none":                   {with(`{"typ":"logout+jwt","alg":"none"}`, nil), unsigned},
		"an algorithm that is not allowed": {
			testkit.Sign(`{"typ":"logout+jwt","alg":"ES256","kid":"p256"}`, string(testkit.JSON(good(nil))), testkit.P256Key()), unsigned,
		},
		"a MAC of the public key":         {testkit.Sign(`{"typ":"logout+jwt","alg":"HS256"}`, string(testkit.JSON(good(nil))), []byte("public")), unsigned},
		"an access token by typ":          {with(`{"typ":"at+jwt","alg":"EdDSA","kid":"ed"}`, nil), byType},
		"a security event by typ":         {with(`{"typ":"secevent+jwt","alg":"EdDSA","kid":"ed"}`, nil), byType},
		"an empty typ":                    {with(`{"typ":"","alg":"EdDSA","kid":"ed"}`, nil), byType},
		"an extension":                    {with(`{"typ":"logout+jwt","alg":"EdDSA","crit":["exp"]}`, nil), unreadable},
		"a stranger":                      {signed(claims{"iss": "https://evil.example"}), stranger},
		"another issuer, our key":         {signed(claims{"iss": other}), unsigned},
		"no iss":                          {signed(claims{"iss": nil}), unreadable},
		"no aud":                          {signed(claims{"aud": nil}), client},
		"another client":                  {signed(claims{"aud": "desktop"}), client},
		"other clients":                   {signed(claims{"aud": []string{"desktop", "WEB"}}), client},
		"an aud that is none":             {signed(claims{"aud": []any{"web", 1}}), unreadable},
		"no iat":                          {signed(claims{"iat": nil}), claim},
		"an iat that is no date":          {signed(claims{"iat": "now"}), unreadable},
		"no exp":                          {signed(claims{"exp": nil}), claim},
		"an exp that is no date":          {signed(claims{"exp": "soon"}), unreadable},
		"one that has expired":            {signed(claims{"exp": 1700000000}), late},
		"an old one that does not expire": {signed(claims{"iat": 1700000000}), late},
		"one of the future":               {signed(claims{"iat": int64(4000000000), "exp": int64(4000000001)}), late},
		"no jti":                          {signed(claims{"jti": nil}), claim},
		"an empty jti":                    {signed(claims{"jti": ""}), claim},
		"a jti that is no text":           {signed(claims{"jti": 1}), unreadable},
		"neither sub nor sid":             {signed(claims{"sub": nil, "sid": nil}), claim},
		"both empty":                      {signed(claims{"sub": "", "sid": ""}), claim},
		"a sub that is no text":           {signed(claims{"sub": 1}), unreadable},
		"a sid that is no text":           {signed(claims{"sid": []string{"x"}}), unreadable},
		"a sid that no entry could hold":  {signed(claims{"sid": strings.Repeat("x", 4097)}), claim},
		"SID beside sid":                  {signed(claims{"SID": "x"}), unreadable},
		"no events":                       {signed(claims{"events": nil}), claim},
		"events that are no object":       {signed(claims{"events": []string{event}}), claim},
		"no event":                        {signed(claims{"events": claims{}}), claim},
		"another event":                   {signed(claims{"events": claims{"https://schemas.openid.net/event/backchannel-logout": claims{}}}), claim},
		"an event that is no object":      {signed(claims{"events": claims{event: nil, "x": 1}}), claim},
		"an event that is true":           {signed(claims{"events": claims{event: true}}), claim},
		"the event in another case":       {signed(claims{"events": claims{strings.ToUpper(event): claims{}}}), unreadable},
		"Events":                          {signed(claims{"events": nil, "Events": claims{event: claims{}}}), unreadable},
		"an ID token with events":         {signed(claims{"nonce": "n"}), nonce},
		"a nonce that is null":            {testkit.Sign(typed, strings.Replace(string(testkit.JSON(good(nil))), "{", `{"nonce":null,`, 1), testkit.EdKey()), nonce},
		"two sub": {
			testkit.Sign(typed, strings.Replace(string(testkit.JSON(good(nil))), "{", `{"sub":"bob",`, 1), testkit.EdKey()), unreadable,
		},
	} {
		a := usual(t)
		a.wantError(name, a.send(row.token), http.StatusBadRequest, invalid(row.want))
		if s := a.receiver.Status(); s.Refused != 1 || a.list.Status().Hits != 0 {
			t.Errorf("%s: status is %+v", name, s)
		}
		if row.token != "" && (strings.Contains(a.log.String(), row.token) || !strings.Contains(a.log.String(), "level=WARN")) {
			t.Errorf("%s: the log is %s", name, a.log.String())
		}
	}
}

func swapped() string {
	one, two := strings.Split(signed(nil), "."), strings.Split(signed(claims{"sub": "bob", "sid": nil}), ".")
	return strings.Join([]string{one[0], two[1], one[2]}, ".")
}

func TestWhatALogoutTokenEnds(t *testing.T) {
	for name, row := range map[string]struct {
		token string
		want  string // of the session, and of the user
	}{
		"a session":           {signed(claims{"sub": nil}), "session "},
		"a session of a user": {signed(nil), "session "},
		"a user":              {signed(claims{"sid": nil}), " subject"},
		"a user, whose sid is null": {
			testkit.Sign(typed, strings.Replace(string(testkit.JSON(good(claims{"sid": nil}))), "{", `{"sid":null,`, 1), testkit.EdKey()),
			" subject",
		},
		"one of several clients":     {signed(claims{"aud": []string{"desktop", "mobile"}}), "session "},
		"an event with members":      {signed(claims{"events": claims{event: claims{"x": 1}, "https://e.example": 1}}), "session "},
		"an issuer by another name":  {signed(claims{"iss": alias}), "session "},
		"a trace_id, as Auth0 sends": {signed(claims{"trace_id": "x", "typ": "Logout"}), "session "},
		"RS256": {
			testkit.Sign(`{"typ":"logout+jwt","alg":"RS256","kid":"rsa"}`, string(testkit.JSON(good(nil))), testkit.RSAKey()), "session ",
		},
		"no typ, as older servers": {testkit.Sign(`{"alg":"EdDSA","kid":"ed"}`, string(testkit.JSON(good(nil))), testkit.EdKey()), "session "},
		"JWT, as older servers":    {testkit.Sign(`{"typ":"JWT","alg":"EdDSA","kid":"ed"}`, string(testkit.JSON(good(nil))), testkit.EdKey()), "session "},
		"application/logout+jwt": {
			testkit.Sign(`{"typ":"application/Logout+JWT","alg":"EdDSA","kid":"ed"}`, string(testkit.JSON(good(nil))), testkit.EdKey()),
			"session ",
		},
		"a sid as long as an entry holds": {signed(claims{"sid": strings.Repeat("x", 4096)}), " "},
	} {
		a := usual(t)
		a.wantEnded(name, a.send(row.token), 1)
		session, user := a.ended(middleware.TokenFacts{SessionID: "session-1"}), a.ended(middleware.TokenFacts{Subject: "alice"})
		if got := session + " " + user; got != row.want {
			t.Errorf("%s: ended %q, want %q", name, got, row.want)
		}
		for _, f := range []middleware.TokenFacts{{SessionID: "session-2"}, {Subject: "bob"}, {Issuer: other, SessionID: "session-1", Subject: "alice"}} {
			if got := a.ended(f); got != "" {
				t.Errorf("%s: %+v was ended: %s", name, f, got)
			}
		}
		if s := a.receiver.Status(); s.Refused != 0 || s.Feeds[0].Events != 1 || s.Feeds[0].Issuer != testkit.Issuer || s.Feeds[0].Name != "logout" || s.Feeds[1].Events != 0 {
			t.Errorf("%s: status is %+v", name, s)
		}
	}
}

// The server that sends a logout token again must not get an error for ever, and the List must not fill.
func TestALogoutTokenThatComesAgain(t *testing.T) {
	a := usual(t)
	token := signed(claims{"jti": "one"})
	for range 3 {
		a.wantEnded("the same", a.send(token), 1)
	}
	session := revocation.Entry{Kind: revocation.Session, Issuer: testkit.Issuer, Value: "session-1"}
	if err := a.list.Lift(t.Context(), session); err != nil {
		t.Fatal(err)
	}
	a.wantEnded("the same after it was lifted", a.send(token), 0)
	a.wantEnded("the same jti by another name of the issuer", a.send(signed(claims{"jti": "one", "iss": alias})), 0)
	if s := a.receiver.Status(); s.Repeated != 4 || s.Feeds[0].Events != 5 {
		t.Errorf("status is %+v", s)
	}
	foreign := testkit.Sign(`{"typ":"logout+jwt","alg":"EdDSA"}`, string(testkit.JSON(good(claims{"jti": "one", "iss": other}))), testkit.StrangeKey())
	a.wantEnded("the same jti of another issuer", a.send(foreign), 1)
	a.wantEnded("another jti", a.send(signed(nil)), 2)
	if n := strings.Count(a.log.String(), "level=INFO"); n != 3 {
		t.Errorf("%d logouts were logged, want 3: %s", n, a.log.String())
	}
}

type source func(ctx context.Context, kid, alg string) ([]*jwks.Key, error)

func (f source) VerificationKeys(ctx context.Context, kid, alg string) ([]*jwks.Key, error) {
	return f(ctx, kid, alg)
}

func TestAnOutageIsNeverABadLogoutToken(t *testing.T) {
	down := source(func(context.Context, string, string) ([]*jwks.Key, error) { return nil, jwks.ErrUnavailable })
	a := newAPI(t, down, revocation.Config{}, nil)
	w := a.send(signed(nil))
	a.wantError(
		"no keys", w, http.StatusServiceUnavailable,
		`{"error":"temporarily_unavailable","error_description":"The issuer's keys cannot be had; send it again."}`,
	)
	if w.Header().Get("Retry-After") != "1" || !strings.Contains(a.log.String(), "level=ERROR") {
		t.Errorf("Retry-After is %q, the log is %s", w.Header().Get("Retry-After"), a.log.String())
	}
	if s := a.receiver.Status(); s.Refused != 0 || s.Feeds[0].Refused != 0 || !errors.Is(s.Feeds[0].LastError, jwks.ErrUnavailable) {
		t.Errorf("status is %+v", s)
	}
	const notEntered = `{"error":"temporarily_unavailable","error_description":"The logout could not be entered; send it again."}`
	a = newAPI(t, testkit.KeySet(), revocation.Config{MaxEntries: 1}, nil)
	full := revocation.WholeIssuer("https://full.example", time.Now())
	if err := a.list.Revoke(t.Context(), full); err != nil {
		t.Fatal(err)
	}
	token := signed(nil)
	if w := a.send(token); w.Code != http.StatusServiceUnavailable || strings.TrimSpace(w.Body.String()) != notEntered || w.Header().Get("Retry-After") != "1" {
		t.Errorf("a full List: %d %s", w.Code, w.Body)
	}
	if err := a.list.Lift(t.Context(), full); err != nil {
		t.Fatal(err)
	}
	a.wantEnded("the same when there is room", a.send(token), 1)

	a = usual(t)
	_ = a.list.Close()
	a.wantError("a closed List", a.send(signed(nil)), http.StatusServiceUnavailable, notEntered)
}

// The server may hang up before the logout is entered: somebody has logged out all the same.
func TestAServerThatHangsUp(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	a := newAPI(t, source(func(ctx context.Context, kid, alg string) ([]*jwks.Key, error) {
		cancel()
		return testkit.KeySet().VerificationKeys(ctx, kid, alg)
	}), revocation.Config{}, nil)
	r := httptest.NewRequestWithContext(ctx, "POST", "/", strings.NewReader("logout_token="+signed(nil)))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	a.wantEnded("hung up", a.serve(r), 1)
}

// Nobody fills the log, and no feed is made for what anybody sends.
func TestAFloodOfForgeries(t *testing.T) {
	a := usual(t)
	for n := range 200 {
		a.send(testkit.Sign(typed, string(testkit.JSON(good(claims{"sub": fmt.Sprint(n)}))), testkit.StrangeKey()))
		a.send(signed(claims{"iss": fmt.Sprintf("https://%d.example", n)}))
	}
	s := a.receiver.Status()
	if s.Refused != 400 || len(s.Feeds) != 2 || s.Feeds[0].Refused != 200 || s.Feeds[0].LastError == nil || s.Feeds[1].Refused != 0 {
		t.Errorf("status is %+v", s)
	}
	if n := strings.Count(a.log.String(), "\n"); n != 10 {
		t.Errorf("%d lines were written, want the first five of each kind", n)
	}
	a.send(testkit.Sign(typed, string(testkit.JSON(good(claims{"iss": other}))), testkit.EdKey()))
	if !strings.Contains(a.log.String(), "issuer="+other) {
		t.Error("a forgery of one issuer hides in the flood of another's")
	}
}

// full is a Store that takes nothing until it is told to.
type full struct{ takes atomic.Bool }

func (s *full) Append(context.Context, []byte, time.Time) error {
	if !s.takes.Load() {
		return errors.New("no space left on device")
	}
	return nil
}

func (s *full) Follow(ctx context.Context, _ string, _ func([]byte, string) error, _ func(time.Time)) error {
	<-ctx.Done()
	return ctx.Err()
}

// The server hears of success once every instance can know of the logout, and the tokens are refused here before.
func TestALogoutThatIsNotShared(t *testing.T) {
	store := new(full)
	a := newAPI(t, testkit.KeySet(), revocation.Config{Store: store, Secrets: [][]byte{[]byte(strings.Repeat("s", 32))}}, nil)
	t.Cleanup(func() { _ = a.list.Close() })
	token := signed(nil)
	for range 2 {
		w := a.send(token)
		if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "1" {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if got := a.ended(middleware.TokenFacts{SessionID: "session-1"}); got != "session" {
			t.Errorf("ended by %q", got)
		}
	}
	if s := a.receiver.Status(); s.Feeds[0].Events != 0 || !errors.Is(s.Feeds[0].LastError, revocation.ErrNotShared) || s.Repeated != 0 {
		t.Errorf("status is %+v", s)
	}
	store.takes.Store(true)
	if w := a.send(token); w.Code != http.StatusOK {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if s := a.receiver.Status(); s.Feeds[0].Events != 1 || s.Feeds[0].LastError != nil {
		t.Errorf("status is %+v", s)
	}
}

// A Store that is away, or silent, keeps nothing of a logout from this instance.
func TestAllOfALogoutThatIsNotSharedHoldsHere(t *testing.T) {
	for name, store := range map[string]func() revocation.Store{
		"away":   func() revocation.Store { return new(full) },
		"silent": func() revocation.Store { return new(silent) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				secrets := [][]byte{[]byte(strings.Repeat("s", 32))}
				a := newAPI(t, testkit.KeySet(), revocation.Config{Store: store(), Secrets: secrets}, func(cfg *logout.Config) { cfg.WholeSubject = true })
				defer a.list.Close()
				if w := a.send(signed(nil)); w.Code != http.StatusServiceUnavailable {
					t.Errorf("%d %s", w.Code, w.Body)
				}
				if got := a.ended(middleware.TokenFacts{SessionID: "session-1"}); got != "session" {
					t.Errorf("the session is ended by %q", got)
				}
				if got := a.ended(middleware.TokenFacts{Subject: "alice", IssuedAt: time.Now().Add(-time.Minute)}); got != "subject" {
					t.Errorf("the user's other tokens are ended by %q", got)
				}
			})
		})
	}
}

// silent is a Store that answers nothing.
type silent struct{ full }

func (*silent) Append(ctx context.Context, _ []byte, _ time.Time) error {
	<-ctx.Done()
	return ctx.Err()
}

// The line about a key that is not held says once what was looked for, and what is held.
func TestTheLineAboutAnUnknownKeyRepeatsNothing(t *testing.T) {
	a := usual(t)
	w := a.send(testkit.Sign(`{"alg":"EdDSA","typ":"logout+jwt","kid":"nobody"}`, string(testkit.JSON(good(nil))), testkit.EdKey()))
	if w.Code != http.StatusBadRequest {
		t.Fatalf("it is answered with %d", w.Code)
	}
	line := a.log.String()
	for part, times := range map[string]int{"jwks: key not found": 1, "kid 'nobody'": 1, "one of the keys held": 1} {
		if got := strings.Count(line, part); got != times {
			t.Errorf("%q is said %d times, want %d: %s", part, got, times, line)
		}
	}
}
