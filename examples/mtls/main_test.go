package main

import (
	"strings"
	"testing"
)

func TestOnlyTheOwnerOfTheCertificateIsLetIn(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	const want = `the owner, with the certificate of the token: 200 OK, orders of alice
the same token with another certificate: 401 Unauthorized
the same token without a certificate: 401 Unauthorized
a token that is bound to nothing: 401 Unauthorized
`
	if got := out.String(); got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
}
