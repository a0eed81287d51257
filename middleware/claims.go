package middleware

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/middleware/internal/strictjson"
)

// The claims that Cardea reads of every token. Those that ClaimMappings name get the places after them.
const (
	issClaim = iota
	subClaim
	audClaim
	expClaim
	nbfClaim
	iatClaim
	jtiClaim
	tidClaim
	acrClaim
	amrClaim
	authTimeClaim
	actClaim
	cnfClaim
	detailsClaim
	activeClaim
	tokenTypeClaim
	typClaim
	tokenUseClaim
	nonceClaim
	markerClaim // any of markers
	ownClaims

	maxClaims = 48
)

var ownClaimNames = map[string]int{
	"iss": issClaim, "sub": subClaim, "aud": audClaim, "exp": expClaim, "nbf": nbfClaim, "iat": iatClaim, "jti": jtiClaim,
	"tid": tidClaim, "acr": acrClaim, "amr": amrClaim, "auth_time": authTimeClaim, "act": actClaim, "cnf": cnfClaim, "authorization_details": detailsClaim,
	"active": activeClaim, "token_type": tokenTypeClaim, "typ": typClaim, "token_use": tokenUseClaim,
	"nonce": nonceClaim,
}

// claimNames is the table from the name of a claim to the place where its value is noted.
type claimNames struct {
	places placeTable
	folded map[string]struct{} // every name in its folded form
	next   int
	most   int  // length of the longest folded name
	mixed  bool // a name holds other characters than small ASCII letters, digits and signs
}

func newClaimNames() *claimNames {
	n := &claimNames{folded: make(map[string]struct{}), next: ownClaims}
	for name, place := range ownClaimNames {
		n.enter(name, place)
	}
	for _, name := range markers {
		n.enter(name, markerClaim)
	}
	return n
}

func (n *claimNames) enter(name string, place int) {
	n.places.set(name, place)
	folded := strictjson.Fold(name)
	n.folded[folded] = struct{}{}
	n.most = max(n.most, len(folded))
	n.mixed = n.mixed || !isSmall(name)
}

// claimPath leads to a mapped claim.
type claimPath struct {
	place   int
	nested  bool
	pointer strictjson.Pointer // from the top-level claim downwards, if nested
}

var (
	errClaimName  = errors.New("it names no claim")
	errClaimCount = fmt.Errorf("all ClaimMappings together may name %d claims", maxClaims-ownClaims)
	errMarker     = errors.New("this claim marks tokens that are no access tokens, and cannot be mapped")
)

// path compiles an entry of a ClaimMapping.
func (n *claimNames) path(entry string) (claimPath, error) {
	name, rest, nested := entry, "", false
	if strings.HasPrefix(entry, "/") {
		if _, err := strictjson.ParsePointer(entry); err != nil {
			return claimPath{}, err
		}
		name, rest, nested = strings.Cut(entry[1:], "/")
		name = strings.ReplaceAll(strings.ReplaceAll(name, "~1", "/"), "~0", "~") // RFC 6901 section 4, in this order
	}
	if name == "" {
		return claimPath{}, errClaimName
	}
	place, known := n.places.get(name)
	switch {
	case known && (place == markerClaim || place == nonceClaim):
		return claimPath{}, errMarker
	case !known && n.next == maxClaims:
		return claimPath{}, errClaimCount
	case !known:
		place = n.next
		n.next++
		n.enter(name, place)
	}
	path := claimPath{place: place, nested: nested}
	if nested {
		var err error
		path.pointer, err = strictjson.ParsePointer("/" + rest)
		return path, err
	}
	return path, nil
}

// claimSet is one pass over the claims of a token: the values of the claims that are read, in their places.
type claimSet struct {
	text   string
	values [maxClaims]strictjson.Value
}

var errLookalike = errors.New("a claim name differs only in case from one that is read")

// read reads text, which must be one strict JSON object. A member whose name folds to a name in the table without being
// it is refused, because a reader that ignores case would take it for the claim.
func (c *claimSet) read(text string, names *claimNames) error {
	c.text = text
	lookalike := false
	err := strictjson.Walk(text, func(name string, v strictjson.Value) error {
		if place, ok := names.places.get(name); ok {
			if place == markerClaim && v.Kind() == strictjson.Null {
				return nil // it is absent, and must not hide another one
			}
			c.values[place] = v
			return nil
		}
		lookalike = lookalike || names.resembles(name)
		return nil
	})
	if err == nil && lookalike {
		err = errLookalike
	}
	return err
}

func (n *claimNames) resembles(name string) bool {
	if !n.mixed && isSmall(name) {
		return false // two names of small letters are equal or different
	}
	var buf [64]byte
	if len(name) > 3*n.most { // no rune folds to one of less than a third of its bytes
		return false
	}
	_, ok := n.folded[string(strictjson.AppendFold(buf[:0], name))]
	return ok
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

// at returns the value of a mapped claim; the zero Value if it is absent.
func (c *claimSet) at(path claimPath) strictjson.Value {
	v := c.values[path.place]
	if !path.nested {
		return v
	}
	v, _ = v.Lookup(path.pointer)
	return v
}

// first returns the first of the mapped claims that is present.
func (c *claimSet) first(paths []claimPath) strictjson.Value {
	for _, path := range paths {
		if v := c.at(path); v.Kind() != 0 {
			return v
		}
	}
	return strictjson.Value{}
}

// string returns a claim that must be a non-empty string if it is present.
func (c *claimSet) string(place int) (string, error) {
	v := c.values[place]
	if v.Kind() == 0 {
		return "", nil
	}
	s, ok := v.Text()
	if !ok || s == "" {
		return "", errNotText
	}
	return s, nil
}

// time returns a claim that must be a NumericDate if it is present.
func (c *claimSet) time(place int) (time.Time, error) {
	v := c.values[place]
	if v.Kind() == 0 {
		return time.Time{}, nil
	}
	return v.NumericDate()
}

var (
	errNotText     = errors.New("it is not a string, or is empty")
	errNotAudience = errors.New("it is neither a string nor an array of strings")
)
