package report

import (
	"fmt"
	"os"
	"runtime"
	"strings"
)

// machine says where the figures were taken. It names no host.
func machine() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	model := "unknown CPU"
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		if strings.TrimSpace(name) == "model name" {
			model = strings.TrimSpace(value)
			break
		}
	}
	return fmt.Sprintf("%s, %s/%s, %s, %d cores, shared by the clients, the API and the authorization servers.\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, model, runtime.NumCPU())
}
