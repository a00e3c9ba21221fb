package index

import (
	"encoding/binary"
	"errors"
	"maps"
	"slices"

	"github.com/dure-net/dure/protocol"
)

// Seen is how far somebody has looked at what is here: how many of the first entries of
// each feed. It says nothing of local numbers and of the order in which entries came, so it
// means the same after a rebuild, a restore, or a ledger that was fetched anew: what was
// seen is not new again, and what had not come stays new. The zero Seen has seen nothing.
// It is not changed once it is made.
type Seen struct {
	feeds map[int64]seenFeed // by keyOf
	late  map[int64]bool     // keyOf entries that were here and told nothing yet
}

type seenFeed struct {
	count uint64
	head  uint32 // the beginning of the last one's digest: which branch of a fork it was
}

// Forked are the feeds of which there are two histories, with the first entry that differs.
type Forked map[protocol.FeedID]uint64

const seenVersion = 1

// MarshalBinary is what ParseSeen reads. It never fails.
func (s Seen) MarshalBinary() ([]byte, error) {
	out := binary.AppendUvarint([]byte{seenVersion}, uint64(len(s.feeds)))
	for _, key := range slices.Sorted(maps.Keys(s.feeds)) {
		f := s.feeds[key]
		out = binary.BigEndian.AppendUint64(out, uint64(key))
		out = binary.AppendUvarint(out, f.count)
		out = binary.BigEndian.AppendUint32(out, f.head)
	}
	out = binary.AppendUvarint(out, uint64(len(s.late)))
	for _, key := range slices.Sorted(maps.Keys(s.late)) {
		out = binary.BigEndian.AppendUint64(out, uint64(key))
	}
	return out, nil
}

// ParseSeen is the inverse of MarshalBinary; nothing is the zero Seen. What is none is
// ReasonDamaged.
func ParseSeen(raw []byte) (Seen, error) {
	damaged := protocol.Fail(protocol.ReasonDamaged, "read how far was looked", errors.New("not what was written"))
	if len(raw) == 0 {
		return Seen{}, nil
	}
	if raw[0] != seenVersion {
		return Seen{}, damaged
	}
	raw = raw[1:]
	number := func() (n uint64, ok bool) {
		n, size := binary.Uvarint(raw)
		if size <= 0 {
			return 0, false
		}
		raw = raw[size:]
		return n, true
	}
	s := Seen{feeds: map[int64]seenFeed{}, late: map[int64]bool{}}
	feeds, ok := number()
	for range feeds {
		if !ok || len(raw) < 8 {
			return Seen{}, damaged
		}
		key := int64(binary.BigEndian.Uint64(raw))
		raw = raw[8:]
		f := seenFeed{}
		if f.count, ok = number(); !ok || len(raw) < 4 {
			return Seen{}, damaged
		}
		f.head = binary.BigEndian.Uint32(raw)
		raw, s.feeds[key] = raw[4:], f
	}
	late, ok := number()
	if !ok || late > maxLate || uint64(len(raw)) != 8*late {
		return Seen{}, damaged
	}
	for range late {
		s.late[int64(binary.BigEndian.Uint64(raw))] = true
		raw = raw[8:]
	}
	return s, nil
}

// feedState is a feed as the index has it, and how many of its first entries were seen.
type feedState struct {
	no, key int64
	digest  digest
	stands  uint64
	seen    uint64
}

// feedStates are all feeds, by their numbers. Where another branch of a fork is the chain
// now than the one that was seen, only what is before the fork was.
func (c *conn) feedStates(s Seen, forks Forked) (map[int64]feedState, error) {
	all := map[int64]feedState{}
	err := c.each(`SELECT no, id, count FROM feed`, nil, func(scan func(...any) error) error {
		var f feedState
		var id []byte
		var stands int64
		err := scan(&f.no, &id, &stands)
		if err == nil {
			f.digest, f.stands = digest(id), uint64(stands)
			f.key = keyOf(f.digest)
			f.seen = s.feeds[f.key].count
			all[f.no] = f
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	for id, at := range forks {
		for no, f := range all {
			if f.digest != id.Digest() || f.seen <= at {
				continue
			}
			var last []byte
			known, err := c.one(`SELECT id FROM entry WHERE feed = ? AND seq = ? AND aside = 0`, []any{no, int64(f.seen - 1)}, &last)
			if err != nil {
				return nil, err
			}
			if !known || headOf(last) != s.feeds[f.key].head {
				f.seen = at
				all[no] = f
			}
		}
	}
	return all, nil
}

func headOf(id []byte) uint32 { return binary.BigEndian.Uint32(id) }

// See is how far somebody has looked who looks now at what came up to a local number, and
// had looked as far as before. It does not go back where a feed stands for less than it
// did, so that what comes back is not new again.
func (x *Index) See(before Seen, forks Forked, upto uint64) (now Seen, err error) {
	now = Seen{feeds: maps.Clone(before.feeds), late: map[int64]bool{}}
	if now.feeds == nil {
		now.feeds = map[int64]seenFeed{}
	}
	err = x.read("note how far was looked", func(c *conn) error {
		feeds, err := c.feedStates(before, forks)
		if err != nil {
			return err
		}
		for _, f := range feeds {
			var seq int64
			var last []byte
			known, err := c.one(`SELECT seq, id FROM entry WHERE feed = ? AND seq < ? AND local <= ? AND aside = 0 ORDER BY seq DESC LIMIT 1`,
				[]any{f.no, stored(f.stands), stored(upto)}, &seq, &last)
			if err != nil {
				return err
			}
			if known && uint64(seq)+1 > f.seen {
				now.feeds[f.key] = seenFeed{uint64(seq) + 1, headOf(last)}
			}
		}
		return c.late(before, feeds, upto, now.late)
	})
	return now, err
}

// late finds what is here, was not seen before, and tells nothing yet: content that has not
// come, records that are due, decisions that wait for others. When they tell something it
// is new. On a first look what is due was there before it.
func (c *conn) late(before Seen, feeds map[int64]feedState, upto uint64, into map[int64]bool) error {
	look := func(told map[int64]bool, text string, args ...any) error {
		return c.each(text, args, func(scan func(...any) error) error {
			var feed, seq, key int64
			err := scan(&feed, &seq, &key)
			if err == nil && !told[key] && len(into) < maxLate && (uint64(seq) >= feeds[feed].seen || before.late[key]) {
				into[key] = true
			}
			return err
		})
	}
	err := look(nil, `SELECT e.feed, e.seq, e.key FROM term t JOIN tag g ON g.term = t.id JOIN entry e ON e.local = g.local
		WHERE t.facet = ? AND t.value = ? AND e.local <= ? ORDER BY e.local DESC`, int64(FacetState), string(StateWanted), stored(upto))
	if err != nil || before.feeds == nil {
		return err
	}
	if err := look(nil, `SELECT e.feed, e.seq, e.key FROM due d JOIN entry e ON e.local = d.local WHERE e.local <= ? ORDER BY e.local DESC`, stored(upto)); err != nil {
		return err
	}
	told := map[int64]bool{}
	err = c.each(`SELECT bykey FROM matter`, nil, func(scan func(...any) error) error {
		var key int64
		err := scan(&key)
		told[key] = true
		return err
	})
	for _, f := range feeds {
		if err == nil {
			err = look(told, `SELECT feed, seq, key FROM entry WHERE feed = ? AND seq >= ? AND local <= ? AND kind IN (?, ?) ORDER BY seq DESC`,
				f.no, stored(f.seen), stored(upto), int64(protocol.KindDecision), int64(protocol.KindCertificate))
		}
	}
	for key := range before.late {
		if err == nil {
			err = look(told, `SELECT feed, seq, key FROM entry WHERE key = ? AND kind IN (?, ?)`, key, int64(protocol.KindDecision), int64(protocol.KindCertificate))
		}
	}
	return err
}
