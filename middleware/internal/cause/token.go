package cause

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

var (
	errAlgorithm = errors.New("the token's algorithm is not among the issuer's")
	errIssuer    = errors.New("iss is not one of the configured issuers")
	errAudience  = errors.New("aud does not name this API")
	errClient    = errors.New("the client id is not among AllowedClients")
	errTenant    = errors.New("the tenant is not allowed, or tid is not the tenant in iss")
)

// Algorithm is that a token's algorithm is not accepted.
func Algorithm(alg string, accepted map[string]bool) error {
	return New(errAlgorithm, func() Sides {
		names := slices.Sorted(maps.Keys(accepted))
		return Sides{
			Expected: "alg " + strings.Join(names, " "),
			Got:      "alg " + name(alg),
			Hint:     algorithmHint(alg, names),
		}
	})
}

func algorithmHint(alg string, accepted []string) string {
	symmetric := func(name string) bool { return strings.HasPrefix(name, "HS") }
	switch {
	case strings.EqualFold(alg, "none"):
		return "an unsigned token is never taken"
	case symmetric(alg) && !slices.ContainsFunc(accepted, symmetric):
		return "the token is signed with a shared secret: if that is meant, set Issuer.Keys to jwks.HMAC(...) and Issuer.Algorithms to it"
	case slices.ContainsFunc(accepted, symmetric):
		return "the issuer's keys are shared secrets: if the server signs with a public key, leave Issuer.Keys and Issuer.Algorithms out"
	default:
		return "if the server is meant to sign so, add it to Issuer.Algorithms"
	}
}

// Issuer is that iss leads to none of the configured names.
func Issuer(iss string, configured []string) error {
	return New(errIssuer, func() Sides {
		near, difference := nearest(iss, configured)
		s := Sides{Got: "iss " + address(iss), Expected: "iss " + Text(near), Hint: difference}
		if others := len(configured) - 1; others > 0 {
			s.Expected += fmt.Sprintf(", the nearest of %s", List(configured))
		}
		if difference == "the path is the same and the host differs" {
			s.Hint += ": set Issuer.URL to what the tokens say, and Issuer.JWKSURI to where this program reaches the keys"
		} else if difference != "" {
			s.Hint += ": iss is compared byte for byte, so set Issuer.URL to what the tokens say"
		}
		return s
	})
}

// Foreign is that an introspection answer is about the token of another issuer.
func Foreign(check error, iss string, configured []string) error {
	return New(check, func() Sides {
		near, difference := nearest(iss, configured)
		return Sides{Got: "iss " + address(iss), Expected: "iss " + Text(near), Hint: difference}
	})
}

// Parties is that an ID token is for several parties, or for another than those configured. party is azp; empty: absent.
func Parties(check error, party string, audiences []string) error {
	return New(check, func() Sides {
		return Sides{Got: claim("azp", party), Expected: "azp " + oneOf(audiences)}
	})
}

// Tenant is that the tenant is not let in. tid is the claim; empty: absent.
func Tenant(inIssuer, tid string) error {
	return New(errTenant, func() Sides {
		s := Sides{Got: "tenant " + name(inIssuer) + " in iss, " + claim("tid", tid), Expected: "a tenant that AllowTenant lets in"}
		if tid != inIssuer {
			s.Expected = "tid " + name(inIssuer)
			s.Hint = "tid must be the tenant that iss names, letter by letter"
		}
		return s
	})
}

// Audience is that none of wanted is in aud, which is JSON text; empty: absent. client is the token's client id.
func Audience(aud string, wanted []string, client string) error {
	return New(errAudience, func() Sides {
		values := texts(aud)
		s := Sides{Expected: "aud " + oneOf(wanted), Got: "aud " + List(values)}
		switch {
		case aud == "":
			s.Got = "no aud"
			s.Hint = "let the server write this API into aud (Auth0: the parameter audience; Keycloak: an audience mapper), or use Issuer.AllowedClients in its place"
		case len(values) == 0:
			s.Got, s.Hint = "an empty aud", "let the server write this API into aud"
		case client != "" && slices.Contains(values, client):
			s.Hint = "aud is the token's own client: an ID token, perhaps, where the access token should be sent"
		case slices.Equal(values, []string{"account"}):
			s.Hint = "account is what Keycloak writes by itself: add an audience mapper for this API"
		}
		for _, v := range values {
			if _, difference := nearest(v, wanted); difference != "" {
				s.Hint = difference + ": aud is compared byte for byte"
			}
		}
		if s.Hint == "" {
			s.Hint = "the client has to ask for a token for this API; if it did, add what the server writes to Config.Audiences"
		}
		return s
	})
}

// texts are the strings of a claim that is a string or an array of them.
func texts(text string) []string {
	var one string
	if json.Unmarshal([]byte(text), &one) == nil {
		return []string{one}
	}
	var many []string
	if json.Unmarshal([]byte(text), &many) != nil {
		return nil
	}
	return many
}

// Client is that the token's client is not among those allowed. mapped are the claims that were looked at.
func Client(client string, allowed, mapped []string) error {
	return New(errClient, func() Sides {
		s := Sides{Expected: "client " + oneOf(allowed), Got: "client " + Text(client)}
		if client == "" {
			s.Got = "no client in " + strings.Join(mapped, ", ")
			s.Hint = "if another claim names the client, set Issuer.Claims.ClientID"
		} else if _, difference := nearest(client, allowed); difference != "" {
			s.Hint = difference
		}
		return s
	})
}
