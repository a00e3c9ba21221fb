package charter

import (
	"bytes"
	"slices"
	"testing"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/protocoltest"
)

func sortApprovals(list []Approval) {
	slices.SortFunc(list, func(a, b Approval) int { return bytes.Compare(a.Root[:], b.Root[:]) })
}

func body(t testing.TB, content any) []byte {
	t.Helper()
	raw, _, err := Body(content)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestRound_ASplitOpensTheNext(t *testing.T) {
	w := newWorld(t, 4, nil)
	x := w.table(Draft{By: ByElectors, Changes: []Change{admit("city-x")}})
	y := w.table(Draft{By: ByElectors, Changes: []Change{admit("city-y")}})
	p := w.place(ByElectors)
	w.approve(x, "city-a", "city-b")
	if _, ok := CloseRound(w.state(), p); ok {
		t.Fatal("closed while a decision can win")
	}
	w.approve(y, "city-c")
	// A closing that says so all the same opens nothing.
	w.carry(protocol.KindRound, Round{Number: 1, Prev: w.fed, By: ByElectors, Answers: w.choices(p, map[string]protocol.BodyID{"city-a": x, "city-b": x, "city-c": y})})
	w.carry(protocol.KindRound, Round{Number: 1, Prev: w.fed, By: ByElectors, Answers: w.choices(p, map[string]protocol.BodyID{"city-b": x, "city-c": y})})
	if got := w.place(ByElectors); got.Round != 0 {
		t.Fatalf("round %d is open", got.Round)
	}
	w.answer("city-d", p, protocol.BodyID{})
	r, ok := CloseRound(w.state(), p)
	if !ok || len(r.Answers) != 4 {
		t.Fatalf("cannot close: %v", r)
	}
	closing := w.carry(protocol.KindRound, r)
	p = w.place(ByElectors)
	if p.Round != 1 {
		t.Fatalf("round %d is open, want 1", p.Round)
	}
	if d, _ := w.state().Decision(x); d.Condition != ConditionOpen || len(d.Unheard) != 4 {
		t.Fatalf("after closing: %s %v", d.Condition, d.Unheard)
	}
	_, err := SignAnswer(w.state(), Place{1, 0, w.fed, ByElectors}, x, w.actors["city-d"].node, today)
	reason(t, err, protocol.ReasonStale)
	w.approve(y, "city-b", "city-c", "city-d")
	c, _ := Certify(w.state(), y)
	if c.Round != 1 || c.Closing != closing {
		t.Fatalf("certificate of round %d, closing %v", c.Round, c.Closing)
	}
	w.carry(protocol.KindCertificate, c)
	w.wantAct(1)
	if got := w.state().Acts()[1]; got.Round != 1 || got.ID != y {
		t.Fatalf("act: %+v", got)
	}
}

func (w *world) choices(p Place, by map[string]protocol.BodyID) []Choice {
	var out []Choice
	for handle, choice := range by {
		out = append(out, Choice{choice, w.forge(handle, p, choice).Approval})
	}
	slices.SortFunc(out, func(a, b Choice) int { return bytes.Compare(a.Root[:], b.Root[:]) })
	return out
}

// split certifies two decisions after the last act: the second elector answers twice.
func (w *world) split() (x, y protocol.ActID) {
	w.t.Helper()
	x = w.table(Draft{By: ByElectors, Changes: []Change{admit("city-x")}})
	y = w.table(Draft{By: ByElectors, Changes: []Change{admit("city-y")}})
	p := w.place(ByElectors)
	w.carry(protocol.KindCertificate, w.forged(x, p, "city-a", "city-b"))
	w.carry(protocol.KindCertificate, w.forged(y, p, "city-b", "city-c"))
	return x, y
}

func TestHalt_ThrowsNobodyOut(t *testing.T) {
	w := newWorld(t, 3, nil)
	x, y := w.split()
	s := w.state()
	h := s.Halted()
	if h == nil || h.Number != 1 || h.By != ByElectors || len(h.Branches) != 2 || s.Act().Number != 0 {
		t.Fatalf("halt: %+v at act %d", h, s.Act().Number)
	}
	if d := s.Doubles(); len(d) != 1 || d[0].Member != "city-b" || len(d[0].Choices) != 2 {
		t.Fatalf("doubles: %+v", d)
	}
	for _, handle := range []string{"city-x", "city-y"} {
		a := w.join(handle)
		s := w.state()
		l := s.Limit(a.feed.ID(), a.root.Public(), a.node.Public())
		if l.Void || !l.Open() || !l.Contested || l.Member != handle {
			t.Fatalf("%s: %+v", handle, l)
		}
		if m, ok := s.Member(handle); !ok || !m.Contested || !m.Joined {
			t.Fatalf("%s: %+v", handle, m)
		}
		if m, ok := s.MemberOfNode(a.node.Public()); !ok || m != handle {
			t.Fatalf("node of %q", m)
		}
	}
	if got := len(w.state().Members()); got != 5 {
		t.Fatalf("%d members shown", got)
	}
	for _, id := range []protocol.ActID{x, y} {
		if d, _ := s.Decision(id); d.Condition != ConditionHalted {
			t.Fatalf("a branch's decision is %s", d.Condition)
		}
	}
	_, err := NewDecision(s, Draft{By: ByElectors, Title: title("meanwhile")})
	reason(t, err, protocol.ReasonConflict)
	_, err = SignAnswer(s, w.place(ByElectors), protocol.BodyID{}, w.actors["city-a"].node, today)
	reason(t, err, protocol.ReasonConflict)
}

func TestHalt_AssemblyOverrulesBothSides(t *testing.T) {
	w := newWorld(t, 3, nil)
	x, y := w.split()
	id := w.table(Draft{By: ByAssembly, Changes: []Change{admit("city-y"), {What: ChangeEndOffice, Office: protocol.OfficeSteering, Member: "city-b"}}})
	w.approve(id, "city-a", "city-c")
	w.certify(id)
	s := w.state()
	if s.Halted() != nil || s.Act().ID != id {
		t.Fatalf("still halted: %+v", s.Halted())
	}
	if o := s.Overruled(); len(o) != 2 {
		t.Fatalf("overruled: %+v", o)
	}
	for _, stale := range []protocol.ActID{x, y} {
		if d, _ := s.Decision(stale); d.Condition != ConditionStale {
			t.Fatalf("overruled decision is %s", d.Condition)
		}
	}
	a := w.join("city-x")
	if l := w.state().Limit(a.feed.ID(), a.root.Public(), a.node.Public()); !l.Void || l.Reason != protocol.ReasonStale {
		t.Fatalf("a member of an overruled act: %+v", l)
	}
}

func TestHalt_AssemblyAcceptsABranch(t *testing.T) {
	w := newWorld(t, 3, nil)
	x, _ := w.split()
	id := w.table(Draft{By: ByAssembly, After: x})
	w.approve(id, "city-a")
	w.join("city-x")
	w.approve(id, "city-x")
	// Three of four full members of the branch, and two of three before the split.
	w.approve(id, "city-c")
	w.certify(id)
	if s := w.state(); s.Halted() != nil || s.Act().Number != 2 || s.Acts()[1].ID != x {
		t.Fatalf("halted %v, act %d", s.Halted(), s.Act().Number)
	}
	w.enact(admit("city-z"))
	w.wantAct(3)
	_, err := NewDecision(w.state(), Draft{By: ByAssembly, After: w.fed, Title: title("too late")})
	reason(t, err, protocol.ReasonStale)
}

func TestHalt_PuppetsCannotAccept(t *testing.T) {
	w := newWorld(t, 3, nil)
	puppets := []Change{admit("city-p"), admit("city-q"), admit("city-r"), admit("city-s")}
	x := w.table(Draft{By: ByElectors, Changes: puppets})
	y := w.table(Draft{By: ByElectors, Changes: []Change{admit("city-y")}})
	p := w.place(ByElectors)
	w.carry(protocol.KindCertificate, w.forged(x, p, "city-a", "city-b"))
	w.carry(protocol.KindCertificate, w.forged(y, p, "city-b", "city-c"))
	for _, c := range puppets {
		w.join(c.Facts.Handle)
	}
	id := w.table(Draft{By: ByAssembly, After: x})
	w.approve(id, "city-p", "city-q", "city-r", "city-s", "city-a")
	w.certify(id)
	if s := w.state(); s.Halted() == nil || s.Act().Number != 0 {
		t.Fatal("puppets of a branch have accepted it")
	}
}

func TestAssembly_OverrulesTheCommittee(t *testing.T) {
	w := newWorld(t, 5, func(f *protocol.FoundingAct) { f.Offices = f.Offices[:2] })
	first := w.enact(admit("city-x"))
	w.enact(Change{What: ChangeRemove, Member: "city-e"})
	w.enact(Change{What: ChangeRemove, Member: "city-d"})
	w.wantAct(3)
	// The assembly of act 1 has six full members: four of them decide.
	id := w.table(Draft{By: ByAssembly, After: first, Changes: []Change{{What: ChangeEndOffice, Office: protocol.OfficeSteering, Member: "city-a"}}})
	w.approve(id, "city-c", "city-d", "city-e")
	if _, ok := Certify(w.state(), id); ok {
		t.Fatal("half of the assembly is enough")
	}
	w.join("city-x")
	w.approve(id, "city-x")
	w.certify(id)
	s := w.state()
	if s.Act().Number != 2 || s.Act().ID != id || len(s.Overruled()) != 2 {
		t.Fatalf("act %v, overruled %d", s.Act(), len(s.Overruled()))
	}
	if m, _ := s.Member("city-e"); m.Status != StatusMember {
		t.Fatalf("an overruled removal stands: %s", m.Status)
	}
	if got := s.Electors(ByElectors); len(got) != 1 || got[0] != "city-b" {
		t.Fatalf("electors: %v", got)
	}
	w.enact(admit("city-z"))
	w.wantAct(3)
}

// Former members' keys cannot overrule what the assembly has accepted since.
func TestAssembly_FormerMembersCannotReachBack(t *testing.T) {
	for _, confirmed := range []bool{false, true} {
		w := newWorld(t, 1, nil)
		first := w.enact(admit("city-x"), admit("city-y"), admit("city-z"))
		for _, handle := range []string{"city-x", "city-y", "city-z"} {
			w.join(handle)
		}
		if confirmed {
			id := w.table(Draft{By: ByAssembly})
			w.approve(id, "city-a", "city-x", "city-y")
			w.certify(id)
		}
		want := w.state().Act()
		old := w.put(Decision{Number: 1, Prev: w.fed, By: ByAssembly, Title: title("mine again")})
		w.carry(protocol.KindCertificate, w.forged(old, Place{1, 0, w.fed, ByAssembly}, "city-a"))
		s := w.state()
		switch {
		case confirmed && s.Act() != want:
			t.Fatalf("the founder's key alone has overruled %v by %v", want, s.Act())
		case !confirmed && s.Act().ID != old:
			t.Fatalf("the assembly of act 0 cannot overrule act %v", first)
		}
	}
}

func TestAssembly_ContradictionIsResolvedInAHigherRound(t *testing.T) {
	w := newWorld(t, 4, nil)
	x := w.table(Draft{By: ByAssembly, Changes: []Change{admit("city-x")}})
	y := w.table(Draft{By: ByAssembly, Changes: []Change{admit("city-y")}})
	p := w.place(ByAssembly)
	w.carry(protocol.KindCertificate, w.forged(x, p, "city-a", "city-b", "city-c"))
	w.wantAct(1)
	if _, ok := CloseRound(w.state(), p); ok {
		t.Fatal("closed without a contradiction")
	}
	w.carry(protocol.KindCertificate, w.forged(y, p, "city-b", "city-c", "city-d"))
	if s := w.state(); s.Halted() == nil || s.Halted().By != ByAssembly {
		t.Fatal("not halted")
	}
	r, ok := CloseRound(w.state(), p)
	if !ok || len(r.Conflict) != 2 {
		t.Fatalf("cannot close: %+v", r)
	}
	w.carry(protocol.KindRound, r)
	if got := w.place(ByAssembly); got.Round != 1 {
		t.Fatalf("round %d", got.Round)
	}
	z := w.table(Draft{By: ByAssembly, Changes: []Change{admit("city-z")}})
	w.approve(z, "city-a", "city-b", "city-d")
	w.certify(z)
	if s := w.state(); s.Halted() != nil || s.Act().ID != z {
		t.Fatalf("act %v, halted %v", s.Act(), s.Halted())
	}
	_, err := SignAnswer(w.state(), Place{1, 1, w.fed, ByAssembly}, protocol.BodyID{}, w.actors["city-c"].node, today)
	reason(t, err, protocol.ReasonStale)
}

func TestRound_AConflictMustBeOne(t *testing.T) {
	w := newWorld(t, 4, nil)
	x := w.table(Draft{By: ByAssembly, Changes: []Change{admit("city-x")}})
	p := w.place(ByAssembly)
	one := w.carry(protocol.KindCertificate, w.forged(x, p, "city-a", "city-b", "city-c"))
	two := w.carry(protocol.KindCertificate, w.forged(x, p, "city-b", "city-c", "city-d"))
	pair := []protocol.BodyID{one, two}
	slices.SortFunc(pair, compareCID)
	w.carry(protocol.KindRound, Round{Number: 1, Prev: w.fed, By: ByAssembly, Conflict: pair})
	if s := w.state(); s.Act().ID != x || s.v.round(1, w.fed, ByAssembly).Round != 0 {
		t.Fatal("two certificates of one decision contradict each other")
	}
}

// A committee of one that answered twice by mistake, as a cloned node would, goes on.
func TestRound_DoubleAnswerOfOneDoesNotJam(t *testing.T) {
	w := newWorld(t, 1, nil)
	x, y := w.table(Draft{By: ByElectors, Changes: []Change{admit("city-x")}}), w.table(Draft{By: ByElectors, Changes: []Change{admit("city-y")}})
	p := w.place(ByElectors)
	w.carry(protocol.KindAnswer, w.forge("city-a", p, x))
	w.carry(protocol.KindAnswer, w.forge("city-a", p, y))
	lower := x
	if compareCID(y, x) < 0 {
		lower = y
	}
	for _, id := range []protocol.ActID{x, y} {
		if _, ok := Certify(w.state(), id); ok != (id == lower) {
			t.Fatalf("certified %v: %v", id.Short(), ok)
		}
	}
	w.certify(lower)
	w.wantAct(1)
}

func TestAnswer_OfACutNodeIsLeftOut(t *testing.T) {
	w := newWorld(t, 3, nil)
	x, y := w.table(Draft{By: ByElectors, Changes: []Change{admit("city-x")}}), w.table(Draft{By: ByElectors, Changes: []Change{admit("city-y")}})
	w.approve(x, "city-a") // by a node that turns out to be stolen
	a := w.actors["city-a"]
	w.root(a, protocol.Statement{Purpose: protocol.PurposeCut, Node: a.node.Public()})
	if _, ok := w.state().Designation("city-a"); ok {
		t.Fatal("a cut node governs")
	}
	w.govern(a, protocoltest.Key("second/city-a"))
	if d, _ := w.state().Decision(x); len(d.Approved) != 0 {
		t.Fatalf("the stolen node's answer counts: %v", d.Approved)
	}
	w.approve(y, "city-a", "city-b")
	w.certify(y)
	w.wantAct(1)
}

func TestRound_Forms(t *testing.T) {
	_, _, _, good := samples()
	pair := []protocol.BodyID{good.Prev, good.Cert}
	slices.SortFunc(pair, compareCID)
	for name, change := range map[string]func(*Round){
		"no answers":                        func(r *Round) { r.Answers = nil },
		"answers and a conflict":            func(r *Round) { r.By, r.Conflict = ByAssembly, pair },
		"a conflict of the electors":        func(r *Round) { r.Answers, r.Conflict = nil, pair },
		"a conflict out of order":           func(r *Round) { r.By, r.Answers, r.Conflict = ByAssembly, nil, []protocol.BodyID{pair[1], pair[0]} },
		"a conflict with itself":            func(r *Round) { r.By, r.Answers, r.Conflict = ByAssembly, nil, []protocol.BodyID{pair[0], pair[0]} },
		"a later round without the closing": func(r *Round) { r.Round = 1 },
		"no certificate of the act before":  func(r *Round) { r.Cert = protocol.BodyID{} },
		"a member twice":                    func(r *Round) { r.Answers = append(r.Answers, r.Answers[0]) },
		"decided by nobody":                 func(r *Round) { r.By = "king" },
	} {
		t.Run(name, func(t *testing.T) {
			r := good
			r.Answers = slices.Clone(good.Answers)
			change(&r)
			reason(t, r.check(), protocol.ReasonMalformed)
		})
	}
	if err := good.check(); err != nil {
		t.Fatal(err)
	}
}

// A closing opens the next round of its own place and of no other.
func TestRound_OpensItsOwnPlaceOnly(t *testing.T) {
	w := newWorld(t, 4, nil)
	assembly, electors := w.place(ByAssembly), w.place(ByElectors)
	none := map[string]protocol.BodyID{"city-a": {}, "city-b": {}, "city-c": {}, "city-d": {}}
	wrong := w.carry(protocol.KindRound, Round{Number: 1, Prev: w.fed, By: ByAssembly, Answers: w.choices(assembly, none)})
	if got := w.place(ByAssembly); got.Round != 1 {
		t.Fatalf("the assembly's round is %d", got.Round)
	}
	id := w.table(Draft{By: ByElectors})
	next := electors
	next.Round = 1
	c := w.forged(id, next, "city-a", "city-b", "city-c")
	c.Closing = wrong
	w.wantInvalidCertificate(c)
	// Nor does a second closing that stands on the wrong first one open anything.
	second := w.carry(protocol.KindRound, Round{Number: 1, Round: 1, Prev: w.fed, By: ByElectors, Closing: wrong, Answers: w.choices(next, none)})
	last := electors
	last.Round = 2
	c = w.forged(id, last, "city-a", "city-b", "city-c")
	c.Closing = second
	w.wantInvalidCertificate(c)
	// The right one does, whenever it comes.
	c = w.forged(id, next, "city-a", "city-b", "city-c")
	right := Round{Number: 1, Prev: w.fed, By: ByElectors, Answers: w.choices(electors, none)}
	_, c.Closing, _ = Body(right)
	w.wantInvalidCertificate(c) // not yet
	w.carry(protocol.KindRound, right)
	w.wantAct(1)
}
