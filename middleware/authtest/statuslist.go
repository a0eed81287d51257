package authtest

import (
	"bytes"
	"compress/zlib"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// StatusList is a Token Status List that an Issuer publishes, of 1024 statuses which are all 0 (valid) at first. It is made by
// [Issuer.StatusList] and is safe for concurrent use.
type StatusList struct {
	_ [0]func() // not comparable

	issuer *Issuer
	uri    string
	bits   int

	mu     sync.Mutex
	packed []byte
	served string // empty: the list as it is
}

const (
	statuses       = 1024
	statusTTL      = 300 // seconds
	statusListType = "application/statuslist+jwt"
)

// StatusList publishes a new status list below [EndpointStatusLists], of 1, 2, 4 or 8 bits for each status. It is there until the Issuer ends.
func (i *Issuer) StatusList(bits int) *StatusList {
	i.tb.Helper()
	switch bits {
	case 1, 2, 4, 8:
	default:
		i.tb.Fatalf("authtest: a status list has 1, 2, 4 or 8 bits for each status, not %d", bits)
		return nil
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	name := strconv.Itoa(len(i.statusLists) + 1)
	list := &StatusList{issuer: i, uri: i.url + string(EndpointStatusLists) + "/" + name, bits: bits, packed: make([]byte, statuses*bits/8)}
	i.statusLists[name] = list
	return list
}

// URI is the address of the list, and the name that tokens have for it.
func (s *StatusList) URI() string { return s.uri }

// Claim is the claim status of a token that has its status at this place, which need not exist:
//
//	token := issuer.Token(authtest.Claims{"status": list.Claim(7)})
func (s *StatusList) Claim(index int) Claims {
	return Claims{"status_list": Claims{"uri": s.uri, "idx": index}}
}

// Set changes a status: 1 revokes, 2 suspends, 0 lifts either. Whoever has fetched the list learns of it when it fetches again.
func (s *StatusList) Set(index, status int) {
	s.issuer.tb.Helper()
	if index < 0 || index >= statuses || status < 0 || status >= 1<<s.bits {
		s.issuer.tb.Fatalf("authtest: no status %d at place %d in a list of %d statuses of %d bits", status, index, statuses, s.bits)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	shift := index * s.bits % 8
	packed := &s.packed[index*s.bits/8]
	*packed = *packed&^byte((1<<s.bits-1)<<shift) | byte(status<<shift)
}

// Token returns the Status List Token: the list as it is, signed now. Header and Claims change it as those of [Issuer.Mint] do; the defaults
// are typ "statuslist+jwt", sub, iat, exp (an hour later), ttl (five minutes) and status_list.
func (s *StatusList) Token(h Header, c Claims) string {
	s.issuer.tb.Helper()
	token, err := s.token(h, c)
	if err != nil {
		s.issuer.tb.Fatalf("%v", err)
	}
	return token
}

// Serve lets the endpoint answer with text, for lists that are to be refused. Empty: with the list as it is.
func (s *StatusList) Serve(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.served = text
}

func (s *StatusList) token(h Header, c Claims) (string, error) {
	s.mu.Lock()
	list := statusListClaim(s.bits, s.packed)
	s.mu.Unlock()
	now := s.issuer.now()
	claims := Claims{"sub": s.uri, "iat": now, "exp": now.Add(lifetime), "ttl": statusTTL, "status_list": list}
	payload, err := json.Marshal(merge(claims, c))
	if err != nil {
		return "", fmt.Errorf("authtest: the claims cannot be written as JSON: %w", err)
	}
	return s.issuer.sign(merge(Header{"typ": "statuslist+jwt"}, h), string(payload))
}

func statusListClaim(bits int, packed []byte) Claims {
	return Claims{"bits": bits, "lst": encode(zipped(packed))}
}

func zipped(data []byte) []byte {
	var compressed bytes.Buffer
	w := zlib.NewWriter(&compressed)
	_, _ = w.Write(data) // a Buffer takes everything
	_ = w.Close()
	return compressed.Bytes()
}

// Broken returns Status List Tokens that nobody may rely on, each under the name of what is wrong with it. They are for [StatusList.Serve]: an API
// then answers 503 to tokens that name the list, because it cannot tell whether they were revoked.
func (s *StatusList) Broken() iter.Seq2[string, string] {
	s.issuer.tb.Helper()
	return func(yield func(name, token string) bool) {
		for name, change := range s.flaws() {
			token := s.Token(change.header, change.claims)
			if change.foreign {
				token = token[:len(token)-8] + "AAAAAAAA"
			}
			if !yield(name, token) {
				return
			}
		}
	}
}

var hugeList = sync.OnceValue(func() string { return encode(zipped(make([]byte, 1<<22))) })

type flaw struct {
	header  Header
	claims  Claims
	foreign bool // another signature
}

func (s *StatusList) flaws() map[string]flaw {
	list := func(changes Claims) Claims {
		return Claims{"status_list": merge(statusListClaim(s.bits, make([]byte, statuses*s.bits/8)), changes)}
	}
	whole := zipped(make([]byte, 1024))
	now := s.issuer.now()
	return map[string]flaw{
		"a signature that is not the issuer's": {foreign: true},
		"alg none":                             {header: Header{"alg": "none"}},
		"the type of an access token":          {header: Header{"typ": "at+jwt"}},
		"no type":                              {header: Header{"typ": nil}},
		"another list (sub)":                   {claims: Claims{"sub": s.uri + "0"}},
		"no sub":                               {claims: Claims{"sub": nil}},
		"no iat":                               {claims: Claims{"iat": nil}},
		"made in the future (iat)":             {claims: Claims{"iat": now.Add(time.Hour)}},
		"expired":                              {claims: Claims{"exp": now.Add(-time.Hour)}},
		"another issuer":                       {claims: Claims{"iss": "https://issuer.example.test"}},
		"for somebody else (aud)":              {claims: Claims{"aud": "https://api.example.test"}},
		"a ttl that is text":                   {claims: Claims{"ttl": "300"}},
		"no status_list":                       {claims: Claims{"status_list": nil}},
		"status_list is an array":              {claims: Claims{"status_list": []int{}}},
		"three bits":                           {claims: list(Claims{"bits": 3})},
		"no bits":                              {claims: list(Claims{"bits": nil})},
		"bits that are text":                   {claims: list(Claims{"bits": strconv.Itoa(s.bits)})},
		"no lst":                               {claims: list(Claims{"lst": nil})},
		"not base64url":                        {claims: list(Claims{"lst": encode(whole) + "=="})},
		"not compressed":                       {claims: list(Claims{"lst": encode(make([]byte, 64))})},
		"cut off":                              {claims: list(Claims{"lst": encode(whole[:len(whole)-5])})},
		"another checksum":                     {claims: list(Claims{"lst": encode(append(whole[:len(whole)-1:len(whole)-1], whole[len(whole)-1]^1))})},
		"text behind its end":                  {claims: list(Claims{"lst": encode(append(whole[:len(whole):len(whole)], 0))})},
		"longer than 1 MiB":                    {claims: list(Claims{"lst": hugeList()})},
	}
}

func (i *Issuer) serveStatusList(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	list := i.statusLists[r.PathValue("name")]
	i.mu.Unlock()
	if list == nil {
		http.NotFound(w, r)
		return
	}
	list.mu.Lock()
	text := list.served
	list.mu.Unlock()
	if text == "" {
		var err error
		if text, err = list.token(nil, nil); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
	}
	w.Header().Set("Content-Type", statusListType)
	_, _ = w.Write([]byte(text)) // that the caller has gone is no concern of ours
}
