package introspection_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"testing/synctest"

	"time"

	"github.com/cardea-auth/cardea/introspection"
)

const canaryBearer = "canary-Bearer_of-the-API.5555555555"

// shows reports which of the secrets text holds: whole, in pieces of eight characters from either end, in base64 or as a URL writes it.
func shows(text string, secrets ...string) (found []string) {
	for _, secret := range secrets {
		for _, form := range []string{
			secret[len(secret)-8:], secret[:min(len(secret), 16)], url.QueryEscape(secret), base64.StdEncoding.EncodeToString([]byte(secret)),
			base64.RawURLEncoding.EncodeToString([]byte(secret)), fmt.Sprintf("%x", secret), strings.Trim(fmt.Sprint([]byte(secret)), "[]"),
		} {
			if strings.Contains(text, form) {
				found = append(found, form)
			}
		}
	}
	return found
}

// Whoever we are to the server, and whatever it does: the token is in the body and our credentials are where their method has them. No
// address, error, log, status or printed value holds any of them.
func TestSecretsAreOnTheWireOnly(t *testing.T) {
	key := ed25519.NewKeyFromSeed([]byte("canary-Seed-of-a-key-3c8a5f1e7b9"))
	auths := map[string]introspection.ClientAuth{
		"client_secret_basic": introspection.SecretBasic("api", canarySecret),
		"client_secret_post":  introspection.SecretPost("api", canarySecret),
		"private_key_jwt":     introspection.PrivateKeyJWT("api", "k", "EdDSA", key),
		"a bearer token":      introspection.BearerToken(func(context.Context) (string, error) { return canaryBearer, nil }),
		"a bearer token that cannot be sent": introspection.BearerToken(func(context.Context) (string, error) {
			return canaryBearer + "\n", nil
		}),
		"nothing": introspection.NoClientAuth(),
	}
	echo := func(r *http.Request) string { return fmt.Sprint(r.URL, r.Header, r.Context().Value(bodyKey{})) }
	servers := map[string]func(r *http.Request) (*http.Response, error){
		"active": func(*http.Request) (*http.Response, error) {
			return respond(200, `{"active":true,"token":"`+canaryToken+`"}`), nil
		},
		"inactive": func(*http.Request) (*http.Response, error) {
			return respond(200, `{"active":false,"token":"`+canaryToken+`"}`), nil
		},
		"no JSON":                  func(r *http.Request) (*http.Response, error) { return respond(200, echo(r)), nil },
		"400 with the request":     func(r *http.Request) (*http.Response, error) { return respond(400, echo(r)), nil },
		"401 with the request":     func(r *http.Request) (*http.Response, error) { return respond(401, echo(r)), nil },
		"500 with the request":     func(r *http.Request) (*http.Response, error) { return respond(500, echo(r)), nil },
		"an error":                 func(r *http.Request) (*http.Response, error) { return nil, errors.New("cannot send it") },
		"an error of the request":  func(r *http.Request) (*http.Response, error) { return nil, errors.New(echo(r)) },
		"a panic with the request": func(r *http.Request) (*http.Response, error) { panic(echo(r)) },
	}
	for authName, auth := range auths {
		for serverName, server := range servers {
			t.Run(authName+", "+serverName, func(t *testing.T) {
				secrets := []string{canaryToken, canarySecret, canaryBearer, string(key.Seed())}
				var out strings.Builder
				seen := transportFunc(func(r *http.Request) (*http.Response, error) {
					body, err := io.ReadAll(r.Body)
					if err != nil {
						return nil, err
					}
					form, err := url.ParseQuery(string(body))
					if err != nil || form.Get("token") != canaryToken {
						t.Errorf("the body is %q", body)
					}
					if assertion := form.Get("client_assertion"); assertion != "" {
						secrets = append(secrets, assertion)
					}
					header := r.Header.Clone()
					if header.Get("Authorization") != "" {
						secrets = append(secrets, header.Get("Authorization"))
					}
					header.Del("Authorization")
					fmt.Fprintln(&out, r.URL, r.Host, header)
					return server(r.WithContext(context.WithValue(r.Context(), bodyKey{}, string(body))))
				})
				var logged strings.Builder
				client := newClient(t, introspection.Config{
					Issuer: "https://as.example", ClientAuth: auth, Logger: slog.New(slog.NewJSONHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug - 100})),
				}, seen)
				for range 2 {
					response, err := client.Introspect(t.Context(), canaryToken)
					for e := err; e != nil; e = errors.Unwrap(e) {
						fmt.Fprintf(&out, "%v %+v %#v\n", e, e, e)
					}
					for _, value := range []any{response, client, *client, client.Status(), auth, err} {
						fmt.Fprintf(&out, "%v %+v %#v %s %q %x\n", value, value, value, value, value, value)
						text, _ := json.Marshal(value)
						out.Write(text)
					}
					if response != nil {
						fmt.Fprintf(&out, "%v %+v %#v %s\n", *response, *response, *response, *response)
					}
				}
				client.Close() // after which nobody writes the log
				out.WriteString(logged.String())
				if found := shows(out.String(), secrets...); len(found) > 0 {
					t.Errorf("%q are shown in %s", found, &out)
				}
			})
		}
	}
}

type bodyKey struct{}

type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestResponsePrintsWithoutItsMembers(t *testing.T) {
	response, err := introspection.ParseResponse([]byte(`{"active":true,"email":"alice@example.com"}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range []any{response, *response} {
		if got := fmt.Sprintf("%+v %#v", value, value); got != "introspection.Response(active true) introspection.Response(active true)" {
			t.Errorf("prints as %s", got)
		}
	}
	if got := fmt.Sprintf("%v", (*introspection.Response)(nil)); got != "<nil>" {
		t.Errorf("nil prints as %s", got)
	}
}

// A program may set its default after it has made a Client, so it is asked for at each line.
func TestWithoutALoggerTheDefaultIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logged strings.Builder
		client := newClient(t, introspection.Config{}, &transport{serve: status(401, "")})
		before := slog.Default()
		defer slog.SetDefault(before)
		slog.SetDefault(textLogger(&logged))
		client.Introspect(t.Context(), "token")
		synctest.Wait()
		if !strings.Contains(logged.String(), "credentials") {
			t.Errorf("the default logger was told %q", &logged)
		}
	})
}

func TestSignedAnswersSayWhatIsWrong(t *testing.T) {
	key := newECKey(t)
	for answer, want := range map[string]string{
		"a.b.c.d.e":                "encrypted",
		strings.Repeat("a", 1<<17): "larger than 64 KiB",
		signES256(t, key, goodHeader, fmt.Sprintf(`{"iss":"https://as.example","aud":"api","iat":%d}`, time.Now().Unix())): "no token_introspection object",
	} {
		response, err := askSigned(t, keySet(t, "k1", "ES256", key.Public()), signedType, answer)
		mustBeUnavailable(t, response, err)
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
}
