// Package keydoc reads the documents in which issuers publish their keys, strictly: JWK sets (RFC 7517) and what metadata says about keys.
//
// It knows formats alone. Which algorithms there are, what they demand of a key, and which addresses may be asked, is for others.
package keydoc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// object is a JSON object with its members as they were written.
type object map[string]json.RawMessage

var (
	errNotObject = errors.New("it is no JSON object")
	errNotUTF8   = errors.New("it is not valid UTF-8")
	errTwice     = errors.New("a member stands there twice")
	errTrailing  = errors.New("something follows the JSON object")
	errNotArray  = errors.New("it is no JSON array")
	errTooMany   = errors.New("it has too many elements")
	errMembers   = fmt.Errorf("it has more than %d members", maxMembers)
)

// maxMembers is several times what metadata and keys have. A document of a million bytes could have a hundred thousand.
const maxMembers = 256

// parseDocument is parseObject for what was fetched or configured. A byte order mark before it is skipped (RFC 8259 section 8.1).
func parseDocument(document []byte) (object, error) {
	return parseObject(bytes.TrimPrefix(document, []byte("\ufeff")))
}

// parseObject reads one JSON object, and nothing after it. Two members of one name refuse it, and so do two whose names differ only in
// case if one of them is read here: readers disagree which of them counts (RFC 8725bis section 2.8, RFC 8259 section 4).
func parseObject(document []byte) (object, error) {
	if !utf8.Valid(document) {
		return nil, errNotUTF8
	}
	dec := json.NewDecoder(bytes.NewReader(document))
	if first, err := dec.Token(); err != nil || first != json.Delim('{') {
		return nil, errNotObject
	}
	members := make(object)
	folded := make(map[string]struct{})
	add := func(name string, value json.RawMessage) error {
		fold := strings.ToLower(strings.ToUpper(name))
		_, twice := members[name]
		_, variant := folded[fold]
		if twice || variant && namesRead[fold] {
			return errTwice
		}
		folded[fold], members[name] = struct{}{}, value
		return nil
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, errNotObject
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, errNotObject
		}
		if err := add(name.(string), value); err != nil { // the decoder accepts nothing else for a name
			return nil, err
		}
		if len(members) > maxMembers {
			return nil, errMembers
		}
	}
	if _, err := dec.Token(); err != nil { // the closing brace
		return nil, errNotObject
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errTrailing
	}
	return members, nil
}

// namesRead are the member names that are looked at, in lower case.
var namesRead = func() map[string]bool {
	names := make(map[string]bool)
	for _, list := range [][]string{
		{"keys", "issuer", "jwks_uri", "kty", "crv", "x", "y", "n", "e", "kid", "use", "alg", "key_ops", "x5c"}, privateMembers, signingMembers,
	} {
		for _, name := range list {
			names[strings.ToLower(name)] = true
		}
	}
	return names
}()

// parseArray reads an array of at most so many elements, and looks at no more. Absent, it is none.
func parseArray(raw json.RawMessage, most int) (elements []json.RawMessage, err error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if first, _ := dec.Token(); first != json.Delim('[') {
		return nil, errNotArray
	}
	for dec.More() {
		if len(elements) == most {
			return nil, errTooMany
		}
		var element json.RawMessage
		if err := dec.Decode(&element); err != nil {
			return nil, errNotArray
		}
		elements = append(elements, element)
	}
	return elements, nil // raw is well-formed, so nothing can be wrong with its end
}

// empty reports whether a member says nothing, as servers write it that write out every member they know: null, blank text, or a
// list or an object of nothing else. An absent member is empty.
func (o object) empty(name string) bool {
	raw, present := o[name]
	if !present {
		return true
	}
	var value any
	return json.Unmarshal(raw, &value) == nil && saysNothing(value)
}

func saysNothing(value any) bool {
	switch value := value.(type) {
	case nil:
		return true
	case string:
		return strings.TrimSpace(value) == ""
	case []any:
		return !slices.ContainsFunc(value, func(element any) bool { return !saysNothing(element) })
	case map[string]any:
		for _, element := range value {
			if !saysNothing(element) {
				return false
			}
		}
		return true
	}
	return false
}

// text is a string member; anything else counts as absent.
func (o object) text(name string) string {
	var value any
	_ = json.Unmarshal(o[name], &value)
	text, _ := value.(string)
	return text
}

// textOrNull is text for a member that must not be overlooked: what is there and is neither a string nor null is an error.
func (o object) textOrNull(name string) (text string, err error) {
	if raw, present := o[name]; present {
		err = json.Unmarshal(raw, &text)
	}
	return text, err
}

// words are the strings of a member that is a string or a list. What else may stand there counts as absent, and so does blank text.
func (o object) words(name string) (values []string) {
	var value any
	_ = json.Unmarshal(o[name], &value)
	elements, isList := value.([]any)
	if !isList {
		elements = []any{value}
	}
	for _, element := range elements {
		if text, _ := element.(string); !saysNothing(text) {
			values = append(values, text)
		}
	}
	return values
}
