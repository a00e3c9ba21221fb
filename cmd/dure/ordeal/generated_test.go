//go:build linux

package ordeal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// fetching bounds how long it may take to fetch the generator and what its clients need:
// where that cannot be done there is no test. building bounds each program after that.
const (
	fetching = time.Minute
	building = 3 * time.Minute
)

// A client that somebody else's generator makes from the document that a node serves
// compiles, and lists the node's offers page by page. Somebody else's validator has no
// objection to the document. The generator is fetched as a Go module of its own, by the
// hashes in testdata/generated/go.sum, and is no part of dure.
func TestGenerated_ClientListsOffers(t *testing.T) {
	if testing.Short() {
		t.Skip("a generator is not built in a short run")
	}
	w := &workshop{t: t, dir: t.TempDir()}
	if err := os.CopyFS(w.dir, os.DirFS(filepath.Join("testdata", "generated"))); err != nil {
		t.Fatal(err)
	}
	if out, err := w.try(fetching, "go", "mod", "download"); err != nil {
		t.Skipf("the generator cannot be had here: %v\n%s", err, out)
	}
	w.must("go", "build", "-o", "bin/", "github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen", "./validator")

	f := found(t, layout{members: 1})
	f.start()
	m := f.members[0]
	want := []string{}
	for n := range 3 {
		r, err := m.publish(offer(n))
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, r.Record+" offer "+r.Number+" open")
	}
	m.mustPublish(1, request)

	resp, err := m.client.Get("http://" + m.api + "/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	document, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status, err)
	}
	if err := os.WriteFile(filepath.Join(w.dir, "openapi.json"), document, 0o600); err != nil {
		t.Fatal(err)
	}
	w.must("bin/validator", "openapi.json")
	if err := os.Mkdir(filepath.Join(w.dir, "client"), 0o700); err != nil {
		t.Fatal(err)
	}
	w.must("bin/oapi-codegen", "-generate", "types,client", "-package", "client", "-o", "client/client.gen.go", "openapi.json")
	w.must("go", "build", "-o", "bin/lister", ".")
	got := strings.Split(strings.TrimSpace(w.must("bin/lister", "http://"+m.api, m.token)), "\n")
	slices.Reverse(want) // newest first
	if !slices.Equal(got, want) {
		t.Errorf("the generated client lists\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// workshop is a directory in which programs are built and run.
type workshop struct {
	t   *testing.T
	dir string
}

// try runs a program until it ends or its time is over; then it and all that it started
// are ended.
func (w *workshop) try(within time.Duration, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	if strings.HasPrefix(name, "bin/") {
		name = filepath.Join(w.dir, name)
	}
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = w.dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=readonly", "GOWORK=off", "GOTOOLCHAIN=local", "CGO_ENABLED=0")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		err = fmt.Errorf("not within %v: %w", within, ctx.Err())
	}
	return string(out), err
}

// must is try for what may not fail. Where a machine is so busy that it does not come to its
// end, there is no test.
func (w *workshop) must(name string, args ...string) string {
	w.t.Helper()
	out, err := w.try(building, name, args...)
	if errors.Is(err, context.DeadlineExceeded) {
		w.t.Skipf("%s %s: %v", name, strings.Join(args, " "), err)
	}
	if err != nil {
		w.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return out
}

// offer is a record as a member of staff would write it, different for each n.
func offer(n int) []byte {
	return fmt.Appendf(nil, `{"type":"offer","lang":"en","kind":"personnel","mode":"trainer","title":{"en":"Trainer %d"},
"summary":{"en":"Teaches how a cooperative keeps its books."},"themes":["care"],"skills":["2359"],"effort":{"value":"10","unit":"DAY"},
"window":{"from":"2027-03-02","to":"2027-05-28"},"delivery":"remote","working_languages":["en"],"return":"gift","valid_until":"2027-02-26"}`, n)
}
