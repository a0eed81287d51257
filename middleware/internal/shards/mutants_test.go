package shards_test

import (
	"testing"

	"github.com/cardea-auth/cardea/middleware/internal/shards"
)

func TestNilCachePeeksAtNothing(t *testing.T) {
	var c *shards.Cache[int]
	if v, ok := c.Peek([32]byte{1}); ok || v != 0 {
		t.Errorf("a nil Cache holds %d", v)
	}
}
