package backup

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dure-net/dure/protocol"
)

// A dated backup is called dure-<handle>-<time>.backup, with .age behind where it is
// encrypted. The time is UTC, so that names sort by age.
const (
	prefix  = "dure-"
	suffix  = ".backup"
	sealed  = ".age"
	stamp   = "20060102T150405Z"
	partAge = 24 * time.Hour
)

// Dated is one of the backups of a directory.
type Dated struct {
	Name string    // of the file, without the directory
	Time time.Time // by its name
	Size int64
}

// Name is what the backup of a member at a time is called.
func Name(handle string, at time.Time, s Seal) string {
	name := prefix + handle + "-" + at.UTC().Format(stamp) + suffix
	if !s.Plain() {
		name += sealed
	}
	return name
}

func timeOf(name, handle string) (time.Time, bool) {
	rest, ok := strings.CutPrefix(name, prefix+handle+"-")
	rest = strings.TrimSuffix(rest, sealed)
	rest, whole := strings.CutSuffix(rest, suffix)
	if !ok || !whole {
		return time.Time{}, false
	}
	at, err := time.Parse(stamp, rest)
	return at, err == nil
}

// List finds the dated backups of a member in a directory, oldest first. A directory
// that is not there holds none.
func List(dir, handle string) ([]Dated, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, unreadable(dir, err)
	}
	var out []Dated
	for _, e := range entries {
		at, ok := timeOf(e.Name(), handle)
		if !ok || !e.Type().IsRegular() {
			continue
		}
		d := Dated{Name: e.Name(), Time: at}
		if info, err := e.Info(); err == nil {
			d.Size = info.Size()
		}
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b Dated) int { return a.Time.Compare(b.Time) })
	return out, nil
}

// Prune deletes the oldest dated backups of a member beyond keep, and what processes
// that were killed left of backups they never finished. Nothing else in the directory
// is touched, fresh never is, and keep below 1 deletes nothing. It returns the names of
// the backups that went.
func Prune(dir, handle, fresh string, keep int, now time.Time) (deleted []string, err error) {
	if keep < 1 {
		return nil, nil
	}
	all, err := List(dir, handle)
	if err != nil {
		return nil, err
	}
	// The clock that named them may have been wrong: the one that was just made stays,
	// whatever the others are called.
	all = slices.DeleteFunc(all, func(d Dated) bool { return d.Name == fresh })
	for len(all) > max(keep-1, 0) {
		oldest := all[0]
		if err := os.Remove(filepath.Join(dir, oldest.Name)); err != nil {
			return deleted, unreadable(dir, err)
		}
		deleted, all = append(deleted, oldest.Name), all[1:]
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return deleted, unreadable(dir, err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), "."+prefix+handle+"-") || !strings.HasSuffix(e.Name(), part) {
			continue
		}
		if info, err := e.Info(); err == nil && now.Sub(info.ModTime()) > partAge {
			_ = os.Remove(filepath.Join(dir, e.Name())) // the next one tries again
		}
	}
	return deleted, nil
}

func unreadable(dir string, err error) error {
	return &protocol.Error{Reason: protocol.ReasonHomeUnwritable, Op: "look after backups", ID: dir, Args: map[string]string{"path": dir}, Err: err}
}
