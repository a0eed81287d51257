package claims

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cardea-auth/cardea/middleware/internal/strictjson"
)

// Index says where the value of a claim is noted. The claims that are read of every token have the indices below; those that
// ClaimMappings name get the indices after them.
type Index int

// The claims that are read of every token.
const (
	Issuer Index = iota
	Subject
	Audience
	Expiry
	NotBefore
	IssuedAt
	TokenID
	Tenant
	ACR
	AMR
	AuthTime
	Act
	Confirm
	AuthorizationDetails
	Active
	TokenType
	Type
	TokenUse
	Nonce
	AuthorizedParty
	Status
	SessionID
	IDMarker // any of idMarkers
	Marker   // any of markers
	ownClaims

	maxClaims = 64 // as many as Indices has bits
)

var ownNames = map[string]Index{
	"iss": Issuer, "sub": Subject, "aud": Audience, "exp": Expiry, "nbf": NotBefore, "iat": IssuedAt, "jti": TokenID,
	"tid": Tenant, "acr": ACR, "amr": AMR, "auth_time": AuthTime, "act": Act, "cnf": Confirm,
	"authorization_details": AuthorizationDetails, "active": Active, "token_type": TokenType, "typ": Type,
	"token_use": TokenUse, "nonce": Nonce, "azp": AuthorizedParty, "status": Status, "sid": SessionID,
}

// idMarkers are claims that only an ID token carries (OpenID Connect Core sections 2 and 3.3.2.11, FAPI). nonce is not among them, since
// some servers copy it into access tokens.
var idMarkers = []string{"at_hash", "c_hash", "s_hash", "urn:openid:params:jwt:claim:rt_hash"}

// markers are claims that only another kind of token carries, which is neither an access token nor an ID token.
var markers = []string{
	"events", "toe", // security event and logout token (RFC 8417)
	"htm", "htu", "ath", // DPoP proof (RFC 9449)
	"token_introspection",    // introspection answer (RFC 9701)
	"status_list",            // token status list
	"req_wl", "rctx", "tctx", // transaction token
	"response_type", "code_challenge", // request object (RFC 9101)
	"vct", "_sd", "_sd_alg", "sd_hash", // SD-JWT credential and key binding
	"logout_token", "software_statement",
}

// Names is the table from the name of a claim to its Index. It is complete before the first token is read, and never written
// afterwards.
type Names struct {
	indices indexTable
	folded  map[string]Indices // every name in its folded form
	next    Index
	most    int  // length of the longest folded name
	mixed   bool // a name holds other characters than small ASCII letters, digits and signs
}

// NewNames returns the table of the claims that are read of every token.
func NewNames() *Names {
	n := &Names{folded: make(map[string]Indices), next: ownClaims}
	for name, index := range ownNames {
		n.enter(name, index)
	}
	for _, name := range idMarkers {
		n.enter(name, IDMarker)
	}
	for _, name := range markers {
		n.enter(name, Marker)
	}
	return n
}

func (n *Names) enter(name string, index Index) {
	n.indices.set(name, index)
	folded := strictjson.Fold(name)
	n.folded[folded] |= IndicesOf(index)
	n.most = max(n.most, len(folded))
	n.mixed = n.mixed || !isSmall(name)
}

// Indices is a set of claims.
type Indices uint64

// IndicesOf makes a set. It has room for maxClaims.
func IndicesOf(list ...Index) Indices {
	var set Indices
	for _, i := range list {
		set |= 1 << i
	}
	return set
}

// TokenClaims and AnswerClaims are what decides about every JWT, and about every introspection answer. A session decides only where
// sessions are revoked.
var (
	everyClaim   = (IndicesOf(ownClaims) - 1) &^ IndicesOf(SessionID)
	TokenClaims  = everyClaim &^ IndicesOf(Active, TokenType)
	AnswerClaims = everyClaim &^ IndicesOf(Nonce, IDMarker, Marker)
)

// Path leads to a mapped claim.
type Path struct {
	index   Index
	nested  bool
	pointer strictjson.Pointer // from the top-level claim downwards, if nested
}

var (
	errClaimName  = errors.New("it names no claim")
	errClaimCount = fmt.Errorf("all ClaimMappings together may name %d claims", maxClaims-ownClaims)
	errMarker     = errors.New("this claim marks tokens that are no access tokens, and cannot be mapped")
)

// Index is that of the path's top-level claim.
func (p Path) Index() Index { return p.index }

// Path compiles an entry of a ClaimMapping, a name or a JSON pointer, and enters the name of its top-level claim.
func (n *Names) Path(entry string) (Path, error) {
	name, rest, nested := entry, "", false
	if strings.HasPrefix(entry, "/") {
		if _, err := strictjson.ParsePointer(entry); err != nil {
			return Path{}, err
		}
		name, rest, nested = strings.Cut(entry[1:], "/")
		name = strings.ReplaceAll(strings.ReplaceAll(name, "~1", "/"), "~0", "~") // RFC 6901 section 4, in this order
	}
	if name == "" {
		return Path{}, errClaimName
	}
	index, known := n.indices.get(name)
	switch {
	case known && (index == Marker || index == IDMarker || index == Nonce):
		return Path{}, errMarker
	case !known && n.next == maxClaims:
		return Path{}, errClaimCount
	case !known:
		index = n.next
		n.next++
		n.enter(name, index)
	}
	path := Path{index: index, nested: nested}
	if nested {
		var err error
		path.pointer, err = strictjson.ParsePointer("/" + rest)
		return path, err
	}
	return path, nil
}

// resembled returns the claims that a reader would find under name if it ignored case. The name is not in the table itself.
func (n *Names) resembled(name string) Indices {
	if !n.mixed && isSmall(name) {
		return 0 // two names of small letters are equal or different
	}
	var buf [64]byte
	if len(name) > 3*n.most { // no rune folds to one of less than a third of its bytes
		return 0
	}
	return n.folded[string(strictjson.AppendFold(buf[:0], name))]
}

// isSmall reports whether name is ASCII without capitals.
func isSmall(name string) bool {
	for i := range len(name) {
		if c := name[i]; c >= 0x80 || 'A' <= c && c <= 'Z' {
			return false
		}
	}
	return true
}
