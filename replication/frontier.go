package replication

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"sort"
	"sync"

	"github.com/dure-net/dure/protocol"
)

// frontier is how far every feed stands here: the lines behind the ledger root, in
// the root's order, with the number of the change that last touched each. It answers
// what differs from another node's, and is safe for concurrent use.
//
// Change numbers begin at a random base, so that a number given out before a restart
// is recognised as unknown rather than taken for a recent one.
type frontier struct {
	federation protocol.FederationID

	mu      sync.Mutex // guards all below
	lines   []frontierLine
	at      map[protocol.FeedID]int // index into lines
	base    uint64
	change  uint64 // the last change's number
	root    protocol.Root
	rooted  bool // root is of this change
	entries uint64
}

type frontierLine struct {
	protocol.Standing
	key    [32]byte // the feed's hash: the sort key
	digest [32]byte
	change uint64
}

func newFrontier(federation protocol.FederationID, base uint64) *frontier {
	base = base&(1<<62-1) | 1
	return &frontier{federation: federation, at: map[protocol.FeedID]int{}, base: base, change: base}
}

// set replaces the lines of the feeds named. A line of count 0 and no fork leaves.
// It reports whether anything changed.
func (f *frontier) set(lines ...protocol.Standing) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	var fresh []frontierLine
	changed := false
	for _, s := range lines {
		i, ok := f.at[s.Feed]
		if !ok {
			if s.Count == 0 && s.Forked == 0 {
				continue
			}
			fresh = append(fresh, frontierLine{Standing: s, key: s.Feed.Digest(), digest: s.Digest()})
			continue
		}
		if f.lines[i].Standing == s {
			continue
		}
		f.entries += s.Count - f.lines[i].Count
		f.change++
		f.lines[i] = frontierLine{Standing: s, key: f.lines[i].key, digest: s.Digest(), change: f.change}
		changed = true
	}
	if len(fresh) > 0 {
		changed = true
		for i := range fresh {
			f.change++
			fresh[i].change = f.change
			f.entries += fresh[i].Count
		}
		f.lines = append(f.lines, fresh...)
		slices.SortFunc(f.lines, func(a, b frontierLine) int { return bytes.Compare(a.key[:], b.key[:]) })
		for i := range f.lines {
			f.at[f.lines[i].Feed] = i
		}
	}
	if changed {
		f.rooted = false
	}
	return changed
}

// line is the feed's standing; zero if it has none.
func (f *frontier) line(feed protocol.FeedID) protocol.Standing {
	f.mu.Lock()
	defer f.mu.Unlock()
	if i, ok := f.at[feed]; ok {
		return f.lines[i].Standing
	}
	return protocol.Standing{Feed: feed}
}

// ledgerRoot is protocol.LedgerRoot of the lines, remembered until they change.
func (f *frontier) ledgerRoot() protocol.Root {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.rootLocked()
}

func (f *frontier) rootLocked() protocol.Root {
	if !f.rooted {
		h := sha256.New()
		h.Write([]byte("dure/ledger/1\x00"))
		fed := f.federation.Digest()
		h.Write(fed[:])
		for i := range f.lines {
			if l := &f.lines[i]; l.Count > 0 || l.Forked > 0 {
				h.Write(l.digest[:])
			}
		}
		h.Sum(f.root[:0])
		f.rooted = true
	}
	return f.root
}

// total is the number of standing entries and feeds.
func (f *frontier) total() (entries uint64, feeds int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.entries, len(f.lines)
}

// all is a copy of the lines in order.
func (f *frontier) all() []protocol.Standing {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make([]protocol.Standing, len(f.lines))
	for i := range f.lines {
		out[i] = f.lines[i].Standing
	}
	return out
}

// offer answers a Hello: nothing but the change number where the roots are equal, the
// lines changed since the last exchange with a node met before, ranges to a stranger.
func (f *frontier) offer(h protocol.Hello) protocol.Offer {
	f.mu.Lock()
	defer f.mu.Unlock()
	o := protocol.Offer{Next: f.change}
	if f.rootLocked() == h.Root {
		return o
	}
	o.Differ = true
	if h.Since >= f.base && h.Since <= f.change {
		for i := range f.lines {
			if f.lines[i].change > h.Since {
				o.Lines = append(o.Lines, f.lines[i].ToLine())
				if len(o.Lines) > protocol.MaxLines {
					break
				}
			}
		}
		// What changed since may not be all that differs: the other side may have lost
		// something. It asks for ranges when the listed lines do not explain the roots.
		if len(o.Lines) <= protocol.MaxLines {
			return o
		}
		o.Lines = nil
	}
	o.Lines, o.Ranges = f.splitLocked("", o.Lines, nil)
	return o
}

// rangeLines is the largest range that is answered by its lines.
const rangeLines = 8

// split answers an Ask for ranges, bounded by MaxLines; ranges beyond are left out
// and found again at the next exchange.
func (f *frontier) split(prefixes []string) protocol.Offer {
	f.mu.Lock()
	defer f.mu.Unlock()
	o := protocol.Offer{Next: f.change}
	for _, p := range prefixes {
		if len(o.Lines)+len(o.Ranges)+16 > protocol.MaxLines {
			break
		}
		o.Lines, o.Ranges = f.splitLocked(p, o.Lines, o.Ranges)
	}
	return o
}

func (f *frontier) splitLocked(prefix string, lines []protocol.Line, ranges []protocol.Range) ([]protocol.Line, []protocol.Range) {
	from, to := f.spanLocked(prefix)
	if to-from <= rangeLines || len(prefix) >= 64 {
		for i := from; i < to; i++ {
			lines = append(lines, f.lines[i].ToLine())
		}
		return lines, ranges
	}
	for _, digit := range "0123456789abcdef" {
		p := prefix + string(digit)
		if a, b := f.spanLocked(p); b > a {
			ranges = append(ranges, protocol.Range{Prefix: p, Print: f.printLocked(a, b)})
		}
	}
	return lines, ranges
}

// beside counts the entries of the feeds in a range that are not among those listed.
func (f *frontier) beside(prefix string, listed map[[32]byte]bool) (entries uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	from, to := f.spanLocked(prefix)
	for i := from; i < to; i++ {
		if !listed[f.lines[i].key] {
			entries += f.lines[i].Count
		}
	}
	return entries
}

// differing returns the prefixes of the ranges whose fingerprint is not ours.
func (f *frontier) differing(ranges []protocol.Range) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []string
	for _, r := range ranges {
		if !validPrefix(r.Prefix) {
			continue
		}
		from, to := f.spanLocked(r.Prefix)
		if !bytes.Equal(f.printLocked(from, to), r.Print) {
			out = append(out, r.Prefix)
		}
	}
	return out
}

func (f *frontier) printLocked(from, to int) []byte {
	h := sha256.New()
	for i := from; i < to; i++ {
		h.Write(f.lines[i].digest[:])
	}
	return h.Sum(nil)[:protocol.RangePrintBytes]
}

// spanLocked is the half-open span of lines whose feed hash begins with prefix.
func (f *frontier) spanLocked(prefix string) (from, to int) {
	if prefix == "" {
		return 0, len(f.lines)
	}
	if !validPrefix(prefix) {
		return 0, 0
	}
	from = sort.Search(len(f.lines), func(i int) bool { return comparePrefix(&f.lines[i].key, prefix) >= 0 })
	to = from + sort.Search(len(f.lines)-from, func(i int) bool { return comparePrefix(&f.lines[from+i].key, prefix) > 0 })
	return from, to
}

func comparePrefix(key *[32]byte, prefix string) int {
	var digits [64]byte
	hex.Encode(digits[:], key[:])
	return bytes.Compare(digits[:len(prefix)], []byte(prefix))
}

func validPrefix(p string) bool {
	if len(p) > 64 {
		return false
	}
	for _, c := range p {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
