package revocation_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/middleware/revocation"
	"github.com/cardea-auth/cardea/middleware/revocation/storetest"
)

func briefly(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestHowLongASecretIsNeeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old, young := secretOf(1), secretOf(2)
		store := storetest.NewMemory()
		before := instance(t, store, old, young)
		f, err := before.Feed("events", "https://i")
		do(t, err, before.Warm(t.Context()), f.SetBlind(t.Context(), "paused"))
		far := entryAbout("u")
		far.IssuedBefore = time.Now().Add(20 * time.Hour)
		do(t, before.Revoke(t.Context(), far))
		after := instance(t, store, young, old)
		do(t, after.Warm(t.Context()))
		until := after.Status().SecretsUntil
		if len(until) != 2 || !until[0].IsZero() || until[1].Before(time.Now().Add(14*24*time.Hour-time.Minute)) {
			t.Fatalf("the secrets are needed until %v", until)
		}
		own, err := after.Feed("events", "https://i") // which says its state again, under the new one
		do(t, err)
		eventually(t, "the state under the new secret", func() bool { return !after.Status().SecretsUntil[0].IsZero() && after.Status().Pending == 0 })
		do(t, before.Close(), after.Close())
		time.Sleep(time.Until(until[1]) - time.Hour)
		do(t, store.Trim())
		if err := instance(t, store, young).Warm(briefly(t)); err == nil {
			t.Error("an instance without the old secret has read everything before that time")
		}
		time.Sleep(time.Hour + time.Second)
		do(t, store.Trim())
		fresh := instance(t, store, young)
		do(t, fresh.Warm(t.Context()))
		if fresh.Status().Unreadable != 0 || own.Status().Blind != "paused" {
			t.Errorf("with the new secret alone the status is %+v", fresh.Status())
		}
	})
}

func TestMistakesOfSharing(t *testing.T) {
	store := storetest.NewMemory()
	var nine [][]byte
	for i := range 9 {
		nine = append(nine, secretOf(byte(i)))
	}
	for _, row := range []struct {
		name string
		cfg  revocation.Config
		want string
	}{
		{"a Store without Secrets", revocation.Config{Store: store}, "Store without Secrets"},
		{"Secrets without a Store", revocation.Config{Secrets: [][]byte{secretOf(1)}}, "Secrets without a Store"},
		{"a short secret", revocation.Config{Store: store, Secrets: [][]byte{secretOf(1), make([]byte, 31)}}, "Secrets[1] has 31 bytes, and needs 32"},
		{"a secret that is there twice", revocation.Config{Store: store, Secrets: [][]byte{secretOf(1), secretOf(1)}}, "Secrets[1] is there twice"},
		{"nine secrets", revocation.Config{Store: store, Secrets: nine}, "there are 9 Secrets, and may be 8"},
	} {
		if _, err := revocation.New(row.cfg); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v", row.name, err)
		}
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	cfg := revocation.Config{Store: storetest.NewMemory(), Secrets: [][]byte{[]byte("canary canary canary canary canary")}}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "cfg", cfg)
	marshalled, err := cfg.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	l := newList(t, cfg)
	do(t, l.Close()) // what runs would be read while it is written
	shown := log.String() + string(marshalled) + fmt.Sprintf("%v %+v %#v %s %d %x %+v %#v", cfg, cfg, cfg, cfg, cfg, cfg, l, l)
	for _, canary := range []string{"canary", "63616e617279", "99 97 110 97 114 121"} {
		if strings.Contains(shown, canary) {
			t.Errorf("%q is in %s", canary, shown)
		}
	}
}

func TestSecretsAreReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old, young := secretOf(1), secretOf(2)
		store := storetest.NewMemory()
		briefly := func(secrets [][]byte) *revocation.List {
			return newList(t, revocation.Config{Store: store, Secrets: secrets, MaxAge: 10 * time.Minute})
		}
		steps := [][][]byte{{old}, {old, young}, {young, old}, {young}}
		for i := range len(steps) - 1 {
			before, after := briefly(steps[i]), briefly(steps[i+1])
			if i == 2 { // what was made with the old one ends
				time.Sleep(21 * time.Minute) // MaxAge, and the longest Leeway
				do(t, store.Trim())
			}
			do(t, before.Warm(t.Context()), after.Warm(t.Context()))
			for _, pair := range [][2]*revocation.List{{before, after}, {after, before}} {
				do(t, pair[0].Revoke(t.Context(), entryAbout("u")))
				synctest.Wait()
				if pair[1].Judge(facts()).Kind == "" {
					t.Errorf("step %d: it is not refused", i)
				}
				do(t, pair[1].Lift(t.Context(), entryAbout("u")))
				synctest.Wait()
				if pair[0].Judge(facts()).Kind != "" || pair[1].Judge(facts()).Kind != "" {
					t.Errorf("step %d: it is not lifted", i)
				}
			}
			do(t, before.Close(), after.Close())
		}
	})
}

// What feeds say lives fourteen days, and an entry as long as its Until: whoever follows this advice stops AsOf of every instance.
func TestTheAdviceAboutTooManySecretsIsRight(t *testing.T) {
	var nine [][]byte
	for i := range 9 {
		nine = append(nine, secretOf(byte(i)))
	}
	_, err := revocation.New(revocation.Config{Store: storetest.NewMemory(), Secrets: nine})
	if err == nil || strings.Contains(err.Error(), "MaxAge") || !strings.Contains(err.Error(), "SecretsUntil") {
		t.Errorf("%v", err)
	}
}
