package main

import (
	"os"
	"os/exec"
	"syscall"
)

// apart keeps Ctrl-C from the child: it reaches only the demonstration.
func apart(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

// terminate ends the child at once: Windows has no polite signal, and a node survives being killed.
func terminate(p *os.Process) error { return p.Kill() }
