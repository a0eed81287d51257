//go:build unix

package replicas

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9/logging"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/revocation"
)

const (
	settingStore    = "REPLICA_STORE"
	settingIssuer   = "REPLICA_ISSUER"
	settingPatience = "REPLICA_PATIENCE" // of proofs, with a Redis
	settingWithin   = "REPLICA_WITHIN"   // how old what is known of revocations may be; without it two seconds
	settingPause    = "REPLICA_PAUSE"    // between two rounds of judging; without it there is none

	audience = "https://api.example.com"
	within   = 2 * time.Second
)

// A replica is this program again.
func TestMain(m *testing.M) {
	logging.Disable() // of go-redis
	if os.Getenv(settingStore) == "" {
		flag.Parse()
		_ = flag.Set("test.parallel", "8") // they wait more than they work
		os.Exit(m.Run())
	}
	if err := serve(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// replica is a process that does what each line of its standard input says, and writes lines about what came of it:
//
//	judge TOKEN                  from now on, with REPLICA_PAUSE in between, until it is refused. A line each time that the answer changes:
//	                             "judged NUMBER STATUS LET-IN CHANGED", the times at which it was last let in, and at which the answer was
//	                             another one
//	judge-on TOKEN               the same, beyond that, and a thousand times a second at most
//	watch TOKEN                  "told NUMBER STATUS TIME" once the list says that it was revoked
//	revoke ID                    "revoked ID OUTCOME RETURNED": shared, unshared, or failed
//	spend ID TIMES TOKEN PROOF   all at once: "spent ID ACCEPTED REFUSED UNJUDGED"
//	status                       "status AGE PENDING READY"
type replica struct {
	issuer string
	pause  time.Duration
	list   *revocation.List
	auth   *middleware.Validator
	guard  *middleware.Guard

	mu      sync.Mutex
	judged  []*token
	watched int
}

func serve(ctx context.Context) error {
	patience, _ := time.ParseDuration(os.Getenv(settingPatience))
	pause, _ := time.ParseDuration(os.Getenv(settingPause))
	limit := within
	if text := os.Getenv(settingWithin); text != "" {
		limit, _ = time.ParseDuration(text)
	}
	shared, err := open(ctx, os.Getenv(settingStore), patience)
	if err != nil {
		return err
	}
	list, err := listOn(shared)
	if err != nil {
		return err
	}
	auth, err := middleware.New(middleware.Config{
		Issuers:           []middleware.Issuer{{URL: os.Getenv(settingIssuer)}},
		Audiences:         []string{audience},
		PublicURL:         audience,
		DPoP:              middleware.DPoP{Replays: shared},
		Revocations:       []middleware.Revocations{list},
		RevocationsWithin: limit,
		TokenCache:        middleware.TokenCache{Entries: 1 << 16},
		Logger:            slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	if err := auth.Warm(ctx); err != nil {
		return err
	}
	r := &replica{issuer: os.Getenv(settingIssuer), pause: pause, list: list, auth: auth, guard: auth.Require()}
	fmt.Println("ready")
	go r.judge()
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		r.do(strings.Fields(lines.Text()))
	}
	return lines.Err() // nobody asks any more
}

func (r *replica) do(words []string) {
	switch words[0] {
	case "judge", "judge-on":
		r.mu.Lock()
		defer r.mu.Unlock()
		r.judged = append(r.judged, &token{request: requestWith("Bearer "+words[1], ""), on: words[0] == "judge-on"})
	case "watch":
		r.watch(requestWith("Bearer "+words[1], ""))
	case "revoke":
		go r.revoke(words[1])
	case "spend":
		times, _ := strconv.Atoi(words[2])
		go r.spend(words[1], times, requestWith("DPoP "+words[3], words[4]))
	case "status":
		status := r.list.Status()
		fmt.Println("status", time.Since(r.auth.Health()[0].RevocationsAsOf).Nanoseconds(), status.Pending, r.auth.Health()[0].Ready)
	}
}

func requestWith(authorization, proof string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", authorization)
	if proof != "" {
		r.Header.Set("DPoP", proof)
	}
	return r
}

// statusOf is the status of the answer.
func statusOf(err error) int {
	if refusal := new(middleware.Error); errors.As(err, &refusal) {
		return refusal.Status()
	}
	return http.StatusOK
}

func (r *replica) judge() {
	for {
		r.mu.Lock()
		now := r.judged
		r.mu.Unlock()
		for i, t := range now {
			if t.status == http.StatusUnauthorized && !t.on {
				continue // for good
			}
			if line := t.judge(r.guard, i); line != "" {
				fmt.Println(line)
			}
		}
		pause := r.pause
		if len(now) == 0 || now[0].on {
			pause = max(pause, time.Millisecond) // others want the processor as well
		}
		time.Sleep(pause)
	}
}

type token struct {
	request *http.Request
	on      bool // it is judged after it was refused, too
	status  int
	letIn   time.Time // last
}

func (t *token) judge(guard *middleware.Guard, i int) (line string) {
	before := time.Now()
	_, err := guard.Check(t.request)
	status := statusOf(err)
	if status == http.StatusOK {
		t.letIn = before
	}
	if status == t.status {
		return ""
	}
	t.status = status
	return fmt.Sprintf("judged %d %d %d %d", i, status, t.letIn.UnixNano(), time.Now().UnixNano())
}

func (r *replica) watch(request *http.Request) {
	i := r.watched
	r.watched++
	ctx, err := r.guard.Check(request)
	if err != nil {
		fmt.Println("told", i, statusOf(err), 0)
		return
	}
	token, _ := middleware.TokenFromContext(ctx)
	r.list.Notify(token.Facts(), func() {
		_, err := r.guard.Check(request)
		fmt.Println("told", i, statusOf(err), time.Now().UnixNano())
	})
}

func (r *replica) revoke(id string) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	outcome := "shared"
	err := r.list.Revoke(ctx, revocation.Entry{Kind: revocation.Token, Issuer: r.issuer, Value: id})
	if errors.Is(err, revocation.ErrNotShared) {
		outcome = "unshared"
	} else if err != nil {
		outcome = "failed"
	}
	fmt.Println("revoked", id, outcome, time.Now().UnixNano())
}

func (r *replica) spend(id string, times int, request *http.Request) {
	var accepted, refused, unjudged atomic.Int64
	var all sync.WaitGroup
	crowd := min(times, 10)
	for range crowd {
		all.Go(func() {
			for range times / crowd {
				_, err := r.guard.Check(request)
				switch statusOf(err) {
				case http.StatusOK:
					accepted.Add(1)
				case http.StatusUnauthorized:
					refused.Add(1)
				default:
					unjudged.Add(1)
				}
			}
		})
	}
	all.Wait()
	fmt.Println("spent", id, accepted.Load(), refused.Load(), unjudged.Load())
}
