package events

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/cardea-auth/cardea/middleware/internal/cause"
	"github.com/cardea-auth/cardea/middleware/internal/strictjson"
	"github.com/cardea-auth/cardea/middleware/revocation/internal/issued"
)

// Subject is a subject identifier (RFC 9493, SSF 1.0 section 3): whom an event is about.
type Subject struct {
	_ [0]func() // keyed literals only

	// Format says what the other fields hold: "iss_sub", "opaque", "email", "phone_number", "account", "did", "uri", "jwt_id",
	// "saml_assertion_id", "ip-addresses", "aliases", "complex", or one that transmitter and receiver have agreed on, of which only Raw is read.
	Format string

	Issuer string // iss of iss_sub and jwt_id, issuer of saml_assertion_id
	ID     string // sub, id, email, phone_number, uri (also of account), url (of did), jti or assertion_id

	Aliases []Subject          // identifiers of aliases, all of them the same subject
	Members map[string]Subject // of complex: "user", "session", "tenant" …, attributes that are true of the subject together

	Raw json.RawMessage // the JSON object, as the transmitter wrote it
}

const (
	issSub         = "iss_sub"
	opaque         = "opaque"
	jwtID          = "jwt_id"
	aliases        = "aliases"
	complexSubject = "complex"

	// maxIdentifiers bounds the members and the aliases of a subject.
	maxIdentifiers = 32

	// maxText bounds the text of an identifier, as a List does the value of an entry.
	maxText = 4096
)

// identifiers are the members that a format must have: one with an issuer, if any, and the identifier itself.
var identifiers = map[string]struct{ issuer, id string }{
	issSub:              {"iss", "sub"},
	opaque:              {"", "id"},
	"email":             {"", "email"},
	"phone_number":      {"", "phone_number"},
	"account":           {"", "uri"},
	"uri":               {"", "uri"},
	"did":               {"", "url"},
	jwtID:               {"iss", "jti"},
	"saml_assertion_id": {"issuer", "assertion_id"},
}

// subjectOf reads an identifier. Members that the format does not have are ignored (SSF 1.0 section 4.2.3).
func subjectOf(v strictjson.Value, nested bool) (Subject, error) {
	of := issued.Of(v) // without members unless it is an object
	format := formatOf(of)
	s := Subject{Format: format, Raw: json.RawMessage(v.Raw())}
	var err error
	switch {
	case format == complexSubject && !nested:
		err = s.readMembers(of)
	case format == aliases && !nested:
		err = s.readAliases(of)
	case format == complexSubject, format == aliases: // RFC 9493 section 3.2.8: no aliases in aliases; SSF section 3.3: members are simple
		err = malformed("a subject of format %s is inside another one", format)
	default:
		err = s.read(of)
	}
	return s, err
}

// formatOf also reads the older spellings that are still sent: Google's subject_type (RISC 1.0 section 3.1), and complex subjects that do
// not say so (the drafts of SSF before the second). A complex subject must have a member that is a subject, which is why nothing else is
// taken for one.
func formatOf(of issued.Claims) string {
	if format, _ := of.Text("format"); format != "" {
		return format
	}
	if older, _ := of.Text("subject_type"); older != "" {
		return strings.ReplaceAll(older, "-", "_")
	}
	return complexSubject
}

func (s *Subject) read(of issued.Claims) (err error) {
	names, known := identifiers[s.Format]
	if !known {
		return nil
	}
	if names.issuer != "" {
		if s.Issuer, err = required(of, names.issuer, s.Format); err != nil {
			return err
		}
	}
	s.ID, err = required(of, names.id, s.Format)
	return err
}

func required(of issued.Claims, name, format string) (string, error) {
	text, _ := of.Text(name) // empty unless it is there, once, and is text
	if text == "" || len(text) > maxText {
		return "", malformed("a subject of format %s needs %s, of %d bytes at most", format, name, maxText)
	}
	return text, nil
}

// readMembers takes every member that is an object for a subject: all that SSF 1.0 section 3.3 allows are.
func (s *Subject) readMembers(of issued.Claims) error {
	s.Members = make(map[string]Subject)
	for name, v := range of.Members {
		if v.Kind() != strictjson.Object {
			continue
		}
		member, err := subjectOf(v, true)
		if err != nil {
			return fmt.Errorf("%s: %w", cause.Text(name), err)
		}
		if s.Members[name] = member; len(s.Members) > maxIdentifiers {
			return malformed("a complex subject has more than %d members", maxIdentifiers)
		}
	}
	if len(s.Members) == 0 {
		return malformed("a complex subject has no member")
	}
	return nil
}

func (s *Subject) readAliases(of issued.Claims) error {
	list, _ := of.At("identifiers") // without elements unless it is an array
	for v := range list.Elements() {
		alias, err := subjectOf(v, true)
		if err != nil {
			return err
		}
		if s.Aliases = append(s.Aliases, alias); len(s.Aliases) > maxIdentifiers {
			return malformed("a subject has more than %d aliases", maxIdentifiers)
		}
	}
	if len(s.Aliases) == 0 {
		return malformed("a subject of format aliases has no identifiers")
	}
	return nil
}
