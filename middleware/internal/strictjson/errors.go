package strictjson

import (
	"errors"
	"fmt"
)

// The reasons for refusing a document. Each is returned wrapped with the offset
// of the byte where the trouble begins, never with the document's content.
var (
	// ErrSyntax: not RFC 8259 JSON, not an object, or followed by more than white space.
	ErrSyntax = errors.New("strictjson: invalid syntax")
	// ErrUTF8: a string holds bytes that are not UTF-8 (RFC 8259 section 8.1).
	ErrUTF8 = errors.New("strictjson: invalid UTF-8")
	// ErrSurrogate: a \u escape is half of a surrogate pair (RFC 7493 section 2.1).
	ErrSurrogate = errors.New("strictjson: lone surrogate escape")
	// ErrDuplicate: an object has two members of one name (RFC 7493 section 2.3).
	ErrDuplicate = errors.New("strictjson: duplicate member name")
	// ErrDepth: arrays and objects are nested deeper than [MaxDepth].
	ErrDepth = errors.New("strictjson: nested too deeply")
)

// ErrNumericDate is wrapped by every error of [Value.NumericDate].
var ErrNumericDate = errors.New("strictjson: no NumericDate")

// ErrPointer is wrapped by every error of [ParsePointer].
var ErrPointer = errors.New("strictjson: invalid JSON pointer")

func at(reason error, offset int) error {
	return fmt.Errorf("%w at byte %d", reason, offset)
}
