//go:build linux

package ordeal

import (
	"debug/elf"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/enrol"
)

// The binary needs nothing of the machine it runs on, and is small.
func TestBinary_StaticAndSmall(t *testing.T) {
	path := binary(t)
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("the binary has a %v segment: it is not static", p.Type)
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > 45<<20 {
		t.Errorf("%d bytes, the bound is 45 MiB", info.Size())
	}
	t.Logf("%.1f MiB", float64(info.Size())/(1<<20))
}

// residentKiB is the memory that a member's process holds now.
func residentKiB(t testing.TB, m *member) int {
	t.Helper()
	return statusField(t, m, "VmRSS:")
}

func statusField(t testing.TB, m *member, name string) int {
	t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", m.process.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			n, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("/proc has no %s", name)
	return 0
}

// A ledger of many entries, imported from a bundle: how soon the node is ready, and what
// it holds in memory when it idles.
func TestStart_ReadyAndLight(t *testing.T) {
	entries := times(t, "DURE_ENTRIES", 10_000)
	records := make([]enrol.SeedRecord, entries)
	for i := range records {
		records[i].Raw = request(i)
	}
	began := time.Now()
	f := found(t, layout{members: 1, absent: records})
	file := filepath.Join(t.TempDir(), "bundle.car")
	if err := os.WriteFile(file, f.bundle, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Logf("a bundle of %d records, %d MiB, made in %v", entries, len(f.bundle)>>20, time.Since(began))
	f.bundle, records = nil, nil
	m := f.members[0]

	began = time.Now()
	var report api.ImportReport
	dure(t, &report, "import", file, "--home", m.home)
	if report.New < uint64(entries) || len(report.Refused) > 0 {
		t.Fatalf("import: %+v", report)
	}
	t.Logf("imported in %v", time.Since(began))

	var best time.Duration
	for _, way := range []string{"first start", "after a stop", "after a kill"} {
		m.spawn()
		ready := m.awaitReady(60 * time.Second)
		s, err := m.status()
		if err != nil || s.Ledger.Entries < uint64(entries) {
			t.Fatalf("%+v, %v", s.Ledger, err)
		}
		fresh, peak := residentKiB(t, m), statusField(t, m, "VmHWM:")
		t.Logf("%s: ready after %v, %d MiB resident then, %d MiB at most", way, ready, fresh>>10, peak>>10)
		if best == 0 || ready < best {
			best = ready
		}
		switch way {
		case "first start": // which tidies up after the import, and needs the most memory
			idles(t, m, entries)
			m.stop()
		case "after a stop":
			m.kill()
		}
	}
	if limit := bar(time.Second, patience); best > limit {
		t.Errorf("ready after %v at best, the bound is %v", best, limit)
	}
	idles(t, m, entries)
}

// idles waits until a node that nobody asks anything holds no more memory than promised for
// 100,000 entries, mapped files included.
func idles(t *testing.T, m *member, entries int) {
	t.Helper()
	began := time.Now()
	for residentKiB(t, m) > 150<<10 && time.Since(began) < bar(30*time.Second, patience) {
		time.Sleep(100 * time.Millisecond)
	}
	now := residentKiB(t, m)
	t.Logf("idle for %v: %d MiB resident (%d anonymous, %d of files)", time.Since(began).Round(time.Millisecond), now>>10,
		statusField(t, m, "RssAnon:")>>10, statusField(t, m, "RssFile:")>>10)
	if now > 150<<10 && entries <= 100_000 {
		t.Errorf("%d MiB resident when idle, the bound is 150", now>>10)
	}
}

// A member whose ledger is empty catches up with one that has many entries: how fast, and
// what its process holds at most meanwhile.
func TestWeight_CatchUp(t *testing.T) {
	entries := times(t, "DURE_ENTRIES", 10_000)
	records := make([]enrol.SeedRecord, entries)
	for i := range records {
		records[i].Raw = request(i)
	}
	f := found(t, layout{members: 2, absent: records})
	file := filepath.Join(t.TempDir(), "bundle.car")
	if err := os.WriteFile(file, f.bundle, 0o600); err != nil {
		t.Fatal(err)
	}
	f.bundle, records = nil, nil
	full, fresh := f.members[0], f.members[1]
	var report api.ImportReport
	dure(t, &report, "import", file, "--home", full.home)
	full.spawn()
	full.awaitReady(60 * time.Second)
	fresh.spawn()
	fresh.awaitReady(60 * time.Second)
	began := time.Now()
	held, anonymous := uint64(0), 0
	for ; held < uint64(entries); time.Sleep(100 * time.Millisecond) {
		s, err := fresh.status()
		if err != nil {
			t.Fatal(err)
		}
		held = s.Ledger.Entries
		anonymous = max(anonymous, statusField(t, fresh, "RssAnon:"))
		if time.Since(began) > 2*time.Minute+time.Duration(entries)*time.Millisecond {
			t.Fatalf("%d of %d entries after %v", held, entries, time.Since(began))
		}
	}
	took := time.Since(began)
	t.Logf("%d entries in %v, %.0f/s; at most %d MiB of its own, %d MiB resident with mapped files", entries, took.Round(time.Millisecond),
		float64(entries)/took.Seconds(), anonymous>>10, statusField(t, fresh, "VmHWM:")>>10)
	// The bound is on what is the process's own. Pages of mapped files are copies of what is on the
	// disk: they count as resident as long as nobody else needs the memory.
	if limit := 512; anonymous>>10 > limit {
		t.Errorf("%d MiB of its own, the bound is %d", anonymous>>10, limit)
	}
	idles(t, fresh, entries)
}
