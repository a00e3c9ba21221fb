package replication

import (
	"bufio"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/dure-net/dure/protocol"
)

const (
	// filesAtOnce bounds the files fetched at a time: photographs of one page come together,
	// and do not fill the line for entries. Beyond: they wait.
	filesAtOnce = 4

	// maxFetches bounds the files that wait to be fetched. Beyond: ReasonBusy.
	maxFetches = 256

	// chunkTime is how long one chunk may take: 64 KiB at 20 kbit/s. Beyond: another node is
	// asked, and what came is kept.
	chunkTime = 30 * time.Second

	// slowAfter and slowRate: a node that brings less than so many bytes a second for so long
	// is left for others, and has another turn when they have had theirs.
	slowAfter = 10 * time.Second
	slowRate  = 8 << 10
)

// errSlow ends a session with a node that others may be quicker than.
var errSlow = errors.New("slower than others may be")

// fetches are the files that are being fetched: each once, however many wait for it.
type fetches struct {
	room *semaphore.Weighted

	mu      sync.Mutex      // guards the two below
	running context.Context // of Run; nil: no network
	all     map[protocol.CID]*fetch
	inside  sync.WaitGroup
}

type fetch struct {
	done chan struct{} // closed when it has ended, after err is set
	err  error
}

func newFetches() *fetches {
	return &fetches{room: semaphore.NewWeighted(filesAtOnce), all: map[protocol.CID]*fetch{}}
}

// run lets files be fetched until ctx ends, and waits for those under way.
func (f *fetches) run(ctx context.Context) error {
	f.mu.Lock()
	f.running = ctx
	f.mu.Unlock()
	<-ctx.Done()
	f.mu.Lock()
	f.running = nil
	f.mu.Unlock()
	f.inside.Wait()
	return ctx.Err()
}

// Fetching lists the files under way or waiting, in no order. The slice is the caller's.
func (of Files) Fetching() []protocol.CID {
	f := of.replica.fetches
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make([]protocol.CID, 0, len(f.all))
	for id := range f.all {
		out = append(out, id)
	}
	return out
}

// WantedFile is a file as an entry names it.
type WantedFile struct {
	Entry protocol.EntryID // whose body names it
	File  protocol.CID
	Bytes uint64 // as the body says
	Alone bool   // nobody is asked but the nodes that Fetch names: others must not learn of it
}

// Fetch brings a file from connected nodes into the depot, those named
// first before the others, and returns when it is whole. What is here of it is not asked
// for again. Ending ctx ends the waiting, not the fetching. No node connected is
// ReasonUnreachable; none that has it, ReasonWanted, and what came is kept; a manifest of
// another length than the record says, ReasonInvalid.
func (of Files) Fetch(ctx context.Context, w WantedFile, first ...protocol.PublicKey) error {
	id := w.File
	r, f := of.replica, of.replica.fetches
	f.mu.Lock()
	under := f.all[id]
	if under == nil {
		switch {
		case f.running == nil || r.cfg.Depot == nil:
			f.mu.Unlock()
			return protocol.Fail(protocol.ReasonUnreachable, "fetch file", errors.New("no network"))
		case len(f.all) >= maxFetches:
			f.mu.Unlock()
			return protocol.Fail(protocol.ReasonBusy, "fetch file", nil)
		}
		under = &fetch{done: make(chan struct{})}
		f.all[id] = under
		running := f.running
		f.inside.Go(func() {
			under.err = r.fetch(running, w, first)
			f.mu.Lock()
			delete(f.all, id)
			f.mu.Unlock()
			close(under.done)
		})
	}
	f.mu.Unlock()
	select {
	case <-under.done:
		return under.err
	case <-ctx.Done():
		return protocol.Fail(protocol.ReasonCanceled, "fetch file", ctx.Err())
	}
}

// fetch asks nodes in turns. Who is slow keeps no turn for itself: the others come next,
// also those that were not connected before, and other files have their place between two
// rounds. So a node that sends drop by drop costs what nobody else can give, and no more.
func (r *Replica) fetch(ctx context.Context, w WantedFile, first []protocol.PublicKey) error {
	passed, slow := map[protocol.PublicKey]bool{}, map[protocol.PublicKey]bool{}
	for round := 0; ; round++ {
		again, err := r.fetchRound(ctx, w, first, passed, slow)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return protocol.Fail(protocol.ReasonCanceled, "fetch file", ctx.Err())
		case !again && round > 0 && protocol.ReasonOf(err) == protocol.ReasonUnreachable:
			return &protocol.Error{Reason: protocol.ReasonWanted, Op: "fetch file", ID: w.File.String()}
		case !again:
			return err
		}
	}
}

// fetchRound asks each node that may have the file once, slow ones last, and while it brings
// something again: a line that is cut costs a chunk. again: a slow one brought something
// more; that happens as often as the file has chunks, at most.
func (r *Replica) fetchRound(ctx context.Context, w WantedFile, first []protocol.PublicKey, passed, slow map[protocol.PublicKey]bool) (again bool, err error) {
	id := w.File
	if err := r.fetches.room.Acquire(ctx, 1); err != nil {
		return false, protocol.Fail(protocol.ReasonCanceled, "fetch file", err)
	}
	defer r.fetches.room.Release(1)
	n, nodes := r.net.Load(), r.mayHave(first, w.Alone)
	if n == nil || len(nodes) == 0 {
		return false, &protocol.Error{Reason: protocol.ReasonUnreachable, Op: "fetch file", ID: id.String()}
	}
	quick := slices.DeleteFunc(slices.Clone(nodes), func(node protocol.PublicKey) bool { return slow[node] })
	late := slices.DeleteFunc(nodes, func(node protocol.PublicKey) bool { return !slow[node] })
	for _, node := range append(quick, late...) {
		for !passed[node] {
			got, err := r.fetchFrom(ctx, n, node, w)
			switch reason := protocol.ReasonOf(err); {
			case err == nil:
				return false, nil
			case ctx.Err() != nil:
				return false, err
			case reason == protocol.ReasonReadOnly, reason == protocol.ReasonInvalid, reason == protocol.ReasonHomeUnwritable:
				return false, err
			case reason == protocol.ReasonBadHash || reason == protocol.ReasonMalformed:
				r.counts.refuse(reason)
				r.log.Warn("a node sent other bytes than a file has; others are asked", "node", node.Short(), "file", id.Short(), "err", err)
			case errors.Is(err, errSlow):
				again, slow[node] = true, true
			case got > 0:
				continue // it was cut
			default:
				r.log.Debug("a file was not fetched from a node", "node", node.Short(), "file", id.Short(), "err", err)
			}
			passed[node] = !errors.Is(err, errSlow)
			break
		}
	}
	return again, &protocol.Error{Reason: protocol.ReasonWanted, Op: "fetch file", ID: id.String()}
}

// mayHave lists the connected nodes: those named, then the others as chance has it, so
// that not everybody asks the same one; alone: those named.
func (r *Replica) mayHave(first []protocol.PublicKey, alone bool) []protocol.PublicKey {
	r.mu.Lock()
	defer r.mu.Unlock()
	var named, others []protocol.PublicKey
	for node, p := range r.peers {
		switch {
		case !p.linked || !r.nodes[node]:
		case slices.Contains(first, node):
			named = append(named, node)
		case !alone:
			others = append(others, node)
		}
	}
	for _, list := range [][]protocol.PublicKey{named, others} {
		rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	}
	return append(named, others...)
}

// fetchFrom asks one node for what is missing, and returns how many chunks came. nil: the
// file is whole.
func (r *Replica) fetchFrom(ctx context.Context, n Network, node protocol.PublicKey, w WantedFile) (got int, err error) {
	id := w.File
	s, err := n.OpenFiles(ctx, node)
	if err != nil {
		return 0, err
	}
	stop := context.AfterFunc(ctx, func() { _ = s.Reset() })
	defer func() {
		stop()
		if err != nil {
			_ = s.Reset()
		} else {
			_ = s.Close()
		}
	}()
	br := bufio.NewReaderSize(s, 16<<10)
	ask := func(a protocol.FileAsk) error {
		_ = s.SetDeadline(time.Now().Add(chunkTime))
		return protocol.WriteFrame(s, &a)
	}
	read := func() (sent protocol.FileSent, err error) {
		_ = s.SetDeadline(time.Now().Add(chunkTime))
		return sent, protocol.ReadFrame(br, protocol.MaxFrameBytes, &sent)
	}
	m, _, err := r.cfg.Depot.Manifest(id)
	if err != nil {
		if err := ask(protocol.FileAsk{Entry: w.Entry, File: id}); err != nil {
			return 0, err
		}
		sent, err := read()
		if err != nil {
			return 0, err
		}
		if sent.End {
			return 0, protocol.Fail(protocol.ReasonNotFound, "fetch file", nil)
		}
		if m, err = protocol.DecodeManifest(id, sent.Manifest); err != nil {
			return 0, err
		}
		if m.Bytes == w.Bytes {
			err = r.cfg.Depot.Begin(id, sent.Manifest)
		}
		if err != nil {
			return 0, err
		}
	}
	if m.Bytes != w.Bytes {
		return 0, &protocol.Error{Reason: protocol.ReasonInvalid, Op: "fetch file", ID: id.String(), Err: errors.New("its record tells another length")}
	}
	began, size := time.Now(), 0
	missing, err := r.cfg.Depot.Missing(id)
	for len(missing) > 0 && err == nil {
		some := missing[:min(len(missing), protocol.MaxChunksAsked)]
		missing = missing[len(some):]
		if err = ask(protocol.FileAsk{Entry: w.Entry, File: id, Chunks: some}); err != nil {
			break
		}
		for {
			sent, err := read()
			if err != nil {
				return got, err
			}
			if sent.End {
				break
			}
			// In the order asked: what was passed over is not held there.
			at := slices.Index(some, sent.Number)
			if at < 0 || len(sent.Data) == 0 {
				return got, protocol.Fail(protocol.ReasonMalformed, "fetch file", errors.New("a chunk that was not asked for"))
			}
			some = some[at+1:]
			if _, err := r.cfg.Depot.Add(id, int(sent.Number), sent.Data); err != nil {
				return got, err
			}
			got++
			size += len(sent.Data)
			if took := time.Since(began); took > slowAfter && float64(size) < took.Seconds()*slowRate {
				return got, errSlow
			}
		}
	}
	if err != nil {
		return got, err
	}
	if missing, err = r.cfg.Depot.Missing(id); err == nil && len(missing) > 0 {
		return 0, protocol.Fail(protocol.ReasonNotFound, "fetch file", errors.New("it has a part of the file"))
	}
	return got, err
}
