package ledger_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/replication/ledger"
)

// filesWith names the files below dir that contain the needle. Badger may be merging
// tables meanwhile: when a file vanishes, the search begins again.
func filesWith(t testing.TB, dir string, needle []byte) []string {
	t.Helper()
	for {
		names, err := search(dir, needle)
		if err == nil {
			return names
		}
		if !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
}

func search(dir string, needle []byte) (names []string, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err == nil && bytes.Contains(b, needle) {
			names = append(names, filepath.Base(path))
		}
		return err
	})
	return names, err
}

// incompressible is text that Snappy leaves as it is, so that files can be searched for it.
func incompressible(n int) string {
	out := make([]byte, n)
	for i := range out {
		sum := protocol.Sum([]byte{byte(i), byte(i >> 8), byte(n)}).Digest()
		out[i] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"[sum[0]&63]
	}
	return string(out)
}

func TestErase_TakesTheBytesOutOfAllFiles(t *testing.T) {
	for _, where := range []string{"in the log", "in a table", "in a table that was compacted"} {
		t.Run(where, func(t *testing.T) {
			w := newWorld(1)
			dir := t.TempDir()
			l := w.open(t, dir)
			f := w.feed(0).Fill(20, 100)
			secret := incompressible(300)
			e, body := f.Append(protocol.KindRequest, map[string]any{"who": secret})
			f.Fill(60, 100)
			put(t, l, one(f.Page(0, 64)))
			reopen := 0
			switch where {
			case "in a table":
				reopen = 1
			case "in a table that was compacted":
				reopen = 12 // each close flushes a table; eight make Badger merge them
			}
			for i := range reopen {
				closed(t, l)
				l = w.open(t, dir)
				put(t, l, ledger.Batch{Meta: []ledger.Setting{{Key: "n", Value: []byte{byte(i)}}}})
			}
			if len(filesWith(t, dir, []byte(secret[100:140]))) == 0 {
				t.Fatal("the search would not find the bytes while they are there")
			}
			if err := l.Erase(context.Background(), e.ID()); err != nil {
				t.Fatal(err)
			}
			gone := func() {
				t.Helper()
				if names := filesWith(t, dir, []byte(secret[100:140])); len(names) > 0 {
					t.Fatalf("erased bytes still lie in %v", names)
				}
				if _, err := l.Body(e); protocol.ReasonOf(err) != protocol.ReasonErased {
					t.Fatalf("body is %v", err)
				}
				if _, err := l.Block(e.Header().Body); protocol.ReasonOf(err) != protocol.ReasonErased {
					t.Fatalf("block is %v", err)
				}
				if got, err := l.Entry(f.ID(), e.Seq()); err != nil || got.ID() != e.ID() {
					t.Fatalf("the header went too: %v", err)
				}
				if !l.IsErased(e.ID()) || l.IsErased(f.Entries[3].ID()) || len(l.Wanted(9)) != 0 {
					t.Fatal("erased state is wrong")
				}
			}
			gone()
			// It is not taken again, by either way in.
			put(t, l, ledger.Batch{Bodies: []ledger.Body{{Entry: e.ID(), Data: body}}})
			put(t, l, one(f.Page(0, 64)))
			gone()
			closed(t, l)
			l = w.open(t, dir)
			gone()
			if rep, err := l.Verify(context.Background(), nil); err != nil || !rep.Clean() || rep.Erased != 1 {
				t.Fatalf("verify: %+v, %v", rep, err)
			}
			p, err := l.Page(f.ID(), 0, 64, 1<<20)
			if err != nil || p.Bodies[e.Seq()] != nil || p.Bodies[e.Seq()+1] == nil {
				t.Fatalf("the page serves it, or leaves out others: %v", err)
			}
		})
	}
}

func TestErase_RefusesGovernanceAndStrangers(t *testing.T) {
	w := newWorld(1)
	l := w.open(t, t.TempDir())
	f := w.feed(0)
	governed, _ := f.Append(protocol.KindAnswer, map[string]any{"yes": true})
	record, _ := f.Append(protocol.KindOffer, map[string]any{"n": uint64(1)})
	late, body := f.Append(protocol.KindOffer, map[string]any{"n": uint64(2)})
	put(t, l, one(f.Page(0, 3)))
	p := f.Page(3, 1)
	p.Bodies = [][]byte{nil}
	put(t, l, one(p))
	ctx := context.Background()
	if err := l.Erase(ctx, record.ID(), governed.ID()); protocol.ReasonOf(err) != protocol.ReasonForbidden {
		t.Fatalf("erasing governance: %v", err)
	}
	if b, err := l.Body(record); err != nil || b == nil {
		t.Fatalf("a refused erasure erased the rest: %v", err)
	}
	if err := l.Erase(ctx, w.feed(0).Fill(9, 10).Head().ID()); protocol.ReasonOf(err) != protocol.ReasonNotFound {
		t.Fatalf("erasing a stranger: %v", err)
	}
	// A body that never came can be erased, and is not wanted after.
	if err := l.Erase(ctx, late.ID()); err != nil {
		t.Fatal(err)
	}
	put(t, l, ledger.Batch{Bodies: []ledger.Body{{Entry: late.ID(), Data: body}}})
	if len(l.Wanted(9)) != 0 || !l.IsErased(late.ID()) || l.IsErased(f.Inception().ID()) {
		t.Fatal("erased state is wrong")
	}
	changes, err := l.Changes(5, 10)
	if err != nil || len(changes) != 1 || changes[0].What != ledger.BodyErased || changes[0].Entry.ID() != late.ID() {
		t.Fatalf("changes: %+v %v", changes, err)
	}
}

func TestLedger_WantsBodiesUntilTheyCome(t *testing.T) {
	w := newWorld(1)
	dir := t.TempDir()
	l := w.open(t, dir)
	f := w.feed(0).Fill(5, 80)
	governed, _ := f.Append(protocol.KindAnswer, map[string]any{"yes": true})
	bare := f.Page(0, 6)
	bare.Bodies = nil
	put(t, l, one(bare))
	for range 2 {
		got := l.Wanted(100)
		if len(got) != 5 || got[0].Entry != governed.ID() || got[1].Entry != f.Entries[1].ID() || got[4].Entry != f.Entries[4].ID() {
			t.Fatalf("wanted are %+v", got)
		}
		if got[1].Body != f.Entries[1].Header().Body || got[1].Size != f.Entries[1].Header().Size || got[1].Kind != protocol.KindOffer {
			t.Fatalf("wanted is %+v", got[1])
		}
		if _, err := l.Body(f.Entries[2]); protocol.ReasonOf(err) != protocol.ReasonWanted {
			t.Fatalf("body is %v", err)
		}
		closed(t, l)
		l = w.open(t, dir)
	}
	refused(t, l, ledger.Batch{Bodies: []ledger.Body{{Entry: f.Entries[1].ID(), Data: f.Bodies[2]}}}, protocol.ReasonBadHash)
	put(t, l, ledger.Batch{Bodies: []ledger.Body{{Entry: f.Entries[1].ID(), Data: f.Bodies[1]}, {Entry: governed.ID(), Data: f.Bodies[5]}}})
	put(t, l, one(f.Page(2, 2))) // a page that is held brings bodies that are wanted
	if got := l.Wanted(100); len(got) != 1 || got[0].Entry != f.Entries[4].ID() {
		t.Fatalf("wanted are %+v", got)
	}
	changes, err := l.Changes(7, 100)
	if err != nil || len(changes) != 4 {
		t.Fatalf("%d changes, %v", len(changes), err)
	}
	for i, e := range []protocol.Entry{f.Entries[1], governed, f.Entries[2], f.Entries[3]} {
		if changes[i].What != ledger.BodyArrived || changes[i].Entry.ID() != e.ID() {
			t.Fatalf("change %d is %+v", i, changes[i])
		}
	}
	closed(t, l)
	l = w.open(t, dir)
	put(t, l, ledger.Batch{Bodies: []ledger.Body{{Entry: f.Entries[4].ID(), Data: f.Bodies[4]}}})
	sameFeed(t, l, f)
	if l.Stats().Wanted != 0 {
		t.Fatal("something is still wanted")
	}
}

// A header and its body in one group commit, the body as a batch of its own.
func TestLedger_BodyRightBehindItsHeader(t *testing.T) {
	w := newWorld(1)
	l := w.open(t, t.TempDir())
	f := w.feed(0).Fill(40, 80)
	var commits []*ledger.Commit
	for i := range f.Entries {
		commits = append(commits, l.Submit(one(protocol.Page{Entries: f.Entries[i : i+1]})))
		if f.Bodies[i] != nil {
			commits = append(commits, l.Submit(ledger.Batch{Bodies: []ledger.Body{{Entry: f.Entries[i].ID(), Data: f.Bodies[i]}}}))
		}
	}
	for _, c := range commits {
		if err := c.Wait(soon(t)); err != nil {
			t.Fatal(err)
		}
	}
	sameFeed(t, l, f)
	if s := l.Stats(); s.Wanted != 0 {
		t.Fatalf("stats: %+v", s)
	}
}
