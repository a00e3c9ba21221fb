package index

import (
	"testing"
	"time"
)

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
