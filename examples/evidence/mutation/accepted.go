package main

import "maps"

// accepted are the survivors that need no test, each with the reason.
var accepted = func() map[survivor]string {
	all := maps.Clone(acceptedOfDecisions)
	maps.Copy(all, acceptedOfClaims)
	return all
}()

// acceptedOfDecisions are all but those of acceptedOfClaims.
var acceptedOfDecisions = map[survivor]string{
	{"middleware", "LooksJOSE", neverTaken, `token == "" || token[0] != 'e'`}:  shortcut,
	{"middleware", "LooksJOSE", orGone, `token[0] != 'e'`}:                     shortcut,
	{"middleware", "LooksJOSE", andGone, `n > 0`}:                              unreachable,
	{"middleware", "Split", andGone, `strings.IndexByte(signature, '.') >= 0`}: shortcut,

	{"middleware", "ParseHeader", andGone, `failed != nil`}:                  impliedBy,
	{"middleware", "read", neverTaken, `!isText || text == ""`}:              behindIt, // ParseHeader refuses an empty algorithm
	{"middleware", "read", orGone, `!isText`}:                                behindIt,
	{"middleware", "read", orGone, `text == ""`}:                             behindIt,
	{"middleware", "refuseLookalike", andGone, `len(name) <= 3*len("crit")`}: shortcut,
	{"middleware", "MediaType", andGone, `ok`}:                               impliedBy, // without the prefix nothing was cut

	{"jwks", "checkRSA", orGone, `!ok`}:        impliedBy, // the key is nil then
	{"jwks", "checkEC", orGone, `!ok`}:         impliedBy, // the key is nil then
	{"jwks", "checkSecret", neverTaken, `!ok`}: behindIt,  // no bytes are not 32 bytes

	{"jwks", "Verify", andGone, `!k.verified.Load()`}: shortcut, // saves a write to memory that every request shares

	{"jwks", "sameMaterial", andGone, `ok`}: impliedBy, // a nil secret is as long as no secret

	{"jwks", "newEntry", orGone, `e.alg.Symmetric()`}: behindIt,

	{"jwks", "tieOf", andGone, `e.alg == nil`}:    unreachable, // only a JWK without alg is tied
	{"jwks", "makeKeys", orGone, `len(fit) == 1`}: impliedBy,   // a tie to the only algorithm binds nothing

	{"introspection", "readHeader", neverTaken, `!ok`}:        behindIt, // no bytes are no signature, no header and no claims
	{"introspection", "readHeader", neverTaken, `err != nil`}: behindIt, // the zero header names no algorithm
	{"introspection", "readHeader", orGone, `!ok`}:            impliedBy,
	{"introspection", "judge", neverTaken, `err != nil`}:      behindIt, // the zero header names no algorithm
	{"introspection", "judge", orGone, `!ok`}:                 impliedBy,
	{"introspection", "judge", orGone, `answer[0] != '{'`}:    behindIt, // ParseResponse wants an object too
	{"introspection", "readText", alwaysTrue, `err == nil`}:   behindIt,

	{"introspection", "hasLoneSurrogate", orGone, `!ok`}:                             impliedBy,
	{"introspection", "unicodeEscape", orGone, `len(text) < 6`}:                      unreachable, // in valid JSON
	{"introspection", "unicodeEscape", alwaysTrue, `err == nil`}:                     unreachable, // in valid JSON
	{"introspection", "numericDate", neverTaken, `c != '-' && (c < '0' || c > '9')`}: behindIt,    // ParseFloat refuses what else JSON knows
	{"introspection", "numericDate", orGone, `c < '0'`}:                              behindIt,
	{"introspection", "numericDate", orGone, `c > '9'`}:                              behindIt,
	{"introspection", "numericDate", orGone, `err != nil`}:                           behindIt, // what ParseFloat cannot hold is infinite

	{"middleware", "isWritten", neverTaken, `!p.log().Enabled(ctx, refusal.outcome().level())`}: shortcut,
	{"middleware", "nonceFor", orGone, `call.nextNonce != ""`}:                                  impliedBy, // a nonce is the same for the same time
	{"middleware", "judge", neverTaken, `known != nil`}:                                         shortcut,
	{"middleware", "report", neverTaken, `p.observe == nil && !write`}:                          shortcut,

	{"middleware", "isSmall", andGone, `'A' <= c`}: shortcut,
	{"middleware", "isSmall", andGone, `c <= 'Z'`}: shortcut,

	{"middleware", "isThumbprint", alwaysTrue, `err == nil && n == len(buf)`}:     behindIt, // no key or certificate has such a thumbprint
	{"middleware", "isThumbprint", andGone, `err == nil`}:                         behindIt,
	{"middleware", "isThumbprint", andGone, `n == len(buf)`}:                      behindIt,
	{"middleware", "bound", neverTaken, `v.Bound().Key != "" && p.proofs == nil`}: behindIt,    // without DPoP its scheme is not accepted
	{"middleware", "boundCall.equal", andGone, `b == nil`}:                        unreachable, // both are of one token, which is bound or not
	{"middleware", "boundCall.equal", andGone, `other == nil`}:                    unreachable,
	{"middleware", "boundCall.equal", andGone, `b != nil`}:                        unreachable,
	{"middleware", "boundCall.equal", andGone, `other != nil`}:                    unreachable,

	{"middleware", "authorization", neverTaken, `ok && token != "" && token[0] != ' '`}: shortcut,
	{"middleware", "equalASCIIFold", andGone, `'A' <= c`}:                               impliedBy, // 32 more than such a byte is no small letter

	{"middleware", "ReadDetails", andGone, `ok`}:          impliedBy, // no text is an empty name
	{"middleware", "AnyDetail", neverTaken, `err != nil`}: behindIt,  // the second decoding fails as well, and what has failed grants nothing

	{"middleware", "Verifier.Verify", neverTaken, `err != nil`}:           behindIt, // a proof that is not there names no key
	{"middleware", "Verifier.Verify", neverTaken, `err != nil (6)`}:       behindIt, // no bytes are no signature
	{"middleware", "Verifier.Verify", neverTaken, `offered.known == nil`}: shortcut,
	{"middleware", "names", andGone, `valid`}:                             impliedBy, // what is not valid is no target of ours

	{"middleware", "Is", andGone, `ok`}:                                        impliedBy, // a tenant is never empty
	{"middleware", "StillPublished", orGone, `key == r.Key`}:                   shortcut,
	{"middleware", "StillPublished", neverTaken, `outcome != Found`}:           shortcut, // the token is judged anew, and the source says the same again
	{"middleware", "ask", neverTaken, `len(keys) == 0`}:                        behindIt, // of no keys none may serve
	{"middleware", "Reconsider", neverTaken, `err == nil && len(others) == 0`}: shortcut, // the keys are asked for again, and are those that were tried

	{"middleware", "checkTime", andGone, `now.Before(facts.NotBefore)`}: shortcut,
	{"middleware", "checkTime", andGone, `now.Before(facts.IssuedAt)`}:  shortcut,

	{"middleware", "Check", andGone, `err == nil`}:                              impliedBy,
	{"middleware", "thumbprint", orGone, `len(fields) == 1 && fields[0] == ""`}: behindIt, // an empty field is malformed too
	{"middleware", "thumbprint", andGone, `len(fields) == 1`}:                   impliedBy,
	{"middleware", "trusts", neverTaken, `err != nil`}:                          behindIt, // no address is in no prefix, and no text is no certificate
	{"middleware", "fromPEM", neverTaken, `err != nil`}:                         behindIt, // no address is in no prefix, and no text is no certificate
	{"middleware", "fromXFCC", neverTaken, `!hasCert && !hasHash`}:              behindIt, // nor to the empty hash

	{"middleware", "accepts", orGone, `err != nil`}: behindIt, // the seal does not fit

	{"middleware", "vetAnswer", neverTaken, `err != nil`}: behindIt, // a Response always decodes to a RawMessage; an empty text is no JSON

	{"middleware", "FilledBy", neverTaken, `len(iss) <= len(t.Prefix)+len(t.Suffix)`}: behindIt, // IsName refuses the empty tenant
	{"middleware", "IsName", andGone, `0 < len(s)`}:                                   behindIt,

	{"middleware", "oneOf", andGone, `ok`}: impliedBy, // no name in the list is empty

	{"middleware", "acceptsACR", orGone, `facts.ACR == ""`}: impliedBy, // Guard.ACR takes no empty value

	{"middleware", "Parse", orGone, `!ok`}:                                       behindIt, // a scheme alone leaves no host
	{"middleware", "parseHost", andGone, `strings.HasPrefix(host, "[")`}:         behindIt,
	{"middleware", "parseHost", andGone, `hasPort`}:                              impliedBy,
	{"middleware", "normalPath", neverTaken, `path[0] != '/' || !visible(path)`}: behindIt, // it must equal that of a proof
	{"middleware", "normalPath", orGone, `!visible(path)`}:                       behindIt,
	{"middleware", "normalPath", orGone, `path[0] != '/'`}:                       unreachable,
	{"middleware", "lowerASCII", andGone, `'A' <= s[i]`}:                         shortcut,
	{"middleware", "lowerASCII", andGone, `s[i] <= 'Z'`}:                         shortcut,

	{"jwks", "parseArray", neverTaken, `err != nil`}:        unreachable, // a RawMessage is well-formed
	{"jwks", "VerificationKeys", andGone, `t != nil`}:       raceOnly,    // Close after the fetch has landed
	{"jwks", "Reconsider", andGone, `c.held.Load() != nil`}: raceOnly,    // as above
	{"jwks", "Reconsider", neverTaken, `f == nil`}:          raceOnly,    // other keys come between two looks
	{"jwks", "Status", andGone, `!s.NextRefresh.IsZero()`}:  raceOnly,    // a tenant is dismissed while it is looked at
	{"jwks", "Close", neverTaken, `c.timer != nil`}:         behindIt,    // tick does nothing once the Cache is closed

	{"jwks", "ask", orGone, `err != errClosed`}: shortcut, // the Cache that is asked again has just learnt the answer

	{"jwks", "lowerASCII", andGone, `'A' <= r`}: shortcut, // both sides are written alike, and no two hosts become one

	{"jwks", "loopback", andGone, `ip != nil`}: impliedBy, // no address is no loopback address

	{"jwks", "ask", andGone, `err == nil`}: behindIt, // the zero JWK has no key
	{"jwks", "ask", andGone, `!listed`}:    shortcut, // a key that is listed twice counts once

	{"jwks", "ReadMetadata", valueGone, `""`}:     impliedBy,   // the zero value takes its place
	{"jwks", "checkKeyURL", orGone, `err != nil`}: unreachable, // New has parsed it
	{"jwks", "origin", neverTaken, `err != nil`}:  unreachable, // checkURL has parsed it

	{"jwks", "parseObject", orGone, `err != nil`}:     impliedBy, // with an error there is no token
	{"jwks", "parseObject", neverTaken, `err != nil`}: behindIt,  // after such an error Decode has one too

	{"jwks", "Failed", orGone, `p.failures == 0`}:  impliedBy, // nothing was told in the year 1
	{"jwks", "overtake", orGone, `now.Before(at)`}: raceOnly,  // a tick that was about to come when a fetch began

	{"jwks", "arm", andGone, `c.timer == nil`}:          shortcut, // tick during a fetch starts none
	{"jwks", "tick", neverTaken, `c.closed`}:            raceOnly, // Close stops the timer
	{"jwks", "unavailable", neverTaken, `cause == nil`}: unreachable,
	{"jwks", "Freshness", andGone, `ok (2)`}:            impliedBy, // what is no number is an age of zero
	{"jwks", "Freshness", andGone, `stated`}:            impliedBy, // a lifetime that is not stated is not used
	{"jwks", "retryAfter", neverTaken, `err != nil`}:    impliedBy, // no date is the year 1, which has passed

	{"jwks", "Thumbprint", neverTaken, `err != nil`}: unreachable, // the point was checked when the Key was made

	{"jwks", "InVain", andGone, `ok`}: impliedBy, // nothing was seen in the year 1

	{"introspection", "elements", andGone, `e.peek() != 0`}: unreachable, // in valid JSON

	{"introspection", "NewAnswers", neverTaken, `err != nil`}:                               unreachable, // secrets were judged, and nothing else can fail
	{"introspection", "newShared", neverTaken, `err != nil`}:                                unreachable,
	{"introspection", "NewSeal", neverTaken, `err != nil`}:                                  unreachable,
	{"introspection", "NewSeal", neverTaken, `err != nil (2)`}:                              unreachable,
	{"introspection", "Seal", neverTaken, `err != nil`}:                                     unreachable,
	{"introspection", "set", neverTaken, `err != nil`}:                                      unreachable,
	{"introspection", "Open", neverTaken, `err != nil`}:                                     unreachable,
	{"introspection", "aead", neverTaken, `err != nil`}:                                     unreachable,
	{"introspection", "aead", neverTaken, `err != nil (2)`}:                                 unreachable,
	{"introspection", "Readable", alwaysTrue, `!shut`}:                                      shortcut,
	{"introspection", "tryAgain", neverTaken, `!a.life.begin()`}:                            behindIt, // a read does not begin either
	{"introspection", "inTime", orGone, `age >= a.TTL-a.skew`}:                              behindIt, // the cache of the Client keeps nothing so old
	{"introspection", "read", andGone, `o.err != nil`}:                                      raceOnly,
	{"introspection", "write", andGone, `err != nil`}:                                       raceOnly,
	{"introspection", "add", neverTaken, `known.many == nil && len(own) == usualNames`}:     shortcut, // few names or many, the answer is the same
	{"introspection", "add", andGone, `known.many == nil`}:                                  shortcut,
	{"introspection", "add", andGone, `len(own) == usualNames`}:                             shortcut,
	{"introspection", "add", andGone, `known.many == nil (2)`}:                              shortcut,
	{"introspection", "newSegment", neverTaken, `ttl <= 0`}:                                 shortcut, // nothing is fresh for no time
	{"introspection", "newSegment", neverTaken, `err != nil`}:                               unreachable,
	{"introspection", "load", andGone, `found`}:                                             impliedBy, // what was asked in the year 1 is not fresh
	{"introspection", "newer", andGone, `found`}:                                            impliedBy,
	{"introspection", "fresh", orGone, `now.Sub(e.asked) >= s.ttl`}:                         twoClocks,
	{"introspection", "fresh", orGone, `now.UnixNano()-e.asked.UnixNano() >= int64(s.ttl)`}: twoClocks,

	{"introspection", "due", andGone, `!last.IsZero()`}: impliedBy, // the year 1 is over a minute ago

	{"introspection", "checkClientAuth", andGone, `len(auth.problems) == 0`}: impliedBy, // every constructor sets apply
	{"introspection", "checkURL", orGone, `u.Host == ""`}:                    impliedBy, // nor is there a host name
	{"introspection", "isLoopback", andGone, `err == nil`}:                   impliedBy, // no address is no loopback address

	{"introspection", "beside", orGone, `fs.closed.Load()`}:    raceOnly,    // the request is ended at once
	{"introspection", "request", neverTaken, `err != nil (2)`}: unreachable, // New has parsed the URL

	{"introspection", "newSigner", neverTaken, `err != nil`}:  unreachable, // texts always encode
	{"introspection", "fits", andGone, `s.kind == kindECDSA`}: impliedBy,   // the others name no curve
	{"introspection", "assertion", neverTaken, `err != nil`}:  unreachable,

	{"introspection", "send", andGone, `ctx.Err() == nil`}: shortcut,  // a second request of an ended context is none
	{"introspection", "send", andGone, `err != nil`}:       impliedBy, // stale says so

	{"introspection", "open", neverTaken, `!ok (2)`}: behindIt,  // what is no base64url is no JSON either
	{"introspection", "judge", orGone, `!ok (2)`}:    impliedBy, // the year 1 is more than a minute away
	{"introspection", "judge", orGone, `!ok (3)`}:    impliedBy, // and has passed

	{"middleware", "sameSource", andGone, `a != nil`}:         impliedBy, // package reflect calls nothing incomparable
	{"middleware", "checkRealm", neverTaken, `p.realm == ""`}: impliedBy, // a challenge without a realm says api
	{"middleware", "enterPrefixes", wordGone, `""`}:           impliedBy, // the zero value is the same word

	{"middleware", "enterNames", neverTaken, `iss == ""`}: behindIt,  // the mistake was noted already
	{"middleware", "modes", valueGone, `VerifyJWTs`}:      impliedBy, // the zero value takes its place

	{"middleware", "decodeDetail", neverTaken, `err != nil`}:  unreachable,
	{"middleware", "statusOf", valueGone, `""`}:               impliedBy, // the zero value takes its place
	{"middleware", "WriteError", neverTaken, `failed != nil`}: unreachable,

	{"middleware", "filled", andGone, `e.Kind.dated()`}:                                  impliedBy, // the date of another kind is not kept
	{"middleware", "check", andGone, `e.Kind.dated()`}:                                   behindIt,  // a date without a dated kind is refused before
	{"middleware", "kindThatHits", neverTaken, `l.table.Size() == 0`}:                    shortcut,
	{"middleware", "Used", alwaysTrue, `t.used[secret][place].Load()`}:                   shortcut,
	{"middleware", "Add", andGone, `added.ID() != 0`}:                                    impliedBy, // no entry without an identifier is lifted by one
	{"middleware", "Add", andGone, `ok`}:                                                 impliedBy, // a record that is not there covers nothing, and has no identifier
	{"middleware", "sweep", neverTaken, `len(s.further) == 0`}:                           shortcut,
	{"middleware", "run", andGone, `f.ctx.Err() == nil`}:                                 impliedBy,
	{"middleware", "offerSome", andGone, `s.ctx.Err() == nil`}:                           raceOnly,
	{"middleware", "keepLifts", neverTaken, `o.Ended(now)`}:                              boundOnly,
	{"middleware", "keepLifts", neverTaken, `len(s.lifts) >= s.sweepLiftsAt`}:            boundOnly,
	{"middleware", "replace", orGone, `len(last.instead) >= mostInstead`}:                boundOnly,
	{"middleware", "Settle", andGone, `len(last.instead) < mostInstead`}:                 boundOnly,
	{"middleware", "clock", neverTaken, `passed.Before(now.Round(0))`}:                   twoClocks,
	{"middleware", "failed", orGone, `s.loggedAt.IsZero()`}:                              impliedBy,
	{"middleware", "Hits", orGone, `issued.IsZero()`}:                                    impliedBy, // the zero time is before every date
	{"middleware", "sweepAll", andGone, `!t.sweptFull.IsZero()`}:                         impliedBy, // the zero time is long ago
	{"middleware", "kindThatHits", andGone, `named.Has(place)`}:                          shortcut,  // no entry has an empty value
	{"middleware", "kindThatHits", andGone, `l.table.Used(0, place)`}:                    shortcut,
	{"middleware", "Hit", andGone, `t.Has(place)`}:                                       shortcut, // no entry has an empty value
	{"middleware", "Hit", andGone, `x.table.Used(secret, place)`}:                        shortcut,
	{"middleware", "named", neverTaken, `t.Has(place)`}:                                  boundOnly, // it is the room for names
	{"middleware", "withRevocation", orGone, `len(a.validator.policy.revocations) == 0`}: shortcut,
	{"middleware", "receiveAll", neverTaken, `ctx.Err() != nil`}:                         shortcut, // of the end of Poll
	{"middleware", "Known.Hit", andGone, `k.index.stamps[name.stamp].Load() > before`}:   shortcut,
	{"middleware", "Settle", andGone, `len(o.Of.instead) > 0`}:                           boundOnly,
	{"middleware", "keepTaken", neverTaken, `len(q.taken) >= q.sweepTakenAt`}:            boundOnly,
	{"middleware", "keepTaken", alwaysTrue, `int64(r.Until) >= now.Unix()`}:              boundOnly,
	{"middleware", "Lists.Load", orGone, `errors.Is(err, errClosed)`}:                    raceOnly, // and then Judge says that nothing is known
	{"middleware", "run", neverTaken, `again`}:                                           shortcut,
	{"middleware", "restore", neverTaken, `len(f.missing) == 0`}:                         shortcut,
	{"middleware", "restore", andGone, `r.Own()`}:                                        impliedBy, // only what is its own is missed
	{"middleware", "Has", alwaysTrue, `t.Values[place] != "" || place == wholeIssuer`}:   shortcut,  // no entry has an empty value
	{"middleware", "write", neverTaken, `len(text) <= longestWritten`}:                   shortcut,  // the hash tells short texts apart as well
	{"middleware", "Notify", neverTaken, `!named.Has(place)`}:                            behindIt,  // no entry has an empty value

	{"middleware", "decodeInto", andGone, `len(segment) >= 8`}: impliedBy, // what takes eight bytes is longer

	{"middleware", "add", andGone, `i >= first`}:                                                impliedBy, // names of other objects have other hashes
	{"middleware", "add", andGone, `stack[i].hash == added.hash`}:                               shortcut,
	{"middleware", "hash", neverTaken, `plain`}:                                                 shortcut,
	{"middleware", "equal", orGone, `a.text == b.text`}:                                         shortcut,
	{"middleware", "add", andGone, `stack[i].equal(added)`}:                                     byChance,
	{"middleware", "equal", alwaysTrue, `a.text == b.text || decode(a.text) == decode(b.text)`}: byChance,
	{"middleware", "fold", neverTaken, `f < utf8.RuneSelf`}:                                     shortcut,
	{"middleware", "fold", neverTaken, `f == r && end == i`}:                                    shortcut,
	{"middleware", "newBlock", neverTaken, `f == first+i`}:                                      shortcut,

	{"middleware", "tokenIndex", orGone, `err != nil`}: impliedBy, // what is no number is no spelling of 0
	{"middleware", "tokenIndex", orGone, `index < 0`}:  impliedBy, // no element has such an index

	{"middleware", "object", andGone, `s.noting`}:                         shortcut,
	{"middleware", "space", neverTaken, `i < len(text) && text[i] > ' '`}: shortcut,

	{"middleware", "beyondASCII", andGone, `r == utf8.RuneError`}: impliedBy,   // beyond ASCII one byte is no character
	{"middleware", "valueEnd", andGone, `i < len(raw)`}:           unreachable, // a bracket follows

	{"middleware", "New", andGone, `count < maxShards`}:               shortcut, // the number of shards is seen by the clock alone
	{"middleware", "New", andGone, `count < 4*runtime.GOMAXPROCS(0)`}: shortcut,
	{"middleware", "fill", orGone, `l.Entries <= 0`}:                  shortcut,
	{"middleware", "fill", orGone, `shards*minEntries <= l.Entries`}:  shortcut,
	{"middleware", "fill", orGone, `l.Bytes <= 0`}:                    shortcut,
	{"middleware", "fill", orGone, `shards*minBytes <= l.Bytes`}:      shortcut,
	{"middleware", "find", andGone, `slot.tag.Load() == tag`}:         shortcut, // the whole key is compared next

	{"middleware", "judge", orGone, `j.headers.Begins(j.Token.raw)`}: shortcut,

	// A JWT that is known by the digest of all of it is known as well.
	{"middleware", "byWhole", alwaysTrue, `v.answer() != nil && v.rest.signed == ""`}: shortcut,
	{"middleware", "byWhole", andGone, `v.rest.signed == ""`}:                         shortcut,
	{"middleware", "signs", andGone, `v.Key.Header != nil`}:                           unreachable, // what was verified here has one
	{"middleware", "revocableAs", neverTaken, `ok && name == tenant`}:                 shortcut,
	{"middleware", "revocableAs", andGone, `ok`}:                                      shortcut,
	{"middleware", "revocableAs", andGone, `name == tenant`}:                          unreachable, // New refuses templates that one iss fills
	{"middleware", "Source.Verify", neverTaken, `err != nil`}:                         behindIt,    // no text was signed

	{"middleware", "newCache", neverTaken, `most.Entries < 0`}: shortcut,    // a cache without room remembers nothing
	{"middleware", "WholeKey", neverTaken, `p.signed == ""`}:   shortcut,    // hashes the same text again
	{"middleware", "credentials", neverTaken, `err != nil`}:    unreachable, // no public host is refused as an origin
	{"middleware", "IsPublicHost", alwaysTrue, `err == nil`}:   behindIt,    // net/url refuses it too, since Go 1.25.2

	{"middleware", "ContextWithExpiry", orGone, `a.anonymous`}: impliedBy, // nobody has no expiry
	{"middleware", "Learn", andGone, `len(*old) < maxHeaders`}: boundOnly, // only verified tokens are learnt from

	{"middleware", "Learn", neverTaken, `old != nil && len(*old) < maxHeaders`}: shortcut, // a table that is begun anew learns again

	{"middleware", "set", andGone, `t.names[slot] != name`}: impliedBy, // each name is entered once

	{"middleware", "onlyProof", neverTaken, `err != nil`}:     behindIt, // what has no parts has no header
	{"middleware", "readProof", neverTaken, `err != nil`}:     behindIt, // an empty text is no JSON
	{"middleware", "readProof", neverTaken, `err != nil (2)`}: behindIt, // nothing was visited, so there is no iat
	{"middleware", "readProof", orGone, `err != nil`}:         behindIt, // the year 1 is not lately
	{"middleware", "readProof", orGone, `p.method == ""`}:     behindIt, // the call has one
	{"middleware", "readProof", orGone, `p.uri == ""`}:        behindIt, // it is no target
	{"middleware", "readProof", orGone, `p.tokenHash == ""`}:  behindIt, // the token has one

	{"middleware", "decode", andGone, `len(k.first) == ed25519.PublicKeySize`}:    behindIt, // NewKey counts as well
	{"middleware", "decode", andGone, `len(k.first) == coordinateLength(curve)`}:  behindIt, // both coordinates together must have the length of a point
	{"middleware", "decode", andGone, `len(k.second) == coordinateLength(curve)`}: behindIt,
	{"middleware", "offeredKey.verify", neverTaken, `err != nil`}:                 behindIt,  // ProveKey takes no nil
	{"middleware", "octets", neverTaken, `err != nil`}:                            impliedBy, // with an error there is no text

	{"middleware", "parse", neverTaken, `err != nil`}:                  behindIt, // an empty text is no JSON
	{"middleware", "parse", neverTaken, `err != nil (2)`}:              behindIt, // the zero Value has no typ
	{"middleware", "parse", orGone, `jwk.Kind() != strictjson.Object`}: behindIt, // what has no members is no key

	{"middleware", "rest.size", neverTaken, `r.answer == nil`}:                              boundOnly, // it would count too much
	{"middleware", "rest.size", neverTaken, `!opaque`}:                                      boundOnly, // of few tokens, whose JWT is in the cache beside as a rule
	{"middleware", "NewLists", neverTaken, `room == 0`}:                                     shortcut,
	{"middleware", "mostElems", valueGone, `strictjson.Object`}:                             shortcut, // Settle makes good what room was made in vain
	{"middleware", "Distinct", neverTaken, `len(elems) <= few`}:                             shortcut,
	{"jwks", "parseMaterial", neverTaken, `len(m.E) > base64.RawURLEncoding.EncodedLen(8)`}: behindIt, // jwkset writes the key once more and compares
	{"middleware", "readClaims", neverTaken, `err != nil`}:                                  behindIt, // a payload that is no base64url is an empty text, which is no JSON

	{"middleware", "takeApart", neverTaken, `err != nil`}:     behindIt,    // what has no parts has no header
	{"middleware", "takeApart", neverTaken, `err != nil (3)`}: behindIt,    // an empty text is no JSON
	{"middleware", "takeApart", neverTaken, `err != nil (5)`}: behindIt,    // the zero Value names no issuer
	{"middleware", "get", neverTaken, `err != nil`}:           unreachable, // Lists asks only what is an address
	{"middleware", "get", neverTaken, `err != nil (3)`}:       behindIt,    // half a list has no signature
	{"middleware", "get", neverTaken, `len(body) > most`}:     behindIt,    // issued.Verify has the same bound
	{"middleware", "Lists.tick", orGone, `one.gone`}:          raceOnly,    // its timer was stopped
	{"middleware", "readStatuses", neverTaken, `!ok`}:         behindIt,    // what has no members has no bits
	{"middleware", "readStatuses", neverTaken, `!ok (2)`}:     behindIt,    // nothing is no ZLIB
	{"middleware", "readStatuses", neverTaken, `err != nil`}:  behindIt,    // nothing is no ZLIB
	{"middleware", "disarm", neverTaken, `l.timer != nil`}:    behindIt,    // tick looks whether the list is gone

	{"middleware", "post", neverTaken, `err != nil`}:                  unreachable, // New has checked the address
	{"middleware", "metadata.put", neverTaken, `err != nil`}:          unreachable, // the address was checked
	{"middleware", "readConfiguration", neverTaken, `err != nil (2)`}: unreachable, // the address was checked
	{"middleware", "foundKeys.Reconsider", neverTaken, `err != nil`}:  raceOnly,    // the configuration was known when the keys were asked for
	{"middleware", "subjectIn", orGone, `err != nil`}:                 impliedBy,   // there is no member then
	{"middleware", "Receiver.updated", neverTaken, `err != nil`}:      behindIt,    // there is no status then
	{"middleware", "isOurs", andGone, `err == nil`}:                   impliedBy,   // what cannot be decoded is shorter

	{"middleware", "Settle", andGone, `!slices.ContainsFunc(refused, func(r Offer) bool { return r.Of == o.Of })`}:                                boundOnly,
	{"middleware", "keepTaken", neverTaken, `!slices.ContainsFunc(records, func(r entries.Record) bool { return int64(r.Until) >= now.Unix() })`}: boundOnly,
}
