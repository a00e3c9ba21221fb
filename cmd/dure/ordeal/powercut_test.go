//go:build linux

package ordeal

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dure-net/dure/node/api"
)

// machineRoom is a disk whose power can be cut: an ext4 image inside an XFS that shares
// blocks between copies. A copy of the image, made in one moment while programs write to
// it, holds what the disk had been given; what was still in the page cache of ext4 is
// lost, as in a power cut. It models a disk that keeps what it has said it keeps.
type machineRoom struct {
	t     testing.TB
	outer string // where the XFS is mounted
	disk  string // where the present image is mounted
	image string
	cuts  int

	plugged bool
}

const (
	outerBytes = 3 << 30 // sparse; XFS wants at least 300 MB
	innerBytes = 2 << 30
)

// mountsVariable says that this process has mounts of its own.
const mountsVariable = "DURE_ORDEAL_MOUNTS"

// withOwnMounts runs the test again in a process with mounts of its own: whatever happens
// to it, nothing stays mounted, and the loop devices go with the mounts. It reports
// whether this is that process.
func withOwnMounts(t *testing.T) bool {
	t.Helper()
	if os.Getenv(mountsVariable) != "" {
		return true
	}
	if os.Geteuid() != 0 {
		t.Skip("skipped: loop devices need root")
	}
	path := binary(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "unshare", "--mount", "--propagation", "private", self, "-test.run", "^"+t.Name()+"$", "-test.v", "-test.timeout", "0")
	cmd.Env = append(os.Environ(), mountsVariable+"=1", "DURE_BINARY="+path)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.CombinedOutput()
	switch {
	case errors.Is(err, exec.ErrNotFound):
		t.Skipf("skipped: %v", err)
	case err != nil:
		t.Fatalf("%v\n%s", err, out)
	case strings.Contains(string(out), "--- SKIP: "+t.Name()):
		t.Skip(string(out))
	}
	t.Logf("%s", out)
	return false
}

// newMachineRoom skips the test where such a disk cannot be made.
func newMachineRoom(t testing.TB) *machineRoom {
	t.Helper()
	for _, tool := range []string{"losetup", "mkfs.xfs", "mkfs.ext4", "mount", "umount", "cp"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("skipped: %v (Debian: xfsprogs, e2fsprogs, mount)", err)
		}
	}
	dir := t.TempDir()
	m := &machineRoom{t: t, outer: filepath.Join(dir, "outer"), disk: filepath.Join(dir, "disk")}
	for _, d := range []string{m.outer, m.disk} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "outer.img")
	sparse(t, file, outerBytes)
	must := func(args ...string) string {
		out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
		if err != nil {
			t.Skipf("skipped: %s: %v: %s", strings.Join(args, " "), err, out)
		}
		return strings.TrimSpace(string(out))
	}
	must("mkfs.xfs", "-q", file)
	loop := must("losetup", "-f", "--show", file)
	if out, err := exec.Command("mount", loop, m.outer).CombinedOutput(); err != nil {
		m.run("losetup", "-d", loop)
		t.Skipf("skipped: mounting XFS: %v: %s", err, out)
	}
	m.run("losetup", "-d", loop) // it goes with the mount
	t.Cleanup(func() { m.unmount(m.outer) })
	m.image = filepath.Join(m.outer, "disk-0.img")
	sparse(t, m.image, innerBytes)
	must("mkfs.ext4", "-q", "-F", m.image)
	t.Cleanup(m.unplug)
	m.plug()
	return m
}

func sparse(t testing.TB, file string, size int64) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
}

func (m *machineRoom) run(args ...string) string {
	m.t.Helper()
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		m.t.Errorf("%s: %v: %s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// plug mounts the present image; ext4 replays its journal, as after a power cut.
func (m *machineRoom) plug() {
	m.t.Helper()
	loop := m.run("losetup", "-f", "--show", m.image)
	m.run("mount", loop, m.disk)
	m.run("losetup", "-d", loop)
	if m.t.Failed() {
		m.t.FailNow()
	}
	m.plugged = true
}

func (m *machineRoom) unplug() {
	if m.plugged {
		m.unmount(m.disk)
	}
	m.plugged = false
}

// unmount leaves nothing mounted, whatever a failed test still holds open.
func (m *machineRoom) unmount(dir string) {
	m.t.Helper()
	if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
		m.t.Errorf("umount %s: %v: %s", dir, err, out)
		m.run("umount", "--lazy", dir)
	}
}

// cut takes the disk as it is in this moment; restore makes that the disk.
func (m *machineRoom) cut() (restore func()) {
	m.t.Helper()
	m.cuts++
	copied := filepath.Join(m.outer, fmt.Sprintf("disk-%d.img", m.cuts))
	m.run("cp", "--reflink=always", m.image, copied)
	if m.t.Failed() {
		m.t.FailNow()
	}
	return func() {
		m.unplug()
		_ = os.Remove(m.image)
		m.image = copied
		m.plug()
	}
}

// The ordeal is one: what was written and not synced is lost, what was synced is not.
func TestPowerCut_TakesWhatWasNotSynced(t *testing.T) {
	if !withOwnMounts(t) {
		return
	}
	room := newMachineRoom(t)
	for name, sync := range map[string]bool{"synced": true, "not synced": false} {
		file, err := os.Create(filepath.Join(room.disk, name))
		if err != nil {
			t.Fatal(err)
		}
		if _, err = file.WriteString("acknowledged"); err == nil && sync {
			err = file.Sync()
		}
		if err != nil {
			t.Fatal(err)
		}
		restore := room.cut()
		_ = file.Close() // after the power is gone
		restore()
		got, err := os.ReadFile(filepath.Join(room.disk, name))
		if kept := string(got) == "acknowledged"; kept != sync {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// The power of a whole building fails again and again: two nodes on one disk, both
// publishing. What was acknowledged before is there afterwards, nothing has forked, and
// the two agree.
func TestPowerCut(t *testing.T) {
	if !withOwnMounts(t) {
		return
	}
	room := newMachineRoom(t)
	f := found(t, layout{members: 2, dir: room.disk})
	a, b := &press{m: f.members[0]}, &press{m: f.members[1]}
	f.start()
	f.settle(20*time.Second, 2)
	cuts := times(t, "DURE_POWERCUTS", 2)
	for round := range cuts {
		stopA, stopB := a.run(), b.run()
		time.Sleep(200*time.Millisecond + time.Duration(rand.Int64N(int64(800*time.Millisecond))))
		beforeA, beforeB := a.sofar(), b.sofar()
		restore := room.cut()
		for _, m := range f.members {
			m.kill()
		}
		stopA()
		stopB()
		// What was acknowledged after the power was gone never happened.
		a.acked, b.acked = beforeA, beforeB
		restore()
		f.start()
		a.check(f.members[0], round)
		b.check(f.members[1], round)
		f.settle(20*time.Second, uint64(a.count()+b.count()))
		a.check(f.members[1], round)
		for _, m := range f.members {
			m.verify()
			s, err := m.status()
			if err != nil {
				t.Fatal(err)
			}
			if s.Ledger.Feeds != 2 || s.Node.State != api.StateReady {
				t.Fatalf("round %d, %s: %d chains of two nodes, %s\n%s", round, m.handle, s.Ledger.Feeds, s.Node.State, m.lastWords())
			}
		}
	}
	for _, m := range f.members {
		m.kill() // before the disk goes
	}
	t.Logf("%d power cuts, %d records acknowledged, 0 lost, verify clean each time", cuts, a.count()+b.count())
}

// sofar is what is acknowledged by now.
func (p *press) sofar() []api.Receipt {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.acked)
}
