package main

import (
	"testing"

	"github.com/cardea-auth/cardea/examples/internal/demotest"
)

func TestCurlLinesGetTheStatusTheySay(t *testing.T) { demotest.Run(t, run) }
