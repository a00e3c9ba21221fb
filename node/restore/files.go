package restore

import (
	"bytes"
	"context"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/replication/depot"
	"github.com/dure-net/dure/replication/ledger"
)

// takeFiles puts the files of a backup into a depot. They count for nothing until the
// ledger that names them is in its place; if it never comes there, they go like all that
// nothing names.
func takeFiles(ctx context.Context, dir, disk string) (func(ledger.File) error, error) {
	d, err := depot.Open(depot.Config{Dir: dir, Free: func() (uint64, error) { return ledger.FreeOn(disk) }})
	if err != nil {
		return nil, err
	}
	return func(f ledger.File) error {
		if held, ok := d.Held(f.ID); ok && held.Whole && d.Read(ctx, f.ID) == nil {
			return nil
		}
		m, err := protocol.DecodeManifest(f.ID, f.Manifest)
		if err != nil {
			return err
		}
		var whole bytes.Buffer
		for i := range m.Chunks {
			chunk, err := f.Chunk(i)
			if err != nil {
				return err
			}
			whole.Write(chunk)
		}
		staged, err := d.Stage(ctx, &whole)
		if err != nil {
			return err
		}
		if err := staged.Keep(len(f.Names) == 0); err != nil {
			return err
		}
		for _, by := range f.Names {
			if err := d.Note(f.ID, by); err != nil {
				return err
			}
		}
		return nil
	}, nil
}
