package index

import (
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// Matters are written apart from records: they are few, lists of records do not see them.
// Members and decisions are told whole whenever the charter changes. An agreement is put
// down as owed in the batch that touches one of its entries, and folded afterwards: after
// a crash it is still owed.

// foldsAtOnce is how many agreements are folded before the follower looks for entries again.
const foldsAtOnce = 32

// SetCharter replaces all members and decisions. It tells whether any differs.
func (x *Index) SetCharter(all []Matter) (differs bool, err error) {
	err = x.write("index members and decisions", false, func(w *writer) error {
		stale := map[int64]bool{}
		err := w.each(`SELECT id FROM matter WHERE kind <> ?`, []any{int64(MatterAgreement)}, func(scan func(...any) error) error {
			var id int64
			err := scan(&id)
			stale[id] = true
			return err
		})
		if err != nil {
			return err
		}
		for i := range all {
			id, changed, err := w.putMatter(&all[i])
			if err != nil {
				return err
			}
			delete(stale, id)
			differs = differs || changed
		}
		for id := range stale {
			differs = true
			if err := w.dropMatter(id); err != nil {
				return err
			}
		}
		if !differs {
			return nil
		}
		// What an agreement is depends on who is a member.
		return w.oweAll()
	})
	return differs, err
}

// putMatter writes one, where it is not as it was.
func (w *writer) putMatter(m *Matter) (id int64, changed bool, err error) {
	sum, err := m.sum()
	if err != nil {
		return 0, false, err
	}
	var before []byte
	known, err := w.one(`SELECT id, sum FROM matter WHERE kind = ? AND name = ?`, []any{int64(m.Kind), m.Name}, &id, &before)
	if err != nil || known && string(before) == string(sum) {
		return id, false, err
	}
	if known {
		if err := w.dropMatter(id); err != nil {
			return 0, false, err
		}
	}
	at := int64(0)
	if !m.Time.IsZero() {
		at = m.Time.UnixMilli()
	}
	var by []byte
	key := int64(0)
	if m.By.Defined() {
		d := m.By.Digest()
		by, key = d[:], keyOf(d)
	}
	if err := w.exec(`INSERT INTO matter(kind, name, at, closes, bykey, by, sum) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		int64(m.Kind), m.Name, at, dayNumber(m.Closes), key, by, sum); err != nil {
		return 0, false, err
	}
	if _, err := w.one(`SELECT last_insert_rowid()`, nil, &id); err != nil {
		return 0, false, err
	}
	for _, k := range m.facets() {
		if err := w.exec(`INSERT INTO matter_tag VALUES (?, ?, ?)`, int64(k.facet), k.value, id); err != nil {
			return 0, false, err
		}
	}
	return id, true, w.exec(`INSERT INTO matter_words(rowid, title, body) VALUES (?, ?, ?)`, id, tokens(m.Titles), tokens(m.Words))
}

func (w *writer) dropMatter(id int64) error {
	for _, text := range []string{`DELETE FROM matter WHERE id = ?`, `DELETE FROM matter_tag WHERE id = ?`, `DELETE FROM matter_words WHERE rowid = ?`} {
		if err := w.exec(text, id); err != nil {
			return err
		}
	}
	return nil
}

// oweAgreement puts the agreement that an entry says something in down as owed.
func (w *writer) oweAgreement(id digest) error {
	w.owed = true
	return w.exec(`INSERT OR IGNORE INTO owed VALUES (?)`, id[:])
}

// oweAll puts all agreements down as owed.
func (w *writer) oweAll() error {
	var all []digest
	err := w.each(`SELECT by FROM matter WHERE kind = ?`, []any{int64(MatterAgreement)}, func(scan func(...any) error) error {
		var by []byte
		err := scan(&by)
		all = append(all, digest(by))
		return err
	})
	if err != nil {
		return err
	}
	for _, d := range all {
		if err := w.oweAgreement(d); err != nil {
			return err
		}
	}
	return nil
}

// touchAgreement notes what an entry says in an agreement. A proposal is noted when its
// record is computed.
func (w *writer) touchAgreement(h *protocol.Header) error {
	if h.Kind.IsAgreement() && h.Of.Defined() {
		return w.oweAgreement(h.Of.Digest())
	}
	return nil
}

// touchFolded notes what agreements follow from: a proposal that came, or one that counts
// no more, when any agreement may have lost it; a listing that proposals name.
func (w *writer) touchFolded(t *thread, counts bool) error {
	switch t.kind {
	case protocol.KindOffer, protocol.KindRequest:
		if _, any := w.terms[termKey{FacetType, protocol.KindProposal.String()}]; !any || counts && t.local > w.applied {
			return nil
		}
		var named []digest
		err := w.each(`SELECT e.id FROM ref n CROSS JOIN entry e ON e.local = n.local AND e.kind = ? WHERE n.key = ?`, []any{int64(protocol.KindProposal), keyOf(t.id)},
			func(scan func(...any) error) error {
				var id []byte
				err := scan(&id)
				named = append(named, digest(id))
				return err
			})
		for _, d := range named {
			if err == nil {
				err = w.oweAgreement(d)
			}
		}
		return err
	case protocol.KindProposal:
		if !counts {
			if err := w.oweAll(); err != nil {
				return err
			}
		}
		return w.oweAgreement(t.id)
	}
	return nil
}

// fold asks for some of the agreements that are owed, and writes them.
func (x *Index) fold(folds Folds) error {
	var owed []digest
	err := x.read("list agreements", func(c *conn) error {
		return c.each(`SELECT id FROM owed LIMIT ?`, []any{foldsAtOnce}, func(scan func(...any) error) error {
			var id []byte
			err := scan(&id)
			owed = append(owed, digest(id))
			return err
		})
	})
	if err != nil {
		return err
	}
	found := make([]Matter, len(owed))
	stands := make([]bool, len(owed))
	for i, d := range owed {
		found[i], stands[i] = folds.Agreement(cidOf(d))
	}
	return x.write("index agreements", false, func(w *writer) error {
		for i, d := range owed {
			if err := w.exec(`DELETE FROM owed WHERE id = ?`, d[:]); err != nil {
				return err
			}
			if stands[i] {
				if _, _, err := w.putMatter(&found[i]); err != nil {
					return err
				}
				continue
			}
			var id int64
			known, err := w.one(`SELECT id FROM matter WHERE kind = ? AND name = ?`, []any{int64(MatterAgreement), cidOf(d).String()}, &id)
			if err == nil && known {
				err = w.dropMatter(id)
			}
			if err != nil {
				return err
			}
		}
		return w.loadOwed()
	})
}

func (w *writer) loadOwed() error {
	_, err := w.one(`SELECT EXISTS (SELECT 1 FROM owed)`, nil, &w.owed)
	return err
}

// Age puts all agreements down as owed on a day on which that was not done yet: time alone
// may have changed what they are.
func (x *Index) Age(day record.Day) error {
	return x.write("index agreements", false, func(w *writer) error {
		before, err := w.meta(metaDay)
		if err != nil || before == string(day) {
			return err
		}
		if err := w.oweAll(); err != nil {
			return err
		}
		return w.setMeta(metaDay, string(day))
	})
}

// owes reports whether agreements are to be folded.
func (x *Index) owes() bool {
	x.writing.Lock()
	defer x.writing.Unlock()
	return x.w != nil && x.w.owed
}
