package main

import (
	"strings"
	"testing"
)

func TestOnlyTheOwnerOfTheKeyIsLetIn(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	const want = `200  the owner, with a proof for each request
401  the same token as Bearer, without a proof  invalid_token
401  a proof without a nonce of this API  use_dpop_nonce
401  a proof for the address behind the proxy  invalid_dpop_proof
401  the token with a proof by another key  invalid_token
401  a token that is bound to nothing  invalid_token
`
	if got := out.String(); got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
}
