//go:build race

package faults_test

// sample: the race detector makes a request ten times as expensive, so one in so many is sent.
const sample = 20
