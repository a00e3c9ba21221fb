package ledger

import (
	"context"
	"io"
	"math"
	"slices"

	"github.com/dure-net/dure/protocol"
)

// Copied counts what a backup holds.
type Copied struct {
	Root    protocol.Root // of the copy, forks and cuts apart
	Entries uint64
	Feeds   uint64
	Bodies  uint64
	Bytes   uint64
	Damaged uint64 // feeds and branches whose rest could not be read and is not in the backup
	Aside   uint64 // entries of branches set aside
	Files   uint64 // files of records
}

// Backup writes a copy of everything: headers, bodies held, what was erased, branches set
// aside, evidence and settings, and beside them what the caller gives along: the papers
// of which a home can be made again. The ledger can be in use meanwhile; what comes later
// may or may not be part of the copy, which is whole in itself. The mark is not copied: a
// restored ledger may have forgotten what was signed since, so its node begins a new
// feed. Progress is in entries and may be nil.
func (l *Ledger) Backup(ctx context.Context, w io.Writer, progress func(done, total int64), along ...Paper) (Copied, error) {
	return l.BackupWith(ctx, w, progress, nil, along...)
}

// BackupWith is Backup with files of records, which the ledger does not hold. A file of
// which a chunk cannot be read is left out and counts as damaged.
func (l *Ledger) BackupWith(ctx context.Context, w io.Writer, progress func(done, total int64), files []File, along ...Paper) (Copied, error) {
	var copied Copied
	var founding []byte
	for i, p := range along {
		if p.Name == PaperFounding {
			founding, along = p.Data, slices.Delete(slices.Clone(along), i, i+1)
			break
		}
	}
	if founding != nil && protocol.Sum(founding) != l.federation {
		return copied, protocol.Fail(protocol.ReasonWrongFederation, "write backup", nil)
	}
	car, err := newCarWriter(w, l.federation)
	if err != nil {
		return copied, err
	}
	feeds := l.Feeds()
	var aside []Branch
	for _, f := range feeds {
		aside = append(aside, l.Branches(f.Feed)...)
	}
	format := uint64(backupPlain) // also for programs that do not know branches and papers
	switch {
	case len(files) > 0:
		format = backupFormat
	case founding != nil || len(along) > 0:
		format = backupPapers
	case len(aside) > 0:
		format = backupAside
	}
	if founding != nil {
		car.section(l.federation, founding)
	}
	if err := car.note(note{Kind: "backup", Format: format, At: l.cfg.Now().UnixMilli()}); err != nil {
		return copied, err
	}
	for _, p := range along {
		if len(p.Data) > MaxMetaBytes {
			return copied, &protocol.Error{Reason: protocol.ReasonTooLarge, Op: "write backup", Field: p.Name}
		}
		if err := car.note(note{Kind: "paper", Name: p.Name, Data: p.Data}); err != nil {
			return copied, err
		}
	}
	if err := l.backupNotes(car); err != nil {
		return copied, err
	}
	total := int64(l.Stats().Entries)
	var lines []protocol.Standing
	for _, f := range feeds {
		line := protocol.Standing{Feed: f.Feed}
		for line.Count < f.Count {
			if err := ctx.Err(); err != nil {
				return copied, protocol.Fail(protocol.ReasonCanceled, "write backup", err)
			}
			raw, err := l.Raw(f.Feed, line.Count, protocol.MaxPage, math.MaxInt)
			if err != nil || len(raw.Headers) == 0 {
				copied.Damaged++ // listed by Damaged
				break
			}
			if err := l.backupRun(car, note{Kind: "run"}, raw, &copied); err != nil {
				return copied, err
			}
			copied.Entries += uint64(len(raw.Headers))
			line.Count += uint64(len(raw.Headers))
			line.Head = protocol.Sum(raw.Headers[len(raw.Headers)-1])
			if progress != nil {
				progress(int64(copied.Entries), max(total, int64(copied.Entries)))
			}
		}
		if line.Count > 0 {
			copied.Feeds++
			lines = append(lines, line)
		}
	}
	for _, b := range aside {
		if err := l.backupBranch(ctx, car, b, &copied); err != nil {
			return copied, err
		}
	}
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return copied, protocol.Fail(protocol.ReasonCanceled, "write backup", err)
		}
		if err := backupFile(car, f, &copied); err != nil {
			return copied, err
		}
	}
	copied.Root = protocol.LedgerRoot(l.federation, lines)
	err = car.end(note{Files: copied.Files, Root: copied.Root[:], Entries: copied.Entries, Feeds: copied.Feeds, Bodies: copied.Bodies})
	copied.Bytes = car.n
	return copied, err
}

func (l *Ledger) backupNotes(car *carWriter) error {
	settings, err := l.Settings("")
	if err != nil {
		return err
	}
	for _, s := range settings {
		if err := car.note(note{Kind: "setting", Name: s.Key, Data: s.Value}); err != nil {
			return err
		}
	}
	evidence, err := l.Evidence()
	if err != nil {
		return err
	}
	for _, ev := range evidence {
		if err := car.note(note{Kind: "fork", Feed: ev.Feed, Seq: ev.Seq, Data: ev.Data}); err != nil {
			return err
		}
	}
	return nil
}

// backupBranch writes what was set aside, each page behind the header that it follows.
func (l *Ledger) backupBranch(ctx context.Context, car *carWriter, b Branch, copied *Copied) error {
	before, err := l.BranchEntry(b.First, b.Base-1)
	for at := b.Base; err == nil && at < b.Count; {
		if err := ctx.Err(); err != nil {
			return protocol.Fail(protocol.ReasonCanceled, "write backup", err)
		}
		raw, rerr := l.rawAside(b.First, at, protocol.MaxPage, math.MaxInt)
		if rerr != nil || len(raw.Headers) == 0 {
			err = errRun
			break
		}
		if err := l.backupRun(car, note{Kind: "aside", Data: before.Bytes()}, raw, copied); err != nil {
			return err
		}
		at += uint64(len(raw.Headers))
		copied.Aside += uint64(len(raw.Headers))
		before, err = protocol.DecodeEntry(raw.Headers[len(raw.Headers)-1])
	}
	if err != nil {
		copied.Damaged++ // listed by Damaged
	}
	return nil
}

func (l *Ledger) backupRun(car *carWriter, n note, raw Raw, copied *Copied) error {
	n.Feed, n.Seq, n.Count = raw.Feed, raw.From, uint64(len(raw.Headers))
	for i, body := range raw.Bodies {
		if body != nil {
			n.Held |= 1 << i
			copied.Bodies++
		} else if l.IsErased(protocol.Sum(raw.Headers[i])) {
			n.Erased |= 1 << i
		}
	}
	if err := car.note(n); err != nil {
		return err
	}
	for _, h := range raw.Headers {
		car.section(protocol.Sum(h), h)
	}
	for _, b := range raw.Bodies {
		if b != nil {
			car.section(protocol.Sum(b), b)
		}
	}
	if car.err != nil {
		return protocol.Fail(protocol.ReasonHomeUnwritable, "write backup", car.err)
	}
	return nil
}
