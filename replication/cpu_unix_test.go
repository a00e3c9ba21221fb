//go:build unix

package replication

import (
	"syscall"
	"time"
)

// cpuTime is what this process has used of all cores: on a busy machine a steadier
// measure than the time it took.
func cpuTime() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
