package model

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestBinsAreStepsOfTheLogarithm(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	times := []float64{0, -1, least, 2 * least, 1, 1e9, math.MaxFloat64, math.Inf(1)}
	for range 100_000 {
		times = append(times, least*math.Exp(random.Float64()*bins*step*1.01))
	}
	for _, at := range times {
		want := math.Log(max(at, least)/least) / step
		if near := math.Round(want); math.Abs(want-near) < 1e-9 && at != least {
			continue // on the edge of two
		}
		if got := bin(at); got != min(int(min(want, bins)), bins-1) {
			t.Fatalf("%v is in bin %d, want %v", at, got, want)
		}
	}
}
