package private

import (
	"context"
	"maps"
	"slices"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
	"github.com/dure-net/dure/protocol/sealed"
)

// Tend does what has to be done in the background: it makes sure of this node's key and
// its age, tries keys on what has come, and wraps letters for nodes that came later. It
// returns how many entries it wrote. Where nothing has come since the last whole pass it
// returns at once.
func (r *Room) Tend(ctx context.Context) (wrote int, err error) {
	if err := r.EnsureKey(ctx); err != nil {
		return 0, err
	}
	if err := r.RotateOld(ctx); err != nil {
		return 0, err
	}
	if err := r.load(); err != nil {
		return 0, err
	}
	if err := r.saveSome(); err != nil {
		return 0, err
	}
	r.mu.Lock()
	if fault := r.notes.fault; fault != nil {
		r.notes.fault = nil
		r.mu.Unlock()
		return 0, fault
	}
	rises := r.rises
	idle := rises == r.tended
	r.mu.Unlock()
	if idle {
		return 0, nil
	}
	r.takeRewraps()
	for _, w := range r.owed(ctx) {
		if wrote == maxRewraps {
			return wrote, nil // the next pass goes on
		}
		if err := r.wrap(ctx, w); err != nil {
			return wrote, err
		}
		wrote++
	}
	if ctx.Err() == nil {
		r.mu.Lock()
		r.tended = rises
		r.mu.Unlock()
	}
	return wrote, nil
}

// owing is what is to be wrapped in one entry.
type owing struct {
	to   []sealed.PublicKey
	keys []sealed.WrappedKey
}

// owed lists what this node has to wrap, by whom it is for.
func (r *Room) owed(ctx context.Context) []owing {
	s := r.cfg.State()
	parties := map[string]*party{}
	of := func(handle string) *party {
		p, ok := parties[handle]
		if !ok {
			p = r.party(s, handle)
			parties[handle] = p
		}
		return p
	}
	self := of(r.cfg.Member)
	lacking := map[string][]*owing{} // by whose nodes, and which
	for _, versions := range r.roots(0) {
		for _, it := range versions {
			if ctx.Err() != nil {
				return nil
			}
			env, c, key, author, err := r.envelope(it)
			if err != nil {
				continue
			}
			l, err := env.Letter(c, key)
			if err != nil {
				continue
			}
			for _, handle := range append([]string{author}, l.To...) {
				p := of(handle)
				missing, someone := r.unserved(p, it, l, key)
				if len(missing) == 0 || p != self && someone {
					continue // it has all, or wraps for itself
				}
				name := handle
				for _, k := range missing {
					print := k.Print()
					name += string(print[:])
				}
				list := lacking[name]
				if len(list) == 0 || len(list[len(list)-1].keys) == sealed.MaxWrapped {
					to := append(missing, self.current()...)
					list = append(list, &owing{to: to[:min(len(to), sealed.MaxSlots)]})
					lacking[name] = list
				}
				last := list[len(list)-1]
				last.keys = append(last.keys, sealed.WrappedKey{Entry: it.id, Key: key})
			}
		}
	}
	var out []owing
	for _, name := range slices.Sorted(maps.Keys(lacking)) {
		for _, o := range lacking[name] {
			out = append(out, *o)
		}
	}
	return out
}

// party is a member that may read a letter, as its nodes are now.
type party struct {
	handle string
	self   protocol.PublicKey
	nodes  []partyNode // that are not ended and have a key
}

type partyNode struct {
	key  protocol.PublicKey
	ring []*announced
}

func (r *Room) party(s charter.State, handle string) *party {
	p := &party{handle: handle, self: r.cfg.Node}
	m, ok := s.Member(handle)
	if !ok || m.Status != charter.StatusMember {
		return p
	}
	for _, n := range m.Nodes {
		if n.Cut || len(n.Feeds) == 0 {
			continue
		}
		if ring := r.ring(n.Key, handle); len(ring) > 0 {
			p.nodes = append(p.nodes, partyNode{n.Key, ring})
		}
	}
	return p
}

// current are the keys that the party's nodes are written to under now.
func (p *party) current() (out []sealed.PublicKey) {
	for _, n := range p.nodes {
		out = append(out, n.ring[len(n.ring)-1].key)
	}
	return out
}

// unserved are the keys of a party's nodes that cannot read a letter, and whether some
// other node of it can. key is what opens the letter: a rewrap with another one serves nobody,
// whatever it says, or a stranger could keep a letter from a node that came later. For the same
// reason nobody is believed to have served a node but that node's own member, and this one:
// another party knows the key, and could wrap it for nobody and say that it did. So two
// parties may both wrap for a third, which costs an entry.
func (r *Room) unserved(p *party, it *item, l *sealed.Letter, key sealed.ContentKey) (missing []sealed.PublicKey, someone bool) {
	served := map[sealed.Print]bool{}
	r.mu.Lock()
	for _, w := range r.wraps[it.id] {
		if w.key == key && (w.by == p.handle || w.by == r.cfg.Member) {
			for _, p := range w.prints {
				served[p] = true
			}
		}
	}
	r.mu.Unlock()
	for _, n := range p.nodes {
		if n.key == p.self || slices.ContainsFunc(n.ring, func(a *announced) bool { return l.Holds(a.key) || served[a.key.Print()] }) {
			someone = true
			continue
		}
		missing = append(missing, n.ring[len(n.ring)-1].key)
	}
	return missing, someone
}

// wrap publishes one rewrap. It is for this member's nodes too, so that all of them see
// what has been done.
func (r *Room) wrap(ctx context.Context, o owing) error {
	c := sealed.Context{Federation: r.cfg.Federation, Author: r.cfg.Node, Kind: protocol.KindRewrap}
	env, err := sealed.SealWrapped(c, o.keys, o.to, r.cfg.Random)
	if err != nil {
		return err
	}
	_, err = r.cfg.Write(ctx, protocol.KindRewrap, protocol.RecordID{}, env, false)
	return err
}
