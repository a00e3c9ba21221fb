//go:build unix && !linux

package main

import (
	"os"
	"os/exec"
	"syscall"
)

// apart gives the child a process group of its own, so that Ctrl-C reaches only the demonstration.
func apart(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func terminate(p *os.Process) error { return p.Signal(syscall.SIGTERM) }
