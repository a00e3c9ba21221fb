//go:build unix

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/home"
	"github.com/dure-net/dure/node/sample"
)

// shown is a demonstration that runs as a process of its own, as a person would run it.
type shown struct {
	demoSettled
	t    *testing.T
	cmd  *exec.Cmd
	errs *strings.Builder
	temp string // where it keeps its homes, unless told otherwise
	done chan error
}

// showDemo starts `dure demo --json` and waits for its one line.
func showDemo(t *testing.T, arguments ...string) *shown {
	t.Helper()
	if testing.Short() {
		t.Skip("starts several processes")
	}
	s := &shown{t: t, errs: &strings.Builder{}, temp: t.TempDir(), done: make(chan error, 1)}
	s.cmd = exec.Command("dure", append([]string{"demo", "--json"}, arguments...)...)
	s.cmd.Env = append(os.Environ(), "TMPDIR="+s.temp, "DURE_LANG=en")
	s.cmd.Stderr = s.errs
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.cmd.Process.Kill() })
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	if !lines.Scan() {
		t.Fatalf("no line: %v\n%s", s.cmd.Wait(), s.errs)
	}
	d := json.NewDecoder(strings.NewReader(lines.Text()))
	d.DisallowUnknownFields()
	if err := d.Decode(&s.demoSettled); err != nil {
		t.Fatalf("%v: %s", err, lines.Text())
	}
	go func() {
		for lines.Scan() {
			t.Errorf("a second line: %s", lines.Text())
		}
		s.done <- s.cmd.Wait()
	}()
	return s
}

// interrupt ends it as Ctrl-C does.
func (s *shown) interrupt() {
	s.t.Helper()
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		s.t.Fatal(err)
	}
	select {
	case err := <-s.done:
		if err != nil {
			s.t.Errorf("ended with %v\n%s", err, s.errs)
		}
	case <-time.After(allowed(30)):
		s.t.Fatalf("does not end\n%s", s.errs)
	}
}

func (s *shown) client(i int) *api.Client {
	s.t.Helper()
	token, err := os.ReadFile(s.Members[i].TokenFile)
	if err != nil {
		s.t.Fatal(err)
	}
	return api.NewClient(s.Members[i].API, string(token))
}

// same fails unless all named nodes come to one ledger without anything wanted, and returns what they list.
func (s *shown) same(records int, clients ...*api.Client) {
	s.t.Helper()
	var last string
	for deadline := time.Now().Add(allowed(20)); ; time.Sleep(50 * time.Millisecond) {
		roots, wanted, listed := map[string]int{}, uint64(0), records
		for _, c := range clients {
			status, err := c.Status(s.t.Context())
			if err != nil {
				s.t.Fatal(err)
			}
			page, err := c.Records(s.t.Context(), api.RecordQuery{Limit: api.MaxLimit})
			if err != nil {
				s.t.Fatal(err)
			}
			roots[status.Ledger.Root]++
			wanted += status.Ledger.Wanted
			if len(page.Items) != records {
				listed = len(page.Items)
			}
		}
		if len(roots) == 1 && wanted == 0 && listed == records {
			return
		}
		last = strings.TrimSpace(strings.Join(sortedKeys(roots), " "))
		if time.Now().After(deadline) {
			s.t.Fatalf("roots %s, %d wanted, %d records listed, want %d", last, wanted, listed, records)
		}
	}
}

// sameMatches fails unless every node finds the expected matches of the sample records,
// with the same reasons in the same order.
func (s *shown) sameMatches(clients ...*api.Client) {
	s.t.Helper()
	want := map[string]int{"kr-seoul-4": 94, "ph-quezon-city-3": 66, "ph-quezon-city-4": 98, "ca-chantier-2": 83, "kr-sen-1": 94 + 53, "it-bologna-1": 86,
		"es-bilbao-1": 94, "kr-ssec-1": 89, "gb-lambeth-1": 94, "ml-bamako-1": 59, "mx-mexico-city-1": 98, "sn-dakar-1": 0, "ca-montreal-3": 0}
	page, err := clients[0].Records(s.t.Context(), api.RecordQuery{Types: []string{"request"}, Limit: api.MaxLimit})
	if err != nil || len(page.Items) != len(want) {
		s.t.Fatalf("%d requests: %v", len(page.Items), err)
	}
	day := time.Now().UTC().Format(time.DateOnly)
	for _, request := range page.Items {
		var first string
		for i, c := range clients {
			m, err := c.Matches(s.t.Context(), api.MatchQuery{Ref: request.ID, AsOf: day})
			if err != nil {
				s.t.Fatal(err)
			}
			told, sum := "", 0
			for _, one := range m.Items {
				sum += one.Score
				told += fmt.Sprintln(one.Record.ID, one.Score, one.Reasons)
			}
			if sum != want[request.Number] {
				s.t.Errorf("%s finds matches of %d points for %s, want %d", s.Members[i].Handle, sum, request.Number, want[request.Number])
			}
			if i == 0 {
				first = told
			} else if told != first {
				s.t.Errorf("%s matches %s otherwise:\n%s\n%s", s.Members[i].Handle, request.Number, told, first)
			}
		}
	}
}

// remarks fails unless every node shows what members say about one another's records.
func (s *shown) remarks(clients ...*api.Client) {
	s.t.Helper()
	for i, c := range clients {
		var got [5]int
		page, err := c.Records(s.t.Context(), api.RecordQuery{Member: "kr-seoul", Limit: api.MaxLimit})
		if err != nil {
			s.t.Fatal(err)
		}
		for _, r := range page.Items {
			said, err := c.Remarks(s.t.Context(), r.ID, "")
			if err != nil {
				s.t.Fatal(err)
			}
			for _, q := range said.Questions {
				got[0], got[1] = got[0]+1, got[1]+len(q.Replies)
			}
			got[2], got[3], got[4] = got[2]+len(said.Translations), got[3]+len(said.Adoptions), got[4]+len(said.Endorsements)
		}
		if got != [5]int{1, 1, 1, 1, 1} {
			s.t.Errorf("%s shows %v questions, replies, translations, adoptions and endorsements", s.Members[i].Handle, got)
		}
	}
}

func TestDemo_FiveCities(t *testing.T) {
	s := showDemo(t)
	if !s.Settled || s.Records != 40 || len(s.Members) != 5 || s.Root == "" {
		t.Fatalf("got %+v", s.demoSettled)
	}
	t.Logf("settled after %.1f s", s.Seconds)
	if limit := allowed(15); s.Seconds > limit.Seconds() {
		t.Errorf("took %.1f s, want at most %v", s.Seconds, limit)
	}
	owners := map[string]int{}
	for _, r := range sample.Records() {
		owners[r.Member]++
	}
	var clients []*api.Client
	for i, m := range s.Members {
		clients = append(clients, s.client(i))
		page, err := clients[i].Records(t.Context(), api.RecordQuery{Limit: api.MaxLimit})
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]int{}
		for _, r := range page.Items {
			got[r.Member]++
			if until, ok := r.Content["valid_until"].(string); ok && until < time.Now().UTC().AddDate(-1, 0, 0).Format(time.DateOnly) {
				t.Errorf("%s still ends %s: its days were not moved", r.Number, until)
			}
		}
		for owner, want := range owners {
			if got[owner] != want {
				t.Errorf("%s lists %d records of %s, want %d", m.Handle, got[owner], owner, want)
			}
		}
		status, err := clients[i].Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(status.Federation.Notice) < 4 {
			t.Errorf("%s does not say that the records are made up", m.Handle)
		}
		if len(status.Members) != 20 {
			t.Errorf("%s knows %d members, want 20", m.Handle, len(status.Members))
		}
	}
	s.same(40, clients...)
	s.sameMatches(clients...)
	s.remarks(clients...)
	s.interrupt()
	left, err := os.ReadDir(s.temp)
	if err != nil || len(left) > 0 {
		t.Errorf("not cleaned up: %v %v", left, err)
	}
	for _, m := range s.Members {
		if syscall.Kill(m.PID, 0) == nil {
			t.Errorf("process %d of %s is still there", m.PID, m.Handle)
		}
	}
}

func TestDemo_StoppedCityCatchesUp(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	s := showDemo(t, "--members", "3", "--home", dir)
	last := s.Members[2]
	if err := syscall.Kill(last.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	first := s.client(0)
	raw, err := os.ReadFile("testdata/notice.json")
	if err != nil {
		t.Fatal(err)
	}
	receipt, err := first.Publish(t.Context(), api.Draft{Type: "notice", Raw: raw})
	if err != nil {
		t.Fatal(err)
	}
	again := exec.Command("dure", "start", "--home", last.Home, "--quiet")
	again.Env = append(os.Environ(), "DURE_LANG=en")
	if err := again.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = again.Process.Kill() })
	h, err := home.Open(last.Home, home.Options{})
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	for {
		if run, ok, err := h.Running(); err != nil {
			t.Fatal(err)
		} else if ok && run.PID == again.Process.Pid {
			if run.API != last.API {
				t.Errorf("it came back at %s, was at %s", run.API, last.API)
			}
			break
		}
		if time.Since(begun) > allowed(20) {
			t.Fatal("it does not start again")
		}
		time.Sleep(20 * time.Millisecond)
	}
	third := s.client(2)
	ctx, cancel := context.WithTimeout(t.Context(), allowed(20))
	defer cancel()
	for {
		if r, err := third.Record(ctx, receipt.Record); err == nil && r.State == api.RecordPublished {
			break
		}
		if ctx.Err() != nil {
			t.Fatal("it does not catch up")
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Logf("caught up %.1f s after it was started again", time.Since(begun).Seconds())
	s.same(41, first, s.client(1), third)
	_ = again.Process.Signal(syscall.SIGTERM)
	if err := again.Wait(); err != nil {
		t.Errorf("the city started by hand ended with %v", err)
	}
	s.interrupt()
	for _, m := range s.Members {
		if _, err := os.Stat(m.TokenFile); err != nil {
			t.Errorf("the home of %s was to stay: %v", m.Handle, err)
		}
	}
}

func TestDemo_EachWayCarriesAlone(t *testing.T) {
	for _, off := range []string{"--no-gossip", "--no-catch-up"} {
		t.Run(off, func(t *testing.T) {
			s := showDemo(t, "--members", "3", off)
			t.Logf("settled after %.1f s", s.Seconds)
			s.same(40, s.client(0), s.client(1), s.client(2))
			s.interrupt()
		})
	}
}

func TestDemo_SecondInterruptEndsAtOnce(t *testing.T) {
	s := showDemo(t, "--members", "2")
	// A stopped process cannot end in order, so the first interrupt leaves the demonstration waiting for it.
	if err := syscall.Kill(s.Members[1].PID, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	_ = s.cmd.Process.Signal(os.Interrupt)
	time.Sleep(2 * oneInterrupt)
	begun := time.Now()
	_ = s.cmd.Process.Signal(os.Interrupt)
	select {
	case err := <-s.done:
		exit, ok := err.(*exec.ExitError)
		if !ok || exit.ExitCode() != exitInterrupted {
			t.Errorf("ended with %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("does not end")
	}
	if took := time.Since(begun); took > time.Second {
		t.Errorf("took %v", took)
	}
}
