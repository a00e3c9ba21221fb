package index

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// Log is the ledger, and what says how far its feeds stand.
type Log interface {
	// Follow is what happened from a local number on, oldest first, at most limit; it
	// waits until there is something. newest is the last number that stands for anything.
	Follow(ctx context.Context, from uint64, limit int) (items []Item, newest uint64, err error)

	// Newest is the last local number.
	Newest() uint64

	// Limits tells of every feed, Limit of one, Erased which bodies acts have erased. They
	// are asked after Unsettle, and tell what holds then.
	Limits() []Limit
	Limit(feed protocol.FeedID) Limit
	Erased() []protocol.EntryID
}

// Follower keeps an index up with the ledger. Its methods are safe for concurrent use.
type Follower struct {
	x      *Index
	log    Log
	folds  Folds
	origin string
	day    record.Day // on which agreements were owed last; Run's alone

	mu       sync.Mutex // guards all below
	applied  uint64
	newest   uint64
	due      int
	owed     bool
	asked    uint64 // how often Unsettle was called
	told     uint64 // the calls that the index has followed
	building bool
	edition  uint64        // how often any of these changed
	bell     chan struct{} // closed, and replaced, when any of these changes
	poke     chan struct{} // of capacity 1: the writer looks again
}

// Progress is how far the index has come.
type Progress struct {
	Applied  uint64 // changes up to this local number are in the index
	Newest   uint64 // the ledger's last, as far as the index knows
	Due      int    // records whose words and facets are still to be computed
	Owed     bool   // agreements are still to be folded
	Building bool   // it is being built from the beginning
}

// NewFollower is a follower that does nothing until Run. The origin names the ledger: an
// index that followed another one is built anew. folds nil: there are no matters.
func NewFollower(x *Index, log Log, folds Folds, origin string) *Follower {
	if folds == nil {
		folds = nothing{}
	}
	return &Follower{x: x, log: log, folds: folds, origin: origin, bell: make(chan struct{}), poke: make(chan struct{}, 1)}
}

// Unsettle says that what counts may have changed: whose feeds are, how far they stand,
// what acts erase. It does not block.
func (f *Follower) Unsettle() {
	f.mu.Lock()
	f.asked++
	f.edition++
	f.mu.Unlock()
	select {
	case f.poke <- struct{}{}:
	default:
	}
}

// Progress tells how far the index has come.
func (f *Follower) Progress() Progress {
	f.mu.Lock()
	defer f.mu.Unlock()
	return Progress{Applied: f.applied, Newest: max(f.newest, f.applied), Due: f.due, Owed: f.owed, Building: f.building}
}

// Edition rises after each change of what the index answers, and when what counts may have
// changed. What was read from it before the number rose may be old, what is read afterwards
// is not. It does not block for the writer.
func (f *Follower) Edition() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.edition
}

// AwaitFolds returns when no agreement is to be folded any more, or when ctx ends.
func (f *Follower) AwaitFolds(ctx context.Context) {
	for {
		f.mu.Lock()
		owed, bell := f.owed, f.bell
		f.mu.Unlock()
		if !owed {
			return
		}
		select {
		case <-bell:
		case <-ctx.Done():
			return
		}
	}
}

// Await returns when the index holds what happened up to a local number, and what was
// unsettled before the call. It gives up, with false, when ctx ends or when the index has
// not come further for so long.
func (f *Follower) Await(ctx context.Context, local uint64, patience time.Duration) bool {
	f.mu.Lock()
	asked := f.asked
	f.mu.Unlock()
	var timer *time.Timer
	for {
		f.mu.Lock()
		done, bell := f.applied >= local && f.told >= asked, f.bell
		f.mu.Unlock()
		if done {
			return true
		}
		if timer == nil {
			timer = time.NewTimer(patience)
			defer timer.Stop()
		} else {
			timer.Reset(patience)
		}
		select {
		case <-bell:
		case <-timer.C:
			return false
		case <-ctx.Done():
			return false
		}
	}
}

func (f *Follower) note(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
	f.edition++
	close(f.bell)
	f.bell = make(chan struct{})
}

// Run follows until ctx ends or the log is closed, and returns nil then. It waits and tries
// again while the disk takes nothing.
func (f *Follower) Run(ctx context.Context) error {
	for {
		err := f.run(ctx)
		if ctx.Err() != nil || err == nil || protocol.ReasonOf(err) == protocol.ReasonNotRunning {
			return nil
		}
		f.x.log.Error("lists and search lag behind: the index could not be written", "err", err)
		if spoilt(err) {
			if err := f.x.renew(); err != nil {
				f.x.log.Error("the index could not be emptied", "err", err)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(retryAfter):
		}
	}
}

type portion struct {
	items  []Item
	newest uint64
}

func (f *Follower) run(ctx context.Context) (err error) {
	if err := f.match(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	portions := make(chan portion) // closed when nothing can be read any more
	var readErr error              // before that
	from, limit := f.Progress().Applied+1, followBatch
	wg.Go(func() {
		defer close(portions)
		for {
			var p portion
			if p.items, p.newest, readErr = f.log.Follow(ctx, from, limit); readErr != nil {
				return
			}
			from = p.items[len(p.items)-1].Seq + 1
			if limit = followBatch; p.newest > from+putOffBeyond {
				limit = manyAtOnce
			}
			select {
			case portions <- p:
			case <-ctx.Done():
				return
			}
		}
	})
	wg.Go(func() { f.checkpoint(ctx) })
	told := time.Now()
	shedding := f.x.mustShed()
	f.day = ""
	for {
		if err := f.age(); err != nil {
			return err
		}
		if err := f.settle(); err != nil {
			return err
		}
		p := f.Progress()
		loose, crowded := f.x.mustTidy()
		if crowded && p.Due == 0 && !p.Building {
			if err := f.tidy(); err != nil {
				return err
			}
		}
		idle := pause(p, shedding || loose)
		select {
		case p, ok := <-portions:
			if !ok {
				return readErr
			}
			err = f.take(p)
		default:
			select {
			case p, ok := <-portions:
				if !ok {
					return readErr
				}
				err = f.take(p)
			case <-f.poke:
			case <-idle:
				switch {
				case p.folds():
					err = f.fold()
				case p.Due > 0:
					err = f.work(ctx)
				case shedding:
					shedding, err = f.x.shed()
				default:
					err = f.tidy()
				}
			}
		}
		if err != nil {
			return err
		}
		shedding = shedding || f.x.mustShed()
		if p := f.Progress(); p.Building && time.Since(told) > buildingTold {
			told = time.Now()
			f.x.log.Info("the index is being built", "changes", p.Applied, "of", p.Newest, "records_due", p.Due)
		}
	}
}

// folds reports whether it is time to fold agreements: of threads that are whole.
func (p Progress) folds() bool { return p.Owed && p.Applied >= p.Newest }

// pause ends when what can wait is done: nil where nothing is.
func pause(p Progress, more bool) <-chan time.Time {
	switch {
	case p.folds():
		return time.After(0)
	case p.Due > 0 && !p.Building && p.Due < dueAtOnce: // few, of which much is said: others first
		return time.After(heavyPause)
	case p.Due > 0, more && p.Building:
		return time.After(0)
	case more:
		return time.After(shedPause)
	}
	return nil
}

// checkpoint looks after SQLite's log until ctx ends. What fails is tried again: the writer
// stops for it in the end, and says so.
func (f *Follower) checkpoint(ctx context.Context) {
	tick := time.NewTicker(walPause)
	defer tick.Stop()
	var log int64
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			var err error
			if log, err = f.x.checkpoint(log); err != nil {
				f.x.log.Debug("the log of the index was not brought into its file", "err", err)
			}
		}
	}
}

func (f *Follower) take(p portion) error {
	last := p.items[len(p.items)-1].Seq
	putOff := p.newest-last > putOffBeyond
	feeds := map[protocol.FeedID]bool{}
	var limits []Limit
	for _, it := range p.items {
		if id := it.Entry.Feed(); !feeds[id] {
			feeds[id] = true
			limits = append(limits, f.log.Limit(id))
		}
	}
	due, err := f.x.take(putOff, limits, p.items)
	if err == nil {
		f.note(func() { f.applied, f.newest, f.due, f.owed = last, p.newest, due, f.x.owes() })
		f.built()
	}
	return err
}

func (f *Follower) work(ctx context.Context) error {
	n := dueAtOnce
	if f.Progress().Due > putOffBeyond {
		n = manyAtOnce
	}
	due, err := f.x.work(n, func(from uint64, limit int) []Item {
		ctx, cancel := context.WithTimeout(ctx, retryAfter) // it would wait where nothing is left
		defer cancel()
		items, _, _ := f.log.Follow(ctx, from, limit)
		return items
	})
	if err == nil {
		f.note(func() { f.due, f.owed = due, f.x.owes() })
		f.built()
	}
	return err
}

func (f *Follower) tidy() error {
	pages := tidyPages
	if f.Progress().Building {
		pages = builtPages
	}
	_, err := f.x.tidy(pages)
	if err == nil {
		f.built()
	}
	return err
}

// built notes that a rebuild has come to its end.
func (f *Follower) built() {
	p := f.Progress()
	if loose, _ := f.x.mustTidy(); p.Building && p.Applied >= p.Newest && p.Due == 0 && !loose {
		f.note(func() { f.building = false })
		f.x.log.Info("the index is built", "changes", p.Applied)
	}
}

// settle tells the index what counts, where that was unsettled.
func (f *Follower) settle() error {
	f.mu.Lock()
	asked, told := f.asked, f.told
	f.mu.Unlock()
	if asked == told {
		return nil
	}
	if err := f.x.Restand(f.log.Limits()...); err != nil {
		return err
	}
	if err := f.x.SetErased(f.log.Erased()); err != nil {
		return err
	}
	if _, err := f.x.SetCharter(f.folds.Charter()); err != nil {
		return err
	}
	due, err := f.x.Work(dueAtOnce)
	if err == nil {
		f.note(func() { f.told, f.due, f.owed = asked, due, f.x.owes() })
	}
	return err
}

// age has all agreements folded anew on another day.
func (f *Follower) age() error {
	today := f.folds.Today()
	if today == f.day {
		return nil
	}
	err := f.x.Age(today)
	if err == nil {
		f.day = today
		f.note(func() { f.owed = f.x.owes() })
	}
	return err
}

func (f *Follower) fold() error {
	err := f.x.fold(f.folds)
	if err == nil {
		f.note(func() { f.owed = f.x.owes() })
	}
	return err
}

// match makes sure that the index is of this ledger, or empties it.
func (f *Follower) match(ctx context.Context) error {
	origin, applied, samples, err := f.x.followed()
	if err != nil {
		return err
	}
	newest := f.log.Newest()
	why := ""
	switch {
	case applied > 0 && origin != f.origin:
		why = "it followed another ledger"
	case applied > newest:
		why = "the ledger holds less than it has read"
	default:
		for _, s := range samples {
			items, _, err := f.log.Follow(ctx, s.local, 1)
			if err != nil {
				return err
			}
			if len(items) > 0 && items[0].Seq == s.local && items[0].Entry.ID().Digest() != s.id {
				why = "the ledger holds something else than it has read"
			}
		}
	}
	if why != "" {
		f.x.log.Warn("the index does not match the ledger and is built anew", "why", why)
		if err := f.x.renew(); err != nil {
			return err
		}
		applied = 0
	}
	if err := f.x.setOrigin(f.origin); err != nil {
		return err
	}
	f.note(func() {
		f.applied, f.newest, f.due, f.owed, f.building = applied, newest, f.x.due(), f.x.owes(), applied == 0 && newest > putOffBeyond
		if f.told == f.asked {
			f.asked++ // what counts is told once at every start
		}
	})
	return nil
}

// followed is what the index knows of the ledger that it followed.
func (x *Index) followed() (origin string, applied uint64, samples []sample, err error) {
	x.writing.Lock()
	defer x.writing.Unlock()
	if x.w == nil {
		return "", 0, nil, protocol.Fail(protocol.ReasonNotRunning, "follow ledger", errors.New("the index is closed"))
	}
	origin, err = x.w.meta(metaOrigin)
	return origin, x.w.applied, x.w.samples, failed("follow ledger", err)
}

func (x *Index) setOrigin(origin string) error {
	return x.write("follow ledger", false, func(w *writer) error { return w.setMeta(metaOrigin, origin) })
}
