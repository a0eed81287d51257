package routes_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

func authorized(t *testing.T, g *middleware.Guard, ctx context.Context, c middleware.Credentials) context.Context {
	t.Helper()
	admitted, err := g.Authorize(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	return admitted
}

func boundCall() middleware.Credentials {
	token := kit.Mint(kit.GoodClaims(kit.BoundTo(testkit.EdKey())))
	proof := testkit.Proof{Key: testkit.EdKey(), Token: token}.String()
	return middleware.Credentials{Header: kit.DPoPRequest(token, proof).Header, Method: "GET", Target: "/orders"}
}

// What a Validator remembers of a request is its own: a second one that admits the request further in does not hide it.
func TestAnAdmissionIsFoundBehindThatOfAnotherValidator(t *testing.T) {
	first, second := kit.DPoPValidator(t, nil).Require(), kit.DPoPValidator(t, nil).Require()
	c := boundCall()
	ctx := authorized(t, second, authorized(t, first, t.Context(), c), c)
	_, err := first.Authorize(ctx, c)
	wantReason(t, err, "")
	anew := c
	anew.Anew = true
	for range 3 { // each takes its own proof over, from whichever context
		ctx = authorized(t, first, ctx, anew)
		ctx = authorized(t, second, ctx, anew)
	}
	_, err = kit.DPoPValidator(t, nil).Require().Authorize(ctx, anew)
	wantReason(t, err, "") // one that knows nothing of it judges the proof for itself
	other := anew
	other.Target = "/admin"
	_, err = first.Authorize(ctx, other)
	wantReason(t, err, middleware.ReasonProof)
	_, err = first.Authorize(t.Context(), c)
	wantReason(t, err, middleware.ReasonProofReplay)
}

// The handler sees the token of the Guard in front of it, whatever others have put into the context before.
func TestANestedGuardShowsItsOwnToken(t *testing.T) {
	own := kit.NewValidator(t, func(cfg *middleware.Config) { cfg.Issuers[0].Claims.Roles = []string{"own"} }).Require()
	other := kit.NewValidator(t, func(cfg *middleware.Config) { cfg.Issuers[0].Claims.Roles = []string{"other"} }).Require()
	c := middleware.Credentials{Header: kit.Bearer(kit.Mint(kit.GoodClaims(kit.Claims{"own": "reader", "other": "admin"}))).Header}
	roleIn := func(ctx context.Context) string {
		token, _ := middleware.TokenFromContext(ctx)
		return token.Roles.String()
	}
	ctx := authorized(t, own, t.Context(), c)
	for name, between := range map[string]func(context.Context) context.Context{
		"another Validator": func(ctx context.Context) context.Context { return authorized(t, other, ctx, c) },
		"a token made by hand": func(ctx context.Context) context.Context {
			return middleware.ContextWithToken(ctx, &middleware.Token{Subject: "root"})
		},
		"an anonymous request made by hand": func(ctx context.Context) context.Context { return middleware.ContextWithToken(ctx, nil) },
		"a handler that changed its copy": func(ctx context.Context) context.Context {
			token, _ := middleware.TokenFromContext(ctx)
			token.Roles = middleware.SetOf("admin")
			return authorized(t, other, ctx, c)
		},
	} {
		if got := roleIn(authorized(t, own, between(ctx), c)); got != "reader" {
			t.Errorf("behind %s the handler sees the role %q", name, got)
		}
	}
}

// A form is read once, by whichever Validator comes first.
func TestAFormIsNotForgottenBehindAnotherValidator(t *testing.T) {
	forms := func(cfg *middleware.Config) { cfg.TokenSources = []middleware.TokenSource{middleware.FromForm()} }
	first, fieldsOnly, formsToo := kit.NewValidator(t, forms), kit.NewValidator(t, nil), kit.NewValidator(t, forms)
	r := kit.FormRequest(http.MethodPost, "application/x-www-form-urlencoded", "access_token="+kit.Mint(kit.GoodClaims(nil)), nil)
	ctx, err := first.Require().Check(r)
	if err != nil {
		t.Fatal(err)
	}
	ctx, err = fieldsOnly.Optional().Check(r.WithContext(ctx)) // for which the request is anonymous
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := middleware.TokenFromContext(ctx); ok {
		t.Error("a token of another Guard counts")
	}
	anew := middleware.Credentials{Anew: true}
	for name, guard := range map[string]*middleware.Guard{
		"the Validator that read it": first.Optional(), "with a requirement": first.Require(), "another that reads forms": formsToo.Optional(),
	} {
		_, err := guard.Authorize(ctx, anew)
		if err == nil {
			t.Errorf("%s: a request with a token in its form passes for anonymous", name)
		}
		wantReason(t, err, middleware.ReasonNoToken)
	}
	if _, err := fieldsOnly.Optional().Authorize(ctx, anew); err != nil {
		t.Errorf("a Validator that reads no forms: %v", err)
	}
}

func TestContextsRecheckedByTwoValidatorsMakeNoChain(t *testing.T) {
	first, second, optional := kit.DPoPValidator(t, nil).Require(), kit.DPoPValidator(t, nil).Require(), kit.NewValidator(t, nil).Optional()
	c := boundCall()
	ctx := authorized(t, second, authorized(t, first, &depth{Context: t.Context()}, c), c)
	c.Anew = true
	for range 50 {
		ctx = authorized(t, second, authorized(t, first, ctx, c), c)
	}
	if n := strings.Count(ctx.(interface{ String() string }).String(), ".WithToken"); n != 2 {
		t.Errorf("%d contexts lie one in the other", n)
	}
	for range 50 {
		ctx = authorized(t, optional, ctx, middleware.Credentials{Anew: true})
	}
	if n := strings.Count(ctx.(interface{ String() string }).String(), ".WithToken"); n != 3 {
		t.Errorf("%d contexts lie one in the other, of anonymous requests", n)
	}
}
