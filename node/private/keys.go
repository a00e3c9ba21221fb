package private

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
	"github.com/dure-net/dure/protocol/sealed"
)

// Reach says whether a member can be written to privately.
type Reach struct {
	Handle string
	Names  protocol.Text
	Status charter.Status
	Nodes  []ReachNode
}

// ReachNode is a node of a member that is not ended.
type ReachNode struct {
	Node  protocol.PublicKey
	Since time.Time // when its key was published, by its own clock; zero: it has none
	Self  bool
	key   sealed.PublicKey
}

// Ready reports whether somebody there can read.
func (m Reach) Ready() bool {
	return m.Status == charter.StatusMember && slices.ContainsFunc(m.Nodes, func(n ReachNode) bool { return !n.key.IsZero() })
}

func (m Reach) keys() (out []sealed.PublicKey) {
	for _, n := range m.Nodes {
		if !n.key.IsZero() {
			out = append(out, n.key)
		}
	}
	return out
}

// Reachable lists all members by handle, and how they can be written to. The slice is the
// caller's.
func (r *Room) Reachable() []Reach {
	var out []Reach
	for _, m := range r.cfg.State().Members() {
		out = append(out, r.reach(m))
	}
	slices.SortFunc(out, func(a, b Reach) int { return cmp.Compare(a.Handle, b.Handle) })
	return out
}

func (r *Room) reach(m charter.Member) Reach {
	out := Reach{Handle: m.Facts.Handle, Names: m.Facts.Names, Status: m.Status}
	for _, n := range m.Nodes {
		if n.Cut || len(n.Feeds) == 0 {
			continue
		}
		one := ReachNode{Node: n.Key, Self: n.Key == r.cfg.Node}
		if ring := r.ring(n.Key, m.Facts.Handle); len(ring) > 0 {
			newest := ring[len(ring)-1]
			one.key, one.Since = newest.key, time.UnixMilli(newest.time).UTC()
		}
		out.Nodes = append(out.Nodes, one)
	}
	return out
}

// ring is the standing recipient keys of a node of a member that can be sealed to, oldest
// first, from the last one on that says that those before it are lost.
func (r *Room) ring(node protocol.PublicKey, handle string) []*announced {
	r.mu.Lock()
	all := slices.Clone(r.told[node])
	r.mu.Unlock()
	all = slices.DeleteFunc(all, func(a *announced) bool {
		e, member, ok := r.entry(&a.item)
		return !ok || member != handle || !r.read(a, e)
	})
	slices.SortFunc(all, func(a, b *announced) int {
		return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(a.seq, b.seq), bytes.Compare(a.id.Bytes(), b.id.Bytes()))
	})
	for i := len(all) - 1; i > 0; i-- {
		if all[i].lost {
			return all[i:]
		}
	}
	return all
}

// read reads what a recipient entry says, once; false where it says no key (yet).
func (r *Room) read(a *announced, e protocol.Entry) bool {
	r.mu.Lock()
	done := a.read
	r.mu.Unlock()
	if !done {
		raw, err := r.cfg.Source.Body(e)
		if err != nil {
			return false
		}
		key, lost, err := sealed.OpenRecipient(raw)
		r.mu.Lock()
		if !a.read && err == nil { // written once: it is read without the lock
			a.key, a.lost = key, lost
		}
		a.read = true
		r.mu.Unlock()
	}
	return !a.key.IsZero()
}

// EnsureKey makes and publishes this node's first key, where it has none; and another one
// where the private halves of those that it published are gone.
func (r *Room) EnsureKey(ctx context.Context) error {
	r.keying.Lock()
	defer r.keying.Unlock()
	return r.ensure(ctx)
}

// ensure is EnsureKey. The caller holds keying.
func (r *Room) ensure(ctx context.Context) error {
	r.mu.Lock()
	whole := r.whole
	r.mu.Unlock()
	if !whole {
		return &protocol.Error{Reason: protocol.ReasonBusy, Op: "write privately", Args: map[string]string{"why": "indexing"}}
	}
	own, err := r.cfg.Keys.List()
	if err != nil {
		return err
	}
	ring := r.ring(r.cfg.Node, r.cfg.Member)
	has := func(a *announced) bool {
		return slices.ContainsFunc(own, func(k OwnKey) bool { return bytes.Equal(k.Key.Public().Bytes(), a.key.Bytes()) })
	}
	switch {
	case len(ring) > 0 && has(ring[len(ring)-1]):
		return nil
	case len(own) > 0 && !slices.ContainsFunc(ring, func(a *announced) bool { return !has(a) }):
		// One was made and not published: a crash, or a node that could not write then.
		return r.publish(ctx, own[len(own)-1], false)
	}
	return r.make(ctx, len(ring) > 0)
}

// Rotate makes a new key and publishes it. Older private halves stay: what was sealed to
// them is still read.
func (r *Room) Rotate(ctx context.Context) error {
	r.keying.Lock()
	defer r.keying.Unlock()
	if err := r.ensure(ctx); err != nil {
		return err
	}
	return r.make(ctx, false)
}

// RotateOld is Rotate where the newest key is older than KeyAge. The clock of this machine
// decides nothing but when this node writes.
func (r *Room) RotateOld(ctx context.Context) error {
	own, err := r.cfg.Keys.List()
	if err != nil || len(own) == 0 || r.cfg.Now().Sub(own[len(own)-1].Made) < KeyAge {
		return err
	}
	return r.Rotate(ctx)
}

// make makes a key, keeps it, and then publishes it: after a crash between the two it is
// published by the next EnsureKey.
func (r *Room) make(ctx context.Context, lost bool) error {
	key, err := sealed.NewPrivateKey(r.cfg.Random)
	if err != nil {
		return err
	}
	k := OwnKey{key, r.cfg.Now()}
	if err := r.cfg.Keys.Add(k); err != nil {
		return err
	}
	return r.publish(ctx, k, lost)
}

func (r *Room) publish(ctx context.Context, k OwnKey, lost bool) error {
	_, err := r.cfg.Write(ctx, protocol.KindRecipient, protocol.RecordID{}, sealed.RecipientOf(k.Key.Public(), lost), false)
	return err
}
