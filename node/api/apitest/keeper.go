package apitest

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/dure-net/dure/node/api"
)

// Verify implements api.Keeper.
func (b *Backend) Verify(_ context.Context, progress func(api.Progress)) (api.VerifyReport, error) {
	if progress != nil {
		for i := range uint64(3) {
			progress(api.Progress{Step: "verify", Done: i + 1, Total: 3, Unit: "entries"})
		}
	}
	if err := b.see("Verify", nil); err != nil {
		return api.VerifyReport{}, err
	}
	return api.VerifyReport{OK: true, Entries: 48213, Bodies: 48000, Feeds: 7, Root: strings.Repeat("b", 52)}, nil
}

// Scrub implements api.Keeper.
func (b *Backend) Scrub(_ context.Context, again bool, progress func(api.Progress)) (api.ScrubReport, error) {
	if progress != nil {
		progress(api.Progress{Step: "scrub", Done: 3, Total: 3, Unit: "entries"})
	}
	if err := b.see("Scrub", again); err != nil {
		return api.ScrubReport{}, err
	}
	return api.ScrubReport{Begun: b.Now.Add(-time.Hour), Ended: b.Now, Entries: 48213, Bodies: 48000, Damaged: 1, Repaired: 1,
		Damage: []api.Damage{{ID: strings.Repeat("b", 52), Code: "damaged", Member: "kr-seoul", Repaired: true}}}, nil
}

// Export implements api.Keeper.
func (b *Backend) Export(_ context.Context, w io.Writer, _ func(api.Progress)) (api.ExportReport, error) {
	n, err := b.write("Export", w)
	return api.ExportReport{Root: strings.Repeat("b", 52), Entries: 7, Bytes: n}, err
}

// Backup implements api.Keeper.
func (b *Backend) Backup(_ context.Context, w io.Writer, _ func(api.Progress)) (api.BackupReport, error) {
	n, err := b.write("Backup", w)
	return api.BackupReport{Root: strings.Repeat("b", 52), Entries: 7, Bytes: n}, err
}

func (b *Backend) write(method string, w io.Writer) (uint64, error) {
	if err := b.see(method, nil); err != nil {
		return 0, err
	}
	n, err := w.Write(b.Bundle)
	return uint64(n), errors.Join(err, b.Broken)
}

// Import implements api.Keeper.
func (b *Backend) Import(_ context.Context, r io.Reader, _ func(api.Progress)) (api.ImportReport, error) {
	raw, err := io.ReadAll(r)
	if err != nil {
		return api.ImportReport{}, err
	}
	if err := b.see("Import", raw); err != nil {
		return api.ImportReport{}, err
	}
	return api.ImportReport{Root: strings.Repeat("b", 52), Read: 7, New: 2, Bytes: uint64(len(raw)), Refused: map[string]uint64{"known": 5}}, nil
}

// ExportRecords implements api.Keeper.
func (b *Backend) ExportRecords(_ context.Context, w io.Writer, q api.ExportQuery, _ func(api.Progress)) (api.ExportReport, error) {
	n, err := b.write("ExportRecords", w)
	return api.ExportReport{Format: q.Format, AsOf: q.AsOf, Root: strings.Repeat("b", 52), Records: 7, Bytes: n}, err
}
