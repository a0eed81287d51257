package doctor

import (
	"crypto/tls"
	"net/http"
	"net/url"
	"time"

	"github.com/cardea-auth/cardea/adapters/cardea/internal/plain"
)

const (
	leeway    = 30 * time.Second // of middleware.Issuer, if not configured
	firstWait = 2 * time.Second  // how long a request waits for keys that were never loaded
	fetchEnds = 5 * time.Second  // when a fetch in the background is cut
	renewal   = 21 * 24 * time.Hour
)

// judgeConnections looks at the answers themselves: the clock that they show, how they came, and how long it took.
func (e *examination) judgeConnections() {
	hosts := make(map[string]bool)
	for _, x := range e.watch.since(0) {
		if x.status == 0 || hosts[x.host] {
			continue
		}
		hosts[x.host] = true
		e.judgeClock(x)
		e.judgeTLS(x)
	}
	e.judgeLatency()
}

// judgeClock compares the Date of an answer (RFC 9110 section 6.6.1, in whole seconds) with the middle of the exchange.
func (e *examination) judgeClock(x *exchange) {
	date, err := http.ParseTime(x.header.Get("Date"))
	host := plain.Line(x.host)
	if err != nil {
		e.add(Clock, Note, "", "the answers of %s have no Date, so nothing can be said of its clock", host)
		return
	}
	off := date.Add(time.Second / 2).Sub(x.began.Add(x.took / 2)).Truncate(time.Second)
	way := "ahead of"
	if off < 0 {
		way = "behind"
	}
	const remedy = "Synchronise both clocks (NTP)"
	switch {
	case off.Abs() <= 2*time.Second:
		e.add(Clock, OK, "", "the clock of %s agrees with that of this machine", host)
	case off.Abs() <= leeway:
		e.add(Clock, Warning, remedy+".", "the clock of %s is %s %s that of this machine", host, off.Abs(), way)
	default:
		e.add(Clock, Problem, remedy+": fresh tokens are refused as issued in the future, or good ones as expired. Issuer.Leeway allows "+leeway.String()+
			" unless it is set, five minutes at most.", "the clock of %s is %s %s that of this machine", host, off.Abs(), way)
	}
}

// judgeTLS looks at how an answer came.
func (e *examination) judgeTLS(x *exchange) {
	host := plain.Line(x.host)
	if x.tls == nil {
		u := url.URL{Host: x.host}
		if loopback(u.Hostname()) {
			e.add(TLS, Note, "", "%s is this machine and was asked without TLS", host)
			return
		}
		e.add(TLS, Warning, "Whoever is between this host and the API can make any token. Use https, unless the network encrypts by itself.",
			"%s was asked without TLS", host)
		return
	}
	if len(x.tls.PeerCertificates) == 0 {
		return
	}
	leaf := x.tls.PeerCertificates[0]
	left := leaf.NotAfter.Sub(e.Now())
	until := leaf.NotAfter.UTC().Format(time.DateOnly)
	level, remedy := OK, ""
	if left < renewal {
		level, remedy = Warning, "See that the certificate is renewed: afterwards no key can be fetched."
	}
	e.add(TLS, level, remedy, "%s speaks %s, its certificate ends on %s (in %d days)", host, tls.VersionName(x.tls.Version), until, int(left.Hours()/24))
}

// judgeLatency compares the first fetch with the times that requests and fetches are given.
func (e *examination) judgeLatency() {
	var total time.Duration
	for _, x := range e.watch.since(0)[:e.first] {
		total += x.took
	}
	switch {
	case e.first == 0:
	case total > fetchEnds:
		e.add(Latency, Problem, "Fetches in the background are cut at "+fetchEnds.String()+": ask from nearer, mend the server, or save the metadata with -jwks-uri.",
			"metadata and keys together took %s", duration(total))
	case total > firstWait:
		e.add(Latency, Warning, "Call Validator.Warm before the first request: one that comes before the keys waits "+firstWait.String()+" at most, then it is 503.",
			"metadata and keys together took %s", duration(total))
	default:
		e.add(Latency, OK, "", "metadata and keys together took %s", duration(total))
	}
}
