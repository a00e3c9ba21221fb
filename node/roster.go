package node

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/multiformats/go-multiaddr"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/dure-net/dure/node/home"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/replication"
	"github.com/dure-net/dure/replication/mesh"
)

// Pace of keeping the roster and the address book.
const (
	rosterTime   = time.Second      // how long a newly learnt address waits to be tried
	bookTime     = time.Minute      // how often the address book is written
	addressWait  = time.Second      // how long this node's own addresses must stand before they are told
	addressAgain = 15 * time.Minute // shortest time between two tellings
)

// seekOthers keeps the mesh's roster at what is known of the members' nodes: from
// their records and health messages, the address book, the settings and the
// invitation.
func (n *Node) seekOthers(ctx context.Context, m *mesh.Mesh) error {
	fixed, err := n.fixedPeers()
	if err != nil {
		return err
	}
	for node := range fixed {
		n.replica.Others().Vouch(node)
	}
	book, err := n.home.Addresses()
	if err != nil {
		n.log.Warn("the address book cannot be read and is begun anew", "err", err)
	}
	if n.replica.Custody().Forgetful() {
		// Its ledger may not know them any more; the address book holds standing members' nodes alone.
		for _, k := range book {
			n.replica.Others().Vouch(k.Node)
		}
	}
	tick := time.NewTicker(rosterTime)
	defer tick.Stop()
	saved := n.opts.Now()
	for {
		m.SetPeers(n.roster(fixed, book))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		if now := n.opts.Now(); now.Sub(saved).Abs() > bookTime {
			saved, book = now, n.book(now, book)
			if err := n.home.SaveAddresses(book); err != nil {
				n.log.Warn("the address book was not saved", "err", err)
			}
		}
	}
}

// fixedPeers are the nodes named by the settings and by the invitation.
func (n *Node) fixedPeers() (map[protocol.PublicKey][]string, error) {
	out := map[protocol.PublicKey][]string{}
	for _, text := range n.conf.Peers {
		info, err := peer.AddrInfoFromString(text)
		if err != nil {
			return nil, &protocol.Error{Reason: protocol.ReasonConfig, Op: "read settings", Field: "peers", Err: err}
		}
		key, ok := mesh.NodeOf(info.ID.String())
		if !ok {
			return nil, &protocol.Error{Reason: protocol.ReasonConfig, Op: "read settings", Field: "peers"}
		}
		for _, a := range info.Addrs {
			out[key] = append(out[key], a.String())
		}
	}
	pending, ok, err := n.home.Pending()
	if err != nil {
		return nil, err
	}
	if ok {
		out[pending.Invitation.Node] = append(out[pending.Invitation.Node], pending.Invitation.Addresses...)
	}
	delete(out, n.home.Node().Public())
	return out, nil
}

func (n *Node) roster(fixed map[protocol.PublicKey][]string, book []home.Known) []mesh.Known {
	addrs := map[protocol.PublicKey][]string{}
	add := func(node protocol.PublicKey, list []string) {
		for _, a := range list {
			if len(addrs[node]) < protocol.MaxAddresses && !slices.Contains(addrs[node], a) {
				addrs[node] = append(addrs[node], a)
			}
		}
	}
	for node, list := range fixed {
		add(node, list)
	}
	for _, k := range n.replica.Others().Nodes() {
		add(k.Key, k.Addresses)
	}
	for _, k := range book {
		if n.replica.Handler().Standing(k.Node) {
			add(k.Node, k.Addresses)
		}
	}
	out := make([]mesh.Known, 0, len(addrs))
	for node, list := range addrs {
		out = append(out, mesh.Known{Node: node, Addrs: list})
	}
	return out
}

// book is the address book of now: what was known before, and what is known anew.
func (n *Node) book(now time.Time, before []home.Known) []home.Known {
	by := map[protocol.PublicKey]home.Known{}
	for _, k := range before {
		by[k.Node] = k
	}
	for _, k := range n.replica.Others().Nodes() {
		if len(k.Addresses) > 0 {
			seen := k.Seen
			if seen.IsZero() {
				seen = by[k.Key].Seen
			}
			by[k.Key] = home.Known{Node: k.Key, Addresses: k.Addresses, Seen: seen}
		}
	}
	out := make([]home.Known, 0, len(by))
	for _, k := range by {
		if n.replica.Handler().Standing(k.Node) {
			out = append(out, k)
		}
	}
	return out
}

// tellAddresses writes this node's addresses into the ledger when they changed and
// stand for a while: members that come later find it by them.
func (n *Node) tellAddresses(ctx context.Context, m *mesh.Mesh) error {
	tick := time.NewTicker(addressWait)
	defer tick.Stop()
	var before []string
	var told time.Time
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		addrs := telling(m.Addrs())
		stable := slices.Equal(addrs, before)
		before = addrs
		if !stable || len(addrs) == 0 || slices.Equal(addrs, telling(n.replica.Others().AddressesOf(n.home.Node().Public()))) ||
			(!told.IsZero() && time.Since(told) < addressAgain) {
			continue
		}
		_, err := n.replica.Publish(ctx, replication.Draft{Kind: protocol.KindNode, Content: &protocol.NodeRecord{Addresses: addrs}})
		switch protocol.ReasonOf(err) {
		case protocol.ReasonNone:
			told = time.Now()
		case protocol.ReasonJoining, protocol.ReasonRecovering, protocol.ReasonReadOnly, protocol.ReasonNotMember, protocol.ReasonSetAside, protocol.ReasonCanceled:
		default:
			n.log.Warn("this node's addresses were not told", "err", err)
		}
	}
}

// telling is what of a node's addresses is worth telling, in one order: without the
// node's own name, at most protocol.MaxAddresses.
func telling(addrs []string) []string {
	out := make([]string, 0, len(addrs))
	for _, a := range addrs {
		plain, _, _ := strings.Cut(a, "/p2p/")
		if strings.Contains(a, "/p2p-circuit") {
			plain = a
		}
		if _, err := multiaddr.NewMultiaddr(plain); err == nil && !slices.Contains(out, plain) {
			out = append(out, plain)
		}
	}
	slices.Sort(out)
	return out[:min(len(out), protocol.MaxAddresses)]
}
