package ledger

import (
	"crypto/sha256"
	"slices"

	"github.com/dgraph-io/badger/v4"
	"github.com/dure-net/dure/protocol"
)

// Raw is a page as bytes, for serving in bulk: hashed, not decoded.
type Raw struct {
	Feed    protocol.FeedID
	From    uint64
	Headers [][]byte
	Bodies  [][]byte // as long as Headers; nil where there is none, or it is not here, or it did not fit
}

// Page reads from entry from of a feed on: whole stored runs joined to at most
// maxEntries (and protocol.MaxPage), so that the page ends in a validly signed entry.
// The first run always comes whole. Bodies come along until maxBodyBytes are reached;
// the page then ends with the run it is in, and always carries its first body. No entry
// there: an empty page. Unreadable headers: the page ends before their run, and is
// ReasonDamaged if it would be empty.
func (r *Reader) Page(id protocol.FeedID, from uint64, maxEntries, maxBodyBytes int) (protocol.Page, error) {
	raw, err := r.Raw(id, from, maxEntries, maxBodyBytes)
	if err != nil {
		return protocol.Page{}, err
	}
	p := protocol.Page{Entries: make([]protocol.Entry, len(raw.Headers)), Bodies: raw.Bodies}
	for i, h := range raw.Headers {
		if p.Entries[i], err = decode(h); err != nil {
			return protocol.Page{}, err
		}
	}
	return p, nil
}

// part is a stored run, or a part of one, that goes into a page.
type part struct {
	feed               *feed
	first, skip, count uint64
	whole              bool // it goes to the end of the run
}

// parts finds the runs of a page, all under one feed number. Where a branch begins, the
// run it parts from is left at the branch's base, which is where a page may end.
func (r *Reader) parts(f *feed, from uint64, maxEntries int) []part {
	r.s.mu.RLock()
	defer r.s.mu.RUnlock()
	if f == nil || from >= f.count {
		return nil
	}
	f, end := f.storing(from)
	var parts []part
	room := uint64(min(max(maxEntries, 1), protocol.MaxPage))
	for at, n := from, uint64(0); at < end; {
		first, count := f.runOf(at)
		stop := min(first+count, end)
		p := part{f, first, at - first, stop - at, stop == first+count}
		if n += p.count; n > room && len(parts) > 0 {
			break
		}
		parts = append(parts, p)
		at = stop
	}
	return parts
}

// Raw is Page without decoding.
func (r *Reader) Raw(id protocol.FeedID, from uint64, maxEntries, maxBodyBytes int) (Raw, error) {
	r.s.mu.RLock()
	f := r.s.byID[id]
	r.s.mu.RUnlock()
	return r.raw(id, f, from, maxEntries, maxBodyBytes)
}

func (r *Reader) raw(id protocol.FeedID, f *feed, from uint64, maxEntries, maxBodyBytes int) (Raw, error) {
	page := Raw{Feed: id, From: from}
	parts := r.parts(f, from, maxEntries)
	if len(parts) == 0 {
		return page, nil
	}
	f = parts[0].feed
	links := make([]link, 0, protocol.MaxPage)
	bodyBytes := 0
	err := r.db.view("read page", func(txn *badger.Txn) error {
		for i, p := range parts {
			if i > 0 && bodyBytes >= maxBodyBytes {
				return nil
			}
			n := len(links)
			var err error
			if links, err = r.readPart(txn, p, links); err != nil {
				if i > 0 {
					return nil // the page ends before the damage; asked for, it answers for itself
				}
				return err
			}
			for j := range links[n:] {
				bodyBytes += int(links[n+j].size)
			}
		}
		return nil
	})
	if err != nil {
		return Raw{}, damagedAs("read page", err)
	}
	page.Headers = make([][]byte, len(links))
	for i := range links {
		page.Headers[i] = links[i].header
	}
	page.Bodies = r.pageBodies(f, links, maxBodyBytes)
	return page, nil
}

// readPart reads the headers of a run and appends them to links. The last one is checked
// against the index, and each of the others is the one that its successor names. On
// error links are as they were.
func (r *Reader) readPart(txn *badger.Txn, p part, links []link) ([]link, error) {
	at, n := placeOf(p.feed.no, p.first), len(links)
	err := good(txn, placeKey(keyRun, at), func(value []byte) error {
		value = slices.Clone(value)
		links = links[:n]
		_, err := runHeaders(value, func(i int, h []byte) error {
			if uint64(i) < p.skip || !p.whole && uint64(len(links)-n) == p.count {
				return nil
			}
			g, err := glanceAt(h)
			if err != nil {
				return err
			}
			if len(links) > n && g.prev != links[len(links)-1].id {
				return errHash
			}
			links = append(links, link{glance: g, id: sha256.Sum256(h), header: h[:len(h):len(h)]})
			return nil
		})
		if err == nil && uint64(len(links)-n) != p.count {
			err = errRun
		}
		if err != nil {
			return err
		}
		seq := p.first + p.skip + p.count - 1
		return r.known(links[len(links)-1].id, placeOf(p.feed.at(seq).no, seq))
	})
	if err != nil {
		r.s.mu.RLock()
		_, count := p.feed.runOf(p.first)
		r.s.mu.RUnlock()
		r.runDamaged(at, count)
		return links[:n], err
	}
	return links, nil
}

// pageBodies reads the bodies of consecutive headers, as far as they fit and are here.
func (r *Reader) pageBodies(f *feed, links []link, room int) [][]byte {
	bodies := make([][]byte, len(links))
	due, size := make([]int, 0, len(links)), 0
	r.s.mu.RLock()
	for i := range links {
		l := &links[i]
		if !l.hasBody || len(due) > 0 && int(l.size) > room || r.s.absent(placeOf(f.at(l.seq).no, l.seq), &l.glance, l.id) != nil {
			continue
		}
		due, room, size = append(due, i), room-int(l.size), size+int(l.size)
	}
	r.s.mu.RUnlock()
	// One iterator reads most of them into one piece of memory; what it does not find
	// right, body reads with all care.
	piece := make([]byte, 0, size)
	_ = r.db.view("read page", func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.IteratorOptions{Prefix: feedKey(keyBody, f.no)})
		defer it.Close()
		var key [placeKeyBytes]byte
		for n, i := range due {
			l := &links[i]
			key := appendPlaceKey(key[:0], keyBody, placeOf(f.at(l.seq).no, l.seq))
			if n == 0 {
				it.Seek(key)
			}
			for it.Valid() && string(it.Item().Key()) < string(key) {
				it.Next()
			}
			if !it.Valid() {
				return nil
			}
			if string(it.Item().Key()) != string(key) {
				continue
			}
			_ = it.Item().Value(func(value []byte) error {
				if uint64(len(value)) == l.size && l.body == sha256.Sum256(value) {
					from := len(piece)
					piece = append(piece, value...)
					bodies[i] = piece[from:len(piece):len(piece)]
				}
				return nil
			})
		}
		return nil
	})
	for _, i := range due {
		if bodies[i] == nil {
			l := &links[i]
			bodies[i], _ = r.body(placeOf(f.at(l.seq).no, l.seq), l.header) // damage is noted there
		}
	}
	return bodies
}
