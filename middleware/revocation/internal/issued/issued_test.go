package issued_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
	"github.com/cardea-auth/cardea/middleware/revocation/internal/issued"
)

const (
	alias    = "https://login.example.com/old"
	template = "https://realms.example/{tenantid}"
	acme     = "https://realms.example/acme"
	macs     = "https://macs.example"
	other    = "https://other.example"
	opaque   = "https://opaque.example"
)

var secret = []byte("a secret of thirty-two bytes, or more")

// validator trusts what the tests are about; keys are those of testkit.Issuer.
func validator(t testing.TB, keys middleware.KeySource) *middleware.Validator {
	t.Helper()
	audiences := []string{testkit.Audience}
	v, err := middleware.New(middleware.Config{
		Issuers: []middleware.Issuer{
			{URL: testkit.Issuer, Aliases: []string{alias}, Keys: keys, Audiences: audiences, Algorithms: []string{"EdDSA", "RS256"}},
			{
				URL: template, Aliases: []string{"https://also.example/{tenantid}"}, Keys: testkit.OneKey("acme", testkit.EdKeyOf(make([]byte, 32))), Audiences: audiences,
				AllowTenant: func(_ context.Context, name string) bool { return name == "acme" },
			},
			{URL: macs, Keys: testkit.Must(jwks.HMAC("HS256", secret)), Audiences: audiences, Algorithms: []string{"HS256"}},
			{URL: other, Keys: testkit.OneKey("other", testkit.StrangeKey()), Audiences: audiences},
			{URL: opaque, JWTs: middleware.IntrospectJWTs, Introspector: nobody{}, Audiences: audiences},
		},
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.Close() })
	return v
}

type nobody struct{ middleware.Introspector }

// source is a middleware.KeySource.
type source func(ctx context.Context, kid, alg string) ([]*jwks.Key, error)

func (f source) VerificationKeys(ctx context.Context, kid, alg string) ([]*jwks.Key, error) {
	return f(ctx, kid, alg)
}

const (
	header  = `{"typ":"test+jwt","alg":"EdDSA","kid":"ed"}`
	payload = `{"iss":"https://login.example.com","sub":"alice"}`
)

func ours(header, payload string) string { return testkit.Sign(header, payload, testkit.EdKey()) }

var kind = issued.Kind{Types: []string{"test+jwt", "other+jwt"}}

func TestVerify(t *testing.T) {
	v := validator(t, testkit.KeySet())
	untyped := issued.Kind{Types: kind.Types, Untyped: true}
	silent := issued.Kind{Types: kind.Types, Issuerless: true}
	small := issued.Kind{Types: kind.Types, MaxBytes: 300}
	good := ours(header, payload)
	about := func(iss string) string { return `{"iss":"` + iss + `"}` }
	acmeKey := testkit.EdKeyOf(make([]byte, 32))
	for name, row := range map[string]struct {
		text string
		kind issued.Kind
		iss  string
		want any // the issuer, or the reason
	}{
		"of the issuer":                        {good, kind, "", testkit.Issuer},
		"of the issuer that it must come from": {good, kind, testkit.Issuer, testkit.Issuer},
		"the issuer by another of its names":   {ours(header, about(alias)), kind, "", testkit.Issuer},
		"the same, held to its first name":     {ours(header, about(alias)), kind, testkit.Issuer, testkit.Issuer},
		"the first name, held to another":      {good, kind, alias, testkit.Issuer},
		"a tenant":                             {testkit.Sign(`{"typ":"test+jwt","alg":"EdDSA","kid":"acme"}`, about(acme), acmeKey), kind, "", acme},
		"a tenant by another name": {
			testkit.Sign(`{"typ":"test+jwt","alg":"EdDSA","kid":"acme"}`, about("https://also.example/acme"), acmeKey), kind, acme, acme,
		},
		"RS256": {
			testkit.Sign(`{"typ":"test+jwt","alg":"RS256","kid":"rsa"}`, payload, testkit.RSAKey()), kind, "", testkit.Issuer,
		},
		"without kid":                              {ours(`{"typ":"test+jwt","alg":"EdDSA"}`, payload), kind, "", testkit.Issuer},
		"another of the types":                     {ours(`{"typ":"application/OTHER+jwt","alg":"EdDSA"}`, payload), kind, "", testkit.Issuer},
		"no type, where that will do":              {ours(`{"alg":"EdDSA"}`, payload), untyped, "", testkit.Issuer},
		"no iss, where its issuer is known":        {ours(header, `{}`), silent, testkit.Issuer, testkit.Issuer},
		"no iss, where another name is known":      {ours(header, `{}`), silent, alias, testkit.Issuer},
		"an iss, where it need not have one":       {good, silent, testkit.Issuer, testkit.Issuer},
		"a MAC of an issuer that has secrets":      {testkit.Sign(`{"typ":"test+jwt","alg":"HS256"}`, about(macs), secret), kind, "", macs},
		"a case variant of a name that none reads": {ours(header, `{"iss":"https://login.example.com","JTI":1}`), kind, "", testkit.Issuer},

		"no type":                {ours(`{"alg":"EdDSA"}`, payload), kind, "", issued.ErrType},
		"an empty type":          {ours(`{"typ":"","alg":"EdDSA"}`, payload), untyped, "", issued.ErrType},
		"an access token":        {ours(`{"typ":"at+jwt","alg":"EdDSA"}`, payload), untyped, "", issued.ErrType},
		"any JWT":                {ours(`{"typ":"JWT","alg":"EdDSA"}`, payload), untyped, "", issued.ErrType},
		"a type that is no text": {ours(`{"typ":1,"alg":"EdDSA"}`, payload), untyped, "", issued.ErrMalformed},
		"nothing":                {"", kind, "", issued.ErrMalformed},
		"two segments":           {good[:strings.LastIndexByte(good, '.')], kind, "", issued.ErrMalformed},
		"an empty signature":     {good[:strings.LastIndexByte(good, '.')+1], kind, "", issued.ErrMalformed},
		"five segments":          {"e30.e30.e30.e30.e30", kind, "", issued.ErrMalformed},
		"padding":                {good + "==", kind, "", issued.ErrMalformed},
		"a space behind it":      {good + " ", kind, "", issued.ErrMalformed},
		"another alphabet in the claims": {
			strings.Replace(good, ".", ".+", 1), kind, "", issued.ErrMalformed,
		},
		"one byte too many":                    {padded(301), small, "", issued.ErrMalformed},
		"as many bytes as may be":              {padded(300), small, "", issued.ErrSignature},
		"more than 16 KiB":                     {padded(16<<10 + 1), kind, "", issued.ErrMalformed},
		"no more than 16 KiB":                  {padded(16 << 10), kind, "", issued.ErrSignature},
		"an extension":                         {ours(`{"typ":"test+jwt","alg":"EdDSA","crit":["x"],"x":1}`, payload), kind, "", issued.ErrMalformed},
		"an unencoded payload":                 {ours(`{"typ":"test+jwt","alg":"EdDSA","b64":false}`, payload), kind, "", issued.ErrMalformed},
		"a header of two algorithms":           {ours(`{"typ":"test+jwt","alg":"none","alg":"EdDSA"}`, payload), kind, "", issued.ErrMalformed},
		"claims that are no JSON":              {ours(header, `{"iss":`), kind, "", issued.ErrMalformed},
		"claims that are no object":            {ours(header, `["iss"]`), kind, "", issued.ErrMalformed},
		"two issuers":                          {ours(header, `{"iss":"https://other.example","iss":"https://login.example.com"}`), kind, "", issued.ErrMalformed},
		"two of a name further down":           {ours(header, `{"iss":"https://login.example.com","events":{"a":1,"a":2}}`), kind, "", issued.ErrMalformed},
		"an issuer that is no text":            {ours(header, `{"iss":1}`), kind, "", issued.ErrMalformed},
		"an issuer in another case":            {ours(header, `{"Iss":"https://login.example.com"}`), kind, "", issued.ErrMalformed},
		"the same, where it need not have one": {ours(header, `{"Iss":"https://other.example"}`), silent, testkit.Issuer, issued.ErrMalformed},
		"both":                                 {ours(header, `{"iss":"https://login.example.com","ISS":"https://other.example"}`), kind, "", issued.ErrMalformed},
		"no iss":                               {ours(header, `{}`), kind, "", issued.ErrMalformed},
		"no iss, whoever it is from":           {ours(header, `{}`), kind, testkit.Issuer, issued.ErrMalformed},
		"no iss, and no issuer known":          {ours(header, `{}`), silent, "", issued.ErrMalformed},
		"an empty iss":                         {ours(header, `{"iss":""}`), silent, testkit.Issuer, issued.ErrMalformed},
		"an iss that is null":                  {ours(header, `{"iss":null}`), silent, testkit.Issuer, issued.ErrMalformed},
		"a stranger":                           {ours(header, about("https://evil.example")), kind, "", issued.ErrIssuer},
		"the template itself":                  {ours(header, about(template)), kind, "", issued.ErrIssuer},
		"an issuer of opaque tokens":           {ours(header, about(opaque)), kind, "", issued.ErrIssuer},
		"somebody else":                        {testkit.Sign(header, about(other), testkit.StrangeKey()), kind, testkit.Issuer, issued.ErrIssuer},
		"somebody else, with our key":          {ours(header, about(other)), silent, testkit.Issuer, issued.ErrIssuer},
		"held to a stranger":                   {good, kind, "https://evil.example", issued.ErrIssuer},
		"a tenant, held to another":            {testkit.Sign(header, about(acme), acmeKey), kind, "https://realms.example/umbrella", issued.ErrIssuer},
		"somebody else's key":                  {testkit.Sign(header, payload, testkit.StrangeKey()), kind, "", issued.ErrSignature},
		"another issuer's kid": {
			testkit.Sign(`{"typ":"test+jwt","alg":"EdDSA","kid":"other"}`, payload, testkit.StrangeKey()), kind, "", issued.ErrSignature,
		},
		"other claims": {
			strings.Join([]string{strings.Split(good, ".")[0], testkit.B64([]byte(about(alias))), strings.Split(good, ".")[2]}, "."), kind,
			"", issued.ErrSignature,
		},
		"none":                         {testkit.Sign(`{"typ":"test+jwt","alg":"none"}`, payload, testkit.EdKey()), kind, "", issued.ErrSignature},
		"an algorithm that is not its": {testkit.Sign(`{"typ":"test+jwt","alg":"ES256","kid":"p256"}`, payload, testkit.P256Key()), kind, "", issued.ErrSignature},
		"a MAC of the public key": {
			testkit.Sign(`{"typ":"test+jwt","alg":"HS256","kid":"ed"}`, payload, []byte(testkit.B64(public()))), kind, "",
			issued.ErrSignature,
		},
		"a MAC of no secret": {
			testkit.Sign(`{"typ":"test+jwt","alg":"HS256"}`, about(macs), []byte("another secret, of thirty-two bytes and more")), kind,
			"", issued.ErrSignature,
		},
		"a tenant that may not come in": {testkit.Sign(header, about("https://realms.example/umbrella"), acmeKey), kind, "", issued.ErrSignature},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := issued.Verify(t.Context(), v, row.text, row.kind, row.iss)
			if reason, bad := row.want.(error); bad {
				if s != nil || !errors.Is(err, reason) {
					t.Fatalf("got %+v, %v; want %v", s, err, reason)
				}
				return
			}
			if err != nil || s.Issuer != row.want {
				t.Fatalf("got %+v, %v; want it from %s", s, err, row.want)
			}
		})
	}
}

func public() []byte { return testkit.EdKey().Public().(ed25519.PublicKey) }

// padded is a text of n bytes, signed by somebody else.
func padded(n int) string {
	for kid := range 4 {
		header := `{"typ":"test+jwt","alg":"EdDSA","kid":"` + strings.Repeat("x", kid) + `"}`
		fill := (n-88-len(testkit.B64([]byte(header))))*3/4 - len(`{"iss":"https://login.example.com","fill":""}`)
		for fill := fill - 2; ; fill++ {
			text := testkit.Sign(header, `{"iss":"https://login.example.com","fill":"`+strings.Repeat("x", fill)+`"}`, testkit.StrangeKey())
			if len(text) == n {
				return text
			}
			if len(text) > n {
				break
			}
		}
	}
	panic("no text is that long")
}

func TestAnOutageIsNeverABadStatement(t *testing.T) {
	down := errors.New("connection refused")
	for name, row := range map[string]struct {
		keys source
		want error
	}{
		"a key that cannot be had": {func(context.Context, string, string) ([]*jwks.Key, error) { return nil, down }, issued.ErrUnavailable},
		"a key that is not there":  {func(context.Context, string, string) ([]*jwks.Key, error) { return nil, jwks.ErrKeyNotFound }, issued.ErrSignature},
		"no keys":                  {func(context.Context, string, string) ([]*jwks.Key, error) { return nil, nil }, issued.ErrSignature},
		"a caller that has gone":   {func(ctx context.Context, _, _ string) ([]*jwks.Key, error) { return nil, context.Canceled }, issued.ErrUnavailable},
		"a key of another algorithm": {func(ctx context.Context, _, _ string) ([]*jwks.Key, error) {
			return testkit.KeySet().VerificationKeys(ctx, "rsa", "RS256")
		}, issued.ErrSignature},
	} {
		_, err := issued.Verify(t.Context(), validator(t, row.keys), ours(header, payload), kind, "")
		if !errors.Is(err, row.want) || errors.Is(err, issued.ErrUnavailable) != (row.want == issued.ErrUnavailable) {
			t.Errorf("%s: %v, want %v", name, err, row.want)
		}
	}
	v := validator(t, testkit.KeySet())
	_ = v.Close() // the keys are its caller's, and so still good
	if _, err := issued.Verify(t.Context(), v, ours(header, payload), kind, ""); err != nil {
		t.Errorf("a closed Validator: %v", err)
	}
	if _, err := issued.Verify(t.Context(), new(middleware.Validator), ours(header, payload), kind, ""); !errors.Is(err, issued.ErrIssuer) {
		t.Errorf("the zero Validator: %v", err)
	}
}

// shelf holds keys that change when somebody asks for others.
type shelf struct {
	sets  []*jwks.Set // the first is shown; looking again shows the next
	err   error       // of looking again
	asked atomic.Int32
}

func (s *shelf) VerificationKeys(ctx context.Context, kid, alg string) ([]*jwks.Key, error) {
	return s.sets[min(int(s.asked.Load()), len(s.sets)-1)].VerificationKeys(ctx, kid, alg)
}

func (s *shelf) Reconsider(ctx context.Context, kid, alg string, _ []*jwks.Key) ([]*jwks.Key, error) {
	s.asked.Add(1)
	if s.err != nil {
		return nil, s.err
	}
	return s.VerificationKeys(ctx, kid, alg)
}

func TestANewKeyUnderAnOldNameIsLookedFor(t *testing.T) {
	now, strange := testkit.OneKey("ed", testkit.EdKey()), testkit.OneKey("ed", testkit.StrangeKey())
	many := func() *jwks.Set {
		var keys []*jwks.Key
		for n := range 9 {
			keys = append(keys, testkit.Must(jwks.NewKey("ed", "EdDSA", testkit.EdKeyOf(bytes.Repeat([]byte{byte(n)}, 32)).Public())))
		}
		return jwks.NewSet(keys...)
	}()
	for name, row := range map[string]struct {
		keys  *shelf
		want  error
		asked int32
	}{
		"held already":           {&shelf{sets: []*jwks.Set{now}}, nil, 0},
		"found":                  {&shelf{sets: []*jwks.Set{strange, now}}, nil, 1},
		"found the second time":  {&shelf{sets: []*jwks.Set{strange, strange, now}}, nil, 2},
		"not looked for forever": {&shelf{sets: []*jwks.Set{strange, strange, strange, now}}, issued.ErrSignature, 2},
		"too many to try":        {&shelf{sets: []*jwks.Set{many, now}}, issued.ErrSignature, 0},
		"not there":              {&shelf{sets: []*jwks.Set{strange}, err: jwks.ErrKeyNotFound}, issued.ErrSignature, 1},
		"not to be had":          {&shelf{sets: []*jwks.Set{strange}, err: jwks.ErrUnavailable}, issued.ErrUnavailable, 1},
	} {
		_, err := issued.Verify(t.Context(), validator(t, row.keys), ours(header, payload), kind, "")
		if !errors.Is(err, row.want) || row.keys.asked.Load() != row.asked {
			t.Errorf("%s: %v after %d looks, want %v after %d", name, err, row.keys.asked.Load(), row.want, row.asked)
		}
	}
}

// Nobody is asked for keys of a tenant that may not come in, not even for others than those that are held.
func TestATenantThatMayNotComeInCausesNoLook(t *testing.T) {
	keys := &shelf{sets: []*jwks.Set{testkit.OneKey("ed", testkit.EdKey())}}
	v, err := middleware.New(middleware.Config{
		Issuers:   []middleware.Issuer{{URL: template, Keys: keys, AllowTenant: func(context.Context, string) bool { return false }}},
		Audiences: []string{testkit.Audience}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.Close() })
	_, err = issued.Verify(t.Context(), v, ours(header, `{"iss":"`+acme+`"}`), kind, "")
	if !errors.Is(err, issued.ErrSignature) || keys.asked.Load() != 0 {
		t.Errorf("%v after %d looks", err, keys.asked.Load())
	}
}

// What is refused for what it says costs no cryptography and no look at keys.
func TestAcceptComesBeforeTheKeys(t *testing.T) {
	notOurs := errors.New("not ours")
	accepting := kind
	accepting.Accept = func(s *issued.Statement) error {
		if sub, _ := s.Text("sub"); sub != "alice" || s.Issuer != testkit.Issuer || s.Type != "test+jwt" {
			return notOurs
		}
		return nil
	}
	var asked atomic.Int32
	v := validator(t, source(func(ctx context.Context, kid, alg string) ([]*jwks.Key, error) {
		asked.Add(1)
		return testkit.KeySet().VerificationKeys(ctx, kid, alg)
	}))
	if _, err := issued.Verify(
		t.Context(), v, ours(header, `{"iss":"https://login.example.com","sub":"bob"}`), accepting, "",
	); err != notOurs || asked.Load() != 0 {
		t.Errorf("bob: %v after %d looks", err, asked.Load())
	}
	if _, err := issued.Verify(t.Context(), v, ours(header, payload), accepting, ""); err != nil || asked.Load() != 1 {
		t.Errorf("alice: %v after %d looks", err, asked.Load())
	}
	forged := testkit.Sign(header, payload, testkit.StrangeKey())
	if s, err := issued.Verify(t.Context(), v, forged, accepting, ""); s != nil || !errors.Is(err, issued.ErrSignature) {
		t.Errorf("forged: %v, %v", s, err)
	}
}

// Whoever is no issuer of the Validator is held to its own keys, algorithms and name.
func TestKeysOfOthers(t *testing.T) {
	const transmitter = "https://transmitter.example"
	ed := issued.Keys{Source: testkit.KeySet(), Algorithms: []string{"EdDSA"}, Issuer: transmitter}
	good := ours(header, `{"iss":"`+transmitter+`","sub":"alice"}`)
	s, err := ed.Verify(t.Context(), good, kind)
	if err != nil || s.Issuer != transmitter || s.Type != "test+jwt" {
		t.Fatalf("%+v, %v", s, err)
	}
	refusal := errors.New("not for us")
	picky := kind
	picky.Accept = func(*issued.Statement) error { return refusal }
	down := issued.Keys{
		Source:     source(func(context.Context, string, string) ([]*jwks.Key, error) { return nil, context.DeadlineExceeded }),
		Algorithms: []string{"EdDSA"}, Issuer: transmitter,
	}
	for name, row := range map[string]struct {
		keys issued.Keys
		text string
		kind issued.Kind
		want error
	}{
		"another issuer":       {ed, ours(header, payload), kind, issued.ErrIssuer},
		"no issuer":            {ed, ours(header, `{}`), kind, issued.ErrIssuer},
		"two issuers":          {ed, ours(header, `{"iss":"`+transmitter+`","Iss":"x"}`), kind, issued.ErrMalformed},
		"an issuer in a list":  {ed, ours(header, `{"iss":["`+transmitter+`"]}`), kind, issued.ErrMalformed},
		"another algorithm":    {issued.Keys{Source: testkit.KeySet(), Algorithms: []string{"RS256"}, Issuer: transmitter}, good, kind, issued.ErrSignature},
		"a stranger's key":     {ed, testkit.Sign(header, `{"iss":"`+transmitter+`"}`, testkit.StrangeKey()), kind, issued.ErrSignature},
		"another type":         {ed, ours(`{"typ":"at+jwt","alg":"EdDSA","kid":"ed"}`, `{"iss":"`+transmitter+`"}`), kind, issued.ErrType},
		"one that is not ours": {down, good, picky, refusal},
		"keys that are away":   {down, good, kind, issued.ErrUnavailable},
	} {
		if s, err := row.keys.Verify(t.Context(), row.text, row.kind); s != nil || !errors.Is(err, row.want) {
			t.Errorf("%s: %v, %v", name, s, err)
		}
	}
}
