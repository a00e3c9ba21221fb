package ledger

import (
	"context"
	"crypto/sha256"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"github.com/dgraph-io/badger/v4/y"

	"github.com/dure-net/dure/protocol"
)

// salvage is what can be read in files that were set aside: headers and bodies, by their
// hashes and so beyond doubt, but not whether they may come in. They go through the door
// that everything goes through.
type salvage struct {
	log     *slog.Logger
	dirs    []string // to be marked as taken afterwards
	tail    bool     // nothing but the end of a log
	headers map[digest][]byte
	bodies  map[digest][]byte
	bytes   int
}

// maxSalvageBytes bounds what of damaged files is held in memory. Beyond: bodies are left
// out, and wanted.
const maxSalvageBytes = 512 << 20

// findSalvage reads the directories that were set aside and not taken yet, and the stray
// records of logs; nil if there is nothing.
func findSalvage(home string, tail []record, log *slog.Logger) (*salvage, error) {
	s := &salvage{log: log, headers: map[digest][]byte{}, bodies: map[digest][]byte{}}
	dirs, err := asides(home)
	if err != nil {
		return nil, protocol.Fail(protocol.ReasonHomeUnwritable, "open ledger", err)
	}
	for _, dir := range dirs {
		if _, err := os.Stat(filepath.Join(dir, takenName)); err == nil {
			continue
		}
		s.dirs = append(s.dirs, dir)
		s.directory(dir)
	}
	s.tail = len(s.headers) == 0 && len(s.bodies) == 0
	for _, r := range tail {
		s.take(r.key, r.value)
	}
	if len(s.dirs) == 0 && len(s.headers) == 0 && len(s.bodies) == 0 {
		return nil, nil
	}
	return s, nil
}

// directory reads every table and log below a directory, as far as they can be read.
func (s *salvage) directory(dir string) {
	wait := newPatience()
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil
		}
		ext := filepath.Ext(path)
		if ext != tableSuffix && ext != logSuffix {
			return nil
		}
		b, err := readAll(path)
		if err != nil {
			s.log.Warn("a damaged file cannot be read", "file", path, "err", err)
			return nil
		}
		err = nil
		func() {
			defer caught("read damaged file", &err)
			s.file(b, ext, wait)
		}()
		if err != nil {
			s.log.Warn("a damaged file cannot be read", "file", path, "err", err)
		}
		return nil
	})
}

func (s *salvage) file(b []byte, ext string, wait *patience) {
	if ext == logSuffix {
		x := examineLog(b, wait)
		for _, log := range [][]byte{b, x.whole} {
			if len(log) > logHeadBytes {
				wholeTransactions(log, logHeadBytes, func(_, _ int, txn []record) {
					for _, r := range txn {
						s.take(r.key, r.value)
					}
				})
			}
		}
		for _, r := range x.stray {
			s.take(r.key, r.value)
		}
		return
	}
	rescueTable(b, wait, func(key, value []byte) {
		var v y.ValueStruct
		v.Decode(value)
		s.take(key[:len(key)-timestampSize], v.Value)
	})
}

// take keeps what a key's value holds.
func (s *salvage) take(key, value []byte) {
	if len(key) > 1 && key[0] == keyRepaired {
		key = key[1:]
	}
	if len(key) < 2 || len(value) == 0 {
		return
	}
	switch key[0] {
	case keyRun, keyAside:
		_, _ = runHeaders(value, func(_ int, header []byte) error {
			s.put(s.headers, header)
			return nil
		})
	case keyBody, keyGoverned:
		s.put(s.bodies, value)
	}
}

func (s *salvage) put(in map[digest][]byte, b []byte) {
	id := digest(sha256.Sum256(b))
	if _, known := in[id]; known || s.bytes+len(b) > maxSalvageBytes {
		return
	}
	s.bytes += len(b)
	in[id] = slices.Clone(b)
}

// Salvage hands what could be read of damaged files to the caller's door, as pages that
// continue what is stored, until nothing more of it comes in, and stores wanted bodies
// that were among it. It does nothing where there is nothing. It is called before
// anything is written, and again at the next start if it does not come to its end;
// afterwards Opened tells how the ledger stands to its mark now.
func (l *Ledger) Salvage(ctx context.Context, admit func(protocol.Page) error) (entries int, err error) {
	s := l.salvage
	if s == nil {
		return 0, nil
	}
	if l.c.store.frozen && l.c.space.enough() != nil {
		return 0, nil // there is no room; the next start tries again
	}
	feeds := s.feeds()
	for {
		before := entries
		for id, headers := range feeds {
			n, err := l.salvageFeed(ctx, id, headers, admit)
			if err != nil {
				return entries, err
			}
			entries += n
		}
		if entries == before { // what came in may have let others in
			break
		}
	}
	bodies := 0
	for {
		var batch Batch
		size := 0
		for _, w := range l.Wanted(1 << 30) {
			if b, ok := s.bodies[w.Body.Digest()]; ok && size+len(b) < MaxBatchBytes/2 {
				batch.Bodies, size = append(batch.Bodies, Body{Entry: w.Entry, Data: b}), size+len(b)
			}
		}
		if len(batch.Bodies) == 0 {
			break
		}
		before := l.Stats().Wanted
		if err := l.Put(ctx, batch); err != nil {
			return entries, err
		}
		if l.Stats().Wanted == before {
			break
		}
		bodies += len(batch.Bodies)
	}
	if l.opened.Status == MarkBehind && l.holdsMark(l.opened.Mark) {
		l.opened.Status = MarkAhead
	}
	l.cfg.Logger.Info("what could be read of damaged files stands again", "entries", entries, "bodies", bodies)
	l.salvage = nil
	return entries, s.taken(l.cfg.Dir)
}

// feeds sorts the headers by their feeds and places.
func (s *salvage) feeds() map[protocol.FeedID]map[uint64][]protocol.Entry {
	feeds := map[protocol.FeedID]map[uint64][]protocol.Entry{}
	for _, raw := range s.headers {
		e, err := protocol.DecodeEntry(raw)
		if err != nil {
			continue
		}
		if feeds[e.Feed()] == nil {
			feeds[e.Feed()] = map[uint64][]protocol.Entry{}
		}
		feeds[e.Feed()][e.Seq()] = append(feeds[e.Feed()][e.Seq()], e)
	}
	return feeds
}

// salvageFeed hands on what continues one feed.
func (l *Ledger) salvageFeed(ctx context.Context, id protocol.FeedID, headers map[uint64][]protocol.Entry, admit func(protocol.Page) error) (entries int, err error) {
	for {
		if err := ctx.Err(); err != nil {
			return entries, protocol.Fail(protocol.ReasonCanceled, "salvage", err)
		}
		h, _ := l.Head(id)
		page := protocol.Page{}
		size := 0
		for next, head := h.Count, h.Head; len(page.Entries) < protocol.MaxPage && size < protocol.MaxPageBodyBytes; next++ {
			i := slices.IndexFunc(headers[next], func(e protocol.Entry) bool { return next == 0 || e.Header().Prev == head })
			if i < 0 {
				break
			}
			e := headers[next][i]
			var body []byte
			if b := e.Header().Body; b.Defined() {
				body = l.salvage.bodies[b.Digest()]
			}
			page.Entries, page.Bodies = append(page.Entries, e), append(page.Bodies, body)
			size, head = size+len(body), e.ID()
		}
		if len(page.Entries) == 0 {
			return entries, nil
		}
		err := admit(page)
		switch now, _ := l.Head(id); {
		case now.Count > h.Count:
			entries += int(now.Count - h.Count)
		case protocol.ReasonOf(err) == protocol.ReasonReadOnly, protocol.ReasonOf(err) == protocol.ReasonNotRunning:
			return entries, err
		default:
			if err != nil {
				l.cfg.Logger.Debug("entries of a damaged file were not let in", "feed", id.Short(), "seq", h.Count, "err", err)
			}
			return entries, nil
		}
	}
}

// taken marks the directories as taken, and removes the oldest of those that are.
func (s *salvage) taken(home string) error {
	for _, dir := range s.dirs {
		if err := os.WriteFile(filepath.Join(dir, takenName), []byte("What could be read here stands in the ledger again. This directory can be deleted.\n"), 0o600); err != nil {
			return protocol.Fail(protocol.ReasonHomeUnwritable, "salvage", err)
		}
	}
	return dropTaken(home, asideKept)
}

// dropTaken removes the oldest directories of damaged files that are taken, but so many.
func dropTaken(home string, keep int) error {
	dirs, err := asides(home)
	if err != nil {
		return protocol.Fail(protocol.ReasonHomeUnwritable, "salvage", err)
	}
	dirs = slices.DeleteFunc(dirs, func(dir string) bool {
		_, err := os.Stat(filepath.Join(dir, takenName))
		return err != nil
	})
	for _, dir := range dirs[:max(0, len(dirs)-keep)] {
		if err := os.RemoveAll(dir); err != nil {
			return protocol.Fail(protocol.ReasonHomeUnwritable, "salvage", err)
		}
	}
	return nil
}
