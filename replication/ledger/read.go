package ledger

import (
	"crypto/sha256"
	"errors"
	"slices"
	"strings"

	"github.com/dgraph-io/badger/v4"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/erasure"
)

// Reader is the reading half of a ledger. All of it is safe for concurrent use, sees
// only what is durable, and hashes every byte again. Slices are the caller's.
type Reader struct {
	s  *state
	db *store

	repair func(func(*committer) error) // asks the committer for a small change; may drop it
}

// FeedHead is one feed as it is stored: all of its chain, whatever a cut or a fork leaves standing.
type FeedHead struct {
	Feed       protocol.FeedID
	Count      uint64
	Head       protocol.EntryID // the last entry
	Node, Root protocol.PublicKey
	Bytes      uint64 // headers, and bodies as declared; of a forked feed also of what its chain parted from
}

func (f *feed) report() FeedHead {
	h := FeedHead{Feed: f.id, Count: f.count, Head: f.head, Node: f.node, Root: f.root}
	for ; f != nil; f = f.parent {
		h.Bytes += f.bytes
	}
	return h
}

// Feeds lists all feeds, in the order in which they were first seen.
func (r *Reader) Feeds() []FeedHead {
	r.s.mu.RLock()
	defer r.s.mu.RUnlock()
	heads := make([]FeedHead, 0, r.s.visible)
	for _, f := range r.s.chains() {
		if f.count > 0 {
			heads = append(heads, f.report())
		}
	}
	return heads
}

// Head is one feed; false if nothing of it is stored.
func (r *Reader) Head(id protocol.FeedID) (FeedHead, bool) {
	r.s.mu.RLock()
	defer r.s.mu.RUnlock()
	f := r.s.byID[id]
	if f == nil || f.count == 0 {
		return FeedHead{Feed: id}, false
	}
	return f.report(), true
}

// Stats are counts of what is stored.
type Stats struct {
	Entries uint64 // of the chains; branches set aside are not counted
	Feeds   int
	Bytes   uint64 // headers, and bodies as declared; branches set aside too
	Wanted  int    // of the chains
	Lifted  int    // bodies that were erased once, and are taken if somebody still has them
	Erased  int    // bodies dropped, or never taken
	Damaged int    // runs of headers that were found damaged and wait for repair
	Next    uint64 // local number of the next change
	Index   uint64 // bytes of memory of the CID index
}

// Stats counts what is stored.
func (r *Reader) Stats() Stats {
	r.s.mu.RLock()
	defer r.s.mu.RUnlock()
	wanted := len(r.s.wanted) - r.s.lifted
	if len(r.s.forked) > 0 {
		for p, w := range r.s.wanted {
			if !w.lifted && !r.s.onChain(p) {
				wanted--
			}
		}
	}
	return Stats{Entries: r.s.entries, Feeds: r.s.visible, Bytes: r.s.bytes, Wanted: wanted, Lifted: r.s.lifted,
		Erased: len(r.s.erased), Damaged: len(r.s.damaged), Next: r.s.next, Index: r.s.index.bytes()}
}

// Entry is entry seq of a feed's chain. Not stored: ReasonNotFound. Unreadable: ReasonDamaged.
func (r *Reader) Entry(id protocol.FeedID, seq uint64) (protocol.Entry, error) {
	r.s.mu.RLock()
	f := r.s.byID[id]
	ok := f != nil && seq < f.count
	r.s.mu.RUnlock()
	if !ok {
		return protocol.Entry{}, notFound("read entry", id)
	}
	header, _, err := r.header(placeOf(f.at(seq).no, seq))
	if err != nil {
		return protocol.Entry{}, err
	}
	return decode(header)
}

// Has reports whether an entry is stored, in a chain or in a branch set aside, from memory alone.
func (r *Reader) Has(id protocol.EntryID) bool {
	d := digest(id.Digest())
	return len(r.candidates(d, func(p place) bool { return !p.isBody() })) > 0
}

// Find is the entry that id names, or the entry whose body id names, in a chain or in a
// branch set aside. Neither:
// ReasonNotFound. A known one that cannot be read: ReasonDamaged.
func (r *Reader) Find(id protocol.CID) (e protocol.Entry, isBody bool, err error) {
	header, p, err := r.locate(id)
	if err != nil {
		return protocol.Entry{}, false, err
	}
	e, err = decode(header)
	return e, p.isBody(), err
}

// Block is the exact bytes of a header or body: whoever hashes them gets id. Not known:
// ReasonNotFound. A body that is not here: ReasonWanted, ReasonErased or ReasonDamaged.
func (r *Reader) Block(id protocol.CID) ([]byte, error) {
	header, p, err := r.locate(id)
	if err != nil || !p.isBody() {
		return header, err
	}
	return r.body(p.entry(), header)
}

// Body is the body of an entry that is stored; nil and no error if it names none.
// ReasonWanted, ReasonErased and ReasonDamaged say why there are no bytes.
func (r *Reader) Body(e protocol.Entry) ([]byte, error) {
	if !e.Header().Body.Defined() {
		return nil, nil
	}
	d := digest(e.ID().Digest())
	var found error = notFound("read body", e.ID())
	for _, p := range r.candidates(d, func(p place) bool { return !p.isBody() && p.seq() == e.Seq() }) {
		data, err := r.body(p, e.Bytes())
		if err == nil {
			return data, nil
		}
		found = err
	}
	return nil, found
}

// locate finds the header that id names, or that names id as its body, and its place.
func (r *Reader) locate(id protocol.CID) ([]byte, place, error) {
	if !id.Defined() {
		return nil, 0, notFound("find block", id)
	}
	d := digest(id.Digest())
	var found error = notFound("find block", id)
	for _, p := range r.candidates(d, func(place) bool { return true }) {
		header, own, err := r.header(p.entry())
		if err != nil {
			found = err
			continue
		}
		if !p.isBody() && own == d {
			return header, p, nil
		}
		if g, err := glanceAt(header); p.isBody() && err == nil && g.hasBody && g.body == d {
			return header, p, nil
		}
	}
	return nil, 0, found
}

// candidates are the durable places under a hash.
func (r *Reader) candidates(d digest, fit func(place) bool) []place {
	var places []place
	r.s.mu.RLock()
	defer r.s.mu.RUnlock()
	r.s.index.find(d.short(), func(p place) bool {
		if _, ok := r.s.holds(p); ok && fit(p) {
			places = append(places, p)
		}
		return false
	})
	return places
}

// header reads the header at a durable place and hashes it; the slice is a copy. Bytes
// that are not the ones indexed at the start, or when they were written, are damaged.
func (r *Reader) header(p place) (header []byte, id digest, err error) {
	r.s.mu.RLock()
	f, ok := r.s.holds(p)
	var first, count uint64
	if ok {
		first, count = f.runOf(p.seq())
	}
	r.s.mu.RUnlock()
	if !ok {
		return nil, id, protocol.Fail(protocol.ReasonNotFound, "read entry", nil)
	}
	at := placeOf(p.feed(), first)
	err = r.db.good(placeKey(keyRun, at), func(value []byte) error {
		h, err := headerAt(value, p.seq()-first)
		if err != nil {
			return err
		}
		id = sha256.Sum256(h)
		header = slices.Clone(h)
		return r.known(id, p)
	})
	if err != nil {
		r.runDamaged(at, count)
		return nil, digest{}, damagedAs("read entry", err)
	}
	return header, id, nil
}

// headers reads as many headers as lie in one run with the first of some places, one after
// another, and hashes each: the run is read and opened once. None where one of them is not
// good; header then says what is wrong with which. The slices are copies.
func (r *Reader) headers(places []place) [][]byte {
	r.s.mu.RLock()
	f, ok := r.s.holds(places[0])
	var first, count uint64
	if ok {
		first, count = f.runOf(places[0].seq())
	}
	r.s.mu.RUnlock()
	if !ok {
		return nil
	}
	end := slices.IndexFunc(places, func(p place) bool {
		return p.feed() != places[0].feed() || p.seq() < first || p.seq() >= first+count
	})
	if end < 0 {
		end = len(places)
	}
	out := make([][]byte, 0, end)
	err := r.db.good(placeKey(keyRun, placeOf(places[0].feed(), first)), func(value []byte) error {
		out = out[:0]
		for _, p := range places[:end] {
			h, err := headerAt(value, p.seq()-first)
			if err == nil {
				err = r.known(sha256.Sum256(h), p)
			}
			if err != nil {
				return err
			}
			out = append(out, slices.Clone(h))
		}
		return nil
	})
	if err != nil {
		return nil
	}
	return out
}

var errHash = errors.New("the bytes do not hash to what was stored")

// known says whether the header with this hash is the one that stands at this place:
// the index was built from the very bytes, at the start or when they were written.
func (r *Reader) known(id digest, p place) error {
	r.s.mu.RLock()
	defer r.s.mu.RUnlock()
	if !r.s.index.has(id.short(), p) {
		return errHash
	}
	return nil
}

// body reads the body at a durable place whose header is given.
func (r *Reader) body(p place, header []byte) ([]byte, error) {
	g, err := glanceAt(header)
	if err != nil || !g.hasBody {
		return nil, damagedAs("read body", errGlance)
	}
	if err := r.absent(p, &g, header); err != nil {
		return nil, err
	}
	var data []byte
	for i, prefix := range bodyPrefixes(g.kind.IsErasable()) {
		rerr := r.db.good(placeKey(prefix, p), func(value []byte) error {
			if g.body != sha256.Sum256(value) {
				return errHash
			}
			data = slices.Clone(value)
			return nil
		})
		if i == 0 || rerr == nil {
			err = rerr // of two failures the first tells more
		}
		if err == nil {
			break
		}
	}
	if why := r.absent(p, &g, header); why != nil { // erased while it was read
		return nil, why
	}
	if err == nil {
		return data, nil
	}
	r.bodyDamaged(p, g, header)
	return nil, damagedAs("read body", err)
}

// absent says why a body is known not to be here, or is not to be read; nil if it should
// be here.
func (r *Reader) absent(p place, g *glance, header []byte) error {
	r.s.mu.RLock()
	defer r.s.mu.RUnlock()
	return r.s.absent(p, g, sha256.Sum256(header))
}

// absent is Reader.absent for the header of this hash. The caller holds mu.
func (s *state) absent(p place, g *glance, id digest) error {
	if _, ok := s.erased[p]; ok {
		return protocol.Fail(protocol.ReasonErased, "read body", nil)
	}
	if s.says != nil && g.kind.IsErasable() && s.saysOf(s.feedNo(p.feed()), p, id, g.of, g.kind) == erasure.Gone {
		return protocol.Fail(protocol.ReasonErased, "read body", nil)
	}
	if _, ok := s.wanted[p]; ok {
		return protocol.Fail(protocol.ReasonWanted, "read body", nil)
	}
	return nil
}

// IsErased reports whether the body of an entry counts as erased here.
func (r *Reader) IsErased(id protocol.EntryID) bool {
	header, p, err := r.locate(id)
	if err != nil || p.isBody() {
		return false
	}
	g, err := glanceAt(header)
	return err == nil && g.hasBody && protocol.ReasonOf(r.absent(p, &g, header)) == protocol.ReasonErased
}

// Meta is a small value of the layer above; nil if there is none.
func (r *Reader) Meta(key string) (value []byte, err error) {
	err = r.db.get(metaKey(key), func(b []byte) error {
		value = append([]byte{}, b...)
		return nil
	})
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, damagedAs("read setting", err)
	}
	return value, nil
}

// Settings lists the small values of the layer above whose keys begin with prefix, by key.
func (r *Reader) Settings(prefix string) (all []Setting, err error) {
	p := metaKey(prefix)
	err = r.db.scan(p, p, func(key []byte, item *badger.Item) error {
		value, err := item.ValueCopy(nil)
		all = append(all, Setting{Key: strings.TrimPrefix(string(key), string(metaKey(""))), Value: value})
		return err
	})
	if err != nil {
		return nil, damagedAs("read settings", err)
	}
	return all, nil
}

// Evidence lists all fork evidence, by feed and seq.
func (r *Reader) Evidence() (all []Evidence, err error) {
	p := []byte{keyEvidence}
	err = r.db.scan(p, p, func(key []byte, item *badger.Item) error {
		at, ok := readEvidenceKey(key)
		if !ok {
			return errors.New("not the key of evidence")
		}
		value, err := item.ValueCopy(nil)
		all = append(all, Evidence{Feed: at.feed, Seq: at.seq, Data: value})
		return err
	})
	if err != nil {
		return nil, damagedAs("read evidence", err)
	}
	return all, nil
}

func decode(header []byte) (protocol.Entry, error) {
	e, err := protocol.DecodeEntry(header)
	if err != nil {
		return e, damagedAs("read entry", err)
	}
	return e, nil
}

func notFound(op string, id protocol.CID) error {
	text := ""
	if id.Defined() {
		text = id.String()
	}
	return &protocol.Error{Reason: protocol.ReasonNotFound, Op: op, ID: text}
}

// damagedAs is ReasonDamaged: Badger's own errors, "not found" among them, prove nothing else.
func damagedAs(op string, err error) error {
	return protocol.Fail(protocol.ReasonDamaged, op, err)
}
