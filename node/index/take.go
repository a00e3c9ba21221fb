package index

import (
	"math"
	"slices"

	"github.com/dure-net/dure/protocol"
)

// Add takes in what happened, in order, as one transaction. An entry that is known
// already changes nothing, or comes back where it was set aside.
func (x *Index) Add(items ...Item) error {
	_, err := x.take(false, nil, items)
	return err
}

// take is Add, after Restand. With putOff, what follows for the records is put down as due.
// It tells how many are.
func (x *Index) take(putOff bool, limits []Limit, items []Item) (due int, err error) {
	err = x.write("index entries", putOff, func(w *writer) error {
		for _, l := range limits {
			if err := w.restand(l); err != nil {
				return err
			}
		}
		for i := range items {
			if err := w.add(&items[i]); err != nil {
				return err
			}
		}
		if n := len(items); n > 0 && items[n-1].Seq > w.applied {
			w.batch.applied, w.batch.samples = items[n-1].Seq, keepSample(slices.Clone(w.samples), items[n-1])
		}
		return nil
	})
	return x.due(), err
}

// entryAt reads the entry of a place.
func (w *writer) entryAt(p Place) (protocol.Entry, error) {
	if e, ok := w.read[p.Seq]; ok && e.ID() == p.Entry {
		return e, nil
	}
	return w.x.source.Entry(p.Feed, p.FeedSeq)
}

func (w *writer) add(it *Item) error {
	h := it.Entry.Header()
	f, err := w.feed(it.Entry.Feed().Digest())
	if err != nil {
		return err
	}
	if h.Kind == protocol.KindNode && it.What == Appended && h.Seq >= f.node {
		f.node = h.Seq + 1
		w.batch.risen[f] = true
	}
	if !isKept(&h) {
		return nil
	}
	id := it.Entry.ID().Digest()
	var local int64
	var aside bool
	known, err := w.one(`SELECT local, aside FROM entry WHERE feed = ? AND seq = ? AND id = ?`, []any{f.no, int64(h.Seq), id[:]}, &local, &aside)
	switch {
	case err != nil:
		return err
	case it.What == Appended && !known:
		return w.insert(it, &h, f, id)
	case !known:
		return nil
	case it.What == Appended && aside, it.What == SetAside && !aside:
		if err := w.exec(`UPDATE entry SET aside = ? WHERE local = ?`, !aside, local); err != nil {
			return err
		}
	case it.What != BodyArrived && it.What != BodyErased:
		return nil
	}
	return w.touch(uint64(local), &h)
}

// isKept reports whether an entry is a record, is about something, names something or decides.
func isKept(h *protocol.Header) bool {
	switch {
	case h.Kind == protocol.KindDecision || h.Kind == protocol.KindCertificate:
		return true // they bring matters about
	case h.Init != nil || h.Kind.IsGovernance() && h.Kind != protocol.KindErasure || h.Kind == protocol.KindNode || h.Kind == protocol.KindErased:
		return false
	}
	return h.Of.Defined() || h.Kind.IsRecord() || h.Number > 0 || len(h.Refs) > 0 && isMention(h) ||
		h.Kind >= protocol.KindRecipient && h.Kind <= protocol.KindRewrap
}

func (w *writer) insert(it *Item, h *protocol.Header, f *feed, id digest) error {
	var ofKey *int64
	var of, refs []byte
	if h.Of.Defined() {
		d := h.Of.Digest()
		key := keyOf(d)
		ofKey, of = &key, d[:]
	}
	for _, ref := range h.Refs {
		d := ref.Digest()
		refs = append(refs, d[:]...)
	}
	claimed := int64(0)
	if h.Number > 0 {
		claimed = h.Time
	}
	if err := w.exec(`INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?)`,
		int64(it.Seq), keyOf(id), id[:], f.no, int64(h.Seq), int64(h.Kind), int64(min(h.Number, math.MaxInt64)), claimed, ofKey, of, refs); err != nil {
		return err
	}
	if isMention(h) {
		for _, ref := range h.Refs {
			if err := w.exec(`INSERT OR IGNORE INTO ref VALUES (?, ?)`, keyOf(ref.Digest()), int64(it.Seq)); err != nil {
				return err
			}
		}
	}
	if !h.Of.Defined() && h.Number <= maxGiven && h.Number > f.number {
		f.number = h.Number
		w.batch.risen[f] = true
	}
	return w.touch(it.Seq, h)
}

// touch notes the record that an entry makes or changes.
func (w *writer) touch(local uint64, h *protocol.Header) error {
	if err := w.touchAgreement(h); err != nil {
		return err
	}
	if h.Of.IsZero() {
		if h.Kind.IsRecord() {
			w.batch.touched[local] = true
		}
		return nil
	}
	if !isChange(h.Kind) && !isTold(h.Kind) {
		return nil
	}
	first, ok, err := w.firstByDigest(h.Of.Digest())
	if err != nil || !ok {
		return err
	}
	var said int64
	_, err = w.one(`SELECT count(*) FROM (SELECT 1 FROM entry WHERE ofkey = ? LIMIT ?)`, []any{keyOf(h.Of.Digest()), heavy + 1}, &said)
	w.batch.touched[first] = said <= heavy
	return err
}

// feed finds a feed or makes a line for it. Nobody's entries count until Restand says whose
// they are.
func (w *writer) feed(id digest) (*feed, error) {
	if f := w.feeds[id]; f != nil {
		return f, nil
	}
	f := &feed{no: int64(len(w.feeds) + 1), count: uint64(stored(Unlimited))}
	w.feeds[id] = f
	return f, w.exec(`INSERT INTO feed VALUES (?, ?, '', ?, 0, 0)`, f.no, id[:], stored(f.count))
}
