package charter

import (
	"fmt"
	"testing"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/protocoltest"
)

// Certificates that look right and are not.
func TestCertificate_Attacks(t *testing.T) {
	for name, attack := range map[string]func(w *world, id protocol.ActID, p Place) Certificate{
		"half exactly": func(w *world, id protocol.ActID, p Place) Certificate {
			return w.forged(id, p, "city-a", "city-b")
		},
		"a stranger": func(w *world, id protocol.ActID, p Place) Certificate {
			w.actors["stranger"] = &actor{root: protocoltest.Key("root/stranger"), node: protocoltest.Key("node/stranger"), number: 1}
			return w.forged(id, p, "city-a", "city-b", "stranger")
		},
		"one that does not count besides enough that do": func(w *world, id protocol.ActID, p Place) Certificate {
			w.actors["stranger"] = &actor{root: protocoltest.Key("root/stranger"), node: protocoltest.Key("node/stranger"), number: 1}
			return w.forged(id, p, "city-a", "city-b", "city-c", "stranger")
		},
		"approvals for another number": func(w *world, id protocol.ActID, p Place) Certificate {
			other := p
			other.Number++
			return w.forged(id, other, "city-a", "city-b", "city-c")
		},
		"approvals for another round": func(w *world, id protocol.ActID, p Place) Certificate {
			other := p
			other.Round++
			c := w.forged(id, other, "city-a", "city-b", "city-c")
			c.Round = 0
			return c
		},
		"approvals as the assembly": func(w *world, id protocol.ActID, p Place) Certificate {
			other := p
			other.By = ByAssembly
			return w.forged(id, other, "city-a", "city-b", "city-c")
		},
		"approvals of another decision": func(w *world, id protocol.ActID, p Place) Certificate {
			c := w.forged(id, p, "city-a", "city-b", "city-c")
			c.Approvals[1] = w.forge("city-b", p, protocol.Sum([]byte("other"))).Approval
			return w.sorted(c)
		},
		"none of these": func(w *world, id protocol.ActID, p Place) Certificate {
			c := w.forged(id, p, "city-a", "city-b", "city-c")
			c.Approvals[1] = w.forge("city-b", p, protocol.BodyID{}).Approval
			return w.sorted(c)
		},
		"approvals of another federation": func(w *world, id protocol.ActID, p Place) Certificate {
			fed := w.fed
			w.fed = protocol.Sum([]byte("another federation"))
			c := w.forged(id, p, "city-a", "city-b", "city-c")
			w.fed = fed
			return c
		},
		"a node that was never designated": func(w *world, id protocol.ActID, p Place) Certificate {
			c := w.forged(id, p, "city-a", "city-b", "city-c")
			for i := range c.Approvals {
				if c.Approvals[i].Root == w.actors["city-b"].root.Public() {
					// The designation of the right node, and an answer by another.
					other := protocoltest.Key("node/other")
					a := c.Approvals[i].answered(p, id)
					a.Node = other.Public()
					a, _ = a.sign(w.fed, other)
					c.Approvals[i] = a.Approval
				}
			}
			return c
		},
		"a designation by another root": func(w *world, id protocol.ActID, p Place) Certificate {
			c := w.forged(id, p, "city-a", "city-b", "city-c")
			for i := range c.Approvals {
				if c.Approvals[i].Root == w.actors["city-b"].root.Public() {
					thief := w.forgeAs(protocoltest.Key("root/thief"), protocoltest.Key("node/thief"), 7, p, id)
					thief.Root = w.actors["city-b"].root.Public()
					thief, _ = thief.sign(w.fed, protocoltest.Key("node/thief"))
					c.Approvals[i] = thief.Approval
				}
			}
			return c
		},
		"a round that nobody opened": func(w *world, id protocol.ActID, p Place) Certificate {
			p.Round = 1
			c := w.forged(id, p, "city-a", "city-b", "city-c")
			c.Closing = w.carry(protocol.KindRound, Round{Number: p.Number, Prev: p.Prev, By: p.By,
				Answers: []Choice{{id, w.forge("city-a", Place{p.Number, 0, p.Prev, p.By}, id).Approval}}})
			return c
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 4, nil)
			id := w.table(Draft{By: ByElectors, Changes: []Change{admit("city-x")}})
			p := w.place(ByElectors)
			w.wantInvalidCertificate(attack(w, id, p))
			w.carry(protocol.KindCertificate, w.forged(id, p, "city-a", "city-b", "city-c"))
			w.wantAct(1) // and the honest one still makes the act
		})
	}
}

func (w *world) sorted(c Certificate) Certificate {
	sortApprovals(c.Approvals)
	return c
}

func TestCertificate_SameMemberTwiceIsNoForm(t *testing.T) {
	w := newWorld(t, 3, nil)
	id := w.table(Draft{By: ByElectors})
	c := w.forged(id, w.place(ByElectors), "city-a", "city-a")
	if _, err := DecodeCertificate(body(t, c)); protocol.ReasonOf(err) != protocol.ReasonMalformed {
		t.Fatalf("same member twice: %v", err)
	}
	c = w.forged(id, w.place(ByElectors), "city-a", "city-b")
	c.Approvals[0], c.Approvals[1] = c.Approvals[1], c.Approvals[0]
	if _, err := DecodeCertificate(body(t, c)); protocol.ReasonOf(err) != protocol.ReasonMalformed {
		t.Fatalf("out of order: %v", err)
	}
}

func TestCertificate_ArrivesBeforeWhatItNames(t *testing.T) {
	w := newWorld(t, 3, nil)
	first, second := w.enact(admit("city-x")), w.enact(admit("city-y"))
	var late []Block
	f := NewFolder(w.act, w.fed)
	for _, b := range w.blocks {
		if body := b.Entry.Header().Body; body == first || body == second {
			late = append(late, b)
			continue
		}
		f.Add(b)
	}
	if got := f.State(); got.Act().Number != 0 || len(got.Missing()) != 2 {
		t.Fatalf("act %d, missing %v", got.Act().Number, got.Missing())
	}
	f.Add(late[1])
	if got := f.State(); got.Act().Number != 0 {
		t.Fatal("act 2 stands without act 1")
	}
	f.Add(Block{Entry: late[0].Entry}) // the entry without its body
	f.Add(late[0])
	if got := f.State(); got.Act().Number != 2 || got.Digest() != w.state().Digest() || len(got.Missing()) != 0 {
		t.Fatalf("act %d", got.Act().Number)
	}
}

func TestCertificate_StaysFinal(t *testing.T) {
	w := newWorld(t, 3, nil)
	w.enact(admit("city-x"))
	want := w.state().Act()
	for _, handle := range []string{"city-a", "city-b", "city-c"} {
		a := w.actors[handle]
		w.root(a, protocol.Statement{Purpose: protocol.PurposeCut, Node: a.node.Public()})
		w.govern(a, protocoltest.Key("second/"+handle))
	}
	if got := w.state().Act(); got != want {
		t.Fatalf("cuts and rotations unmade an act: %v", got)
	}
	if got, ok := w.state().MemberOfNode(protocoltest.Key("node/city-a").Public()); ok {
		t.Fatalf("a cut node is still %s's", got)
	}
}

func TestCertificate_DesignationMayNotFall(t *testing.T) {
	w := newWorld(t, 3, nil)
	old := w.actors["city-b"].node
	w.govern(w.actors["city-b"], protocoltest.Key("second/city-b"))
	id := w.table(Draft{By: ByElectors})
	w.approve(id, "city-a", "city-b")
	w.certify(id) // uses designation 2 of city-b

	p := w.place(ByElectors)
	d, err := NewDecision(w.state(), Draft{By: ByElectors, Title: title("thief's")})
	if err != nil {
		t.Fatal(err)
	}
	next := w.put(d)
	c := w.forged(next, p, "city-a")
	c.Approvals = append(c.Approvals, w.forgeAs(w.actors["city-b"].root, old, 1, p, next).Approval)
	w.wantInvalidCertificate(w.sorted(c))

	if _, err := SignAnswer(w.state(), p, next, old, today); protocol.ReasonOf(err) != protocol.ReasonNotElector && protocol.ReasonOf(err) != protocol.ReasonNotGoverning {
		t.Fatalf("the old node can still answer: %v", err)
	}
	w.carry(protocol.KindAnswer, w.forgeAs(w.actors["city-b"].root, old, 1, p, next))
	// city-a's approval, which the certificate brought, is a good one; city-b's is not.
	if d, _ := w.state().Decision(next); len(d.Approved) != 1 || d.Approved[0] != "city-a" {
		t.Fatalf("a fallen designation counts: %v", d.Approved)
	}
	w.approve(next, "city-b", "city-c")
	w.certify(next)
	w.wantAct(2)
}

func TestCertificate_SuspendedElector(t *testing.T) {
	w := newWorld(t, 3, nil)
	w.enact(Change{What: ChangeSuspend, Member: "city-c"})
	id := w.table(Draft{By: ByElectors})
	p := w.place(ByElectors)
	_, err := SignAnswer(w.state(), p, id, w.actors["city-c"].node, today)
	reason(t, err, protocol.ReasonNotElector)
	w.wantInvalidCertificate(w.forged(id, p, "city-a", "city-c"))
	w.carry(protocol.KindCertificate, w.forged(id, p, "city-a", "city-b"))
	w.wantAct(2)
}

func TestDecision_RivalsGoStale(t *testing.T) {
	w := newWorld(t, 3, nil)
	loser := w.table(Draft{By: ByElectors, Changes: []Change{admit("city-y")}})
	w.enact(admit("city-x"))
	if d, _ := w.state().Decision(loser); d.Condition != ConditionStale {
		t.Fatalf("rival is %s", d.Condition)
	}
	_, err := SignAnswer(w.state(), Place{1, 0, w.fed, ByElectors}, loser, w.actors["city-c"].node, today)
	reason(t, err, protocol.ReasonStale)
	// A decision on a certificate that is no certificate of the act before.
	d, err := NewDecision(w.state(), Draft{By: ByElectors, Title: title("wrong certificate")})
	if err != nil {
		t.Fatal(err)
	}
	w.enact(admit("city-z"))
	d.Number, d.Prev = 3, w.state().Act().ID
	id := w.put(d)
	if got, _ := w.state().Decision(id); got.Condition != ConditionInvalid || got.Fault.Why != WhyWrongCertificate {
		t.Fatalf("%s %v", got.Condition, got.Fault)
	}
	w.wantInvalidCertificate(w.forged(id, w.place(ByElectors), "city-a", "city-b"))
}

func TestSignAnswer_RefusesASecondAnswer(t *testing.T) {
	w := newWorld(t, 3, nil)
	x, y := w.table(Draft{By: ByElectors, Changes: []Change{admit("city-x")}}), w.table(Draft{By: ByElectors, Changes: []Change{admit("city-y")}})
	w.approve(x, "city-a")
	p, key := w.place(ByElectors), w.actors["city-a"].node
	_, err := SignAnswer(w.state(), p, x, key, today)
	reason(t, err, protocol.ReasonKnown)
	_, err = SignAnswer(w.state(), p, y, key, today)
	reason(t, err, protocol.ReasonConflict)
	_, err = SignAnswer(w.state(), p, protocol.BodyID{}, key, today)
	reason(t, err, protocol.ReasonConflict)
	_, err = SignAnswer(w.state(), p, protocol.Sum([]byte("nothing")), w.actors["city-b"].node, today)
	reason(t, err, protocol.ReasonNotFound)
	_, err = SignAnswer(w.state(), p, x, w.actors["city-b"].node, "tomorrow")
	reason(t, err, protocol.ReasonMalformed)
	_, err = SignAnswer(w.state(), p, x, protocoltest.Key("node/stranger"), today)
	reason(t, err, protocol.ReasonNotElector)
}

// The largest certificates and closings fit a body.
func TestCertificate_FitsABody(t *testing.T) {
	w := newWorld(t, 1, nil)
	id, p := w.table(Draft{By: ByElectors}), w.place(ByElectors)
	p.Round = 1<<63 - 1
	c := Certificate{Decision: id, Round: p.Round, Closing: id}
	r := Round{Number: p.Number, Round: p.Round, Prev: p.Prev, By: ByElectors, Closing: id}
	for i := range protocol.MaxElectors {
		a := w.forgeAs(protocoltest.Key(fmt.Sprint("root", i)), protocoltest.Key(fmt.Sprint("node", i)), 1<<63-1, p, id)
		c.Approvals = append(c.Approvals, a.Approval)
		r.Answers = append(r.Answers, Choice{a.Decision, a.Approval})
	}
	sortApprovals(c.Approvals)
	for name, content := range map[string]any{"certificate": c, "round": r} {
		raw, _, err := Body(content)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		t.Logf("a %s of %d answers takes %d bytes", name, protocol.MaxElectors, len(raw))
	}
}
