package adaptertest_test

import (
	"net/http"
	"testing"

	"github.com/cardea-auth/cardea/adapters/adaptertest"
	"github.com/cardea-auth/cardea/middleware"
)

func TestTheNetHTTPHandlerKeepsTheContract(t *testing.T) {
	adaptertest.Run(t, func(g *middleware.Guard, next http.Handler) http.Handler { return g.Handler(next) })
}
