package main

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/dure-net/dure/node/phrase"
	"github.com/dure-net/dure/protocol"
)

// inLanguages is the order in which transcripts give patterns of sentences.
var inLanguages = []string{"en", "ko", "fr", "es"}

// craft HOW FROM TO changes an invitation in one respect.
func craft(ts *testscript.TestScript, _ bool, a []string) {
	text := strings.TrimSpace(ts.ReadFile(a[1]))
	inv, err := protocol.ParseInvitation(text)
	ts.Check(err)
	switch a[0] {
	case "foreign":
		inv.Federation = protocol.Sum([]byte("another founding act"))
	case "expired":
		inv.Expires = time.Now().Add(-time.Hour).Unix()
	case "unreachable":
		// Port 9 (discard) of loopback: nobody listens there.
		inv.Addresses = []string{"/ip4/127.0.0.1/tcp/9", "/ip4/127.0.0.1/udp/9/quic-v1"}
	case "half":
		ts.Check(os.WriteFile(ts.MkAbs(a[2]), []byte(text[:len(text)/2]), 0o600))
		return
	default:
		ts.Fatalf("no way %q", a[0])
	}
	line, err := inv.Line()
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(a[2]), []byte(line+"\n"), 0o600))
}

// refused LINE REASON CODE EN KO FR ES joins from the home busan.
func refused(ts *testscript.TestScript, neg bool, a []string) {
	refusedAt(ts, neg, append([]string{"busan"}, a...))
}

// refused-at HOME LINE REASON CODE EN KO FR ES.
func refusedAt(ts *testscript.TestScript, _ bool, a []string) {
	fails(ts, false, append(append([]string{}, a[2:8]...), "join", "--timeout", "2", "--home", a[0], "--words-file", a[0]+".words", "@"+a[1]))
}

// fails REASON CODE EN KO FR ES ARGUMENTS… runs dure in four languages and for programs: each time the sentence is
// there, a next step too, the exit code is right and nothing stands on standard output.
func fails(ts *testscript.TestScript, _ bool, a []string) {
	code, err := strconv.Atoi(a[1])
	ts.Check(err)
	arguments := expand(ts, a[2+len(inLanguages):])
	hints := map[string]bool{}
	for i, lang := range inLanguages {
		out, errs, got := speak(ts, append([]string{"--lang", lang}, arguments...))
		if got != code || out != "" {
			ts.Fatalf("%s: exits with %d, wants %d; says %q\n%s", lang, got, code, out, errs)
		}
		if !regexp.MustCompile(a[2+i]).MatchString(strings.ReplaceAll(errs, "\u00a0", " ")) {
			ts.Fatalf("%s: no match for %q in\n%s", lang, a[2+i], errs)
		}
		lines := strings.Split(strings.TrimSpace(errs), "\n")
		hints[lines[len(lines)-1]] = true
	}
	if len(hints) != len(phrase.Languages()) {
		ts.Fatalf("the next step is said in %d languages: %v", len(hints), hints)
	}
	_, errs, _ := speak(ts, append([]string{"--json", "--quiet"}, arguments...))
	var told struct{ Error errorJSON }
	if err := json.Unmarshal([]byte(errs), &told); err != nil || told.Error.Code != a[0] || told.Error.Hint == "" {
		ts.Fatalf("for programs: %v, wants %s:\n%s", err, a[0], errs)
	}
}

// speak runs dure once.
func speak(ts *testscript.TestScript, arguments []string) (out, errs string, code int) {
	program, err := exec.LookPath("dure")
	ts.Check(err)
	var o, e strings.Builder
	cmd := exec.Command(program, arguments...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = ts.Getenv("WORK"), &o, &e
	cmd.Env = append(os.Environ(), "NO_COLOR=1", "TZ=UTC")
	_ = cmd.Run()
	return o.String(), e.String(), cmd.ProcessState.ExitCode()
}

// expand puts the content of a file in place of @FILE.
func expand(ts *testscript.TestScript, arguments []string) []string {
	var out []string
	for _, arg := range arguments {
		if name, ok := strings.CutPrefix(arg, "@"); ok {
			arg = strings.TrimSpace(ts.ReadFile(name))
		}
		out = append(out, arg)
	}
	return out
}

// taken holds a port for UDP and TCP until the transcript ends, as another program would; $TAKEN names it.
func taken(ts *testscript.TestScript, _ bool, _ []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	u, err := net.ListenPacket("udp", "127.0.0.1:"+port)
	ts.Check(err)
	ts.Defer(func() {
		_ = l.Close()
		_ = u.Close()
	})
	ts.Setenv("TAKEN", port)
}
