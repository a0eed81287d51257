package cause

import (
	"strings"

	"github.com/cardea-auth/cardea/middleware/internal/claims"
)

// Type is that typ, of the JOSE header and in small letters, is not that of the kind of token that is taken. only: at+jwt alone is.
func Type(check error, typ string, only bool) error {
	return New(check, func() Sides {
		s := Sides{Expected: "typ 'at+jwt', 'JWT' or none", Got: claim("typ", typ), Hint: kindHints[typ]}
		if only {
			s.Expected = "typ 'at+jwt'"
			if typ == "" || typ == "jwt" {
				s.Hint = "the server does not follow RFC 9068: let it, or leave Issuer.Profile at AnyAccessToken"
			}
		}
		return s
	})
}

// kindHints tell a kind by its typ, by a claim that only it has, or by what token_use and typ among the claims say.
var kindHints = map[string]string{
	"logout+jwt": "this is a logout token", "secevent+jwt": "this is a security event", "dpop+jwt": "this is a DPoP proof: it goes into the DPoP field",
	"rt+jwt": "this is a refresh token", "entity-statement+jwt": "this is metadata of a federation",
	"at_hash": idTokenHint, "c_hash": idTokenHint, "s_hash": idTokenHint, "nonce": idTokenHint, "urn:openid:params:jwt:claim:rt_hash": idTokenHint,
	"id": idTokenHint, "id_token": idTokenHint,
	"events": "this is a logout token or security event", "htm": "this is a DPoP proof: it goes into the DPoP field", "htu": "this is a DPoP proof: it goes into the DPoP field",
	"refresh": refreshHint, "refresh_token": refreshHint, "offline": refreshHint, "logout": "this is a logout token",
}

const (
	idTokenHint = "this is an ID token, which tells a client who has logged in: let the client send the access token"
	refreshHint = "this is a refresh token, which is for the token endpoint alone: let the client send the access token"
)

// Marked is that a claim marks the token as another kind. text are its claims.
func Marked(check error, text string) error {
	return New(check, func() Sides {
		marks := claims.Marks(text)
		s := Sides{Expected: "no claim that only another kind of token has", Got: "claim " + List(marks)}
		for _, mark := range marks {
			if hint := kindHints[mark]; hint != "" && s.Hint == "" {
				s.Hint = hint
			}
		}
		return s
	})
}

// Kind is that a claim names another kind of token: name is the claim, value what it holds, as JSON text.
func Kind(check error, name, value, expected string) error {
	return New(check, func() Sides {
		s := Sides{Expected: expected, Got: name + " " + List(words(value))}
		if values := texts(value); len(values) > 0 {
			s.Hint = kindHints[strings.ToLower(values[0])]
		} else {
			s.Got = name + " " + Text(value)
		}
		return s
	})
}

// IDToken is that a token has what an ID token has, and nothing that an access token has. text is JSON of a string or strings.
func IDToken(check error, got, text string) error {
	return New(check, func() Sides {
		return Sides{
			Expected: "a granted scope beyond those of OpenID Connect, or token_use or typ of an access token",
			Got:      got + " " + List(words(text)),
			Hint:     idTokenHint,
		}
	})
}

// words are the words of a claim that is a string of them, or an array.
func words(text string) []string {
	var all []string
	for _, value := range texts(text) {
		all = append(all, strings.Fields(value)...)
	}
	return all
}
