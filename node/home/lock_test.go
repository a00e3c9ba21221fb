package home

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dure-net/dure/protocol"
)

// The test binary, started again with this variable, plays a second process.
const playVar = "DURE_HOME_TEST_PLAY"

func TestMain(m *testing.M) {
	switch os.Getenv(playVar) {
	case "":
		os.Exit(m.Run())
	case "run":
		playRun(os.Args[1])
	case "create":
		if _, err := Create(os.Args[1], seoulFacts, quiet()); err != nil {
			os.Stdout.WriteString(protocol.ReasonOf(err).String() + "\n")
			os.Exit(0)
		}
		os.Stdout.WriteString("created\n")
	}
	os.Exit(0)
}

var seoulFacts = protocol.MemberFacts{Handle: "kr-seoul", Kind: protocol.KindCity, Country: "KR",
	Names: protocol.Text{"en": "Seoul"}, Root: protocol.PublicKey{1}}

// playRun locks and runs a home until its input ends.
func playRun(dir string) {
	fail := func(err error) {
		os.Stdout.WriteString("error " + protocol.ReasonOf(err).String() + "\n")
		os.Exit(1)
	}
	h, err := Open(dir, Options{Now: func() time.Time { return noon }})
	if err != nil {
		fail(err)
	}
	release, err := h.Lock()
	if err != nil {
		fail(err)
	}
	stopped, err := h.SaveRun(Run{API: "http://127.0.0.1:7710"})
	if err != nil {
		fail(err)
	}
	os.Stdout.WriteString("running\n")
	io.Copy(io.Discard, os.Stdin)
	stopped()
	release()
}

// second starts a second process and waits for its first line.
func second(t *testing.T, play, dir string) (cmd *exec.Cmd, in io.Closer, said string) {
	t.Helper()
	cmd = exec.Command(os.Args[0], dir)
	cmd.Env = append(os.Environ(), playVar+"="+play)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stdin.Close(); cmd.Process.Kill(); cmd.Wait() })
	line, _ := bufio.NewReader(stdout).ReadString('\n')
	return cmd, stdin, strings.TrimSpace(line)
}

func TestHome_LockAgainstSecondProcess(t *testing.T) {
	h := newHome(t)
	cmd, in, said := second(t, "run", h.Dir())
	if said != "running" {
		t.Fatalf("the second process says %q", said)
	}
	began := time.Now()
	_, err := h.Lock()
	e := wantReason(t, err, protocol.ReasonHomeLocked)
	if e.Args["pid"] != strconv.Itoa(cmd.Process.Pid) || e.Args["started"] != noon.Format(time.RFC3339) || e.Args["path"] != h.Dir() {
		t.Errorf("args %v", e.Args)
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("it took %v to say so", took)
	}
	r, ok, err := h.Running()
	if err != nil || !ok || r.API != "http://127.0.0.1:7710" || r.PID != cmd.Process.Pid || !r.Started.Equal(noon) {
		t.Errorf("got %+v, %v, %v", r, ok, err)
	}
	in.Close()
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := h.Running(); ok || err != nil {
		t.Errorf("still running after the end: %v", err)
	}
	if _, err := os.Stat(h.path(runFile)); !os.IsNotExist(err) {
		t.Error("run.json was left")
	}
	release, err := h.Lock()
	if err != nil {
		t.Fatal(err)
	}
	release()
	release()
}

func TestHome_KilledProcessHoldsNothing(t *testing.T) {
	h := newHome(t)
	cmd, _, said := second(t, "run", h.Dir())
	if said != "running" {
		t.Fatalf("the second process says %q", said)
	}
	cmd.Process.Kill()
	cmd.Wait()
	if _, err := os.Stat(h.path(runFile)); err != nil {
		t.Fatal("the test shows nothing: run.json is gone")
	}
	if _, ok, err := h.Running(); ok || err != nil {
		t.Errorf("a killed process counts as running: %v", err)
	}
	release, err := h.Lock()
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	// An offline command holds the lock now; what the killed one said must not come back.
	if _, ok, err := h.Running(); ok || err != nil {
		t.Errorf("a killed process counts as running once another holds the lock: %v", err)
	}
}

func TestHome_LockTwiceInOneProcess(t *testing.T) {
	h := newHome(t)
	release, err := h.Lock()
	if err != nil {
		t.Fatal(err)
	}
	other, err := Open(h.Dir(), quiet())
	if err != nil {
		t.Fatal(err)
	}
	_, err = other.Lock()
	if e := wantReason(t, err, protocol.ReasonHomeLocked); e.Args["pid"] != strconv.Itoa(os.Getpid()) {
		t.Errorf("args %v", e.Args)
	}
	_, err = Create(h.Dir(), seoul(t), quiet())
	wantReason(t, err, protocol.ReasonHomeExists)
	release()
	again, err := other.Lock()
	if err != nil {
		t.Fatal(err)
	}
	release() // a second call must not free what another holds now
	_, err = h.Lock()
	wantReason(t, err, protocol.ReasonHomeLocked)
	again()
}

// Looking whether a home runs must not make a start fail.
func TestHome_LookingDoesNotDisturbStarting(t *testing.T) {
	h := newHome(t)
	var stop atomic.Bool
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for !stop.Load() {
				if _, err := h.locked(); err != nil {
					t.Error(err)
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
	for range 50 {
		release, err := h.Lock()
		if err != nil {
			t.Error(err)
			break
		}
		release()
	}
	stop.Store(true)
	wg.Wait()
}

func TestHome_CreateByManyProcessesAtOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "home")
	var mu sync.Mutex
	said := map[string]int{}
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			cmd := exec.Command(os.Args[0], dir)
			cmd.Env = append(os.Environ(), playVar+"=create")
			out, err := cmd.Output()
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			said[string(bytes.TrimSpace(out))]++
		})
	}
	wg.Wait()
	if said["created"] != 1 || said["created"]+said["home_exists"]+said["home_locked"] != 5 {
		t.Errorf("five processes said %v", said)
	}
	if _, err := Open(dir, quiet()); err != nil {
		t.Error(err)
	}
}

func TestHome_LockWithoutContentStillSaysSo(t *testing.T) {
	h := newHome(t)
	release, err := h.Lock()
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	for _, text := range []string{"", "not json", `{"pid":-1}`} {
		if err := os.WriteFile(h.path(lockFile), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err = h.Lock()
		if e := wantReason(t, err, protocol.ReasonHomeLocked); e.Args["pid"] != "" {
			t.Errorf("args %v", e.Args)
		}
	}
}

func TestHome_RunFileDamaged(t *testing.T) {
	h := newHome(t)
	if _, ok, err := h.Running(); ok || err != nil {
		t.Errorf("a new home runs: %v", err)
	}
	for _, text := range []string{"", "{", `{"api":"x","extra":1}`, strings.Repeat(" ", 5000)} {
		if err := os.WriteFile(h.path(runFile), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		_, ok, err := h.Running()
		if ok {
			t.Error("it runs")
		}
		wantReason(t, err, protocol.ReasonDamaged)
	}
	wantReason(t, h.NotRunning(), protocol.ReasonNotRunning)
}
