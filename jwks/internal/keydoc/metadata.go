package keydoc

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

const (
	openIDConfiguration = "/.well-known/openid-configuration"
	oauthServer         = "/.well-known/oauth-authorization-server"
)

// Metadata is what an issuer's metadata says about its keys.
type Metadata struct {
	KeysURL string   // jwks_uri, as it is written; never empty
	Signs   []string // the algorithms that the issuer says it signs with
}

// ErrNoKeysURL is the error of metadata that is the issuer's and speaks of no keys.
var ErrNoKeysURL = errors.New("it has no jwks_uri; set URL if the issuer publishes its keys elsewhere")

// MetadataURLs lists where an issuer may publish its metadata: appended (OpenID Connect Discovery 1.0 section 4.1), then
// inserted between host and path, under RFC 8414's name (section 3.1) and OpenID's (section 5). Nil: issuer is no URL.
func MetadataURLs(issuer string) []string {
	u, err := url.Parse(issuer)
	if err != nil {
		return nil
	}
	host := u.Scheme + "://" + u.Host
	path := strings.TrimSuffix(u.EscapedPath(), "/")
	urls := []string{host + path + openIDConfiguration, host + oauthServer + path}
	if path != "" { // without one, appended and inserted are the same
		urls = append(urls, host+openIDConfiguration+path)
	}
	return urls
}

// ReadMetadata reads what concerns the keys, once the document has shown that it is this issuer's. The comparison is by bytes: RFC 8414
// sections 3.3 and 4 demand it, and want nothing of another issuer's document to be used.
func ReadMetadata(document []byte, issuer string) (Metadata, error) {
	members, err := parseDocument(document)
	if err != nil {
		return Metadata{}, err
	}
	switch named := members.text("issuer"); named {
	case issuer:
	case "":
		return Metadata{}, errors.New("it names no issuer, which must be the configured one, byte for byte")
	default:
		return Metadata{}, fmt.Errorf("its issuer is not the configured one, byte for byte; a slash at the end counts: "+
			"it says %+q and %+q is configured", named[:min(len(named), 128)], issuer)
	}
	found := Metadata{KeysURL: members.text("jwks_uri")}
	if found.KeysURL == "" {
		return Metadata{}, ErrNoKeysURL
	}
	for _, name := range signingMembers {
		found.Signs = append(found.Signs, members.words(name)...)
	}
	return found, nil
}

// signingMembers name what the issuer itself signs with (OpenID Connect Discovery 1.0 section 3, JARM section 4, RFC 9701 section 7;
// the last one is not registered). That an algorithm is not listed for access tokens means little, so all count together.
var signingMembers = []string{
	"id_token_signing_alg_values_supported",
	"userinfo_signing_alg_values_supported",
	"authorization_signing_alg_values_supported",
	"introspection_signing_alg_values_supported",
	"access_token_signing_alg_values_supported",
}
