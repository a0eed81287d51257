// Providers starts real authorization servers, and asks each of them the same questions through a server that Cardea guards: tokens
// that are good, and tokens that are not. It prints a row for each, what was wanted and what came, and fails if one is wrong.
//
//	go run ./examples/evidence/providers                  those that take some minutes together
//	go run ./examples/evidence/providers -list            all that there are
//	go run ./examples/evidence/providers keycloak hydra   these
//
// What it starts comes from the package registries, by the clients that the machine has for them, each version with its checksum. It
// is kept in the user's cache folder.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/cardea-auth/cardea/examples/evidence/providers/internal/authlib"
	"github.com/cardea-auth/cardea/examples/evidence/providers/internal/django"
	"github.com/cardea-auth/cardea/examples/evidence/providers/internal/hydra"
	"github.com/cardea-auth/cardea/examples/evidence/providers/internal/keycloak"
	"github.com/cardea-auth/cardea/examples/evidence/providers/internal/oidcprovider"
	"github.com/cardea-auth/cardea/examples/evidence/providers/internal/producers"
	"github.com/cardea-auth/cardea/examples/evidence/providers/internal/sheet"
	"github.com/cardea-auth/cardea/examples/evidence/providers/internal/spring"
	"github.com/cardea-auth/cardea/examples/evidence/providers/internal/zitadel"
)

// server is one that can be asked.
type server struct {
	name    string
	version string
	needs   string
	slow    bool     // not asked unless it is named
	presets []string // of middleware/issuers that its rows prove
	ask     func(context.Context, *sheet.Sheet) error
}

var servers = []server{
	{name: "pyjwt", version: producers.PythonVersions, needs: "Python 3", presets: []string{"hs256", "key-file", "secret-file"}, ask: producers.Python},
	{name: "npm", version: producers.NodeVersions, needs: "Node.js", presets: []string{"hs256", "key-file", "secret-file"}, ask: producers.Node},
	{name: "java", version: producers.JavaVersions, needs: "Java 17, Maven", presets: []string{"hs256", "key-file", "secret-file"}, ask: producers.Java},
	{name: "authlib", version: "Authlib " + authlib.Version, needs: "Python 3", ask: authlib.Ask},
	{name: "django", version: "django-oauth-toolkit " + django.Version, needs: "Python 3", presets: []string{"django-oauth-toolkit"}, ask: django.Ask},
	{name: "oidc-provider", version: "oidc-provider " + oidcprovider.Version, needs: "Node.js", ask: oidcprovider.Ask},
	{name: "keycloak", version: "Keycloak " + keycloak.Version, needs: "Java 17, Maven", presets: []string{"keycloak", "keycloak-lightweight"}, ask: keycloak.Ask},
	{name: "hydra", version: "Ory Hydra " + hydra.Version, needs: "Go; its build takes some minutes", slow: true, presets: []string{"hydra"}, ask: hydra.Ask},
	{
		name: "spring", version: "Spring Authorization Server " + spring.Version, needs: "Java 17, Maven", slow: true,
		presets: []string{"spring", "spring-reference"}, ask: spring.Ask,
	},
	{name: "zitadel", version: "zitadel/oidc " + zitadel.Version + ", its example server", needs: "Go", slow: true, ask: zitadel.Ask},
}

func main() {
	listed := flag.Bool("list", false, "list the servers and end")
	limit := flag.Duration("limit", 20*time.Minute, "how long one server may take")
	provenOnly := flag.Bool("proven", false, "say how each preset of middleware/issuers is proven, as a table, and end")
	wrongOnly := flag.Bool("wrong", false, "print wrong rows only")
	flag.Parse()

	if *listed {
		for _, s := range servers {
			note := ""
			if s.slow {
				note = "; only if it is named"
			}
			fmt.Printf("%-16s %s (%s%s)\n", s.name, s.version, s.needs, note)
		}
		return
	}
	if *provenOnly {
		printProven(os.Stdout)
		return
	}
	chosen, err := choose(flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if !run(ctx, chosen, *limit, *wrongOnly) {
		os.Exit(1)
	}
}

// choose finds servers by their names; without any, all that are not slow.
func choose(names []string) ([]server, error) {
	var chosen []server
	for _, s := range servers {
		if len(names) == 0 && !s.slow || slices.Contains(names, s.name) {
			chosen = append(chosen, s)
		}
	}
	for _, name := range names {
		if !slices.ContainsFunc(servers, func(s server) bool { return s.name == name }) {
			return nil, fmt.Errorf("there is no server %q; -list names them", name)
		}
	}
	return chosen, nil
}

// run asks one server after the other and reports whether all rows are right.
func run(ctx context.Context, chosen []server, limit time.Duration, wrongOnly bool) bool {
	var right, wrong, notOffered int
	var failed []string
	for _, s := range chosen {
		answers := &sheet.Sheet{Server: s.name}
		begun := time.Now()
		err := ask(ctx, s, limit, answers)
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", s.name, err)
			failed = append(failed, s.name)
		} else {
			answers.Close()
		}
		r, w, n := answers.Count()
		right, wrong, notOffered = right+r, wrong+w, notOffered+n
		if err := answers.Print(os.Stdout, wrongOnly); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return false
		}
		fmt.Printf("%s: %d right, %d wrong, %d not offered (%s)\n\n", s.version, r, w, n, time.Since(begun).Round(time.Second))
	}
	if len(failed) > 0 {
		fmt.Printf("could not be asked to the end: %s\n", strings.Join(failed, ", "))
	}
	fmt.Printf("rows: %d passed, %d failed, %d skipped\n", right, wrong+len(failed), notOffered)
	return wrong == 0 && len(failed) == 0 && ctx.Err() == nil
}

func ask(ctx context.Context, s server, limit time.Duration, answers *sheet.Sheet) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return s.ask(ctx, answers)
}
