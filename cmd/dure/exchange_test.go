package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// meet HOME HOME… lets nodes that do not run hear of each other: each takes a bundle of every other one's ledger, in the
// order named, so that the last two hold the same. With two homes it is one meeting, for example by a stick carried over.
func meet(ts *testscript.TestScript, neg bool, a []string) {
	if neg || len(a) < 2 {
		ts.Fatalf("usage: meet HOME HOME…")
	}
	carry := func(from string, to ...string) {
		bundle := filepath.Join(ts.Getenv("WORK"), "meet.car")
		os.Remove(bundle)
		program(ts, "export", bundle, "--home", from)
		for _, home := range to {
			program(ts, "import", bundle, "--home", home)
		}
	}
	last := len(a) - 1
	for i := range last {
		carry(a[i], a[i+1])
	}
	carry(a[last], a[:last]...) // which has met all the others
}

// program runs dure and gives what it says; a failure ends the script.
func program(ts *testscript.TestScript, arguments ...string) []byte {
	name, err := exec.LookPath("dure")
	ts.Check(err)
	cmd := exec.Command(name, arguments...)
	cmd.Dir = ts.Getenv("WORK")
	cmd.Env = append(os.Environ(), "DURE_LANG=en", "NO_COLOR=1", "TZ=UTC")
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		ts.Fatalf("dure %s: %v\n%s%s", strings.Join(arguments, " "), err, out, errs.String())
	}
	return out
}

// agree AGREEMENT PHASE HOME… holds the homes to the same state of an agreement, byte for byte of what is derived.
func agree(ts *testscript.TestScript, neg bool, a []string) {
	if neg || len(a) < 3 {
		ts.Fatalf("usage: agree AGREEMENT PHASE HOME…")
	}
	first := ""
	for _, home := range a[2:] {
		var one struct{ Digest, Phase string }
		if err := json.Unmarshal(program(ts, "agreement", a[0], "--json", "--home", home), &one); err != nil {
			ts.Fatalf("%s: %v", home, err)
		}
		if one.Phase != a[1] {
			ts.Fatalf("%s has %s as %s, want %s", home, a[0], one.Phase, a[1])
		}
		if first == "" {
			first = one.Digest
		}
		if one.Digest != first || one.Digest == "" {
			ts.Fatalf("%s has another state of %s than %s", home, a[0], a[2])
		}
	}
}
