package scenarios_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// card is a token with the facts about it, as its maker knows them.
type card struct {
	text, payload string
	opaque        bool

	issuer        int // that iss names; -1: none of ours
	key           int
	kid, alg, typ string
	marked        bool   // a claim says that it is no access token
	audience      string // right, list, wrong, none or empty
	client        string
	complete      bool // sub, jti and iat are there
	exp, nbf, iat time.Time
	bound         bool // to the client's key
	scopes        []string

	wrong string // whatever the configuration, the keys and the time are
	open  bool   // nobody says what becomes of it

	passed bool // once
}

func (c *card) String() string {
	return fmt.Sprintf("%s\nissuer %d, key %d, kid %q, alg %s, typ %q, payload %s", c.text, c.issuer, c.key, c.kid, c.alg, c.typ, c.payload)
}

func (c *card) isWrong(what string) {
	if c.wrong == "" {
		c.wrong = what
	}
}

// newCard makes a token. The first of all choices is the honest one.
func (s *scenario) newCard() *card {
	t := s.script
	if t.oneIn(12) {
		text := pickOf(t, "opaque-1", "b2c5b1f6-5ee4-4d0c-8b2b-3a3e0c2b9a10", "e58ed763.928c")
		s.asks.made[text] = true
		return &card{opaque: true, text: text}
	}
	c := &card{issuer: t.pick(s.trusted)}
	c.payload = s.claims(c)
	c.key, c.kid = c.issuer, "1"
	if t.oneIn(4) {
		c.key, c.kid = 4, "2"
	}
	if t.oneIn(4) {
		c.key, c.kid = t.pick(6), pickOf(t, "1", "2", "3", "", "x")
	}
	c.alg = algorithmsOfKey(c.key)[0]
	if c.key >= 4 && t.oneIn(4) {
		c.alg = "Ed25519"
	}
	input := testkit.B64([]byte(s.header(c))) + "." + testkit.B64([]byte(c.payload))
	signature := signWith(c.key, input)
	switch t.pick(16) {
	case 1:
		signature[t.pick(len(signature))] ^= 1 << t.pick(8)
		c.isWrong("a bit of the signature was changed")
	case 2:
		signature = signature[:t.pick(len(signature))]
		c.isWrong("the signature was cut off")
	}
	c.text = input + "." + testkit.B64(signature)
	s.asks.made[c.text] = true
	if t.oneIn(8) {
		s.mutate(c)
	}
	return c
}

// mutate changes the text of a token in one place, without asking what is there.
func (s *scenario) mutate(c *card) {
	at := min(len(c.text), s.script.pick(256)*(1+len(c.text)/256))
	text := c.text[:at] + s.script.text() + c.text[min(len(c.text), at+s.script.pick(4)):]
	if !strings.Contains(text, c.text) {
		c.isWrong("its text was changed")
	}
	c.open = c.open || text != c.text // white space and the like may be of no meaning where the token stands
	c.text = text
}

// header writes the header, and may lie in it.
func (s *scenario) header(c *card) string {
	t := s.script
	c.typ = pickOf(t, "at+jwt", "JWT", "", "application/at+jwt", "AT+JWT", "id+jwt", "logout+jwt", "dpop+jwt", "application/application/at+jwt")
	alg, more := c.alg, ""
	switch t.pick(24) {
	case 1:
		alg = pickOf(t, "none", "HS256", "RS256", "ES256", "EdDSA", "eddsa", "")
		if alg != c.alg {
			c.isWrong("its alg is not that of its signature")
		}
	case 2:
		more = pickOf(t, `,"crit":["exp"],"exp":1`, `,"b64":false`, `,"cty":"JWT"`, `,"CRIT":["x"]`, `,"alg":"none"`, `,"Kid":"2"`)
		c.isWrong("its header holds " + more)
	case 3: // of no effect: a token does not say how it is verified
		more = `,"zip":"DEF","cty":"json","jku":"https://evil.example/keys","x5u":"https://evil.example","jwk":{` + scenarioJWKs()[3] + `}`
	}
	text := `{"alg":` + strconv.Quote(alg)
	if c.kid != "" {
		text += `,"kid":` + strconv.Quote(c.kid)
	}
	if c.typ != "" {
		text += `,"typ":` + strconv.Quote(c.typ)
	}
	return text + more + "}"
}

// claims writes the payload, and notes what is in it.
func (s *scenario) claims(c *card) string {
	t := s.script
	var members []string
	add := func(name, value string) {
		if value != "" {
			members = append(members, strconv.Quote(name)+":"+value)
		}
	}
	s.iss(c, add)
	c.audience = pickOf(t, "right", "list", "wrong", "none", "empty", "number", "mixed")
	add("aud", map[string]string{
		"right": strconv.Quote(
			testkit.Audience,
		), "list": `["x",` + strconv.Quote(
			testkit.Audience,
		) + `]`, "wrong": `"https://api.example.com/"`, "empty": "[]", "number": "1", "mixed": `["` + testkit.Audience + `",1]`,
	}[c.audience])
	if c.audience == "number" || c.audience == "mixed" {
		c.isWrong("its aud is malformed")
	}
	c.client = pickOf(t, "c1", "c2", "")
	if c.client != "" {
		add("client_id", strconv.Quote(c.client))
	}
	if c.complete = !t.oneIn(8); c.complete {
		add("sub", `"alice"`)
		add("jti", `"1"`)
	}
	s.dates(c, add)
	switch n := t.pick(8); {
	case n <= 1 && s.bindable || n == 2:
		add("cnf", `{"jkt":"`+kit.Thumbprint(scenarioKeys()[3].Public())+`"}`)
		c.bound = true
	case n == 3:
		add("cnf", pickOf(t, "{}", "null", `{"jwk":{}}`, `{"x5t#S256":"`+kit.Thumbprint(scenarioKeys()[3].Public())+`"}`, `{"jkt":"x"}`))
		c.isWrong("its cnf is of no kind that this request can prove")
	}
	scopes := pickOf(t, "read write", "admin", "write", "")
	c.scopes = strings.Fields(scopes)
	if scopes != "" {
		add("scope", strconv.Quote(scopes))
	}
	switch t.pick(16) {
	case 1:
		mark := pickOf(t, "nonce", "at_hash", "events", "htm", "token_introspection")
		c.marked = mark != "nonce" || len(c.scopes) == 0 // granted scopes outrank a nonce
		add(mark, `"x"`)
	case 2:
		add(pickOf(t, "sub", "iss", "aud", "exp"), `"https://a.example"`)
		add(pickOf(t, "sub", "iss", "aud", "exp"), `1`)
		c.isWrong("a claim stands there twice or is malformed")
	case 3:
		add(pickOf(t, "Sub", "ISS", "aUd", "EXP", "ſub", "client_Id"), "1")
		c.isWrong("a claim looks like another")
	case 4:
		add("x", pickOf(t, `{"aud":1}`, `[[[]]]`, `"\u0000"`, "1e400", "null"))
	}
	return "{" + strings.Join(members, ",") + "}"
}

// iss writes who the token says it is from; of the last issuer, for which tenant.
func (s *scenario) iss(c *card, add func(name, value string)) {
	t := s.script
	if t.oneIn(16) {
		add("iss", pickOf(t, "", `"https://evil.example"`, `"https://a.example/"`, `"https://A.example"`, `["https://a.example"]`, `"https://c.example//v2"`))
		c.isWrong("its iss is none of ours")
		return
	}
	if c.issuer < 2 {
		add("iss", strconv.Quote(issuerURL(c.issuer)))
		return
	}
	tenant := pickOf(t, "t1", "t2", "t1/x")
	tid := pickOf(t, tenant, "t1", "")
	if tenant != "t1" || tid != tenant {
		c.isWrong("its tenant is not allowed, or not its own")
	}
	add("iss", strconv.Quote(strings.Replace(issuerURL(2), "{tenantid}", tenant, 1)))
	if tid != "" {
		add("tid", strconv.Quote(tid))
	}
}

func (s *scenario) dates(c *card, add func(name, value string)) {
	t, now := s.script, s.config.Clock()
	date := func(name string, offset time.Duration) time.Time {
		at := now.Add(offset)
		add(name, strconv.FormatInt(at.Unix(), 10))
		return at
	}
	switch t.pick(8) {
	case 1:
		add("exp", pickOf(t, "", `"1e10"`, "null", "1e400", "-1", "0", "{}"))
		c.isWrong("its exp is missing, malformed or long ago")
	case 2:
		c.exp = date("exp", pickOf(t, 0, -time.Second, -29*time.Second, -30*time.Second, -5*time.Minute, time.Second))
	case 3:
		c.exp = date("exp", 30*365*24*time.Hour)
	default:
		c.exp = date("exp", time.Hour)
	}
	offsets := []time.Duration{0, -time.Hour, 29 * time.Second, 30 * time.Second, 31 * time.Second, 5 * time.Minute, time.Hour}
	if t.oneIn(4) {
		c.nbf = date("nbf", pickOf(t, offsets...))
	}
	switch {
	case t.oneIn(8):
		c.complete = false
	case t.oneIn(4):
		c.iat = date("iat", pickOf(t, offsets...))
	default:
		c.iat = date("iat", 0)
	}
}

// facts is what speaks about a request.
type facts struct {
	wrong    string // why it must be refused; empty: nothing
	scope    bool   // a scope is missing
	mayLack  bool   // something may be out of reach that is needed to judge it
	mustLack bool   // it is
	open     bool   // there is more to it than these facts
	doubt    bool   // a key that was published since, under the name of an old one, could verify it: each cache finds out in its own time
}

func (f *facts) exact() bool { return !f.open || f.wrong != "" }

func (f *facts) isWrong(when bool, what string) {
	if when && f.wrong == "" {
		f.wrong = what
	}
}

// judge is the independent opinion about a request, at this time and with what was published until now.
func (s *scenario) judge(c *card, k *visit) (f facts) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.open = c.open
	f.mayLack = c.open && s.opaque && s.asks.state == answersNothing // what was changed may look like an opaque token now
	f.isWrong(k.wrong != "", k.wrong)
	f.isWrong(c.wrong != "", c.wrong)
	scopes := c.scopes
	switch {
	case c.opaque:
		f.isWrong(!s.opaque, "nobody introspects it")
		scopes = s.introspection(&f)
	case c.wrong == "its iss is none of ours":
	default:
		s.judgeToken(c, &f)
		s.judgeKey(c, &f)
		if c.issuer == 0 && s.mode == middleware.VerifyAndIntrospectJWTs {
			scopes = s.introspection(&f)
		}
	}
	s.judgeProof(c, k, &f)
	switch s.needs {
	case "":
	case "read":
		f.scope = !slices.Contains(scopes, "read") && (s.config.ScopeImplies == nil || !slices.Contains(scopes, "admin"))
	default:
		f.scope = !slices.Contains(scopes, s.needs)
	}
	return f
}

// introspection is what the first issuer's server says, and the scopes in it.
func (s *scenario) introspection(f *facts) []string {
	f.isWrong(s.asks.state == answersInactive, "its server says that it is not active")
	f.isWrong(s.asks.state == answersForeign, "its server speaks of another issuer")
	if s.asks.state == answersNothing {
		f.mayLack, f.mustLack = true, true
	}
	return []string{"read", "write", "admin"}
}

func (s *scenario) judgeToken(c *card, f *facts) {
	entry := &s.config.Issuers[c.issuer]
	typ := strings.TrimPrefix(strings.ToLower(c.typ), "application/")
	strict := entry.Profile == middleware.RFC9068
	f.isWrong(typ != "at+jwt" && (strict || typ != "jwt" && typ != ""), "its typ is not that of an access token")
	f.isWrong(typ != "at+jwt" && c.marked, "a claim says that it is no access token")
	f.isWrong(strict && (!c.complete || c.client == "" || c.audience == "none"), "a claim is missing that RFC 9068 wants")
	f.isWrong(entry.Algorithms != nil && !slices.Contains(entry.Algorithms, c.alg), "its alg is not among the issuer's")
	switch {
	case entry.DangerouslyNoAudience:
	case entry.AllowedClients != nil:
		f.isWrong(c.client != "c1", "its client is not allowed")
	case c.audience == "none" && c.issuer == 0 && s.mode == middleware.VerifyAndIntrospectJWTs:
	default:
		f.isWrong(c.audience != "right" && c.audience != "list", "it is meant for somebody else")
	}
	leeway := entry.Leeway
	switch {
	case leeway == 0:
		leeway = 30 * time.Second
	case leeway < 0:
		leeway = 0
	}
	now := s.config.Clock()
	f.isWrong(!c.exp.IsZero() && now.Sub(c.exp) >= leeway, "it has expired")
	f.isWrong(!c.nbf.IsZero() && c.nbf.Sub(now) > leeway, "it is not valid yet")
	f.isWrong(!c.iat.IsZero() && c.iat.Sub(now) > leeway, "it is of the future")
}

const unpublished = "its key is not published"

// judgeKey looks at what was published under the token's kid. The two Validators may have been told different things.
func (s *scenario) judgeKey(c *card, f *facts) {
	verified, lacking := 0, 0
	for _, v := range []*middleware.Validator{s.cached, s.plain} {
		m := s.memoryOf(v, c.issuer)
		held := m.held()
		switch {
		case m.unclear:
			f.open, f.mayLack = true, true
			if m.verifies(c.key, c.kid, c.alg) || m.loose[c.key] {
				verified++
			}
		case !held:
			f.mayLack = true
			lacking++
			if !m.at.IsZero() {
				s.count("stale")
			}
		default:
			f.mayLack = f.mayLack || m.failed && !m.knows(c.kid)
			if m.verifies(c.key, c.kid, c.alg) {
				verified++
			} else if s.config.Issuers[c.issuer].Keys == nil { // they are fetched again
				f.doubt = true
				f.mayLack = f.mayLack || m.failed
			}
		}
	}
	f.isWrong(verified+lacking == 0, unpublished)
	f.mustLack = f.mustLack || lacking == 2
	f.open = f.open || verified == 1 || lacking == 1
}

func (s *scenario) judgeProof(c *card, k *visit, f *facts) {
	f.isWrong(c.bound && !s.bindable, "it is bound, and nobody can say to whom")
	f.isWrong(c.bound && !k.dpop, "it is bound, and came as Bearer")
	f.isWrong(!c.bound && k.dpop, "it is not bound, and came with DPoP")
	f.isWrong(!c.bound && s.config.DPoP.Required, "it is not bound")
	if !c.bound || k.wrong != "" {
		return
	}
	f.isWrong(k.proof == nil, "there is no proof")
	if k.proof == nil {
		return
	}
	f.isWrong(k.proof.wrong != "", k.proof.wrong)
	if until, used := s.spent[k.proof.id]; used {
		f.isWrong(!s.doubtful[k.proof.id] && !s.config.Clock().After(until), "its proof was used before")
		f.open = true
	}
}
