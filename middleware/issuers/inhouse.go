package issuers

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"time"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
)

// HS256 is a service of your own that signs with a shared secret, as PyJWT and jsonwebtoken do by default. issuer is the iss that it writes;
// where it writes none, set DangerouslyNoIssuer. While a secret is being replaced name both, the newest first; each has at least 32 random bytes.
// Config.Audiences count.
//
// Whoever can verify with a secret can sign with it: every API that has it can speak for the issuer. For a secret that is replaced while the
// program runs see [SecretFile].
func HS256(issuer string, secrets ...[]byte) middleware.Issuer {
	a := argumentsOf("HS256")
	a.filled("issuer", issuer)
	i := middleware.Issuer{URL: issuer, Algorithms: []string{"HS256"}}
	if len(secrets) == 0 {
		a.wrong("secrets is empty: name at least one of 32 random bytes")
		return a.issue(i)
	}
	set, err := jwks.HMAC("HS256", secrets...)
	if err != nil {
		a.wrong("secrets: %w", err)
		return a.issue(i)
	}
	i.Keys = set
	return a.issue(i)
}

// FileConfig says which file holds the keys of an issuer of your own. Issuer and Path are required.
type FileConfig struct {
	_ [0]func() // keyed literals only

	// Issuer is the iss of the tokens.
	Issuer string

	// Path is the file. It may be a symbolic link that is swapped, as in a mounted ConfigMap or Secret.
	Path string

	// Interval is how often the file is read again, which is how long a key that was taken out of it lives on. Zero: 10 seconds; negative:
	// refused.
	Interval time.Duration

	// Logger is told when the keys change (Info), and when the file cannot be read (Error, once for each cause); the keys that were read before
	// then stay. Nil: slog.Default().
	Logger *slog.Logger
}

// KeyFile is a service of your own whose public keys are in a file: PEM (public keys or certificates, several if need be), a single JWK, or
// a JWKS. The file is read again while the program runs, so keys are replaced by writing it; write the new one beside the old one first.
// Config.Audiences count.
//
// A file with a private key is refused, as no API needs one. Of a certificate only the key counts, whatever its dates and issuer say.
func KeyFile(cfg FileConfig) (*Running, error) {
	return watching(argumentsOf("KeyFile"), cfg, middleware.Issuer{}, readKeys)
}

// SecretFile is [HS256] with the secrets in a file, one a line, the newest first, each of at least 32 bytes and taken byte for byte. The file is read
// again while the program runs.
func SecretFile(cfg FileConfig) (*Running, error) {
	return watching(argumentsOf("SecretFile"), cfg, middleware.Issuer{Algorithms: []string{"HS256"}}, readSecrets)
}

// byteOrderMark is what some editors write in front of a file (RFC 8259 section 8.1 lets readers skip it).
const byteOrderMark = "\xef\xbb\xbf"

func readSecrets(text []byte) (*jwks.Set, error) {
	var secrets [][]byte
	for line := range bytes.Lines(bytes.TrimPrefix(text, []byte(byteOrderMark))) {
		if line = bytes.TrimRight(line, "\r\n"); len(line) > 0 {
			secrets = append(secrets, line)
		}
	}
	if len(secrets) == 0 {
		return nil, errors.New("the file holds no secret")
	}
	return jwks.HMAC("HS256", secrets...)
}

// readKeys reads a file of one of the three kinds, which are told apart by their content.
func readKeys(text []byte) (*jwks.Set, error) {
	text = bytes.TrimSpace(bytes.TrimPrefix(text, []byte(byteOrderMark)))
	if !bytes.HasPrefix(text, []byte("{")) {
		return readPEM(text)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return nil, fmt.Errorf("the file is neither PEM nor JSON: %w", err)
	}
	if _, isSet := members["keys"]; isSet {
		return jwks.Static(text)
	}
	return jwks.Static(append(append([]byte(`{"keys":[`), text...), "]}"...))
}

// readPEM reads all blocks of a file or none: pem.Decode passes over one that is garbled or cut short, whose key would be missed in silence.
func readPEM(text []byte) (*jwks.Set, error) {
	var keys []json.RawMessage
	begun := bytes.Count(text, []byte("-----BEGIN "))
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			break
		}
		text = rest
		public, err := publicKey(block)
		if err != nil {
			return nil, err
		}
		jwk, err := jwkOf(public)
		if err != nil {
			return nil, err
		}
		keys = append(keys, jwk)
	}
	if len(keys) == 0 {
		return nil, errors.New("the file holds neither JSON nor a PEM block")
	}
	if len(keys) != begun {
		return nil, fmt.Errorf("the file begins %d PEM blocks, of which %d can be read: is it cut short?", begun, len(keys))
	}
	document, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		return nil, err
	}
	return jwks.Static(document)
}

func publicKey(block *pem.Block) (crypto.PublicKey, error) {
	switch block.Type {
	case "PUBLIC KEY":
		return x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		return x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		return certificate.PublicKey, nil
	default:
		return nil, fmt.Errorf("the file holds a PEM block of type %q: an API needs public keys only (PUBLIC KEY, RSA PUBLIC KEY, CERTIFICATE)", block.Type)
	}
}

// jwkOf writes a public key as a JWK without kid and alg (RFC 7518 section 6, RFC 8037), so that one reader judges the keys of all files.
func jwkOf(public crypto.PublicKey) (json.RawMessage, error) {
	b64 := base64.RawURLEncoding.EncodeToString
	switch key := public.(type) {
	case *rsa.PublicKey:
		return json.Marshal(map[string]string{"kty": "RSA", "n": b64(key.N.Bytes()), "e": b64(big.NewInt(int64(key.E)).Bytes())})
	case ed25519.PublicKey:
		return json.Marshal(map[string]string{"kty": "OKP", "crv": "Ed25519", "x": b64(key)})
	case *ecdsa.PublicKey:
		point, err := key.Bytes() // 0x04, x, y
		if err != nil {
			return nil, err
		}
		half := len(point)/2 + 1
		return json.Marshal(map[string]string{"kty": "EC", "crv": key.Params().Name, "x": b64(point[1:half]), "y": b64(point[half:])})
	default:
		return nil, fmt.Errorf("the file holds a key of type %T, which verifies no JWT: use RSA, EC or Ed25519", public)
	}
}
