package report

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/peer"
)

// Machine is where and when the figures were taken. It names no host.
type Machine struct {
	Go, Platform, CPU     string
	Cores, GOMAXPROCS     int
	HeapPadding           int    // bytes
	LoadBefore, LoadAfter string // over 1, 5 and 15 minutes
	Versions              map[string]string
}

// ThisMachine looks around.
func ThisMachine(heapPadding int) Machine {
	m := Machine{
		Go:          runtime.Version(),
		Platform:    runtime.GOOS + "/" + runtime.GOARCH,
		CPU:         cpuModel(),
		Cores:       runtime.NumCPU(),
		GOMAXPROCS:  runtime.GOMAXPROCS(0),
		HeapPadding: heapPadding,
		LoadBefore:  Load(),
		Versions:    map[string]string{},
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dep := range info.Deps {
			m.Versions[dep.Path] = dep.Version
		}
	}
	return m
}

// Load is the load average, or "unknown" where the system does not tell.
func Load() string {
	text, err := os.ReadFile("/proc/loadavg")
	fields := strings.Fields(string(text))
	if err != nil || len(fields) < 3 {
		return "unknown"
	}
	return strings.Join(fields[:3], ", ")
}

func cpuModel() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		if strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown CPU"
}

func (m Machine) String() string {
	return fmt.Sprintf("%s, %s, %s, %d cores, GOMAXPROCS %d, heap padded with %d MiB. Load before: %s; after: %s.\n",
		m.Go, m.Platform, m.CPU, m.Cores, m.GOMAXPROCS, m.HeapPadding>>20, m.LoadBefore, m.LoadAfter)
}

func (m Machine) versionTable() string {
	t := newTable("", "module", "version")
	for _, maker := range peer.Makers() {
		version := m.Versions[maker.Module]
		if maker.Name == "Cardea" {
			version = "this checkout"
		}
		t.row(maker.Name, maker.Module, version)
	}
	for _, module := range []string{"github.com/MicahParks/keyfunc/v3", "github.com/MicahParks/jwkset", "github.com/labstack/echo/v4", "github.com/gin-gonic/gin"} {
		t.row("", module, m.Versions[module])
	}
	return t.String()
}
