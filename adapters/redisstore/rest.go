package redisstore

import (
	"context"
	"time"
)

const (
	// restPerClient is how long a follower rests for each client of the server after it got something. A follower's two questions take a server
	// less than that, and whoever follows has other connections, too: so all followers together leave it most of its time.
	restPerClient = 100 * time.Microsecond

	// longestRest leaves room for the wait that follows: both together are less than the second within which knowledge is proven.
	longestRest = block / 2
)

// restAfter is how long to rest by how many clients the server has: the more follow it, the more each of them gets at once. What comes after a
// time without anything is not held up, as the rest comes after it.
func restAfter(clients int64) time.Duration {
	return time.Duration(min(max(clients, 0), int64(longestRest/restPerClient))) * restPerClient
}

// pauseFor returns after a while, or with ctx's error.
func pauseFor(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
