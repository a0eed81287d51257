package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/examples/internal/demo"
	"github.com/cardea-auth/cardea/examples/internal/demotest"
	"github.com/cardea-auth/cardea/middleware/authtest"
)

// The test itself is the program where the environment says so, which saves building another.
func TestMain(m *testing.M) {
	if os.Getenv("QUICKSTART_PROGRAM") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestCurlLinesGetTheStatusTheySay(t *testing.T) {
	var statuses []int
	for _, line := range startBinary(t) {
		if got := line.Do(t); got != line.Status {
			t.Errorf("got status %d from: %s", got, line.Text)
		}
		if got := bash(t, line.Text); got != line.Status {
			t.Errorf("pasted into a shell, got status %d from: %s", got, line.Text)
		}
		statuses = append(statuses, line.Status)
	}
	for _, status := range []int{200, 401, 403} {
		if !slices.Contains(statuses, status) {
			t.Errorf("no line shows status %d: %v", status, statuses)
		}
	}
}

func TestRealProviderProtectsTheSameAPI(t *testing.T) {
	issuer := authtest.NewIssuer(t)
	issuer.Config("https://orders.example.com") // the aud of its tokens
	id, secret := issuer.Client()
	t.Setenv(secretVariable, secret)
	p := provider{
		issuer:           issuer.URL(),
		audience:         "https://orders.example.com",
		introspectionURL: issuer.URL() + string(authtest.EndpointIntrospection),
		clientID:         id,
	}
	for _, line := range demotest.Start(t, program(p)) {
		if line.Status != 0 {
			if got := line.Do(t); got != line.Status {
				t.Errorf("got status %d from: %s", got, line.Text)
			}
			continue
		}
		if line.Token != "$TOKEN" {
			t.Fatalf("a line neither says its status nor asks for a token: %s", line.Text)
		}
		for kind, token := range map[string]string{
			"JWT":          issuer.Token(authtest.Claims{"scope": "orders:read"}),
			"opaque token": issuer.OpaqueToken(authtest.Claims{"scope": "orders:read"}),
		} {
			line.Token = token
			if got := line.Do(t); got != 200 {
				t.Errorf("got status %d with a good %s from: %s", got, kind, line.Text)
			}
		}
	}
}

func TestMistakesOnTheCommandLineAreExplained(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()

	for name, c := range map[string]struct {
		site demo.Site
		p    provider
		want string
	}{
		"a port that is taken":             {demo.Site{Addr: taken.Addr().String()}, provider{}, "-addr: " + taken.Addr().String() + " is taken"},
		"an address that others can reach": {demo.Site{Addr: "0.0.0.0:0"}, provider{}, `"0.0.0.0" is no loopback address`},
		"an address without a host":        {demo.Site{Addr: ":0"}, provider{}, `"" is no loopback address`},
		"an address without a port":        {demo.Site{Addr: "127.0.0.1"}, provider{}, "write it as 127.0.0.1:8080"},
		"an issuer without an audience":    {demo.Site{}, provider{issuer: "https://login.example.com"}, "-issuer needs -audience"},
		"an audience without an issuer":    {demo.Site{}, provider{audience: "https://api.example.com"}, "need -issuer"},
		"a client without an endpoint":     {demo.Site{}, provider{issuer: "https://login.example.com", audience: "a", clientID: "id"}, "need -introspection-url"},
		"an endpoint without a client": {
			demo.Site{},
			provider{issuer: "https://login.example.com", audience: "a", introspectionURL: "https://login.example.com/introspect"},
			"ClientAuth",
		},
		"an issuer without TLS on a network": {demo.Site{}, provider{issuer: "http://login.example.com", audience: "a"}, "https"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			c.site.Out = io.Discard
			err := program(c.p)(ctx, c.site)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got error %v, want one with %q", err, c.want)
			}
		})
	}
}

func program(p provider) func(context.Context, demo.Site) error {
	return func(ctx context.Context, site demo.Site) error { return run(ctx, site, p) }
}

// startBinary builds the program as its users do, starts it, and wants SIGTERM to end it well.
func startBinary(t *testing.T) []demotest.Line {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	var log bytes.Buffer
	command := exec.CommandContext(ctx, binary, "-addr", "127.0.0.1:0")
	command.Env = append(os.Environ(), "QUICKSTART_PROGRAM=yes")
	command.Stderr = &log
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		defer cancel()
		_ = command.Process.Signal(syscall.SIGTERM) // an error means that it has ended already, which Wait tells
		if err := command.Wait(); err != nil {
			t.Errorf("SIGTERM: %v\n%s", err, log.String())
		}
	})
	return demotest.Read(t, output)
}

// bash runs the line as if it had been pasted, and returns the status that curl shows.
func bash(t *testing.T, line string) int {
	t.Helper()
	for _, tool := range []string{"bash", "curl"} {
		if _, err := exec.LookPath(tool); err != nil && os.Getenv("CI") == "true" {
			t.Fatal(err) // CI must not pass without it
		} else if err != nil {
			t.Skipf("left out: the lines in a shell, because there is no %s", tool)
		}
	}
	output, err := exec.CommandContext(t.Context(), "bash", "-c", line).Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		t.Fatalf("%s: %s", line, failed.Stderr)
	}
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(string(output), "\n") {
		t.Errorf("%s: the next output begins on the line of this one: %q", line, output)
	}
	fields := strings.Fields(string(output))
	if len(fields) < 2 {
		t.Fatalf("%s: no status line in %q", line, output)
	}
	status, err := strconv.Atoi(fields[1])
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return status
}
