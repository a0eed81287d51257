package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cardea-auth/cardea/middleware/authtest"
)

// play calls both instances, and prints the answers.
func play(ctx context.Context, out io.Writer, issuer *authtest.Issuer, instances [2]string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	reader := authtest.Claims{"scope": "orders:read", "aud": publicURL}
	token, opaque := "Bearer "+issuer.Token(reader), "Bearer "+issuer.OpaqueToken(reader)
	bound := issuer.Token(authtest.Claims{"scope": "orders:read", "aud": publicURL, "cnf": authtest.Claims{"jkt": authtest.Thumbprint(key)}})
	proof := issuer.Proof(key, bound, http.MethodGet, publicURL+"/orders")

	asked := issuer.Requests(authtest.EndpointIntrospection) // each instance has asked whether it may ask, when it started

	others := keepBusy(ctx, "Bearer "+issuer.Token(reader), instances)
	defer others.stop()
	for _, step := range []struct {
		name          string
		method, url   string
		authorization string
		proof         string
	}{
		{name: "first instance, an opaque token", url: instances[0] + "/orders", authorization: opaque},
		{name: "first instance, a token", url: instances[0] + "/orders", authorization: token},
		{name: "first instance, a bound token with a proof", url: instances[0] + "/orders", authorization: "DPoP " + bound, proof: proof},
		{name: "second instance, the same bound token and proof", url: instances[1] + "/orders", authorization: "DPoP " + bound, proof: proof},
		{name: "second instance, the same token", url: instances[1] + "/orders", authorization: token},
		{name: "second instance, the same opaque token", url: instances[1] + "/orders", authorization: opaque},
		{name: "first instance, a logout with the token", method: http.MethodPost, url: instances[0] + "/logout", authorization: token},
		{name: "first instance, the token", url: instances[0] + "/orders", authorization: token},
	} {
		status, code, err := call(ctx, step.method, step.url, step.authorization, step.proof)
		if err != nil {
			return err
		}
		fmt.Fprintln(out, strings.TrimSpace(fmt.Sprintf("%d  %s  %s", status, step.name, code)))
	}

	// Redis tells the second instance at once. How long that takes is all that one of them is behind the other.
	began, status, code := time.Now(), 0, ""
	for status != http.StatusUnauthorized && time.Since(began) < time.Minute {
		if status, code, err = call(ctx, "", instances[1]+"/orders", token, ""); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "%d  second instance, the token  %s, %d ms later\n", status, code, time.Since(began).Milliseconds())
	fmt.Fprintf(out, "The authorization server was asked about the opaque token %d time(s).\n", issuer.Requests(authtest.EndpointIntrospection)-asked)
	others.stop()
	fmt.Fprintf(out, "Meanwhile others made %d requests, of which %d were not let in.\n", others.made.Load(), others.refused.Load())
	return others.err()
}

// call returns the status of the answer, and the error of its challenge.
func call(ctx context.Context, method, url, authorization, proof string) (status int, code string, _ error) {
	request, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("Authorization", authorization)
	if proof != "" {
		request.Header.Set("DPoP", proof)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return 0, "", err
	}
	_, rest, _ := strings.Cut(strings.Join(response.Header.Values("WWW-Authenticate"), " "), `error="`)
	code, _, _ = strings.Cut(rest, `"`)
	return response.StatusCode, code, nil
}

// crowd are clients who have nothing to do with the others.
type crowd struct {
	made, refused atomic.Int64

	cancel context.CancelFunc
	all    sync.WaitGroup
	failed atomic.Pointer[error]
}

// keepBusy has some clients call both instances without a pause.
func keepBusy(ctx context.Context, authorization string, instances [2]string) *crowd {
	ctx, cancel := context.WithCancel(ctx)
	c := &crowd{cancel: cancel}
	for i := range 4 {
		c.all.Go(func() {
			for ctx.Err() == nil {
				status, _, err := call(ctx, "", instances[i%2]+"/orders", authorization, "")
				if ctx.Err() != nil {
					return
				}
				if err != nil {
					c.failed.Store(&err)
					return
				}
				c.made.Add(1)
				if status != http.StatusOK {
					c.refused.Add(1)
				}
			}
		})
	}
	return c
}

func (c *crowd) stop() {
	c.cancel()
	c.all.Wait()
}

func (c *crowd) err() error {
	if err := c.failed.Load(); err != nil {
		return *err
	}
	return nil
}
