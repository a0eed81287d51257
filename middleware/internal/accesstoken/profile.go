package accesstoken

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cardea-auth/cardea/middleware/internal/cause"
	"github.com/cardea-auth/cardea/middleware/internal/claims"
	"github.com/cardea-auth/cardea/middleware/internal/compact"
	"github.com/cardea-auth/cardea/middleware/internal/strictjson"
)

// accessTyp is the typ of an access token (RFC 9068 section 2.1), in the one form of compact.MediaType. An issuer that follows the RFC
// gives it to no other token.
const accessTyp = "at+jwt"

var (
	errTyp    = errors.New("typ is not that of an access token")
	errMarked = errors.New("a claim marks the token as another kind than an access token")
	errNonce  = errors.New("nonce marks the token as an ID token, and no token_use or typ, nor a granted scope beside a client id that is not in aud, " +
		"says that it is an access token")
	errIDShape = errors.New("aud holds a client id and no granted scope, token_use, typ or token_type says that this is an access token, " +
		"so it may be an ID token")
	errIDTyp     = errors.New("typ is not that of an ID token, and Profile is IDToken")
	errIDMarked  = errors.New("token_use, typ or another claim marks the token as another kind than an ID token, and Profile is IDToken")
	errIDScopes  = errors.New("the token grants scopes, so it is no ID token, and Profile is IDToken")
	errIDParties = errors.New("aud names several parties and azp none, or azp is not one of Audiences (OpenID Connect Core section 3.1.3.7)")
	errUntyped   = errors.New("the introspection answer has no token_type, and no audience tells it from that of a refresh token: " +
		"if the server never writes it, set Issuer.DangerouslyUntypedAnswers, or OpaquePrefixes that its refresh tokens do not have")
	errPayload = errors.New("token_use or typ among the claims names another kind than an access token")
)

// checkType judges whether a JWT says that it is an access token: by the typ of its header, already in its one form, and by its claims.
// It comes before any key is looked up.
func (i *Issuer) checkType(typ string, c *claims.Reading) Refusal {
	var err error
	switch {
	case i.Profile == IDToken:
		err = i.idToken(typ, c)
	case typ == accessTyp:
	case i.Profile == RFC9068 || !isPlainTyp(typ):
		err = cause.Type(errTyp, typ, i.Profile == RFC9068)
	default:
		err = i.accessClaims(c)
	}
	if err != nil {
		return refuse(WrongType, err)
	}
	return Refusal{}
}

// isPlainTyp reports whether typ says no more than that the token is a JWT.
func isPlainTyp(typ string) bool { return typ == "" || typ == "jwt" }

// idToken judges whether a token is an ID token, where that is the credential. No token that is made for an API may pass for one.
func (i *Issuer) idToken(typ string, c *claims.Reading) error {
	switch {
	case !isPlainTyp(typ):
		return cause.Type(errIDTyp, typ, false)
	case c.At(claims.Marker).Kind() != 0,
		c.At(claims.TokenUse).Kind() != 0 && !oneOf(c.At(claims.TokenUse), "id"),
		c.At(claims.Type).Kind() != 0 && !oneOf(c.At(claims.Type), "id"):
		return errIDMarked
	case claims.AnyScope(c.First(i.scopes), func(string) bool { return true }):
		return cause.Kind(errIDScopes, "scope", c.First(i.scopes).Raw(), "no scopes")
	default:
		return nil
	}
}

// accessClaims judges whether the claims are those of an access token.
func (i *Issuer) accessClaims(c *claims.Reading) error {
	if c.At(claims.Marker).Kind() != 0 || c.At(claims.IDMarker).Kind() != 0 {
		return cause.Marked(errMarked, c.Text)
	}
	if err := payloadKind(c); err != nil {
		return err
	}
	if claims.IsPresent(c.At(claims.Nonce)) && !i.outranksNonce(c) {
		return cause.IDToken(errNonce, "nonce, scopes", c.First(i.scopes).Raw())
	}
	return nil
}

// outranksNonce looks for evidence against a nonce, which some servers copy into access tokens (OpenID Connect Core section 2
// defines it for ID tokens and forbids it nowhere else). Scopes alone are none where the token is addressed to its own client; nor
// where it names no client, because the client of such an ID token is its aud (section 3.1.3.7), and some servers write scopes into these.
func (i *Issuer) outranksNonce(c *claims.Reading) bool {
	if saysAccess(c) || slices.ContainsFunc(i.rules, func(r claims.Rule) bool { return r.OutranksNonce && r.Holds(c) }) {
		return true
	}
	aud, named := c.At(claims.Audience), false
	own := i.anyClient(c, func(client string) bool {
		named = true
		has, err := claims.AudienceHas(aud, client)
		return has || err != nil
	})
	if own || !named {
		return false
	}
	return claims.AnyScope(c.First(i.scopes), claims.IsBeyondIdentity)
}

// payloadKind looks at the claims in which some servers name the kind: token_use (Cognito, Hydra) and typ (Keycloak).
func payloadKind(c *claims.Reading) error {
	if use := c.At(claims.TokenUse); use.Kind() != 0 && !oneOf(use, accessUses...) {
		return cause.Kind(errPayload, "token_use", use.Raw(), "token_use access")
	}
	kind := c.At(claims.Type)
	if text, _ := kind.Text(); slices.Contains(otherTypes, strings.ToLower(text)) { // however it folds
		return cause.Kind(errPayload, "typ (a claim)", kind.Raw(), "typ Bearer, or none")
	}
	return nil
}

var (
	accessUses  = []string{"access", "access_token"}
	accessTypes = []string{"bearer", "dpop", "access", "access_token", "at+jwt"}

	otherTypes = []string{"id", "id_token", "refresh", "refresh_token", "offline", "logout"}
)

// saysAccess reports whether token_use or typ among the claims names an access token.
func saysAccess(c *claims.Reading) bool {
	return oneOf(c.At(claims.TokenUse), accessUses...) || oneOf(c.At(claims.Type), accessTypes...)
}

func oneOf(v strictjson.Value, names ...string) bool {
	s, ok := v.Text()
	return ok && slices.Contains(names, compact.LowerASCII(s))
}

// checkProfile looks for the claims that the profile requires of a JWT.
func (v *vetting) checkProfile() Refusal {
	if v.opaque {
		return Refusal{}
	}
	switch v.issuer.Profile {
	case RFC9068:
		return v.checkRFC9068()
	case IDToken:
		return v.checkIDToken()
	default:
		return Refusal{}
	}
}

// checkRFC9068 looks for what RFC 9068 section 2.2 requires beyond what every token needs. An empty claim is missing.
func (v *vetting) checkRFC9068() Refusal {
	facts := &v.verified.Facts
	switch {
	case facts.Subject == "":
		return missing("sub", "RFC 9068 section 2.2")
	case v.reading.At(claims.Audience).Kind() == 0:
		return missing("aud", "RFC 9068 section 2.2")
	case facts.IssuedAt.IsZero():
		return missing("iat", "RFC 9068 section 2.2")
	case facts.ID == "":
		return missing("jti", "RFC 9068 section 2.2")
	case facts.ClientID == "":
		return missing("client_id", "RFC 9068 section 2.2")
	default:
		return Refusal{}
	}
}

// checkIDToken is what OpenID Connect Core sections 2 and 3.1.3.7 ask of an ID token beyond what every token needs. The audience has been
// found among the configured ones, which are client ids.
func (v *vetting) checkIDToken() Refusal {
	facts := &v.verified.Facts
	if facts.Subject == "" {
		return missing("sub", "OpenID Connect Core section 2")
	}
	if facts.IssuedAt.IsZero() {
		return missing("iat", "OpenID Connect Core section 2")
	}
	azp := v.reading.At(claims.AuthorizedParty)
	if azp.Kind() == 0 {
		if len(facts.Audience) > 1 {
			return refuse(WrongAudience, cause.Parties(errIDParties, "", v.issuer.Audiences))
		}
		return Refusal{}
	}
	if party, _ := azp.Text(); !slices.Contains(v.issuer.Audiences, party) {
		return refuse(WrongAudience, cause.Parties(errIDParties, party, v.issuer.Audiences))
	}
	return Refusal{}
}

func missing(name, clause string) Refusal {
	return refuse(MissingClaim, fmt.Errorf("claim %s is absent or empty (%s)", name, clause))
}

// checkKind keeps out what is no access token and carries no mark, where no audience speaks: refresh tokens, which a server calls active
// as well (RFC 7662 section 2.1), and ID tokens. Of a JWT that was verified and introspected either is heard.
func (v *vetting) checkKind() Refusal {
	t := v.verified
	typed := v.typ == accessTyp || v.form == accessForm || saysAccess(&v.reading)
	if v.opaque {
		typed = typed || v.reading.At(claims.TokenType).Kind() != 0
	}
	if v.jwt != nil {
		typed = typed || v.jwt.typed
	}
	t.typed = typed
	t.access = typed || slices.ContainsFunc(t.Facts.Scopes, claims.IsBeyondIdentity) || v.jwt != nil && v.jwt.access
	t.idLike = v.issuer.idShape(&v.reading, &t.Facts) || v.jwt != nil && v.jwt.idLike
	switch {
	case !v.issuer.namesNoAudience() || v.issuer.Profile == IDToken:
		return Refusal{}
	case v.opaque && !typed && !v.issuer.UntypedAnswers:
		return refuse(WrongType, errUntyped)
	case !v.opaque && v.issuer.Mode != Verify: // the answer is still to come
		return Refusal{}
	case t.idLike && !t.access && (!v.opaque || v.form != opaqueForm || v.jwt != nil): // no ID token is opaque
		return refuse(WrongType, cause.IDToken(errIDShape, "aud", v.reading.At(claims.Audience).Raw()))
	default:
		return Refusal{}
	}
}

// namesNoAudience reports whether something else stands in for an audience.
func (i *Issuer) namesNoAudience() bool { return i.NoAudience || len(i.Clients) > 0 }

// idShape reports whether a token that names no audience of this API has the shape of an ID token: its aud holds its own client id, or
// one of the allowed clients (OpenID Connect Core section 2). Where an audience is demanded that shape is harmless, as long as
// no client id is among the audiences.
func (i *Issuer) idShape(c *claims.Reading, facts *Facts) bool {
	return containsAny(facts.Audience, i.Clients) ||
		i.anyClient(c, func(client string) bool { return slices.Contains(facts.Audience, client) })
}

// anyClient reports whether a client fits whose token this is by a claim that may name it. That one of these cannot be used does not
// hide another.
func (i *Issuer) anyClient(c *claims.Reading, fits func(client string) bool) bool {
	if client, _ := c.At(claims.AuthorizedParty).Text(); client != "" && fits(client) {
		return true
	}
	for _, path := range i.clientID {
		if client, _ := c.Follow(path).Text(); client != "" && fits(client) {
			return true
		}
	}
	return false
}
