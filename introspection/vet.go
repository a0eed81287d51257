package introspection

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const maxDepth = 64

var (
	errOversize = badAnswer("it is larger than 64 KiB")
	errNoObject = &failure{reason: "the server gave no JSON object", blame: blameServer}
)

// badAnswer is blamed on this answer alone: claims follow the token, and whoever chose the token must not be able to
// have the server taken for broken.
func badAnswer(reason string) *failure {
	return &failure{reason: "the answer cannot be trusted: " + reason, blame: blameAnswer}
}

// readObject reads one JSON object that every decoder reads alike: encoding/json takes the last of two equal names, and
// into a struct also names that differ in case; it turns bytes that are no text into U+FFFD.
func readObject(text []byte) (map[string]json.RawMessage, error) {
	if !json.Valid(text) || bytes.TrimSpace(text)[0] != '{' {
		return nil, errNoObject
	}
	if !utf8.Valid(text) || hasLoneSurrogate(text) {
		return nil, badAnswer("it is not Unicode text")
	}
	if err := checkTwins(text); err != nil {
		return nil, err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return nil, errNoObject
	}
	return members, nil
}

// checkTwins walks over valid JSON and refuses an object that holds two names which encoding/json takes for one.
func checkTwins(text []byte) error {
	type level struct {
		names map[string]struct{} // nil in an array
		value bool                // a name was read and its value comes next
	}
	var levels []level
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber() // a number beyond float64 is no error here
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return errNoObject
		}
		if token == json.Delim('}') || token == json.Delim(']') {
			levels = levels[:len(levels)-1]
			continue
		}
		if len(levels) > 0 {
			top := &levels[len(levels)-1]
			if name, isText := token.(string); isText && top.names != nil && !top.value {
				folded := fold(name)
				if _, twin := top.names[folded]; twin {
					return badAnswer("a member name occurs twice, or in two spellings that differ in case")
				}
				top.names[folded] = struct{}{}
				top.value = true
				continue
			}
			top.value = false
		}
		switch token {
		case json.Delim('{'):
			levels = append(levels, level{names: make(map[string]struct{})})
		case json.Delim('['):
			levels = append(levels, level{})
		}
		if len(levels) > maxDepth {
			return badAnswer("it is nested deeper than 64 levels")
		}
	}
}

// registered are the members that somebody decides by (RFC 7662 section 2.2, RFC 8693, RFC 9470, RFC 7800, and what
// servers use for scope and client), under their folded names.
var registered = foldedNames("active", "scope", "scp", "client_id", "azp", "cid", "username", "token_type", "exp", "iat",
	"nbf", "sub", "aud", "iss", "jti", "cnf", "act", "may_act", "acr", "amr", "auth_time")

func foldedNames(names ...string) map[string]string {
	folded := make(map[string]string, len(names))
	for _, name := range names {
		folded[fold(name)] = name
	}
	return folded
}

// checkNames refuses a member that encoding/json would store in a struct's registered field without being it.
func checkNames(members map[string]json.RawMessage) error {
	for name := range members {
		if exact, known := registered[fold(name)]; known && name != exact {
			return badAnswer("a member name differs from " + exact + " only in case")
		}
	}
	return nil
}

// fold maps names to one spelling exactly when encoding/json matches them: to the smallest rune of each folding orbit.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		for {
			next := unicode.SimpleFold(r)
			if next <= r {
				return next
			}
			r = next
		}
	}, name)
}

// hasLoneSurrogate looks for an escape of half a UTF-16 pair in valid JSON.
func hasLoneSurrogate(text []byte) bool {
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		i++ // the escaped character; a backslash is thereby skipped too
		unit, ok := unicodeEscape(text[i-1:])
		if !ok {
			continue
		}
		i += 4
		if unit < 0xD800 || unit > 0xDFFF {
			continue
		}
		low, ok := unicodeEscape(text[i+1:])
		if unit > 0xDBFF || !ok || low < 0xDC00 || low > 0xDFFF {
			return true
		}
		i += 6
	}
	return false
}

func unicodeEscape(text []byte) (unit uint64, ok bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	unit, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	return unit, err == nil
}

// numericDate reads seconds since the epoch (RFC 7519 section 2), rounded down. It is strict about the range because a
// float beyond int64 would wrap into another time, and because the first second of year 1 is Go's zero time.
func numericDate(value json.RawMessage) (time.Time, bool) {
	const year1, year9999 = -62135596800, 253402300799
	if c := value[0]; c != '-' && (c < '0' || c > '9') {
		return time.Time{}, false
	}
	seconds, err := strconv.ParseFloat(string(value), 64)
	if err != nil || seconds <= year1 || seconds > year9999 {
		return time.Time{}, false
	}
	return time.Unix(int64(math.Floor(seconds)), 0), true
}
