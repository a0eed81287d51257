package jwks

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// object is a JSON object with its members as they were written. A member that is null counts as absent: some servers write out
// every member they know.
type object map[string]json.RawMessage

var (
	errNotObject = errors.New("it is no JSON object")
	errNotUTF8   = errors.New("it is not valid UTF-8")
	errTwice     = errors.New("a member stands there twice")
	errTrailing  = errors.New("something follows the JSON object")
	errMember    = errors.New("a member has the wrong JSON type")
	errNotArray  = errors.New("it is no JSON array")
	errTooMany   = errors.New("it has too many elements")
	errMembers   = fmt.Errorf("it has more than %d members", maxMembers)
)

// maxMembers is several times what metadata and keys have. A document of a million bytes could have a hundred thousand.
const maxMembers = 256

// parseObject reads one JSON object, and nothing after it. Two members whose names are the same, or differ only in case, refuse it:
// readers disagree which of them counts (RFC 8725bis section 2.8, RFC 8259 section 4).
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
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, errNotObject
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, errNotObject
		}
		text := name.(string) // the decoder accepts nothing else for a name
		fold := strings.ToLower(strings.ToUpper(text))
		if _, twice := folded[fold]; twice {
			return nil, errTwice
		}
		folded[fold] = struct{}{}
		members[text] = value
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

func (o object) has(name string) bool {
	value, ok := o[name]
	return ok && string(value) != "null"
}

func (o object) text(name string) (value string, present bool, err error) {
	if !o.has(name) {
		return "", false, nil
	}
	err = json.Unmarshal(o[name], &value)
	return value, true, err
}

// strings returns the strings of an array, and nothing of what else may stand there: no key is used or refused for them.
func (o object) strings(name string) (values []string) {
	var elements []any
	_ = json.Unmarshal(o[name], &elements)
	for _, element := range elements {
		if text, ok := element.(string); ok {
			values = append(values, text)
		}
	}
	return values
}

// texts returns nil for an absent member only.
func (o object) texts(name string) (values []string, err error) {
	if !o.has(name) {
		return nil, nil
	}
	values = []string{}
	err = json.Unmarshal(o[name], &values)
	return values, err
}
