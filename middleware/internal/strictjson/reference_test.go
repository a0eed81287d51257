package strictjson_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/cardea-auth/cardea/middleware/internal/strictjson"
)

// reference reads document with encoding/json and checks apart from that what
// encoding/json lets pass.
func reference(document string) (map[string]any, error) {
	var object map[string]any
	decoder := json.NewDecoder(strings.NewReader(document))
	decoder.UseNumber()
	switch {
	case strings.ToValidUTF8(document, "") != document:
		return nil, errors.New("not UTF-8")
	case !json.Valid([]byte(document)): // trailing text included
		return nil, errors.New("not valid")
	case loneSurrogate(document):
		return nil, errors.New("lone surrogate")
	}
	if err := decoder.Decode(&object); err != nil {
		return nil, err
	}
	if object == nil {
		return nil, errors.New("null")
	}
	tokens := json.NewDecoder(strings.NewReader(document))
	tokens.UseNumber()
	return object, inspect(tokens, 0)
}

// inspect reads one value from tokens and looks at its depth and its names.
func inspect(tokens *json.Decoder, depth int) error {
	token, err := tokens.Token()
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	if err != nil {
		return err
	}
	delimiter, nested := token.(json.Delim)
	if !nested {
		return nil
	}
	if depth++; depth > 64 {
		return errors.New("too deep")
	}
	var names []string
	for tokens.More() {
		if delimiter == '{' {
			name, err := tokens.Token()
			if err != nil {
				return err
			}
			for _, other := range names {
				if other == name.(string) {
					return errors.New("duplicate name")
				}
			}
			names = append(names, name.(string))
		}
		if err := inspect(tokens, depth); err != nil {
			return err
		}
	}
	_, err = tokens.Token()
	return err
}

var escape = regexp.MustCompile(`\\(u[dD][89abAB]..\\u[dD][c-fC-F]..|u[dD][89a-fA-F]..|.)`)

// loneSurrogate looks at the escapes of a valid document, which has backslashes in strings only.
func loneSurrogate(document string) bool {
	for _, match := range escape.FindAllString(document, -1) {
		if len(match) == len(`\ud800`) {
			return true
		}
	}
	return false
}

// compare tells how v differs from what encoding/json made of it.
func compare(v strictjson.Value, want any) error {
	same := false
	switch want := want.(type) {
	case nil:
		same = v.Kind() == strictjson.Null && v.Raw() == "null"
	case bool:
		got, ok := v.Bool()
		same = v.Kind() == strictjson.Bool && ok && got == want
	case json.Number:
		same = v.Kind() == strictjson.Number && v.Raw() == want.String()
	case string:
		got, ok := v.Text()
		same = v.Kind() == strictjson.String && ok && got == want
	case []any:
		if v.Kind() != strictjson.Array {
			break
		}
		list, allText := v.Strings(nil)
		i := 0
		for element := range v.Elements() {
			if i == len(want) {
				return fmt.Errorf("%s: more elements than %d", v.Raw(), len(want))
			}
			if err := compare(element, want[i]); err != nil {
				return err
			}
			text, isText := want[i].(string)
			if allText && (!isText || list[i] != text) {
				return fmt.Errorf("%s: Strings has %q", v.Raw(), list)
			}
			i++
		}
		same = i == len(want) && (!allText || len(list) == i)
	case map[string]any:
		if v.Kind() != strictjson.Object {
			break
		}
		count := 0
		for name, member := range v.Members() {
			wanted, ok := want[name]
			if !ok {
				return fmt.Errorf("%s: no member %q", v.Raw(), name)
			}
			if err := compare(member, wanted); err != nil {
				return err
			}
			if found, ok := v.Member(name); !ok || found != member {
				return fmt.Errorf("%s: Member(%q) is another", v.Raw(), name)
			}
			count++
		}
		same = count == len(want)
	}
	if !same {
		return fmt.Errorf("%s of kind %d is not %v", v.Raw(), v.Kind(), want)
	}
	return nil
}
