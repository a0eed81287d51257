package introspection

import (
	"context"
	"crypto"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// The methods by the names that authorization servers register (RFC 7591 section 2).
const (
	methodBasic         = "client_secret_basic"
	methodPost          = "client_secret_post"
	methodPrivateKeyJWT = "private_key_jwt"
	methodTLS           = "tls_client_auth"
	methodBearer        = "bearer token"
	methodNone          = "none"
)

// ClientAuth is how the resource server proves to the endpoint who asks (RFC 7662 section 2.1). The zero value is
// refused by New. It prints as the name of its method, never as a secret.
type ClientAuth struct {
	method   string
	id       string
	problems []error // what New reports; nil values are none

	// apply adds the credentials to one request. The secret is reachable through this closure only, so that neither fmt
	// nor a reflecting logger finds it.
	apply func(ctx context.Context, q *question) error
}

// question is one request to the endpoint before it becomes an http.Request.
type question struct {
	issuer string
	form   url.Values
	header http.Header
}

// SecretBasic sends id and secret as HTTP Basic credentials, each form-encoded first, as RFC 6749 section 2.3.1 demands
// and servers that get a colon or a percent sign notice.
func SecretBasic(id, secret string) ClientAuth {
	credentials := base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id) + ":" + url.QueryEscape(secret)))
	return ClientAuth{
		method:   methodBasic,
		id:       id,
		problems: []error{checkText("the client id", id), checkText("the client secret", secret)},
		apply: func(_ context.Context, q *question) error {
			q.header.Set("Authorization", "Basic "+credentials)
			return nil
		},
	}
}

// SecretPost sends id and secret in the request body (RFC 6749 section 2.3.1), for servers that do not take SecretBasic.
func SecretPost(id, secret string) ClientAuth {
	return ClientAuth{
		method:   methodPost,
		id:       id,
		problems: []error{checkText("the client id", id), checkText("the client secret", secret)},
		apply: func(_ context.Context, q *question) error {
			q.form.Set("client_id", id)
			q.form.Set("client_secret", secret)
			return nil
		},
	}
}

// PrivateKeyJWT signs an assertion for every request (RFC 7523 section 2.2) with key, which may live in a KMS or HSM.
// algorithm is RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA or Ed25519 and must fit key; kid
// names the key to the server, and empty leaves the name out. The audience of the assertion is Config.Issuer alone, so
// that no other server can use it. key.Sign is called from many goroutines and has no context: one that blocks holds
// one of Config.MaxInFlight places until it returns.
func PrivateKeyJWT(id, kid, algorithm string, key crypto.Signer) ClientAuth {
	s, err := newSigner(kid, algorithm, key)
	return ClientAuth{
		method:   methodPrivateKeyJWT,
		id:       id,
		problems: []error{checkText("the client id", id), err},
		apply: func(_ context.Context, q *question) error {
			assertion, err := s.assertion(id, q.issuer)
			if err != nil {
				return err
			}
			q.form.Set("client_id", id)
			q.form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
			q.form.Set("client_assertion", assertion)
			return nil
		},
	}
}

// TLSClientAuth authenticates by the certificate that Config.HTTPClient presents and names the client id in the body
// (RFC 8705 section 2).
func TLSClientAuth(id string) ClientAuth {
	return ClientAuth{
		method:   methodTLS,
		id:       id,
		problems: []error{checkText("the client id", id)},
		apply: func(_ context.Context, q *question) error {
			q.form.Set("client_id", id)
			return nil
		},
	}
}

// BearerToken authenticates with an access token of the resource server's own (RFC 7662 section 2.1), which servers that hash the client
// secret at each call answer sooner (django-oauth-toolkit, with the scope introspection). token is called
// for every request, from many goroutines, must honour its context and should cache what it returns.
func BearerToken(token func(context.Context) (string, error)) ClientAuth {
	auth := ClientAuth{
		method: methodBearer,
		apply: func(ctx context.Context, q *question) error {
			credential, err := token(ctx)
			if err != nil {
				return fmt.Errorf("the BearerToken function: %w", err)
			}
			if !isToken(credential) {
				return errors.New("the BearerToken function gave no bearer token: it is empty or holds other characters than RFC 6750 section 2.1 allows")
			}
			q.header.Set("Authorization", "Bearer "+credential)
			return nil
		},
	}
	if token == nil {
		auth.problems = []error{errors.New("BearerToken got a nil function: pass one that returns the access token")}
	}
	return auth
}

// NoClientAuth asks as a stranger, for endpoints on a private network that do not authenticate their callers.
func NoClientAuth() ClientAuth {
	return ClientAuth{
		method: methodNone,
		apply:  func(context.Context, *question) error { return nil },
	}
}

// Format prints the method and the client id for every verb.
func (a ClientAuth) Format(state fmt.State, _ rune) {
	method := a.method
	if method == "" {
		method = "unset"
	}
	fmt.Fprintf(state, "introspection.ClientAuth(%s, id %q)", method, a.id)
}

// checkText refuses control characters, which come from a secret that was read from a file together with its newline.
func checkText(what, text string) error {
	if text == "" {
		return fmt.Errorf("%s is empty: set what the authorization server registered", what)
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return fmt.Errorf("%s holds a control character: trim the newline if it was read from a file", what)
	}
	return nil
}
