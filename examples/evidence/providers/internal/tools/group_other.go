//go:build !unix

package tools

import (
	"errors"
	"os"
	"os/exec"
)

var errNoGroups = errors.New("this system has no process groups: run this program on Linux or macOS")

func ownGroup(*exec.Cmd) {}

func endGroup(p *os.Process) error  { return p.Kill() }
func pauseGroup(*os.Process) error  { return errNoGroups }
func resumeGroup(*os.Process) error { return errNoGroups }
