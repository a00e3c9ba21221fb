package ledger

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"
	"github.com/dure-net/dure/protocol"
)

// Problem is one thing that is not as it was written.
type Problem struct {
	ID     string // CID of the entry or body, or feed and seq where the CID cannot be known
	Reason protocol.Reason
	Detail string // for developers

	// Feed, From and Count say where it is: headers, or with Body the body of one entry.
	// Without a feed it is of no entry, and nothing that other nodes could bring again.
	Feed        protocol.FeedID
	From, Count uint64
	Body        bool
	No          uint32 // the ledger's own number of the feed, or of the branch of it
}

// Report is what a verification found.
type Report struct {
	Entries  uint64 // headers read and found right, those set aside too
	Bodies   uint64 // bodies read and found right
	Feeds    int
	Branches int // runs of forked feeds beside their chains: set aside, or what a chain parts from
	Bytes    uint64
	Wanted   int
	Erased   int
	Root     protocol.Root // over the headers that were found right, forks and cuts apart
	Damaged  uint64        // problems in all
	Problems []Problem     // the first thousand of them
}

// Clean reports that everything is as it was written. Wanted bodies are not damage.
func (r Report) Clean() bool { return r.Damaged == 0 }

func (r *Report) found(p Problem, err error) {
	r.Damaged++
	if len(r.Problems) < maxProblems {
		if err != nil {
			p.Detail = err.Error()
		}
		r.Problems = append(r.Problems, p)
	}
}

// Mended reports whether what a verification found is readable again, or needs not to be
// since: it was erased, or the feed was taken in anew.
func (r *Reader) Mended(p Problem) bool {
	if !p.Feed.Defined() {
		return false
	}
	for seq := p.From; seq < p.From+p.Count; seq++ {
		var header []byte
		at, err := r.placeIn(p.Feed, p.No, seq)
		if err == nil {
			header, _, err = r.header(at)
		}
		if err == nil && p.Body {
			_, err = r.body(at, header)
		}
		if err != nil && !(p.Body && protocol.ReasonOf(err) == protocol.ReasonErased) {
			return false
		}
	}
	return true
}

// Verify reads everything that was stored when it was called, hashes every byte, walks
// every chain, checks the signature that ends each stored run, and compares counts, log
// and root with what the ledger holds in memory. What it finds damaged is wanted or
// listed for repair afterwards. Progress is in entries and may be nil. It needs nothing
// but the store, so it also runs on a stopped node's home. It returns an error only if
// it could not be done to the end.
func (l *Ledger) Verify(ctx context.Context, progress func(done, total int64)) (Report, error) {
	v := &verifier{Reader: l.Reader, ctx: ctx, federation: l.federation, progress: progress}
	if v.progress == nil {
		v.progress = func(int64, int64) {}
	}
	return v.run()
}

type verifier struct {
	*Reader
	ctx        context.Context // for the length of one run
	federation protocol.FederationID
	progress   func(done, total int64)

	rep         Report
	done, total int64
}

// snapshot is a feed as it stood when the verification began.
type snapshot struct {
	*feed // what never changes of it
	head  FeedHead
	runs  []uint64
	part  bool // it does not reach the feed's head
}

func (v *verifier) run() (Report, error) {
	v.s.mu.RLock()
	var feeds []snapshot
	for _, f := range v.s.feeds {
		if f.count > 0 {
			feeds = append(feeds, snapshot{feed: f, head: f.report(), runs: f.runs[:len(f.runs):len(f.runs)]})
		}
	}
	tips := map[*feed]bool{}
	for _, f := range v.s.chains() {
		tips[f] = true
	}
	next, entries := v.s.next, v.s.entries
	want := protocol.LedgerRoot(v.federation, v.s.standings())
	v.s.mu.RUnlock()
	v.total = int64(entries)

	lines := make([]protocol.Standing, 0, len(feeds))
	damaged := map[*feed]bool{}
	for _, f := range feeds {
		c, err := v.feed(f)
		if err != nil {
			return v.rep, err
		}
		damaged[f.feed] = c.next == 0 || f.parent != nil && damaged[f.parent]
		if !tips[f.feed] {
			v.rep.Branches++
			continue
		}
		v.rep.Feeds++
		if !damaged[f.feed] {
			lines = append(lines, protocol.Standing{Feed: f.head.Feed, Count: c.next, Head: cidOf(c.head)})
		}
	}
	v.rep.Root = protocol.LedgerRoot(v.federation, lines)
	if v.rep.Damaged == 0 && v.rep.Root != want {
		v.rep.found(Problem{ID: "root", Reason: protocol.ReasonDamaged}, errors.New("the root of what was read is not the root that is held"))
	}
	if err := v.log(next); err != nil {
		return v.rep, err
	}
	stats := v.Stats()
	v.rep.Wanted, v.rep.Erased = stats.Wanted, stats.Erased
	return v.rep, nil
}

// feed walks one feed; the chain ends before the first run that is damaged.
func (v *verifier) feed(f snapshot) (chain, error) {
	c := f.beginning()
	if len(f.runs) > 0 && f.runs[0] != f.base {
		c = chain{feed: c.feed, next: f.runs[0]}
	}
	whole := true
	for i, first := range f.runs {
		if err := v.ctx.Err(); err != nil {
			return c, protocol.Fail(protocol.ReasonCanceled, "verify ledger", err)
		}
		end := f.head.Count
		if i+1 < len(f.runs) {
			end = f.runs[i+1]
		}
		at := placeOf(f.no, first)
		links, next, err := v.readRun(at, f, first, end, c)
		if err != nil {
			v.rep.found(Problem{ID: fmt.Sprintf("%s/%d", f.head.Feed, first), Reason: protocol.ReasonDamaged,
				Feed: f.head.Feed, From: first, Count: end - first, No: f.no}, err)
			v.runDamaged(at, end-first)
			whole = false
			// The runs behind are whole in themselves: what they follow is in memory.
			c = chain{feed: c.feed, next: end}
			continue
		}
		c = next
		for _, l := range links {
			if l.seq >= f.from {
				v.entry(f.head.Feed, placeOf(f.no, l.seq), l)
			}
		}
		v.done += int64(len(links))
		v.progress(v.done, max(v.total, v.done))
	}
	if whole && !f.part && c.head != digest(f.head.Head.Digest()) {
		v.rep.found(Problem{ID: f.head.Feed.String(), Reason: protocol.ReasonDamaged}, errors.New("the feed does not end in its head"))
	}
	if !whole {
		c.next = 0
	}
	return c, nil
}

// readRun reads one run and checks chain, index and signature.
func (v *verifier) readRun(at place, f snapshot, first, end uint64, c chain) (links []link, next chain, err error) {
	from := c
	err = v.db.good(placeKey(keyRun, at), func(value []byte) error {
		value = append([]byte(nil), value...)
		c, links = from, links[:0]
		if c.head == (digest{}) && first > 0 { // behind damage
			if h, err := headerAt(value, 0); err == nil {
				g, _ := glanceAt(h)
				c.head = g.prev
			}
		}
		if err := c.walk(value, func(l link) { links = append(links, l) }); err != nil {
			return err
		}
		if c.next != end {
			return fmt.Errorf("the run ends at %d and not at %d", c.next, end)
		}
		for _, l := range links {
			if err := v.known(l.id, placeOf(f.at(l.seq).no, l.seq)); err != nil {
				return fmt.Errorf("entry %d: %w", l.seq, err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, c, err
	}
	last, err := protocol.DecodeEntry(links[len(links)-1].header)
	switch {
	case err != nil:
	case last.Seq() == 0:
		err = last.VerifyInception(v.federation)
	default:
		err = last.Verify(v.federation, f.head.Node)
	}
	return links, c, err
}

// entry checks a header's body.
func (v *verifier) entry(feed protocol.FeedID, p place, l link) {
	v.rep.Entries++
	v.rep.Bytes += uint64(len(l.header))
	if !l.hasBody {
		return
	}
	data, err := v.body(p, l.header)
	switch protocol.ReasonOf(err) {
	case protocol.ReasonNone:
		v.rep.Bodies++
		v.rep.Bytes += uint64(len(data))
	case protocol.ReasonErased:
		if v.dropped(p) && v.db.lies(p) {
			v.dropAgain(p)
			v.rep.found(Problem{ID: cidOf(l.body).String(), Reason: protocol.ReasonErased}, errors.New("an erased body is still here"))
		}
	case protocol.ReasonWanted:
		// Known not to be here: it may have been taken by damage found earlier.
	default:
		v.rep.found(Problem{ID: cidOf(l.body).String(), Reason: protocol.ReasonDamaged, Feed: feed, From: l.seq, Count: 1, Body: true, No: p.feed()}, err)
	}
}

// log checks that local numbers have no holes below next.
func (v *verifier) log(next uint64) error {
	expect := uint64(1)
	err := v.db.scan([]byte{keyLog}, []byte{keyLog}, func(key []byte, it *badger.Item) error {
		if err := v.ctx.Err(); err != nil {
			return protocol.Fail(protocol.ReasonCanceled, "verify ledger", err)
		}
		if len(key) != logKeyBytes {
			return errLog
		}
		from := binary.BigEndian.Uint64(key[1:])
		if from >= next {
			return errStop
		}
		if from != expect {
			v.rep.found(Problem{ID: fmt.Sprintf("log/%d", expect), Reason: protocol.ReasonDamaged}, fmt.Errorf("numbers %d to %d are missing", expect, from-1))
		}
		return it.Value(func(value []byte) error {
			count, _, err := logCount(value)
			expect = from + count
			return err
		})
	})
	switch {
	case protocol.ReasonOf(err) == protocol.ReasonCanceled:
		return err
	case err != nil:
		v.rep.found(Problem{ID: "log", Reason: protocol.ReasonDamaged}, err)
	case expect < next:
		v.rep.found(Problem{ID: fmt.Sprintf("log/%d", expect), Reason: protocol.ReasonDamaged}, fmt.Errorf("numbers %d to %d are missing", expect, next-1))
	}
	return nil
}
