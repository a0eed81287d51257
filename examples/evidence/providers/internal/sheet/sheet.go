// Package sheet holds the questions that every authorization server is asked, and what came of them.
package sheet

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// Question is one that every server is asked. A server answers it by rows, or says why it does not offer what is asked about.
type Question string

// The questions.
const (
	JWT              Question = "JWT"
	Opaque           Question = "opaque"
	Introspected     Question = "introspected JWT"
	Revoked          Question = "revoked"
	IDToken          Question = "ID token"
	RefreshToken     Question = "refresh token"
	OtherAudience    Question = "wrong audience"
	Expired          Question = "expired"
	Forged           Question = "forged"
	Scopes           Question = "scopes"
	Rotation         Question = "rotation"
	DPoP             Question = "DPoP, JWT"
	DPoPIntrospected Question = "DPoP, introspected"
	Down             Question = "server down"
)

// Questions is the whole sheet, in its order.
var Questions = []Question{
	JWT, Opaque, Introspected, Revoked, IDToken, RefreshToken, OtherAudience, Expired, Forged, Scopes, Rotation, DPoP, DPoPIntrospected, Down,
}

// Row is one request, or the reason for which there was none.
type Row struct {
	Question     Question
	Name         string
	Wanted, Got  string
	NotAskedThat string // why the server was not asked; Wanted and Got are then empty
}

// refused is what a row wants that leaves the reason open.
const refused = "401"

// Wrong reports whether the row is not as wanted.
func (r Row) Wrong() bool {
	if r.Wanted == refused {
		return !strings.HasPrefix(r.Got, refused+" ")
	}
	return r.Wanted != r.Got
}

// Sheet gathers the rows of one server. It is for one goroutine.
type Sheet struct {
	Server string
	Prefix string // of the names of rows that come
	Rows   []Row
}

// Want notes what was wanted of a request, such as "200" or "401 audience", beside what came of it.
func (s *Sheet) Want(q Question, name, wanted string, got Answer) {
	s.Rows = append(s.Rows, Row{Question: q, Name: s.Prefix + name, Wanted: wanted, Got: got.String()})
}

// WantRefused is Want for a token that is no good in more than one way: which check comes first does not matter.
func (s *Sheet) WantRefused(q Question, name string, got Answer) { s.Want(q, name, refused, got) }

// NotOffered says why the server cannot be asked.
func (s *Sheet) NotOffered(why string, questions ...Question) {
	for _, q := range questions {
		s.Rows = append(s.Rows, Row{Question: q, NotAskedThat: why})
	}
}

// Close adds a wrong row for each question that was neither asked nor excused: a server that forgets one must not look right.
func (s *Sheet) Close() {
	for _, q := range Questions {
		if !slices.ContainsFunc(s.Rows, func(r Row) bool { return r.Question == q }) {
			s.Rows = append(s.Rows, Row{Question: q, Name: "the question itself", Wanted: "rows, or why there are none", Got: "neither"})
		}
	}
	slices.SortStableFunc(s.Rows, func(a, b Row) int {
		return slices.Index(Questions, a.Question) - slices.Index(Questions, b.Question)
	})
}

// Count tells how many rows are right, wrong, and not offered by the server.
func (s *Sheet) Count() (right, wrong, notOffered int) {
	for _, r := range s.Rows {
		switch {
		case r.NotAskedThat != "":
			notOffered++
		case r.Wrong():
			wrong++
		default:
			right++
		}
	}
	return right, wrong, notOffered
}

// Print writes the rows as a table: all, or the wrong ones.
func (s *Sheet) Print(w io.Writer, wrongOnly bool) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "SERVER\tQUESTION\tROW\tWANTED\tGOT\t")
	for _, r := range s.Rows {
		if wrongOnly && !r.Wrong() {
			continue
		}
		mark := ""
		if r.NotAskedThat != "" {
			fmt.Fprintf(table, "%s\t%s\tnot offered: %s\t\t\t\n", s.Server, r.Question, r.NotAskedThat)
			continue
		}
		if r.Wrong() {
			mark = "<-- WRONG"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", s.Server, r.Question, r.Name, r.Wanted, r.Got, mark)
	}
	return table.Flush()
}
