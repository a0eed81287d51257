package main

// survivor names a mutant by what does not change when lines move. One entry covers all equal checks of a file.
type survivor struct {
	file  string
	kind  kind
	check string // on one line
}

// The reasons why a survivor needs no test.
const (
	shortcut    = "a shortcut: the way around it gives the same answer, only later"
	impliedBy   = "equivalent: the operand beside it, or the zero value, already says so"
	behindIt    = "defence in depth: the next check refuses the same input, with the same outcome"
	unreachable = "cannot happen after the checks before it; kept so that a change there fails closed"
)

// accepted are the survivors that need no test, each with the reason.
var accepted = map[survivor]string{
	{"middleware/authorize.go", neverTaken, `p.observe == nil && p.logger == nil`}: shortcut,

	{"middleware/authorize.go", andGone, `refusal.nextNonce == ""`}: impliedBy, // a nonce is the same for the same time

	{"middleware/judge.go", orGone, `!ok`}:             impliedBy, // Text is empty where it is not ok
	{"middleware/jwt.go", neverTaken, `err != nil`}:    behindIt,  // a payload that is no base64url is an empty text, which is no JSON
	{"middleware/jwt.go", neverTaken, `!known`}:        shortcut,  // learns a header that it knows
	{"middleware/jwt.go", andGone, `ok`}:               impliedBy, // a tenant is never empty
	{"middleware/jwt.go", orGone, `key == k.key`}:      shortcut,
	{"middleware/claims.go", andGone, `known`}:         impliedBy, // the place of an unknown name is zero, which no marker has
	{"middleware/claims.go", andGone, `err == nil`}:    impliedBy, // both errors are malformed
	{"middleware/claims.go", orGone, `!ok`}:            impliedBy,
	{"middleware/claims.go", neverTaken, `!ok`}:        impliedBy, // Strings returns no list where it is not ok
	{"middleware/claims.go", andGone, `'A' <= c`}:      shortcut,
	{"middleware/claims.go", andGone, `c <= 'Z'`}:      shortcut,
	{"middleware/profile.go", andGone, `ok`}:           impliedBy, // no name in the list is empty
	{"middleware/policy.go", andGone, `0 < len(s)`}:    behindIt,
	{"middleware/opaque.go", neverTaken, `err != nil`}: behindIt, // a Response always decodes to a RawMessage; an empty text is no JSON

	{"middleware/claims.go", neverTaken, `!n.mixed && isSmall(name)`}:               shortcut,
	{"middleware/claims.go", neverTaken, `len(name) > 3*n.most`}:                    shortcut,
	{"middleware/policy.go", neverTaken, `len(iss) <= len(t.prefix)+len(t.suffix)`}: behindIt, // isTenant refuses the empty tenant
	{"middleware/credentials.go", orGone, `!found`}:                                 impliedBy,
	{"middleware/credentials.go", andGone, `'A' <= c`}:                              impliedBy, // 32 more than such a byte is no small letter
	{"middleware/requirement.go", orGone, `token.ACR == ""`}:                        impliedBy, // Guard.ACR takes no empty value
	{"middleware/opaque.go", neverTaken, `entries <= 0`}:                            behindIt,

	{"middleware/confirmation.go", andGone, `ok`}:                                    impliedBy, // no text is a thumbprint
	{"middleware/confirmation.go", neverTaken, `v.bound.key != "" && p.dpop == nil`}: behindIt,  // without DPoP its scheme is not accepted
	{"middleware/confirmation.go", alwaysTrue, `err == nil && n == len(room)`}:       behindIt,  // no key or certificate has such a thumbprint
	{"middleware/confirmation.go", andGone, `err == nil`}:                            behindIt,
	{"middleware/confirmation.go", andGone, `n == len(room)`}:                        behindIt,
	{"middleware/dpop.go", neverTaken, `refusal != nil`}:                             behindIt, // a proof that is not there names no key
	{"middleware/dpop.go", orGone, `err != nil`}:                                     behindIt, // no bytes are no signature
	{"middleware/dpop.go", neverTaken, `!known`}:                                     shortcut,
	{"middleware/dpop.go", orGone, `!valid`}:                                         impliedBy, // what is not valid is no target of ours
	{"middleware/details.go", andGone, `ok`}:                                         impliedBy, // no text is an empty name
	{"middleware/details.go", neverTaken, `err != nil`}:                              behindIt,  // the second decoding fails as well, and what has failed grants nothing
	{"middleware/mtls.go", orGone, `len(fields) == 1 && fields[0] == ""`}:            behindIt,  // an empty field is malformed too
	{"middleware/mtls.go", andGone, `len(fields) == 1`}:                              impliedBy,
	{"middleware/mtls.go", neverTaken, `err != nil`}:                                 behindIt, // no address is in no prefix, and no text is no certificate
	{"middleware/mtls.go", orGone, `len(der) == 0`}:                                  behindIt, // nobody is bound to the empty certificate
	{"middleware/mtls.go", neverTaken, `!hasCert && !hasHash`}:                       behindIt, // nor to the empty hash
	{"middleware/mtls.go", orGone, `len(digest) != sha256.Size`}:                     behindIt,
	{"middleware/mtls.go", andGone, `err == nil`}:                                    impliedBy,
	{"middleware/nonce.go", orGone, `err != nil`}:                                    behindIt, // the seal does not fit
	{"middleware/target.go", orGone, `!ok`}:                                          behindIt, // a scheme alone leaves no host
	{"middleware/target.go", orGone, `!visible(authority)`}:                          behindIt, // it must equal the configured host
	{"middleware/target.go", andGone, `strings.HasPrefix(host, "[")`}:                behindIt,
	{"middleware/target.go", andGone, `strings.HasSuffix(host, "]")`}:                behindIt,
	{"middleware/target.go", andGone, `hasPort`}:                                     impliedBy,
	{"middleware/target.go", orGone, `path[0] != '/'`}:                               unreachable,
	{"middleware/target.go", andGone, `'A' <= s[i]`}:                                 shortcut,
	{"middleware/target.go", andGone, `s[i] <= 'Z'`}:                                 shortcut,

	{"middleware/internal/compact/compact.go", neverTaken, `token == "" || token[0] != 'e'`}:      shortcut,
	{"middleware/internal/compact/compact.go", orGone, `token[0] != 'e'`}:                         shortcut,
	{"middleware/internal/compact/compact.go", andGone, `strings.IndexByte(signature, '.') >= 0`}: shortcut,
	{"middleware/internal/compact/compact.go", orGone, `err != nil`}:                              behindIt, // with an error fewer bytes come out as well
	{"middleware/internal/compact/compact.go", andGone, `n > 0`}:                                  unreachable,
	{"middleware/internal/compact/header.go", andGone, `failed != nil`}:                           impliedBy,
	{"middleware/internal/compact/header.go", neverTaken, `!isText || text == ""`}:                behindIt, // ParseHeader refuses an empty algorithm
	{"middleware/internal/compact/header.go", orGone, `!isText`}:                                  behindIt,
	{"middleware/internal/compact/header.go", orGone, `text == ""`}:                               behindIt,
	{"middleware/internal/compact/header.go", andGone, `len(name) <= 3*len("crit")`}:              shortcut,
	{"middleware/internal/compact/header.go", andGone, `ok`}:                                      impliedBy, // without the prefix nothing was cut

	{"jwks/key.go", andGone, `ok`}:                      impliedBy, // a nil secret is as long as no secret
	{"jwks/algorithm.go", andGone, `!a.symmetric()`}:    behindIt,  // a public key is no []byte
	{"jwks/algorithm.go", orGone, `!ok`}:                impliedBy, // the key is nil then
	{"jwks/algorithm.go", neverTaken, `!ok`}:            behindIt,  // no bytes are not 32 bytes
	{"jwks/parse.go", andGone, `members["kty"] != nil`}: impliedBy,
	{"jwks/parse.go", orGone, `e.alg.symmetric()`}:      behindIt,
	{"jwks/snapshot.go", andGone, `e.alg == nil`}:       unreachable, // only a JWK without alg is tied
	{"jwks/snapshot.go", orGone, `len(fit) == 1`}:       impliedBy,   // a tie to the only algorithm binds nothing

	{"introspection/vet.go", neverTaken, `!json.Valid(text) || bytes.TrimSpace(text)[0] != '{'`}: behindIt, // the decoder refuses; only the blame differs
	{"introspection/vet.go", orGone, `bytes.TrimSpace(text)[0] != '{'`}:                          behindIt,
	{"introspection/vet.go", neverTaken, `err != nil`}:                                           unreachable,
	{"introspection/vet.go", andGone, `isText`}:                                                  unreachable,
	{"introspection/vet.go", orGone, `!ok`}:                                                      impliedBy,
	{"introspection/vet.go", orGone, `len(text) < 6`}:                                            unreachable, // in valid JSON
	{"introspection/vet.go", alwaysTrue, `err == nil`}:                                           unreachable, // in valid JSON
	{"introspection/vet.go", neverTaken, `c != '-' && (c < '0' || c > '9')`}:                     behindIt,    // ParseFloat refuses what else JSON knows
	{"introspection/vet.go", orGone, `c < '0'`}:                                                  behindIt,
	{"introspection/vet.go", orGone, `c > '9'`}:                                                  behindIt,
	{"introspection/vet.go", orGone, `err != nil`}:                                               behindIt, // what ParseFloat cannot hold is infinite

	{"introspection/signed.go", neverTaken, `err != nil`}:   behindIt, // the zero header names no algorithm
	{"introspection/signed.go", neverTaken, `!ok`}:          behindIt, // no bytes are no signature, no header and no claims
	{"introspection/signed.go", alwaysTrue, `err == nil`}:   behindIt,
	{"introspection/signed.go", orGone, `!ok`}:              impliedBy,
	{"introspection/signed.go", orGone, `len(value) == 0`}:  behindIt, // a panic while an answer is read is caught, and no answer
	{"introspection/signed.go", orGone, `answer[0] != '{'`}: behindIt, // ParseResponse wants an object too
}
