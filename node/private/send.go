package private

import (
	"context"
	"slices"
	"strings"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
	"github.com/dure-net/dure/protocol/sealed"
)

// Send seals a letter to the members in its To and to the nodes of this member, and
// publishes it; with of it replaces an earlier letter of this member. Members that cannot
// be written to are all named before anything is written:
//
// ReasonUnknownMember for handles that are none, ReasonNotMember for members that are
// suspended or removed, ReasonNotFound with Field "to" for members without a key. The
// handles stand in Args "members". ReasonTooLarge with Field "to" where they have more
// nodes than a letter has slots.
func (r *Room) Send(ctx context.Context, l sealed.Letter, of protocol.RecordID) (protocol.Entry, error) {
	to, err := r.Address(l.To)
	if err != nil {
		return protocol.Entry{}, err
	}
	l.To = nil
	var keys []sealed.PublicKey
	for _, m := range to {
		l.To = append(l.To, m.Handle)
		keys = append(keys, m.keys()...)
	}
	l.Keys = nil
	if err := l.Check(); err != nil {
		return protocol.Entry{}, err
	}
	if err := r.EnsureKey(ctx); err != nil {
		return protocol.Entry{}, err
	}
	self, _ := r.cfg.State().Member(r.cfg.Member)
	keys = append(keys, r.reach(self).keys()...)
	c := sealed.Context{Federation: r.cfg.Federation, Author: r.cfg.Node, Kind: protocol.KindSealed, Record: of}
	env, err := sealed.SealLetter(c, l, keys, r.cfg.Random)
	if err != nil {
		return protocol.Entry{}, err
	}
	return r.cfg.Write(ctx, protocol.KindSealed, of, env, of.IsZero())
}

// Address finds the members that a letter is for, in order of their handles, this node's
// own left out; errors as of Send.
func (r *Room) Address(handles []string) ([]Reach, error) {
	var out []Reach
	var unknown, gone, keyless []string
	state := r.cfg.State()
	for _, handle := range handles {
		handle = strings.ToLower(strings.TrimSpace(handle))
		if handle == r.cfg.Member || slices.ContainsFunc(out, func(m Reach) bool { return m.Handle == handle }) {
			continue
		}
		m, ok := state.Member(handle)
		if !ok {
			unknown = append(unknown, handle)
			continue
		}
		reach := r.reach(m)
		switch {
		case m.Status == charter.StatusSuspended || m.Status == charter.StatusRemoved:
			gone = append(gone, handle)
		case !reach.Ready():
			keyless = append(keyless, handle)
		}
		out = append(out, reach)
	}
	for _, fault := range []struct {
		reason  protocol.Reason
		members []string
	}{{protocol.ReasonUnknownMember, unknown}, {protocol.ReasonNotMember, gone}, {protocol.ReasonNotFound, keyless}} {
		if len(fault.members) > 0 {
			return nil, &protocol.Error{Reason: fault.reason, Op: "write privately", Field: "to",
				Args: map[string]string{"recipients": strings.Join(fault.members, ", ")}}
		}
	}
	if len(out) == 0 {
		return nil, &protocol.Error{Reason: protocol.ReasonUsage, Op: "write privately", Args: map[string]string{"nobody": r.cfg.Member}}
	}
	slices.SortFunc(out, func(a, b Reach) int { return strings.Compare(a.Handle, b.Handle) })
	return out, nil
}
