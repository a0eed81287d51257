package accesstoken

import (
	"cmp"
	"context"
	"errors"
	"sync"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware/internal/cause"
	"github.com/cardea-auth/cardea/middleware/internal/claims"
	"github.com/cardea-auth/cardea/middleware/internal/compact"
	"github.com/cardea-auth/cardea/middleware/internal/record"
	"github.com/cardea-auth/cardea/middleware/internal/signature"
)

var (
	errEmpty      = errors.New("it is empty")
	errNoIssuer   = cause.Hint("the token names no issuer (iss)", "the server has to write it; for one that cannot, there is Issuer.DangerouslyNoIssuer")
	errNotToken68 = errors.New("the token holds characters outside token68, or something follows it")
)

// The steps of a JWT. Nothing of it is believed before its signature has been verified: alg, kid and typ are compared with the
// configuration, and iss selects an issuer. What is cheap comes first; nothing that others notice, a fetch or a call of the
// application's functions, before the whole token has been decoded.
var (
	selecting = []record.Step{record.Form, record.Header, record.Claims, record.Issuer, record.Type, record.Tenant}
	verifying = []record.Step{record.Algorithm, record.Key, record.Signature}
)

// jwt is a JWT on its way through the steps.
type jwt struct {
	*Judge
	Question
	vetting // what its claims say

	compact   compact.JWS
	header    compact.Header
	known     *signature.Header // header, if it is remembered
	room      *room
	signature []byte

	tenant string      // what fills the issuer's template; empty without one
	keys   []*jwks.Key // that may have signed
	key    *jwks.Key   // that has; nil: none

	reconsidered int // how often other keys were looked for
}

// judgeJWT judges a token of JOSE shape that nothing is known about.
func (j *judgement) judgeJWT(ctx context.Context) (*Verified, Refusal) {
	t := jwt{Judge: j.Judge, Question: j.Question, room: rooms.Get().(*room)}
	defer t.leave()
	refusal := t.run(ctx, selecting, Refusal{})
	if t.issuer != nil {
		j.record.Issuer = t.issuer.URL
	}
	if !refusal.Refused() && t.issuer.Mode == Introspect {
		return j.introspectAlone(ctx, t.issuer, t.header)
	}
	refusal = t.run(ctx, verifying, refusal)
	j.record.Vouched, j.record.KeyID, j.record.Algorithm = t.key != nil, t.header.KeyID, t.header.Algorithm
	if t.canVet(refusal) {
		refusal = t.vet(t.Recorder, refusal)
		j.see(t.verified, t.header, refusal)
	}
	if refusal.Refused() {
		return nil, refusal
	}
	proven := t.verified
	proven.setTenant(t.tenant)
	proven.Key = signature.Ref{Key: t.key, Header: t.known}
	switch {
	case t.Recorder.On():
		proven.Key.Header = &signature.Header{Header: t.header}
	case t.known == nil:
		proven.Key.Header, proven.learnt = j.headers.Learn(t.compact.Header, t.header), true
	}
	return proven, Refusal{}
}

// room is for one signature at a time, of an RSA key of 4096 bits and everything shorter: what verifies it would else cost an allocation.
type room [512]byte

var rooms = sync.Pool{New: func() any { return new(room) }}

// leave lets others have the room, in which nothing is left of a token.
func (t *jwt) leave() {
	clear(t.room[:])
	rooms.Put(t.room)
}

// see keeps what was read of a token for the record. The time of one that was refused is judged for the record alone.
func (j *judgement) see(v *Verified, header compact.Header, refusal Refusal) {
	if !j.Recorder.On() {
		return
	}
	v.Key.Header = &signature.Header{Header: header}
	j.record.Seen = v
	if !refusal.Refused() || v.Facts.Expiry.IsZero() {
		return
	}
	if late := v.CheckTime(j.Now); late.Refused() {
		j.Recorder.Fail(record.Time, late.Err)
	} else {
		j.Recorder.Pass(record.Time)
	}
}

// introspectAlone leaves a JWT to its server, which also vouches for its typ: it is part of what the server was shown.
func (j *judgement) introspectAlone(ctx context.Context, issuer *Issuer, header compact.Header) (*Verified, Refusal) {
	j.record.Opaque = true
	j.Token.form = joseForm
	if header.Type == accessTyp {
		j.Token.form = accessForm
	}
	return j.introspected(ctx, issuer, nil)
}

// canVet reports whether the claims can be vetted: those of a refused token for the record alone.
func (t *jwt) canVet(first Refusal) bool {
	return !first.Refused() || t.Recorder.On() && t.issuer != nil
}

// run runs steps. It stops at the first refusal; recorded, it goes on with those that can still be judged, and the first refusal is the
// answer.
func (t *jwt) run(ctx context.Context, row []record.Step, first Refusal) Refusal {
	for _, step := range row {
		if first.Refused() && !(t.Recorder.On() && t.canJudge(step)) {
			continue
		}
		refusal := t.judgeStep(ctx, step)
		if !refusal.Refused() {
			t.Recorder.Pass(step)
			continue
		}
		t.Recorder.Fail(step, refusal.Err)
		if !first.Refused() {
			first = refusal
		}
	}
	return first
}

// canJudge reports whether a step can still be judged after another has failed. Nobody is asked then: no source of keys, and no function
// of the application.
func (t *jwt) canJudge(step record.Step) bool {
	switch step {
	case record.Header:
		return t.compact.Header != ""
	case record.Claims:
		return t.compact.Payload != ""
	case record.Issuer:
		return t.reading.Text != ""
	case record.Type, record.Algorithm:
		return t.issuer != nil && t.header.Algorithm != ""
	default:
		return false
	}
}

func (t *jwt) judgeStep(ctx context.Context, step record.Step) Refusal {
	switch step {
	case record.Form:
		return t.split()
	case record.Header:
		return t.readHeader()
	case record.Claims:
		return t.readClaims()
	case record.Issuer:
		return t.selectIssuer()
	case record.Type:
		return t.issuer.checkType(t.header.Type, &t.reading)
	case record.Tenant:
		return t.checkTenant(ctx)
	case record.Algorithm:
		return t.checkAlgorithm()
	case record.Key:
		return t.findKeys(ctx)
	default: // record.Signature
		return t.verify(ctx)
	}
}

func (t *jwt) split() (refusal Refusal) {
	var err error
	t.compact, err = compact.Split(t.Token.raw)
	if errors.Is(err, compact.ErrSegments) {
		err = cause.Segments(err, t.Token.raw)
	}
	if err != nil {
		return t.unreadable(err)
	}
	return Refusal{}
}

func (t *jwt) readHeader() Refusal {
	var err error
	if t.header, t.known, err = t.headers.Parse(t.compact.Header); err != nil {
		return t.unreadable(err)
	}
	t.typ = t.header.Type
	return Refusal{}
}

func (t *jwt) readClaims() Refusal {
	text, err := compact.Text(t.compact.Payload)
	if err != nil {
		return t.unreadable(err)
	}
	if t.signature, err = t.compact.SignatureIn(t.room[:]); err != nil {
		return t.unreadable(err)
	}
	err = t.reading.Read(text, t.names)
	if err == nil {
		err = t.reading.CheckNames(claims.TokenClaims) // those that are mapped are not known before the issuer is
	}
	if err != nil {
		t.reading = claims.Reading{}
		return t.unreadable(err)
	}
	return Refusal{}
}

// unreadable translates what the parsers say. Characters that no token may have are looked for here, where something is wrong
// already: segments that could be decoded have none.
func (t *jwt) unreadable(err error) Refusal {
	if refusal := checkCharacters(t.Token.raw); refusal.Refused() {
		return refusal
	}
	switch {
	case errors.Is(err, compact.ErrEncrypted):
		return refuse(Encrypted, cause.Encrypted(err))
	case errors.Is(err, compact.ErrAlphabet):
		return refuse(Malformed, cause.Alphabet(err, t.Token.raw))
	case errors.Is(err, compact.ErrExtension), errors.Is(err, compact.ErrKeyID):
		return refuse(BadHeader, err)
	case errors.Is(err, compact.ErrAlgorithm):
		return refuse(BadAlgorithm, err)
	case errors.Is(err, compact.ErrType):
		return refuse(WrongType, err)
	default:
		return refuse(Malformed, err)
	}
}

// checkCharacters is the syntax of a token, wherever it came from: token68 (RFC 9110 section 11.2), so that no comma, quote,
// space or line break reaches any decoder.
func checkCharacters(token string) Refusal {
	if !compact.IsToken68(token) {
		return refuse(Characters, cause.Characters(errNotToken68, token))
	}
	return Refusal{}
}

// selectIssuer finds the issuer by the unverified iss and, for one with tenants, binds tid to it: the tenant
// in iss and the tid claim must be the same text.
func (t *jwt) selectIssuer() Refusal {
	iss, err := t.reading.String(claims.Issuer)
	if err != nil {
		return malformedClaim("iss", err)
	}
	switch absent := t.reading.At(claims.Issuer).Kind() == 0; {
	case absent && t.withoutIss != nil:
		t.issuer, t.iss = t.withoutIss, t.withoutIss.URL
		return t.checkNames()
	case absent:
		return refuse(MissingClaim, errNoIssuer)
	case iss == "":
		return malformedClaim("iss", errEmpty)
	}
	issuer, tenant := t.named(iss)
	if issuer == nil {
		return refuse(UnknownIssuer, cause.Issuer(iss, t.configured))
	}
	if claim := t.reading.At(claims.Tenant); tenant != "" && !issuer.namesTenant(claim, tenant) {
		tid, _ := claim.Text()
		return refuse(WrongTenant, cause.Tenant(tenant, tid))
	}
	t.issuer, t.iss, t.tenant = issuer, iss, tenant
	return t.checkNames()
}

// checkNames comes as soon as it is known which claims are read.
func (t *jwt) checkNames() Refusal {
	if err := t.issuer.checkNames(&t.reading, claims.TokenClaims); err != nil {
		return refuse(Malformed, err)
	}
	return Refusal{}
}

func (t *jwt) checkTenant(ctx context.Context) Refusal {
	if t.tenant != "" && !t.issuer.AllowTenant(ctx, t.tenant) {
		return refuse(WrongTenant, cause.Tenant(t.tenant, t.tenant))
	}
	return Refusal{}
}

func (t *jwt) checkAlgorithm() Refusal {
	if !t.issuer.Algorithms[t.header.Algorithm] {
		return refuse(BadAlgorithm, cause.Algorithm(t.header.Algorithm, t.issuer.Algorithms))
	}
	return Refusal{}
}

// findKeys asks the key source. Not finding a key refuses the token; not being able to tell does not.
func (t *jwt) findKeys(ctx context.Context) Refusal {
	for {
		keys, outcome, err := t.issuer.source.FindHeld(ctx, t.Recorder.On(), t.iss, t.header, t.mayServe)
		t.keys = keys
		if outcome != signature.Unknown {
			return keyRefusal(outcome, err)
		}
		if others, refusal := t.reconsider(ctx); !others {
			return cmp.Or(refusal, refuse(UnknownKey, err))
		}
	}
}

func (t *jwt) mayServe(key *jwks.Key) bool {
	return key.Issuer() == "" || t.issuer.mayServe(key, t.iss, t.tenant, t.reading.At(claims.Tenant))
}

func (t *jwt) verify(ctx context.Context) Refusal {
	for {
		key, err := t.issuer.source.Verify(t.keys, t.header, t.compact.SigningInput, t.signature, t.mayServe)
		switch {
		case err == nil:
			t.key = key
			t.Recorder.Vouch()
			return Refusal{}
		case err == signature.ErrTooManyKeys:
			return refuse(TooManyKeys, err)
		}
		if others, refusal := t.reconsider(ctx); !others {
			return cmp.Or(refusal, refuse(BadSignature, err))
		}
		if refusal := t.findKeys(ctx); refusal.Refused() {
			return refusal
		}
	}
}
