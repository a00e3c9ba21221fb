package protocoltest

import (
	"testing"

	"github.com/dure-net/dure/protocol"
)

func TestFeed_IsValidAndRepeatable(t *testing.T) {
	act, fed, members := Federation(3)
	if _, id, err := protocol.DecodeFoundingAct(act); err != nil || id != fed || len(members) != 3 {
		t.Fatalf("founding act: %v", err)
	}
	m := members[1]
	a := NewFeed(fed, m.Root, m.Node).Fill(100, 300)
	b := NewFeed(fed, m.Root, m.Node).Fill(100, 300)
	if a.Head().ID() != b.Head().ID() {
		t.Fatal("the same feed built twice differs")
	}
	var prev *protocol.Entry
	for _, p := range a.Pages(0, 64) {
		n, err := protocol.Endorse(fed, m.Node.Public(), prev, p.Entries)
		if err != nil || n != len(p.Entries) {
			t.Fatalf("endorsed %d of %d: %v", n, len(p.Entries), err)
		}
		for i, e := range p.Entries {
			if h := e.Header(); h.Body.Defined() && (!h.Body.Matches(p.Bodies[i]) || h.Size != uint64(len(p.Bodies[i]))) {
				t.Fatalf("entry %d does not name its body", e.Seq())
			}
		}
		prev = &p.Entries[len(p.Entries)-1]
	}
}
