package faults_test

import (
	"context"
	"crypto/rand"
	mathrand "math/rand/v2"
	"net/http"
	"time"
)

// request sends one request of a random kind.
func (m *mixture) request() {
	m.generation.RLock()
	defer m.generation.RUnlock()
	pool := m.tokens.Load()
	switch mathrand.N(12) {
	case 0, 1, 2:
		token := pick(pool.good)
		status, subject := serve(m.guarded, requestWith(context.Background(), token.token))
		m.jwts.note(token.subject, status, subject)
	case 3, 4:
		m.sendBad(pick(pool.bad))
	case 5, 6:
		m.sendLive()
	case 7:
		m.sendBad(rand.Text())
	case 8, 9:
		m.sendBound(pool)
	case 10:
		m.sendAndLeave(pool)
	default:
		r := requestWith(context.Background(), pick(pool.good).token)
		r.Header.Add("Authorization", r.Header.Get("Authorization"))
		if status, _ := serve(m.guarded, r); status != http.StatusBadRequest {
			m.t.Errorf("two tokens in one request: status %d", status)
		}
	}
}

func pick[T any](from []T) T { return from[mathrand.N(len(from))] }

func (m *mixture) sendBad(token string) {
	status, subject := serve(m.guarded, requestWith(context.Background(), token))
	if status == http.StatusBadRequest {
		status = http.StatusUnauthorized // a token that no request may carry
	}
	m.opaque.note("", status, subject)
}

func (m *mixture) sendLive() {
	token := m.live[mathrand.N(len(m.live))].Load()
	sent := time.Since(m.start)
	status, subject := serve(m.guarded, requestWith(context.Background(), token.token))
	good := token.subject
	if at := token.revoked.Load(); at != 0 && sent >= time.Duration(at)+mixedTTL || status == http.StatusUnauthorized && token.revoking.Load() {
		good = ""
	}
	m.opaque.note(good, status, subject)
	if good != "" && status == http.StatusServiceUnavailable {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.unjudged = append(m.unjudged, stretch{sent, time.Since(m.start)})
	}
}

// sendBound sends a token that is bound to a key: with its proof, with the same proof again, with a broken one, with none.
func (m *mixture) sendBound(pool *tokenPool) {
	i := mathrand.N(len(pool.bound))
	token, key := pool.bound[i], m.clients[i%len(m.clients)]
	request := requestWith(context.Background(), token.token)
	if mathrand.N(8) == 0 {
		status, subject := serve(m.guarded, request)
		m.proofs.note("", status, subject)
		return
	}
	request.Header.Set("Authorization", "DPoP "+token.token)
	if mathrand.N(64) == 0 {
		for _, proof := range m.issuer.BrokenProofs(key, token.token, request.Method, stockAPI+"/orders") {
			request.Header.Set("DPoP", proof)
			status, subject := serve(m.guarded, request)
			m.proofs.note("", status, subject)
		}
		return
	}
	made := time.Now()
	request.Header.Set("DPoP", m.issuer.Proof(key, token.token, request.Method, stockAPI+"/orders"))
	status, subject := serve(m.guarded, request)
	if status == http.StatusUnauthorized && time.Since(made) > mixedProofAge-2*time.Second {
		m.late.Add(1) // this process got no time, and the proof is too old
		return
	}
	m.proofs.note(token.subject, status, subject)
	if mathrand.N(4) == 0 {
		status, subject = serve(m.guarded, request)
		m.proofs.note("", status, subject)
	}
}

// sendAndLeave gives up at a random moment. What it hears then is of no consequence, unless a bad token is accepted.
func (m *mixture) sendAndLeave(pool *tokenPool) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(mathrand.N(3000))*time.Microsecond)
	defer cancel()
	m.left.Add(1)
	if mathrand.N(2) == 0 {
		token := pick(pool.bad)
		status, subject := serve(m.guarded, requestWith(ctx, token))
		if status == http.StatusOK {
			m.opaque.note("", status, subject)
		}
		return
	}
	token := m.live[mathrand.N(len(m.live))].Load()
	status, subject := serve(m.guarded, requestWith(ctx, token.token))
	if status == http.StatusOK && subject != token.subject || status == http.StatusUnauthorized && !token.revoking.Load() {
		m.opaque.note(token.subject, status, subject)
	}
}
