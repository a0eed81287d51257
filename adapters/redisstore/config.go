package redisstore

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Config describes a Store. Client is required.
type Config struct {
	_ [0]func() // keyed literals only

	// Client reaches the servers: a *redis.Client, of redis.NewClient or redis.NewFailoverClient (Sentinel), or a *redis.ClusterClient. Its
	// addresses, TLS and passwords are the caller's, and so is Close. Its options must have ContextTimeoutEnabled. Whoever follows holds one
	// of its connections. Where the service sends no notices of maintenance, a MaintNotificationsConfig of ModeDisabled spares each connection a
	// question, and go-redis 9.22 a data race of its own when connections begin at the same time.
	Client redis.UniversalClient

	// Prefix begins every key: at most 64 visible ASCII characters without braces. Zero: "cardea". Deployments that share a server and are to know
	// nothing of each other have different ones.
	Prefix string

	// Replicas is how many replicas must have a revocation or a proof before it counts. Zero: all that are connected, and one at least if the
	// primary has ever shown one to this process under its replication id. So a primary that is cut off from its replicas acknowledges nothing,
	// and one that was promoted and has none yet acknowledges alone. With two replicas or more, half of them, rounded up, makes sure of it on
	// both sides of a partition, and keeps the loss of one replica from being an outage.
	Replicas int

	// Timeout ends Add, which a request waits for. Zero: 250 ms.
	Timeout time.Duration

	// CacheTimeout ends Get and Set. Zero: 50 ms.
	CacheTimeout time.Duration

	// Fsync makes Append wait until the entry is on the disk of the primary and of the replicas, too (WAITAOF). Redis 7.2 or Valkey.
	Fsync bool

	// DangerouslyVolatile takes servers that may forget: without append-only files, or with a maxmemory-policy that evicts. A restart or a full
	// memory then lets a proof pass again, and makes an instance that starts know less than the others until those have appended anew
	// what they hold. It is for managed services that offer nothing else.
	DangerouslyVolatile bool

	// Logger gets a line, at most one a minute, while proofs or answers cannot be stored, or what has ended cannot be cut off the log. Nil:
	// slog.Default(), asked for at each line.
	Logger *slog.Logger
}

const (
	defaultPrefix       = "cardea"
	defaultTimeout      = 250 * time.Millisecond
	defaultCacheTimeout = 50 * time.Millisecond
	maxTimeout          = time.Minute
	maxPrefix           = 64
	maxReplicas         = 64
)

// Store keeps revocations (revocation.Store), DPoP proofs (middleware.ReplayStore) and introspection answers (introspection.SharedCache) in
// Redis or Valkey. It is safe for concurrent use, starts nothing and needs no Close.
type Store struct {
	client  *redis.Client        // nil with a cluster
	cluster *redis.ClusterClient // nil without

	prefix                string
	replicas              int
	timeout, cacheTimeout time.Duration
	fsync, volatile       bool
	logger                *slog.Logger

	nodes    sync.Map // address to *node
	unshared unshared
	trimmer  trimmer
	proofs   fault // what keeps proofs from being stored
	answers  fault
}

// New makes a Store. It does no I/O; Check does. The error joins every mistake in cfg.
func New(cfg Config) (*Store, error) {
	s := &Store{
		prefix: cfg.Prefix, replicas: cfg.Replicas, timeout: cfg.Timeout, cacheTimeout: cfg.CacheTimeout,
		fsync: cfg.Fsync, volatile: cfg.DangerouslyVolatile, logger: cfg.Logger,
	}
	if s.prefix == "" {
		s.prefix = defaultPrefix
	}
	if s.timeout == 0 {
		s.timeout = defaultTimeout
	}
	if s.cacheTimeout == 0 {
		s.cacheTimeout = defaultCacheTimeout
	}
	if err := errors.Join(s.use(cfg.Client), cfg.mistakes()); err != nil {
		return nil, err
	}
	return s, nil
}

func (cfg *Config) mistakes() error {
	var mistakes []error
	if !isPrefix(cfg.Prefix) {
		mistakes = append(mistakes, fmt.Errorf("redisstore: Prefix is %.80q: it has at most %d visible ASCII characters, and no braces", cfg.Prefix, maxPrefix))
	}
	if cfg.Replicas < 0 || cfg.Replicas > maxReplicas {
		mistakes = append(mistakes, fmt.Errorf(
			"redisstore: Replicas is %d: it must lie between 0, which is all that are connected, and %d", cfg.Replicas, maxReplicas))
	}
	for _, t := range []struct {
		name        string
		value, zero time.Duration
	}{{"Timeout", cfg.Timeout, defaultTimeout}, {"CacheTimeout", cfg.CacheTimeout, defaultCacheTimeout}} {
		if t.value != 0 && (t.value < time.Millisecond || t.value > maxTimeout) {
			mistakes = append(mistakes, fmt.Errorf("redisstore: %s is %v: it must lie between 1ms and %v; zero is %v", t.name, t.value, maxTimeout, t.zero))
		}
	}
	return errors.Join(mistakes...)
}

// use takes the clients whose connections it can hold on to: WAIT must follow on the one that wrote.
func (s *Store) use(client redis.UniversalClient) error {
	var bounded bool
	switch c := client.(type) {
	case *redis.Client:
		if c == nil {
			return errNoClient
		}
		s.client, bounded = c, c.Options().ContextTimeoutEnabled
	case *redis.ClusterClient:
		if c == nil {
			return errNoClient
		}
		s.cluster, bounded = c, c.Options().ContextTimeoutEnabled
	case nil:
		return errNoClient
	default:
		return fmt.Errorf("redisstore: Client is a %T: it must be a *redis.Client, with or without Sentinel, or a *redis.ClusterClient", client)
	}
	if !bounded {
		return errors.New("redisstore: the options of Client have no ContextTimeoutEnabled: set it, or a server that is silent would outlast Timeout")
	}
	return nil
}

var errNoClient = errors.New("redisstore: Client is nil: set it to a *redis.Client or a *redis.ClusterClient")

func isPrefix(text string) bool {
	odd := func(r rune) bool { return r <= ' ' || r > '~' || r == '{' || r == '}' }
	return len(text) <= maxPrefix && strings.IndexFunc(text, odd) < 0
}
