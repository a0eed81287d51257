//go:build !race

package faults_test

// sample: one in so many requests of the great numbers is sent.
const sample = 1
