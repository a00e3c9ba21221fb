package index

import (
	"encoding/binary"
	"errors"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"github.com/dure-net/dure/protocol"
)

const (
	// MinPrefix is the least of a CID that is taken for one, in characters.
	MinPrefix = 8

	// cidHead is how every CID of an entry begins: 30 of the 32 bits that say what kind
	// of CID it is. It may be left out.
	cidHead = "bafyrei"

	// maxGiven is the largest short number that the next one is counted from. Larger
	// ones, which no node of ours gives, resolve but are passed over: else one entry with
	// protocol.MaxNumber would leave its member without any.
	maxGiven = 999_999_999
)

// Lookup finds one record by what people write: its short number ("kr-seoul-41"), its
// CID or the CID of any version of it, or an unambiguous beginning of its CID of at
// least MinPrefix characters, with or without "bafyrei" in front. Case does not matter.
// What bears a short number and is no record, as a proposal, is found like one.
//
// Of several with one short number it is the one that has it (numberTaken).
//
// ReasonNotFound where nothing bears the name; ReasonAmbiguous where several records
// do, with their CIDs in Args "candidates" (at most eight); ReasonSetAside where what
// bears it does not count.
func (x *Index) Lookup(ref string) (Row, error) {
	name := strings.ToLower(strings.TrimSpace(ref))
	fail := func(r protocol.Reason, why string, candidates []string) (Row, error) {
		e := &protocol.Error{Reason: r, Op: "find record", ID: clip(name), Args: map[string]string{"ref": clip(name)}, Err: errors.New(why)}
		if candidates != nil {
			e.Args["candidates"] = strings.Join(candidates, " ")
		}
		return Row{}, e
	}
	var aside bool
	var rows []Row
	err := x.read("find record", func(c *conn) error {
		found, err := c.named(name)
		if err != nil {
			return err
		}
		for _, local := range found {
			r, ok, err := c.rowOf(local)
			switch {
			case err != nil:
				return err
			case !ok:
				aside = true
			case len(rows) <= maxNamed:
				rows = append(rows, r)
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return Row{}, err
	case len(rows) == 1:
		return rows[0], nil
	case len(rows) > 1:
		var ids []string
		for _, r := range rows[:min(len(rows), maxNamed)] {
			ids = append(ids, r.Record.String())
		}
		slices.Sort(ids)
		return fail(protocol.ReasonAmbiguous, "it names several records", ids)
	case aside:
		return fail(protocol.ReasonSetAside, "it is beyond a cut, a removal or a fork", nil)
	}
	return fail(protocol.ReasonNotFound, "nothing bears that name", nil)
}

// Record is the row of a record by its id, or by the id of any version of it; false
// where it is not here or does not count.
func (x *Index) Record(id protocol.EntryID) (row Row, ok bool, err error) {
	err = x.read("find record", func(c *conn) error {
		local, found, err := c.firstByDigest(id.Digest())
		if err == nil && found {
			row, ok, err = c.rowOf(local)
		}
		return err
	})
	return row, ok, err
}

// NextNumber is the short number for a member's next record: one more than the highest
// in any of its feeds, whether or not it counts, so that no number is given twice by
// nodes that know of each other.
func (x *Index) NextNumber(handle string) (uint64, error) {
	var highest int64
	err := x.read("count numbers", func(c *conn) error {
		_, err := c.one(`SELECT ifnull(max(number), 0) FROM feed WHERE member = ? AND member <> ''`, []any{handle}, &highest)
		return err
	})
	return uint64(highest) + 1, err
}

// named lists the records that may be meant, by local number.
func (c *conn) named(name string) ([]uint64, error) {
	if found, err := c.byNumber(name); err != nil || found != nil {
		return found, err
	}
	if id, err := protocol.ParseCID(name); err == nil {
		if id.Prefix().Codec != protocol.CodecDagCBOR {
			return nil, nil
		}
		local, ok, err := c.firstByDigest(id.Digest())
		if err != nil || !ok {
			return nil, err
		}
		return []uint64{local}, nil
	}
	if len(name) < MinPrefix {
		return nil, nil
	}
	if strings.HasPrefix(name, cidHead) {
		return c.byPrefix(name)
	}
	return c.byPrefix(cidHead + name)
}

func (c *conn) byNumber(name string) (found []uint64, err error) {
	i := strings.LastIndexByte(name, '-')
	if i <= 0 {
		return nil, nil
	}
	number, err := strconv.ParseUint(name[i+1:], 10, 63)
	if err != nil || number == 0 || name[i+1] == '0' {
		return nil, nil
	}
	// One may have been given twice, by one node or by two that did not know of each other.
	err = c.each(`SELECT e.local FROM feed f CROSS JOIN entry e ON e.feed = f.no AND e.number = ?2 AND e.number > 0 AND e.aside = 0
		WHERE f.member = ?1 AND e.ofkey IS NULL ORDER BY e.seq < f.count DESC, e.time, e.seq, e.id LIMIT 1`, []any{name[:i], int64(number)}, func(scan func(...any) error) error {
		var local int64
		err := scan(&local)
		found = append(found, uint64(local))
		return err
	})
	return found, err
}

// firstByDigest finds a record by its own or a change's digest.
func (c *conn) firstByDigest(d digest) (local uint64, ok bool, err error) {
	at, kind, number, ofKey, of, err := c.byDigest(d)
	if err != nil || at == 0 {
		return 0, false, err
	}
	if ofKey != nil {
		if !isChange(kind) {
			return 0, false, nil
		}
		if at, kind, number, ofKey, _, err = c.byDigest(digest(of)); err != nil || at == 0 || ofKey != nil {
			return 0, false, err
		}
	}
	return at, kind.IsRecord() || number > 0, nil
}

// byDigest finds an entry; local is 0 where it is not here.
func (c *conn) byDigest(d digest) (local uint64, kind protocol.Kind, number uint64, ofKey *int64, of []byte, err error) {
	var l, k, n int64
	_, err = c.one(`SELECT local, kind, number, ofkey, of FROM entry WHERE key = ? AND id = ?`, []any{keyOf(d), d[:]}, &l, &k, &n, &ofKey, &of)
	return uint64(l), protocol.Kind(k), uint64(n), ofKey, of, err
}

func (c *conn) byPrefix(text string) (found []uint64, err error) {
	want, n, ok := prefixBits(text)
	if !ok {
		return nil, nil
	}
	low, high := keyOf(want), int64(math.MaxInt64)
	if n < 64 {
		high = int64((binary.BigEndian.Uint64(want[:8]) | math.MaxUint64>>n) ^ 1<<63)
	} else {
		high = low
	}
	whole, rest := n/8, n%8
	err = c.each(`SELECT local, id, kind, number FROM entry WHERE key BETWEEN ? AND ? AND ofkey IS NULL LIMIT ?`, []any{low, high, 10 * maxPrefixed},
		func(scan func(...any) error) error {
			var local, kind, number int64
			var id []byte
			if err := scan(&local, &id, &kind, &number); err != nil {
				return err
			}
			same := string(id[:whole]) == string(want[:whole]) && (rest == 0 || bits.LeadingZeros8(id[whole]^want[whole]) >= rest)
			if same && len(found) <= maxPrefixed && (number > 0 || protocol.Kind(kind).IsRecord()) {
				found = append(found, uint64(local))
			}
			return nil
		})
	return found, err
}

// prefixBits are the bits of the hash that the beginning of a CID's text tells, and how
// many; false when the text begins no CID of an entry.
func prefixBits(text string) (want digest, n int, ok bool) {
	const letters = "abcdefghijklmnopqrstuvwxyz234567"
	head := [4]byte{1, byte(protocol.CodecDagCBOR), 0x12, 32}
	if len(text) > 1+(len(head)+len(want))*8/5+1 || text[0] != 'b' {
		return want, 0, false
	}
	at := 0
	for _, r := range []byte(text[1:]) {
		v := strings.IndexByte(letters, r)
		if v < 0 {
			return want, 0, false
		}
		for b := 4; b >= 0; b-- {
			bit := byte(v>>b) & 1
			switch i := at / 8; {
			case i < len(head):
				if head[i]>>(7-at%8)&1 != bit {
					return want, 0, false
				}
			case i < len(head)+len(want):
				want[i-len(head)] |= bit << (7 - at%8)
				n++
			case bit != 0:
				return want, 0, false
			}
			at++
		}
	}
	return want, n, true
}

func clip(s string) string {
	if len(s) > 80 {
		return strings.ToValidUTF8(s[:80], "") + "…"
	}
	return s
}
