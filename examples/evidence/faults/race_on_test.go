//go:build race

package faults_test

// raceDetector makes allocations of its own.
const raceDetector = true
