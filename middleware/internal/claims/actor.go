package claims

import (
	"fmt"
	"strings"

	"github.com/cardea-auth/cardea/middleware/internal/strictjson"
)

const maxActors = 8

var errActor = fmt.Errorf("act must be an object whose sub is a string, with at most %d actors", maxActors)

// Actor identifies the party that acts on behalf of a token's subject.
type Actor struct {
	Issuer, Subject, ClientID string
}

// ReadActor reads act (RFC 8693 section 4.1). Only the outermost actor counts; the others are history, and few. Absent, it is the zero
// Actor.
func ReadActor(act strictjson.Value) (Actor, error) {
	var outermost Actor
	for depth := 0; act.Kind() != 0; depth++ {
		if depth == maxActors || act.Kind() != strictjson.Object {
			return Actor{}, errActor
		}
		a, err := readOneActor(act)
		if err != nil {
			return Actor{}, err
		}
		if depth == 0 {
			if a == (Actor{}) {
				return Actor{}, errActor
			}
			outermost = a
		}
		act, _ = act.Member("act")
	}
	return outermost, nil
}

func readOneActor(act strictjson.Value) (a Actor, err error) {
	if resemblesAny(act, actorNames) {
		return Actor{}, errActor
	}
	if a.Issuer, err = actorMember(act, "iss"); err != nil {
		return Actor{}, err
	}
	if a.Subject, err = actorMember(act, "sub"); err != nil {
		return Actor{}, err
	}
	if a.ClientID, err = actorMember(act, "client_id"); err != nil {
		return Actor{}, err
	}
	return a, nil
}

func actorMember(act strictjson.Value, name string) (string, error) {
	v, present := act.Member(name)
	s, ok := v.Text()
	if present && !ok {
		return "", errActor
	}
	return s, nil
}

var actorNames = []string{"iss", "sub", "client_id", "act"}

// resemblesAny reports whether an object has a member whose name differs in nothing but case from one of these.
func resemblesAny(object strictjson.Value, names []string) bool {
	for member := range object.Members() {
		for _, name := range names {
			if member != name && strings.EqualFold(member, name) {
				return true
			}
		}
	}
	return false
}
