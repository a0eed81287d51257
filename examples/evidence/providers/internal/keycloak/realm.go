package keycloak

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/cardea-auth/cardea/examples/evidence/providers/internal/oauth"
	"github.com/cardea-auth/cardea/examples/evidence/providers/internal/sheet"
)

type (
	object = map[string]any
	list   = []any
)

// admin calls Keycloak's admin REST API.
type admin struct{ base, password string }

// do calls the API. The token is new each time: it lives for a minute only.
func (a admin) do(ctx context.Context, method, path string, body any, status int) ([]byte, error) {
	tokens, err := oauth.Ask(ctx, a.base+"/realms/master/protocol/openid-connect/token", oauth.Client{}, "", url.Values{
		"grant_type": {"password"}, "client_id": {"admin-cli"}, "username": {"admin"}, "password": {a.password},
	})
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, method, a.base+"/admin/realms"+path, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+tokens.Access)
	request.Header.Set("Content-Type", "application/json")
	return oauth.Do(request, status)
}

// Clients of the realm. Each token is for our API but those of other.
const (
	app         = "app"
	other       = "other"       // its tokens are for another API
	typed       = "typed"       // typ at+jwt (RFC 9068)
	lightweight = "lightweight" // tokens without aud and roles, which the introspection answer has
	bound       = "bound"       // tokens are bound to a DPoP key
	boundLight  = "bound-light" // both
)

// signed are clients whose tokens are signed with another algorithm than the realm's RS256.
var signed = []string{"PS256", "ES256", "ES384", "ES512", "EdDSA"}

// setUp makes the realm: clients, the user alice who has the role clerk, and the API, which introspects under the name that is in aud:
// Keycloak tells a client about lightweight tokens only if they are for it. logoutURL gets logout tokens.
func (s *server) setUp(ctx context.Context, logoutURL string) error {
	if _, err := s.do(ctx, "POST", "", object{"realm": realm, "enabled": true, "sslRequired": "none"}, http.StatusCreated); err != nil {
		return err
	}
	for _, scope := range []string{"read", "write"} {
		if _, err := s.do(ctx, "POST", "/"+realm+"/client-scopes", object{
			"name": scope, "protocol": "openid-connect", "attributes": object{"include.in.token.scope": "true"},
		}, http.StatusCreated); err != nil {
			return err
		}
	}
	clients := []object{
		s.newClient(app, sheet.Audience, object{"backchannel.logout.url": logoutURL, "backchannel.logout.session.required": "true"}),
		s.newClient(other, "https://other.example.com", nil),
		s.newClient(typed, sheet.Audience, object{"access.token.header.type.rfc9068": "true"}),
		s.newClient(lightweight, sheet.Audience, object{"client.use.lightweight.access.token.enabled": "true"}),
		s.newClient(bound, sheet.Audience, object{"dpop.bound.access.tokens": "true"}),
		s.newClient(boundLight, sheet.Audience, object{"dpop.bound.access.tokens": "true", "client.use.lightweight.access.token.enabled": "true"}),
		s.newClient(sheet.Audience, sheet.Audience, nil),
	}
	for _, algorithm := range signed {
		clients = append(clients, s.newClient(algorithm, sheet.Audience, object{"access.token.signed.response.alg": algorithm}))
	}
	for _, client := range clients {
		if _, err := s.do(ctx, "POST", "/"+realm+"/clients", client, http.StatusCreated); err != nil {
			return err
		}
	}
	if _, err := s.do(ctx, "POST", "/"+realm+"/roles", object{"name": "clerk"}, http.StatusCreated); err != nil {
		return err
	}
	role, err := s.do(ctx, "GET", "/"+realm+"/roles/clerk", nil, http.StatusOK)
	if err != nil {
		return err
	}
	if _, err := s.do(ctx, "POST", "/"+realm+"/users", object{
		"username": "alice", "enabled": true, "firstName": "Alice", "lastName": "Example", "email": "alice@example.com", "emailVerified": true,
		"credentials": list{object{"type": "password", "value": s.alice, "temporary": false}},
	}, http.StatusCreated); err != nil {
		return err
	}
	id, err := s.userID(ctx)
	if err != nil {
		return err
	}
	_, err = s.do(ctx, "POST", "/"+realm+"/users/"+id+"/role-mappings/realm", list{json.RawMessage(role)}, http.StatusNoContent)
	return err
}

func (s *server) newClient(id, audience string, attributes object) object {
	return object{
		"clientId": id, "secret": s.secret, "enabled": true, "publicClient": false, "protocol": "openid-connect",
		"serviceAccountsEnabled": true, "directAccessGrantsEnabled": true, "standardFlowEnabled": false,
		"attributes":           attributes,
		"defaultClientScopes":  list{"basic", "roles"},
		"optionalClientScopes": list{"read", "write", "profile", "email", "offline_access"},
		"protocolMappers": list{object{
			"name": "audience", "protocol": "openid-connect", "protocolMapper": "oidc-audience-mapper",
			"config": object{"included.custom.audience": audience, "access.token.claim": "true", "id.token.claim": "false", "introspection.token.claim": "true"},
		}},
	}
}

func (s *server) userID(ctx context.Context) (string, error) {
	body, err := s.do(ctx, "GET", "/"+realm+"/users?exact=true&username=alice", nil, http.StatusOK)
	if err != nil {
		return "", err
	}
	var users []struct{ ID string }
	if err := json.Unmarshal(body, &users); err != nil || len(users) != 1 {
		return "", fmt.Errorf("alice is not there: %s", body)
	}
	return users[0].ID, nil
}

// endSession logs alice out everywhere, which makes the server send logout tokens.
func (s *server) endSessions(ctx context.Context) error {
	id, err := s.userID(ctx)
	if err != nil {
		return err
	}
	_, err = s.do(ctx, "POST", "/"+realm+"/users/"+id+"/logout", nil, http.StatusNoContent)
	return err
}

// addKey makes the realm sign RS256 with a new key. The old one stays published.
func (s *server) addKey(ctx context.Context) error {
	id, err := s.realmID(ctx)
	if err != nil {
		return err
	}
	_, err = s.do(ctx, "POST", "/"+realm+"/components", object{
		"name": "second", "providerId": "rsa-generated", "providerType": "org.keycloak.keys.KeyProvider", "parentId": id,
		"config": object{"priority": list{"200"}, "algorithm": list{"RS256"}, "keySize": list{"2048"}},
	}, http.StatusCreated)
	return err
}

func (s *server) realmID(ctx context.Context) (string, error) {
	body, err := s.do(ctx, "GET", "/"+realm, nil, http.StatusOK)
	if err != nil {
		return "", err
	}
	var found struct{ ID string }
	err = json.Unmarshal(body, &found)
	return found.ID, err
}

// removeFirstKey takes the key away with which the realm began.
func (s *server) removeFirstKey(ctx context.Context) error {
	body, err := s.do(ctx, "GET", "/"+realm+"/components?type=org.keycloak.keys.KeyProvider", nil, http.StatusOK)
	if err != nil {
		return err
	}
	var keys []struct{ ID, Name, ProviderID string }
	if err := json.Unmarshal(body, &keys); err != nil {
		return err
	}
	for _, key := range keys {
		if key.ProviderID == "rsa-generated" && key.Name != "second" {
			if _, err := s.do(ctx, "DELETE", "/"+realm+"/components/"+key.ID, nil, http.StatusNoContent); err != nil {
				return err
			}
		}
	}
	return nil
}
