package measure_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/measure"
	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/peer"
)

// tiny goes through every measurement once.
func tiny() measure.Settings {
	return measure.Settings{
		Turns: 2, Batch: 100 * time.Microsecond,
		Windows: 2, NearWindows: 1, Window: 5 * time.Millisecond, Connections: 4,
		Served: []string{"ES256"}, Live: []int{10, 20}, Crowds: []int{1, 3},
	}
}

func TestEveryMeasurementRuns(t *testing.T) {
	ctx, s := t.Context(), tiny()
	colds, err := measure.Colds(ctx, s)
	if err != nil {
		t.Fatal(err)
	}
	for _, algorithm := range []string{"RS256", "PS256", "ES256", "EdDSA"} {
		g := measure.Of(colds, algorithm)
		for _, name := range []string{measure.Floor, measure.MethodOnly, measure.Cold, measure.FirstSight, peer.Reference} {
			if r, ok := g.Result(name); !ok || len(r.PerOp) != 2 {
				t.Errorf("cold, %s: %q was not measured in each turn", algorithm, name)
			}
		}
	}
	hits, err := measure.Hits(ctx, s)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{measure.Hit, measure.AnswerHit} {
		if _, ok := measure.Of(hits, "ES256").Result(name); !ok {
			t.Errorf("%q was not measured", name)
		}
	}
	handlers, err := measure.Handlers(ctx, s)
	if err != nil {
		t.Fatal(err)
	}
	if first := handlers[0].Results[0].Name; first != peer.Reference {
		t.Errorf("the floor of the handlers is %q", first)
	}
	loads, err := measure.Loopback(ctx, s)
	if err != nil {
		t.Fatal(err)
	}
	for _, servers := range [][]measure.Load{loads[0].Servers, loads[0].Ordinary} {
		if floor := servers[0]; floor.Name != "no authentication" || floor.Share.Median != 1 {
			t.Errorf("the floor over HTTP is %q, its share %v", floor.Name, floor.Share)
		}
		if _, ok := measure.LoadOf(servers, "Cardea"); !ok {
			t.Error("Cardea was not measured over HTTP")
		}
	}
	growth, err := measure.Growths(ctx, s)
	if err != nil {
		t.Fatal(err)
	}
	if growth.Few != 10 || growth.Many != 20 || growth.Cached.Median <= 0 || growth.Open.Median <= 0 || growth.Beyond.Median <= 0 {
		t.Errorf("growth was not measured: %+v", growth)
	}
	grid, err := measure.Grid(ctx, s)
	if err != nil {
		t.Fatal(err)
	}
	if len(grid) != 2 || len(grid[0].Cells) != 2 || grid[1].Goroutines != 3 || grid[0].Cells[1].Live != 20 {
		t.Errorf("the grid is not 2 by 2: %+v", grid)
	}
	if _, err := measure.Scalings(ctx, s); err != nil {
		t.Error(err)
	}
	if o, err := measure.Overheads(ctx, s); err != nil || len(o) != 3 {
		t.Errorf("overheads of %d frameworks, error %v", len(o), err)
	}
	if m, err := measure.Footprint(ctx, s); err != nil || m.Tokens != 20 {
		t.Errorf("memory of %d tokens, error %v", m.Tokens, err)
	}
}

func TestKeysAndRefusalsAreMeasured(t *testing.T) {
	ctx, s := t.Context(), tiny()
	lookUps, err := measure.LookUps(ctx, s)
	if err != nil {
		t.Fatal(err)
	}
	if len(lookUps) != 4*4-1 { // a jwks.Cache takes no 1000 keys
		t.Errorf("%d look-ups were measured, want 15", len(lookUps))
	}
	refusals, err := measure.RefusalCosts(ctx, s)
	if err != nil {
		t.Fatal(err)
	}
	if peers := refusals[0].Peers; peers[0].Name != "Cardea" || len(peers) != 7 {
		t.Errorf("refusals of %d peers, the first %q; want 7, Cardea first", len(peers), peers[0].Name)
	}
}

func TestTokensTakeTurnsFromBatchToBatch(t *testing.T) {
	seen := measure.Verified([]string{"a", "b"}, 3, 3, 1, 5)
	if seen != "abababababab" {
		t.Errorf("the tokens came as %q", seen)
	}
}

func TestEveryCostIsMeasured(t *testing.T) {
	costs, err := measure.Costs(t.Context(), tiny())
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, c := range costs {
		mayBeZero := strings.HasPrefix(c.What, "time that") // hits wait for no lock
		difference := strings.Contains(c.What, " adds ")    // of two batches that last no longer than the noise here
		if c.Got.Median < 0 && !difference || c.Got.Median == 0 && !mayBeZero || seen[c.What] {
			t.Errorf("%q was not measured, or twice: %+v", c.What, c)
		}
		seen[c.What] = true
	}
	if len(costs) < 55 {
		t.Errorf("%d costs", len(costs))
	}
	crowded, err := measure.Million(t.Context(), tiny(), 500)
	if err != nil || crowded.Tokens != 500 || crowded.PerToken <= 0 || crowded.Ratio.Median <= 0 {
		t.Errorf("%+v (%v)", crowded, err)
	}
}
