package ledger

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/dure-net/dure/protocol"
)

// A scrub reads the whole ledger bit by bit, run after run, and hashes every byte, so
// that damage is found while other nodes still hold what it took. It is Verify cut into
// pieces: its place is kept in a file beside the store and outlives restarts.

const (
	scrubName    = "scrub"
	scrubVersion = 1

	// maxScrubProblems bounds what a pass lists; it counts all.
	maxScrubProblems = 100
)

// Pass is a scrub from the first feed to the last.
type Pass struct {
	Begun, Ended time.Time // Ended is zero while it is under way
	Entries      uint64    // headers read
	Bodies       uint64
	Bytes        uint64
	Damaged      uint64    // problems found, repaired since or not
	Problems     []Problem // the first hundred of them
}

// Scrub is the scrub of one ledger. Its methods are safe for concurrent use.
type Scrub struct {
	l *Ledger

	stepping sync.Mutex // held by Next: one step at a time, whoever asks

	mu   sync.Mutex // guards all below
	now  Pass       // zero Begun: none is under way
	last Pass       // that came to its end
	no   uint32     // the feed that comes next
	seq  uint64     // and from where
}

// Scrub is the scrub of this ledger, one for all that ask.
func (l *Ledger) Scrub() *Scrub { return l.scrub }

// Passes tells the pass under way, with a zero Begun where none is, and the last one
// that came to its end. What the slices point to is shared.
func (s *Scrub) Passes() (now, last Pass) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now, s.last
}

// Restart gives up the pass under way; the next step begins one at the first feed.
func (s *Scrub) Restart() {
	s.stepping.Lock()
	defer s.stepping.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now, s.no, s.seq = Pass{}, 0, 0
}

// Next reads the next stored run with its bodies, at most 64 entries, and returns how
// many bytes it read, what it found, and whether the pass has come to its end. Without a
// pass under way it begins one. What is damaged is wanted or listed for repair
// afterwards. It returns an error only if it could not read on.
func (s *Scrub) Next(ctx context.Context) (bytes uint64, found []Problem, ended bool, err error) {
	s.stepping.Lock()
	defer s.stepping.Unlock()
	if err := ctx.Err(); err != nil {
		return 0, nil, false, protocol.Fail(protocol.ReasonCanceled, "scrub ledger", err)
	}
	s.mu.Lock()
	now := s.l.cfg.Now()
	// A clock that was far ahead when the pass began must not make it the last one.
	if s.now.Begun.IsZero() || s.now.Begun.After(now) {
		if s.now.Begun.IsZero() {
			s.no, s.seq = 1, 0
		}
		s.now.Begun = now
	}
	no, seq := s.no, s.seq
	s.mu.Unlock()

	v := &verifier{Reader: s.l.Reader, ctx: ctx, federation: s.l.federation, progress: func(int64, int64) {}}
	part, last := s.part(no, seq)
	if part != nil {
		if _, err := v.feed(*part); err != nil {
			return 0, nil, false, err
		}
		no, seq = part.no, part.head.Count
	} else {
		ended = true
		s.l.s.mu.RLock()
		next := s.l.s.next
		s.l.s.mu.RUnlock()
		if err := v.log(next); err != nil {
			return 0, nil, false, err
		}
	}
	if last {
		no, seq = no+1, 0
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	s.no, s.seq = no, seq
	s.now.Entries += v.rep.Entries
	s.now.Bodies += v.rep.Bodies
	s.now.Bytes += v.rep.Bytes
	s.now.Damaged += v.rep.Damaged
	room := maxScrubProblems - len(s.now.Problems)
	s.now.Problems = append(s.now.Problems[:len(s.now.Problems):len(s.now.Problems)], v.rep.Problems[:min(room, len(v.rep.Problems))]...)
	if ended {
		s.now.Ended = s.l.cfg.Now()
		s.last, s.now = s.now, Pass{}
	}
	return v.rep.Bytes, v.rep.Problems, ended, nil
}

// part is the stored run that comes next from a place on, as a feed of its own for the
// verifier, and whether it is the last one of its feed; nil beyond the last feed.
func (s *Scrub) part(no uint32, seq uint64) (part *snapshot, last bool) {
	st := s.l.s
	st.mu.RLock()
	defer st.mu.RUnlock()
	for ; st.feedNo(no) != nil; no, seq = no+1, 0 {
		f := st.feedNo(no)
		seq = max(seq, f.base)
		if seq >= f.count {
			continue
		}
		first, count := f.runOf(seq)
		head := f.report()
		last = first+count == f.count
		head.Count = first + count
		return &snapshot{feed: f, head: head, runs: []uint64{first}, part: !last}, last
	}
	return nil, false
}

// Due is when the next step should begin so that a pass takes about period, and no
// earlier than the share of the machine that a scrub may take allows: took is what the
// step before needed. Between two passes it is when the next one begins.
func (s *Scrub) Due(period, took time.Duration) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.l.cfg.Now()
	rest := now.Add(took * (scrubShare - 1))
	if s.now.Begun.IsZero() {
		if s.last.Ended.IsZero() || s.last.Begun.After(now) {
			return rest
		}
		return later(rest, s.last.Begun.Add(period))
	}
	entries := s.l.Stats().Entries
	if entries <= s.now.Entries {
		return rest
	}
	left := s.now.Begun.Add(period).Sub(now)
	if left <= 0 || left > period {
		return rest
	}
	steps := time.Duration(min((entries-s.now.Entries+protocol.MaxPage-1)/protocol.MaxPage, math.MaxInt32))
	return later(rest, now.Add(left/steps))
}

// scrubShare is one part in so many of a core and of the disk's time.
const scrubShare = 20

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// scrubFile is what the file holds.
type scrubFile struct {
	Version int       `json:"version"`
	No      uint32    `json:"feed_number,omitempty"`
	Seq     uint64    `json:"seq,omitempty"`
	Now     *passFile `json:"pass,omitempty"`
	Last    *passFile `json:"last,omitempty"`
}

type passFile struct {
	Begun    time.Time     `json:"begun"`
	Ended    time.Time     `json:"ended,omitzero"`
	Entries  uint64        `json:"entries"`
	Bodies   uint64        `json:"bodies"`
	Bytes    uint64        `json:"bytes"`
	Damaged  uint64        `json:"damaged"`
	Problems []problemFile `json:"problems,omitempty"`
}

type problemFile struct {
	ID     string `json:"id"`
	Reason string `json:"reason"`
	Detail string `json:"detail,omitempty"`
	Feed   string `json:"feed,omitempty"`
	From   uint64 `json:"from,omitempty"`
	Count  uint64 `json:"count,omitempty"`
	Body   bool   `json:"body,omitempty"`
	No     uint32 `json:"feed_number,omitempty"`
}

func (p Pass) file() *passFile {
	if p.Begun.IsZero() {
		return nil
	}
	out := &passFile{Begun: p.Begun, Ended: p.Ended, Entries: p.Entries, Bodies: p.Bodies, Bytes: p.Bytes, Damaged: p.Damaged}
	for _, q := range p.Problems {
		f := problemFile{ID: q.ID, Reason: q.Reason.String(), Detail: q.Detail, From: q.From, Count: q.Count, Body: q.Body, No: q.No}
		if q.Feed.Defined() {
			f.Feed = q.Feed.String()
		}
		out.Problems = append(out.Problems, f)
	}
	return out
}

func (f *passFile) pass() Pass {
	if f == nil {
		return Pass{}
	}
	p := Pass{Begun: f.Begun, Ended: f.Ended, Entries: f.Entries, Bodies: f.Bodies, Bytes: f.Bytes, Damaged: f.Damaged}
	for _, q := range f.Problems[:min(len(f.Problems), maxScrubProblems)] {
		out := Problem{ID: q.ID, Reason: protocol.ParseReason(q.Reason), Detail: q.Detail, From: q.From, Count: q.Count, Body: q.Body, No: q.No}
		if feed, err := protocol.ParseCID(q.Feed); err == nil {
			out.Feed = feed
		}
		p.Problems = append(p.Problems, out)
	}
	return p
}

// Save writes the place down. Without it the steps since the last time are done again
// after a restart, and nothing else is lost.
func (s *Scrub) Save() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	raw, err := json.Marshal(scrubFile{Version: scrubVersion, No: s.no, Seq: s.seq, Now: s.now.file(), Last: s.last.file()})
	if err != nil {
		return protocol.Fail(protocol.ReasonInternal, "save scrub", err)
	}
	return replaceFile(filepath.Join(s.l.cfg.Dir, scrubName), raw)
}

// loadScrub reads the place; a file that is missing, or cannot be read, begins anew.
func loadScrub(l *Ledger) *Scrub {
	s := &Scrub{l: l}
	raw, err := os.ReadFile(filepath.Join(l.cfg.Dir, scrubName))
	var f scrubFile
	if err != nil || json.Unmarshal(raw, &f) != nil || f.Version != scrubVersion {
		return s
	}
	s.now, s.last, s.no, s.seq = f.Now.pass(), f.Last.pass(), f.No, f.Seq
	if s.now.Begun.IsZero() {
		s.no, s.seq = 0, 0
	}
	return s
}

// replaceFile writes a small file beside its place, syncs and renames it.
func replaceFile(path string, content []byte) error {
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err == nil {
		_, err = f.Write(content)
		if serr := f.Sync(); err == nil {
			err = serr
		}
		if cerr := f.Close(); err == nil {
			err = cerr
		}
	}
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		_ = os.Remove(path + ".new") // on a full disk its bytes are wanted
		return protocol.Fail(protocol.ReasonHomeUnwritable, "write "+filepath.Base(path), err)
	}
	return syncDir(filepath.Dir(path))
}
