package keydoc_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/jwks/internal/keydoc"
)

const (
	name = "https://issuer.example/t"
	keys = "https://issuer.example/keys"
)

func metadata(members map[string]any) string {
	all := map[string]any{"issuer": name, "jwks_uri": keys, "token_endpoint": "https://x/"}
	for name, value := range members {
		all[name] = value
	}
	return text(all)
}

func TestWhereMetadataMayBe(t *testing.T) {
	t.Parallel()
	const openID, oauth = "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"
	for issuer, want := range map[string][]string{
		"https://h":         {"https://h" + openID, "https://h" + oauth},
		"https://h/":        {"https://h" + openID, "https://h" + oauth},
		"https://h/t1":      {"https://h/t1" + openID, "https://h" + oauth + "/t1", "https://h" + openID + "/t1"},
		"https://h/t1/":     {"https://h/t1" + openID, "https://h" + oauth + "/t1", "https://h" + openID + "/t1"},
		"https://h/t1//":    {"https://h/t1/" + openID, "https://h" + oauth + "/t1/", "https://h" + openID + "/t1/"},
		"https://h/a%2Fb":   {"https://h/a%2Fb" + openID, "https://h" + oauth + "/a%2Fb", "https://h" + openID + "/a%2Fb"},
		"http://h:8443/t":   {"http://h:8443/t" + openID, "http://h:8443" + oauth + "/t", "http://h:8443" + openID + "/t"},
		"https://h/%zz":     nil,
		"https://[::1]:8/a": {"https://[::1]:8/a" + openID, "https://[::1]:8" + oauth + "/a", "https://[::1]:8" + openID + "/a"},
	} {
		if got := keydoc.MetadataURLs(issuer); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", issuer, got, want)
		}
	}
}

func TestMetadataThatIsNotUsed(t *testing.T) {
	t.Parallel()
	good := metadata(nil)
	const another = "its issuer is not the configured one, byte for byte; a slash at the end counts: it says "
	for _, row := range []struct{ attack, document, says string }{
		{
			"of another issuer", metadata(map[string]any{"issuer": "https://attacker.example"}),
			another + `"https://attacker.example" and "` + name + `" is configured`,
		},
		{"one slash more", metadata(map[string]any{"issuer": name + "/"}), another},
		{"another case", metadata(map[string]any{"issuer": "https://ISSUER.example/t"}), another},
		{"another form of the same letter", metadata(map[string]any{"issuer": "https://issuer.example/\u0301t"}), another + `"https://issuer.example/\u0301t"`},
		{"a name that would fill the log", metadata(map[string]any{"issuer": strings.Repeat("a", 9999)}), another + `"` + strings.Repeat("a", 128) + `" and`},
		{"no issuer", metadata(map[string]any{"issuer": nil}), "it names no issuer"},
		{"an issuer that is no text", metadata(map[string]any{"issuer": []string{name}}), "it names no issuer"},
		{"issuer twice", strings.Replace(good, `{`, `{"issuer":"https://attacker.example",`, 1), "a member stands there twice"},
		{"jwks_uri twice in different case", strings.Replace(good, `{`, `{"JWKS_URI":"https://attacker.example",`, 1), "a member stands there twice"},
		{"an HTML page", "<html>", "it is no JSON object"},
		{"a list", "[" + good + "]", "it is no JSON object"},
		{"text behind it", good + "{}", "something follows the JSON object"},
	} {
		found, err := keydoc.ReadMetadata([]byte(row.document), name)
		if err == nil || !strings.HasPrefix(err.Error(), row.says) || errors.Is(err, keydoc.ErrNoKeysURL) || found.KeysURL != "" {
			t.Errorf("%s: %+v, %v; want %q", row.attack, found, err, row.says)
		}
	}
	for _, none := range []any{nil, "", 7, []string{keys}} {
		if found, err := keydoc.ReadMetadata([]byte(metadata(map[string]any{"jwks_uri": none})), name); !errors.Is(err, keydoc.ErrNoKeysURL) || found.KeysURL != "" {
			t.Errorf("jwks_uri %v: %+v, %v", none, found, err)
		}
	}
}

// What clients sign with does not count, and what is no text is not there.
func TestWhatMetadataSaysAboutAlgorithms(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		what string
		says map[string]any
		want []string
	}{
		{"nothing", nil, nil},
		{"of every kind", map[string]any{
			"id_token_signing_alg_values_supported": []string{"1"}, "userinfo_signing_alg_values_supported": []string{"2"},
			"authorization_signing_alg_values_supported": []string{"3"}, "introspection_signing_alg_values_supported": []string{"4"},
			"access_token_signing_alg_values_supported": []string{"5", "6"}, "request_object_signing_alg_values_supported": []string{"7"},
		}, []string{"1", "2", "3", "4", "5", "6"}},
		{"as text", map[string]any{"id_token_signing_alg_values_supported": "RS256"}, []string{"RS256"}},
		{"among other things", map[string]any{"id_token_signing_alg_values_supported": []any{nil, 7, "RS256", []string{"PS256"}, " "}}, []string{"RS256"}},
		{"as something else", map[string]any{"id_token_signing_alg_values_supported": map[string]any{"RS256": 1}}, nil},
	} {
		found, err := keydoc.ReadMetadata([]byte("\ufeff"+metadata(row.says)), name)
		if err != nil || found.KeysURL != keys || !slices.Equal(found.Signs, row.want) {
			t.Errorf("%s: %+v, %v; want %q", row.what, found, err, row.want)
		}
	}
}
