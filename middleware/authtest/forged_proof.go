package authtest

import (
	"encoding/json"
	"maps"
	"strings"
)

// editedProof changes the segments of a good proof.
func editedProof(edit func(header, payload, signature string) string) proofMaker {
	return func(p prover) (string, error) {
		proof, err := p.mint(nil, nil)
		if err != nil {
			return "", err
		}
		s := strings.Split(proof, ".")
		return edit(s[0], s[1], s[2]), nil
	}
}

// proofHeaderText signs a changed text of a good header.
func proofHeaderText(change func(text string) string) proofMaker {
	return func(p prover) (string, error) {
		header, err := json.Marshal(p.key.proofHeader())
		if err != nil {
			return "", err
		}
		payload, err := p.payload()
		if err != nil {
			return "", err
		}
		return assembleText(change(string(header)), payload, p.key.sign)
	}
}

// ownJWK adds members to the jwk, which stays the right key.
func ownJWK(members map[string]string) proofMaker {
	return func(p prover) (string, error) {
		jwk := publicMembers(p.key.private.Public())
		maps.Copy(jwk, members)
		return p.mint(Header{"jwk": jwk}, nil)
	}
}

// misfit names an algorithm that the key cannot have, over a signature that the key has made.
func misfit(p prover) (string, error) {
	if p.key.algorithm.name == "ES384" {
		return p.mint(Header{"alg": "ES256"}, nil)
	}
	return p.mint(Header{"alg": "ES384"}, nil)
}

// stranger is a client of the same kind with a key of its own.
func (p prover) stranger() (prover, error) {
	var key signingKey
	if err := key.make(p.key.algorithm); err != nil {
		return prover{}, err
	}
	p.key = &key
	return p, nil
}

// otherClient proves possession of the wrong key.
func otherClient(p prover) (string, error) {
	stranger, err := p.stranger()
	if err != nil {
		return "", err
	}
	return stranger.mint(nil, nil)
}

// wrongSignature shows the right key without having it.
func wrongSignature(p prover) (string, error) {
	stranger, err := p.stranger()
	if err != nil {
		return "", err
	}
	return stranger.mint(Header{"jwk": publicMembers(p.key.private.Public())}, nil)
}

// swappedProof puts the claims of one proof under the signature of another.
func swappedProof(p prover) (string, error) {
	one, err := p.mint(nil, nil)
	if err != nil {
		return "", err
	}
	other, err := p.mint(nil, nil) // its jti differs
	if err != nil {
		return "", err
	}
	o, s := strings.Split(one, "."), strings.Split(other, ".")
	return join(o[0], s[1], o[2]), nil
}

// dotted makes the host of an address a fully qualified name: the same host to a resolver, another one to a URI.
func dotted(address string) string {
	scheme, rest, _ := strings.Cut(address, "://")
	end := strings.IndexAny(rest, ":/")
	if end < 0 {
		end = len(rest)
	}
	return scheme + "://" + rest[:end] + "." + rest[end:]
}

func otherScheme(address string) string {
	if rest, found := strings.CutPrefix(address, "https:"); found {
		return "http:" + rest
	}
	return "https:" + strings.TrimPrefix(address, "http:")
}
