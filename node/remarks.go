package node

import (
	"context"
	"encoding/json"
	"time"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/index"
	"github.com/dure-net/dure/node/remarks"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
	"github.com/dure-net/dure/protocol/record/remark"
	"github.com/dure-net/dure/replication"
)

func (n *Node) remarkRoom() remarks.Room {
	return remarks.Room{Index: n.index, Source: n.ledger, State: n.replica.State(), Stands: n.replica.Feeds().Standings}
}

// Remarks implements api.Remarker.
func (n *Node) Remarks(_ context.Context, ref, asOf string) (api.Remarks, error) {
	day := record.Day(asOf)
	if asOf == "" {
		day = remark.DayOf(n.opts.Now().UnixMilli())
	} else if _, err := time.Parse(time.DateOnly, asOf); err != nil {
		return api.Remarks{}, &protocol.Error{Reason: protocol.ReasonUsage, Op: "show remarks", Field: "as_of", Err: err}
	}
	row, err := n.index.Lookup(ref)
	if err != nil {
		return api.Remarks{}, err
	}
	room := n.remarkRoom()
	v, err := room.View(row, day)
	if err != nil {
		return api.Remarks{}, err
	}
	out := api.Remarks{Record: row.Record.String(), Number: row.Number, Type: row.Kind.String(), View: v, Names: map[string]map[string]string{}}
	out.May = room.May(row, v, n.facts.Handle)
	for _, handle := range v.Members() {
		if m, ok := n.replica.State().Member(handle); ok {
			out.Names[handle] = m.Facts.Names
		}
	}
	return out, nil
}

// Remark implements api.Remarker.
func (n *Node) Remark(ctx context.Context, d api.RemarkDraft) (api.Receipt, error) {
	kind, ok := protocol.ParseKind(d.Type)
	if !ok || !kind.IsRemark() {
		return api.Receipt{}, &protocol.Error{Reason: protocol.ReasonUsage, Op: "remark", Field: "type", Args: map[string]string{"type": d.Type}}
	}
	row, err := n.index.Lookup(d.Ref)
	if err != nil {
		return api.Receipt{}, err
	}
	said, err := n.remarkRoom().Judge(row, remarks.Draft{Kind: kind, Raw: d.Raw, To: d.To, Member: n.facts.Handle, Now: n.opts.Now(), Resolve: n.resolve})
	if err != nil {
		return api.Receipt{}, err
	}
	receipt, err := n.publish(ctx, replication.Draft{Kind: kind, Of: row.Record, Refs: said.Refs, Content: said.Remark.Content()}, false)
	if err != nil {
		return api.Receipt{}, err
	}
	receipt.Number, receipt.Warnings = row.Number, personal(said.Remark)
	return receipt, nil
}

// closeCall closes a call of this member: the answers that are here by now are received,
// and those that come later are late.
func (n *Node) closeCall(ctx context.Context, row index.Row) (receipt api.Receipt, err error) {
	v, err := n.remarkRoom().View(row, remark.DayOf(n.opts.Now().UnixMilli()))
	if err != nil {
		return receipt, err
	}
	if v.Call == nil || v.Call.Closed != nil {
		return receipt, &protocol.Error{Reason: protocol.ReasonConflict, Op: "close call", ID: row.Record.String(), Args: map[string]string{"same": row.Number}}
	}
	in := remarks.Unreceived(v)
	for done := false; !done; {
		part := in[:min(len(in), record.MaxReceived)]
		in = in[len(part):]
		done = len(in) == 0
		content := map[string]any{"lang": n.phrases.Match(n.conf.Lang), "closes": done}
		if len(part) > 0 {
			var ids []string
			for _, id := range part {
				ids = append(ids, id.String())
			}
			content["received"] = ids
		}
		raw, err := json.Marshal(content)
		if err != nil {
			return receipt, protocol.Fail(protocol.ReasonInternal, "close call", err)
		}
		if receipt, err = n.Remark(ctx, api.RemarkDraft{Ref: row.Record.String(), Type: protocol.KindAcknowledgement.String(), Raw: raw}); err != nil {
			return receipt, err
		}
	}
	return receipt, nil
}

// flagged is the secretariat's flag on a record, as lists show it.
func (n *Node) flagged(row index.Row) (*api.Flagged, error) {
	f, err := n.remarkRoom().Flagged(row)
	if f == nil || err != nil {
		return nil, err
	}
	return &api.Flagged{Member: f.Member, Reason: f.Reason, Text: f.Text, Lang: f.Lang, Time: f.Time}, nil
}

// nearDays is how long before its last day a call without this member's answer waits for it.
const nearDays = 14

// waiting is what of records waits for this member's word, for its inbox.
func (n *Node) waiting(day record.Day) ([]api.Waiting, error) {
	at, err := time.Parse(time.DateOnly, string(day))
	if err != nil {
		return nil, protocol.Fail(protocol.ReasonUsage, "read inbox", err)
	}
	list, err := n.remarkRoom().Waiting(n.facts.Handle, day, record.Day(at.AddDate(0, 0, nearDays).Format(time.DateOnly)))
	if err != nil {
		return nil, err
	}
	out := make([]api.Waiting, 0, len(list))
	for _, w := range list {
		one := api.Waiting{What: w.What, Record: w.Row.Record.String(), Number: w.Row.Number, Remark: w.Remark, Text: w.Text, Member: w.Member, Day: string(w.Day)}
		if m, ok := n.replica.State().Member(w.Member); ok {
			one.Names = m.Facts.Names
		}
		if v, err := n.index.View(w.Row); err == nil {
			one.Title, one.Lang = v.Head.Title, v.Lang
		}
		out = append(out, one)
	}
	return out, nil
}
