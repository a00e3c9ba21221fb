//go:build unix

package home

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/dure-net/dure/protocol"
)

// Permissions do not bind the superuser, so these cases run as somebody else: the
// test binary starts itself again, as "nobody" where this process may do that.
func TestHome_Permissions(t *testing.T) {
	if os.Getenv("DURE_HOME_TEST_NOBODY") != "" || os.Geteuid() != 0 {
		testPermissions(t)
		return
	}
	dir, err := os.MkdirTemp("", "dure-home-nobody")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	self := filepath.Join(dir, "home.test")
	if err := copyFile(self, os.Args[0]); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run=^TestHome_Permissions$", "-test.v")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "DURE_HOME_TEST_NOBODY=1", "TMPDIR="+dir, "HOME="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "PASS: TestHome_Permissions") {
		t.Errorf("as nobody: %v\n%s", err, out)
	}
}

func copyFile(to, from string) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(dst, src); err != nil {
		return err
	}
	return dst.Close()
}

func testPermissions(t *testing.T) {
	chmod := func(path string, mode os.FileMode) {
		t.Helper()
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.Chmod(path, 0o700) })
	}
	parent := t.TempDir()
	chmod(parent, 0o500)
	e := wantReason(t, createError(filepath.Join(parent, "home"), seoul(t)), protocol.ReasonHomeUnwritable)
	if e.Args["path"] != filepath.Join(parent, "home") {
		t.Errorf("args %v", e.Args)
	}

	h := newHome(t)
	member, _ := os.ReadFile(h.path(memberFile))
	chmod(h.Dir(), 0o500)
	wantReason(t, h.SaveMember(seoul(t)), protocol.ReasonHomeUnwritable)
	_, err := h.NewToken()
	wantReason(t, err, protocol.ReasonHomeUnwritable)
	if after, _ := os.ReadFile(h.path(memberFile)); string(after) != string(member) {
		t.Error("the file changed")
	}
	if _, err := Open(h.Dir(), quiet()); err != nil {
		t.Errorf("a home that cannot be written cannot be read: %v", err)
	}
	chmod(h.path(lockFile), 0o400)
	_, err = h.Lock()
	wantReason(t, err, protocol.ReasonHomeUnwritable)

	closed := newHome(t)
	chmod(closed.Dir(), 0)
	_, err = Open(closed.Dir(), quiet())
	wantReason(t, err, protocol.ReasonHomeUnwritable)

	hidden := newHome(t)
	chmod(hidden.path(nodeKeyFile), 0)
	_, err = Open(hidden.Dir(), quiet())
	wantReason(t, err, protocol.ReasonHomeUnwritable)
}

// A write that fails half-way, here for want of space, leaves the old content, no
// file beside, and the reason a person can act on.
func TestHome_FullDiskKeepsTheOldFile(t *testing.T) {
	h := newHome(t)
	before, err := os.ReadFile(h.path(memberFile))
	if err != nil {
		t.Fatal(err)
	}
	err = h.writeError("write member.json", h.path(memberFile), fmt.Errorf("write: %w", syscall.ENOSPC))
	wantReason(t, err, protocol.ReasonReadOnly)
	// A directory where the new file would go makes the write fail at its beginning.
	if err := os.MkdirAll(filepath.Join(h.path(memberFile)+".new", "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	wantReason(t, h.SaveMember(seoul(t)), protocol.ReasonHomeUnwritable)
	if after, _ := os.ReadFile(h.path(memberFile)); string(after) != string(before) {
		t.Error("the old content is gone")
	}
}
