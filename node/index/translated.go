package index

import (
	"slices"

	"github.com/dure-net/dure/node/index/token"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
	"github.com/dure-net/dure/protocol/record/remark"
)

// Words that a member translated are found like those of the record's owner, as long as they
// are shown: none of a translation that was taken back, replaced or erased, that does not
// count, or whose original reads otherwise now. What is shown, the fold of remarks says.

// maxTold bounds the remarks of one member on one record that are read for that, the last of
// each kind to come. Beyond: older ones are shown, and not found.
const maxTold = 32

// isTold reports whether entries of a kind decide which translations are found.
func isTold(k protocol.Kind) bool {
	return k == protocol.KindTranslation || k == protocol.KindRecall
}

// tell takes in a remark; masses of one member's crowd out nothing of others.
func (t *thread) tell(e entry) {
	same := 0
	for i := range t.told {
		if t.told[i].member == e.member && t.told[i].kind == e.kind {
			same++
		}
	}
	if same < maxTold {
		t.told = append(t.told, e)
	}
}

// gone reports whether a remark's body is erased, by an act or by its writer.
func (t *thread) gone(s *entry) bool {
	return s.erased || slices.ContainsFunc(t.changes, func(c entry) bool {
		return c.kind == protocol.KindErasure && c.stands() && c.member == s.member && slices.Contains(c.refs, s.id)
	})
}

// translated adds the words of standing translations to what a record says. lost: words may
// have been there that are erased now.
func (w *writer) translated(t *thread, row Row, c *content) (lost bool, err error) {
	if len(t.told) == 0 {
		return false, nil
	}
	var said []remark.Said
	for i := range t.told {
		s := &t.told[i]
		switch {
		case t.gone(s):
			lost = lost || s.kind == protocol.KindTranslation
		case s.stands():
			body, e, err := w.bodyAt(s)
			if err != nil {
				return false, err
			}
			if !e.IsZero() {
				h := e.Header()
				said = append(said, remark.Said{Entry: e.ID(), Feed: e.Feed(), Seq: h.Seq, Member: s.member, Kind: h.Kind, Time: h.Time, Act: h.Act, Of: h.Of, Refs: h.Refs, Body: body})
			}
		}
	}
	if len(said) == 0 {
		return lost, nil
	}
	about := remark.Subject{Record: row.Record, Kind: row.Kind, Owner: row.Member, Current: row.Current.Entry, Versions: map[protocol.EntryID]record.Record{}}
	versions := append([]entry{t.entry}, t.changes...)
	for i := range versions {
		v := &versions[i]
		named := slices.ContainsFunc(said, func(s remark.Said) bool {
			tr, ok := s.Body.(*record.Translation)
			return ok && tr.Version != nil && tr.Version.Digest() == v.id
		})
		id := cidOf(v.id)
		if v.kind != t.kind || !t.counts(v) || t.isErased(v) || !named && id != about.Current {
			continue
		}
		body, _, err := w.bodyAt(v)
		if err != nil {
			return lost, err
		}
		if id == about.Current {
			about.Body = body
		}
		if body != nil {
			about.Versions[id] = body
		}
	}
	for _, tr := range remark.Fold(about, said, remark.Charter{}, "").Translations {
		if tr.Outdated {
			continue
		}
		for path, text := range tr.Texts {
			if path == "title" {
				c.title = token.Append(c.title, text)
			} else {
				c.body = token.Append(c.body, text)
			}
		}
	}
	return lost, nil
}

// bodyAt reads an entry and what it says; nil, and the zero entry, where that is not here.
func (w *writer) bodyAt(s *entry) (record.Record, protocol.Entry, error) {
	e, err := w.entryAt(s.place())
	if isMissing(err) {
		return nil, protocol.Entry{}, nil
	}
	if err != nil {
		return nil, e, err
	}
	raw, state, err := w.x.body(e)
	if err != nil || state != StatePublished {
		return nil, e, err
	}
	body, err := record.FromBody(e.Kind(), raw)
	if err != nil {
		return nil, e, nil // it says nothing here
	}
	return body, e, nil
}
