package node

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/index"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
	"github.com/dure-net/dure/protocol/erasure"
	"github.com/dure-net/dure/protocol/record"
	"github.com/dure-net/dure/replication"
)

// dropTime bounds how long an erasure's writer waits for this node's own bytes to go. The
// word is durable before; beyond it the node goes on by itself.
const dropTime = 20 * time.Second

// Erase implements api.Publisher: all of the record goes, every version and withdrawal.
func (n *Node) Erase(ctx context.Context, ref string, why api.Why) (api.Receipt, error) {
	row, err := n.owned(ref)
	if err != nil {
		return api.Receipt{}, err
	}
	said, err := n.whyOf(why)
	if err != nil {
		return api.Receipt{}, err
	}
	first, _, err := n.ledger.Find(row.Record)
	if err != nil {
		return api.Receipt{}, err
	}
	if c, gone := n.replica.Erasures().Why(first); gone && c.Whole {
		return api.Receipt{}, n.goneError("erase", row, c)
	}
	receipt, err := n.publish(ctx, replication.Draft{Kind: protocol.KindErasure, Of: row.Record, Content: &said}, false)
	if err != nil {
		return api.Receipt{}, err
	}
	receipt.Number = row.Number
	// The word counts whatever happens now: who hangs up must not stop the drop half way.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dropTime)
	defer cancel()
	if err := n.replica.Erasures().Sweep(ctx); err != nil {
		n.log.Warn("this node's own copy of an erased record waits to be dropped", "record", row.Number, "err", err)
	}
	return receipt, nil
}

// whyOf checks a reason as every text of a record is checked.
func (n *Node) whyOf(why api.Why) (protocol.Erasure, error) {
	said := protocol.Erasure{Code: protocol.ErasureCode(why.Code)}
	w := &record.Withdrawal{Base: record.Base{Type: protocol.KindWithdraw.String(), Lang: n.languageOf(why.Reason)}, Reason: why.Reason}
	if faults := record.Validate(w); len(faults) > 0 {
		return said, &protocol.Error{Reason: protocol.ReasonInvalid, Op: "erase", Err: faults}
	}
	said.Reason = protocol.Text(w.Reason)
	if err := said.Check(); err != nil {
		var e *protocol.Error
		field := ""
		if errors.As(err, &e) {
			field = e.Field
		}
		return said, &protocol.Error{Reason: protocol.ReasonUsage, Op: "erase", Field: field, Err: err}
	}
	return said, nil
}

// erasedError says that a record of this node was erased, and by whose word.
func (n *Node) erasedError(op string, row index.Row) error {
	e, _, err := n.ledger.Find(row.Current.Entry)
	if err != nil {
		return err
	}
	c, _ := n.replica.Erasures().Why(e)
	return n.goneError(op, row, c)
}

// goneError is ReasonErased with what a sentence needs to say by whose word.
func (n *Node) goneError(op string, row index.Row, c erasure.Cause) error {
	by := n.erasedBy(c)
	e := &protocol.Error{Reason: protocol.ReasonErased, Op: op, Args: map[string]string{"number": row.Number}}
	if row.Record.Defined() {
		e.ID = row.Record.String()
	}
	for name, value := range map[string]string{"member": by.Member, "code": by.Code} {
		if value != "" {
			e.Args[name] = value
		}
	}
	if by.Act > 0 {
		e.Args["act"] = strconv.FormatUint(by.Act, 10)
	}
	if !by.Time.IsZero() {
		e.Args["time"] = by.Time.Format(time.RFC3339)
	}
	return e
}

func (n *Node) erasedBy(c erasure.Cause) *api.ErasedBy {
	by := &api.ErasedBy{Member: c.Member, Act: c.Act.Number, Why: api.Why{Code: n.codeOf(c.Code), Reason: c.Reason}}
	if c.Entry.Defined() {
		by.Entry, by.Time = c.Entry.String(), time.UnixMilli(c.Time).UTC()
		return by
	}
	for _, a := range n.replica.State().Acts() {
		if a.ID == c.Act.ID {
			by.Time = n.claimed(a.Certificate)
		}
	}
	return by
}

// codeOf is a reason code that this program has words for.
func (n *Node) codeOf(code protocol.ErasureCode) string {
	if said := (protocol.Erasure{Code: code}); said.Check() != nil {
		return ""
	}
	return string(code)
}

// Erasure implements api.Reader.
func (n *Node) Erasure(_ context.Context, ref string) (api.Erasure, error) {
	row, err := n.index.Lookup(ref)
	if err != nil {
		return api.Erasure{}, err
	}
	out := api.Erasure{Record: row.Record.String(), Number: row.Number, Nodes: []api.ErasureNode{}}
	entries, cause := n.erasedEntries(row)
	if len(entries) == 0 {
		return out, nil
	}
	out.Erased, out.By, out.Bodies = true, n.erasedBy(cause), len(entries)
	s := n.replica.State()
	for _, a := range n.replica.Erasures().Accounts(entries) {
		one := api.ErasureNode{Node: a.Node.String(), Member: a.Member, Gone: !a.At.IsZero(), Time: a.At, Self: a.Node == n.home.Node().Public()}
		if m, ok := s.Member(a.Member); ok {
			one.Names = m.Facts.Names
		}
		if one.Gone {
			out.Gone++
		}
		out.Nodes = append(out.Nodes, one)
	}
	return out, nil
}

// erasedEntries are the entries of a record whose bodies are erased, and the cause of the
// current version's erasure, or of any where that one stands.
func (n *Node) erasedEntries(row index.Row) (entries []protocol.EntryID, cause erasure.Cause) {
	for _, step := range n.index.History(row.Record) {
		e, err := n.ledger.Entry(step.Feed, step.FeedSeq)
		if err != nil || e.ID() != step.Entry || !e.Header().Body.Defined() {
			continue
		}
		c, gone := n.replica.Erasures().Why(e)
		if !gone {
			continue
		}
		if len(entries) == 0 || step.Entry == row.Current.Entry {
			cause = c
		}
		entries = append(entries, step.Entry)
	}
	return entries, cause
}

// erasing reads the change that erases a record: named as people name it, or by the entry
// whose body goes.
func (n *Node) erasing(c api.Change) (charter.Change, error) {
	out := charter.Change{What: charter.ChangeErase, Why: c.Why}
	name := c.Record
	if name == "" {
		name = c.Head
	}
	if row, err := n.index.Lookup(name); err == nil && (c.Record != "" || row.Record.String() == c.Head) {
		out.Entry = row.Record
	} else if c.Record != "" {
		return out, err
	} else if out.Entry, err = protocol.ParseCID(c.Head); err != nil {
		return out, &protocol.Error{Reason: protocol.ReasonUsage, Op: "read change", Field: "record", Args: map[string]string{"kind": c.Kind}, Err: err}
	}
	if e, isBody, err := n.ledger.Find(out.Entry); err == nil && (isBody || !e.Kind().IsErasable()) {
		return out, &protocol.Error{Reason: protocol.ReasonForbidden, Op: "erase", ID: out.Entry.String()}
	}
	return out, nil
}
