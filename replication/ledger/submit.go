package ledger

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/dure-net/dure/protocol"
)

// Batch is what goes in as one: all of it or nothing.
type Batch struct {
	// Pages continue their feeds' stored heads, each ending in an entry whose own
	// signature was found valid: any later reader may rely on that. Entries at the front
	// that are held already are passed over; bodies of theirs that are wanted are kept.
	// Bodies are checked against their headers; entries without one are wanted from then on.
	Pages []protocol.Page

	// Branch continues a branch of a fork, or begins one: its first entry follows one that
	// is held, whose own signature was found valid, and it ends in such an entry too. It is
	// set aside: held and readable, outside root, counts and changes, until Choose. At most
	// maxBranches of a feed, twice as many if Settled; beyond, ReasonBusy. What belongs to
	// the chain is ReasonConflict.
	Branch  *protocol.Page
	Settled bool // it was chosen which branch stands, and that is not held yet

	// Checked says that the submitter has just checked the bodies of all pages by
	// protocol.Entry.CheckBody; hashing them again is then left out.
	Checked bool

	// Bodies are wanted ones that arrive later. What is held, erased or not asked for is
	// passed over; an entry that is not held is ReasonNotFound.
	Bodies []Body

	Evidence []Evidence // the first for a place is kept, later ones are passed over
	Meta     []Setting

	// Own says that this node signed the last entry of the last page: the high-water mark
	// follows it to the disk before the batch is acknowledged. A seq that was acknowledged
	// before, by a store that has forgotten it, is refused with ReasonRecovering.
	Own bool

	// OnCommit is called once the batch is durable and visible, before Wait returns,
	// with the local number of its first change (0 if it changed nothing). Calls come in
	// order, from one goroutine that all writing waits for: it must not block.
	OnCommit func(first uint64)
}

// Body is the body of an entry.
type Body struct {
	Entry protocol.EntryID
	Data  []byte
}

// Evidence proves a fork at (Feed, Seq). The ledger keeps it and does not check it.
type Evidence struct {
	Feed protocol.FeedID
	Seq  uint64
	Data []byte
}

// Setting is a small value of the layer above, under its own name. A nil value deletes it.
type Setting struct {
	Key   string
	Value []byte
}

// Commit is a batch on its way to the disk.
type Commit struct {
	done chan struct{} // closed by the committer
	err  error         // readable once done is closed
}

// Wait returns nil once the batch is durable: it survives a crash and a power cut from
// then on, and is visible. An error other than the context's means that the batch did
// not go in. When the context ends first, the batch may still go in.
func (c *Commit) Wait(ctx context.Context) error {
	select {
	case <-c.done:
		return c.err
	case <-ctx.Done():
		return protocol.Fail(protocol.ReasonCanceled, "wait for commit", ctx.Err())
	}
}

// Done is closed when Wait would return at once.
func (c *Commit) Done() <-chan struct{} { return c.done }

func (c *Commit) finish(err error) {
	c.err = err
	close(c.done)
}

// job is a batch made ready by its submitter, so that the one committer has less to do.
type job struct {
	Batch
	commit *Commit
	bodies []digest // hashes of Batch.Bodies
	erase  []protocol.EntryID
	force  bool                   // erase whatever kind it is: it was erased before
	repair func(*committer) error // a small change of the ledger's own
	first  uint64                 // local number of what was changed before its turn came; mostly 0
	size   int                    // bytes that it may write, keys included
	writes int                    // keys that it may write, at most
}

// Submit puts a batch on its way to the disk and returns at once, unless maxQueue
// batches wait already: then it blocks until there is room. Batches go in in the order
// in which Submit was entered by one goroutine. Safe for concurrent use. The batch's
// slices belong to the ledger until the commit is done.
func (l *Ledger) Submit(b Batch) *Commit {
	j, err := prepare(b)
	if err != nil {
		j.commit.finish(err)
		return j.commit
	}
	l.enqueue(j)
	return j.commit
}

func (l *Ledger) enqueue(j *job) {
	l.c.gate.RLock()
	defer l.c.gate.RUnlock()
	if l.c.stopped() { // asked first: a closed ledger takes nothing, room or not
		j.commit.finish(errClosed())
		return
	}
	select {
	case l.c.queue <- j:
	case <-l.c.stop:
		j.commit.finish(errClosed())
	}
}

func errClosed() error {
	return protocol.Fail(protocol.ReasonNotRunning, "write ledger", errors.New("the ledger is closed"))
}

// perWrite is what a key and its framing take beside the value, in Badger's own count.
const perWrite = 48

// prepare checks all of a batch that does not depend on what is stored.
func prepare(b Batch) (*job, error) {
	j := &job{Batch: b, commit: &Commit{done: make(chan struct{})}}
	for i := range b.Pages {
		if err := j.addPage(&b.Pages[i]); err != nil {
			return j, err
		}
	}
	if b.Branch != nil {
		if err := j.addPage(b.Branch); err != nil {
			return j, err
		}
		if b.Branch.Entries[0].Seq() == 0 {
			return j, &protocol.Error{Reason: protocol.ReasonMalformed, Op: "submit", Field: "branch"}
		}
	}
	for _, body := range b.Bodies {
		if len(body.Data) == 0 || len(body.Data) > protocol.MaxBodyBytes {
			return j, &protocol.Error{Reason: protocol.ReasonTooLarge, Op: "submit", ID: body.Entry.String(), Field: "bodies"}
		}
		j.bodies = append(j.bodies, sha256.Sum256(body.Data))
		j.count(2, len(body.Data))
	}
	for _, ev := range b.Evidence {
		if !ev.Feed.Defined() || len(ev.Data) == 0 {
			return j, &protocol.Error{Reason: protocol.ReasonMalformed, Op: "submit", Field: "evidence"}
		}
		j.count(1, len(ev.Data))
	}
	for _, m := range b.Meta {
		if m.Key == "" || len(m.Key) > 256 || len(m.Value) > MaxMetaBytes {
			return j, &protocol.Error{Reason: protocol.ReasonTooLarge, Op: "submit", Field: "meta", ID: m.Key}
		}
		j.count(1, len(m.Key)+len(m.Value))
	}
	if b.Own && len(b.Pages) == 0 {
		return j, &protocol.Error{Reason: protocol.ReasonMalformed, Op: "submit", Field: "own", Err: errors.New("nothing that this node signed")}
	}
	if j.size > MaxBatchBytes {
		return j, &protocol.Error{Reason: protocol.ReasonTooLarge, Op: "submit", Err: fmt.Errorf("batch of %d bytes, the limit is %d", j.size, MaxBatchBytes)}
	}
	return j, nil
}

func (j *job) count(writes, bytes int) {
	j.writes += writes
	j.size += writes*perWrite + bytes
}

func (j *job) addPage(p *protocol.Page) error {
	if n := len(p.Entries); n == 0 || n > protocol.MaxPage || (p.Bodies != nil && len(p.Bodies) != n) {
		return &protocol.Error{Reason: protocol.ReasonMalformed, Op: "submit", Field: "pages", Err: fmt.Errorf("%d entries, %d bodies", n, len(p.Bodies))}
	}
	bytes := 0
	for i := range p.Entries {
		e := &p.Entries[i]
		if i > 0 {
			if err := e.Follows(p.Entries[i-1]); err != nil {
				return err
			}
		}
		bytes += len(e.Bytes())
		if p.Bodies == nil || p.Bodies[i] == nil {
			continue
		}
		h := e.Header()
		if uint64(len(p.Bodies[i])) != h.Size || !j.Checked && !h.Body.Matches(p.Bodies[i]) {
			return &protocol.Error{Reason: protocol.ReasonBadHash, Op: "submit", ID: e.ID().String(), Field: "bodies"}
		}
		bytes += len(p.Bodies[i])
	}
	if p.Entries[len(p.Entries)-1].Seq() > maxSeq {
		return &protocol.Error{Reason: protocol.ReasonTooLarge, Op: "submit", Field: "seq"}
	}
	j.count(len(p.Entries)+4, bytes+32*len(p.Entries))
	return nil
}
