package private

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/sealed"
)

// State is what can be said of a letter. Append only.
type State string

const (
	StateOpen     State = "open"
	StateErased   State = "erased"   // its content was erased for good; told of own letters alone
	StateReplaced State = "replaced" // its author wrote a newer one, which is not for this member
)

// Letter is a letter that this node can read, or one of its member's that is erased.
type Letter struct {
	sealed.Letter                   // zero while erased
	Record        protocol.RecordID // its first entry
	Entry         protocol.EntryID  // the version shown
	Feed          protocol.FeedID
	FeedSeq       uint64
	Number        string // "kr-seoul-41"; "" where its writer gave none
	From          string // handle
	Own           bool   // it is this member's
	Time          time.Time
	Local         uint64 // local number of its first entry: the order of lists
	Versions      int
	State         State
}

// Query selects letters. The zero value is the newest DefaultPage of all.
type Query struct {
	With   string        // a member that is its author or is addressed; "" any
	About  protocol.CID  // what it is about; undefined any
	What   []sealed.What // none: any
	Limit  int           // 1 to MaxPage; 0 means DefaultPage
	Before uint64        // only letters whose Local is smaller; 0: the first page
	Erased bool          // also own letters that are erased
}

// Page is one page of letters, newest arrival first.
type Page struct {
	Letters []Letter
	Next    uint64 // Query.Before of the next page; 0: this is the last
}

// List opens letters until a page is full. It reads bodies, and tries keys on those
// that were never tried; ending ctx ends it.
func (r *Room) List(ctx context.Context, q Query) (Page, error) {
	if q.Limit == 0 {
		q.Limit = DefaultPage
	}
	if q.Limit < 1 || q.Limit > MaxPage {
		return Page{}, &protocol.Error{Reason: protocol.ReasonUsage, Op: "list letters", Field: "limit",
			Args: map[string]string{"value": strconv.Itoa(q.Limit)}, Err: errors.New("out of bounds")}
	}
	if err := r.load(); err != nil {
		return Page{}, err
	}
	r.takeRewraps()
	var page Page
	for _, versions := range r.roots(q.Before) {
		if ctx.Err() != nil {
			return Page{}, protocol.Fail(protocol.ReasonCanceled, "list letters", ctx.Err())
		}
		l, ok, err := r.show(versions)
		if err != nil {
			return Page{}, err
		}
		if !ok || !q.takes(&l) {
			continue
		}
		if len(page.Letters) == q.Limit {
			page.Next = page.Letters[q.Limit-1].Local
			break
		}
		page.Letters = append(page.Letters, l)
	}
	return page, nil
}

func (q Query) takes(l *Letter) bool {
	switch {
	case l.State == StateErased && !q.Erased:
		return false
	case q.With != "" && !same(q.With, l.From) && !slices.ContainsFunc(l.To, func(h string) bool { return same(q.With, h) }):
		return false
	case q.About.Defined() && l.About != q.About:
		return false
	}
	return len(q.What) == 0 || slices.Contains(q.What, l.What)
}

// roots groups sealed entries by their first entry, of one author each, newest arrival of
// the first first.
func (r *Room) roots(before uint64) [][]*item {
	r.mu.Lock()
	defer r.mu.Unlock()
	by := map[protocol.EntryID][]*item{}
	var order []*item
	for _, it := range r.letters {
		if it.kind != protocol.KindSealed {
			continue
		}
		if it.of.IsZero() {
			if before == 0 || it.local < before {
				order = append(order, it)
			}
		} else {
			by[it.of] = append(by[it.of], it)
		}
	}
	slices.SortFunc(order, func(a, b *item) int { return cmp.Compare(b.local, a.local) })
	out := make([][]*item, len(order))
	for i, first := range order {
		out[i] = append([]*item{first}, by[first.id]...)
	}
	return out
}

// show is the newest version of a letter that this node reads. versions begins with the
// first entry.
func (r *Room) show(versions []*item) (Letter, bool, error) {
	first := versions[0]
	_, author, ok := r.entry(first)
	if !ok {
		return Letter{}, false, nil
	}
	versions = slices.DeleteFunc(slices.Clone(versions), func(it *item) bool {
		_, member, ok := r.entry(it)
		return !ok || member != author // only the owner changes a record
	})
	slices.SortFunc(versions, func(a, b *item) int {
		return cmp.Or(cmp.Compare(b.time, a.time), cmp.Compare(b.seq, a.seq), bytes.Compare(b.id.Bytes(), a.id.Bytes()))
	})
	out := Letter{Record: first.id, From: author, Own: author == r.cfg.Member, Local: first.local, Versions: len(versions), State: StateOpen}
	if first.number > 0 {
		out.Number = author + "-" + strconv.FormatUint(first.number, 10)
	}
	erased := false
	for i, it := range versions {
		env, c, key, _, err := r.envelope(it)
		switch {
		case errors.Is(err, errErased):
			erased = true
			continue
		case errors.Is(err, errElse) || errors.Is(err, errAbsent):
			continue
		case err != nil:
			return Letter{}, false, err
		}
		l, err := env.Letter(c, key)
		if err != nil {
			continue // sealed by a newer version, or wrongly: it says nothing here
		}
		out.Letter, out.Entry, out.Feed, out.FeedSeq, out.Time = *l, it.id, it.feed, it.seq, time.UnixMilli(it.time).UTC()
		if i > 0 {
			out.State = StateReplaced
		}
		if erased { // an erased version is not brought back by an older one
			break
		}
		return out, true, nil
	}
	if erased && out.Own {
		out.Letter, out.State = sealed.Letter{}, StateErased
		out.Entry, out.Feed, out.FeedSeq, out.Time = first.id, first.feed, first.seq, time.UnixMilli(first.time).UTC()
		return out, true, nil
	}
	return Letter{}, false, nil
}

// Lookup finds one letter by its short number, its CID or that of a version, or an
// unambiguous beginning of at least MinPrefix characters. ReasonNotFound also for letters
// that are for others.
func (r *Room) Lookup(ref string) (Letter, error) {
	name := strings.ToLower(strings.TrimSpace(ref))
	r.takeRewraps()
	var found []Letter
	for _, versions := range r.roots(0) {
		if !slices.ContainsFunc(versions, func(it *item) bool { return r.bears(it, name) }) {
			continue
		}
		l, ok, err := r.show(versions)
		if err != nil {
			return Letter{}, err
		}
		if ok {
			found = append(found, l)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return Letter{}, &protocol.Error{Reason: protocol.ReasonNotFound, Op: "find letter", ID: ref, Args: map[string]string{"ref": ref}}
	}
	var ids []string
	for _, l := range found[:min(len(found), 8)] {
		ids = append(ids, l.Record.String())
	}
	return Letter{}, &protocol.Error{Reason: protocol.ReasonAmbiguous, Op: "find letter", ID: ref,
		Args: map[string]string{"ref": ref, "candidates": strings.Join(ids, " ")}}
}

// Versions are the entries of a letter, its first one before the others.
func (r *Room) Versions(record protocol.RecordID) (out []protocol.EntryID) {
	for _, versions := range r.roots(0) {
		if versions[0].id != record {
			continue
		}
		for _, it := range versions {
			out = append(out, it.id)
		}
	}
	return out
}

// MinPrefix is the least of a CID that is taken for one, in characters.
const MinPrefix = 8

// bears reports whether an item may be meant by a name.
func (r *Room) bears(it *item, name string) bool {
	if i := strings.LastIndexByte(name, '-'); i > 0 {
		member, _ := r.cfg.Standing(it.feed)
		return it.number > 0 && member == name[:i] && strconv.FormatUint(it.number, 10) == name[i+1:]
	}
	id := it.id.String()
	return len(name) >= MinPrefix && (strings.HasPrefix(id, name) || strings.HasPrefix(strings.TrimPrefix(id, "bafyrei"), name))
}
