package middleware

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/cardea-auth/cardea/middleware/internal/exactjson"
	"github.com/cardea-auth/cardea/middleware/internal/strictjson"
)

// Details decodes the authorization details (RFC 9396) of t that have this type and apply to this API, which are those
// without locations and those whose locations name one of the configured audiences. Details of other types are not
// looked at, and grant nothing.
//
// Of a field that T does not have nobody knows whether it limits what is granted, so a detail with such a field is an
// error, also where the name differs from that of a field only in case; type and locations may be left out of T. With an error no details are returned.
func Details[T any](t *Token, typ string) ([]T, error) {
	if t == nil {
		return nil, ErrNoToken
	}
	if t.proven == nil {
		return nil, errHandMade
	}
	var decoded []T
	for _, raw := range t.proven.Details().ApplyingTo(typ, t.proven.Issuer.APINames) {
		detail, err := decodeDetail[T](raw)
		if err != nil {
			return nil, fmt.Errorf("middleware: authorization detail of type %q: %w", typ, err)
		}
		decoded = append(decoded, detail)
	}
	return decoded, nil
}

func decodeDetail[T any](raw strictjson.Value) (detail T, err error) {
	var none T
	own := make(map[string]json.RawMessage)
	for name, member := range raw.Members() {
		if name != "type" && name != "locations" {
			own[name] = json.RawMessage(member.Raw())
		}
	}
	text, err := json.Marshal(own)
	if err != nil {
		return none, err
	}
	if err := exactjson.DecodeAll(text, new(T)); err != nil {
		return none, err
	}
	if err := exactjson.Decode([]byte(raw.Raw()), &detail); err != nil {
		return none, err
	}
	return detail, nil
}

// AnyDetail makes a Rule for Guard.Allow: one of the token's authorization details of this type must be decodable as Details
// decodes it, and be one that grants accepts. Otherwise the request is refused with 403. It panics on a nil grants.
func AnyDetail[T any](typ string, grants func(ctx context.Context, detail T) bool) Rule {
	if grants == nil {
		panic("middleware: AnyDetail: grants is nil")
	}
	return func(ctx context.Context, t *Token, _ Credentials) error {
		found, err := Details[T](t, typ)
		if err != nil {
			return err
		}
		for _, detail := range found {
			if grants(ctx, detail) {
				return nil
			}
		}
		return errNoDetail
	}
}

var errNoDetail = errors.New("no authorization detail of the token grants this request")
