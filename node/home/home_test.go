package home

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/dure-net/dure/protocol"
)

// key makes the same key for the same number, so that tests can be read again.
func testKey(t testing.TB, n byte) protocol.PrivateKey {
	t.Helper()
	k, err := protocol.NewPrivateKey(bytes.Repeat([]byte{n}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func seoul(t testing.TB) protocol.MemberFacts {
	return protocol.MemberFacts{Handle: "kr-seoul", Kind: protocol.KindCity, Country: "KR",
		Names: protocol.Text{"ko": "서울특별시", "en": "Seoul Metropolitan Government"}, Root: testKey(t, 1).Public()}
}

var noon = time.Date(2026, 12, 15, 3, 0, 0, 0, time.UTC)

// quiet are options without the machine's environment or clock.
func quiet() Options {
	return Options{Now: func() time.Time { return noon }, Getenv: func(string) string { return "" }}
}

func newHome(t testing.TB) *Home {
	t.Helper()
	h, err := Create(filepath.Join(t.TempDir(), "home"), seoul(t), quiet())
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func wantReason(t *testing.T, err error, want protocol.Reason) *protocol.Error {
	t.Helper()
	var e *protocol.Error
	if !errors.As(err, &e) || e.Reason != want {
		t.Fatalf("got %v (%v), want reason %v", err, protocol.ReasonOf(err), want)
	}
	return e
}

func TestHome_CreateThenOpen(t *testing.T) {
	h := newHome(t)
	again, err := Open(h.Dir(), quiet())
	if err != nil {
		t.Fatal(err)
	}
	if again.Node().Public() != h.Node().Public() || h.Node().IsZero() {
		t.Error("the node key does not read back")
	}
	m, err := again.Member()
	if err != nil || m.Handle != "kr-seoul" || m.Names["ko"] != "서울특별시" || m.Root != testKey(t, 1).Public() {
		t.Errorf("got %+v, %v", m, err)
	}
	one, err := h.Token()
	two, err2 := again.Token()
	if err != nil || err2 != nil || one != two || one.IsZero() || len(one.Reveal()) != len(tokenPrefix)+52 {
		t.Errorf("the token does not read back: %v %v", err, err2)
	}
	s, err := again.Settings(nil)
	if err != nil || s.Config.Text("listen") != Default().Text("listen") {
		t.Errorf("a new home has no settings in force: %v", err)
	}
	if got := again.LedgerDir(); filepath.Dir(got) != h.Dir() {
		t.Errorf("the ledger lies at %s", got)
	}
	if _, err := os.Stat(again.LedgerDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Error("home made the ledger's directory")
	}
	if left, _ := filepath.Glob(filepath.Join(h.Dir(), "*.new")); left != nil {
		t.Errorf("left behind: %v", left)
	}
}

func TestHome_TwoHomesHaveDifferentSecrets(t *testing.T) {
	a, b := newHome(t), newHome(t)
	at, _ := a.Token()
	bt, _ := b.Token()
	if a.Node().Public() == b.Node().Public() || at == bt {
		t.Error("two homes share a secret")
	}
}

func TestHome_CreateTwice(t *testing.T) {
	h := newHome(t)
	before, _ := os.ReadFile(h.path(nodeKeyFile))
	_, err := Create(h.Dir(), seoul(t), quiet())
	e := wantReason(t, err, protocol.ReasonHomeExists)
	if e.Args["path"] != h.Dir() {
		t.Errorf("args %v", e.Args)
	}
	if after, _ := os.ReadFile(h.path(nodeKeyFile)); !bytes.Equal(before, after) {
		t.Error("the node key was replaced")
	}
}

func TestHome_CreateCompletesWhatACrashLeft(t *testing.T) {
	for _, lost := range [][]string{{memberFile}, {memberFile, configFile}, {memberFile, tokenFile}, {memberFile, configFile, tokenFile, nodeKeyFile}} {
		h := newHome(t)
		for _, name := range lost {
			if err := os.Remove(h.path(name)); err != nil {
				t.Fatal(err)
			}
		}
		// A write that was cut leaves a file beside, perhaps readable by all.
		if err := os.WriteFile(h.path(nodeKeyFile+".new"), []byte("half"), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := Open(h.Dir(), quiet())
		wantReason(t, err, protocol.ReasonNoHome)
		again, err := Create(h.Dir(), seoul(t), quiet())
		if err != nil {
			t.Fatalf("without %v: %v", lost, err)
		}
		if kept := again.Node().Public() == h.Node().Public(); kept != (len(lost) < 4) {
			t.Errorf("without %v: node key kept = %v", lost, kept)
		}
		if _, err := again.Token(); err != nil {
			t.Error(err)
		}
	}
}

func TestHome_CreateKeepsSettingsPutThereBefore(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, configFile), []byte("lang = \"fr\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	h, err := Create(dir, seoul(t), quiet())
	if err != nil {
		t.Fatal(err)
	}
	if s, err := h.Settings(nil); err != nil || s.Config.Lang != "fr" {
		t.Errorf("got %q, %v", s.Config.Lang, err)
	}
}

func TestHome_CreateWithKey(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "restored")
	h, err := CreateWithKey(dir, seoul(t), testKey(t, 7), quiet())
	if err != nil || h.Node().Public() != testKey(t, 7).Public() {
		t.Fatalf("the given key is not the node's: %v", err)
	}
	if err := os.Remove(h.path(memberFile)); err != nil {
		t.Fatal(err)
	}
	_, err = CreateWithKey(dir, seoul(t), testKey(t, 8), quiet())
	wantReason(t, err, protocol.ReasonHomeExists)
	if _, err := CreateWithKey(dir, seoul(t), testKey(t, 7), quiet()); err != nil {
		t.Errorf("the same key again: %v", err)
	}
}

func TestHome_CreateRefusesWrongFacts(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "home")
	facts := seoul(t)
	facts.Handle = "Seoul"
	_, err := Create(dir, facts, quiet())
	wantReason(t, err, protocol.ReasonMalformed)
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Error("something was made")
	}
}

func TestHome_CreateSaysWhenItCannotWrite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	e := wantReason(t, createError(filepath.Join(file, "home"), seoul(t)), protocol.ReasonHomeUnwritable)
	if e.Args["path"] == "" {
		t.Error("it does not say where")
	}
}

func createError(dir string, m protocol.MemberFacts) error {
	_, err := Create(dir, m, quiet())
	return err
}

func TestHome_CreateWithoutRandomness(t *testing.T) {
	o := quiet()
	o.Random = strings.NewReader("too short")
	_, err := Create(filepath.Join(t.TempDir(), "home"), seoul(t), o)
	wantReason(t, err, protocol.ReasonInternal)
}

func TestHome_OpenNothing(t *testing.T) {
	dir := t.TempDir()
	_, err := Open(dir, quiet())
	if e := wantReason(t, err, protocol.ReasonNoHome); e.Args["path"] != dir {
		t.Errorf("args %v", e.Args)
	}
}

func TestHome_OpenNewer(t *testing.T) {
	h := newHome(t)
	raw, _ := os.ReadFile(h.path(memberFile))
	raw = bytes.Replace(raw, []byte(`"version": 1,`), []byte(`"version": 2, "more": true,`), 1)
	if err := os.WriteFile(h.path(memberFile), raw, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := Open(h.Dir(), quiet())
	wantReason(t, err, protocol.ReasonTooNew)
}

func TestHome_OpenDamaged(t *testing.T) {
	damage := map[string]func([]byte) []byte{
		"empty":        func([]byte) []byte { return nil },
		"cut":          func(b []byte) []byte { return b[:len(b)/2] },
		"zeros":        func(b []byte) []byte { return make([]byte, len(b)) },
		"twice":        func(b []byte) []byte { return append(b, b...) },
		"much too big": func(b []byte) []byte { return append(b, bytes.Repeat([]byte(" "), maxPaper)...) },
	}
	for _, name := range []string{memberFile, nodeKeyFile} {
		for what, do := range damage {
			t.Run(name+" "+what, func(t *testing.T) {
				h := newHome(t)
				raw, _ := os.ReadFile(h.path(name))
				if err := os.WriteFile(h.path(name), do(raw), 0o600); err != nil {
					t.Fatal(err)
				}
				_, err := Open(h.Dir(), quiet())
				e := wantReason(t, err, protocol.ReasonDamaged)
				if e.ID != name || e.Args["path"] != h.path(name) {
					t.Errorf("it does not name the file: %+v", e)
				}
			})
		}
	}
	t.Run("node key gone", func(t *testing.T) {
		h := newHome(t)
		if err := os.Remove(h.path(nodeKeyFile)); err != nil {
			t.Fatal(err)
		}
		_, err := Open(h.Dir(), quiet())
		wantReason(t, err, protocol.ReasonDamaged)
	})
	t.Run("member is a directory", func(t *testing.T) {
		h := newHome(t)
		os.Remove(h.path(memberFile))
		if err := os.Mkdir(h.path(memberFile), 0o700); err != nil {
			t.Fatal(err)
		}
		_, err := Open(h.Dir(), quiet())
		wantReason(t, err, protocol.ReasonDamaged)
	})
}

func TestDir_Precedence(t *testing.T) {
	abs := func(p string) string { a, _ := filepath.Abs(p); return a }
	user := func() (string, error) { return abs("/home/clerk"), nil }
	none := func() (string, error) { return "", errors.New("no HOME") }
	cases := []struct {
		what, goos, flag string
		env              map[string]string
		user             func() (string, error)
		want             string
	}{
		{"flag over all", "linux", "/a", map[string]string{"DURE_HOME": "/b", "XDG_STATE_HOME": "/c"}, user, abs("/a")},
		{"environment", "linux", "", map[string]string{"DURE_HOME": "/b", "XDG_STATE_HOME": "/c"}, user, abs("/b")},
		{"relative flag", "linux", "here", nil, user, abs("here")},
		{"xdg", "linux", "", map[string]string{"XDG_STATE_HOME": abs("/c")}, user, filepath.Join(abs("/c"), "dure")},
		{"relative xdg is ignored", "linux", "", map[string]string{"XDG_STATE_HOME": "c"}, user, abs("/home/clerk/.local/state/dure")},
		{"unix", "freebsd", "", nil, user, abs("/home/clerk/.local/state/dure")},
		{"macos", "darwin", "", nil, user, abs("/home/clerk/Library/Application Support/dure")},
		{"windows", "windows", "", map[string]string{"LOCALAPPDATA": "/local"}, user, filepath.Join("/local", "dure")},
		{"windows without variable", "windows", "", nil, user, abs("/home/clerk/AppData/Local/dure")},
		{"no user", "linux", "", nil, none, ""},
	}
	for _, c := range cases {
		t.Run(c.what, func(t *testing.T) {
			got, err := dirFor(c.goos, c.flag, func(n string) string { return c.env[n] }, c.user)
			if c.want == "" {
				e := wantReason(t, err, protocol.ReasonConfig)
				if f := FaultsOf(err); len(f) != 1 || f[0].Code != FaultNoPlace || e.Field != "home" {
					t.Errorf("faults %v", f)
				}
				return
			}
			if err != nil || got != c.want {
				t.Errorf("got %q, %v; want %q", got, err, c.want)
			}
		})
	}
	if dir, err := Dir("x"); err != nil || dir != abs("x") {
		t.Errorf("got %q, %v", dir, err)
	}
	if runtime.GOOS == "linux" {
		t.Setenv("DURE_HOME", "")
		t.Setenv("XDG_STATE_HOME", "/state")
		if dir, _ := Dir(""); dir != "/state/dure" {
			t.Errorf("got %q", dir)
		}
	}
}
