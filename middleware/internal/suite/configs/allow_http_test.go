package configs_test

import (
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
)

// A network of containers has no TLS; a field says what that costs.
func TestKeysWithoutTLSFromNamedHosts(t *testing.T) {
	for name, row := range map[string]struct {
		url     string
		allowed []string
		change  func(*middleware.Config)
		want    string // in the error of New; empty: none
	}{
		"a host that is named":    {"http://keycloak:8080/realms/main", []string{"keycloak:8080"}, nil, ""},
		"nobody is named":         {"http://keycloak:8080/realms/main", nil, nil, "DangerouslyAllowHTTP"},
		"another port":            {"http://keycloak:8081/realms/main", []string{"keycloak:8080"}, nil, "DangerouslyAllowHTTP"},
		"a host below it":         {"http://a.keycloak:8080/realms/main", []string{"keycloak:8080"}, nil, "DangerouslyAllowHTTP"},
		"a wildcard":              {"http://keycloak:8080/realms/main", []string{"*:8080"}, nil, "DangerouslyAllowHTTP"},
		"a host without its port": {"http://keycloak:8080/realms/main", []string{"keycloak"}, nil, "DangerouslyAllowHTTP"},
		"FAPI2, which wants TLS": {
			"http://keycloak:8080/realms/main", []string{"keycloak:8080"}, func(cfg *middleware.Config) { cfg.FAPI2 = true },
			"DangerouslyAllowHTTP is set, but FAPI2",
		},
	} {
		cfg := kit.Config()
		if row.change != nil {
			row.change(&cfg)
		}
		cfg.Issuers[0].URL, cfg.Issuers[0].Keys, cfg.DangerouslyAllowHTTP = row.url, nil, row.allowed
		v, err := middleware.New(cfg)
		if row.want == "" && err != nil || row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)) {
			t.Errorf("%s: New says %v, want %q", name, err, row.want)
		}
		if v != nil {
			_ = v.Close()
		}
	}
}
