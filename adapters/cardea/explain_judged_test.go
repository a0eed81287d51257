package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware/authtest"
)

const audience = "https://orders.example.com"

func TestExplainJudgesAsAnAPIWould(t *testing.T) {
	issuer := authtest.NewIssuer(t)
	issuer.Config(audience)
	other := authtest.NewIssuer(t)
	other.Config(audience)
	id, secret := issuer.Client()
	t.Setenv("CARDEA_TEST_SECRET", secret)
	trust := []string{"-issuer", issuer.URL(), "-audience", audience}
	asks := []string{"-introspection-url", issuer.URL() + string(authtest.EndpointIntrospection), "-client-id", id, "-client-secret-env", "CARDEA_TEST_SECRET"}
	roles := authtest.Claims{"realm_access": authtest.Claims{"roles": []string{"clerk"}}}
	for name, test := range map[string]struct {
		token  string
		args   []string // beyond trust
		status int
		want   []string
	}{
		"a good token":    {issuer.Token(authtest.Claims{"scope": "read"}), nil, exitGood, []string{"allowed", `"alice"`, `"read"`, "until", "signature"}},
		"with its scheme": {"Bearer " + issuer.Token(nil), nil, exitGood, []string{"allowed"}},
		"a scope that it has": {
			issuer.Token(authtest.Claims{"scope": "read write"}), []string{"-require", "read", "-require", "write"}, exitGood,
			[]string{"allowed"},
		},
		"a scope that it lacks": {
			issuer.Token(authtest.Claims{"scope": "read"}), []string{"-require", "write"}, exitBad,
			[]string{"forbidden: scope", "write", "expected scope"},
		},
		"a role that nobody maps": {
			issuer.Token(roles), []string{"-role", "clerk"}, exitBad,
			[]string{"forbidden: role", "Claims.Roles", "/realm_access/roles", "change:"},
		},
		"a role by its claim": {issuer.Token(roles), []string{"-role", "clerk", "-roles-claim", "/realm_access/roles"}, exitGood, []string{`"clerk"`}},
		"another audience": {
			issuer.Token(authtest.Claims{"aud": audience + "/"}), nil, exitBad,
			[]string{"refused: audience", audience + "/", "slash", "change:"},
		},
		"expired":            {issuer.Token(authtest.Claims{"exp": time.Now().Add(-2 * time.Hour)}), nil, exitBad, []string{"refused: expired", "2h"}},
		"another issuer":     {other.Token(nil), nil, exitBad, []string{"refused: unknown_issuer", "not verified", other.URL()}},
		"a forged signature": {issuer.Token(nil)[:len(issuer.Token(nil))-8] + "AAAAAAAA", nil, exitBad, []string{"refused"}},
		"an ID token": {
			issuer.Mint(authtest.Header{"typ": "JWT"}, authtest.Claims{"nonce": "x"}), nil, exitBad,
			[]string{"refused: token_type", "nonce"},
		},
		"two mistakes": {
			issuer.Mint(authtest.Header{"typ": "JWT"}, authtest.Claims{"nonce": "x", "exp": 1000}), nil, exitBad,
			[]string{"nonce", "exp has passed"},
		},
		"an opaque token":        {issuer.OpaqueToken(nil), nil, exitBad, []string{"refused: not_introspected", "Introspector"}},
		"an opaque token, asked": {issuer.OpaqueToken(nil), asks, exitGood, []string{"allowed"}},
		"an unknown one, asked":  {"nobodyhasthistoken0123456789", asks, exitBad, []string{"refused: inactive"}},
		"a client that is refused": {
			issuer.OpaqueToken(nil), append(asks[:4:4], "-client-secret-env", "PATH"), exitUnjudged,
			[]string{"unavailable: introspection_unavailable", "401"},
		},
		"a key server that is down": {
			issuer.Token(nil), []string{"-jwks-uri", "http://127.0.0.1:1/jwks"}, exitUnjudged,
			[]string{"unavailable: keys_unavailable", "127.0.0.1:1", "refused"},
		},
		"a client in place of aud": {issuer.Token(authtest.Claims{"aud": nil}), []string{"-allowed-client", "authtest-client"}, exitGood, []string{"allowed"}},
		"a client that is another": {issuer.Token(authtest.Claims{"aud": nil}), []string{"-allowed-client", "web"}, exitBad, []string{"refused: client", "web"}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, form := range [][]string{nil, {"-json"}} {
				status, out, err := fed(t, test.token, append(append(trust[:4:4], test.args...), form...)...)
				if status != test.status {
					t.Errorf("status %d, want %d: %s%s", status, test.status, out, err)
				}
				if form != nil {
					if status != exitUsage && !json.Valid([]byte(out)) {
						t.Errorf("no JSON: %s", out)
					}
				} else {
					for _, want := range test.want {
						if !strings.Contains(out+err, want) {
							t.Errorf("no %q in\n%s%s", want, out, err)
						}
					}
				}
				for _, part := range append(pieces(test.token), secret) {
					if strings.Contains(out+err, part) {
						t.Errorf("%q is shown:\n%s%s", part, out, err)
					}
				}
			}
		})
	}
}

func TestExplainByAPreset(t *testing.T) {
	secret := strings.Repeat("correct horse ", 4)
	t.Setenv("CARDEA_TEST_SECRET", secret)
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	token := hs256(t, secret, `{"iss":"https://auth.example.com","aud":"`+audience+`","sub":"alice","exp":4102444800,"iat":1700000000}`)
	preset := []string{"-preset", "hs256", "-param", "issuer=https://auth.example.com", "-audience", audience}
	for name, test := range map[string]struct {
		args   []string
		status int
		want   string
	}{
		"a secret from the environment":  {[]string{"-param-env", "secrets=CARDEA_TEST_SECRET"}, exitGood, "allowed"},
		"a secret from a file":           {[]string{"-param-file", "secrets=" + file}, exitGood, "allowed"},
		"another secret":                 {[]string{"-param-env", "secrets=CARDEA_OTHER_SECRET"}, exitUsage, "parameter secrets is empty"},
		"a secret as an argument":        {[]string{"-param", "secrets=" + secret}, exitUsage, "use -param-file or -param-env"},
		"no secret":                      {nil, exitUsage, "secrets is missing"},
		"a parameter that is not there":  {[]string{"-param", "realm=x", "-param-env", "secrets=CARDEA_TEST_SECRET"}, exitUsage, `no parameter "realm"`},
		"a parameter without a value":    {[]string{"-param", secret}, exitUsage, "-param must be NAME="},
		"a file that is not there":       {[]string{"-param-file", "secrets=" + file + "x"}, exitUsage, "no such file"},
		"an issuer beside it":            {[]string{"-param-env", "secrets=CARDEA_TEST_SECRET", "-issuer", "https://x.example"}, exitUsage, "leave out -issuer"},
		"a scope that is none":           {[]string{"-param-env", "secrets=CARDEA_TEST_SECRET", "-require", "a b"}, exitUsage, "-require or -role"},
		"no audience":                    {[]string{"-param-env", "secrets=CARDEA_TEST_SECRET", "-audience", ""}, exitUsage, "Audiences"},
		"a client authentication of air": {[]string{"-param-env", "secrets=CARDEA_TEST_SECRET", "-client-auth", "x"}, exitUsage, "client_secret_basic"},
		"no time":                        {[]string{"-param-env", "secrets=CARDEA_TEST_SECRET", "-timeout", "0s"}, exitUsage, "-timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			status, out, err := fed(t, token, append(preset[:6:6], test.args...)...)
			if status != test.status || !strings.Contains(out+err, test.want) || strings.Contains(out+err, "correct horse") {
				t.Errorf("status %d, %s%s", status, out, err)
			}
		})
	}
	status, _, err := fed(t, token, "-preset", "nothing", "-audience", audience)
	if status != exitUsage || !strings.Contains(err, "keycloak, ") {
		t.Errorf("status %d, %s", status, err)
	}
}

func TestFlagsThatNeedAnIssuer(t *testing.T) {
	status, out, err := fed(t, "x", "-audience", audience)
	if status != exitUsage || out != "" || !strings.Contains(err, "-audience goes with -issuer or -preset") {
		t.Errorf("status %d, out %q, err %q", status, out, err)
	}
	if status, _, err := fed(t, "x", "-issuer", "", "-audience", audience); status != exitUsage || !strings.Contains(err, "environment variable") {
		t.Errorf("status %d, err %q", status, err)
	}
}

func TestExplainInterrupted(t *testing.T) {
	issuer := authtest.NewIssuer(t)
	issuer.SetFault(authtest.Fault{Delay: time.Hour})
	token := issuer.Token(nil)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	_, _ = w.WriteString(token)
	_ = w.Close()
	ctx, interrupt := context.WithCancel(t.Context())
	go func() {
		for issuer.Requests(authtest.EndpointMetadata) == 0 {
			time.Sleep(time.Millisecond)
		}
		interrupt()
	}()
	var out, errs strings.Builder
	if status := run(
		ctx, []string{"cardea", "explain", "-issuer", issuer.URL(), "-audience", audience}, stdio{in: r, out: &out, err: &errs},
	); status != exitInterrupted {
		t.Errorf("status %d, %s%s", status, out.String(), errs.String())
	}
}
