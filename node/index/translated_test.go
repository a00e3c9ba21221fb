package index

import (
	"maps"
	"testing"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// Words of a translation that another member added are found while they are shown, and no longer: once the translation
// is replaced, taken back or erased, does not count, or is of words that were changed. An index that was there all the
// time and one that is built anew find the same.
func TestSearch_WordsOfTranslations(t *testing.T) {
	w := newWorld(t)
	seoul, paris := w.writer("kr-seoul"), w.writer("fr-paris")
	notice := func(title string) any {
		return document{lang: "ko", title: title, body: "함께 배웁니다."}.content(t)
	}
	first := seoul.write(w.body(protocol.Header{Kind: protocol.KindNotice, Number: 1}, notice("돌봄 협동조합 학교")))
	x := w.index()
	known := w.local
	says := func(of protocol.Entry, title string, refs ...protocol.CID) protocol.Entry {
		id := of.ID()
		return paris.write(w.body(protocol.Header{Kind: protocol.KindTranslation, Of: first.ID(), Refs: refs},
			&record.Translation{Type: "translation", Lang: "fr", Version: &id, Texts: map[string]string{"title": title}}))
	}
	finds := func(what string, words map[string]bool) {
		t.Helper()
		for _, it := range w.items()[known:] {
			x.Add(it)
		}
		known = w.local
		x.settle()
		again := w.empty()
		again.told = maps.Clone(x.told)
		for _, f := range w.feeds {
			again.Restand(f.feed, f.member, x.limit(f.feed))
		}
		again.SetErased(x.gone())
		again.Add(w.items()...)
		again.settle()
		for word, want := range words {
			if got := x.found(Query{Text: word})[first.ID()]; got != want {
				t.Errorf("%s: %q is found: %v", what, word, got)
			}
			if got := again.found(Query{Text: word})[first.ID()]; got != want {
				t.Errorf("%s, built anew: %q is found: %v", what, word, got)
			}
		}
	}
	finds("before", map[string]bool{"협동조합": true, "ecole": false})
	one := says(first, "École des coopératives")
	finds("translated", map[string]bool{"협동조합": true, "école": true, "coopératives": true})
	two := says(first, "Formation aux soins", one.ID())
	finds("in other words", map[string]bool{"école": false, "formation": true})
	paris.write(w.body(protocol.Header{Kind: protocol.KindRecall, Of: first.ID(), Refs: []protocol.CID{two.ID()}}, map[string]any{"type": "recall", "lang": "fr"}))
	finds("taken back", map[string]bool{"formation": false, "협동조합": true})

	three := says(first, "Atelier du soin", two.ID())
	finds("once more", map[string]bool{"atelier": true})
	seoul.write(w.body(protocol.Header{Kind: protocol.KindNotice, Of: first.ID(), Refs: []protocol.CID{first.ID()}}, notice("돌봄 협동조합 잔치")))
	finds("of words that were changed", map[string]bool{"atelier": false, "잔치": true})
	current := seoul.entries[len(seoul.entries)-1]
	four := says(current, "Fête du soin", three.ID())
	finds("anew", map[string]bool{"fête": true})
	paris.erase(first, four)
	w.errs[four.ID()] = protocol.Fail(protocol.ReasonErased, "read body", nil)
	finds("erased by its writer", map[string]bool{"fête": false, "잔치": true})
	if !x.mustShed() {
		t.Error("the words stay in old parts of the index")
	}
	five := says(current, "Kermesse", four.ID())
	finds("and again", map[string]bool{"kermesse": true})
	x.SetErased([]protocol.EntryID{five.ID()})
	finds("erased by an act", map[string]bool{"kermesse": false})
	x.SetErased(nil)
	finds("the act is undone", map[string]bool{"kermesse": true})
	x.Restand(paris.feed, "fr-paris", five.Seq())
	finds("it does not count", map[string]bool{"kermesse": false, "잔치": true})
	x.Restand(paris.feed, "fr-paris", Unlimited)
	finds("it counts", map[string]bool{"kermesse": true})
}

// limit is how far a feed stands in the index.
func (x *tested) limit(feed protocol.FeedID) (count uint64) {
	x.w.t.Helper()
	x.writing.Lock()
	defer x.writing.Unlock()
	f := x.Index.w.feeds[feed.Digest()]
	return f.count
}

// gone are the entries that acts have erased.
func (x *tested) gone() (out []protocol.EntryID) {
	x.writing.Lock()
	defer x.writing.Unlock()
	for d := range x.Index.w.erased {
		out = append(out, cidOf(d))
	}
	return out
}
