package main

import (
	"os"
	"os/exec"
	"syscall"
)

// apart gives the child a process group of its own, so that Ctrl-C reaches only the demonstration, which ends its
// children in order; and has the kernel end the child should this process be killed.
func apart(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}

func terminate(p *os.Process) error { return p.Signal(syscall.SIGTERM) }
