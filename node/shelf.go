package node

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/home"
	"github.com/dure-net/dure/node/index"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
	"github.com/dure-net/dure/replication"
	"github.com/dure-net/dure/replication/depot"
	"github.com/dure-net/dure/replication/ledger"
)

const (
	// tidyEvery is how often files that nothing names are looked for, besides after erasures.
	tidyEvery = 6 * time.Hour

	// stockFirst, stockAfter and stockEvery: how long after the start, after the last entry
	// that may name files, and at least, the files that the settings ask for are looked for.
	stockFirst = 3 * time.Second
	stockAfter = 2 * time.Second
	stockEvery = 10 * time.Minute
)

// shelf keeps files of records: those of this node's people for as long as a record names
// them, others' as the settings say.
type shelf struct {
	n     *Node
	depot *depot.Depot
	keep  home.Keep
	kinds map[protocol.Kind]bool // whose bodies may name files
	came  chan struct{}          // something that may name files has arrived

	uploads *uploads // of holders of tokens

	enclosing sync.Mutex // guards enclosed
	enclosed  []enclosure

	tidying sync.Mutex // held while files are dropped, or given a name
}

func newShelf(n *Node, log *slog.Logger) (*shelf, error) {
	s := &shelf{n: n, keep: n.conf.Keep(), kinds: map[protocol.Kind]bool{}, came: make(chan struct{}, 1), uploads: newUploads()}
	for kind := range protocol.Kind(255) {
		if record.HasFiles(kind) {
			s.kinds[kind] = true
		}
	}
	ledgerDir := n.home.LedgerDir()
	var err error
	s.depot, err = depot.Open(depot.Config{Dir: n.home.AttachmentsDir(), Floor: n.ledger.FloorBytes(), Free: func() (uint64, error) { return ledger.FreeOn(ledgerDir) }, Now: n.opts.Now, Log: log})
	return s, err
}

// names implements replication.Config.Names. What goes with a letter is for its parties.
func (s *shelf) names(from protocol.PublicKey, entry protocol.EntryID, file protocol.CID) bool {
	e, isBody, err := s.n.ledger.Find(entry)
	if err != nil || isBody {
		return false
	}
	if e.Kind() == protocol.KindSealed {
		_, parties, err := s.n.letters.Files(entry)
		member, ok := s.n.replica.State().MemberOfNode(from)
		if err != nil || !ok || !slices.Contains(parties, member) {
			return false
		}
	}
	_, ok := s.namedIn(entry, file)
	return ok
}

// namedIn is how an entry that counts names a file; false where it does not.
func (s *shelf) namedIn(entry protocol.EntryID, file protocol.CID) (f record.Attachment, ok bool) {
	e, isBody, err := s.n.ledger.Find(entry)
	if err != nil || isBody {
		return f, false
	}
	files, err := s.filesOf(e)
	if err != nil {
		return f, false
	}
	for _, one := range files {
		if one.ID == file {
			return one, true
		}
	}
	return f, false
}

// stillNames reports whether an entry that was noted of a file names it still. A letter was
// read when that was noted, and may not be readable now: it does as long as it is there.
func (s *shelf) stillNames(entry protocol.EntryID, file protocol.CID) bool {
	e, isBody, err := s.n.ledger.Find(entry)
	if err != nil || isBody || e.Kind() != protocol.KindSealed {
		_, ok := s.namedIn(entry, file)
		return ok
	}
	_, err = s.n.ledger.Body(e)
	return s.counts(e) && protocol.ReasonOf(err) != protocol.ReasonErased
}

func (s *shelf) counts(e protocol.Entry) bool {
	member, count := s.n.replica.Feeds().Standings(e.Feed())
	return member != "" && e.Seq() < count
}

// filesOf are the files that an entry names; none where it does not count, or its body is
// not here, erased or invalid, or for others. An error says that it is not known now. Of a
// file of a letter it tells the encrypted form.
func (s *shelf) filesOf(e protocol.Entry) (out []record.Attachment, err error) {
	if !s.kinds[e.Kind()] && e.Kind() != protocol.KindSealed || !s.counts(e) {
		return nil, nil
	}
	if e.Kind() == protocol.KindSealed {
		files, _, err := s.n.letters.Files(e.ID())
		for _, f := range files {
			out = append(out, record.Attachment{ID: f.ID, Bytes: f.SealedBytes()})
		}
		return out, err
	}
	body, err := s.n.ledger.Body(e)
	if err != nil || body == nil {
		return nil, nil
	}
	return filesIn(e.Kind(), body), nil
}

func filesIn(kind protocol.Kind, body []byte) []record.Attachment {
	rec, err := record.FromBody(kind, body)
	if err != nil {
		return nil
	}
	return record.FilesOf(rec)
}

// note remembers, of entries that have arrived, which name files that are here.
func (s *shelf) note(a replication.Arrival) {
	some := false
	for i, e := range a.Page.Entries {
		some = some || s.kinds[e.Kind()] || e.Kind() == protocol.KindSealed
		if !s.kinds[e.Kind()] {
			continue
		}
		if a.Via != replication.ViaLocal || a.Page.Bodies[i] == nil {
			continue // noted when it is fetched
		}
		for _, f := range filesIn(e.Kind(), a.Page.Bodies[i]) {
			if err := s.depot.Note(f.ID, e.ID()); err != nil {
				s.n.log.Warn("it was not noted that a record names a file; it is found again", "file", f.ID.Short(), "err", err)
			}
		}
	}
	if some {
		select {
		case s.came <- struct{}{}:
		default:
		}
	}
}

// bring fetches a file and makes room for it: those of others that were not used for
// longest go. Of a file of a letter nobody learns but the letter's parties.
func (s *shelf) bring(ctx context.Context, w replication.WantedFile, member string) error {
	e, _, err := s.n.ledger.Find(w.Entry)
	if err != nil {
		return err
	}
	from := []string{member}
	if e.Kind() == protocol.KindSealed {
		w.Alone = true
		if _, from, err = s.n.letters.Files(w.Entry); err != nil {
			return err
		}
	}
	s.makeRoom(w.File, w.Bytes)
	var first []protocol.PublicKey
	state := s.n.replica.State()
	for _, node := range s.n.replica.Others().Nodes() {
		if handle, ok := state.MemberOfNode(node.Key); ok && slices.Contains(from, handle) {
			first = append(first, node.Key)
		}
	}
	err = s.n.replica.Files().Fetch(ctx, w, first...)
	return errors.Join(err, s.depot.Note(w.File, w.Entry)) // also of a part: whose it is must be known
}

// own reports whether a record of this member is known to name a file, a person of this
// node has put it here, or nobody knows whose it is. Such files are never evicted.
func (s *shelf) own(h depot.Held) bool {
	notes := s.depot.Notes(h.ID)
	if h.Fresh || len(notes) == 0 {
		return true
	}
	for _, id := range notes {
		if e, _, err := s.n.ledger.Find(id); err == nil && s.n.replica.Feeds().MemberOf(e.Feed()) == s.n.facts.Handle {
			return true
		}
	}
	return false
}

// others are the files of others, those not used for longest first, and their bytes.
func (s *shelf) others() (list []depot.Held, bytes uint64) {
	for _, h := range s.depot.List() {
		if !s.own(h) {
			list = append(list, h)
			bytes += h.Bytes
		}
	}
	return list, bytes
}

// makeRoom evicts files of others until one more fits the budget.
func (s *shelf) makeRoom(file protocol.CID, bytes uint64) {
	s.tidying.Lock()
	defer s.tidying.Unlock()
	list, used := s.others()
	under := s.n.replica.Files().Fetching()
	for _, h := range list {
		if used+bytes <= s.keep.Budget {
			return
		}
		if h.ID == file || slices.Contains(under, h.ID) {
			continue
		}
		if err := s.depot.Drop(h.ID); err != nil {
			s.n.log.Warn("a file could not be removed to make room", "file", h.ID.Short(), "err", err)
			continue
		}
		used -= h.Bytes
		s.n.log.Debug("a file of others was removed to make room; it is fetched again when it is asked for", "file", h.ID.Short())
	}
}

// tidy drops files that no entry names any more. It implements replication.Config.Unnamed.
// Entries noted of a file are looked at first; where none of them names it any more, the
// whole ledger is, so that nothing is dropped that something names.
func (s *shelf) tidy(ctx context.Context) error {
	s.tidying.Lock()
	defer s.tidying.Unlock()
	doubted := map[protocol.CID]bool{}
	for _, h := range s.depot.List() {
		if h.Fresh && s.n.opts.Now().Sub(h.Used) < api.UnnamedFor {
			continue
		}
		named := slices.ContainsFunc(s.depot.Notes(h.ID), func(by protocol.EntryID) bool { return s.stillNames(by, h.ID) })
		if !named {
			doubted[h.ID] = true
		}
	}
	if len(doubted) == 0 {
		return nil
	}
	err := s.n.ledger.Walk(func(_ uint64, e protocol.Entry) error {
		if err := ctx.Err(); err != nil {
			return protocol.Fail(protocol.ReasonCanceled, "look for names of files", err)
		}
		files, err := s.filesOf(e)
		if err != nil {
			return err // nothing is dropped that a letter may name
		}
		for _, f := range files {
			if doubted[f.ID] {
				delete(doubted, f.ID)
				if err := s.depot.Note(f.ID, e.ID()); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	under := s.n.replica.Files().Fetching()
	for id := range doubted {
		if slices.Contains(under, id) {
			continue // looked at again when it has come
		}
		if err := s.depot.Drop(id); err != nil {
			return err
		}
		s.n.log.Info("a file that nothing names was dropped", "file", id.Short())
	}
	return nil
}

// run tidies now and then, and fetches what the settings ask for.
func (s *shelf) run(ctx context.Context) error {
	tidy, stock := time.NewTicker(tidyEvery), time.NewTimer(stockFirst)
	defer tidy.Stop()
	defer stock.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tidy.C:
			if err := s.tidy(ctx); err != nil && ctx.Err() == nil {
				s.n.log.Warn("files that nothing names were not looked for; they are later", "err", err)
			}
		case <-s.came:
			if s.keep.Which != home.KeepNone {
				stock.Reset(stockAfter)
			}
		case <-stock.C:
			if err := s.stock(ctx); err != nil && ctx.Err() == nil {
				s.n.log.Debug("not every file that the settings ask for is here; it is tried again", "err", err)
			}
			stock.Reset(stockEvery)
		}
	}
}

// stock fetches the files that the settings ask for, as far as the budget goes.
func (s *shelf) stock(ctx context.Context) error {
	switch s.keep.Which {
	case home.KeepOwn:
		return s.stockOf(ctx, s.n.facts.Handle)
	case home.KeepAll:
		return errors.Join(s.stockOf(ctx, s.n.facts.Handle), s.stockOf(ctx, ""))
	case home.KeepMatching:
		return errors.Join(s.stockOf(ctx, s.n.facts.Handle), s.stockMatching(ctx))
	}
	return nil
}

// stockOf fetches the files of one member's records and letters, or of all.
func (s *shelf) stockOf(ctx context.Context, member string) (failed error) {
	err := s.rows(ctx, index.Query{Types: record.Types(), Member: member, Limit: index.MaxLimit}, func(row index.Row) error {
		return s.stockRow(ctx, row)
	})
	return errors.Join(err, s.stockLetters(ctx, member))
}

// stockMatching fetches the files of listings that match this member's.
func (s *shelf) stockMatching(ctx context.Context) error {
	types := []string{protocol.KindOffer.String(), protocol.KindRequest.String()}
	return s.rows(ctx, index.Query{Types: types, Member: s.n.facts.Handle, Limit: index.MaxLimit}, func(row index.Row) error {
		found, err := s.n.Matches(ctx, api.MatchQuery{Ref: row.Record.String()})
		if err != nil {
			return nil // closed, or not readable: nothing matches it
		}
		var failed error
		for _, m := range found.Items {
			if other, err := s.n.index.Lookup(m.Record.ID); err == nil {
				failed = errors.Join(failed, s.stockRow(ctx, other))
			}
		}
		return failed
	})
}

// rows calls do with every row of a list; errors do not end it, but the end of ctx does.
func (s *shelf) rows(ctx context.Context, q index.Query, do func(index.Row) error) (failed error) {
	for {
		page, err := s.n.index.Page(q)
		if err != nil {
			return err
		}
		for _, row := range page.Rows {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			failed = errors.Join(failed, do(row))
		}
		if page.Next == (index.Mark{}) {
			return failed
		}
		q.After = page.Next
	}
}

// stockRow fetches what is missing of one record's files.
func (s *shelf) stockRow(ctx context.Context, row index.Row) error {
	if row.Withdrawn || row.Erased || !s.kinds[row.Kind] {
		return nil
	}
	return s.stockEntry(ctx, row.Current.Feed, row.Current.FeedSeq, row.Member)
}

// stockEntry fetches what is missing of the files that an entry of a member names. Others'
// files push nothing out that somebody asked for: they come as long as there is room.
func (s *shelf) stockEntry(ctx context.Context, feed protocol.FeedID, seq uint64, member string) (failed error) {
	e, err := s.n.ledger.Entry(feed, seq)
	if err != nil {
		return nil // damaged, and looked at again
	}
	files, err := s.filesOf(e)
	if err != nil {
		return err
	}
	for _, f := range files {
		if held, ok := s.depot.Held(f.ID); ok && held.Whole {
			if member == s.n.facts.Handle {
				failed = errors.Join(failed, s.depot.Note(f.ID, e.ID()))
			}
			continue
		}
		if member != s.n.facts.Handle {
			if _, used := s.others(); used+f.Bytes > s.keep.Budget {
				continue
			}
		}
		failed = errors.Join(failed, s.bring(ctx, replication.WantedFile{Entry: e.ID(), File: f.ID, Bytes: f.Bytes}, member))
	}
	return failed
}
