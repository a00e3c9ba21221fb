package replication

import (
	"errors"
	"sync"

	"github.com/dure-net/dure/protocol"
)

// desk is where this node's own entries are sealed. Whoever holds the pen seals what the
// others have laid down meanwhile along with its own, in the order in which it was laid
// down, and nobody else waits for a signature: neither the door nor the network.
type desk struct {
	pen sync.Mutex // held while sheets are sealed and handed to the ledger; before Replica.mu

	mu   sync.Mutex // guards laid
	laid []*sheet
}

// sheet is an entry to be sealed.
type sheet struct {
	h    protocol.Header // without what its place in the feed gives
	body []byte

	done  chan struct{} // closed when what follows is set
	entry protocol.Entry
	in    *admitted
	err   error
}

// write seals the next entry of the own feed and hands it to the ledger.
func (r *Replica) write(d Draft, body []byte) (protocol.Entry, *admitted, error) {
	s := &sheet{h: protocol.Header{Kind: d.Kind, Number: d.Number, Of: d.Of, Refs: d.Refs}, body: body, done: make(chan struct{})}
	if body != nil {
		s.h.Body, s.h.Size = protocol.Sum(body), uint64(len(body))
	}
	k := &r.desk
	k.mu.Lock()
	k.laid = append(k.laid, s)
	first := len(k.laid) == 1
	k.mu.Unlock()
	if first {
		k.pen.Lock()
		k.mu.Lock()
		sheets := k.laid
		k.laid = nil
		k.mu.Unlock()
		r.seal(sheets)
		k.pen.Unlock()
		for _, s := range sheets {
			close(s.done)
		}
	}
	<-s.done
	return s.entry, s.in, s.err
}

// seal seals sheets one after the other and hands them to the ledger. What was sealed and
// not handed in was seen by nobody. The caller holds the pen.
func (r *Replica) seal(sheets []*sheet) {
	fail := func(sheets []*sheet, err error) {
		for _, s := range sheets {
			s.err = err
		}
	}
	for range 16 {
		r.mu.Lock()
		if err := r.writable(); err != nil {
			r.mu.Unlock()
			fail(sheets, err)
			return
		}
		f, count, act := r.own, r.own.count, r.state.Act()
		head := f.head
		r.mu.Unlock()

		prev := head
		for _, s := range sheets {
			if s.entry, s.err = r.sealAfter(prev, f.id, act, s.h); s.err == nil {
				prev = s.entry
			}
		}

		r.mu.Lock()
		if r.own != f || f.count != count || f.head.ID() != head.ID() {
			// Only where a commit failed, or the feed was exchanged: begin again.
			r.mu.Unlock()
			continue
		}
		for i, s := range sheets {
			if s.err != nil {
				continue
			}
			if err := r.writable(); err != nil {
				fail(sheets[i:], err)
				break
			}
			s.in = r.submitOwn(f, s.entry, s.body)
		}
		r.mu.Unlock()
		return
	}
	fail(sheets, protocol.Fail(protocol.ReasonBusy, "publish", errors.New("the feed's head moves too fast")))
}

// sealAfter is the entry that follows prev in the own feed.
func (r *Replica) sealAfter(prev protocol.Entry, feed protocol.FeedID, act protocol.ActRef, h protocol.Header) (protocol.Entry, error) {
	last := prev.Header()
	h.Feed, h.Seq, h.Prev, h.Act = feed, prev.Seq()+1, prev.ID(), act
	// Neither the claimed time nor the known act falls within a feed, also after the
	// clock was set back or an assembly shortened the line of acts.
	h.Time = max(r.cfg.Now().UnixMilli(), last.Time)
	if h.Act.Number < last.Act.Number {
		h.Act = last.Act
	}
	return protocol.Seal(r.cfg.Federation, h, r.cfg.Key)
}
