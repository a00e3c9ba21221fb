package index

import (
	"fmt"
	"testing"
	"time"

	"github.com/dure-net/dure/protocol"
)

// What many small transactions leave behind is merged, and pages that nothing uses are
// given back, when nothing comes any more; then there is nothing left to do.
func TestFollower_Tidies(t *testing.T) {
	w := newWorld(t)
	seoul := w.writer("kr-seoul")
	for i := range 300 {
		title := fmt.Sprintf("두레 협동조합 소식 %d", i)
		seoul.write(w.body(protocol.Header{Kind: protocol.KindNotice, Number: uint64(i + 1)}, notice(title)))
	}
	l := w.log(w.items()[:1])
	followed(t, t.TempDir(), l, func(x *Index, f *Follower) {
		parts := func() (n int) {
			err := x.read("count parts", func(c *conn) error {
				_, err := c.one(`SELECT count(DISTINCT segid) FROM words_idx`, nil, &n)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		most := 0
		for _, it := range w.items()[1:] {
			l.append(it)
			if !f.Await(t.Context(), it.Seq, time.Minute) {
				t.Fatal("what is appended does not come")
			}
			most = max(most, parts())
		}
		for begun, loose := time.Now(), true; loose; loose, _ = x.mustTidy() {
			if time.Since(begun) > time.Minute {
				t.Fatal("it is never tidy")
			}
			time.Sleep(time.Millisecond)
		}
		if got := parts(); got > 16 || most > 64 {
			t.Errorf("%d parts, %d while they came", got, most)
		}
		if p, err := x.Page(Query{Text: "협동조합", Limit: MaxLimit}); err != nil || len(p.Rows) != 300 {
			t.Errorf("%d found, %v", len(p.Rows), err)
		}
	})
}

// The log is brought into the file and cut off when nothing comes.
func TestIndex_Checkpoint(t *testing.T) {
	x, _ := library(t, 40)
	frames := func() (log, moved int64) {
		t.Helper()
		err := x.read("look at the log", func(c *conn) error {
			var busy int64
			_, err := c.one(`PRAGMA wal_checkpoint(NOOP)`, nil, &busy, &log, &moved)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return log, moved
	}
	if log, moved := frames(); log == 0 || moved != 0 {
		t.Fatalf("%d frames, %d moved: nothing to bring in", log, moved)
	}
	log, err := x.checkpoint(0) // something came since
	for range 2 {
		if err != nil {
			t.Fatal(err)
		}
		log, err = x.checkpoint(log)
	}
	if log, _ := frames(); log != 0 || err != nil {
		t.Errorf("%d frames are left, %v", log, err)
	}
}

// A node that had indexed 100,000 records kept 40 MiB of SQLite's pages for as long as it
// ran. When much was written and nothing is left to do they are given back, and the index
// says what it said.
func TestFollower_GivesMemoryBack(t *testing.T) {
	w := scribbled(t, 5, 4000)
	l := w.log(w.items())
	want := fresh(t, l)
	followed(t, t.TempDir(), l, func(x *Index, f *Follower) {
		whole(t, l, f)
		cooled := func() (at, now int64) {
			x.writing.Lock()
			defer x.writing.Unlock()
			now, err := x.w.changes()
			if err != nil {
				t.Fatal(err)
			}
			return x.w.cooled, now
		}
		for began := time.Now(); ; time.Sleep(5 * time.Millisecond) {
			at, now := cooled()
			if now < warmChanges {
				t.Fatalf("%d rows were written: too few for this test", now)
			}
			if at > 0 {
				break
			}
			if time.Since(began) > time.Minute {
				t.Fatalf("after %d rows nothing is given back", now)
			}
		}
		if got := answers(t, x); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	})
}
