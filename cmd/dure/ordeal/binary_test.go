//go:build linux

package ordeal

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"
)

// build makes the binary as it is released, once for all tests. Only the paths in it are left
// as they are: what go test has compiled already is then not compiled a second time.
var build = sync.OnceValues(func() (string, error) {
	if given := os.Getenv("DURE_BINARY"); given != "" {
		return filepath.Abs(given)
	}
	path := filepath.Join(scratch, "dure")
	cmd := exec.Command("go", "build", "-ldflags", "-s -w", "-o", path, "github.com/dure-net/dure/cmd/dure")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building dure: %w\n%s", err, out)
	}
	return path, nil
})

// scratch is where the binary lies while the tests run.
var scratch string

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		play(role)
		return
	}
	os.Exit(rehearse(m))
}

func rehearse(m *testing.M) int {
	var err error
	if scratch, err = os.MkdirTemp("", "dure-ordeal"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(scratch)
	return m.Run()
}

func binary(t testing.TB) string {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// dure runs one command to its end and reads its --json answer. It fails the test when
// the command does.
func dure(t testing.TB, answer any, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary(t), append(args, "--json")...)
	cmd.Env = plainEnvironment()
	out, err := cmd.Output()
	if err != nil {
		said := ""
		if e, ok := err.(*exec.ExitError); ok {
			said = string(e.Stderr)
		}
		t.Fatalf("dure %v: %v\n%s%s", args, err, out, said)
	}
	if err := json.Unmarshal(out, answer); err != nil {
		t.Fatalf("dure %v answered %q: %v", args, out, err)
	}
}

// plainEnvironment keeps settings of the caller's own node away from the tests' nodes.
func plainEnvironment() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + scratch, "TMPDIR=" + os.TempDir(), "LANG=C.UTF-8"}
}

// times is how often to do something: the number in the environment, or the short run's.
func times(t testing.TB, variable string, short int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return short
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s=%q is not a number", variable, text)
	}
	return n
}

// patience is how long something is waited for on a machine that does other work besides.
const patience = 2 * time.Minute

// bar is the bound of a timing: what is promised where the environment asks for it,
// else what a machine that does other work besides must still keep.
func bar(promised, lenient time.Duration) time.Duration {
	if os.Getenv("DURE_BARS") != "" {
		return promised
	}
	return lenient
}
