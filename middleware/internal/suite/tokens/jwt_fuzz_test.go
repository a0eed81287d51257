package tokens_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// FuzzToken sends whatever there is through a Guard: no panic, no 5xx, and nothing passes but a token that is good.
func FuzzToken(f *testing.F) {
	v := kit.NewValidator(f, nil)
	guard := v.Require()
	good := kit.Mint(kit.GoodClaims(nil))
	h, p, s := segments()
	for _, seed := range []string{
		good, "", ".", "..", "a", h, h + "." + p, h + "." + p + ".", h + ".." + s, good + "=", good + "." + s, h + "." + p + "." + s + "." + p + "." + s, "e30.e30.AA", "e58ed763-928c-4155-bee9-fdbaaadc15f3",
		testkit.Sign(`{"alg":"none"}`, "{}", nil), testkit.Sign(`{"alg":"HS256"}`, "{}", []byte{}), kit.MintText(
			`{"iss":"` + testkit.Issuer + `","exp":1e400}`,
		), kit.MintTyped("logout+jwt", kit.Claims{}), strings.Repeat("A", 17000),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		for range 2 {
			got := kit.Serve(guard, kit.Bearer(token))
			passes := strings.TrimLeft(token, " ") == good // "Bearer" 1*SP
			if got.Ran != passes {
				t.Fatalf("%q: the handler ran: %t", token, got.Ran)
			}
			if code := got.StatusCode; !passes && code != 400 && code != 401 {
				t.Fatalf("%q gives %d", token, code)
			}
		}
	})
}

// FuzzMutation changes good tokens of three families in one place, and puts segments of one into another.
func FuzzMutation(f *testing.F) {
	v := kit.NewValidator(f, nil)
	guard := v.Require()
	payload := string(testkit.JSON(kit.GoodClaims(nil)))
	tokens := []string{
		kit.Mint(kit.GoodClaims(nil)),
		testkit.Sign(`{"alg":"RS256","kid":"rsa","typ":"at+jwt"}`, payload, testkit.RSAKey()),
		testkit.Sign(`{"alg":"ES256","kid":"p256","typ":"at+jwt"}`, payload, testkit.P256Key()),
	}
	for _, token := range tokens { // the honest ones are in the cache when the others come
		kit.WantAdmitted(f, v, token)
	}
	f.Add(uint8(0), uint16(0), uint16(1), "A")
	f.Add(uint8(1), uint16(20), uint16(0), ".")
	f.Add(uint8(2), uint16(60000), uint16(60000), "")
	f.Fuzz(func(t *testing.T, which uint8, from, length uint16, put string) {
		token := tokens[int(which)%len(tokens)]
		start := int(from) % len(token)
		end := min(len(token), start+int(length)%8)
		mutant := token[:start] + put + token[end:]
		if got := kit.Serve(guard, kit.Bearer(mutant)); got.Ran != (strings.TrimLeft(mutant, " ") == token) {
			t.Fatalf("%q: the handler ran: %t", mutant, got.Ran)
		}
	})
}

// FuzzPayload signs whatever there is with the issuer's key. It may pass, but then it says what every reader reads.
func FuzzPayload(f *testing.F) {
	v := kit.NewValidator(f, nil)
	guard := v.Require()
	honest := string(testkit.JSON(kit.GoodClaims(nil)))
	for _, seed := range []string{
		honest, "{}", "[]", "", strings.Replace(honest, `"sub"`, `"SUB"`, 1), honest[:len(honest)-1] + `,"sub":"x"}`,
		honest[:len(honest)-1] + `,"aud":[],"cnf":{}}`, honest[:len(honest)-1] + `,"act":{"sub":"a"},"nbf":1.5e9}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, payload string) {
		got := kit.Serve(guard, kit.Bearer(kit.MintText(payload)))
		if !got.Ran {
			if got.StatusCode != 401 && got.StatusCode != 400 {
				t.Fatalf("%q gives %d", payload, got.StatusCode)
			}
			return
		}
		var loose struct { // encoding/json matches names without case, and takes the last of several
			Iss, Sub string
			Exp      float64
			Cnf      any
		}
		var text json.RawMessage
		if err := got.Token.Claims(&text); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &loose); err != nil {
			return // a claim that is not read has another type
		}
		if loose.Iss != testkit.Issuer || loose.Sub != got.Token.Subject || loose.Cnf != nil || loose.Exp <= float64(testkit.Now.Unix()-30) {
			t.Fatalf("%q is read as %+v, and by others as %+v", payload, got.Token, loose)
		}
	})
}
