package private

import (
	"crypto/rand"
	"slices"
	"testing"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/protocoltest"
	"github.com/dure-net/dure/protocol/sealed"
)

// feeds is a Source of whole feeds, and whose they are.
type feeds map[string]*protocoltest.Feed

func (f feeds) Entry(feed protocol.FeedID, seq uint64) (protocol.Entry, error) {
	for _, one := range f {
		if one.ID() == feed && seq < uint64(len(one.Entries)) {
			return one.Entries[seq], nil
		}
	}
	return protocol.Entry{}, protocol.Fail(protocol.ReasonNotFound, "read entry", nil)
}

func (f feeds) Body(e protocol.Entry) ([]byte, error) {
	for _, one := range f {
		if one.ID() == e.Feed() {
			return one.Bodies[e.Seq()], nil
		}
	}
	return nil, protocol.Fail(protocol.ReasonWanted, "read body", nil)
}

func (f feeds) standing(feed protocol.FeedID) (string, uint64) {
	for member, one := range f {
		if one.ID() == feed {
			return member, uint64(len(one.Entries))
		}
	}
	return "", 0
}

type keyring []OwnKey

func (k keyring) List() ([]OwnKey, error) { return k, nil }
func (k keyring) Add(OwnKey) error        { return nil }

// page is Notes in memory.
type page struct{ raw []byte }

func (p *page) Load() ([]byte, error) { return p.raw, nil }
func (p *page) Save(raw []byte) error { p.raw = raw; return nil }

// Anybody can write a rewrap about any sealed entry, to keys that everybody knows, and say in
// it for whom it is. One with a key that opens nothing must not be taken for the letter's, or
// a stranger keeps a member's new machine from ever reading what was written before it.
func TestRoom_AStrangersRewrapServesNobody(t *testing.T) {
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, federation, _ := protocoltest.Federation(1)
	all := feeds{}
	for _, member := range []string{"kr-seoul", "ca-montreal", "xx-stranger"} {
		all[member] = protocoltest.NewFeed(federation, protocoltest.Key(member), protocoltest.Key(member+" node"))
	}
	here, err := sealed.NewPrivateKey(rand.Reader)
	must(err)
	later, err := sealed.NewPrivateKey(rand.Reader)
	must(err)
	r := New(Config{Federation: federation, Node: all["ca-montreal"].Key().Public(), Member: "ca-montreal", Source: all, Keys: keyring{{Key: here}}, Notes: &page{}, Standing: all.standing, Random: rand.Reader})
	context := func(member string, kind protocol.Kind) sealed.Context {
		return sealed.Context{Federation: federation, Author: all[member].Key().Public(), Kind: kind}
	}
	env, err := sealed.SealLetter(context("kr-seoul", protocol.KindSealed), sealed.Letter{What: sealed.WhatMessage, To: []string{"ca-montreal"}, Lang: "en", Text: "For Montréal."},
		[]sealed.PublicKey{here.Public()}, rand.Reader)
	must(err)
	e, _ := all["kr-seoul"].Append(protocol.KindSealed, env)
	r.Add(e, 1)
	local := uint64(1)
	rewrap := func(member string, key sealed.ContentKey) {
		t.Helper()
		env, err := sealed.SealWrapped(context(member, protocol.KindRewrap), []sealed.WrappedKey{{Entry: e.ID(), Key: key}}, []sealed.PublicKey{here.Public(), later.Public()}, rand.Reader)
		must(err)
		w, _ := all[member].Append(protocol.KindRewrap, env)
		local++
		r.Add(w, local)
		r.takeRewraps()
	}
	nodes := &party{handle: "ca-montreal", self: r.cfg.Node, nodes: []partyNode{
		{r.cfg.Node, []*announced{{key: here.Public()}}}, {protocoltest.Key("later").Public(), []*announced{{key: later.Public()}}}}}
	missing := func() []sealed.PublicKey {
		t.Helper()
		env, c, key, _, err := r.envelope(r.byEntry[e.ID()])
		must(err)
		l, err := env.Letter(c, key)
		must(err)
		missing, _ := r.unserved(nodes, r.byEntry[e.ID()], l, key)
		return missing
	}
	isLater := func(k sealed.PublicKey) bool { return k.Print() == later.Public().Print() }
	rewrap("xx-stranger", sealed.ContentKey{1, 2, 3})
	if got := missing(); len(got) != 1 || !slices.ContainsFunc(got, isLater) {
		t.Fatalf("the later node waits for nothing after a stranger's rewrap: %d keys are missing", len(got))
	}
	_, _, key, _, err := r.envelope(r.byEntry[e.ID()])
	must(err)
	// The other party knows the key. It may have wrapped it for nobody, and say otherwise.
	rewrap("kr-seoul", key)
	if got := missing(); len(got) != 1 || !slices.ContainsFunc(got, isLater) {
		t.Errorf("another party is believed to have wrapped for a member's node: %d keys are missing", len(got))
	}
	rewrap("ca-montreal", key)
	if got := missing(); len(got) != 0 {
		t.Errorf("%d keys are missing once the letter's own key was wrapped", len(got))
	}

	// Whoever cannot read the letter tries a stranger's key once.
	other := New(r.cfg)
	other.cfg.Keys, other.cfg.Notes = keyring{{Key: later}}, &page{}
	other.Add(e, 1)
	for i, w := range []protocol.Entry{all["xx-stranger"].Entries[1], all["ca-montreal"].Entries[1]} {
		other.Add(w, uint64(i+2))
		other.takeRewraps()
		_, _, _, _, err := other.envelope(other.byEntry[e.ID()])
		if (err == nil) != (i == 1) {
			t.Errorf("after rewrap %d: %v", i, err)
		}
		if i == 0 && len(other.wraps[e.ID()]) != 0 {
			t.Error("a key that opens nothing is kept")
		}
	}
}
