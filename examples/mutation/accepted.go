package main

// survivor names a mutant by what does not change when lines move.
type survivor struct {
	file  string
	in    string // the function; "" outside
	kind  kind
	check string // as the report prints it: on one line, the second of its equals in the function ends in (2)
}

// The reasons why a survivor needs no test.
const (
	shortcut    = "a shortcut: the way around it gives the same answer, only later"
	impliedBy   = "equivalent: the operand beside it, or the zero value, already says so"
	raceOnly    = "only a caller that is interrupted between two instructions could notice"
	boundOnly   = "a bound on memory that no answer depends on"
	twoClocks   = "no test can let the wall clock and the monotonic clock differ"
	behindIt    = "defence in depth: the next check refuses the same input, with the same outcome"
	unreachable = "cannot happen after the checks before it; kept so that a change there fails closed"
)

// accepted are the survivors that need no test, each with the reason.
var accepted = map[survivor]string{
	{"middleware/internal/compact/compact.go", "LooksJOSE", neverTaken, `token == "" || token[0] != 'e'`}:  shortcut,
	{"middleware/internal/compact/compact.go", "LooksJOSE", orGone, `token[0] != 'e'`}:                     shortcut,
	{"middleware/internal/compact/compact.go", "LooksJOSE", andGone, `n > 0`}:                              unreachable,
	{"middleware/internal/compact/compact.go", "Split", andGone, `strings.IndexByte(signature, '.') >= 0`}: shortcut,

	{"middleware/internal/compact/header.go", "ParseHeader", andGone, `failed != nil`}:                  impliedBy,
	{"middleware/internal/compact/header.go", "read", neverTaken, `!isText || text == ""`}:              behindIt, // ParseHeader refuses an empty algorithm
	{"middleware/internal/compact/header.go", "read", orGone, `!isText`}:                                behindIt,
	{"middleware/internal/compact/header.go", "read", orGone, `text == ""`}:                             behindIt,
	{"middleware/internal/compact/header.go", "refuseLookalike", andGone, `len(name) <= 3*len("crit")`}: shortcut,
	{"middleware/internal/compact/header.go", "MediaType", andGone, `ok`}:                               impliedBy, // without the prefix nothing was cut

	{"jwks/algorithm.go", "algorithmsFor", andGone, `!a.symmetric()`}: behindIt,  // a public key is no []byte
	{"jwks/algorithm.go", "checkRSA", orGone, `!ok`}:                  impliedBy, // the key is nil then
	{"jwks/algorithm.go", "checkEC", orGone, `!ok`}:                   impliedBy, // the key is nil then
	{"jwks/algorithm.go", "checkSecret", neverTaken, `!ok`}:           behindIt,  // no bytes are not 32 bytes

	{"jwks/key.go", "sameMaterial", andGone, `ok`}: impliedBy, // a nil secret is as long as no secret

	{"jwks/parse.go", "parseKey", andGone, `members["kty"] != nil`}: impliedBy,
	{"jwks/parse.go", "newEntry", orGone, `e.alg.symmetric()`}:      behindIt,

	{"jwks/snapshot.go", "tieOf", andGone, `e.alg == nil`}:    unreachable, // only a JWK without alg is tied
	{"jwks/snapshot.go", "makeKeys", orGone, `len(fit) == 1`}: impliedBy,   // a tie to the only algorithm binds nothing

	{"introspection/signed.go", "readHeader", neverTaken, `!ok`}:        behindIt, // no bytes are no signature, no header and no claims
	{"introspection/signed.go", "readHeader", neverTaken, `err != nil`}: behindIt, // the zero header names no algorithm
	{"introspection/signed.go", "readHeader", orGone, `!ok`}:            impliedBy,
	{"introspection/signed.go", "judge", neverTaken, `err != nil`}:      behindIt, // the zero header names no algorithm
	{"introspection/signed.go", "judge", orGone, `!ok`}:                 impliedBy,
	{"introspection/signed.go", "judge", orGone, `answer[0] != '{'`}:    behindIt, // ParseResponse wants an object too
	{"introspection/signed.go", "readText", alwaysTrue, `err == nil`}:   behindIt,

	{"introspection/vet.go", "readObject", neverTaken, `!json.Valid(text) || bytes.TrimSpace(text)[0] != '{'`}: behindIt, // the decoder refuses; only the blame differs
	{"introspection/vet.go", "readObject", orGone, `bytes.TrimSpace(text)[0] != '{'`}:                          behindIt,
	{"introspection/vet.go", "checkTwins", neverTaken, `err != nil`}:                                           unreachable,
	{"introspection/vet.go", "checkTwins", andGone, `isText`}:                                                  unreachable,
	{"introspection/vet.go", "hasLoneSurrogate", orGone, `!ok`}:                                                impliedBy,
	{"introspection/vet.go", "unicodeEscape", orGone, `len(text) < 6`}:                                         unreachable, // in valid JSON
	{"introspection/vet.go", "unicodeEscape", alwaysTrue, `err == nil`}:                                        unreachable, // in valid JSON
	{"introspection/vet.go", "numericDate", neverTaken, `c != '-' && (c < '0' || c > '9')`}:                    behindIt,    // ParseFloat refuses what else JSON knows
	{"introspection/vet.go", "numericDate", orGone, `c < '0'`}:                                                 behindIt,
	{"introspection/vet.go", "numericDate", orGone, `c > '9'`}:                                                 behindIt,
	{"introspection/vet.go", "numericDate", orGone, `err != nil`}:                                              behindIt, // what ParseFloat cannot hold is infinite

	{"middleware/authorize.go", "complete", andGone, `refusal.nextNonce == ""`}:              impliedBy, // a nonce is the same for the same time
	{"middleware/authorize.go", "judge", neverTaken, `known != nil`}:                         shortcut,
	{"middleware/authorize.go", "report", neverTaken, `p.observe == nil && p.logger == nil`}: shortcut,

	{"middleware/claims.go", "path", andGone, `known`}:                             impliedBy, // the place of an unknown name is zero, which no marker has
	{"middleware/claims.go", "read", andGone, `err == nil`}:                        impliedBy, // both errors are malformed
	{"middleware/claims.go", "resembles", neverTaken, `!n.mixed && isSmall(name)`}: shortcut,
	{"middleware/claims.go", "resembles", neverTaken, `len(name) > 3*n.most`}:      shortcut,
	{"middleware/claims.go", "isSmall", andGone, `'A' <= c`}:                       shortcut,
	{"middleware/claims.go", "isSmall", andGone, `c <= 'Z'`}:                       shortcut,
	{"middleware/claims.go", "string", orGone, `!ok`}:                              impliedBy,

	{"middleware/confirmation.go", "confirmationOf", andGone, `ok`}:                            impliedBy, // no text is a thumbprint
	{"middleware/confirmation.go", "isThumbprint", alwaysTrue, `err == nil && n == len(room)`}: behindIt,  // no key or certificate has such a thumbprint
	{"middleware/confirmation.go", "isThumbprint", andGone, `err == nil`}:                      behindIt,
	{"middleware/confirmation.go", "isThumbprint", andGone, `n == len(room)`}:                  behindIt,
	{"middleware/confirmation.go", "bound", neverTaken, `v.bound.key != "" && p.dpop == nil`}:  behindIt, // without DPoP its scheme is not accepted

	{"middleware/credentials.go", "authorization", orGone, `!found`}:     impliedBy,
	{"middleware/credentials.go", "equalASCIIFold", andGone, `'A' <= c`}: impliedBy, // 32 more than such a byte is no small letter

	{"middleware/details.go", "detailsOf", andGone, `ok`}:            impliedBy, // no text is an empty name
	{"middleware/details.go", "AnyDetail", neverTaken, `err != nil`}: behindIt,  // the second decoding fails as well, and what has failed grants nothing

	{"middleware/dpop.go", "check", neverTaken, `refusal != nil`}:       behindIt, // a proof that is not there names no key
	{"middleware/dpop.go", "check", orGone, `err != nil`}:               behindIt, // no bytes are no signature
	{"middleware/dpop.go", "check", neverTaken, `offered.known == nil`}: shortcut,
	{"middleware/dpop.go", "fits", orGone, `!valid`}:                    impliedBy, // what is not valid is no target of ours

	{"middleware/judge.go", "client", orGone, `!ok`}: impliedBy, // Text is empty where it is not ok

	{"middleware/jwt.go", "jwt", neverTaken, `!known`}:                shortcut,  // learns a header that it knows
	{"middleware/jwt.go", "jwt", neverTaken, `v.tokens == nil`}:       shortcut,  // a copy that nobody keeps
	{"middleware/jwt.go", "stillThere", neverTaken, `refusal != nil`}: shortcut,  // the token is judged afresh, and meets the same refusal
	{"middleware/jwt.go", "isText", andGone, `ok`}:                    impliedBy, // a tenant is never empty
	{"middleware/jwt.go", "stillThere", orGone, `key == k.key`}:       shortcut,

	{"middleware/judge.go", "inTime", andGone, `!now.Before(token.Expiry)`}:   shortcut,
	{"middleware/judge.go", "inTime", andGone, `now.Before(token.NotBefore)`}: shortcut,
	{"middleware/judge.go", "inTime", andGone, `now.Before(token.IssuedAt)`}:  shortcut,

	{"middleware/mtls.go", "check", andGone, `err == nil`}:                              impliedBy,
	{"middleware/mtls.go", "thumbprint", orGone, `len(fields) == 1 && fields[0] == ""`}: behindIt, // an empty field is malformed too
	{"middleware/mtls.go", "thumbprint", andGone, `len(fields) == 1`}:                   impliedBy,
	{"middleware/mtls.go", "trusted", neverTaken, `err != nil`}:                         behindIt, // no address is in no prefix, and no text is no certificate
	{"middleware/mtls.go", "fromClientCert", orGone, `len(der) == 0`}:                   behindIt, // nobody is bound to the empty certificate
	{"middleware/mtls.go", "fromPEM", neverTaken, `err != nil`}:                         behindIt, // no address is in no prefix, and no text is no certificate
	{"middleware/mtls.go", "fromXFCC", neverTaken, `!hasCert && !hasHash`}:              behindIt, // nor to the empty hash
	{"middleware/mtls.go", "fromXFCC", orGone, `len(digest) != sha256.Size`}:            behindIt,
	{"middleware/mtls.go", "fromXFCC", andGone, `err == nil`}:                           impliedBy,

	{"middleware/nonce.go", "judge", orGone, `err != nil`}: behindIt, // the seal does not fit

	{"middleware/opaque.go", "answer", neverTaken, `err != nil`}: behindIt, // a Response always decodes to a RawMessage; an empty text is no JSON

	{"middleware/policy.go", "match", neverTaken, `len(iss) <= len(t.prefix)+len(t.suffix)`}: behindIt, // isTenant refuses the empty tenant
	{"middleware/policy.go", "isTenant", andGone, `0 < len(s)`}:                              behindIt,

	{"middleware/profile.go", "oneOf", andGone, `ok`}: impliedBy, // no name in the list is empty

	{"middleware/requirement.go", "stepUp", orGone, `token.ACR == ""`}: impliedBy, // Guard.ACR takes no empty value

	{"middleware/target.go", "parseTarget", orGone, `!ok`}:                                              behindIt, // a scheme alone leaves no host
	{"middleware/target.go", "parseHost", andGone, `strings.HasPrefix(host, "[")`}:                      behindIt,
	{"middleware/target.go", "parseHost", andGone, `strings.HasSuffix(host, "]")`}:                      behindIt,
	{"middleware/target.go", "parseHost", andGone, `hasPort`}:                                           impliedBy,
	{"middleware/target.go", "parseHost", neverTaken, `!bracketed && strings.ContainsAny(host, ":[]")`}: behindIt,
	{"middleware/target.go", "parseHost", orGone, `hasPort && strings.Trim(port, "0123456789") != ""`}:  behindIt,
	{"middleware/target.go", "normalPath", neverTaken, `path[0] != '/' || !visible(path)`}:              behindIt, // it must equal that of a proof
	{"middleware/target.go", "normalPath", orGone, `!visible(path)`}:                                    behindIt,
	{"middleware/target.go", "normalPath", orGone, `path[0] != '/'`}:                                    unreachable,
	{"middleware/target.go", "lowerASCII", andGone, `'A' <= s[i]`}:                                      shortcut,
	{"middleware/target.go", "lowerASCII", andGone, `s[i] <= 'Z'`}:                                      shortcut,

	{"jwks/object.go", "parseArray", neverTaken, `err != nil`}:             unreachable, // a RawMessage is well-formed
	{"jwks/cache.go", "VerificationKeys", neverTaken, `fresh && t != nil`}: shortcut,    // the next round finds the key, or that it was looked up in vain
	{"jwks/cache.go", "VerificationKeys", andGone, `t != nil`}:             raceOnly,    // Close after the fetch has landed
	{"jwks/cache.go", "Close", neverTaken, `c.timer != nil`}:               behindIt,    // tick does nothing once the Cache is closed

	{"jwks/config.go", "loopback", andGone, `ip != nil`}: impliedBy, // no address is no loopback address

	{"jwks/fetch.go", "request", neverTaken, `err != nil`}: unreachable, // checkURL has parsed the address

	{"jwks/keyfunc.go", "ask", andGone, `err == nil`}: behindIt, // the zero JWK has no key
	{"jwks/keyfunc.go", "ask", andGone, `!listed`}:    shortcut, // a key that is listed twice counts once

	{"jwks/metadata.go", "metadataURLs", neverTaken, `err != nil`}:  unreachable, // New has parsed it
	{"jwks/metadata.go", "parseMetadata", orGone, `err != nil`}:     impliedBy,   // what is no text reads as the empty one
	{"jwks/metadata.go", "parseMetadata", orGone, `err != nil (2)`}: impliedBy,
	{"jwks/metadata.go", "checkKeyURL", orGone, `err != nil`}:       unreachable, // New has parsed it
	{"jwks/metadata.go", "origin", neverTaken, `err != nil`}:        unreachable, // checkURL has parsed it

	{"jwks/object.go", "parseObject", orGone, `err != nil`}:     impliedBy, // with an error there is no token
	{"jwks/object.go", "parseObject", neverTaken, `err != nil`}: behindIt,  // after such an error Decode has one too

	{"jwks/schedule.go", "failed", orGone, `p.failures == 0`}:       impliedBy, // nothing was told in the year 1
	{"jwks/schedule.go", "failed", andGone, `status.after > 0`}:     impliedBy, // now comes before the next try
	{"jwks/schedule.go", "hurry", neverTaken, `p.failures == 0`}:    impliedBy, // before the first fetch all times are zero
	{"jwks/schedule.go", "arm", andGone, `c.timer == nil`}:          shortcut,  // tick during a fetch starts none
	{"jwks/schedule.go", "tick", neverTaken, `c.closed`}:            raceOnly,  // Close stops the timer
	{"jwks/schedule.go", "unavailable", neverTaken, `cause == nil`}: unreachable,
	{"jwks/schedule.go", "freshness", andGone, `ok (2)`}:            impliedBy, // what is no number is an age of zero
	{"jwks/schedule.go", "freshness", andGone, `stated`}:            impliedBy, // a lifetime that is not stated is not used
	{"jwks/schedule.go", "retryAfter", neverTaken, `err != nil`}:    impliedBy, // no date is the year 1, which has passed

	{"jwks/thumbprint.go", "Thumbprint", neverTaken, `err != nil`}: unreachable, // the point was checked when the Key was made

	{"jwks/unknown.go", "inVain", andGone, `ok`}: impliedBy, // nothing was seen in the year 1

	{"introspection/cache.go", "newSegment", neverTaken, `ttl <= 0`}:                                 shortcut, // nothing is fresh for no time
	{"introspection/cache.go", "newSegment", neverTaken, `err != nil`}:                               unreachable,
	{"introspection/cache.go", "load", andGone, `found`}:                                             impliedBy, // what was asked in the year 1 is not fresh
	{"introspection/cache.go", "newer", andGone, `found`}:                                            impliedBy,
	{"introspection/cache.go", "fresh", orGone, `now.Sub(e.asked) >= s.ttl`}:                         twoClocks,
	{"introspection/cache.go", "fresh", orGone, `now.UnixNano()-e.asked.UnixNano() >= int64(s.ttl)`}: twoClocks,

	{"introspection/complaints.go", "due", andGone, `!last.IsZero()`}: impliedBy, // the year 1 is over a minute ago

	{"introspection/config.go", "checkClientAuth", andGone, `len(auth.problems) == 0`}: impliedBy, // every constructor sets apply
	{"introspection/config.go", "checkURL", orGone, `u.Host == ""`}:                    impliedBy, // nor is there a host name
	{"introspection/config.go", "isLoopback", andGone, `err == nil`}:                   impliedBy, // no address is no loopback address

	{"introspection/flight.go", "join", neverTaken, `fs.closed.Load()`}: raceOnly, // Introspect has just looked
	{"introspection/flight.go", "beside", orGone, `fs.closed.Load()`}:   raceOnly, // the request is ended at once

	{"introspection/request.go", "request", neverTaken, `err != nil (2)`}: unreachable, // New has parsed the URL

	{"introspection/signer.go", "newSigner", neverTaken, `err != nil`}:  unreachable, // texts always encode
	{"introspection/signer.go", "fits", andGone, `s.kind == kindECDSA`}: impliedBy,   // the others name no curve
	{"introspection/signer.go", "assertion", neverTaken, `err != nil`}:  unreachable,

	{"introspection/transport.go", "send", andGone, `ctx.Err() == nil`}: shortcut,  // a second request of an ended context is none
	{"introspection/transport.go", "send", andGone, `err != nil`}:       impliedBy, // stale says so

	{"introspection/signed.go", "open", neverTaken, `!ok (2)`}:           behindIt,  // what is no base64url is no JSON either
	{"introspection/signed.go", "judge", orGone, `!ok (2)`}:              impliedBy, // the year 1 is more than a minute away
	{"introspection/signed.go", "judge", orGone, `!ok (3)`}:              impliedBy, // and has passed
	{"introspection/vet.go", "readObject", neverTaken, `err != nil (2)`}: unreachable,

	{"middleware/compile.go", "checkRealm", neverTaken, `p.realm == ""`}: impliedBy, // a challenge without a realm says api
	{"middleware/compile.go", "checkSources", orGone, `s.name == ""`}:    impliedBy,
	{"middleware/compile.go", "routeOpaque", wordGone, `""`}:             impliedBy, // the zero value is the same word

	{"middleware/compile_issuer.go", "names", neverTaken, `iss == ""`}: behindIt,  // the mistake was noted already
	{"middleware/compile_issuer.go", "modes", valueGone, `VerifyJWTs`}: impliedBy, // the zero value takes its place

	{"middleware/context.go", "ClaimsFromContext", neverTaken, `!ok`}:       behindIt, // a nil Token has no claims
	{"middleware/details.go", "decodeDetail", neverTaken, `err != nil (2)`}: unreachable,
	{"middleware/details.go", "AnyDetail", neverTaken, `err != nil`}:        behindIt,  // then there is no detail that grants
	{"middleware/errors.go", "Status", valueGone, `""`}:                     impliedBy, // the zero value takes its place
	{"middleware/problem.go", "WriteError", neverTaken, `failed != nil`}:    unreachable,

	{"middleware/internal/compact/base64.go", "decodeInto", andGone, `len(segment) >= 8`}: impliedBy, // what takes eight bytes is longer

	{"middleware/internal/strictjson/names.go", "add", andGone, `i >= first`}:                  impliedBy, // names of other objects have other hashes
	{"middleware/internal/strictjson/names.go", "add", andGone, `stack[i].hash == added.hash`}: shortcut,
	{"middleware/internal/strictjson/names.go", "hash", neverTaken, `plain`}:                   shortcut,
	{"middleware/internal/strictjson/names.go", "equal", orGone, `a.text == b.text`}:           shortcut,
	{"middleware/internal/strictjson/names.go", "AppendFold", neverTaken, `r < utf8.RuneSelf`}: shortcut,

	{"middleware/internal/strictjson/pointer.go", "tokenIndex", orGone, `err != nil`}: impliedBy, // what is no number is no spelling of 0
	{"middleware/internal/strictjson/pointer.go", "tokenIndex", orGone, `index < 0`}:  impliedBy, // no element has such an index

	{"middleware/internal/strictjson/scanner.go", "object", andGone, `s.noting`}:                         shortcut,
	{"middleware/internal/strictjson/scanner.go", "space", neverTaken, `i < len(text) && text[i] > ' '`}: shortcut,

	{"middleware/internal/strictjson/strings.go", "beyondASCII", andGone, `r == utf8.RuneError`}: impliedBy,   // beyond ASCII one byte is no character
	{"middleware/internal/strictjson/value.go", "valueEnd", andGone, `i < len(raw)`}:             unreachable, // a bracket follows

	{"middleware/internal/shards/cache.go", "New", andGone, `count < maxShards`}:               shortcut, // the number of shards is seen by the clock alone
	{"middleware/internal/shards/cache.go", "New", andGone, `count < 4*runtime.GOMAXPROCS(0)`}: shortcut,

	{"middleware/authorize.go", "judge", orGone, `v.headers.begin(token.raw)`}: shortcut,

	{"middleware/cache.go", "newTokenCache", neverTaken, `entries < 0`}:         shortcut,    // a cache without room remembers nothing
	{"middleware/cache.go", "whole", neverTaken, `t.signed == ""`}:              shortcut,    // hashes the same text again
	{"middleware/compile_address.go", "publicURL", neverTaken, `err != nil`}:    unreachable, // no public host is refused as an origin
	{"middleware/compile_address.go", "isPublicHost", alwaysTrue, `err == nil`}: behindIt,    // net/url refuses it too, since Go 1.25.2

	{"middleware/context.go", "ContextWithExpiry", orGone, `a.anonymous`}: impliedBy, // nobody has no expiry
	{"middleware/headers.go", "parse", neverTaken, `table != nil`}:        shortcut,
	{"middleware/headers.go", "learn", andGone, `len(*old) < maxHeaders`}: boundOnly, // only verified tokens are learnt from

	{"middleware/headers.go", "learn", neverTaken, `old != nil && len(*old) < maxHeaders`}: shortcut, // a table that is begun anew learns again

	{"middleware/places.go", "set", andGone, `t.names[slot] != name`}: impliedBy, // each name is entered once

	{"middleware/proof.go", "proofOf", neverTaken, `err != nil`}:       behindIt, // what has no parts has no header
	{"middleware/proof.go", "readProof", neverTaken, `err != nil`}:     behindIt, // an empty text is no JSON
	{"middleware/proof.go", "readProof", neverTaken, `err != nil (2)`}: behindIt, // nothing was visited, so there is no iat
	{"middleware/proof.go", "readProof", orGone, `err != nil`}:         behindIt, // the year 1 is not lately
	{"middleware/proof.go", "readProof", orGone, `p.method == ""`}:     behindIt, // the call has one
	{"middleware/proof.go", "readProof", orGone, `p.uri == ""`}:        behindIt, // it is no target
	{"middleware/proof.go", "readProof", orGone, `p.tokenHash == ""`}:  behindIt, // the token has one

	{"middleware/proof_jwk.go", "decode", andGone, `len(k.first) == ed25519.PublicKeySize`}: behindIt,  // NewKey counts as well
	{"middleware/proof_jwk.go", "check", neverTaken, `err != nil`}:                          behindIt,  // NewKey takes no nil
	{"middleware/proof_jwk.go", "octets", neverTaken, `err != nil`}:                         impliedBy, // with an error there is no text

	{"middleware/proof_key.go", "parse", neverTaken, `err != nil`}:                  behindIt, // an empty text is no JSON
	{"middleware/proof_key.go", "parse", neverTaken, `err != nil (2)`}:              behindIt, // the zero Value has no typ
	{"middleware/proof_key.go", "parse", orGone, `jwk.Kind() != strictjson.Object`}: behindIt, // what has no members is no key

	{"middleware/set.go", "distinct", neverTaken, `len(elems) <= few`}: shortcut,

	{"jwks/parse.go", "parseMaterial", neverTaken, `len(m.E) > base64.RawURLEncoding.EncodedLen(8)`}: behindIt, // jwkset writes the key once more and compares

	{"middleware/jwt.go", "jwt", neverTaken, `err != nil (3)`}: behindIt, // a payload that is no base64url is an empty text, which is no JSON
}
