package measure

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
	"slices"
	"time"

	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/loopback"
	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/pairing"
	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/peer"
)

// Load is what one server bore.
type Load struct {
	Name     string
	Rate     pairing.Quartiles // requests per second
	Share    pairing.Quartiles // of the rate of the server without authentication in the same turn
	P50, P99 pairing.Quartiles // milliseconds
	P99Ratio pairing.Quartiles // to that of the server without authentication in the same turn
	CPURatio pairing.Quartiles // CPU time of a request, client included, to one of the server without authentication in the same turn; NaN where it is not known
}

// Loads are the servers under one algorithm, the one without authentication first.
type Loads struct {
	Algorithm string
	Servers   []Load
	Ordinary  []Load // asked by net/http's own client; those only that are near the one without authentication
}

// LoadOf finds a server by its name.
func LoadOf(servers []Load, name string) (Load, bool) {
	for _, load := range servers {
		if load.Name == name {
			return load, true
		}
	}
	return Load{}, false
}

// Loopback asks each server over keep-alive connections, each with a token of its own, the servers taking turns. Client
// and servers share the machine.
func Loopback(ctx context.Context, s Settings) ([]Loads, error) {
	var all []Loads
	for _, algorithm := range s.Served {
		loads, err := loopbackOf(ctx, s, algorithm)
		if err != nil {
			return nil, err
		}
		all = append(all, loads)
	}
	return all, nil
}

func loopbackOf(ctx context.Context, s Settings, algorithm string) (Loads, error) {
	p, err := newPeers(ctx, algorithm)
	if err != nil {
		return Loads{}, err
	}
	defer p.close()
	served, err := p.served()
	if err != nil {
		return Loads{}, err
	}
	var tokens []string
	for serial := range s.Connections {
		tokens = append(tokens, p.issuer.Token(serial))
	}
	var fields, near, ordinary []*field
	for _, one := range served {
		f, err := newField(one, tokens)
		if err != nil {
			return Loads{}, err
		}
		defer f.close()
		fields = append(fields, f)
		if !slices.Contains(nearby, one.Name) {
			continue
		}
		near = append(near, f)
		f, err = newFieldBy(one, func(addr string) (client, error) { return loopback.DialOrdinary(addr, peer.Path, tokens) })
		if err != nil {
			return Loads{}, err
		}
		defer f.close()
		ordinary = append(ordinary, f)
	}
	if err := takeTurns(s.Windows, s.Window, fields); err != nil {
		return Loads{}, err
	}
	// Those that are within a tenth of each other need more turns, and turns that follow each other closely, to be told apart.
	for _, group := range [][]*field{near, ordinary} {
		if err := takeTurns(s.NearWindows, s.Window/2, group); err != nil {
			return Loads{}, err
		}
	}
	return Loads{algorithm, loads(fields), loads(ordinary)}, nil
}

// loads sums the fields up. The first is the server without authentication, see served.
func loads(fields []*field) []Load {
	var all []Load
	for _, f := range fields {
		all = append(all, f.load(fields[0]))
	}
	return all
}

// nearby are the servers that cost next to nothing.
var nearby = []string{peer.NoAuthenticationName, peer.ContextOnlyName, peer.Makers()[0].Name}

func takeTurns(turns int, window time.Duration, fields []*field) error {
	runtime.GC()
	for range turns {
		for _, at := range rand.Perm(len(fields)) {
			if err := fields[at].run(window); err != nil {
				return err
			}
		}
	}
	return nil
}

// client keeps the connections to a server busy.
type client interface {
	Run(time.Duration) (loopback.Window, error)
	Close()
}

// field is one server with its connections, and what was measured there, turn by turn.
type field struct {
	name           string
	server         *loopback.Server
	client         client
	rate, p50, p99 []float64
	cpu            []float64 // nanoseconds per request
}

func newField(p *peer.Peer, tokens []string) (*field, error) {
	return newFieldBy(p, func(addr string) (client, error) { return loopback.Dial(addr, peer.Path, tokens) })
}

func newFieldBy(p *peer.Peer, dial func(addr string) (client, error)) (*field, error) {
	server, err := loopback.Serve(p.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, "ok")
	})))
	if err != nil {
		return nil, err
	}
	client, err := dial(server.Addr)
	if err != nil {
		server.Close()
		return nil, fmt.Errorf("%s: %w", p.Name, err)
	}
	return &field{name: p.Name, server: server, client: client}, nil
}

func (f *field) close() {
	f.client.Close()
	f.server.Close()
}

func (f *field) run(d time.Duration) error {
	before, unknown := pairing.CPUClock()
	w, err := f.client.Run(d)
	if err != nil {
		return fmt.Errorf("%s: %w", f.name, err)
	}
	if after, err := pairing.CPUClock(); err == nil && unknown == nil {
		f.cpu = append(f.cpu, float64(after.Sub(before))/float64(len(w.Took)))
	}
	slices.Sort(w.Took)
	f.rate = append(f.rate, w.Rate)
	f.p50 = append(f.p50, milliseconds(w.Took[len(w.Took)/2]))
	f.p99 = append(f.p99, milliseconds(w.Took[len(w.Took)*99/100]))
	return nil
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func (f *field) load(floor *field) Load {
	return Load{
		Name:     f.name,
		Rate:     pairing.QuartilesOf(f.rate),
		Share:    pairing.QuartilesOf(pairing.Ratios(f.rate, floor.rate)),
		P50:      pairing.QuartilesOf(f.p50),
		P99:      pairing.QuartilesOf(f.p99),
		P99Ratio: pairing.QuartilesOf(pairing.Ratios(f.p99, floor.p99)),
		CPURatio: pairing.QuartilesOf(pairing.Ratios(f.cpu, floor.cpu)),
	}
}
