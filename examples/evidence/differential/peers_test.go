package differential_test

import (
	"errors"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
	josejwt "github.com/go-jose/go-jose/v4/jwt"
	"github.com/golang-jwt/jwt/v5"
	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jws"
	jwxjwt "github.com/lestrrat-go/jwx/v3/jwt"
)

// now is the time of every verdict, and leeway that of all readers.
var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

const leeway = 30 * time.Second

// reading is what a reader makes of a token that it accepts.
type reading struct {
	issuer, subject string
	audience        []string // distinct
	expiry          int64
}

func (r reading) equal(other reading) bool {
	// Seconds as float64 may round the last fraction of a second up.
	difference := r.expiry - other.expiry
	return r.issuer == other.issuer && r.subject == other.subject && slices.Equal(r.audience, other.audience) && -1 <= difference && difference <= 1
}

func distinct(list []string) []string {
	var kept []string
	for _, s := range list {
		if !slices.Contains(kept, s) {
			kept = append(kept, s)
		}
	}
	return kept
}

// peer is a library and the shortest code with which an API would use it: signature, exp, nbf, iss and aud.
type peer struct {
	name string
	read func(token string) (reading, error)
}

var peers = []peer{{"golang-jwt", readGolangJWT}, {"go-jose", readGoJOSE}, {"jwx", readJWX}}

var (
	errNoKey    = errors.New("no key")
	errNoExpiry = errors.New("no exp")
)

// golang-jwt does not know RFC 9864; the method of the older name does the same.
type ed25519Method struct{ jwt.SigningMethodEd25519 }

func (*ed25519Method) Alg() string { return "Ed25519" }

var golangJWT = func() *jwt.Parser {
	jwt.RegisterSigningMethod("Ed25519", func() jwt.SigningMethod { return new(ed25519Method) })
	var methods []string
	for _, k := range keys {
		methods = append(methods, k.alg)
	}
	return jwt.NewParser(
		jwt.WithValidMethods(methods), jwt.WithAudience(audience), jwt.WithExpirationRequired(), jwt.WithLeeway(leeway),
		jwt.WithTimeFunc(func() time.Time { return now }),
	)
}()

func readGolangJWT(token string) (reading, error) {
	claims := jwt.MapClaims{}
	_, err := golangJWT.ParseWithClaims(token, claims, func(t *jwt.Token) (any, error) {
		issuer, err := claims.GetIssuer()
		if err != nil {
			return nil, err
		}
		kid, _ := t.Header["kid"].(string)
		var set jwt.VerificationKeySet
		for _, k := range keysFor(issuer, kid, t.Method.Alg()) {
			set.Keys = append(set.Keys, k.public().(jwt.VerificationKey))
		}
		return set, nil
	})
	if err != nil {
		return reading{}, err
	}
	issuer, err1 := claims.GetIssuer()
	subject, err2 := claims.GetSubject()
	audience, err3 := claims.GetAudience()
	expiry, err4 := claims.GetExpirationTime()
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return reading{}, err
	}
	return reading{issuer, subject, distinct(audience), expiry.Unix()}, nil
}

var joseAlgorithms = func() (list []jose.SignatureAlgorithm) {
	for _, k := range keys {
		list = append(list, jose.SignatureAlgorithm(k.alg))
	}
	return list
}()

func readGoJOSE(token string) (reading, error) {
	parsed, err := josejwt.ParseSigned(token, joseAlgorithms)
	if err != nil {
		return reading{}, err
	}
	var unverified, claims josejwt.Claims
	if err := parsed.UnsafeClaimsWithoutVerification(&unverified); err != nil {
		return reading{}, err
	}
	err = errNoKey
	for _, k := range keysFor(unverified.Issuer, parsed.Headers[0].KeyID, parsed.Headers[0].Algorithm) {
		claims = josejwt.Claims{}
		if err = parsed.Claims(k.public(), &claims); err == nil {
			break
		}
	}
	if err != nil {
		return reading{}, err
	}
	if claims.Expiry == nil {
		return reading{}, errNoExpiry
	}
	if err := claims.ValidateWithLeeway(josejwt.Expected{AnyAudience: josejwt.Audience{audience}, Time: now}, leeway); err != nil {
		return reading{}, err
	}
	return reading{claims.Issuer, claims.Subject, distinct(claims.Audience), claims.Expiry.Time().Unix()}, nil
}

func readJWX(token string) (reading, error) {
	message, err := jws.ParseString(token)
	if err != nil {
		return reading{}, err
	}
	unverified, err := jwxjwt.ParseInsecure([]byte(token))
	if err != nil {
		return reading{}, err
	}
	issuer, _ := unverified.Issuer()
	header := message.Signatures()[0].ProtectedHeaders()
	kid, _ := header.KeyID()
	alg, _ := header.Algorithm()
	err = errNoKey
	for _, k := range keysFor(issuer, kid, alg.String()) {
		if _, err = jws.Verify([]byte(token), jws.WithKey(jwxAlgorithm(k.alg), k.public())); err == nil {
			break
		}
	}
	if err != nil {
		return reading{}, err
	}
	if err := jwxjwt.Validate(unverified, jwxjwt.WithAudience(audience), jwxjwt.WithRequiredClaim(jwxjwt.ExpirationKey), jwxjwt.WithAcceptableSkew(leeway),
		jwxjwt.WithClock(jwxjwt.ClockFunc(func() time.Time { return now }))); err != nil {
		return reading{}, err
	}
	subject, _ := unverified.Subject()
	audience, _ := unverified.Audience()
	expiry, _ := unverified.Expiration()
	return reading{issuer, subject, distinct(audience), expiry.Unix()}, nil
}

func jwxAlgorithm(name string) jwa.SignatureAlgorithm {
	algorithm, ok := jwa.LookupSignatureAlgorithm(name)
	if !ok {
		panic("jwx does not know " + name)
	}
	return algorithm
}
