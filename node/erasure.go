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
//
// ref may also be the whole CID of a remark of this member: then that one goes, and the
// record that it is about stays.
func (n *Node) Erase(ctx context.Context, ref string, why api.Why) (api.Receipt, error) {
	if e, ok := n.ownRemark(ref); ok {
		return n.eraseRemark(ctx, e, why)
	}
	row, err := n.owned(ref)
	if protocol.ReasonOf(err) == protocol.ReasonNotFound {
		if l, lerr := n.letters.Lookup(ref); lerr == nil {
			return n.eraseLetter(ctx, l, why)
		}
	}
	if err != nil {
		return api.Receipt{}, err
	}
	return n.eraseAll(ctx, row, why)
}

// eraseAll erases a record of this member, of which row has the id and the number.
func (n *Node) eraseAll(ctx context.Context, row index.Row, why api.Why) (api.Receipt, error) {
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
	n.drop(ctx, row.Number)
	return receipt, nil
}

// drop has this node's own bytes go. The word counts whatever happens now: who hangs up
// must not stop it half way.
func (n *Node) drop(ctx context.Context, number string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dropTime)
	defer cancel()
	if err := n.replica.Erasures().Sweep(ctx); err != nil {
		n.log.Warn("this node's own copy of something erased waits to be dropped", "record", number, "err", err)
	}
}

// ownRemark is a remark of this member that stands, by its CID.
func (n *Node) ownRemark(ref string) (protocol.Entry, bool) {
	id, err := protocol.ParseCID(ref)
	if err != nil {
		return protocol.Entry{}, false
	}
	e, isBody, err := n.ledger.Find(id)
	if err != nil || isBody || !e.Kind().IsRemark() {
		return protocol.Entry{}, false
	}
	member, count := n.replica.Feeds().Standings(e.Feed())
	return e, member == n.facts.Handle && e.Seq() < count
}

func (n *Node) eraseRemark(ctx context.Context, e protocol.Entry, why api.Why) (api.Receipt, error) {
	said, err := n.whyOf(why)
	if err != nil {
		return api.Receipt{}, err
	}
	row, _, err := n.index.Record(e.Header().Of)
	if err != nil {
		return api.Receipt{}, err
	}
	if c, gone := n.replica.Erasures().Why(e); gone {
		return api.Receipt{}, n.goneError("erase", row, c)
	}
	receipt, err := n.publish(ctx, replication.Draft{Kind: protocol.KindErasure, Of: e.Header().Of, Refs: []protocol.CID{e.ID()}, Content: &said}, false)
	if err != nil {
		return api.Receipt{}, err
	}
	receipt.Number = row.Number
	n.drop(ctx, row.Number)
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
	row, err := n.lookup(ref)
	sealed := false
	if protocol.ReasonOf(err) == protocol.ReasonNotFound {
		if l, lerr := n.letters.Lookup(ref); lerr == nil {
			row, sealed, err = index.Row{Record: l.Record, Number: l.Number, Kind: protocol.KindSealed}, true, nil
		}
	}
	if err != nil {
		return api.Erasure{}, err
	}
	out := api.Erasure{Record: row.Record.String(), Number: row.Number, Nodes: []api.ErasureNode{}, Sealed: sealed}
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
	var all []protocol.EntryID
	if row.Kind == protocol.KindSealed {
		all = n.letters.Versions(row.Record)
	} else {
		steps, err := n.index.History(row.Record)
		if err != nil {
			n.log.Warn("the history of an erased record cannot be read", "record", row.Number, "err", err)
		}
		for _, step := range steps {
			all = append(all, step.Entry)
		}
	}
	for _, id := range all {
		e, isBody, err := n.ledger.Find(id)
		if err != nil || isBody || !e.Header().Body.Defined() {
			continue
		}
		c, gone := n.replica.Erasures().Why(e)
		if !gone {
			continue
		}
		if len(entries) == 0 || id == row.Current.Entry {
			cause = c
		}
		entries = append(entries, id)
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
