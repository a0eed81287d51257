package scenarios_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// visit is a request, and what is wrong with it whatever its token is.
type visit struct {
	name   string
	method string
	header http.Header
	body   string

	dpop  bool // the token came with this scheme
	proof *shownProof
	wrong string
}

// shownProof is a DPoP proof with what is wrong about it.
type shownProof struct {
	id    string
	until time.Time // when it need no longer be remembered
	wrong string
}

func (k *visit) isWrong(when bool, what string) {
	if when && k.wrong == "" {
		k.wrong = what
	}
}

const orders = "/orders"

func (k *visit) credentials() middleware.Credentials {
	return middleware.Credentials{Header: k.header, Method: k.method, Target: orders, RemoteAddr: "192.0.2.1:1"}
}

func (k *visit) request() *http.Request {
	return &http.Request{
		Method: k.method, URL: &url.URL{Path: orders}, RequestURI: orders, Host: "api.example.com", Header: k.header.Clone(), RemoteAddr: "192.0.2.1:1",
		Body: io.NopCloser(strings.NewReader(k.body)), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
}

// newVisit puts a token into a request.
func (s *scenario) newVisit(c *card) *visit {
	t := s.script
	k := &visit{method: pickOf(t, "GET", "POST", "OPTIONS"), header: http.Header{}}
	way := pickOf(t, "", "", "Bearer", "DPoP", "bEARER", "Basic", "X-Token", "Cookie", "form", "nowhere")
	if way == "" {
		way = "Bearer"
		if c.bound && s.bindable {
			way = "DPoP"
		}
	}
	k.put(way, c.text)
	k.name = k.method + " " + way
	if t.oneIn(16) {
		other := pickOf(t, "Bearer", "X-Token", "Cookie", "form")
		k.put(other, c.text)
		k.name += " and " + other
	}
	if site := pickOf(t, "", "same-origin", "cross-site"); site != "" {
		k.header.Set("Sec-Fetch-Site", site)
	}
	if way == "DPoP" {
		s.prove(c, k)
	}
	s.judgePlaces(k)
	return k
}

func (k *visit) put(way, token string) {
	switch way {
	case "nowhere":
	case "X-Token":
		k.header[way] = append(k.header[way], token)
	case "Cookie":
		k.header[way] = append(k.header[way], "a=b; session="+token)
	case "form":
		k.header.Set("Content-Type", "application/x-www-form-urlencoded")
		k.body = url.Values{"access_token": {token}}.Encode()
	default:
		k.header["Authorization"] = append(k.header["Authorization"], way+" "+token)
	}
}

// judgePlaces wants exactly one token, in a place that is read.
func (s *scenario) judgePlaces(k *visit) {
	reads := func(source middleware.TokenSource) bool { return slices.Contains(s.config.TokenSources, source) }
	places := 0
	fields := k.header["Authorization"]
	k.isWrong(len(fields) > 1, "there are two Authorization fields")
	for _, field := range fields {
		scheme, _, _ := strings.Cut(field, " ")
		k.dpop = scheme == "DPoP"
		k.isWrong(!strings.EqualFold(scheme, "Bearer") && !(k.dpop && s.bindable), "the scheme is not accepted")
		places++
	}
	if reads(middleware.FromHeader("X-Token")) {
		places += len(k.header["X-Token"])
	}
	if reads(middleware.FromCookie("session")) {
		places += len(k.header["Cookie"])
		k.isWrong(len(k.header["Cookie"]) > 0 && k.method == "POST" && k.header.Get("Sec-Fetch-Site") == "cross-site", "another site has caused it")
	}
	if reads(middleware.FromForm()) && k.method == "POST" && k.body != "" {
		places++
	}
	k.isWrong(places == 0, "there is no token")
	k.isWrong(places > 1, "there are several tokens")
}

// prove adds a proof of possession of the client's key.
func (s *scenario) prove(c *card, k *visit) {
	t, now := s.script, s.config.Clock()
	s.proofs++
	p := &shownProof{id: strconv.Itoa(s.proofs)}
	wrong := func(what string) {
		if p.wrong == "" {
			p.wrong = what
		}
	}
	key, typ, method, target, hash := 3, "dpop+jwt", k.method, testkit.Audience+orders, testkit.Hash(c.text)
	var age time.Duration
	switch t.pick(16) {
	case 1:
		key = t.pick(3)
		wrong("another key has made the proof")
	case 2:
		typ = pickOf(t, "JWT", "at+jwt", "")
		wrong("its proof has another typ")
	case 3:
		method = pickOf(t, "PUT", "get", "")
		wrong("its proof is for another method")
	case 4:
		target = pickOf(t, testkit.Audience+"/other", "https://evil.example"+orders, testkit.Audience, "")
		wrong("its proof is for another address")
	case 5:
		hash = testkit.Hash(c.text + "x")
		wrong("its proof is for another token")
	case 6, 7:
		age = pickOf(t, time.Minute, -time.Minute, 61*time.Second, -61*time.Second, time.Hour)
		if age > time.Minute || age < -time.Minute {
			wrong("its proof is of another time")
		}
	case 8, 9, 10:
		p.id = strconv.Itoa(1 + t.pick(s.proofs))
	}
	issued := now.Add(-age)
	p.until = issued.Add(time.Minute)
	header := fmt.Sprintf(`{"typ":%q,"alg":%q,"jwk":{%s}}`, typ, algorithmsOfKey(key)[0], scenarioJWKs()[key])
	payload := fmt.Sprintf(`{"jti":%q,"htm":%q,"htu":%q,"iat":%d,"ath":%q}`, p.id, method, target, issued.Unix(), hash)
	input := testkit.B64([]byte(header)) + "." + testkit.B64([]byte(payload))
	signature := signWith(key, input)
	if t.oneIn(16) {
		signature[0] ^= 1
		wrong("the signature of its proof is broken")
	}
	proof := input + "." + testkit.B64(signature)
	k.header["Dpop"], k.proof = []string{proof}, p
	switch t.pick(16) {
	case 1:
		k.header["Dpop"], k.proof = nil, nil
	case 2:
		k.header["Dpop"] = []string{proof, proof}
		wrong("there are two proofs")
	}
}

// spend notes that a proof was accepted, which it is before scopes are judged. If only one of the Validators has accepted it, nobody
// can say any more what becomes of another with its jti.
func (s *scenario) spend(k *visit, got ...answer) {
	accepted := 0
	for _, a := range got {
		if a.status == 200 || a.reason == middleware.ReasonScope {
			accepted++
		}
	}
	if k.proof == nil || accepted == 0 {
		return
	}
	s.doubtful[k.proof.id] = s.doubtful[k.proof.id] || accepted < len(got)
	if s.spent[k.proof.id].Before(k.proof.until) {
		s.spent[k.proof.id] = k.proof.until
	}
}
