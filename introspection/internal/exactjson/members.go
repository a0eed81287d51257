package exactjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
)

// Why Members refuses an object.
var (
	ErrTwin  = errors.New("a member name occurs twice")
	ErrDepth = errors.New("it is nested deeper than 64 levels")
)

const maxDepth = 64

// usualNames are about as many as an object has, and few enough to be looked through for each name.
const usualNames = 32

// Object is a JSON object: its members in order.
type Object []Member

// Member is a name, decoded, and the text of its value.
type Member struct {
	Name  []byte
	Value json.RawMessage
}

// Of returns the member of exactly this name; nil: there is none.
func (o Object) Of(name string) json.RawMessage {
	for _, m := range o {
		if string(m.Name) == name {
			return m.Value
		}
	}
	return nil
}

// Members returns the members of an object, and refuses text in which any object holds a name twice. text is one JSON object, valid. Names that
// differ in case are different names (RFC 8259 section 8.3). The members share the memory of text.
func Members(text []byte) (Object, error) {
	var room [usualNames][]byte
	r := reader{exact: exact{text: text}, names: room[:0], members: make(Object, 0, usualNames)}
	r.peek()
	if err := r.object(1); err != nil {
		return nil, err
	}
	return r.members, nil
}

// reader walks over valid JSON.
type reader struct {
	exact

	names   [][]byte // of all objects that are open, the innermost object's last
	members Object
}

func (r *reader) nested(depth int) error {
	switch r.peek() {
	case '{':
		return r.object(depth)
	case '[':
		return r.array(depth)
	}
	r.skip()
	return nil
}

func (r *reader) object(depth int) error {
	if depth > maxDepth {
		return ErrDepth
	}
	known := names{first: len(r.names)}
	for r.at++; r.peek() == '"'; r.comma() {
		name := r.name()
		if !r.add(&known, name) {
			return ErrTwin
		}
		r.colon()
		r.peek()
		begin := r.at
		if err := r.nested(depth + 1); err != nil {
			return err
		}
		if depth == 1 {
			r.members = append(r.members, Member{name, r.text[begin:r.at:r.at]})
		}
	}
	r.at++
	r.names = r.names[:known.first]
	return nil
}

func (r *reader) array(depth int) error {
	if depth > maxDepth {
		return ErrDepth
	}
	for r.at++; r.peek() != ']'; r.comma() {
		if err := r.nested(depth + 1); err != nil {
			return err
		}
	}
	r.at++
	return nil
}

// comma goes over what stands between two members or elements.
func (r *reader) comma() {
	if r.peek() == ',' {
		r.at++
	}
}

// names are those of one open object.
type names struct {
	first int             // in reader.names
	many  map[string]bool // nil while they are few
}

// add reports false if the innermost object has the name already.
func (r *reader) add(known *names, name []byte) bool {
	own := r.names[known.first:]
	if known.many == nil && len(own) == usualNames {
		known.many = make(map[string]bool)
		for _, one := range own {
			known.many[string(one)] = true
		}
	}
	switch {
	case known.many == nil && slices.ContainsFunc(own, func(one []byte) bool { return bytes.Equal(one, name) }), known.many[string(name)]:
		return false
	case known.many != nil:
		known.many[string(name)] = true
	}
	r.names = append(r.names, name)
	return true
}
