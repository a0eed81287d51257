package reports_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
)

func TestSet(t *testing.T) {
	var many []string
	for i := range 1000 {
		many = append(many, fmt.Sprint(i%100))
	}
	for _, row := range []struct {
		name  string
		given []string
		want  []string
	}{
		{"empty", nil, nil},
		{"in the order given", []string{"b", "a"}, []string{"b", "a"}},
		{"repeated elements count once", []string{"a", "b", "a", "a"}, []string{"a", "b"}},
		{"case matters", []string{"a", "A"}, []string{"a", "A"}},
		{"the empty string is an element", []string{"", ""}, []string{""}},
		{"seventeen of one kind, beyond the short way", slices.Repeat([]string{"a"}, 17), []string{"a"}},
		{"many", many, many[:100]},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := middleware.SetOf(row.given...)
			if got := s.Slice(); !slices.Equal(got, row.want) {
				t.Errorf("Slice is %q, want %q", got, row.want)
			}
			if got := slices.Collect(s.All()); !slices.Equal(got, row.want) {
				t.Errorf("All gives %q, want %q", got, row.want)
			}
			if s.Len() != len(row.want) || s.String() != strings.Join(row.want, " ") {
				t.Errorf("Len is %d, String %q", s.Len(), s)
			}
			for _, e := range row.want {
				if !s.Has(e) {
					t.Errorf("it has not %q", e)
				}
			}
		})
	}
}

func TestSetQuestions(t *testing.T) {
	s := middleware.SetOf("read", "write")
	var zero middleware.Set
	for name, row := range map[string]struct{ got, want bool }{
		"Has an element":               {s.Has("read"), true},
		"Has no part of one":           {s.Has("rea"), false},
		"Has no other case":            {s.Has("READ"), false},
		"Has no pattern":               {s.Has("*"), false},
		"Has not the empty string":     {s.Has(""), false},
		"Has not two in one":           {s.Has("read write"), false},
		"HasAll of both":               {s.HasAll("write", "read"), true},
		"HasAll of more":               {s.HasAll("read", "admin"), false},
		"HasAll of none":               {s.HasAll(), true},
		"HasAny of one":                {s.HasAny("admin", "read"), true},
		"HasAny of others":             {s.HasAny("admin"), false},
		"HasAny of none":               {s.HasAny(), false},
		"the zero Set has nothing":     {zero.Has(""), false},
		"the zero Set has all of none": {zero.HasAll(), true},
		"the zero Set has any of none": {zero.HasAny(), false},
	} {
		if row.got != row.want {
			t.Errorf("%s: %v, want %v", name, row.got, row.want)
		}
	}
	if zero.Slice() != nil {
		t.Error("Slice of the zero Set is not nil")
	}
}

func TestSetIsImmutable(t *testing.T) {
	given := []string{"a", "b", "a"}
	s := middleware.SetOf(given...)
	if given[0], given[1] = "x", "y"; s.String() != "a b" {
		t.Errorf("it changed with what it was made of: %q", s)
	}
	got := s.Slice()
	_ = append(got[:1], "z")
	if s.String() != "a b" {
		t.Errorf("it changed with what it gave away: %q", s)
	}
	for range s.All() {
		break // an iterator may be left early
	}
}
