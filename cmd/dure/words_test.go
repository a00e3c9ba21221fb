package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dure-net/dure/node/phrase"
	"github.com/dure-net/dure/protocol"
)

// talk is an app whose standard input and error are pipes.
func talk(t *testing.T) (a *app, typed *os.File, shown *bufio.Reader) {
	t.Helper()
	book, err := phrase.New()
	if err != nil {
		t.Fatal(err)
	}
	in, typed, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err2, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, f := range []*os.File{in, typed, out, err2} {
			_ = f.Close()
		}
	})
	a = &app{book: book, lang: "en", in: in, out: io.Discard, err: err2, now: time.Now, outputs: map[string]any{}}
	return a, typed, bufio.NewReader(out)
}

// readUntil reads what is shown until it matches.
func readUntil(t *testing.T, r *bufio.Reader, pattern string) []string {
	t.Helper()
	var text bytes.Buffer
	for {
		b, err := r.ReadByte()
		if err != nil {
			t.Fatalf("%v after %q", err, text.String())
		}
		text.WriteByte(b)
		if m := regexp.MustCompile(pattern).FindStringSubmatch(text.String()); m != nil {
			return m
		}
	}
}

func TestWords_ShownOnceAndTwoAskedBack(t *testing.T) {
	words := strings.Fields("abandon ability able about above absent absorb abstract absurd abuse access accident account accuse achieve acid acoustic acquire across act action actor actress actual")
	for _, wrong := range []int{0, 1, triesBack} {
		t.Run(fmt.Sprint(wrong, " wrong answers"), func(t *testing.T) {
			a, typed, shown := talk(t)
			result := make(chan error, 1)
			go func() { result <- a.showWords(words) }()
			readUntil(t, shown, ` 1\. abandon +2\. ability`)
			readUntil(t, shown, `Press Enter`)
			fmt.Fprintln(typed)
			left := wrong
			for asked := 0; asked < 2; {
				m := readUntil(t, shown, `What is word (\d+)\? `)
				n, err := strconv.Atoi(m[1])
				if err != nil || n < 1 || n > len(words) {
					t.Fatalf("asked for word %q", m[1])
				}
				if left > 0 {
					left--
					fmt.Fprintln(typed, "zebra")
					if left == 0 && wrong == triesBack {
						break
					}
					continue
				}
				fmt.Fprintln(typed, strings.ToUpper(words[n-1])+" ")
				asked++
			}
			err := <-result
			if want := wrong == triesBack; (err != nil) != want {
				t.Fatalf("got %v", err)
			}
			if err != nil && (protocol.ReasonOf(err) != protocol.ReasonWrongWords || exitCode(err) != exitWords) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestWords_TwoPlacesDiffer(t *testing.T) {
	seen := map[int]bool{}
	for range 2000 {
		p := twoPlaces(24)
		if p[0] >= p[1] || p[0] < 0 || p[1] > 23 {
			t.Fatalf("got %v", p)
		}
		seen[p[0]], seen[p[1]] = true, true
	}
	if len(seen) != 24 {
		t.Errorf("only %d places were ever asked", len(seen))
	}
}

func TestTable_AlignsHangul(t *testing.T) {
	var b strings.Builder
	x := table{indent: 1}
	x.row("kr-seoul", "서울특별시", "회원")
	x.row("ca", "City of Montréal", "")
	x.row("\x1b[1mes\x1b[0m", "가", "member")
	x.print(&b)
	want := " kr-seoul  서울특별시        회원\n ca        City of Montréal\n \x1b[1mes\x1b[0m        가                member\n"
	if b.String() != want {
		t.Errorf("got\n%q want\n%q", b.String(), want)
	}
	if got := cut("서울특별시", 5); width(got) > 5 || !strings.HasSuffix(got, "…") {
		t.Errorf("got %q", got)
	}
}

func TestListenAddresses(t *testing.T) {
	for in, want := range map[string]string{
		"127.0.0.1:4711":     "/ip4/127.0.0.1/udp/4711/quic-v1,/ip4/127.0.0.1/tcp/4711",
		":4711":              "/ip4/0.0.0.0/udp/4711/quic-v1,/ip4/0.0.0.0/tcp/4711",
		"[::1]:0":            "/ip6/::1/udp/0/quic-v1,/ip6/::1/tcp/0",
		"/ip4/1.2.3.4/tcp/1": "/ip4/1.2.3.4/tcp/1",
	} {
		if got, err := listenAddresses([]string{in}); err != nil || got != want {
			t.Errorf("%s: got %q, %v", in, got, err)
		}
	}
	for _, in := range []string{"4711", "host:1", "1.2.3.4"} {
		if _, err := listenAddresses([]string{in}); exitCode(err) != exitUsage {
			t.Errorf("%s: got %v", in, err)
		}
	}
}

func TestExitCode_OfEveryReason(t *testing.T) {
	known := map[int]bool{}
	for _, code := range exitCodes {
		known[code] = true
	}
	for _, r := range protocol.Reasons()[1:] {
		if code := exitCode(fmt.Errorf("x: %w", protocol.Fail(r, "test", nil))); code == exitOK || !known[code] {
			t.Errorf("%s exits with %d", r, code)
		}
	}
	for err, want := range map[error]int{context.Canceled: exitInterrupted, problems{}: exitProblems, misuse("usage.flags", nil): exitUsage, io.ErrUnexpectedEOF: exitFailed} {
		if got := exitCode(err); got != want {
			t.Errorf("%v exits with %d, want %d", err, got, want)
		}
	}
}
