package measure

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cardea-auth/cardea/adapters/pgstore"
	"github.com/cardea-auth/cardea/adapters/redisstore"
	"github.com/cardea-auth/cardea/middleware/revocation"
)

// Server is an engine of our own that a Store is on.
type Server interface {
	Store() revocation.Store
	Another() (_ revocation.Store, leave func(), _ error) // with connections of its own
	Where() (engine, where string)                        // for other processes
	Clear(ctx context.Context) error
	Fill(ctx context.Context, records [][]byte, until time.Time) error
	Usage(ctx context.Context) (Usage, error)
	Close() error
}

// Usage is what an engine has done since it started. What it does not tell is zero.
type Usage struct {
	Version                  string
	CPU                      float64 // seconds
	Looks, Commands, In, Out float64
	Memory, Disk, WAL        float64 // bytes now
	Clients                  float64 // now
}

func (u Usage) since(before Usage) Usage {
	u.CPU -= before.CPU
	u.Looks -= before.Looks
	u.Commands -= before.Commands
	u.In -= before.In
	u.Out -= before.Out
	u.Memory -= before.Memory
	u.Disk -= before.Disk
	u.WAL -= before.WAL
	return u
}

const redisName, postgresName = "redis", "postgres"

// storeAt is the Store of another process.
func storeAt(ctx context.Context, t task) (revocation.Store, error) {
	switch t.Engine {
	case redisName:
		return redisstore.New(redisstore.Config{Client: redisClient(t.Where, many)})
	case postgresName:
		pool, err := pgxpool.New(ctx, t.Where)
		if err != nil {
			return nil, err
		}
		return pgstore.New(pool, pgstore.Config{TrimEvery: -1})
	default:
		return nil, fmt.Errorf("there is no such engine: %q", t.Engine)
	}
}
