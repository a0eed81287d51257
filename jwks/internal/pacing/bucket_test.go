package pacing_test

import (
	"testing"
	"time"

	"github.com/cardea-auth/cardea/jwks/internal/pacing"
)

func TestHowManyFetchesTokensCanCause(t *testing.T) {
	t.Parallel()
	b := pacing.NewBucket(3, 30*time.Second)
	for _, row := range []struct {
		after time.Duration
		want  int // that can be taken then
	}{
		{0, 3},
		{30*time.Second - 1, 0},
		{30 * time.Second, 1},
		{59 * time.Second, 0},
		{60 * time.Second, 1}, // what had grown before the last one was taken counts
		{2 * time.Minute, 2},
		{time.Hour, 3}, // no more can be saved up
		{time.Hour + 29*time.Second, 0},
		{time.Hour + 30*time.Second, 1},
		{1000 * time.Hour, 3},
	} {
		taken := 0
		for b.Take(start.Add(row.after)) {
			taken++
		}
		if taken != row.want {
			t.Errorf("after %v: %d, want %d", row.after, taken, row.want)
		}
	}
}

// While the bucket is full nothing grows that could be saved beyond it.
func TestAFullBucketSavesNoTime(t *testing.T) {
	t.Parallel()
	b := pacing.NewBucket(1, 30*time.Second)
	if !b.Take(start.Add(time.Hour)) || b.Take(start.Add(time.Hour+30*time.Second-1)) || !b.Take(start.Add(time.Hour+30*time.Second)) {
		t.Error("the next fetch grows from when the first one was taken")
	}
}
