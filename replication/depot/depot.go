// Package depot owns the files of records on this disk: their manifests and chunks, whole
// or on their way. It never decides which files are wanted, for how long or for whom,
// knows no record and no network, and nothing in it is part of the ledger or its root.
//
// # On the disk
//
// One directory, and in it for each file, under its id:
//
//	ID.manifest   the manifest: first to come, last to go
//	ID.part       chunks at their places, some of them missing or wrong
//	ID            the file, whole when it was put here
//	ID.new        empty: put here by a person of this node, and no record names it yet
//	ID.names      entries that name it, one a line: hints for whoever looks whether one still does
//	upload-*      being put here; what a crash leaves of it goes at the next start
//
// # Why not in the ledger's store
//
// The ledger's bodies lie in a log-structured store that rewrites what it merges: ten
// gigabytes of photographs would be written again and again, and each one dropped would
// cost the rewriting of a table. A file that is removed is gone at once, and so are its
// bytes; one that is read is sent as it lies.
//
// # What is promised
//
// Every chunk is hashed again whenever it is read: nothing is served that is not what its
// manifest names. A chunk found wrong is missing from then on, and can be put again; a
// manifest found wrong is made again from the file, where that is whole. Which chunks of
// an unfinished file are here is found out by hashing, so a crash or a power cut in the
// middle costs no more than what was not on the disk yet. What Keep acknowledged is
// synced; chunks that came from elsewhere are synced when the last one has come.
package depot

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dure-net/dure/protocol"
)

// Config is what a depot needs.
type Config struct {
	Dir   string                 // its own directory; made when the first file comes
	Floor uint64                 // free bytes below which nothing is put here
	Free  func() (uint64, error) // free bytes on its disk
	Now   func() time.Time       // nil: time.Now; stamps when a file was last used
	Log   *slog.Logger           // nil: discards
}

// Depot holds files. Its methods are safe for concurrent use.
type Depot struct {
	cfg Config

	mu    sync.Mutex // guards files and what they point to
	files map[protocol.CID]*entry
}

// entry is what is known of a file that is here, wholly or in part.
type entry struct {
	bytes uint64 // that lie on the disk
	whole bool
	fresh bool // no record named it yet
	used  time.Time
	here  []bool // of a file that is not whole: its chunks; nil while that was not looked at
}

const (
	suffixManifest = ".manifest"
	suffixPart     = ".part"
	suffixNew      = ".new"
	suffixNames    = ".names"
	uploadPrefix   = "upload-"

	dirMode  = 0o700
	fileMode = 0o600
)

// Open finds what lies in the directory. It reads names alone, and removes what a crash
// left of files that were being put here.
func Open(cfg Config) (*Depot, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	d := &Depot{cfg: cfg, files: map[protocol.CID]*entry{}}
	names, err := os.ReadDir(cfg.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, protocol.Fail(protocol.ReasonHomeUnwritable, "open depot", err)
	}
	for _, n := range names {
		if strings.HasPrefix(n.Name(), uploadPrefix) {
			if err := os.Remove(d.path(n.Name())); err != nil {
				cfg.Log.Warn("what was left of a file could not be removed", "file", n.Name(), "err", err)
			}
			continue
		}
		name, suffix, _ := strings.Cut(n.Name(), ".")
		id, err := protocol.ParseCID(name)
		if err != nil {
			continue // not ours
		}
		info, err := n.Info()
		if err != nil {
			continue // gone meanwhile
		}
		e := d.files[id]
		if e == nil {
			e = &entry{}
			d.files[id] = e
		}
		switch "." + suffix {
		case ".": // beside a part that a crash left, the whole file has the last word
			e.whole, e.used = true, info.ModTime()
			e.bytes += uint64(info.Size())
		case suffixPart:
			e.bytes += uint64(info.Size())
			if e.used.IsZero() {
				e.used = info.ModTime()
			}
		case suffixManifest:
			e.bytes += uint64(info.Size())
			if e.used.IsZero() {
				e.used = info.ModTime()
			}
		case suffixNew:
			e.fresh = true
		}
	}
	return d, nil
}

func (d *Depot) path(name string) string { return filepath.Join(d.cfg.Dir, name) }

func (d *Depot) name(id protocol.CID, suffix string) string { return d.path(id.String() + suffix) }

// Held is what lies here of a file.
type Held struct {
	ID    protocol.CID
	Bytes uint64 // on the disk, manifest and unfinished chunks included
	Whole bool   // every chunk was here when it was last looked at
	Fresh bool   // put here by a person of this node, and not named since
	Used  time.Time
}

// List lists the files, those not used for longest first. The slice is the caller's.
func (d *Depot) List() []Held {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := make([]Held, 0, len(d.files))
	for id, e := range d.files {
		out = append(out, Held{id, e.bytes, e.whole, e.fresh, e.used})
	}
	slices.SortFunc(out, func(a, b Held) int {
		if c := a.Used.Compare(b.Used); c != 0 {
			return c
		}
		return strings.Compare(a.ID.KeyString(), b.ID.KeyString())
	})
	return out
}

// Held is what lies here of one file; false where nothing does.
func (d *Depot) Held(id protocol.CID) (Held, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e := d.files[id]
	if e == nil {
		return Held{}, false
	}
	return Held{id, e.bytes, e.whole, e.fresh, e.used}, true
}

// usedEvery is how exactly the time of the last use is kept on the disk.
const usedEvery = time.Hour

// Use notes that a file was used.
func (d *Depot) Use(id protocol.CID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e, now := d.files[id], d.cfg.Now()
	if e == nil || now.Sub(e.used) < usedEvery && e.used.Before(now) {
		return
	}
	e.used = now
	name := d.name(id, "")
	if !e.whole {
		name = d.name(id, suffixPart)
	}
	_ = os.Chtimes(name, now, now) // eviction takes the file a little earlier
}

// maxNotes bounds the entries noted of one file: it is named by the versions of a record,
// and by few records. Beyond: the oldest are forgotten, and found again where it matters.
const maxNotes = 64

// Note notes that an entry names the file: it is not fresh any more. A file that is not
// here is passed over.
func (d *Depot) Note(id protocol.CID, by protocol.EntryID) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	e := d.files[id]
	if e == nil {
		return nil
	}
	notes := d.notes(id)
	if !slices.Contains(notes, by) {
		notes = append(notes, by)
		var text strings.Builder
		for _, n := range notes[max(0, len(notes)-maxNotes):] {
			text.WriteString(n.String() + "\n")
		}
		if err := d.replace(d.name(id, suffixNames), []byte(text.String())); err != nil {
			return err
		}
	}
	if !e.fresh {
		return nil
	}
	if err := remove(d.name(id, suffixNew)); err != nil {
		return err
	}
	e.fresh = false
	return nil
}

// Notes lists the entries that were noted of a file. They are hints: an entry may not
// stand any more, and others may name the file too. The slice is the caller's.
func (d *Depot) Notes(id protocol.CID) []protocol.EntryID {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.notes(id)
}

func (d *Depot) notes(id protocol.CID) (out []protocol.EntryID) {
	text, err := readBounded(d.name(id, suffixNames), 2*maxNotes*64)
	if err != nil {
		return nil
	}
	for _, line := range strings.Fields(string(text)) {
		if by, err := protocol.ParseCID(line); err == nil { // what is damaged is no hint
			out = append(out, by)
		}
	}
	return out
}

// Drop removes files, and returns when their bytes lie in no file any more. Those that
// are not here are passed over.
func (d *Depot) Drop(ids ...protocol.CID) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	dropped := false
	for _, id := range ids {
		if d.files[id] == nil {
			continue
		}
		for _, suffix := range []string{"", suffixPart, suffixNew, suffixNames, suffixManifest} {
			if err := remove(d.name(id, suffix)); err != nil {
				return err
			}
		}
		delete(d.files, id)
		dropped = true
	}
	if !dropped {
		return nil
	}
	return syncDir(d.cfg.Dir)
}

func remove(name string) error {
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return unwritable(err)
	}
	return nil
}

func unwritable(err error) error {
	return protocol.Fail(protocol.ReasonHomeUnwritable, "keep file", err)
}

// syncDir makes names durable. Windows has no such call, and needs none.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(dir)
	if err != nil {
		return unwritable(err)
	}
	err = f.Sync()
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return unwritable(err)
	}
	return nil
}
