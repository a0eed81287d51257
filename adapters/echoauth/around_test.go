package echoauth_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	echomiddleware "github.com/labstack/echo/v4/middleware"

	"github.com/cardea-auth/cardea/adapters/echoauth"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/authtest"
)

func TestErrorsOfHandlersGoToTheHTTPErrorHandlerAndRefusalsDoNot(t *testing.T) {
	auth, issuer := api(t, nil)
	broken := errors.New("the database is gone")
	var handled []error
	e := quiet()
	e.HTTPErrorHandler = func(err error, c echo.Context) {
		handled = append(handled, err)
		_ = c.String(http.StatusTeapot, "handled")
	}
	e.GET("/orders", func(echo.Context) error { return broken }, echoauth.Middleware(auth.Require()))

	if w := call(e, "GET", "/orders", ""); w.Code != http.StatusUnauthorized || len(handled) != 0 {
		t.Errorf("refused: got %d and errors %v, want 401 and none", w.Code, handled)
	}
	if w := call(e, "GET", "/orders", issuer.Token(nil)); w.Code != http.StatusTeapot || w.Body.String() != "handled" {
		t.Errorf("admitted: got %d %q, want 418 handled", w.Code, w.Body)
	}
	if len(handled) != 1 || handled[0] != broken {
		t.Errorf("HTTPErrorHandler: got %v, want the handler's own error", handled)
	}
}

func TestLoggingMiddlewareSeesTheStatusOfARefusal(t *testing.T) {
	auth, issuer := api(t, nil)
	type line struct {
		status  int
		failure error
	}
	var logged []line
	e := quiet()
	e.Use(echomiddleware.RequestLoggerWithConfig(echomiddleware.RequestLoggerConfig{
		LogStatus: true,
		LogError:  true,
		LogValuesFunc: func(_ echo.Context, v echomiddleware.RequestLoggerValues) error {
			logged = append(logged, line{v.Status, v.Error})
			return nil
		},
	}))
	e.Any("/orders", greet, echoauth.Middleware(auth.Require("orders:read")))

	call(e, "GET", "/orders", "")
	call(e, "HEAD", "/orders", issuer.Token(nil))
	call(e, "GET", "/orders", issuer.Token(authtest.Claims{"scope": "orders:read"}))
	want := []line{{status: 401}, {status: 403}, {status: 200}}
	if !slices.Equal(logged, want) {
		t.Errorf("got %v, want %v", logged, want)
	}
}

func TestRecoverAnswersPanicsOfHandlersBehindAGuard(t *testing.T) {
	auth, issuer := api(t, nil)
	e := quiet()
	e.Use(echomiddleware.Recover())
	e.GET("/orders", func(echo.Context) error { panic("no hinge") }, echoauth.Middleware(auth.Require()))

	if w := call(e, "GET", "/orders", issuer.Token(nil)); w.Code != http.StatusInternalServerError {
		t.Errorf("got %d, want 500", w.Code)
	}
}

func TestMiddlewareBehindTheGuardMayReplaceTheRequest(t *testing.T) {
	auth, issuer := api(t, nil)
	e := quiet()
	e.Use(echoauth.Middleware(auth.Require()), echomiddleware.ContextTimeout(time.Hour))
	e.GET("/orders", greet)

	if w := call(e, "GET", "/orders", issuer.Token(nil)); w.Body.String() != "alice" {
		t.Errorf("got %q, want alice", w.Body)
	}
}

func TestRefusalsPassThroughCompression(t *testing.T) {
	auth, _ := api(t, nil)
	e := quiet()
	e.Use(echomiddleware.Gzip())
	e.GET("/orders", greet, echoauth.Middleware(auth.Require()))
	server := httptest.NewServer(e)
	defer server.Close()

	response, err := server.Client().Get(server.URL + "/orders") // the client asks for gzip and unpacks it
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	_, refused := auth.Require().Check(httptest.NewRequest("GET", "/orders", nil))
	want, _ := refused.(*middleware.Error).MarshalJSON()
	if err != nil || !response.Uncompressed || response.StatusCode != http.StatusUnauthorized || string(body) != string(want) {
		t.Errorf("got %d %q, error %v, compressed %v; want 401 %s, compressed", response.StatusCode, body, err, response.Uncompressed, want)
	}
}
