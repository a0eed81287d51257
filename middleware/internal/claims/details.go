package claims

import (
	"errors"
	"slices"

	"github.com/cardea-auth/cardea/middleware/internal/strictjson"
)

// Details are the authorization_details of a token (RFC 9396 section 9), whose form has been vetted.
type Details struct {
	list strictjson.Value // an array of objects, each with a string type
}

var detailNames = []string{"type", "locations"}

var errDetails = errors.New("it must be an array of objects, each with a type, and locations that are strings")

// ReadDetails vets the form of authorization_details.
func ReadDetails(v strictjson.Value) (Details, error) {
	good := v.Kind() == 0 || v.Kind() == strictjson.Array
	for detail := range v.Elements() {
		typ, _ := detail.Member("type")
		name, ok := typ.Text()
		good = good && ok && name != "" && !resemblesAny(detail, detailNames)
		if locations, present := detail.Member("locations"); present {
			_, ok := locations.Strings(nil)
			good = good && ok
		}
	}
	if !good {
		return Details{}, errDetails
	}
	return Details{list: v}, nil
}

// ApplyingTo returns the details of a type that apply to the API of these names: one of them must be among the locations of a detail,
// if it has any.
func (d Details) ApplyingTo(typ string, apiNames []string) []strictjson.Value {
	var found []strictjson.Value
	for detail := range d.list.Elements() {
		named, _ := detail.Member("type")
		if Is(named, typ) && appliesTo(detail, apiNames) {
			found = append(found, detail)
		}
	}
	return found
}

func appliesTo(detail strictjson.Value, apiNames []string) bool {
	locations, present := detail.Member("locations")
	list, _ := locations.Strings(nil)
	return !present || slices.ContainsFunc(list, func(l string) bool { return slices.Contains(apiNames, l) })
}
