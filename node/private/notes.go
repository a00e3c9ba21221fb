package private

import (
	"slices"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/sealed"
)

// Notes keeps a few bytes of this node alone across starts. What it writes to a disk is
// encrypted: it tells by what is missing which sealed entries this node can read.
type Notes interface {
	// Load is what was saved last; nil where nothing was.
	Load() ([]byte, error)

	// Save keeps other bytes in their place. They are durable when this returns.
	Save(raw []byte) error
}

// noted is what is kept across starts: of which sealed entries no key opened any slot, and
// which letters were read here. Losing it costs trying the keys again, and letters that are
// told of as unread once more.
type noted struct {
	Keys []sealed.Print `cbor:"keys"` // of this node, that were tried
	Shut []byte         `cbor:"shut"` // marks of entries that none of them opens, one after the other
	Read []byte         `cbor:"read"` // marks of letters that were read, the last one at the end
}

// mark is the beginning of an entry's digest: what is counted is what nobody can choose at
// a cost that is worth it.
type mark [16]byte

func markOf(id protocol.CID) (m mark) {
	d := id.Digest()
	copy(m[:], d[:])
	return m
}

// notebook is noted in use. Room.mu guards it.
type notebook struct {
	loaded  bool
	shut    map[mark]bool
	order   []mark // of shut
	read    []mark
	unsaved int   // marks of shut that are not saved
	saved   int64 // when it was saved last, Unix milliseconds
	fault   error // why what was kept could not be read, until it is told
}

// load reads the notes once. Notes that cannot be read are as good as none: Tend tells of it.
// The caller does not hold mu.
func (r *Room) load() error {
	r.noting.Lock()
	defer r.noting.Unlock()
	r.mu.Lock()
	loaded := r.notes.loaded
	r.mu.Unlock()
	if loaded {
		return nil
	}
	var n noted
	raw, err := r.cfg.Notes.Load()
	if err == nil && raw != nil {
		err = protocol.Decode(raw, &n)
	}
	keys, kerr := r.prints()
	if kerr != nil {
		return kerr // the keys cannot be read yet: the notes say nothing without them
	}
	if err != nil {
		n = noted{}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.notes.fault = err
	r.notes.loaded, r.notes.shut = true, map[mark]bool{}
	// A key that came since opens what nobody tried it on.
	if !slices.ContainsFunc(keys, func(k sealed.Print) bool { return !slices.Contains(n.Keys, k) }) {
		r.notes.order = marks(n.Shut, maxShut)
		for _, m := range r.notes.order {
			r.notes.shut[m] = true
		}
	}
	r.notes.read = marks(n.Read, maxRead)
	return nil
}

func marks(raw []byte, most int) (out []mark) {
	for ; len(raw) >= len(mark{}) && len(out) < most; raw = raw[len(mark{}):] {
		out = append(out, mark(raw))
	}
	return out
}

// prints are those of this node's own keys.
func (r *Room) prints() ([]sealed.Print, error) {
	own, err := r.cfg.Keys.List()
	out := make([]sealed.Print, len(own))
	for i, k := range own {
		out[i] = k.Key.Public().Print()
	}
	return out, err
}

// isShut reports whether no key opened an entry, before this start. The caller holds mu.
func (r *Room) isShut(id protocol.EntryID) bool { return r.notes.shut[markOf(id)] }

// noteShut remembers that no key opens an entry. The caller holds mu.
func (r *Room) noteShut(id protocol.EntryID) {
	m := markOf(id)
	if !r.notes.loaded || r.notes.shut[m] || len(r.notes.order) >= maxShut {
		return
	}
	r.notes.shut[m] = true
	r.notes.order = append(r.notes.order, m)
	r.notes.unsaved++
}

// saveSome saves the notes once enough has come together, or after a while.
func (r *Room) saveSome() error {
	r.mu.Lock()
	now := r.cfg.Now().UnixMilli()
	due := r.notes.unsaved >= saveShut || r.notes.unsaved > 0 && now-r.notes.saved >= saveEvery.Milliseconds()
	r.mu.Unlock()
	if !due {
		return nil
	}
	return r.save()
}

func (r *Room) save() error {
	r.noting.Lock()
	defer r.noting.Unlock()
	keys, err := r.prints()
	if err != nil {
		return err
	}
	n := noted{Keys: keys}
	r.mu.Lock()
	for _, m := range r.notes.order {
		n.Shut = append(n.Shut, m[:]...)
	}
	for _, m := range r.notes.read {
		n.Read = append(n.Read, m[:]...)
	}
	unsaved := r.notes.unsaved
	r.mu.Unlock()
	raw, err := protocol.Encode(&n)
	if err != nil {
		return err
	}
	if err := r.cfg.Notes.Save(raw); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.notes.unsaved -= unsaved
	r.notes.saved = r.cfg.Now().UnixMilli()
	return nil
}
