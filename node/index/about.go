package index

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/dure-net/dure/protocol"
)

// isMention reports whether About tells of an entry.
func isMention(h *protocol.Header) bool {
	if h.Kind.IsRecord() {
		return h.Of.IsZero()
	}
	return h.Kind > protocol.KindErased && h.Kind != protocol.KindWithdraw
}

// About lists the entries of some kinds that name an entry in their "of" or "refs", in
// order of feed and of place in the feed: the same on every node that holds the same. It
// tells those that count: of a member's feed, below every cut, removal and fork, and not
// erased by an act. Whether their writer was allowed to say so is the caller's question.
// No kind means every kind. Governance, erasures, withdrawals and revisions of records are
// never told: History has those. Of one kind in one feed the first MaxAbout are told, the
// same ones everywhere, so that nobody's masses fill a node's memory. The slice is the
// caller's; nil where there is none.
func (x *Index) About(subject protocol.EntryID, kinds ...protocol.Kind) ([]Place, error) {
	d := subject.Digest()
	var out []Place
	err := x.read("list entries about an entry", func(c *conn) error {
		told := map[uint64]bool{} // by local number
		type source struct {
			feed digest
			kind protocol.Kind
		}
		take := func(names func(*entry) bool) func(func(...any) error) error {
			read := map[source]int{}
			return func(scan func(...any) error) error {
				var e entry
				if err := readEntry(scan, &e); err != nil {
					return err
				}
				if names(&e) && !told[e.local] && e.stands() && !e.erased && (len(kinds) == 0 || slices.Contains(kinds, e.kind)) {
					if read[source{e.feed, e.kind}]++; read[source{e.feed, e.kind}] <= MaxAbout {
						told[e.local] = true
						out = append(out, e.place())
					}
				}
				return nil
			}
		}
		err := c.each(`SELECT `+entryColumns+` FROM entry e JOIN feed f ON f.no = e.feed WHERE e.ofkey = ? AND e.of = ? ORDER BY e.feed, e.seq`, []any{keyOf(d), d[:]},
			take(func(e *entry) bool { return !isChange(e.kind) }))
		if err != nil {
			return err
		}
		return c.each(`SELECT `+entryColumns+` FROM ref n CROSS JOIN entry e ON e.local = n.local JOIN feed f ON f.no = e.feed WHERE n.key = ? ORDER BY e.feed, e.seq`, []any{keyOf(d)},
			take(func(e *entry) bool { return slices.Contains(e.refs, d) }))
	})
	slices.SortFunc(out, func(a, b Place) int {
		return cmp.Or(bytes.Compare(a.Feed.Bytes(), b.Feed.Bytes()), cmp.Compare(a.FeedSeq, b.FeedSeq))
	})
	return firstOfEach(out), err
}

// firstOfEach leaves the first MaxAbout places of one kind in one feed; those named in two
// ways were counted apart.
func firstOfEach(places []Place) []Place {
	read, feed := map[protocol.Kind]int{}, protocol.FeedID{}
	return slices.DeleteFunc(places, func(p Place) bool {
		if p.Feed != feed {
			clear(read)
			feed = p.Feed
		}
		read[p.Kind]++
		return read[p.Kind] > MaxAbout
	})
}

// Nodes lists each feed's last word on where its node is, without Entry and Seq.
func (x *Index) Nodes() (places []Place, err error) {
	err = x.read("list places of nodes", func(c *conn) error {
		return c.each(`SELECT id, node, member FROM feed WHERE node > 0`, nil, func(scan func(...any) error) error {
			var id []byte
			var node int64
			p := Place{Kind: protocol.KindNode}
			err := scan(&id, &node, &p.Member)
			p.Feed, p.FeedSeq = cidOf(digest(id)), uint64(node-1)
			places = append(places, p)
			return err
		})
	})
	return places, err
}

// OfKinds lists the entries of some kinds in order of arrival, whether they count or not:
// what is sealed, and under which keys, in a ledger where those are few. Only kinds from
// protocol.KindRecipient to protocol.KindRewrap are kept so.
func (x *Index) OfKinds(from, to protocol.Kind) (out []Place, err error) {
	err = x.read("list entries of a kind", func(c *conn) error {
		return c.each(`SELECT `+entryColumns+` FROM entry e INDEXED BY entry_kind JOIN feed f ON f.no = e.feed WHERE e.kind >= 60 AND e.kind BETWEEN ? AND ? ORDER BY e.local`,
			[]any{int64(from), int64(to)}, func(scan func(...any) error) error {
				var e entry
				if err := readEntry(scan, &e); err != nil {
					return err
				}
				out = append(out, e.place())
				return nil
			})
	})
	return out, err
}
