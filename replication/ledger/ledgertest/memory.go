// Package ledgertest owns where tests keep their ledgers and homes: in memory, where a
// machine has plenty of it. It is never part of the program.
package ledgertest

import (
	"flag"
	"os"
	"strings"
)

// roomInMemory is how many bytes must be free where files lie in memory: several times
// what the tests of two packages keep at once.
const roomInMemory = 3 << 30

// Run runs a package's tests with their temporary directories in memory, where there is
// room for them, and returns the exit code: a slow disk makes every write wait, and what
// outlasts a power cut is shown by the ordeals of a disk that can be cut. What the tests
// leave behind is removed. Benchmarks stay on the disk, which is what they measure.
func Run(m interface{ Run() int }) int {
	flag.Parse()
	if bench := flag.Lookup("test.bench"); bench != nil && bench.Value.String() != "" {
		return m.Run()
	}
	free, err := freeInMemory()
	if err != nil || free < roomInMemory || strings.HasPrefix(os.TempDir(), memory) { // a test's own child lies there already
		return m.Run()
	}
	dir, err := os.MkdirTemp(memory, "dure-test")
	if err != nil {
		return m.Run()
	}
	defer os.RemoveAll(dir)
	if err := os.Setenv("TMPDIR", dir); err != nil {
		return m.Run()
	}
	return m.Run()
}
