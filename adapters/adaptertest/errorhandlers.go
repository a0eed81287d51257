package adaptertest

import (
	"errors"
	"net/http"

	"github.com/cardea-auth/cardea/middleware"
)

type errorHandler = func(http.ResponseWriter, *http.Request, *middleware.Error)

func errorHandlers() []clause {
	return []clause{
		{"ErrorHandler: its answer", "Config.ErrorHandler renders a refusal alone: nothing is added to its answer, and the handler does not run.", ownAnswer},
		{"ErrorHandler: its arguments", "Config.ErrorHandler is called once, with the request that arrived and the refusal.", ownArguments},
		{"ErrorHandler: status alone", "A Config.ErrorHandler that sends no body has answered all the same.", statusAlone},
		{"ErrorHandler: silence", "Where Config.ErrorHandler writes nothing, the default answer stands.", defaultStands},
	}
}

func ownAnswer(serve adapter) error {
	want := answer{418, http.Header{"Content-Type": {"text/plain"}, "X-Shop": {"closed"}}, "come back with a token"}
	return sendWith(serve, func(w http.ResponseWriter, r *http.Request, _ *middleware.Error) { want.writeTo(w, r) }, want)
}

func statusAlone(serve adapter) error {
	want := answer{418, http.Header{"X-Shop": {"closed"}}, ""}
	return sendWith(serve, func(w http.ResponseWriter, r *http.Request, _ *middleware.Error) { want.writeTo(w, r) }, want)
}

func sendWith(serve adapter, render errorHandler, want answer) error {
	ran := false
	got, err := call{}.send(serve(newAPI(render).Require("read"), http.HandlerFunc(func(http.ResponseWriter, *http.Request) { ran = true })))
	if err != nil {
		return err
	}
	return errors.Join(got.differ(want), differ("the handler ran", ran, false))
}

func ownArguments(serve adapter) error {
	var seen []string
	a := newAPI(func(w http.ResponseWriter, r *http.Request, refused *middleware.Error) {
		seen = append(seen, r.Method+" "+r.URL.RequestURI()+" "+string(refused.Reason))
		w.WriteHeader(http.StatusTeapot)
	})
	c := bearer(a.forgedToken())
	c.method = http.MethodPost
	_, err := c.send(serve(a.Require("read"), http.NotFoundHandler()))
	return errors.Join(err, differ("calls of ErrorHandler", seen, []string{"POST " + defaultTarget + " " + string(middleware.ReasonSignature)}))
}

func defaultStands(serve adapter) error {
	a := newAPI(func(http.ResponseWriter, *http.Request, *middleware.Error) {})
	return sendRefused(serve, a.Require("read"), bearer(a.forgedToken()))
}
