package issuers_test

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
	"github.com/cardea-auth/cardea/middleware/issuers"
)

const inhouse = "https://auth.example.com"

func secretOf(of string) []byte { return []byte(strings.Repeat(of+"0123456789abcde", 2)) }

// withSecret is what PyJWT makes by default.
func withSecret(key []byte, changes claims) string {
	c := claims{"iss": inhouse, "sub": "u", "aud": api, "exp": testkit.Now.Add(time.Minute).Unix()}
	return testkit.Sign(`{"alg":"HS256","typ":"JWT"}`, string(testkit.JSON(c.With(changes))), key)
}

func TestHS256(t *testing.T) {
	guard := sheet{issuer: issuers.HS256(inhouse, secretOf("n"), secretOf("o"))}.guard(t)
	for name, row := range map[string]struct {
		token string
		want  middleware.Reason
	}{
		"the new secret":         {withSecret(secretOf("n"), nil), ""},
		"the old secret":         {withSecret(secretOf("o"), nil), ""},
		"a secret of nobody":     {withSecret(secretOf("x"), nil), middleware.ReasonSignature},
		"another iss":            {withSecret(secretOf("n"), claims{"iss": "https://evil.example"}), middleware.ReasonUnknownIssuer},
		"no iss":                 {withSecret(secretOf("n"), claims{"iss": nil}), middleware.ReasonMissingClaim},
		"another audience":       {withSecret(secretOf("n"), claims{"aud": "other"}), middleware.ReasonAudience},
		"an expired one":         {withSecret(secretOf("n"), claims{"exp": 1}), middleware.ReasonExpired},
		"a public key's":         {signed(header{"alg": "RS256"}, claims{"iss": inhouse, "aud": api, "exp": testkit.Now.Unix() + 60}), middleware.ReasonAlgorithm},
		"none":                   {signed(header{"alg": "none"}, claims{"iss": inhouse, "aud": api, "exp": testkit.Now.Unix() + 60}), middleware.ReasonAlgorithm},
		"the empty secret":       {withSecret(nil, nil), middleware.ReasonSignature},
		"a secret and its half":  {withSecret(secretOf("n")[:16], nil), middleware.ReasonSignature},
		"a secret with a 0 more": {withSecret(append(secretOf("n"), 0), nil), ""}, // HMAC fills up with zeros (RFC 2104): it is the same key
	} {
		if _, err := call(guard, "Authorization", "Bearer "+row.token); reasonOf(err) != row.want {
			t.Errorf("%s: reason is %q, want %q", name, reasonOf(err), row.want)
		}
	}
	wrong(t, map[string]middleware.Issuer{
		"secrets is empty":             issuers.HS256(inhouse),
		"use at least 32 random ones":  issuers.HS256(inhouse, []byte("secret")),
		"issuer has an empty value: i": issuers.HS256("", secretOf("n")),
	})
}

func pemOf(t *testing.T, public any) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func certificate(t *testing.T) string {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "signing"}}
	der, err := x509.CreateCertificate(nil, template, template, testkit.RSAKey().Public(), testkit.RSAKey())
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func fileOf(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys")
	write(t, path, content)
	return path
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func closing(t *testing.T, r *issuers.Running) {
	t.Helper()
	t.Cleanup(func() {
		if err := errors.Join(r.Close(), r.Close()); err != nil {
			t.Error(err)
		}
	})
}

func TestKeyFileReadsEachForm(t *testing.T) {
	rsaKey, ec := &testkit.RSAKey().PublicKey, &testkit.P256Key().PublicKey
	jwk := func(key any, more claims) claims { return more.With(testkit.JWK(key)) }
	for name, content := range map[string]string{
		"PEM": pemOf(t, rsaKey) + pemOf(t, ec) + pemOf(t, testkit.EdKey().Public()),
		"PEM of PKCS 1": string(
			pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(rsaKey)}),
		) + pemOf(t, ec) + pemOf(t, testkit.EdKey().Public()),
		"a certificate": certificate(t) + pemOf(t, ec) + pemOf(t, testkit.EdKey().Public()),
		"a JWKS": string(
			testkit.JSON(
				claims{"keys": []claims{jwk(rsaKey, claims{"kid": "rsa"}), jwk(ec, claims{"kid": "p256"}), jwk(testkit.EdKey().Public(), claims{"kid": "ed"})}},
			),
		),
		"a single JWK":            string(testkit.JSON(jwk(rsaKey, claims{"kid": "rsa", "alg": "RS256"}))),
		"a JWK behind a BOM":      "\xef\xbb\xbf\n" + string(testkit.JSON(jwk(rsaKey, claims{"kid": "rsa"}))),
		"PEM between other lines": "issued by alice\n" + pemOf(t, rsaKey) + "\nand more\n",
	} {
		r, err := issuers.KeyFile(issuers.FileConfig{Issuer: inhouse, Path: fileOf(t, content)})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		closing(t, r)
		guard := sheet{issuer: r.Issuer}.guard(t)
		for _, alg := range []string{"RS256", "ES256", "EdDSA"} {
			if strings.Contains(name, "JWK b") || strings.Contains(name, "single") || strings.Contains(name, "between") {
				if alg != "RS256" {
					continue
				}
			}
			s := sheet{issuer: r.Issuer, alg: alg, good: claims{"aud": api, "sub": alg}}
			if _, err := call(guard, "Authorization", "Bearer "+s.sign(row{})); err != nil {
				t.Errorf("%s, %s: %s", name, alg, explained(err))
			}
			foreign := s.sign(row{})
			if _, err := call(guard, "Authorization", "Bearer "+foreign[:len(foreign)-8]+"AAAAAAAA"); reasonOf(err) != middleware.ReasonSignature {
				t.Errorf("%s, %s: a forged signature gives %q", name, alg, reasonOf(err))
			}
		}
	}
}

func TestKeyFileRefuses(t *testing.T) {
	whole := pemOf(t, &testkit.P256Key().PublicKey)
	private, err := x509.MarshalPKCS8PrivateKey(testkit.EdKey())
	if err != nil {
		t.Fatal(err)
	}
	for want, cfg := range map[string]issuers.FileConfig{
		`type "PRIVATE KEY": an API`: {Issuer: inhouse, Path: fileOf(t, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))},
		"neither JSON nor a PEM":     {Issuer: inhouse, Path: fileOf(t, "secret")},
		"neither PEM nor JSON":       {Issuer: inhouse, Path: fileOf(t, "{")},
		"begins 2 PEM blocks, of w":  {Issuer: inhouse, Path: fileOf(t, whole+whole[:60])}, // is being written
		"2 PEM blocks, of which 1 c": {Issuer: inhouse, Path: fileOf(t, whole+strings.Replace(whole, "M", "!", 1))},
		"of which 1 can be read: is": {Issuer: inhouse, Path: fileOf(t, strings.Replace(whole, "END PUBLIC", "END RSA PUBLIC", 1)+whole)},
		"no such file":               {Issuer: inhouse, Path: "/nowhere"},
		"longer than 1 MiB":          {Issuer: inhouse, Path: fileOf(t, strings.Repeat(" ", 1<<20+1))},
		"Issuer has an empty":        {Path: fileOf(t, pemOf(t, testkit.EdKey().Public()))},
		"Path is empty":              {Issuer: inhouse},
		"not a regular file":         {Issuer: inhouse, Path: t.TempDir()},
		"Interval is -1s":            {Issuer: inhouse, Path: "x", Interval: -time.Second},
		"issuers.KeyFile: Path \"":   {Issuer: inhouse, Path: fileOf(t, `{"keys":[]}`)},
		"private":                    {Issuer: inhouse, Path: fileOf(t, string(testkit.JSON(claims{"d": "AAAA"}.With(testkit.JWK(testkit.EdKey().Public())))))},
	} {
		r, err := issuers.KeyFile(cfg)
		if r != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
}

// A key that is taken out of the file stops verifying, a file that is broken changes nothing, and both are in the log once.
func TestKeyFileIsReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		path := fileOf(t, pemOf(t, testkit.EdKey().Public()))
		r, err := issuers.KeyFile(issuers.FileConfig{
			Issuer: inhouse, Path: path, Interval: time.Second, Logger: slog.New(slog.NewTextHandler(&log, nil)),
		})
		if err != nil {
			t.Fatal(err)
		}
		guard := sheet{issuer: r.Issuer}.guard(t)
		ed := sheet{issuer: r.Issuer, alg: "EdDSA", good: claims{"aud": api}}.sign(row{})
		rs := sheet{issuer: r.Issuer, alg: "RS256", good: claims{"aud": api}}.sign(row{})
		check := func(when string, token string, want middleware.Reason) {
			t.Helper()
			if _, err := call(guard, "Authorization", "Bearer "+token); reasonOf(err) != want {
				t.Errorf("%s: reason is %q, want %q", when, reasonOf(err), want)
			}
		}
		pass := func() { time.Sleep(3 * time.Second); synctest.Wait() }

		check("at first", ed, "")
		check("at first", rs, middleware.ReasonUnknownKey)
		write(t, path, "broken")
		pass()
		check("while the file is broken", ed, "")
		write(t, path, pemOf(t, &testkit.RSAKey().PublicKey))
		pass()
		check("replaced, and cached before", ed, middleware.ReasonUnknownKey)
		check("replaced", rs, "")
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		pass()
		check("while the file is away", rs, "")

		if err := errors.Join(r.Close(), r.Close()); err != nil {
			t.Error(err)
		}
		check("closed", rs, middleware.ReasonKeysUnavailable)
		if _, err := r.Issuer.Keys.VerificationKeys(t.Context(), "", "EdDSA"); !errors.Is(err, jwks.ErrUnavailable) {
			t.Errorf("closed: %v", err)
		}
		if errs, infos := strings.Count(log.String(), "level=ERROR"), strings.Count(log.String(), "level=INFO"); errs != 2 || infos != 1 {
			t.Errorf("the log has %d errors and %d infos, want 2 and 1:\n%s", errs, infos, &log)
		}
	})
}

func TestSecretFile(t *testing.T) {
	path := fileOf(t, "\xef\xbb\xbf"+string(secretOf("n"))+"\r\n\n"+string(secretOf("o"))+"\n")
	r, err := issuers.SecretFile(issuers.FileConfig{Issuer: inhouse, Path: path})
	if err != nil {
		t.Fatal(err)
	}
	closing(t, r)
	guard := sheet{issuer: r.Issuer}.guard(t)
	for key, want := range map[string]middleware.Reason{"n": "", "o": "", "x": middleware.ReasonSignature} {
		if _, err := call(guard, "Authorization", "Bearer "+withSecret(secretOf(key), nil)); reasonOf(err) != want {
			t.Errorf("%s: reason is %q, want %q", key, reasonOf(err), want)
		}
	}
	for content, want := range map[string]string{
		"\n\n": "holds no secret", "short": "use at least 32",
		`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"short"}]}` + "\n": "may be public",
	} {
		if _, err := issuers.SecretFile(issuers.FileConfig{Issuer: inhouse, Path: fileOf(t, content)}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		} else if strings.Contains(err.Error(), "short") {
			t.Errorf("the error shows the secret: %v", err)
		}
	}
}

func TestRunningWithNothingToClose(t *testing.T) {
	var none *issuers.Running
	if err := errors.Join(none.Close(), (&issuers.Running{}).Close()); err != nil {
		t.Error(err)
	}
}
