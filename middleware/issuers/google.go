package issuers

import (
	"errors"

	"github.com/cardea-auth/cardea/middleware"
)

// GoogleTokens says whose ID tokens of accounts.google.com are let in: of users, or of service accounts. One of ClientIDs and ServiceAccounts is
// required; both at once need two Validators, because the two kinds are judged differently.
type GoogleTokens struct {
	_ [0]func() // keyed literals only

	// ClientIDs are your OAuth client ids, for which users sign in.
	ClientIDs []string

	// Domains are the Google Workspace domains (hd) whose users may come. One of Domains and AnyAccount is required with ClientIDs.
	Domains []string

	// AnyAccount lets in the users of every Google account, private ones too: for APIs with a list of users of their own.
	AnyAccount bool

	// ServiceAccounts are the e-mail addresses of the service accounts that may call. Config.Audiences are then what they ask tokens for,
	// usually the address of the API.
	ServiceAccounts []string
}

// Google is accounts.google.com and its ID tokens, in both spellings of its iss. An API that is called for users gets them where the front
// end has nothing else to send; access tokens of Google are opaque, see [GoogleAccessTokens].
//
// Of users it relies on aud (one of ClientIDs), azp (as well, if present) and hd. Of service accounts it relies on aud, email and
// email_verified; anybody can have a service account that makes tokens for your audience, which is why their addresses are required. Refused
// are access tokens, which are opaque, users of other domains, other service accounts, and each of the two kinds where the other is meant.
//
// Not known for certain: whether email_verified is ever text ("true"); it is taken. hd is in tokens of Workspace users only.
func Google(tokens GoogleTokens) middleware.Issuer {
	a := argumentsOf("Google")
	i := middleware.Issuer{
		URL:        "https://accounts.google.com",
		Aliases:    []string{"accounts.google.com"},
		JWKSURI:    "https://www.googleapis.com/oauth2/v3/certs",
		Algorithms: []string{"RS256"},
		Claims:     middleware.ClaimMapping{ClientID: []string{"azp"}},
	}
	switch users, machines := len(tokens.ClientIDs) > 0, len(tokens.ServiceAccounts) > 0; {
	case users && machines:
		a.wrong("ClientIDs and ServiceAccounts are both set: users and service accounts need a Validator each")
	case users:
		a.filled("ClientIDs", tokens.ClientIDs...)
		i.Profile, i.Audiences = middleware.IDToken, tokens.ClientIDs
		i.ClaimRules = googleUsers(a, tokens)
	case machines:
		a.filled("ServiceAccounts", tokens.ServiceAccounts...)
		if len(tokens.Domains) > 0 || tokens.AnyAccount {
			a.wrong("Domains or AnyAccount is set beside ServiceAccounts: they are about users")
		}
		i.ClaimRules = []middleware.ClaimRule{oneOf("email", tokens.ServiceAccounts...), oneOf("email_verified", "true")}
	default:
		a.wrong("ClientIDs and ServiceAccounts are both empty, which would admit nobody: name your OAuth client ids, or the service accounts that may call")
	}
	return a.issue(i)
}

func googleUsers(a *arguments, tokens GoogleTokens) []middleware.ClaimRule {
	switch {
	case len(tokens.Domains) > 0 && tokens.AnyAccount:
		a.wrong("Domains and AnyAccount are both set: choose one")
	case len(tokens.Domains) == 0 && !tokens.AnyAccount:
		a.wrong("Domains is empty, which would admit nobody: name the Workspace domains, or set AnyAccount if every Google account may come")
	}
	if len(tokens.Domains) == 0 {
		return nil
	}
	a.filled("Domains", tokens.Domains...)
	return []middleware.ClaimRule{oneOf("hd", tokens.Domains...)}
}

// GoogleIAP is Google's Identity-Aware Proxy. audiences are those of the backend: "/projects/1234/global/backendServices/5678" or
// "/projects/1234/apps/my-project". The token comes in a field of its own: set Config.TokenSources to [GoogleIAPSource], and
// Config.IgnoreAuthorization, since the proxy leaves the Authorization field to the application.
//
// It relies on the signature under IAP's own keys (ES256) and on aud. Refused are tokens for other backends, Google's own ID tokens and the
// tokens of other algorithms.
//
// Not known for certain: that the iss has no other form. Look at the field in a request of yours.
func GoogleIAP(audiences ...string) middleware.Issuer {
	a := argumentsOf("GoogleIAP")
	a.list("audiences", audiences, "the backend services or apps, as /projects/<number>/…")
	return a.issue(middleware.Issuer{
		URL:        "https://cloud.google.com/iap",
		JWKSURI:    "https://www.gstatic.com/iap/verify/public_key-jwk",
		Audiences:  audiences,
		Algorithms: []string{"ES256"},
	})
}

// GoogleIAPSource is where the tokens of [GoogleIAP] come.
func GoogleIAPSource() middleware.TokenSource {
	return middleware.FromHeader("X-Goog-Iap-Jwt-Assertion")
}

// Firebase is Firebase Authentication, by the id of the project. Its clients send the ID token; there is no other.
//
// It relies on aud, which is the project, on the claim firebase, and on sub and auth_time, as Google's own libraries do. Refused are tokens of
// other projects, session cookies, custom tokens that were never exchanged, a sub of more than 128 characters, an auth_time that lies
// ahead, and the unsigned tokens of the emulator.
//
// Not looked at is the tenant (/firebase/tenant) of projects with Identity Platform's multi-tenancy: add a ClaimRule. Whether the user was
// disabled since is not seen before the token expires (an hour).
func Firebase(project string) middleware.Issuer {
	a := argumentsOf("Firebase")
	a.label("project", project, "example-1a2b3")
	return a.issue(middleware.Issuer{
		URL:        "https://securetoken.google.com/" + project,
		Audiences:  []string{project},
		Algorithms: []string{"RS256"},
		ClaimRules: []middleware.ClaimRule{present("firebase"), present("auth_time"), present("sub")},
		Accept:     acceptFirebase,
	})
}

var errFirebase = errors.New("issuers: Firebase: sub has more than 128 characters, or auth_time is not a time before iat")

func acceptFirebase(t *middleware.Token) error {
	if len(t.Subject) > 128 || t.AuthTime.IsZero() || t.AuthTime.After(t.IssuedAt) {
		return errFirebase
	}
	return nil
}
