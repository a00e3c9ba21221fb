package ledgertest

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// memory is where files lie in memory.
const memory = "/dev/shm"

// freeInMemory is what can be written there, and no more than half of what the machine has
// left: the tests need memory for themselves.
func freeInMemory() (uint64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(memory, &st); err != nil {
		return 0, err
	}
	raw, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(raw)) {
		var kib uint64
		if _, err := fmt.Sscanf(line, "MemAvailable: %d kB", &kib); err == nil {
			return min(st.Bavail*uint64(st.Bsize), kib<<10/2), nil
		}
	}
	return 0, fmt.Errorf("/proc/meminfo does not say what is available")
}
