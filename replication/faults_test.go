package replication

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"syscall"
	"testing/synctest"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
	"github.com/dure-net/dure/replication/ledger"
	"github.com/dure-net/dure/replication/mesh/meshtest"
)

// The verbs of the world that break things. Each can be used alone; undoing is another
// verb (heal, fast, room, start). Nothing here waits for anything to settle.

// disk is what a node's ledger stands on.
type disk struct {
	full  atomic.Bool
	pause atomic.Int64 // nanoseconds that every write takes
	hold  atomic.Pointer[chan struct{}]
	born  int64 // when its files were made; a copy of a whole machine keeps it
}

const diskFloor = 1 << 20

func (d *disk) free() (uint64, error) {
	if d.full.Load() {
		return diskFloor / 2, nil
	}
	return 1 << 40, nil
}

// made is when the file was made, as the ledger asks. Seconds apart, it would not matter
// which file it is; virtual time stands still too often for that.
func (d *disk) made(string) (int64, error) { return d.born + 1, nil }

// work is called by the ledger's writer between a commit and its acknowledgement.
func (d *disk) work() {
	if hold := d.hold.Load(); hold != nil {
		<-*hold
	}
	time.Sleep(time.Duration(d.pause.Load()))
}

// frozen does something at an instant at which the node's store does not change: all
// that was acknowledged is in it, what waits is not.
func (a *actor) frozen(do func()) {
	hold := make(chan struct{})
	a.disk.hold.Store(&hold)
	synctest.Wait()
	do()
	a.disk.hold.Store(nil)
	close(hold)
}

// crash ends the node at this instant, with writes under way: what it had not
// acknowledged may be in its store or not. Others notice nothing but silence.
func (a *actor) crash() {
	a.w.t.Helper()
	a.w.net.Down(a.n)
	a.w.note("%s crashes", a.handle)
	left := a.dir + " left"
	done := a.done
	a.frozen(func() {
		a.w.copyDir(a.dir, left)
		a.life.Add(1)
		a.stop()
		a.stop = nil
	})
	<-done
	a.fullDisk(false)    // see halt
	_ = a.ledger.Close() // of the life that never went on
	a.w.remove(a.dir)
	if err := os.Rename(left, a.dir); err != nil {
		a.w.t.Fatal(err)
	}
	a.w.net.Up(a.n)
}

// powerCut crashes nodes at one instant.
func (w *world) powerCut(nodes ...*actor) {
	for _, a := range nodes {
		w.net.Down(a.n)
	}
	for _, a := range nodes {
		a.crash()
	}
}

// saved is a backup of a node.
type saved struct {
	at        time.Time
	dir       string // a copy of the whole directory, if it is one
	car       []byte // what the backup command writes, if it is that
	born      int64
	inception protocol.Entry
}

// copied is a copy of the node's directory, as a backup program takes it.
func (a *actor) copied() *saved {
	a.w.t.Helper()
	s := &saved{at: time.Now(), dir: filepath.Join(a.w.dir, fmt.Sprintf("copy of %s %d", a.handle, time.Now().UnixNano())), inception: a.inception, born: a.disk.born}
	if a.stop == nil {
		a.w.copyDir(a.dir, s.dir)
	} else {
		a.frozen(func() { a.w.copyDir(a.dir, s.dir) })
	}
	return s
}

// backup is the ledger's own backup of a running node.
func (a *actor) backup() *saved {
	a.w.t.Helper()
	s := &saved{at: time.Now(), inception: a.inception}
	var out bytes.Buffer
	if _, err := a.ledger.Backup(context.Background(), &out, nil); err != nil {
		a.w.t.Fatalf("seed %d: backup of %s: %v", a.w.seed, a.handle, err)
	}
	s.car = out.Bytes()
	return s
}

// doom notes which acknowledged entries go with the node's store, because no running
// node has them too. It is called before the store is destroyed.
func (a *actor) doom() {
	for _, by := range a.w.nodes {
		by.mu.Lock()
		for _, id := range by.acked {
			held := slices.ContainsFunc(a.w.running(), func(b *actor) bool { return b != a && b.ledger.Has(id) })
			if !held {
				a.w.witness.destroyed[id] = true
			}
		}
		by.mu.Unlock()
	}
}

// putBack says what of a copied directory is put back, and how.
type putBack int

const (
	storeAlone   putBack = iota // the ledger's store: the high-water mark stays
	allFiles                    // the whole directory, as a backup program does
	wholeMachine                // the whole disk, as a snapshot of a machine: nothing on it can tell
)

// restore puts a stopped node's store back to what was saved: the store alone, or all files.
func (a *actor) restore(s *saved, keepMark bool) {
	a.w.t.Helper()
	if keepMark {
		a.put(s, storeAlone)
	} else {
		a.put(s, allFiles)
	}
}

// put is restore in all its ways. How matters for copies of the directory alone.
func (a *actor) put(s *saved, how putBack) {
	a.w.t.Helper()
	a.doom()
	a.w.note("%s is put back to %s ago: command %t, way %d, chain %s", a.handle, time.Since(s.at), s.car != nil, how, s.inception.ID().Short())
	if s.car != nil || how == allFiles {
		a.w.made++
		a.disk.born = a.w.made
	}
	mark, _ := os.ReadFile(filepath.Join(a.dir, "mark"))
	a.w.remove(a.dir)
	if s.car != nil {
		cfg := ledger.Config{Dir: a.dir, Federation: a.w.fed, FloorBytes: diskFloor, ReserveBytes: 1, Free: a.disk.free, Born: a.disk.made, Now: a.now}
		if _, err := ledger.Restore(context.Background(), cfg, bytes.NewReader(s.car), nil); err != nil {
			a.w.t.Fatalf("seed %d: restoring %s: %v", a.w.seed, a.handle, err)
		}
		a.inception = s.inception
		return
	}
	a.w.copyDir(s.dir, a.dir)
	if how == storeAlone {
		if err := os.WriteFile(filepath.Join(a.dir, "mark"), mark, 0o600); err != nil {
			a.w.t.Fatal(err)
		}
	} else {
		a.inception = s.inception
	}
	if how == wholeMachine {
		a.disk.born = s.born
		a.w.witness.copied[s.inception.ID()] = true
	}
}

// emptied loses the store of a stopped node, and not its keys.
func (a *actor) emptied() {
	a.doom()
	a.w.remove(a.dir)
	a.w.made++
	a.disk.born = a.w.made
}

// clone is a second machine with an image of the node's disk: one key, two nodes. It is not
// started.
func (a *actor) clone() *actor {
	a.w.t.Helper()
	s := a.copied()
	b := &actor{w: a.w, n: len(a.w.nodes), handle: a.handle, root: a.root, node: a.node, inception: a.inception, begun: a.begun, governing: a.governing,
		dir: filepath.Join(a.w.dir, fmt.Sprintf("twin %d of %s", len(a.w.nodes), a.handle)), options: a.options}
	if err := os.Rename(s.dir, b.dir); err != nil {
		a.w.t.Fatal(err)
	}
	b.disk.born = a.disk.born
	a.w.witness.copied[a.inception.ID()] = true
	a.w.note("%s is cloned: two machines with its key", a.handle)
	a.w.nodes = append(a.w.nodes, b)
	return b
}

// setClock moves what the node's clock shows.
func (a *actor) setClock(ahead time.Duration) { a.skew.Store(int64(ahead)) }

// slowDisk makes every write take so long; zero makes the disk fast again.
func (a *actor) slowDisk(d time.Duration) { a.disk.pause.Store(int64(d)) }

// fullDisk fills the node's disk, or makes room on it again.
func (a *actor) fullDisk(full bool) { a.disk.full.Store(full) }

// slowLink puts the node behind a line; the zero Line takes it away.
func (a *actor) slowLink(l meshtest.Line) { a.w.net.SetLine(a.n, l) }

// partition lets nodes talk only within their group; those in none form one.
func (w *world) partition(groups ...[]*actor) {
	var hosts [][]int
	for _, g := range groups {
		var hs []int
		for _, a := range g {
			hs = append(hs, a.n)
		}
		hosts = append(hosts, hs)
	}
	w.net.Partition(hosts...)
}

// oneWayLoss loses all that one node sends to another.
func (w *world) oneWayLoss(from, to *actor) { w.net.Cut(from.n, to.n) }

// heal ends partitions, cuts, loss, jitter and slow lines.
func (w *world) heal() {
	w.net.Heal()
	w.net.Loss(0)
	w.net.Duplicate(0)
	w.net.Jitter(0)
	for _, a := range w.nodes {
		w.net.SetLine(a.n, meshtest.Line{})
	}
}

// newcomer is a node of somebody who is not a member yet. It is not started.
func (w *world) newcomer() *actor {
	w.t.Helper()
	n := len(w.nodes)
	handle := fmt.Sprintf("city-%d", n)
	a := &actor{w: w, n: n, handle: handle, root: keyOf(w.t, handle+" root"), node: keyOf(w.t, handle+" node"), dir: filepath.Join(w.dir, handle)}
	a.sign(w.t)
	w.nodes = append(w.nodes, a)
	return a
}

// facts are what an act says of a member that it admits.
func (a *actor) facts() *protocol.MemberFacts {
	return &protocol.MemberFacts{Handle: a.handle, Kind: protocol.KindCity, Category: protocol.CategoryFull, Country: "SN",
		Names: protocol.Text{"en": "City " + a.handle}, Root: a.root.Public()}
}

// propose tables a decision at a node and has that node answer it. A refusal, as by a
// recovering node, is part of the story.
func (a *actor) propose(changes ...charter.Change) (protocol.ActID, error) {
	ctx := context.Background()
	d, err := charter.NewDecision(a.replica.State(), charter.Draft{By: charter.ByElectors, Title: protocol.Text{"en": "a decision"}, Changes: changes})
	if err != nil {
		return protocol.ActID{}, err
	}
	return a.replica.Acts().Table(ctx, d)
}

// ballots has every running elector answer what it knows to be open and has not answered.
func (w *world) ballots() {
	for _, a := range w.agreeing() {
		state := a.replica.State()
		for _, t := range state.Open() {
			answered := slices.Concat(t.Approved, t.None, t.Elsewhere)
			if !slices.Contains(t.Electors, a.handle) || slices.Contains(answered, a.handle) {
				continue
			}
			_ = a.replica.Acts().Answer(context.Background(), t.Place, t.ID) // refused while recovering, or where it is stale by now
			break
		}
	}
}

// copyDir copies a directory, holes as holes: most of a young store is one.
func (w *world) copyDir(from, to string) {
	w.t.Helper()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), 0o700)
		}
		return copyFile(path, filepath.Join(to, rel))
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	const seekData, seekHole = 3, 4 // Linux; elsewhere seeking fails and all is copied
	for at := int64(0); at < info.Size(); {
		end := info.Size()
		if data, err := in.Seek(at, seekData); err == nil {
			at = data
			if hole, err := in.Seek(at, seekHole); err == nil {
				end = hole
			}
		} else if errors.Is(err, syscall.ENXIO) {
			break // nothing but a hole
		}
		if _, err := io.Copy(io.NewOffsetWriter(out, at), io.NewSectionReader(in, at, end-at)); err != nil {
			return errors.Join(err, out.Close())
		}
		at = end
	}
	return errors.Join(out.Truncate(info.Size()), out.Close())
}

func (w *world) remove(dir string) {
	w.t.Helper()
	if err := os.RemoveAll(dir); err != nil && !errors.Is(err, os.ErrNotExist) {
		w.t.Fatal(err)
	}
}
