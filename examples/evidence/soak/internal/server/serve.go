package server

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"runtime"
	"time"
)

// Addresses is what the server tells its parent.
type Addresses struct{ API, Vitals string }

const loopback = "127.0.0.1:0"

// Serve is the whole life of the server process: it reads its Setup from in, writes its Addresses to out, and ends when in does,
// so that it never outlives its parent.
func Serve(in io.Reader, out io.Writer) error {
	decoder := json.NewDecoder(in)
	var setup Setup
	if err := decoder.Decode(&setup); err != nil {
		return fmt.Errorf("soak: no setup: %w", err)
	}
	if setup.Profiles {
		runtime.MemProfileRate = 4 << 10
	}
	api, err := net.Listen("tcp", loopback)
	if err != nil {
		return err
	}
	second, err := net.Listen("tcp", loopback)
	if err != nil {
		return err
	}
	v, err := setup.validators("http://" + api.Addr().String())
	if err != nil {
		return err
	}
	defer v.close()
	warming, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := v.all.Warm(warming); err != nil {
		return err
	}

	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	vitals := newVitals()
	go vitals.watch(ctx)
	silent := log.New(io.Discard, "", 0) // the clients break connections on purpose
	servers := []*http.Server{
		{Handler: v.routes(), ReadHeaderTimeout: 10 * time.Second, ErrorLog: silent},
		{Handler: vitals, ReadHeaderTimeout: 10 * time.Second},
	}
	for i, listener := range []net.Listener{api, second} {
		go func() { _ = servers[i].Serve(listener) }()
	}
	if err := json.NewEncoder(out).Encode(Addresses{API: api.Addr().String(), Vitals: second.Addr().String()}); err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, in)
	for _, s := range servers {
		_ = s.Close()
	}
	return nil
}

// Main runs Serve with the standard streams of this process.
func Main() {
	if err := Serve(os.Stdin, os.Stdout); err != nil {
		log.Fatal(err)
	}
}
