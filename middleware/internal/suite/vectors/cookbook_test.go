package vectors_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// cookbookExample is a file of testdata/cookbook, or one half of the file about nesting.
type cookbookExample struct {
	Input  struct{ Key json.RawMessage }
	Output struct {
		Compact string
		JSON    json.RawMessage
		Flat    json.RawMessage `json:"json_flat"`
	}
}

func (e cookbookExample) serialisations() []string {
	var all []string
	for _, text := range []string{e.Output.Compact, string(e.Output.JSON), string(e.Output.Flat)} {
		if text != "" {
			all = append(all, text)
		}
	}
	return all
}

// The JWS of RFC 7520 section 4, RFC 7797 section 4.2 and RFC 8037 appendix A.4. Their payloads are no claims, so none is a token.
var cookbookSignatures = map[string]struct {
	verifies bool
	reason   middleware.Reason
}{
	"jws/4_1.rsa_v15_signature.json":                 {true, middleware.ReasonMalformed},
	"jws/4_2.rsa-pss_signature.json":                 {true, middleware.ReasonMalformed},
	"jws/4_3.ecdsa_signature.json":                   {true, middleware.ReasonMalformed},
	"jws/4_4.hmac-sha2_integrity_protection.json":    {true, middleware.ReasonMalformed},
	"jws/4_5.signature_with_detached_content.json":   {false, middleware.ReasonMalformed},
	"jws/4_6.protecting_specific_header_fields.json": {}, // 4.6 to 4.8 exist as JSON only
	"jws/4_7.protecting_content_only.json":           {},
	"jws/4_8.multiple_signatures.json":               {},
	"rfc7797/4.2.hmac-sha2_b64_false.json":           {},
	"rfc7797/hmac-sha2_b64_false.json":               {false, middleware.ReasonMalformedRequest}, // blanks in the payload
	"curve25519/jws.json":                            {true, middleware.ReasonMalformed},
}

func TestCookbookSignatures(t *testing.T) {
	for path, want := range cookbookSignatures {
		t.Run(path, func(t *testing.T) {
			var example cookbookExample
			readVectors(t, "cookbook/"+path, &example)
			keys, algorithms := cookbookKeys(t, example.Input.Key)
			v := vectorValidator(t, testkit.Issuer, keys, algorithms, testkit.Now)
			for _, token := range example.serialisations() {
				wantNoToken(t, v, token)
			}
			if example.Output.Compact == "" {
				if want.reason != "" {
					t.Fatal("there is no compact serialisation")
				}
				return
			}
			if err := signatureVerdict(t, keys, example.Output.Compact); (err == nil) != want.verifies {
				t.Errorf("the signature gives %v, want it to verify: %t", err, want.verifies)
			}
			if got := kit.ReasonOf(t, v.Require(), kit.Bearer(example.Output.Compact)); got != want.reason {
				t.Errorf("reason is %q, want %q", got, want.reason)
			}
		})
	}
}

// cookbookKeys takes the public halves of the key or the list of keys.
func cookbookKeys(t *testing.T, document json.RawMessage) (middleware.KeySource, []string) {
	t.Helper()
	if strings.HasPrefix(string(document), "[") {
		document = testkit.JSON(map[string]json.RawMessage{"keys": document})
	}
	keys, algorithms, err := vectorKeys(publicParts(document))
	if err != nil {
		t.Fatal(err)
	}
	wantUnpublishable(t, "the key of the example", document)
	return keys, algorithms
}

// RFC 7520 section 3.
func TestCookbookKeys(t *testing.T) {
	for path, alg := range map[string]string{
		"jwk/3_1.ec_public_key.json":                 "ES512",
		"jwk/3_2.ec_private_key.json":                "", // a private key that is published is stolen
		"jwk/3_3.rsa_public_key.json":                "RS256",
		"jwk/3_4.rsa_private_key.json":               "",
		"jwk/3_5.symmetric_key_mac_computation.json": "",
		"jwk/3_6.symmetric_key_encryption.json":      "",
	} {
		var key json.RawMessage
		readVectors(t, "cookbook/"+path, &key)
		set, err := jwks.Static(testkit.JSON(map[string][]json.RawMessage{"keys": {key}}))
		if (err == nil) != (alg != "") {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if alg == "" {
			continue
		}
		if _, err := set.VerificationKeys(t.Context(), "bilbo.baggins@hobbiton.example", alg); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// RFC 7520 section 5 and RFC 8037 appendix A.6: encrypted tokens are refused whole, even where the recipient's key would verify signatures.
func TestCookbookEncryption(t *testing.T) {
	compactForms := 0
	v := vectorValidator(t, testkit.Issuer, testkit.KeySet(), nil, testkit.Now)
	paths := append(cookbookFiles(t, "jwe"), "curve25519/ecdh-es.json")
	for _, path := range paths {
		var example cookbookExample
		readVectors(t, "cookbook/"+path, &example)
		for _, token := range example.serialisations() {
			wantNoToken(t, v, token)
		}
		if token := example.Output.Compact; token != "" {
			compactForms++
			if got := kit.ReasonOf(t, v.Require(), kit.Bearer(token)); got != middleware.ReasonEncrypted {
				t.Errorf("%s: reason is %q, want %q", path, got, middleware.ReasonEncrypted)
			}
		}
	}
	if len(paths) != 14 || compactForms != 10 {
		t.Errorf("%d files with %d compact forms were read", len(paths), compactForms)
	}
}

// RFC 7520 section 6. The JWS inside is a JWT, and is admitted by whoever trusts its issuer and does not look for an audience;
// inside its JWE it is refused.
func TestCookbookNesting(t *testing.T) {
	var nested struct{ Sign, Encrypt cookbookExample }
	readVectors(t, "cookbook/6.nesting_signatures_and_encryption.json", &nested)
	keys, algorithms := cookbookKeys(t, nested.Sign.Input.Key)
	v := vectorValidator(t, "hobbiton.example", keys, algorithms, exampleTime)
	kit.WantAdmitted(t, v, nested.Sign.Output.Compact)
	kit.WantRefused(t, v, nested.Encrypt.Output.Compact, kit.BadToken, middleware.ReasonEncrypted)
	for _, token := range nested.Encrypt.serialisations() {
		wantNoToken(t, v, token)
	}
}

func TestCookbookIsReadWhole(t *testing.T) {
	const keys, encrypted, nesting = 6, 13 + 1, 1
	if got, want := len(cookbookFiles(t, ".")), len(cookbookSignatures)+keys+encrypted+nesting; got != want {
		t.Errorf("the cookbook has %d files, %d are tested", got, want)
	}
}

// cookbookFiles lists the examples below a folder of testdata/cookbook.
func cookbookFiles(t *testing.T, folder string) []string {
	t.Helper()
	var paths []string
	err := fs.WalkDir(os.DirFS("testdata/cookbook"), folder, func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".json") {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}
