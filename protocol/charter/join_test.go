package charter

import (
	"testing"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/protocoltest"
)

const soon = int64(1_800_000_000)

func (w *world) invite(by, seed, handle string) protocol.PublicKey {
	key := protocoltest.Key(seed).Public()
	w.carryBy(by, protocol.KindInvitation, protocol.Invited{Key: key, Handle: handle, Expires: soon})
	return key
}

func (w *world) apply(carrier, seed, handle, root string) {
	w.t.Helper()
	facts := city(handle)
	a, err := protocol.Application{Federation: w.fed, Member: facts}.Sign(protocoltest.Key(root), protocoltest.Key(seed))
	if err != nil {
		w.t.Fatal(err)
	}
	w.carryBy(carrier, protocol.KindApplication, a)
}

func TestInvitation_WorksOnce(t *testing.T) {
	w := newWorld(t, 3, nil)
	inviter, other := "city-b", "city-c"
	if compareCID(w.actors[inviter].feed.ID(), w.actors[other].feed.ID()) < 0 {
		inviter, other = other, inviter // the order of feeds alone would choose the other one
	}
	key := w.invite(inviter, "seed", "city-x")
	if i, ok := w.state().Invitation(key, soon); !ok || i.Status != InvitationOpen || i.By != inviter {
		t.Fatalf("new: %+v", i)
	}
	if i, _ := w.state().Invitation(key, soon+1); i.Status != InvitationExpired {
		t.Fatalf("after its end: %s", i.Status)
	}
	w.apply(other, "seed", "city-x", "root/late")    // elsewhere
	w.apply(inviter, "seed", "city-x", "root/first") // in the inviter's feed
	w.apply(inviter, "seed", "city-x", "root/second")
	w.apply(inviter, "seed", "city-x", "root/first") // again
	apps := w.state().Applications()
	if len(apps) != 3 {
		t.Fatalf("%d applications", len(apps))
	}
	first := protocoltest.Key("root/first").Public()
	for _, a := range apps {
		want := ApplicationUsed
		if a.Member.Root == first {
			want = ApplicationPending
		}
		if a.Status != want || a.InvitedBy != inviter || a.Fingerprint != a.Member.Root.Fingerprint() {
			t.Errorf("%s: %s, want %s", a.Fingerprint, a.Status, want)
		}
	}
	if i, _ := w.state().Invitation(key, 0); i.Status != InvitationApplied || i.UsedBy != "city-x" {
		t.Fatalf("applied: %+v", i)
	}
	facts := city("city-x")
	facts.Root = first
	w.enact(Change{What: ChangeAdmit, Facts: &facts, Invitation: key})
	if i, _ := w.state().Invitation(key, soon+1); i.Status != InvitationUsed || i.UsedBy != "city-x" {
		t.Fatalf("used: %+v", i)
	}
	for _, a := range w.state().Applications() {
		if (a.Status == ApplicationAdmitted) != (a.Member.Root == first) {
			t.Errorf("%s: %s", a.Fingerprint, a.Status)
		}
	}
}

func TestApplication_WhatCanBeWrong(t *testing.T) {
	w := newWorld(t, 3, nil)
	w.invite("city-b", "seed", "city-x")
	w.apply("city-b", "seed", "city-a", "root/impostor")
	w.apply("city-b", "no such seed", "city-y", "root/stranger")
	got := map[string]ApplicationStatus{}
	for _, a := range w.state().Applications() {
		got[a.Member.Handle] = a.Status
	}
	if got["city-a"] != ApplicationTaken || got["city-y"] != ApplicationUnknown {
		t.Fatalf("%v", got)
	}
	forged := protocol.Application{Federation: w.fed, Member: city("city-z"), Invitation: protocoltest.Key("seed").Public()}
	w.carryBy("city-b", protocol.KindApplication, forged)
	if n := len(w.state().Applications()); n != 2 {
		t.Fatalf("an unsigned application is shown: %d", n)
	}
}

func TestInvitation_OfARemovedFeedIsNone(t *testing.T) {
	w := newWorld(t, 3, nil)
	key := w.invite("city-c", "seed", "city-x")
	w.apply("city-b", "seed", "city-x", "root/x")
	w.enact(Change{What: ChangeRemove, Member: "city-c", Stands: []protocol.Stand{ends(w.actors["city-c"].feed, 2)}})
	if _, ok := w.state().Invitation(key, 0); ok {
		t.Fatal("an invitation beyond the removal counts")
	}
	if a := w.state().Applications(); len(a) != 1 || a[0].Status != ApplicationUnknown {
		t.Fatalf("applications: %+v", a)
	}
}
