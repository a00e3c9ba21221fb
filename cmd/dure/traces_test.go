package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// traces FILE PATH looks for pieces of what FILE holds in every file below PATH: ledger,
// settings, logs, whatever lies there. Any piece of 20 bytes is a trace.
func traces(ts *testscript.TestScript, neg bool, a []string) {
	if len(a) != 2 {
		ts.Fatalf("usage: traces FILE PATH")
	}
	found := tracesIn(ts, a[0], a[1])
	if (len(found) > 0) == neg {
		ts.Fatalf("traces of %s in %s: %v", a[0], a[1], found)
	}
}

// gone SECONDS FILE PATH waits until there are no traces.
func gone(ts *testscript.TestScript, neg bool, a []string) {
	if neg || len(a) != 3 {
		ts.Fatalf("usage: gone SECONDS FILE PATH")
	}
	limit, err := strconv.Atoi(a[0])
	ts.Check(err)
	for n, deadline := 0, time.Now().Add(allowed(limit)); ; n++ {
		found := tracesIn(ts, a[1], a[2])
		if len(found) == 0 {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("after %v there are traces of %s in %v", allowed(limit), a[1], found)
		}
		rest(n)
	}
}

func tracesIn(ts *testscript.TestScript, marker, path string) (found []string) {
	text := strings.TrimSpace(ts.ReadFile(marker))
	for try := 0; try < 20; try++ { // files come and go while a node runs
		found = nil
		err := filepath.WalkDir(ts.MkAbs(path), func(name string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			raw, err := os.ReadFile(name)
			for at := 0; at+20 <= len(text); at += 20 {
				if bytes.Contains(raw, []byte(text[at:at+20])) {
					found = append(found, filepath.Base(name))
					break
				}
			}
			return err
		})
		if err == nil {
			break
		}
	}
	return found
}
