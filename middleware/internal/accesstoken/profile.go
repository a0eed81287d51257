package accesstoken

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cardea-auth/cardea/middleware/internal/claims"
	"github.com/cardea-auth/cardea/middleware/internal/strictjson"
)

// accessTyp is the typ of an access token (RFC 9068 section 2.1), in the one form of compact.MediaType. An issuer that follows the RFC
// gives it to no other token.
const accessTyp = "at+jwt"

var (
	errTyp     = errors.New("typ is not that of an access token")
	errMarked  = errors.New("a claim marks the token as another kind than an access token")
	errNonce   = errors.New("nonce marks the token as an ID token, and no granted scope, token_use or typ says that it is an access token")
	errIDShape = errors.New("aud holds a client id and no granted scope, token_use, typ or token_type says that this is an access token, " +
		"so it may be an ID token")
	errPayload = errors.New("token_use or typ among the claims names another kind than an access token")
)

// checkType judges whether a JWT says that it is an access token: by the typ of its header, already in its one form, and by its claims.
// It comes before any key is looked up.
func (i *Issuer) checkType(typ string, c *claims.Reading) Refusal {
	err := i.accessType(typ)
	if err == nil && typ != accessTyp {
		err = i.accessClaims(c)
	}
	if err != nil {
		return refuse(WrongType, err)
	}
	return Refusal{}
}

func (i *Issuer) accessType(typ string) error {
	if typ == accessTyp || !i.RFC9068 && (typ == "" || typ == "jwt") {
		return nil
	}
	return errTyp
}

// accessClaims judges whether the claims are those of an access token.
func (i *Issuer) accessClaims(c *claims.Reading) error {
	if c.At(claims.Marker).Kind() != 0 {
		return errMarked
	}
	if err := payloadKind(c); err != nil {
		return err
	}
	if claims.IsPresent(c.At(claims.Nonce)) && !i.outranksNonce(c) {
		return errNonce
	}
	return nil
}

// outranksNonce looks for evidence against a nonce, which some servers copy into access tokens (OpenID Connect Core section 2
// defines it for ID tokens and forbids it nowhere else). Scopes alone are none where the token is addressed to its own client.
func (i *Issuer) outranksNonce(c *claims.Reading) bool {
	if saysAccess(c) {
		return true
	}
	client, _ := c.First(i.clientID).Text()
	var lists claims.Lists
	audience, err := lists.Audience(c.At(claims.Audience))
	if err != nil || client != "" && slices.Contains(audience, client) {
		return false
	}
	return grantsBeyondIdentity(lists.Scopes(c.First(i.scopes)))
}

// payloadKind looks at the claims in which some servers name the kind: token_use (Cognito, Hydra) and typ (Keycloak).
func payloadKind(c *claims.Reading) error {
	if use := c.At(claims.TokenUse); use.Kind() != 0 && !oneOf(use, accessUses...) {
		return errPayload
	}
	if oneOf(c.At(claims.Type), "id", "id_token", "refresh", "refresh_token", "offline", "logout") {
		return errPayload
	}
	return nil
}

var (
	accessUses  = []string{"access", "access_token"}
	accessTypes = []string{"bearer", "dpop", "access", "access_token", "at+jwt"}

	// identityScopes are granted with ID tokens (OpenID Connect Core sections 5.4 and 11) and say nothing about an API.
	identityScopes = []string{"openid", "profile", "email", "address", "phone", "offline_access"}
)

// saysAccess reports whether token_use or typ among the claims names an access token.
func saysAccess(c *claims.Reading) bool {
	return oneOf(c.At(claims.TokenUse), accessUses...) || oneOf(c.At(claims.Type), accessTypes...)
}

// grantsBeyondIdentity reports whether a scope is granted that no ID token stands for.
func grantsBeyondIdentity(scopes []string) bool {
	return slices.ContainsFunc(scopes, func(scope string) bool { return !slices.Contains(identityScopes, scope) })
}

func oneOf(v strictjson.Value, names ...string) bool {
	s, ok := v.Text()
	return ok && slices.Contains(names, strings.ToLower(s))
}

// required lists what RFC 9068 section 2.2 requires beyond what every token needs.
var required = []struct {
	name  string
	index claims.Index
}{
	{"sub", claims.Subject}, {"aud", claims.Audience}, {"iat", claims.IssuedAt}, {"jti", claims.TokenID},
}

// checkProfile looks for the claims that the profile requires of a JWT.
func (v *vetting) checkProfile() Refusal {
	if !v.issuer.RFC9068 || v.opaque {
		return Refusal{}
	}
	for _, r := range required {
		if v.reading.At(r.index).Kind() == 0 {
			return missing(r.name)
		}
	}
	if v.verified.Facts.ClientID == "" {
		return missing("client_id")
	}
	return Refusal{}
}

func missing(name string) Refusal {
	return refuse(MissingClaim, fmt.Errorf("claim %s is absent (RFC 9068 section 2.2)", name))
}

// checkKind keeps ID tokens out where no audience speaks. An opaque token is none, and about a JWT that its server is still to be asked
// about, the answer has a say.
func (v *vetting) checkKind() Refusal {
	facts := v.verified.Facts
	v.verified.idLike = v.issuer.idShape(&facts)
	v.verified.access = v.typ == accessTyp || v.form == accessForm || saysAccess(&v.reading) || grantsBeyondIdentity(facts.Scopes) ||
		v.opaque && claims.IsPresent(v.reading.At(claims.TokenType))
	if !v.opaque && v.issuer.Mode != Verify || v.opaque && v.jwt == nil && v.form == opaqueForm {
		return Refusal{}
	}
	idLike, access := v.verified.idLike, v.verified.access
	if v.jwt != nil { // either of them is heard
		idLike, access = idLike || v.jwt.idLike, access || v.jwt.access
	}
	if idLike && !access {
		return refuse(WrongType, errIDShape)
	}
	return Refusal{}
}

// idShape reports whether a token that names no audience of this API has the shape of an ID token: its aud holds its own client id, or
// one of the allowed clients (OpenID Connect Core section 2). Where an audience is demanded that shape is harmless, as long as
// no client id is among the audiences.
func (i *Issuer) idShape(facts *Facts) bool {
	if !i.NoAudience && len(i.Clients) == 0 {
		return false
	}
	return facts.ClientID != "" && slices.Contains(facts.Audience, facts.ClientID) || containsAny(facts.Audience, i.Clients)
}
