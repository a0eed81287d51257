//go:build unix

package redisstore_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/adapters/redisstore/redistest"
	"github.com/cardea-auth/cardea/middleware/authtest"
	"github.com/cardea-auth/cardea/middleware/revocation"
)

// Whoever has every byte that the server ever wrote learns no token, no part of one, and no claim.
func TestADumpTellsNothing(t *testing.T) {
	onEngines(t, func(t *testing.T, e redistest.Engine) {
		// The append-only file then has each command as it came.
		server := e.Start(t, append([]string{"--aof-use-rdb-preamble", "no", "--auto-aof-rewrite-percentage", "0"}, redistest.Durable...)...)
		issuer := authtest.NewIssuer(t)
		a, other := on(t, server, issuer, ours, ""), on(t, server, issuer, ours, "")
		claims := authtest.Claims{
			"aud": apiURL, "sub": "canary-subject", "jti": "canary-id", "sid": "canary-session", "client_id": "canary-client",
			"scope": "canary-scope", "email": "canary@example.com",
		}
		jwt, opaque, c := issuer.Token(claims), issuer.OpaqueToken(claims), newBound(t, issuer)
		proof := c.proof()
		for _, i := range []*instance{a, other} {
			for _, token := range []string{jwt, opaque} {
				if got := i.status("Bearer "+token, ""); got != http.StatusOK {
					t.Fatal(got)
				}
			}
		}
		if got := a.status(c.authorization(), proof); got != http.StatusOK {
			t.Fatal(got)
		}
		for _, entry := range []revocation.Entry{
			{Kind: revocation.Token, Issuer: issuer.URL(), Value: "canary-id", Note: "canary-note"},
			{Kind: revocation.Session, Issuer: issuer.URL(), Value: "canary-session"},
			{Kind: revocation.Subject, Issuer: issuer.URL(), Value: "canary-subject", IssuedBefore: time.Now().Add(time.Minute)},
			{Kind: revocation.Client, Issuer: issuer.URL(), Value: "canary-client", IssuedBefore: time.Now().Add(time.Minute)},
		} {
			if err := a.list.Revoke(t.Context(), entry); err != nil {
				t.Fatal(err)
			}
			if err := a.list.Lift(t.Context(), entry); err != nil {
				t.Fatal(err)
			}
		}
		eventually(t, "the answer is shared", func() bool { return len(server.Must("KEYS", "cardea:answer:*").([]any)) == 1 })
		server.Must("SAVE")
		server.Kill()

		secret := []string{
			"canary", issuer.URL(), strings.TrimPrefix(issuer.URL(), "http://"), apiURL, "api.example.com", "active", opaque, authtest.Thumbprint(c.key),
			ours.list, ours.cache,
		}
		for _, token := range []string{jwt, c.token, proof} {
			secret = append(secret, strings.Split(token, ".")[1:]...) // not the header, which is no secret
		}
		var files, bytes int
		err := filepath.WalkDir(server.Dir(), func(path string, entry os.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			files, bytes = files+1, bytes+len(text)
			for _, s := range secret {
				if strings.Contains(string(text), s) {
					t.Errorf("%s tells %.20q", filepath.Base(path), s)
				}
			}
			return err
		})
		if err != nil || files < 3 || bytes < 1000 { // the append-only file, the snapshot and the server's own lines
			t.Error(fmt.Sprint(files, " files of ", bytes, " bytes"), err)
		}
		for _, s := range secret {
			if strings.Contains(a.warn.String()+other.warn.String(), s) && s != "active" {
				t.Errorf("a line tells %.20q", s)
			}
		}
	})
}
