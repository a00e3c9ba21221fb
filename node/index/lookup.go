package index

import (
	"errors"
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

	// maxNamed bounds the records that an ambiguous reference lists.
	maxNamed = 8
)

// Lookup finds one record by what people write: its short number ("kr-seoul-41"), its
// CID or the CID of any version of it, or an unambiguous beginning of its CID of at
// least MinPrefix characters, with or without "bafyrei" in front. Case does not matter.
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
	rows := x.rows(func() (picked []uint32) {
		aside = false
		for _, no := range x.named(name) {
			if r := x.records.at(no); r.flags&flagKnown == 0 {
				continue
			} else if _, ok := x.stands(&r.place); !ok {
				aside = true
			} else if len(picked) <= maxNamed {
				picked = append(picked, no)
			}
		}
		return picked
	})
	switch {
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
func (x *Index) Record(id protocol.EntryID) (Row, bool) {
	rows := x.rows(func() []uint32 {
		for _, no := range x.byDigest(id.Digest()) {
			r := x.records.at(no)
			if _, ok := x.stands(&r.place); ok && r.flags&flagKnown != 0 {
				return []uint32{no}
			}
		}
		return nil
	})
	if len(rows) == 0 {
		return Row{}, false
	}
	return rows[0], true
}

// NextNumber is the short number for a member's next record: one more than the highest
// in any of its feeds, whether or not it counts, so that no number is given twice by
// nodes that know of each other.
func (x *Index) NextNumber(handle string) uint64 {
	x.mu.RLock()
	defer x.mu.RUnlock()
	highest := uint64(0)
	if no, ok := x.memNo[handle]; ok {
		for _, f := range x.members[no].feeds {
			highest = max(highest, x.feeds[f].number)
		}
	}
	return highest + 1
}

// named lists the records that may be meant.
func (x *Index) named(name string) []uint32 {
	if found := x.byNumber(name); found != nil {
		return found
	}
	if id, err := protocol.ParseCID(name); err == nil {
		if id.Prefix().Codec != protocol.CodecDagCBOR {
			return nil
		}
		return x.byDigest(id.Digest())
	}
	if len(name) < MinPrefix {
		return nil
	}
	if strings.HasPrefix(name, cidHead) {
		return x.byPrefix(name)
	}
	return x.byPrefix(cidHead + name)
}

func (x *Index) byNumber(name string) (found []uint32) {
	i := strings.LastIndexByte(name, '-')
	if i < 0 {
		return nil
	}
	number, err := strconv.ParseUint(name[i+1:], 10, 64)
	if err != nil || number == 0 || name[i+1] == '0' {
		return nil
	}
	no, ok := x.memNo[name[:i]]
	if !ok || no == 0 {
		return nil
	}
	for _, f := range x.members[no].feeds {
		x.numberNo.find(x.hashNumber(f, number), func(no uint32) bool {
			if r := x.records.at(no); r.number == number && r.feed == f && !slices.Contains(found, no) {
				found = append(found, no)
			}
			return false // go on: one feed may have given a number twice
		})
	}
	return found
}

// byDigest finds a record by its own or a change's digest.
func (x *Index) byDigest(d digest) []uint32 {
	hash := x.hash(d)
	if no, ok := x.recordNo.find(hash, func(i uint32) bool { return x.records.at(i).id == d }); ok && x.records.at(no).flags&flagKnown != 0 {
		return []uint32{no}
	}
	if no, ok := x.changeNo.find(hash, func(i uint32) bool { return x.changes.at(i).id == d }); ok {
		return []uint32{x.changes.at(no).record}
	}
	return nil
}

// byPrefix reads the list of records from end to end: prefixes are typed by people,
// and a sorted list would have to be kept for every entry that comes.
func (x *Index) byPrefix(text string) (found []uint32) {
	want, n, ok := prefixBits(text)
	if !ok {
		return nil
	}
	whole, rest := n/8, n%8
	for _, no := range x.order {
		id := &x.records.at(no).id
		if [32]byte(*id) == want || (string(id[:whole]) == string(want[:whole]) && (rest == 0 || bits.LeadingZeros8(id[whole]^want[whole]) >= rest)) {
			if found = append(found, no); len(found) > 1000 {
				break // far beyond what can be told apart
			}
		}
	}
	return found
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
