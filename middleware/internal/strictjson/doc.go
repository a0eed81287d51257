// Package strictjson reads one JSON object that an attacker may have written:
// a token's payload, a JOSE header, an introspection answer.
//
// It refuses every document that two readers could read differently. What it
// accepts is RFC 8259 to the letter and I-JSON (RFC 7493) in its strings and
// names: valid UTF-8, no lone surrogate, no member name twice in one object. Names
// count as the same when they are equal after decoding. encoding/json and its likes
// match struct fields without regard to case and would read another "sub" than we
// did: whoever reads a name refuses what folds to it without being it ([Fold]).
//
// [Parse] and [Walk] vet the whole document before they hand out anything; a
// [Value] is a span of a vetted document and reads it in place. Nothing is
// allocated for an ordinary document, and the time taken is linear in its length.
package strictjson
