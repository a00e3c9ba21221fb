package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/dure-net/dure/node/home"
	"github.com/dure-net/dure/replication/ledger/ledgertest"
)

func TestMain(m *testing.M) {
	testscript.Main(suite{m}, map[string]func(){"dure": main})
}

// suite is the tests of this package, with homes in memory.
type suite struct{ *testing.M }

func (s suite) Run() int {
	_ = flag.Set("test.parallel", strconv.Itoa(max(4, runtime.GOMAXPROCS(0)))) // transcripts wait more than they work
	return ledgertest.Run(s.M)
}

// TestScript plays the transcripts of testdata/script with the real main.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("DURE_LANG", "en")
			e.Setenv("NO_COLOR", "1")
			e.Setenv("TZ", "UTC")
			e.Setenv("SOON", time.Now().UTC().AddDate(0, 0, 3).Format(time.DateOnly)) // a day within a week
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"until": until, "field": field, "keep": keep, "fetch": fetch, "mode": mode, "today": today,
			"craft": craft, "refused": refused, "refused-at": refusedAt, "fails": fails, "taken": taken, "traces": traces, "sized": sized, "picture": picture, "flip": flip, "gone": gone, "schema": schema, "meet": meet, "agree": agree, "halfsent": halfsent, "cutshort": cutshort, "nouploads": nouploads,
		},
	})
}

// allowed is how long a condition is waited for that takes so many seconds at most on a machine with nothing else to
// do: ten times as long, unless DURE_BARS holds timings to what is promised.
func allowed(seconds int) time.Duration {
	promised := time.Duration(seconds) * time.Second
	if os.Getenv("DURE_BARS") != "" {
		return promised
	}
	return 10 * promised
}

// rest waits before a program is run the nth time: shortly at first, so that nothing waits that is there soon, and
// then longer, since each look is a process that takes time from the nodes it looks at.
func rest(n int) { time.Sleep(min(time.Duration(n+1)*50*time.Millisecond, 400*time.Millisecond)) }

// until SECONDS PATTERN PROGRAM ARGUMENTS… runs the program again and again until it succeeds and its standard output
// matches.
func until(ts *testscript.TestScript, neg bool, a []string) {
	if neg || len(a) < 3 {
		ts.Fatalf("usage: until SECONDS PATTERN PROGRAM ARGUMENTS…")
	}
	limit, err := strconv.Atoi(a[0])
	ts.Check(err)
	pattern := regexp.MustCompile(a[1])
	program, err := exec.LookPath(a[2])
	ts.Check(err)
	for n, deadline := 0, time.Now().Add(allowed(limit)); ; n++ {
		cmd := exec.Command(program, a[3:]...)
		cmd.Dir = ts.Getenv("WORK")
		cmd.Env = append(os.Environ(), "DURE_LANG="+ts.Getenv("DURE_LANG"), "NO_COLOR=1", "TZ=UTC")
		var errs strings.Builder
		cmd.Stderr = &errs
		out, err := cmd.Output()
		if err == nil && pattern.Match(out) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("after %v %v still says (%v):\n%s%s", allowed(limit), a[2:], err, out, errs.String())
		}
		rest(n)
	}
}

// field FILE PATH PATTERN looks into JSON: "members.0.handle", "items.#" is the length of a list.
func field(ts *testscript.TestScript, neg bool, a []string) {
	if len(a) != 3 {
		ts.Fatalf("usage: field FILE PATH PATTERN")
	}
	var v any
	if err := json.Unmarshal([]byte(ts.ReadFile(a[0])), &v); err != nil {
		ts.Fatalf("%s is not JSON: %v", a[0], err)
	}
	got, err := at(v, a[1])
	if err != nil {
		ts.Fatalf("%s: %v", a[1], err)
	}
	if regexp.MustCompile(a[2]).MatchString(got) == neg {
		ts.Fatalf("%s is %q", a[1], got)
	}
}

// keep NAME FILE PATH puts a value of JSON into an environment variable, for the commands that follow.
func keep(ts *testscript.TestScript, neg bool, a []string) {
	if neg || len(a) != 3 {
		ts.Fatalf("usage: keep NAME FILE PATH")
	}
	var v any
	if err := json.Unmarshal([]byte(ts.ReadFile(a[1])), &v); err != nil {
		ts.Fatalf("%s is not JSON: %v", a[1], err)
	}
	got, err := at(v, a[2])
	ts.Check(err)
	ts.Setenv(a[0], got)
}

func at(v any, path string) (string, error) {
	for _, step := range strings.Split(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			inner, ok := x[step]
			if !ok {
				return "", fmt.Errorf("no %q", step)
			}
			v = inner
		case []any:
			if step == "#" {
				v = float64(len(x))
				continue
			}
			n, err := strconv.Atoi(step)
			if err != nil || n >= len(x) {
				return "", fmt.Errorf("no element %q of %d", step, len(x))
			}
			v = x[n]
		default:
			return "", fmt.Errorf("nothing below %q", step)
		}
	}
	if s, ok := v.(string); ok {
		return s, nil
	}
	raw, err := json.Marshal(v)
	return string(raw), err
}

// fetch HOME PATH PATTERN asks the running node over HTTP, as curl with the token would.
func fetch(ts *testscript.TestScript, neg bool, a []string) {
	if len(a) != 3 {
		ts.Fatalf("usage: fetch HOME PATH PATTERN")
	}
	h, err := home.Open(ts.MkAbs(a[0]), home.Options{})
	ts.Check(err)
	run, ok, err := h.Running()
	ts.Check(err)
	if !ok {
		ts.Fatalf("%s does not run", a[0])
	}
	token, err := h.Token()
	ts.Check(err)
	r, err := http.NewRequest(http.MethodGet, run.API+a[1], nil)
	ts.Check(err)
	r.Header.Set("Authorization", "Bearer "+token.Reveal())
	resp, err := http.DefaultClient.Do(r)
	ts.Check(err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	ts.Check(err)
	if regexp.MustCompile(a[2]).Match(body) == neg {
		ts.Fatalf("%s %s says %s:\n%s", a[0], a[1], resp.Status, body)
	}
}

// mode FILE MODE checks who may read a file.
func mode(ts *testscript.TestScript, neg bool, a []string) {
	info, err := os.Stat(ts.MkAbs(a[0]))
	ts.Check(err)
	if got := fmt.Sprintf("%04o", info.Mode().Perm()); (got == a[1]) == neg {
		ts.Fatalf("%s has mode %s", a[0], got)
	}
}

// today FILE… replaces TODAY and LATER in files by days that hold when the test runs.
func today(ts *testscript.TestScript, _ bool, a []string) {
	now := time.Now().UTC()
	r := strings.NewReplacer("TODAY", now.Format(time.DateOnly), "LATER", now.AddDate(0, 2, 0).Format(time.DateOnly))
	for _, name := range a {
		path := ts.MkAbs(name)
		raw, err := os.ReadFile(path)
		ts.Check(err)
		ts.Check(os.WriteFile(filepath.Clean(path), []byte(r.Replace(string(raw))), 0o644))
	}
}
