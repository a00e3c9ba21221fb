package index

import (
	"slices"
	"strings"
	"testing"

	"github.com/dure-net/dure/protocol"
)

// looker is somebody who looks for what is new.
type looker struct {
	t     *testing.T
	seen  Seen
	forks Forked
}

// new is what is new to a search for some words.
func (l *looker) new(x *Index, text string) string {
	l.t.Helper()
	n, err := x.Fresh(everything(text), l.seen, l.forks, 1000, 10)
	if err != nil {
		l.t.Fatal(err)
	}
	return names(SearchPage{Hits: n.Hits})
}

// look sees all that is here. What is remembered is read as it was written.
func (l *looker) look(x *Index) {
	l.t.Helper()
	seen, err := x.See(l.seen, l.forks, 1000)
	if err != nil {
		l.t.Fatal(err)
	}
	raw, err := seen.MarshalBinary()
	if err != nil {
		l.t.Fatal(err)
	}
	if l.seen, err = ParseSeen(raw); err != nil {
		l.t.Fatal(err)
	}
	for n := range len(raw) {
		if _, err := ParseSeen(raw[:n]); n > 0 && protocol.ReasonOf(err) != protocol.ReasonDamaged {
			l.t.Fatalf("the first %d of %d bytes: got %v", n, len(raw), err)
		}
	}
}

func (l *looker) want(x *Index, text, want string) {
	l.t.Helper()
	if got := l.new(x, text); got != want {
		l.t.Errorf("%q: got %q, want %q", text, got, want)
	}
}

func TestFresh_TellsWhatCameSince(t *testing.T) {
	w, f, made := matterWorld(t)
	l, dir := w.log(w.items()), t.TempDir()
	l.folds = f
	me := looker{t: t}
	seoul, paris := w.feeds[0], w.feeds[1]
	followed(t, dir, l, func(x *Index, fl *Follower) {
		whole(t, l, fl)
		me.want(x, "서울", "act act-1, notice fr-paris-3, notice kr-seoul-1")
		me.look(x)
		me.want(x, "서울", "")
		me.want(x, "", "")

		paris.revise(made["later"], made["later"]) // is not new
		l.append(w.items()[w.local-1])
		whole(t, l, fl)
		me.want(x, "", "")

		new := seoul.write(w.body(protocol.Header{Kind: protocol.KindNotice, Number: 7}, notice("서울의 새 소식")))
		l.append(w.items()[w.local-1])
		whole(t, l, fl)
		me.want(x, "서울", "notice kr-seoul-7")
		me.want(x, "파리", "")
		if n, err := x.Fresh(everything(""), Seen{}, nil, 1000, 2); err != nil || len(n.Hits) != 2 || !n.More {
			t.Errorf("got %+v, %v, want two and more", n, err)
		}
		if n, err := x.Fresh(everything("서울"), me.seen, nil, w.local-1, 2); err != nil || len(n.Hits) != 0 {
			t.Errorf("before it came: got %+v, %v", n, err)
		}

		seoul.erase(new)
		l.append(w.items()[w.local-1])
		whole(t, l, fl)
		me.want(x, "", "") // what is gone is no news
	})
}

// The same after a rebuild, a restart, and a ledger whose entries came in another order, as
// one that was restored or fetched anew: what was seen stays seen, what was not is new.
func TestFresh_SurvivesAnotherOrder(t *testing.T) {
	w, f, _ := matterWorld(t)
	seoul, paris := w.feeds[0], w.feeds[1]
	seen := w.items()
	dir := t.TempDir()
	me := looker{t: t}
	l := w.log(seen)
	l.folds = f
	followed(t, dir, l, func(x *Index, fl *Follower) {
		whole(t, l, fl)
		me.look(x)
	})
	// What comes while nobody looks.
	for range 3 {
		paris.write(w.body(protocol.Header{Kind: protocol.KindNotice, Number: uint64(len(paris.entries) + 10)}, notice("파리의 소식")))
	}
	montreal := w.writer("ca-montreal")
	montreal.write(w.body(protocol.Header{Kind: protocol.KindNotice, Number: 1}, notice("몬트리올의 소식")))
	want := "notice ca-montreal-1, notice fr-paris-15, notice fr-paris-14, notice fr-paris-13"
	check := func(what, dir string, items []Item) {
		t.Helper()
		l := w.log(items)
		l.folds = f
		followed(t, dir, l, func(x *Index, fl *Follower) {
			whole(t, l, fl)
			got := strings.Split(me.new(x, ""), ", ")
			slices.Sort(got)
			sorted := strings.Split(want, ", ")
			slices.Sort(sorted)
			if !slices.Equal(got, sorted) {
				t.Errorf("%s: got %q, want %q", what, got, sorted)
			}
			again := me
			again.look(x)
			again.want(x, "", "")
		})
	}
	renumbered := func(feeds ...*scribe) (out []Item) {
		for _, f := range feeds {
			for _, it := range f.items {
				out = append(out, Item{Entry: it.Entry, Seq: uint64(len(out) + 1), What: Appended})
			}
		}
		return out
	}
	check("a restart", dir, w.items())
	check("a rebuild", t.TempDir(), w.items())
	check("feed by feed", t.TempDir(), renumbered(seoul, paris, montreal))
	check("the other way", t.TempDir(), renumbered(montreal, paris, seoul))
	check("an index of another ledger", dir, renumbered(paris, montreal, seoul))

	// A backup from before the last look: what was seen since is not here, and not new when it comes.
	old := renumbered(paris, seoul)[:3]
	l = w.log(old)
	l.folds = f
	followed(t, t.TempDir(), l, func(x *Index, fl *Follower) {
		whole(t, l, fl)
		me.want(x, "", "")
		me.look(x) // and looking at less forgets nothing
		at := uint64(len(old))
		for _, it := range w.items() {
			if !slices.ContainsFunc(old, func(o Item) bool { return o.Entry.ID() == it.Entry.ID() }) {
				at++
				l.append(Item{Entry: it.Entry, Seq: at, What: Appended})
			}
		}
		whole(t, l, fl)
		me.want(x, "", want)
	})
}

// What was here and told nothing when somebody looked is new when it does.
func TestFresh_ContentThatComesLater(t *testing.T) {
	w, f, _ := matterWorld(t)
	l := w.log(w.items())
	l.folds = f
	me := looker{t: t}
	followed(t, t.TempDir(), l, func(x *Index, fl *Follower) {
		whole(t, l, fl)
		me.look(x)
		late := w.feeds[0].write(w.body(protocol.Header{Kind: protocol.KindNotice, Number: 9}, notice("늦은 소식")))
		w.errs[late.ID()] = protocol.Fail(protocol.ReasonWanted, "read body", nil)
		l.append(w.items()[w.local-1])
		whole(t, l, fl)
		me.want(x, "늦은", "")
		me.look(x)
		me.look(x)
		delete(w.errs, late.ID())
		w.local++
		l.append(Item{Entry: late, Seq: w.local, What: BodyArrived})
		whole(t, l, fl)
		me.want(x, "늦은", "notice kr-seoul-9")
		me.want(x, "", "notice kr-seoul-9")
		me.look(x)
		me.want(x, "늦은", "")

		// A decision that waited for another entry.
		decided := w.feeds[1].write(protocol.Header{Kind: protocol.KindDecision})
		l.append(Item{Entry: decided, Seq: w.local, What: Appended})
		whole(t, l, fl)
		me.look(x)
		me.look(x)
		f.set(func() {
			f.charter = append(f.charter, Matter{Kind: MatterAct, Name: "act-2", By: decided.ID(), Titles: []string{"둘째 결정"}, State: "open"})
		})
		fl.Unsettle()
		whole(t, l, fl)
		me.want(x, "둘째", "act act-2")
		me.look(x)
		me.want(x, "", "")
	})
}

// Of two histories of one feed that one counts in the end which was not seen: what it says
// is new from the fork on, once.
func TestFresh_TheOtherBranchOfAFork(t *testing.T) {
	w := newWorld(t)
	seoul := w.writer("kr-seoul")
	first := seoul.write(w.body(protocol.Header{Kind: protocol.KindNotice, Number: 1}, notice("하나")))
	ours := seoul.write(w.body(protocol.Header{Kind: protocol.KindNotice, Number: 2}, notice("둘")))
	x := w.index()
	x.settle()
	me := looker{t: t}
	me.look(x.Index)
	me.want(x.Index, "", "")
	w.now++
	theirs := w.entry(w.body(protocol.Header{Kind: protocol.KindNotice, Number: 2, Feed: seoul.feed, Seq: 2, Prev: first.ID(), Time: w.now}, notice("다른 둘")))
	x.Add(Item{Entry: ours, Seq: 4, What: SetAside}, Item{Entry: theirs, Seq: 5, What: Appended})
	seoul.entries[2] = theirs
	x.settle()
	me.want(x.Index, "", "") // nobody has said yet that there are two
	me.forks = Forked{seoul.feed: 2}
	me.want(x.Index, "", "notice kr-seoul-2")
	me.look(x.Index)
	me.want(x.Index, "", "")
	x.Restand(seoul.feed, "kr-seoul", 2) // for a while it stands for less
	x.settle()
	me.look(x.Index)
	x.Restand(seoul.feed, "kr-seoul", Unlimited)
	x.settle()
	me.want(x.Index, "", "")
}
