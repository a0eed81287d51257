package label_test

import (
	"testing"
	"time"

	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/label"
	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/window"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func at(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }

func answer(status, sent, done int) label.Answer {
	return label.Answer{Status: status, Body: "alice", Challenge: status == 401 || status == 403, RetryAfter: status == 503, Sent: at(sent), Done: at(done)}
}

// outage is at fault from the hundredth second on, and stalls before, from the fiftieth.
type outage struct{ place window.Place }

func (o outage) Faulty(p window.Place, from, _ time.Time) bool {
	return p == o.place && !from.Before(at(100))
}

func (o outage) Stalled(p window.Place, from, _ time.Time) bool {
	return p == o.place && !from.Before(at(50))
}

func TestEveryAnswerIsJudged(t *testing.T) {
	place := window.Place{Server: 1, Endpoint: window.Introspection}
	good := label.Case{Good: true, Subject: "alice"}
	opaque := label.Case{Good: true, Subject: "alice", Needs: []window.Place{place}}
	revoked := label.Case{Good: true, Subject: "alice", Life: label.Life{SureUntil: at(10), NeverAfter: at(20)}}
	newKey := label.Case{Good: true, Subject: "alice", Life: label.Life{SureFrom: at(10)}}
	forged := label.Case{Refusals: []int{401}}
	weak := label.Case{Refusals: []int{403}}
	other := answer(200, 1, 2)
	other.Body = "bob"
	bare := answer(401, 1, 2)
	bare.Challenge = false
	endless := answer(503, 100, 101)
	endless.RetryAfter = false

	for _, row := range []struct {
		name   string
		of     label.Case
		answer label.Answer
		want   label.Verdict
	}{
		{"a good token is admitted", good, answer(200, 1, 2), label.Right},
		{"a good token is refused", good, answer(401, 1, 2), label.WrongRefusal},
		{"a good token is forbidden", good, answer(403, 1, 2), label.WrongRefusal},
		{"a good token is taken for another's", good, other, label.WrongAccept},
		{"a good token that needs nobody meets an outage", good, answer(503, 100, 101), label.Outside},
		{"a good token that needs somebody meets an outage", opaque, answer(503, 100, 101), label.Inside},
		{"an outage is called a bad token", opaque, answer(401, 100, 101), label.WrongRefusal},
		{"an outage without Retry-After", opaque, endless, label.WrongAnswer},
		{"503 while nothing is wrong", opaque, answer(503, 1, 2), label.Outside},
		{"503 while the machine does nothing", opaque, answer(503, 60, 61), label.Stalled},
		{"500", opaque, answer(500, 100, 101), label.WrongAnswer},
		{"a forged token is admitted", forged, answer(200, 1, 2), label.WrongAccept},
		{"a forged token is refused", forged, answer(401, 1, 2), label.Right},
		{"a forged token is refused for its scope", forged, answer(403, 1, 2), label.WrongAnswer},
		{"a forged token is refused without a challenge", forged, bare, label.WrongAnswer},
		{"a missing scope", weak, answer(403, 1, 2), label.Right},
		{"before the revocation", revoked, answer(200, 8, 9), label.Right},
		{"before the revocation, refused", revoked, answer(401, 8, 9), label.WrongRefusal},
		{"revoked on the way, refused", revoked, answer(401, 9, 11), label.Excused},
		{"revoked and cached", revoked, answer(200, 19, 30), label.Excused},
		{"revoked and cached, refused", revoked, answer(401, 19, 30), label.Excused},
		{"revoked for too long", revoked, answer(200, 21, 22), label.WrongAccept},
		{"revoked for long, refused", revoked, answer(401, 21, 22), label.Right},
		{"of a key that may not be known", newKey, answer(401, 9, 12), label.Excused},
		{"of a key that may not be known, forbidden", newKey, answer(403, 9, 12), label.WrongRefusal},
		{"of a key that must be known", newKey, answer(401, 10, 12), label.WrongRefusal},
		{"of a key that is known early", newKey, answer(200, 1, 2), label.Right},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := row.of.Judge(row.answer, outage{place})
			if got != row.want {
				t.Errorf("got %v, want %v", got, row.want)
			}
		})
	}
}
