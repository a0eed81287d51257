package introspection

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cardea-auth/cardea/introspection/internal/exactjson"
)

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
func readObject(text []byte) (exactjson.Object, error) {
	if !json.Valid(text) || bytes.TrimSpace(text)[0] != '{' {
		return nil, errNoObject
	}
	if !utf8.Valid(text) || hasLoneSurrogate(text) {
		return nil, badAnswer("it is not Unicode text")
	}
	members, err := exactjson.Members(text)
	if err != nil {
		return nil, badAnswer(err.Error())
	}
	return members, nil
}

// checkNames refuses a member that differs only in case from one that is read here: a reader that ignores case would take it
// for that member. Names that nobody reads may be as they like.
func checkNames(members exactjson.Object, read ...string) error {
	for _, m := range members {
		for _, exact := range read {
			if string(m.Name) != exact && strings.EqualFold(string(m.Name), exact) {
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
