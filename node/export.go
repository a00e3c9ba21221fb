package node

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/export"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// exportPatience bounds the wait for lists that are being built: an export of half of them
// would look like a whole one.
const exportPatience = time.Minute

// ExportRecords implements api.Keeper.
func (n *Node) ExportRecords(ctx context.Context, w io.Writer, q api.ExportQuery, progress func(api.Progress)) (api.ExportReport, error) {
	if q.AsOf == "" {
		q.AsOf = n.opts.Now().UTC().Format(time.DateOnly)
	} else if _, err := time.Parse(time.DateOnly, q.AsOf); err != nil {
		return api.ExportReport{}, &protocol.Error{Reason: protocol.ReasonUsage, Op: "export", Field: "as_of", Err: err}
	}
	types := record.Types()
	for _, t := range q.Types {
		if !slices.Contains(types, t) {
			return api.ExportReport{}, &protocol.Error{Reason: protocol.ReasonUsage, Op: "export", Field: "type",
				Args: map[string]string{"value": t, "want": strings.Join(types, ", ")}}
		}
	}
	if len(q.Types) > 0 {
		types = q.Types
	}
	if q.Record != "" {
		return n.exportOne(w, q)
	}
	lines, root := n.replica.Feeds().Frontier()
	out, err := export.New(q.Format, w, export.Head{Federation: n.federation.String(), Names: n.replica.State().Names(), Root: root.String(), AsOf: q.AsOf, Lang: q.Lang})
	if err != nil {
		return api.ExportReport{}, err
	}
	if !n.follower.Await(ctx, n.ledger.Stats().Next-1, exportPatience) {
		return api.ExportReport{}, protocol.Fail(protocol.ReasonBusy, "export", errors.New("the lists are still being built"))
	}
	report := api.ExportReport{Format: q.Format, AsOf: q.AsOf, Root: root.String()}
	var total uint64
	for _, line := range lines {
		total += line.Count
	}
	for _, line := range lines {
		if line.Count > 0 {
			report.Feeds++
		}
		for from := uint64(0); from < line.Count; {
			if err := ctx.Err(); err != nil {
				return report, protocol.Fail(protocol.ReasonCanceled, "export", err)
			}
			page, err := n.ledger.Page(line.Feed, from, int(min(line.Count-from, protocol.MaxPage)), 0)
			if err != nil {
				return report, err
			}
			if len(page.Entries) == 0 {
				return report, protocol.Fail(protocol.ReasonDamaged, "export", nil)
			}
			for _, e := range page.Entries {
				h := e.Header()
				if !h.Kind.IsRecord() || h.Of.Defined() || !slices.Contains(types, h.Kind.String()) {
					continue
				}
				if err := n.exportRecord(out, e.ID(), q, &report); err != nil {
					return report, err
				}
			}
			from += uint64(len(page.Entries))
			report.Entries += uint64(len(page.Entries))
			if progress != nil {
				progress(api.Progress{Step: "export", Done: report.Entries, Total: total, Unit: "entries"})
			}
		}
	}
	if err := out.Close(); err != nil {
		return report, err
	}
	report.Moved = n.replica.Root() != root
	return report, nil
}

// exportOne writes one record, or one agreement as linked data.
func (n *Node) exportOne(w io.Writer, q api.ExportQuery) (api.ExportReport, error) {
	row, err := n.lookup(q.Record)
	if err != nil {
		return api.ExportReport{}, err
	}
	_, root := n.replica.Feeds().Frontier()
	report := api.ExportReport{Format: q.Format, AsOf: q.AsOf, Root: root.String()}
	if row.Kind == protocol.KindProposal && q.Format == "jsonld" {
		t, err := n.desk.Thread(row.Record.String(), record.Day(q.AsOf))
		if err != nil {
			return report, err
		}
		one, err := n.showThread(&t, record.Day(q.AsOf))
		if err != nil {
			return report, err
		}
		raw, err := export.Document(export.Agreement(n.federation.String(), one)...)
		if err == nil {
			_, err = w.Write(raw)
		}
		report.Records = 1
		return report, err
	}
	if !row.Kind.IsRecord() {
		return report, &protocol.Error{Reason: protocol.ReasonNotFound, Op: "export", ID: row.Record.String(), Args: map[string]string{"ref": q.Record}}
	}
	out, err := export.New(q.Format, w, export.Head{Federation: n.federation.String(), Names: n.replica.State().Names(), Root: root.String(), AsOf: q.AsOf, Lang: q.Lang})
	if err != nil {
		return report, err
	}
	if err := n.exportRecord(out, row.Record, q, &report); err != nil {
		return report, err
	}
	return report, out.Close()
}

func (n *Node) exportRecord(out export.Writer, id protocol.RecordID, q api.ExportQuery, report *api.ExportReport) error {
	row, ok, err := n.index.Record(id)
	if err != nil || !ok || q.Member != "" && row.Member != q.Member {
		return err
	}
	shown, err := n.show(row)
	if err != nil {
		return err
	}
	fits, err := out.Add(export.Of(shown, q.AsOf))
	if fits {
		report.Records++
	} else {
		report.LeftOut++
	}
	return err
}
