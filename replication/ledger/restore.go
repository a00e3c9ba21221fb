package ledger

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/dure-net/dure/protocol"
)

const metaRestored = "m\x00restored"

// takes is what becomes of a backup's parts as they are read and found right.
type takes struct {
	page    func(page protocol.Page, erased []protocol.EntryID) error
	aside   func(page protocol.Page, erased []protocol.EntryID) error
	setting func(Setting) error
	fork    func(Evidence) error
	counted func(entries uint64)
}

// Paper is a file of the node's home that a backup takes along. None holds a secret.
type Paper struct {
	Name string
	Data []byte
}

// PaperFounding is the name under which the founding act is given along: its block is
// the root of the backup.
const PaperFounding = "founding"

const (
	maxPapers     = 64      // in one backup; beyond: ReasonTooLarge
	maxPapersSize = 4 << 20 // all together; likewise
)

// BackupFile is a backup whose beginning was read: what it is of, and its papers. It is
// for one goroutine, and one of Check and Restore reads the rest.
type BackupFile struct {
	Federation protocol.FederationID
	At         time.Time // by the clock of the machine that made it
	Founding   []byte    // the founding act's bytes; nil: it was not given along
	Papers     []Paper

	// TakeFile is given each file of a record as it was read and found right; nil passes them
	// over. It is set before Restore.
	TakeFile func(File) error

	car    *carReader
	next   note // read already
	before digest
}

// OpenBackup reads the beginning of a backup. What was cut short is ReasonDamaged, what
// is none ReasonMalformed, what a newer program made ReasonTooNew. The papers are as they
// were given along and are not checked, but the founding act hashes to the federation.
func OpenBackup(r io.Reader) (*BackupFile, error) {
	car, err := newCarReader(r)
	if err != nil {
		return nil, err
	}
	b := &BackupFile{Federation: car.root, car: car}
	id, raw, err := car.block()
	if err != nil {
		return nil, err
	}
	if id == car.root {
		b.Founding = raw
		if _, raw, err = car.block(); err != nil {
			return nil, err
		}
	}
	var begun note
	if err := protocol.Decode(raw, &begun); err != nil || begun.Kind != "backup" {
		return nil, protocol.Fail(protocol.ReasonMalformed, "read backup", errors.Join(errors.New("not a backup of a ledger"), err))
	}
	if begun.Format == 0 || begun.Format > backupFormat {
		return nil, protocol.Fail(protocol.ReasonTooNew, "read backup", fmt.Errorf("format %d", begun.Format))
	}
	b.At = time.UnixMilli(begun.At)
	for size := 0; ; {
		if b.next, b.before, err = car.note(); err != nil {
			return nil, err
		}
		if b.next.Kind != "paper" {
			return b, nil
		}
		if size += len(b.next.Data); len(b.Papers) == maxPapers || size > maxPapersSize {
			return nil, protocol.Fail(protocol.ReasonTooLarge, "read backup", errors.New("papers beyond the limit"))
		}
		b.Papers = append(b.Papers, Paper{b.next.Name, b.next.Data})
	}
}

// Paper is the paper of that name; nil where there is none.
func (b *BackupFile) Paper(name string) []byte {
	for _, p := range b.Papers {
		if p.Name == name {
			return p.Data
		}
	}
	return nil
}

// Check reads the rest and checks every hash, every chain, the signatures that endorse
// each run, the counts and the root. A backup that was cut short is ReasonDamaged. It
// needs no ledger. Progress is in entries, its total unknown (0), and may be nil.
func (b *BackupFile) Check(ctx context.Context, progress func(done, total int64)) (Copied, error) {
	return b.read(ctx, takes{
		page:    func(protocol.Page, []protocol.EntryID) error { return nil },
		aside:   func(protocol.Page, []protocol.EntryID) error { return nil },
		setting: func(Setting) error { return nil },
		fork:    func(Evidence) error { return nil },
		counted: counted(progress),
	})
}

func counted(progress func(done, total int64)) func(uint64) {
	return func(entries uint64) {
		if progress != nil {
			progress(int64(entries), 0)
		}
	}
}

// CheckBackup opens and checks a backup. federation may be undefined; otherwise another
// one's backup is ReasonWrongFederation.
func CheckBackup(ctx context.Context, r io.Reader, federation protocol.FederationID) (Copied, error) {
	b, err := OpenBackup(r)
	if err != nil {
		return Copied{}, err
	}
	if federation.Defined() && b.Federation != federation {
		return Copied{}, wrongFederation(b.Federation, federation)
	}
	return b.Check(ctx, nil)
}

// Restore makes a new ledger from a backup.
func Restore(ctx context.Context, cfg Config, r io.Reader, progress func(done, total int64)) (Copied, error) {
	b, err := OpenBackup(r)
	if err != nil {
		return Copied{}, err
	}
	return b.Restore(ctx, cfg, progress)
}

// Restore makes a new ledger from the backup, checking it as Check does. The directory
// must not hold a ledger yet (ReasonHomeExists). The ledger is made beside it, under the
// name with ".restoring", and moved to its place when it is whole: after an error, a
// crash or a power cut the directory is as it was. The mark stays absent and
// Opened.Restored is set from then on: the node must begin a new feed. Progress is in
// entries, its total unknown (0), and may be nil.
func (b *BackupFile) Restore(ctx context.Context, cfg Config, progress func(done, total int64)) (copied Copied, err error) {
	if names, err := os.ReadDir(cfg.Dir); err == nil && len(names) > 0 {
		return copied, &protocol.Error{Reason: protocol.ReasonHomeExists, Op: "restore ledger", ID: cfg.Dir}
	}
	if cfg.Federation.Defined() && cfg.Federation != b.Federation {
		return copied, wrongFederation(b.Federation, cfg.Federation)
	}
	cfg.Federation = b.Federation
	place := cfg.Dir
	cfg.Dir = place + ".restoring"
	unwritable := func(err error) error {
		return protocol.Fail(protocol.ReasonHomeUnwritable, "restore ledger", err)
	}
	if err := os.RemoveAll(cfg.Dir); err != nil { // what an earlier one left
		return copied, unwritable(err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(cfg.Dir))
		}
	}()
	l, err := Open(cfg)
	if err != nil {
		return copied, err
	}
	copied, err = l.fillFrom(ctx, b, progress)
	if err = errors.Join(err, l.Close()); err != nil {
		return copied, err
	}
	if err := os.Remove(place); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return copied, unwritable(err)
	}
	if err := os.Rename(cfg.Dir, place); err != nil {
		return copied, unwritable(err)
	}
	return copied, syncDir(filepath.Dir(place))
}

// inFlight is how many batches a restore has on their way at once.
const inFlight = 32

func (l *Ledger) fillFrom(ctx context.Context, b *BackupFile, progress func(done, total int64)) (Copied, error) {
	var pending []*Commit
	settle := func(left int) error {
		for len(pending) > left {
			if err := pending[0].Wait(ctx); err != nil {
				return err
			}
			pending = pending[1:]
		}
		return nil
	}
	submit := func(b Batch) error {
		pending = append(pending, l.Submit(b))
		return settle(inFlight)
	}
	var erased []protocol.EntryID
	copied, err := b.read(ctx, takes{
		page: func(page protocol.Page, gone []protocol.EntryID) error {
			erased = append(erased, gone...)
			for _, b := range portions(page) {
				if err := submit(b); err != nil {
					return err
				}
			}
			return nil
		},
		aside: func(page protocol.Page, gone []protocol.EntryID) error {
			erased = append(erased, gone...)
			if err := settle(0); err != nil { // what it parts from is looked up on the disk
				return err
			}
			for i, b := range portions(page) {
				if i == 0 {
					b.Branch, b.Pages = &b.Pages[0], nil
				}
				if err := submit(b); err != nil {
					return err
				}
				if err := settle(0); err != nil {
					return err
				}
			}
			return nil
		},
		setting: func(s Setting) error { return submit(Batch{Meta: []Setting{s}}) },
		fork:    func(ev Evidence) error { return submit(Batch{Evidence: []Evidence{ev}}) },
		counted: counted(progress),
	})
	if err = errors.Join(err, settle(0)); err != nil {
		return copied, err
	}
	if err := l.eraseAgain(ctx, erased); err != nil {
		return copied, err
	}
	if got := l.root(l.federation); got != copied.Root {
		return copied, protocol.Fail(protocol.ReasonInternal, "restore ledger", fmt.Errorf("the restored root is %v, the backup's %v", got, copied.Root))
	}
	now := binary.BigEndian.AppendUint64(nil, uint64(l.cfg.Now().UnixMilli()))
	j := &job{commit: &Commit{done: make(chan struct{})}, repair: func(c *committer) error {
		return c.store.commit([]write{{[]byte(metaRestored), now}})
	}}
	l.enqueue(j)
	return copied, j.commit.Wait(ctx)
}

// portions splits a page with large bodies into batches: the page with the bodies that
// fit, then the other bodies, one by one.
func portions(page protocol.Page) []Batch {
	batches := []Batch{{}}
	room := protocol.MaxPageBodyBytes
	for i, body := range page.Bodies {
		if room -= len(body); body != nil && room < 0 {
			batches = append(batches, Batch{Bodies: []Body{{Entry: page.Entries[i].ID(), Data: body}}})
			page.Bodies[i] = nil
		}
	}
	batches[0].Pages = []protocol.Page{page}
	return batches
}

// restoredAt is when the store was made from a backup; zero if it was not.
func (s *store) restoredAt() (at time.Time) {
	_ = s.get([]byte(metaRestored), func(b []byte) error { // absent: never restored
		if len(b) == 8 {
			at = time.UnixMilli(int64(binary.BigEndian.Uint64(b)))
		}
		return nil
	})
	return at
}

func wrongFederation(theirs, ours protocol.FederationID) error {
	return &protocol.Error{Reason: protocol.ReasonWrongFederation, Op: "read backup",
		Args: map[string]string{"theirs": theirs.String(), "ours": ours.String()}}
}

// read reads all that follows the papers.
func (b *BackupFile) read(ctx context.Context, take takes) (Copied, error) {
	var copied Copied
	car, n, before := b.car, b.next, b.before
	feeds := map[protocol.FeedID]*restored{}
	for {
		if err := ctx.Err(); err != nil {
			return copied, protocol.Fail(protocol.ReasonCanceled, "read backup", err)
		}
		var err error
		switch n.Kind {
		case "setting":
			err = take.setting(Setting{Key: n.Name, Value: append([]byte{}, n.Data...)})
		case "fork":
			err = take.fork(Evidence{Feed: n.Feed, Seq: n.Seq, Data: n.Data})
		case "run":
			err = readRun(car, n, feeds, take.page, &copied)
			copied.Entries += n.Count
		case "aside":
			err = readAside(car, n, feeds, take, &copied)
		case "file":
			err = readFile(car, n, b.TakeFile, &copied)
		case "end":
			err = finishBackup(car, n, before, feeds, &copied)
			return copied, err
		default:
			err = protocol.Fail(protocol.ReasonMalformed, "read backup", fmt.Errorf("a note of kind %q", n.Kind))
		}
		if err != nil {
			return copied, err
		}
		take.counted(copied.Entries)
		if n, before, err = car.note(); err != nil {
			return copied, err
		}
	}
}

// restored is a feed as far as it was read.
type restored struct {
	node protocol.PublicKey
	last protocol.Entry
}

// readAside reads a page of a branch. It follows the header that its note brings, and
// what that one is, a restore finds out: the ledger takes nothing that follows nothing.
func readAside(car *carReader, n note, feeds map[protocol.FeedID]*restored, take takes, copied *Copied) error {
	f := feeds[n.Feed]
	before, err := protocol.DecodeEntry(n.Data)
	if err != nil {
		return err
	}
	if f == nil || before.Feed() != n.Feed {
		return protocol.Fail(protocol.ReasonGap, "read backup", errors.New("a branch of nothing"))
	}
	copied.Aside += n.Count
	return readRun(car, n, map[protocol.FeedID]*restored{n.Feed: {node: f.node, last: before}}, take.aside, copied)
}

// readRun reads the headers and bodies that a run note announces, and checks them.
func readRun(car *carReader, n note, feeds map[protocol.FeedID]*restored, take func(protocol.Page, []protocol.EntryID) error, copied *Copied) error {
	if n.Count == 0 || n.Count > protocol.MaxPage {
		return protocol.Fail(protocol.ReasonMalformed, "read backup", fmt.Errorf("a run of %d", n.Count))
	}
	p := protocol.Page{Entries: make([]protocol.Entry, n.Count), Bodies: make([][]byte, n.Count)}
	for i := range p.Entries {
		_, raw, err := car.block()
		if err != nil {
			return err
		}
		if p.Entries[i], err = protocol.DecodeEntry(raw); err != nil {
			return err
		}
	}
	var erased []protocol.EntryID
	for i, e := range p.Entries {
		h := e.Header()
		if n.Erased>>i&1 != 0 {
			erased = append(erased, e.ID())
		}
		if n.Held>>i&1 == 0 {
			continue
		}
		id, raw, err := car.block()
		if err != nil {
			return err
		}
		if id != h.Body || uint64(len(raw)) != h.Size {
			return &protocol.Error{Reason: protocol.ReasonBadHash, Op: "read backup", ID: e.ID().String()}
		}
		p.Bodies[i] = raw
		copied.Bodies++
	}
	if err := endorsed(car.root, p, feeds); err != nil {
		return err
	}
	return take(p, erased)
}

// endorsed checks chain and signatures of a run, and remembers where its feed is now.
func endorsed(federation protocol.FederationID, p protocol.Page, feeds map[protocol.FeedID]*restored) error {
	id := p.Feed()
	f := feeds[id]
	var prev *protocol.Entry
	if f == nil {
		init := p.Entries[0].Header().Init
		if init == nil {
			return protocol.Fail(protocol.ReasonGap, "read backup", errors.New("a feed that does not begin with its inception"))
		}
		f = &restored{node: init.Node}
	} else {
		prev = &f.last
	}
	count, err := protocol.Endorse(federation, f.node, prev, p.Entries)
	if err != nil {
		return err
	}
	if count != len(p.Entries) {
		return protocol.Fail(protocol.ReasonBadSignature, "read backup", nil)
	}
	f.last = p.Entries[count-1]
	feeds[id] = f
	return nil
}

// finishBackup compares what was read with what the end note says.
func finishBackup(car *carReader, n note, before digest, feeds map[protocol.FeedID]*restored, copied *Copied) error {
	lines := make([]protocol.Standing, 0, len(feeds))
	for id, f := range feeds {
		lines = append(lines, protocol.Standing{Feed: id, Count: f.last.Seq() + 1, Head: f.last.ID()})
	}
	copied.Root = protocol.LedgerRoot(car.root, lines)
	copied.Feeds, copied.Bytes = uint64(len(feeds)), car.n
	if string(n.Sum) != string(before[:]) || string(n.Root) != string(copied.Root[:]) ||
		n.Entries != copied.Entries || n.Feeds != copied.Feeds || n.Bodies != copied.Bodies || n.Files != copied.Files {
		return protocol.Fail(protocol.ReasonDamaged, "read backup", errors.New("the backup does not hold what its end note counts"))
	}
	if _, err := car.r.ReadByte(); !errors.Is(err, io.EOF) {
		return protocol.Fail(protocol.ReasonMalformed, "read backup", errors.New("something follows the end note"))
	}
	return nil
}
