package sheet_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/examples/evidence/providers/internal/sheet"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/authtest"
)

func TestQuestionThatIsForgottenIsWrong(t *testing.T) {
	s := &sheet.Sheet{Server: "forgetful"}
	s.NotOffered("it has none of them", sheet.Questions[1:]...)
	s.Close()

	right, wrong, notOffered := s.Count()
	if right != 0 || wrong != 1 || notOffered != len(sheet.Questions)-1 {
		t.Errorf("got %d right, %d wrong, %d not offered", right, wrong, notOffered)
	}
}

func TestRowIsWrongUnlessStatusAndReasonAreAsWanted(t *testing.T) {
	s := &sheet.Sheet{Server: "odd"}
	s.Want(sheet.JWT, "as wanted", "401 audience", sheet.Answer{Status: 401, Reason: middleware.ReasonAudience})
	s.Want(sheet.JWT, "another reason", "401 audience", sheet.Answer{Status: 401, Reason: middleware.ReasonExpired})
	s.Want(sheet.JWT, "accepted", "401 audience", sheet.Answer{Status: 200})
	s.Want(sheet.JWT, "no answer", "401 audience", sheet.Answer{})

	if right, wrong, _ := s.Count(); right != 1 || wrong != 3 {
		t.Errorf("got %d right, %d wrong", right, wrong)
	}
	var all, wrongOnly bytes.Buffer
	if s.Print(&all, false) != nil || s.Print(&wrongOnly, true) != nil {
		t.Error("no table")
	}
	if strings.Count(all.String(), "WRONG") != 3 || strings.Contains(wrongOnly.String(), "as wanted") {
		t.Errorf("got\n%s\nand\n%s", &all, &wrongOnly)
	}
}

// The questions about proofs are right of a server that is ours, so that a wrong row about another one says something about it.
func TestProofsOfOneKey(t *testing.T) {
	issuer := authtest.NewIssuer(t)
	api, err := sheet.Serve(issuer.Config(sheet.Audience))
	if err != nil {
		t.Fatal(err)
	}
	defer api.Close()
	owner, err := sheet.NewProver()
	if err != nil {
		t.Fatal(err)
	}
	bound := func(name string) string {
		return issuer.Token(authtest.Claims{"aud": sheet.Audience, "jti": name, "cnf": authtest.Claims{"jkt": thumbprint(t, owner)}})
	}
	s := &sheet.Sheet{Server: "authtest"}
	if err := s.WantProofs(sheet.DPoP, api, owner, bound("one"), bound("two"), issuer.Token(authtest.Claims{"aud": sheet.Audience})); err != nil {
		t.Fatal(err)
	}
	s.WantForged(
		api, issuer.Token(authtest.Claims{"aud": sheet.Audience, "jti": rand.Text()}),
		issuer.Token(authtest.Claims{"aud": sheet.Audience, "sub": "mallory"}),
	)
	if _, wrong, _ := s.Count(); wrong > 0 {
		var table bytes.Buffer
		s.Print(&table, true)
		t.Error(table.String())
	}
}

// thumbprint is the RFC 7638 thumbprint of the key in a proof.
func thumbprint(t *testing.T, p *sheet.Prover) string {
	t.Helper()
	first, _, _ := strings.Cut(p.Proof("GET", "https://api.example.com", ""), ".")
	text, err := base64.RawURLEncoding.DecodeString(first)
	if err != nil {
		t.Fatal(err)
	}
	var header struct {
		JWK struct{ Crv, Kty, X, Y string }
	}
	if err := json.Unmarshal(text, &header); err != nil {
		t.Fatal(err)
	}
	k := header.JWK
	sum := sha256.Sum256([]byte(`{"crv":"` + k.Crv + `","kty":"` + k.Kty + `","x":"` + k.X + `","y":"` + k.Y + `"}`))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func TestClockThatIsAhead(t *testing.T) {
	if ahead := time.Until(sheet.Later(time.Hour)()); ahead < 59*time.Minute {
		t.Errorf("it is %s ahead", ahead)
	}
}
