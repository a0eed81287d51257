package doctor

import "fmt"

// Level says how much a finding matters.
type Level string

// The levels.
const (
	OK      Level = "ok"
	Note    Level = "note"    // worth knowing, nothing to do
	Warning Level = "warning" // works now, and will hurt
	Problem Level = "problem" // tokens of this issuer cannot be judged, or not safely
)

// Topic is what a finding is about.
type Topic string

// The topics, in the order of the report.
const (
	Configuration Topic = "configuration"
	Metadata      Topic = "metadata"
	Keys          Topic = "keys"
	Clock         Topic = "clock"
	TLS           Topic = "tls"
	Latency       Topic = "latency"
	Introspection Topic = "introspection"
	Logout        Topic = "logout"
	Events        Topic = "shared signals"
	Binding       Topic = "bound tokens"
)

var topics = []Topic{Configuration, Metadata, Keys, Clock, TLS, Latency, Introspection, Logout, Events, Binding}

// Finding is one thing that an operator should know.
type Finding struct {
	Topic  Topic  `json:"topic"`
	Level  Level  `json:"level"`
	Text   string `json:"text"`
	Remedy string `json:"remedy,omitempty"` // empty: nothing to do
}

func (e *examination) add(topic Topic, level Level, remedy, format string, args ...any) {
	e.report.Findings = append(e.report.Findings, Finding{topic, level, fmt.Sprintf(format, args...), remedy})
}
