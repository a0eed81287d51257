package measure

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/cardea-auth/cardea/adapters/redisstore"
	"github.com/cardea-auth/cardea/middleware/revocation"
)

func init() { logging.Disable() }

// redisServer is a Redis of our own, as the package redisstore asks for one.
type redisServer struct {
	address, dir string
	cmd          *exec.Cmd
	client       *redis.Client
	store        *redisstore.Store
}

// NewRedis starts a Redis. The error wraps exec.ErrNotFound where there is none.
func NewRedis(ctx context.Context) (_ Server, err error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "cardea-scale-")
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(address)
	s := &redisServer{address: address, dir: dir, cmd: exec.CommandContext(ctx, path, "--port", port, "--bind", "127.0.0.1", "--dir", dir, "--save", "",
		"--appendonly", "yes", "--maxmemory-policy", "noeviction", "--auto-aof-rewrite-percentage", "0")}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	s.client = redisClient(address, many)
	for range 1000 { // of fifty milliseconds
		if err = s.client.Ping(ctx).Err(); err == nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if err == nil {
		s.store, err = redisstore.New(redisstore.Config{Client: s.client})
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func redisClient(address string, connections int) *redis.Client {
	return redis.NewClient(&redis.Options{
		Addr: address, ContextTimeoutEnabled: true, PoolSize: connections, ReadTimeout: time.Minute,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
}

func (s *redisServer) Close() error {
	_ = s.client.Close()
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	return os.RemoveAll(s.dir)
}

func (s *redisServer) Store() revocation.Store { return s.store }

func (s *redisServer) Another() (revocation.Store, func(), error) {
	client := redisClient(s.address, 2048)
	store, err := redisstore.New(redisstore.Config{Client: client})
	return store, func() { _ = client.Close() }, err
}

func (s *redisServer) Where() (engine, where string) {
	return redisName, s.address
}

func (s *redisServer) Clear(ctx context.Context) error { return s.client.FlushAll(ctx).Err() }

// Fill puts records into the log as the Store does, many in one round trip: it lets the Store put one there, and puts the others beside it.
func (s *redisServer) Fill(ctx context.Context, records [][]byte, until time.Time) error {
	if err := s.store.Append(ctx, records[0], until); err != nil {
		return err
	}
	streams, err := s.client.Keys(ctx, "{cardea:log}:[0-9]*").Result()
	if err != nil || len(streams) != 1 {
		return fmt.Errorf("%d streams instead of one: %w", len(streams), err)
	}
	entry, err := s.client.XRangeN(ctx, streams[0], "-", "+", 1).Result()
	if err != nil || len(entry) != 1 || len(entry[0].Values) != 1 {
		return fmt.Errorf("an entry of another form: %v: %w", entry, err)
	}
	const batch = 1000
	for rest := records[1:]; len(rest) > 0; rest = rest[min(batch, len(rest)):] {
		pipe := s.client.Pipeline()
		for _, r := range rest[:min(batch, len(rest))] {
			for field := range entry[0].Values {
				pipe.XAdd(ctx, &redis.XAddArgs{Stream: streams[0], Values: []any{field, r}})
			}
		}
		if _, err := pipe.Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Usage asks the server what it has done so far. A look is told by the one GETRANGE that it makes.
func (s *redisServer) Usage(ctx context.Context) (u Usage, err error) {
	info, err := s.client.InfoMap(ctx, "all").Result()
	if err != nil {
		return u, err
	}
	number := func(section, name string) float64 {
		n, _ := strconv.ParseFloat(info[section][name], 64)
		return n
	}
	u.Version = "Redis " + info["Server"]["redis_version"]
	u.CPU = number("CPU", "used_cpu_user") + number("CPU", "used_cpu_sys")
	u.In, u.Out = number("Stats", "total_net_input_bytes"), number("Stats", "total_net_output_bytes")
	u.Commands = number("Stats", "total_commands_processed")
	u.Clients = number("Clients", "connected_clients")
	u.Disk = number("Persistence", "aof_current_size")
	if calls, ok := strings.CutPrefix(info["Commandstats"]["cmdstat_getrange"], "calls="); ok {
		calls, _, _ = strings.Cut(calls, ",")
		u.Looks, _ = strconv.ParseFloat(calls, 64)
	}
	streams, err := s.client.Keys(ctx, "{cardea:log}:[0-9]*").Result()
	for _, key := range streams { // what the process takes as a whole changes with the buffers of connections
		u.Memory += float64(s.client.MemoryUsage(ctx, key, 0).Val())
	}
	return u, err
}
