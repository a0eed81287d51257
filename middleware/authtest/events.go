package authtest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// The endpoints of an Issuer that sends security events (SSF 1.0). Its stream has the id EventStream.
const (
	EndpointTransmitter  Endpoint = "/.well-known/ssf-configuration"
	EndpointPoll         Endpoint = "/events"        // RFC 8936, for what OfferEvents was given
	EndpointVerification Endpoint = "/events/verify" // offers a verification event
)

// EventStream is the id of the stream of every Issuer.
const EventStream = "authtest-stream"

const (
	sessionRevoked    = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"
	verificationEvent = "https://schemas.openid.net/secevent/ssf/event-type/verification"
	secevent          = "secevent+jwt"
)

// SecurityEvent returns a security event token (RFC 8417) of this issuer. The claims replace and extend the defaults, as those of Token
// do: iss, aud (the last audience given to Config), iat, jti, sub_id (the subject "alice" of this issuer, as iss_sub) and events (CAEP session-revoked, with the
// present time). So SecurityEvent(nil) ends the sessions of the user whom Token(nil) speaks of.
func (i *Issuer) SecurityEvent(c Claims) string {
	i.tb.Helper()
	token, err := i.securityEvent(nil, c)
	if err != nil {
		i.tb.Fatalf("%v", err)
	}
	return token
}

func (i *Issuer) securityEvent(h Header, c Claims) (string, error) {
	now := i.now()
	all := Claims{
		"sub": nil, "exp": nil, "client_id": nil, // which access tokens have
		"sub_id": Claims{"format": "iss_sub", "iss": i.url, "sub": "alice"},
		"events": Claims{sessionRevoked: Claims{"event_timestamp": now.Unix()}},
	}
	maps.Copy(all, c)
	header := Header{"typ": secevent}
	maps.Copy(header, h)
	return i.mint(header, all)
}

// BrokenSecurityEvents are to SecurityEvent what Broken is to Token: no receiver may take any of them. All are for good: a receiver answers
// 400 to every one.
func (i *Issuer) BrokenSecurityEvents() iter.Seq2[string, string] {
	i.tb.Helper()
	return func(yield func(name, token string) bool) {
		for _, row := range brokenEvents {
			token, err := row.make(i)
			if err != nil {
				i.tb.Fatalf("authtest: BrokenSecurityEvents, %s: %v", row.name, err)
				return
			}
			if !yield(row.name, token) {
				return
			}
		}
	}
}

var brokenEvents = []exhibit{
	{"no token at all", text("session-revoked: alice")},
	{"nothing", text("")},
	{"an access token", both(nil, nil)},
	{"no typ", event(Header{"typ": nil}, nil)},
	{"typ JWT", event(Header{"typ": "JWT"}, nil)},
	{"a logout token", event(Header{"typ": "logout+jwt"}, nil)},
	{"alg none", event(Header{"alg": "none"}, nil)},
	{"a key that nobody has", event(Header{"kid": "nobody"}, nil)},
	{"the claims of another event", eventSwapped},
	{"a key of a stranger", eventOfStranger},
	{"no issuer", event(nil, Claims{"iss": nil})},
	{"another issuer", event(nil, Claims{"iss": "https://evil.example.test"})},
	{"no audience", event(nil, Claims{"aud": nil})},
	{"another audience", event(nil, Claims{"aud": "https://other.example.test"})},
	{"no jti", event(nil, Claims{"jti": nil})},
	{"an empty jti", event(nil, Claims{"jti": ""})},
	{"a jti that is a number", event(nil, Claims{"jti": 7})},
	{"no iat", event(nil, Claims{"iat": nil})},
	{"an iat that is text", event(nil, Claims{"iat": "2026-01-01"})},
	{"an expiry", event(nil, Claims{"exp": int64(4102444800)})},
	{"a subject of its own (sub)", event(nil, Claims{"sub": "alice"})},
	{"no events", event(nil, Claims{"events": nil})},
	{"events that are empty", event(nil, Claims{"events": Claims{}})},
	{"events that are a list", event(nil, Claims{"events": []string{sessionRevoked}})},
	{"an event that is no object", event(nil, Claims{"events": Claims{sessionRevoked: true}})},
	{"an event whose type is no URI", event(nil, Claims{"events": Claims{"session-revoked": Claims{}}})},
	{"more events than one type has names", event(nil, Claims{"events": manyEvents()})},
	{"no subject", event(nil, Claims{"sub_id": nil})},
	{"a subject that is text", event(nil, Claims{"sub_id": "alice"})},
	{"a subject without format", event(nil, Claims{"sub_id": Claims{"sub": "alice"}})},
	{"an iss_sub without sub", event(nil, Claims{"sub_id": Claims{"format": "iss_sub", "iss": "https://idp.example.test"}})},
	{"a complex subject without members", event(nil, Claims{"sub_id": Claims{"format": "complex"}})},
	{"aliases in aliases", event(nil, Claims{"sub_id": Claims{
		"format": "aliases", "identifiers": []Claims{{"format": "aliases", "identifiers": []Claims{{"format": "opaque", "id": "a"}}}},
	}})},
}

func event(h Header, c Claims) maker {
	return func(i *Issuer) (string, error) { return i.securityEvent(h, c) }
}

// eventSwapped puts the claims of one token under the signature of another.
func eventSwapped(i *Issuer) (string, error) {
	good, err := i.securityEvent(nil, nil)
	if err != nil {
		return "", err
	}
	other, err := i.securityEvent(nil, Claims{"sub_id": Claims{"format": "iss_sub", "iss": i.url, "sub": "admin"}})
	g, o := strings.Split(good, "."), strings.Split(other, ".")
	return join(g[0], o[1], g[2]), err
}

// eventOfStranger is signed with a key that the issuer never had, under the kid of one that it has.
func eventOfStranger(i *Issuer) (string, error) {
	good, err := i.securityEvent(nil, nil)
	if err != nil {
		return "", err
	}
	key, err := i.keys.signer(defaultAlgorithm)
	if err != nil {
		return "", err
	}
	var stranger signingKey
	if err := stranger.make(key.algorithm); err != nil {
		return "", err
	}
	g := strings.Split(good, ".")
	signature, err := stranger.sign(g[0] + "." + g[1])
	return join(g[0], g[1], encode(signature)), err
}

func manyEvents() Claims {
	many := make(Claims)
	for n := range 20 {
		many[fmt.Sprintf("https://example.test/event/%d", n)] = Claims{}
	}
	return many
}

// PushEvent posts a security event token to a receiver (RFC 8935), with this Authorization field unless it is empty, and returns the status
// of the answer and its err; empty: it has none. It is for receivers on a loopback address, or wherever a test has started one.
func (i *Issuer) PushEvent(receiver, authorization, token string) (status int, code string) {
	i.tb.Helper()
	request, err := http.NewRequest(http.MethodPost, receiver, strings.NewReader(token))
	if err != nil {
		i.tb.Fatalf("authtest: PushEvent: %v", err)
		return 0, ""
	}
	request.Header.Set("Content-Type", "application/"+secevent)
	request.Header.Set("Accept", "application/json")
	if authorization != "" {
		request.Header.Set("Authorization", authorization)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		i.tb.Fatalf("authtest: PushEvent: %v", err)
		return 0, ""
	}
	defer response.Body.Close() //nolint:errcheck // it was read
	var problem struct {
		Err string `json:"err"`
	}
	_ = json.NewDecoder(io.LimitReader(response.Body, maxForm)).Decode(&problem) // most answers have no body
	return response.StatusCode, problem.Err
}

// offered are the security event tokens that a receiver can poll.
type offered struct {
	mu      sync.Mutex
	waiting map[string]string // by jti
	order   []string
	changed chan struct{} // closed when something is offered; nil: nobody waits
	acked   []string
	refused map[string]string
}

// OfferEvents lets whoever polls EndpointPoll have security event tokens, which are offered again until they are acknowledged or refused.
func (i *Issuer) OfferEvents(tokens ...string) {
	o := &i.offered
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.waiting == nil {
		o.waiting, o.refused = make(map[string]string), make(map[string]string)
	}
	for _, token := range tokens {
		id := jtiOf(token)
		if id == "" {
			id = fmt.Sprintf("authtest-%d", len(o.order))
		}
		o.waiting[id] = token
		o.order = append(o.order, id)
	}
	if o.changed != nil {
		close(o.changed)
		o.changed = nil
	}
}

func jtiOf(token string) string {
	segments := strings.Split(token, ".")
	if len(segments) != 3 {
		return ""
	}
	payload, err := base64.RawURLEncoding.DecodeString(segments[1])
	var claims struct {
		ID string `json:"jti"`
	}
	if err != nil || json.Unmarshal(payload, &claims) != nil {
		return ""
	}
	return claims.ID
}

// PolledEvents returns the ids of the tokens that were acknowledged, in that order, and the err of those that were refused, by id. An id is the
// token's jti, or one of our own if it has none.
func (i *Issuer) PolledEvents() (acknowledged []string, refused map[string]string) {
	o := &i.offered
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.acked), maps.Clone(o.refused)
}

// servePoll answers RFC 8936 section 2.4. It lets a poll wait for ten seconds at most.
func (i *Issuer) servePoll(w http.ResponseWriter, r *http.Request) {
	request := struct {
		Max     *int     `json:"maxEvents"`
		AtOnce  bool     `json:"returnImmediately"`
		Ack     []string `json:"ack"`
		SetErrs map[string]struct {
			Err string `json:"err"`
		} `json:"setErrs"`
	}{}
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		writeError(w, http.StatusBadRequest, "invalid_request", "the poll cannot be read")
		return
	}
	o := &i.offered
	o.mu.Lock()
	for _, id := range request.Ack {
		if _, there := o.waiting[id]; there {
			o.acked = append(o.acked, id)
			delete(o.waiting, id)
		}
	}
	for id, problem := range request.SetErrs {
		if _, there := o.waiting[id]; there {
			o.refused[id] = problem.Err
			delete(o.waiting, id)
		}
	}
	o.mu.Unlock()
	most := 100
	if request.Max != nil {
		most = *request.Max
	}
	late := time.After(10 * time.Second)
	for {
		sets, more, changed := o.take(most)
		if len(sets) > 0 || request.AtOnce || most == 0 {
			writeJSON(w, http.StatusOK, map[string]any{"sets": sets, "moreAvailable": more})
			return
		}
		select {
		case <-changed:
		case <-late:
			request.AtOnce = true
		case <-r.Context().Done():
			panic(http.ErrAbortHandler) // nobody is left to answer
		}
	}
}

// take returns what is offered, and a channel that is closed when there is more.
func (o *offered) take(most int) (sets map[string]string, more bool, changed chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	sets = make(map[string]string)
	for _, id := range o.order {
		token, there := o.waiting[id]
		switch {
		case !there:
		case len(sets) == most:
			more = true
		default:
			sets[id] = token
		}
	}
	if o.changed == nil {
		o.changed = make(chan struct{})
	}
	return sets, more, o.changed
}

func (i *Issuer) serveTransmitter(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{
		"spec_version":               "1_0",
		"issuer":                     i.url,
		"jwks_uri":                   i.url + string(EndpointJWKS),
		"delivery_methods_supported": []string{"urn:ietf:rfc:8935", "urn:ietf:rfc:8936"},
		"verification_endpoint":      i.url + string(EndpointVerification),
	})
}

// serveVerification offers the event that was asked for (SSF 1.0 section 8.1.4.2).
func (i *Issuer) serveVerification(w http.ResponseWriter, r *http.Request) {
	var request struct {
		Stream string `json:"stream_id"`
		State  string `json:"state"`
	}
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil || request.Stream != EventStream {
		writeError(w, http.StatusNotFound, "not_found", "there is no such stream")
		return
	}
	token, err := i.securityEvent(nil, Claims{
		"sub_id": Claims{"format": "opaque", "id": EventStream},
		"events": Claims{verificationEvent: Claims{"state": request.State}},
	})
	if err != nil {
		http.Error(w, "authtest: "+err.Error(), http.StatusInternalServerError)
		return
	}
	i.OfferEvents(token)
	w.WriteHeader(http.StatusNoContent)
}
