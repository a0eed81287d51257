//go:build unix

package tools

import (
	"os"
	"os/exec"
	"syscall"
)

// ownGroup lets a signal reach the whole of a server that was started by a shell script.
func ownGroup(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func endGroup(p *os.Process) error    { return syscall.Kill(-p.Pid, syscall.SIGKILL) }
func pauseGroup(p *os.Process) error  { return syscall.Kill(-p.Pid, syscall.SIGSTOP) }
func resumeGroup(p *os.Process) error { return syscall.Kill(-p.Pid, syscall.SIGCONT) }
