package node

import (
	"context"
	"io"
	"time"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/restore"
	"github.com/dure-net/dure/replication"
	"github.com/dure-net/dure/replication/ledger"
)

// FloorFor is the free space below which nothing new is accepted on a disk of this size
// where none is set.
func FloorFor(total uint64) uint64 { return ledger.FloorFor(total) }

// Verify implements api.Keeper.
func (n *Node) Verify(ctx context.Context, progress func(api.Progress)) (api.VerifyReport, error) {
	rep, err := n.ledger.Verify(ctx, api.Counting("verify", progress))
	if err != nil {
		return api.VerifyReport{}, err
	}
	out := api.VerifyReport{OK: rep.Clean(), Entries: rep.Entries, Bodies: rep.Bodies, Feeds: uint64(rep.Feeds), Bytes: rep.Bytes, Damaged: rep.Damaged}
	out.Damage, out.Repaired = n.mend(ctx, rep.Problems, progress)
	files, err := n.shelf.check(ctx, "verify", progress)
	if err != nil {
		return api.VerifyReport{}, err
	}
	out.OK, out.Files, out.FileBytes = out.OK && files.damaged == 0, files.files, files.bytes
	out.Damage = append(out.Damage, files.damage...)
	out.Damaged, out.Repaired = out.Damaged+files.damaged, out.Repaired+files.repaired
	out.Wanted, out.Root = uint64(n.ledger.Stats().Wanted), n.replica.Root().String()
	return out, nil
}

// Export implements api.Keeper.
func (n *Node) Export(ctx context.Context, w io.Writer, progress func(api.Progress)) (api.ExportReport, error) {
	b, err := n.replica.Bundles().Export(ctx, w, func(p replication.Progress) {
		if progress != nil {
			progress(api.Progress{Step: "export", Done: p.Done, Total: p.Total, Unit: "entries"})
		}
	})
	if err != nil {
		return api.ExportReport{}, err
	}
	return api.ExportReport{Root: b.Root.String(), Entries: b.Entries, Bodies: b.Bodies, Feeds: uint64(b.Feeds), Bytes: b.Bytes}, nil
}

// Import implements api.Keeper.
func (n *Node) Import(ctx context.Context, r io.Reader, progress func(api.Progress)) (api.ImportReport, error) {
	b, err := n.replica.Bundles().Import(ctx, r, func(p replication.Progress) {
		if progress != nil {
			progress(api.Progress{Step: "import", Done: p.Done, Total: p.Total, Unit: "entries"})
		}
	})
	if err != nil {
		return api.ImportReport{}, err
	}
	n.indexed(ctx, history{n}.Newest()) // who imported looks at it next
	out := api.ImportReport{Root: n.replica.Root().String(), Read: b.Entries, New: b.New, Bodies: b.Bodies, Bytes: b.Bytes}
	for reason, count := range b.Refused {
		if out.Refused == nil {
			out.Refused = map[string]uint64{}
		}
		out.Refused[reason.String()] = count
	}
	return out, nil
}

// Backup implements api.Keeper.
func (n *Node) Backup(ctx context.Context, w io.Writer, progress func(api.Progress)) (api.BackupReport, error) {
	papers, err := restore.Papers(n.home, n.papers)
	if err != nil {
		return api.BackupReport{}, err
	}
	rep, err := n.ledger.BackupWith(ctx, w, api.Counting("backup", progress), n.shelf.carried(), papers...)
	if err != nil {
		return api.BackupReport{}, err
	}
	out := restore.Report(rep)
	out.Federation, out.Handle, out.At = n.federation.String(), n.facts.Handle, n.opts.Now().UTC().Truncate(time.Millisecond)
	return out, nil
}
