package ledger

import (
	"context"
	"errors"
	"hash/maphash"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/dure-net/dure/protocol"
)

// Ledger is the copy on this disk. Reading is Reader's; writing is Submit and Erase.
type Ledger struct {
	*Reader

	cfg        Config
	version    uint32 // the layout that its store must have
	federation protocol.FederationID
	lock       *os.File
	c          *committer
	watch      *watch
	salvage    *salvage // nil where there is nothing
	opened     Opened
	scrub      *Scrub
	once       sync.Once // guards closeErr
	closeErr   error
}

// Opened is what was found when the ledger was opened.
type Opened struct {
	Root   protocol.Root // over everything stored, forks and cuts apart
	Clean  bool          // it was closed in order and nothing was written since
	Mark   Mark
	Status MarkStatus

	// Lost counts entries that the last transaction on the disk counts and that cannot be
	// read: bit rot, or files put back from elsewhere. Catch-up brings them again.
	Lost uint64

	// Changed says that the ledger is not the one that was noted: it holds less than when it
	// was closed in order or when the mark was set, or another root with the same numbers.
	Changed bool

	// Copied says that the mark is a copy of the file that was written: the directory came
	// from a backup program or another machine, and the node may have signed more since. It
	// stays so until this node has signed something anew.
	Copied bool

	Restored time.Time // when it was made from a backup; zero if it was not

	Mended Mended // what was wrong with the store's files

	Cut []Range // feeds that damage made shorter: where they end now, and how many headers were set aside
}

// Open opens the ledger of a directory, or makes it, and reads all headers: heads,
// counts and the CID index are computed and not trusted. It takes about a third of a
// second for 100,000 entries. It starts the committer; Close ends it. In use by another
// process: ReasonHomeLocked. Newer layout: ReasonTooNew. Older layout, which Migrate brings
// to this one: ReasonTooOld. Another federation's: ReasonWrongFederation. Not openable any
// more: ReasonDamaged.
func Open(cfg Config) (*Ledger, error) { return open(cfg, schemaVersion) }

func open(cfg Config, version uint32) (l *Ledger, err error) {
	cfg, err = cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, protocol.Fail(protocol.ReasonHomeUnwritable, "open ledger", err)
	}
	l = &Ledger{cfg: cfg, version: version}
	defer func() {
		if err != nil {
			l.release()
			l = nil
		}
	}()
	if l.lock, err = lockDir(cfg.Dir); err != nil {
		return l, err
	}
	if err := settleMigration(cfg); err != nil {
		return l, err
	}
	dir := filepath.Join(cfg.Dir, storeName)
	total, err := totalBytes(cfg.Dir)
	if err != nil {
		total = 0 // not known; Free will say what is wrong
	}
	z := sizesFor(total, dir)
	room := roomOf(cfg)
	if room.floor == 0 {
		room.floor = FloorFor(total)
	}
	if room.reserve == 0 {
		room.reserve = z.reserve
	}
	if err := room.settle(); err != nil {
		return l, err
	}
	l.c = &committer{space: room, state: newState(maphash.Bytes(maphash.MakeSeed(), nil))}
	if l.c.marks, err = openMark(cfg.Dir, cfg.Born); err != nil {
		return l, err
	}
	frozen := false
	if err := room.enough(); err != nil {
		if protocol.ReasonOf(err) != protocol.ReasonReadOnly {
			return l, err
		}
		frozen = true
		cfg.Logger.Warn("the disk is full: the ledger is opened for reading alone until there is room", "err", err)
	}
	if err := l.load(dir, z, frozen); err != nil {
		return l, err
	}
	l.watch = &watch{space: room, store: l.c.store, log: cfg.Logger, stop: make(chan struct{}), done: make(chan struct{})}
	go l.watch.run()
	l.c.store.tell()
	l.Reader = &Reader{s: l.c.state, db: l.c.store, repair: l.suggest}
	l.scrub = loadScrub(l)
	l.judge()
	if err := l.raiseMark(); err != nil {
		return l, err
	}
	if l.salvage != nil && l.salvage.tail && l.opened.Status != MarkBehind {
		l.salvage = nil // the beginning of a transaction that nobody was told of
	}
	l.c.start()
	return l, nil
}

// judge compares what was read with what was noted before.
func (l *Ledger) judge() {
	o := &l.opened
	o.Mark = l.c.marks.mark
	o.Restored = l.c.store.restoredAt()
	o.Copied = l.c.marks.copied
	switch {
	case l.c.marks.generation == 0:
		o.Status = MarkAbsent
	case l.holdsMark(o.Mark):
		o.Status = MarkAhead
	default:
		o.Status = MarkBehind
	}
	if c, ok := readClosing(l.cfg.Dir); ok && c.next == l.c.state.next {
		same := c.root == o.Root && c.entries == l.c.state.entries && c.feeds == uint64(l.c.state.visible)
		o.Clean, o.Changed = same && !o.Changed, !same || o.Changed
	} else if ok && c.next > l.c.state.next {
		o.Changed = true
	}
	if o.Mark.Next > l.c.state.next {
		o.Clean, o.Changed = false, true
	}
	log := l.cfg.Logger
	if o.Status == MarkBehind {
		log.Warn("the ledger has forgotten entries that this node acknowledged", "feed", o.Mark.Feed.Short(), "seq", o.Mark.Seq)
	}
	if o.Lost > 0 || o.Changed || len(o.Cut) > 0 {
		log.Warn("the ledger is not what was written; what is missing is fetched again", "lost", o.Lost, "cut", len(o.Cut), "changed", o.Changed)
	}
}

// raiseMark marks own entries that came to the disk just before a crash and their mark did
// not. Nobody was told of them then; from now on they are told to everybody who asks, so a
// store that loses them later must be seen to have forgotten. A copied mark stays as it is,
// since it tells of the copy.
func (l *Ledger) raiseMark() error {
	o := &l.opened
	if o.Status != MarkAhead || o.Copied {
		return nil
	}
	h, ok := l.Head(o.Mark.Feed)
	if !ok || h.Count <= o.Mark.Seq+1 {
		return nil
	}
	if e, err := l.Entry(o.Mark.Feed, o.Mark.Seq); err != nil || e.ID() != o.Mark.Entry {
		return nil // another branch than this node's own was chosen, or it is damaged
	}
	if err := l.c.marks.set(Mark{Feed: o.Mark.Feed, Seq: h.Count - 1, Entry: h.Head, Next: max(o.Mark.Next, l.c.state.next)}); err != nil {
		return err
	}
	o.Mark = l.c.marks.mark
	return nil
}

func (l *Ledger) holdsMark(m Mark) bool {
	// Found also where another branch than this node's own was chosen.
	e, isBody, err := l.Find(m.Entry)
	return err == nil && !isBody && e.Feed() == m.Feed && e.Seq() == m.Seq
}

// Opened is what was found when the ledger was opened.
func (l *Ledger) Opened() Opened { return l.opened }

// Federation is whose ledger it is.
func (l *Ledger) Federation() protocol.FederationID { return l.federation }

// FreeBytes is what can still be written to the ledger's disk; low says that it is below
// the floor, and that batches are refused with ReasonReadOnly.
func (l *Ledger) FreeBytes() (free uint64, low bool, err error) {
	free, err = l.cfg.Free()
	if err != nil {
		return 0, false, protocol.Fail(protocol.ReasonInternal, "measure free space", err)
	}
	return free, free < l.c.space.need(), nil
}

// FloorBytes is the free space below which nothing is accepted now.
func (l *Ledger) FloorBytes() uint64 { return l.c.space.need() }

// Failed says why nothing can be written any more before the ledger is opened again;
// nil while writing goes on or waits for room alone.
func (l *Ledger) Failed() error {
	l.c.state.mu.RLock()
	defer l.c.state.mu.RUnlock()
	return l.c.state.failed
}

// suggest queues a small change of the ledger's own; it is dropped when the queue is full.
func (l *Ledger) suggest(change func(*committer) error) {
	j := &job{repair: change, commit: &Commit{done: make(chan struct{})}}
	l.c.gate.RLock()
	defer l.c.gate.RUnlock()
	if l.c.stopped() {
		return
	}
	select {
	case l.c.queue <- j:
	default:
	}
}

// Close lets what was submitted go in, notes root and counts, and closes the files.
// Batches submitted from now on are ReasonNotRunning. A ledger that is not closed, as
// after a crash, lacks nothing but the note. Closing again returns the same.
func (l *Ledger) Close() error {
	l.once.Do(func() { l.closeErr = l.shut() })
	return l.closeErr
}

func (l *Ledger) shut() error {
	l.c.close()
	s := l.c.state
	s.mu.Lock()
	s.closed = true
	s.wake()
	note := closing{next: s.next, entries: s.entries, feeds: uint64(s.visible),
		root: protocol.LedgerRoot(l.federation, s.standings()), at: l.cfg.Now()}
	failed := s.failed
	s.mu.Unlock()
	var err error
	if failed == nil && l.c.space.enough() == nil {
		err = writeClosing(l.cfg.Dir, note)
	}
	return errors.Join(err, l.release())
}

// release closes what Open has opened, in reverse order.
func (l *Ledger) release() (err error) {
	if l.c != nil && l.c.store != nil {
		err = l.closeStore()
	}
	if l.watch != nil {
		close(l.watch.stop)
		<-l.watch.done
	}
	if l.c != nil && l.c.marks != nil {
		err = errors.Join(err, l.c.marks.close())
	}
	if l.lock != nil {
		err = errors.Join(err, l.lock.Close())
	}
	return err
}

// closeStore has Badger write its last table, for which there must be room: where there
// is none even with the reserve, the store is left as after a crash. It lacks nothing
// then, and the process that leaves it is about to end.
func (l *Ledger) closeStore() error {
	s, room := l.c.store, l.c.space
	table := s.z.largest()
	if !s.frozen {
		if free, err := room.free(); err == nil && free < table && !s.asked {
			room.give(room.reserve)
		}
		spare := uint64(0)
		if s.asked { // the table takes of the reserve what it needs
			spare = room.spare()
		}
		if free, err := room.free(); err == nil && free+spare < table && s.logs.end > 0 {
			l.cfg.Logger.Warn("the disk is full: the store is left as it is, and read from its log at the next start", "free", free)
			s.logs.close()
			return nil
		}
		s.tell()
	}
	return s.shut()
}

// Root is the hash of everything stored now, forks and cuts apart: the ledger root
// is computed by the layer that knows what stands.
func (r *Reader) root(federation protocol.FederationID) protocol.Root {
	r.s.mu.RLock()
	lines := r.s.standings()
	r.s.mu.RUnlock()
	return protocol.LedgerRoot(federation, lines)
}

// Put is Submit and Wait.
func (l *Ledger) Put(ctx context.Context, b Batch) error { return l.Submit(b).Wait(ctx) }
