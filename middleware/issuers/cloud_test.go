package issuers_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
	"github.com/cardea-auth/cardea/middleware/issuers"
)

const pool = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEf123"

func TestCognito(t *testing.T) {
	sheet{
		issuer: issuers.Cognito("eu-central-1", "eu-central-1_AbCdEf123", "web", "app"),
		good: claims{
			"iss": pool, "sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "client_id": "web", "token_use": "access", "version": 2, "username": "alice",
			"scope": "openid orders/read", "cognito:groups": []string{"admins"}, "origin_jti": "o", "event_id": "e", "auth_time": testkit.Now.Unix(), "jti": "j",
		},
		subject: "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", client: "web", scopes: []string{"orders/read"}, roles: []string{"admins"},
		rows: map[string]row{
			"an ID token":                       {claims: claims{"token_use": "id", "aud": "web", "client_id": nil, "scope": nil}, want: middleware.ReasonTokenType},
			"an ID token that lost its use":     {claims: claims{"token_use": nil, "aud": "web", "scope": nil}, want: middleware.ReasonTokenType},
			"a token that does not say its use": {claims: claims{"token_use": nil}, want: middleware.ReasonNotAccepted},
			"another app client":                {claims: claims{"client_id": "evil"}, want: middleware.ReasonClient},
			"another pool of the region": {
				claims: claims{"iss": "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Zzzzzzzzz"},
				want:   middleware.ReasonUnknownIssuer,
			},
			"another region":              {claims: claims{"iss": strings.Replace(pool, "central", "west", 1)}, want: middleware.ReasonUnknownIssuer},
			"a machine":                   {claims: claims{"sub": "web", "username": nil, "cognito:groups": nil}},
			"resource binding":            {claims: claims{"aud": api}},
			"a client named in azp alone": {claims: claims{"client_id": nil, "azp": "web"}, want: middleware.ReasonClient},
		},
	}.run(t)
	wrong(t, map[string]middleware.Issuer{
		"clients is empty":                 issuers.Cognito("eu-central-1", "eu-central-1_AbC"),
		"clients has an empty value":       issuers.Cognito("eu-central-1", "eu-central-1_AbC", ""),
		"begins with its region":           issuers.Cognito("eu-west-1", "eu-central-1_AbC", "web"),
		"clients has \"web\\n\"":           issuers.Cognito("eu-central-1", "eu-central-1_AbC", "web\n"),
		`region is "eu-central-1.evil.x/"`: issuers.Cognito("eu-central-1.evil.x/", "eu-central-1_AbC", "web"),
	})
	if got := issuers.Cognito("cn-north-1", "cn-north-1_AbC", "web").URL; got != "https://cognito-idp.cn-north-1.amazonaws.com.cn/cn-north-1_AbC" {
		t.Errorf("a pool in China is %s", got)
	}
}

func TestCognitoIDTokens(t *testing.T) {
	sheet{
		issuer: issuers.CognitoIDTokens("eu-central-1", "eu-central-1_AbCdEf123", "web"),
		good: claims{
			"sub": "aaaaaaaa", "aud": "web", "token_use": "id", "nonce": "n", "at_hash": "h", "email": "a@example.com", "email_verified": true,
			"cognito:username": "alice", "cognito:groups": []string{"admins"}, "auth_time": testkit.Now.Unix(),
		},
		subject: "aaaaaaaa", roles: []string{"admins"},
		rows: map[string]row{
			"an access token": {
				claims: claims{"token_use": "access", "client_id": "web", "aud": nil, "scope": "openid"},
				want:   middleware.ReasonTokenType,
			},
			"an access token made for the client": {claims: claims{"token_use": "access", "client_id": "web"}, want: middleware.ReasonTokenType},
			"a token that does not say its use":   {claims: claims{"token_use": nil}, want: middleware.ReasonNotAccepted},
			"another app client":                  {claims: claims{"aud": "evil"}, want: middleware.ReasonAudience},
			"two app clients and no azp":          {claims: claims{"aud": []string{"web", "evil"}}, want: middleware.ReasonAudience},
		},
	}.run(t)
	wrong(t, map[string]middleware.Issuer{"clients is empty": issuers.CognitoIDTokens("eu-central-1", "eu-central-1_AbC")})
}

func TestGoogleUsers(t *testing.T) {
	users := claims{
		"iss": "https://accounts.google.com", "azp": "web.apps.googleusercontent.com", "aud": "web.apps.googleusercontent.com", "sub": "110169484474386276334",
		"hd": "example.com", "email": "alice@example.com", "email_verified": true, "at_hash": "HK6E_P6Dh8Y93mRNtsDB1Q", "nonce": "0394852-3190485-2490358",
	}
	rows := map[string]row{
		"the other spelling of iss": {claims: claims{"iss": "accounts.google.com"}},
		"iss by plain http":         {claims: claims{"iss": "http://accounts.google.com"}, want: middleware.ReasonUnknownIssuer},
		"a login at another app": {
			claims: claims{"aud": "evil.apps.googleusercontent.com", "azp": "evil.apps.googleusercontent.com"},
			want:   middleware.ReasonAudience,
		},
		"another app that got a token for ours": {claims: claims{"azp": "evil.apps.googleusercontent.com"}, want: middleware.ReasonAudience},
		"a service account": {
			claims: claims{"azp": "113774264463038321964", "sub": "113774264463038321964", "email": "x@evil.iam.gserviceaccount.com", "hd": nil},
			want:   middleware.ReasonAudience,
		},
		"a self-signed service account": {claims: claims{"iss": "x@evil.iam.gserviceaccount.com"}, want: middleware.ReasonUnknownIssuer},
	}
	domains := sheet{
		issuer: issuers.Google(issuers.GoogleTokens{ClientIDs: []string{"web.apps.googleusercontent.com"}, Domains: []string{"example.com"}}),
		good:   users, subject: "110169484474386276334", client: "web.apps.googleusercontent.com", rows: rows,
	}
	private := domains
	private.issuer = issuers.Google(issuers.GoogleTokens{ClientIDs: []string{"web.apps.googleusercontent.com"}, AnyAccount: true})
	private.rows = map[string]row{"a private account": {claims: claims{"hd": nil, "email": "alice@gmail.com"}}}
	rows["another Workspace"] = row{claims: claims{"hd": "evil.example"}, want: middleware.ReasonNotAccepted}
	rows["a private account"] = row{claims: claims{"hd": nil}, want: middleware.ReasonNotAccepted}
	rows["a private account with an address of ours"] = row{claims: claims{"hd": nil, "email": "mallory@example.com"}, want: middleware.ReasonNotAccepted}
	t.Run("of a domain", domains.run)
	t.Run("any account", private.run)
	wrong(t, map[string]middleware.Issuer{
		"are both empty":             issuers.Google(issuers.GoogleTokens{}),
		"need a Validator each":      issuers.Google(issuers.GoogleTokens{ClientIDs: []string{"a"}, AnyAccount: true, ServiceAccounts: []string{"b"}}),
		"Domains is empty":           issuers.Google(issuers.GoogleTokens{ClientIDs: []string{"a"}}),
		"choose one":                 issuers.Google(issuers.GoogleTokens{ClientIDs: []string{"a"}, AnyAccount: true, Domains: []string{"b"}}),
		"they are about users":       issuers.Google(issuers.GoogleTokens{ServiceAccounts: []string{"a"}, AnyAccount: true}),
		"Domains has an empty value": issuers.Google(issuers.GoogleTokens{ClientIDs: []string{"a"}, Domains: []string{" "}}),
	})
}

func TestGoogleServiceAccounts(t *testing.T) {
	sheet{
		issuer: issuers.Google(issuers.GoogleTokens{ServiceAccounts: []string{"jobs@example.iam.gserviceaccount.com"}}),
		good: claims{
			"iss": "https://accounts.google.com", "aud": api, "azp": "113774264463038321964", "sub": "113774264463038321964",
			"email": "jobs@example.iam.gserviceaccount.com", "email_verified": true,
		},
		subject: "113774264463038321964", client: "113774264463038321964",
		rows: map[string]row{
			"somebody else's service account": {claims: claims{"email": "jobs@evil.iam.gserviceaccount.com"}, want: middleware.ReasonNotAccepted},
			"an address that is not verified": {claims: claims{"email_verified": false}, want: middleware.ReasonNotAccepted},
			"no address (format=standard)":    {claims: claims{"email": nil, "email_verified": nil}, want: middleware.ReasonNotAccepted},
			"verified, as text":               {claims: claims{"email_verified": "true"}},
			"a user's login":                  {claims: claims{"aud": "web.apps.googleusercontent.com", "email": "alice@example.com"}, want: middleware.ReasonAudience},
			"a user's login with a nonce":     {claims: claims{"nonce": "n"}, want: middleware.ReasonTokenType},
		},
	}.run(t)
}

func TestGoogleIAP(t *testing.T) {
	const backend = "/projects/123456/global/backendServices/7890"
	sheet{
		issuer: issuers.GoogleIAP(backend), alg: "ES256", source: "X-Goog-IAP-JWT-Assertion",
		good: claims{
			"aud": backend, "sub": "accounts.google.com:1234", "email": "alice@example.com", "hd": "example.com",
			"google": claims{"access_levels": []string{"l"}},
		},
		subject: "accounts.google.com:1234",
		rows: map[string]row{
			"another backend":      {claims: claims{"aud": "/projects/123456/global/backendServices/1"}, want: middleware.ReasonAudience},
			"a Google ID token":    {claims: claims{"iss": "https://accounts.google.com"}, want: middleware.ReasonUnknownIssuer},
			"another of our keys":  {header: header{"alg": "RS256", "kid": "rsa"}, want: middleware.ReasonAlgorithm},
			"no audience whatever": {claims: claims{"aud": nil}, want: middleware.ReasonAudience},
		},
	}.run(t)
	if issuers.GoogleIAPSource() != middleware.FromHeader("X-Goog-IAP-JWT-Assertion") {
		t.Error("the source is another field")
	}
	wrong(t, map[string]middleware.Issuer{"audiences is empty": issuers.GoogleIAP()})
}

func TestFirebase(t *testing.T) {
	sheet{
		issuer: issuers.Firebase("example-1a2b3"),
		good: claims{
			"iss": "https://securetoken.google.com/example-1a2b3", "aud": "example-1a2b3", "auth_time": testkit.Now.Add(-time.Hour).Unix(), "user_id": "u", "sub": "u",
			"email": "a@example.com", "firebase": claims{"identities": claims{}, "sign_in_provider": "password"},
		},
		subject: "u",
		rows: map[string]row{
			"another project":         {claims: claims{"iss": "https://securetoken.google.com/evil", "aud": "evil"}, want: middleware.ReasonUnknownIssuer},
			"another project's aud":   {claims: claims{"aud": "evil"}, want: middleware.ReasonAudience},
			"a session cookie":        {claims: claims{"iss": "https://session.firebase.google.com/example-1a2b3"}, want: middleware.ReasonUnknownIssuer},
			"a custom token":          {claims: claims{"iss": "x@example-1a2b3.iam.gserviceaccount.com", "uid": "u"}, want: middleware.ReasonUnknownIssuer},
			"a login of tomorrow":     {claims: claims{"auth_time": testkit.Now.Add(24 * time.Hour).Unix()}, want: middleware.ReasonNotAccepted},
			"no login":                {claims: claims{"auth_time": nil}, want: middleware.ReasonNotAccepted},
			"nobody":                  {claims: claims{"sub": ""}, want: middleware.ReasonNotAccepted},
			"a sub of 128 characters": {claims: claims{"sub": strings.Repeat("u", 128)}, want: ""},
			"a sub of 129 characters": {claims: claims{"sub": strings.Repeat("u", 129)}, want: middleware.ReasonNotAccepted},
			"no claim firebase":       {claims: claims{"firebase": nil}, want: middleware.ReasonNotAccepted},
		},
	}.run(t)
	wrong(t, map[string]middleware.Issuer{`project is "a/../b"`: issuers.Firebase("a/../b"), "project is empty": issuers.Firebase("")})
}

func TestCloudflareAccess(t *testing.T) {
	tag := strings.Repeat("32eafc7626e737", 4)
	users := sheet{
		issuer: issuers.CloudflareAccess("example", tag), source: "Cf-Access-Jwt-Assertion",
		header: header{"typ": "JWT"},
		good: claims{
			"aud": []string{
				tag,
			}, "email": "alice@example.com", "type": "app", "identity_nonce": "6ei69kawdKzMIAPF", "sub": "7335d417-61da-459d-899c-0a01c76a2f94", "country": "US",
		},
		subject: "7335d417-61da-459d-899c-0a01c76a2f94",
		rows: map[string]row{
			"another application":    {claims: claims{"aud": []string{"another"}}, want: middleware.ReasonAudience},
			"another team":           {claims: claims{"iss": "https://evil.cloudflareaccess.com"}, want: middleware.ReasonUnknownIssuer},
			"the global session":     {claims: claims{"type": "org"}, want: middleware.ReasonNotAccepted},
			"a token without a type": {claims: claims{"type": nil}, want: middleware.ReasonNotAccepted},
		},
	}
	services := users
	services.good = claims{"aud": []string{tag}, "type": "app", "sub": "", "common_name": "e367826f93b8d71185e03fe518aff3b4.access"}
	services.subject, services.client = "", "e367826f93b8d71185e03fe518aff3b4.access"
	t.Run("users", users.run)
	t.Run("services", services.run)
	if issuers.CloudflareAccessSource() != middleware.FromHeader("Cf-Access-Jwt-Assertion") {
		t.Error("the source is another field")
	}
	wrong(t, map[string]middleware.Issuer{"tags is empty": issuers.CloudflareAccess("example"), "label of a host": issuers.CloudflareAccess("example.com", tag)})
}
