package unverified

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"

	"github.com/cardea-auth/cardea/adapters/cardea/internal/plain"
)

// Member is one member of a header or of claims.
type Member struct {
	Name  string          `json:"name"`
	Value json.RawMessage `json:"value"` // with tokens masked
	Means string          `json:"means,omitempty"`
}

// object is a JSON object in its own order, as a token may have it.
type object struct {
	members []Member
	twice   []string // names that stand more than once: whoever reads them may take either
}

var errNoObject = errors.New("it is no JSON object")

// parseSegment decodes one segment of a token.
func parseSegment(segment string) (object, error) {
	text, err := base64.RawURLEncoding.Strict().DecodeString(segment)
	if err != nil {
		return object{}, errors.New("it is not base64url without padding")
	}
	return parseObject(text)
}

func parseObject(text []byte) (object, error) {
	var o object
	decoder := json.NewDecoder(bytes.NewReader(text))
	if first, err := decoder.Token(); err != nil || first != json.Delim('{') {
		return o, errNoObject
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return o, errNoObject
		}
		var value json.RawMessage
		if decoder.Decode(&value) != nil {
			return o, errNoObject
		}
		if o.has(name.(string)) {
			o.twice = append(o.twice, name.(string))
		}
		o.members = append(o.members, Member{Name: plain.Mask(name.(string)), Value: masked(value)})
	}
	if _, err := decoder.Token(); err != nil {
		return o, errNoObject
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return o, errNoObject
	}
	return o, nil
}

func (o object) find(name string) json.RawMessage {
	for _, m := range o.members {
		if m.Name == name {
			return m.Value
		}
	}
	return nil
}

func (o object) has(name string) bool { return o.find(name) != nil }

func (o object) text(name string) (s string) {
	_ = json.Unmarshal(o.find(name), &s)
	return s
}

// texts is a string, or an array of strings.
func (o object) texts(name string) []string {
	var list []string
	if json.Unmarshal(o.find(name), &list) == nil {
		return list
	}
	if s := o.text(name); s != "" {
		return []string{s}
	}
	return nil
}

// number is a NumericDate; false if there is none, or one of another century.
func (o object) number(name string) (seconds float64, ok bool) {
	err := json.Unmarshal(o.find(name), &seconds)
	return seconds, err == nil && o.has(name) && seconds > 0 && seconds < 1e11
}

// masked is value with all tokens in it replaced, however they are written, and without key material.
func masked(value json.RawMessage) json.RawMessage {
	decoder := json.NewDecoder(bytes.NewReader(value))
	decoder.UseNumber()
	var v any
	if decoder.Decode(&v) != nil {
		return json.RawMessage(`null`)
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(maskedValue(v)) != nil {
		return json.RawMessage(`null`)
	}
	return bytes.TrimSpace(out.Bytes())
}

// secret are members that hold key material.
var secret = map[string]bool{"k": true, "d": true, "p": true, "q": true, "dp": true, "dq": true, "qi": true, "oth": true, "priv": true}

func maskedValue(v any) any {
	switch v := v.(type) {
	case string:
		return plain.Mask(v)
	case []any:
		for i := range v {
			v[i] = maskedValue(v[i])
		}
	case map[string]any:
		masked := make(map[string]any, len(v))
		_, isKey := v["kty"]
		for name, value := range v {
			if isKey && secret[name] {
				value = "(not shown)"
			}
			masked[plain.Mask(name)] = maskedValue(value)
		}
		return masked
	}
	return v
}
