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

// readObject reads one JSON object that every decoder reads alike: of two equal names encoding/json takes the last one and
// others the first, and it turns bytes that are no text into U+FFFD.
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

// checkTwins walks over valid JSON and refuses an object that holds a name twice. Names that differ in case are different names
// (RFC 8259 section 8.3); see checkNames for those that matter.
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
				if _, twin := top.names[name]; twin {
					return badAnswer("a member name occurs twice")
				}
				top.names[name] = struct{}{}
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

// checkNames refuses a member that differs only in case from one that is read here: a reader that ignores case would take it
// for that member. Names that nobody reads may be as they like.
func checkNames(members map[string]json.RawMessage, read ...string) error {
	for name := range members {
		for _, exact := range read {
			if name != exact && strings.EqualFold(name, exact) {
				return badAnswer("a member name differs from " + exact + " only in case")
			}
		}
	}
	return nil
}

// isAbsent tells whether a member is missing or null, which some servers write for every member that they know.
func isAbsent(value json.RawMessage) bool { return len(value) == 0 || string(value) == "null" }

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
