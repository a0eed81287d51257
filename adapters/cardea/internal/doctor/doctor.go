// Package doctor finds out what an operator must know about an authorization server before an API that trusts it goes live.
//
// It asks no question of its own where the code that judges tokens asks one: a Validator and an introspection Client do, and every request
// of theirs is watched.
package doctor

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/adapters/cardea/internal/plain"
	"github.com/cardea-auth/cardea/adapters/cardea/internal/unverified"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/issuers"
)

// Options say whom to ask, and how.
type Options struct {
	Issuer  string   // middleware.Issuer.URL
	JWKSURI string   // middleware.Issuer.JWKSURI; zero: found in the metadata
	Plain   []string // middleware.Config.DangerouslyAllowHTTP
	CA      bool     // Transport trusts another CA than the system's, for the Go lines

	IntrospectionURL string // zero: that of the metadata
	ClientID         string // zero: introspection is tried as a stranger only
	ClientSecret     string
	ClientAuth       string // client_secret_basic or client_secret_post; zero: whichever works

	Transport http.RoundTripper // zero: http.DefaultTransport
	Now       func() time.Time  // zero: time.Now
}

// examination is a report in the making.
type examination struct {
	Options
	watch  *watch
	client *http.Client
	report *Report

	served metadata // nil if there is none, or not this issuer's
	chosen string   // the client authentication that worked
	asks   string   // the introspection endpoint
	pinned string   // the algorithm that has to be named
	first  int      // how many exchanges the first fetch of the keys took
}

// Examine asks the issuer everything. When ctx ends it reports what is known by then.
func Examine(ctx context.Context, o Options) *Report {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Transport == nil {
		o.Transport = http.DefaultTransport
	}
	w := &watch{base: o.Transport, now: o.Now}
	e := &examination{
		Options: o,
		watch:   w,
		client:  &http.Client{Transport: w, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		report:  &Report{Version: 1, Issuer: o.Issuer, Findings: []Finding{}, Keys: []Key{}},
	}
	v, err := middleware.New(e.config())
	if err != nil {
		e.refuseConfiguration(err)
		return e.report.finish()
	}
	defer func() { _ = v.Close() }()

	e.findKeys(ctx, v)
	e.findOtherMetadata(ctx)
	e.describeKeys()
	e.introspect(ctx)
	e.findOffers(ctx)
	e.judgeConnections()
	if ctx.Err() != nil {
		e.add(Configuration, Problem, "Allow more time with -timeout.", "not everything was asked: %v", context.Cause(ctx))
	}
	e.namePreset()
	e.report.Go = e.code()
	return e.report.finish()
}

// config is that of an API which trusts this issuer alone.
func (e *examination) config() middleware.Config {
	return middleware.Config{
		Issuers:              []middleware.Issuer{{URL: e.Issuer, JWKSURI: e.JWKSURI}},
		Audiences:            []string{"cardea doctor"}, // no token is judged
		DangerouslyAllowHTTP: e.Plain,
		HTTPClient:           e.client,
		Logger:               slog.New(slog.DiscardHandler),
	}
}

// namePreset points to a ready-made Issuer, which knows more of a provider than its metadata say: where roles are, what marks an ID token.
func (e *examination) namePreset() {
	name := unverified.Preset(e.Issuer)
	for _, preset := range issuers.Presets() {
		if preset.Name == name {
			e.add(Configuration, Note, "Look at issuers."+preset.Func+" before you write an Issuer by hand.", "there is a preset for this issuer: %s (%s)",
				preset.Name, preset.Provider)
		}
	}
}

// refuseConfiguration reports what New says of the flags.
func (e *examination) refuseConfiguration(err error) {
	for line := range strings.Lines(err.Error()) {
		line = plain.Line(line)
		remedy := "Correct -issuer or -jwks-uri."
		if strings.Contains(line, "must begin with https://") {
			remedy = "Use https. Where the network brings an encryption of its own: -dangerously-allow-http HOST:PORT."
		}
		e.add(Configuration, Problem, remedy, "%s", line)
	}
}

// findKeys lets the Validator find the keys, and reports how it went about it.
func (e *examination) findKeys(ctx context.Context, v *middleware.Validator) {
	err := v.Warm(ctx)
	e.first = e.watch.count()
	asked := e.watch.since(0)
	for _, x := range asked {
		e.reportMetadata(x)
	}
	if err != nil && ctx.Err() != nil {
		e.first = 0
		return // which is said at the end
	}
	if err != nil {
		e.first = 0
		topic, text := e.failedTopic(asked), oneLine(err)
		if topic == Metadata && e.served == nil && asked[len(asked)-1].err == nil {
			text = "no metadata of this issuer was found" // what each address gave stands before it
		}
		e.add(topic, Problem, e.remedyFor(err, asked), "%s", text)
		return
	}
	last, held := asked[len(asked)-1], v.Health()[0].Keys
	e.add(Keys, OK, "", "%d of %d keys at %s can be used, fetched in %s", held.Keys, held.Keys+held.Skipped, plain.Line(last.address), duration(last.took))
}
