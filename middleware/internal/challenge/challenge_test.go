package challenge_test

import (
	"slices"
	"testing"

	"github.com/cardea-auth/cardea/middleware/internal/challenge"
)

func TestLines(t *testing.T) {
	const description = `, error_description="No."`
	failed := challenge.Params{Error: "invalid_token", Description: "No."}
	for _, row := range []struct {
		name    string
		schemes challenge.Schemes
		params  challenge.Params
		want    []string
	}{
		{"one parameter at least", challenge.Schemes{}, challenge.Params{}, []string{`Bearer realm="api"`}},
		{"no description without an error", challenge.Schemes{}, challenge.Params{Description: "No."}, []string{`Bearer realm="api"`}},
		{"every parameter", challenge.Schemes{}, challenge.Params{
			Realm: "shop", Error: "invalid_token", Description: "No.", ACRValues: "a b", MaxAge: 0, HasMaxAge: true, Scope: "c d",
		}, []string{`Bearer realm="shop", error="invalid_token"` + description + `, acr_values="a b", max_age="0", scope="c d"`}},
		{"an age that nobody has set", challenge.Schemes{}, challenge.Params{MaxAge: 7}, []string{`Bearer realm="api"`}},
		{"text that would end a parameter, or the line", challenge.Schemes{Algorithms: "ES256\r\n"}, challenge.Params{
			Realm: "a\"b", Error: "e\\", Description: "\r\nSet-Cookie: a=b", ACRValues: "\x00", Scope: "é\x7f~",
		}, []string{
			`Bearer realm="ab", error="e", error_description="Set-Cookie: a=b", acr_values="", scope="~"`,
			`DPoP realm="ab", algs="ES256", error="e", error_description="Set-Cookie: a=b", acr_values="", scope="~"`,
		}},
		{"the error is about either scheme", challenge.Schemes{Algorithms: "ES256"}, failed, []string{
			`Bearer realm="api", error="invalid_token"` + description, `DPoP realm="api", algs="ES256", error="invalid_token"` + description}},
		{"the error is about a bearer token", challenge.Schemes{Algorithms: "ES256", Used: "Bearer"}, failed, []string{
			`Bearer realm="api", error="invalid_token"` + description, `DPoP realm="api", algs="ES256"`}},
		{"the error is about a proven token", challenge.Schemes{Algorithms: "ES256", Used: "DPoP"}, failed, []string{
			`Bearer realm="api"`, `DPoP realm="api", algs="ES256", error="invalid_token"` + description}},
		{"the error is about a scheme that is not accepted", challenge.Schemes{NoBearer: true, Algorithms: "ES256", Used: "Bearer"}, failed, []string{
			`DPoP realm="api", algs="ES256", error="invalid_token"` + description}},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := challenge.Lines(row.schemes, row.params); !slices.Equal(got, row.want) {
				t.Errorf("got\n%q\nwant\n%q", got, row.want)
			}
		})
	}
}
