package charter

import (
	"fmt"
	"testing"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/protocoltest"
)

func TestLine_DecisionBecomesAnActByCertificate(t *testing.T) {
	w := newWorld(t, 3, nil)
	id := w.table(Draft{By: ByElectors, Changes: []Change{admit("city-x")}})
	w.approve(id, "city-a")
	if _, ok := Certify(w.state(), id); ok {
		t.Fatal("one of three is enough for a certificate")
	}
	d, _ := w.state().Decision(id)
	if d.Lacking() != 1 || len(d.Unheard) != 2 || d.Need != 2 {
		t.Fatalf("lacking %d, unheard %v, need %d", d.Lacking(), d.Unheard, d.Need)
	}
	w.approve(id, "city-c")
	cert := w.certify(id)
	w.wantAct(1)
	acts := w.state().Acts()
	if len(acts) != 2 || acts[1].ID != id || acts[1].Certificate != cert || len(acts[1].Approved) != 2 {
		t.Fatalf("acts: %+v", acts)
	}
	m, ok := w.state().Member("city-x")
	if !ok || m.Status != StatusMember || m.Since.Number != 1 || m.Joined || m.Founder {
		t.Fatalf("member: %+v", m)
	}
	w.join("city-x")
	if m, _ := w.state().Member("city-x"); !m.Joined || len(m.Nodes) != 1 || !m.Nodes[0].Governing {
		t.Fatalf("after joining: %+v", m)
	}
	if handle, ok := w.state().MemberOfNode(w.actors["city-x"].node.Public()); !ok || handle != "city-x" {
		t.Fatalf("node of %q %v", handle, ok)
	}
}

func TestLine_FoundersCountBeforeTheyJoin(t *testing.T) {
	w := newWorld(t, 3, nil)
	lonely := Fold(w.act, w.fed, w.blocks[:2]) // one founder only has been seen
	if got := lonely.Need(ByElectors); got != 2 {
		t.Fatalf("need %d of the electors, want 2", got)
	}
	if m, _ := lonely.Member("city-b"); m.Status != StatusInvited || m.Joined {
		t.Fatalf("founder: %+v", m)
	}
}

// Every change, what it does, and every rule that it can break.
func TestLine_Changes(t *testing.T) {
	org := city("org-o")
	org.Kind = protocol.KindOrganisation
	orgWithCity := org
	orgWithCity.City = "Seoul"
	sameRoot := city("city-y")
	sameRoot.Root = city("city-a").Root
	bare := city("city-y")
	bare.Category = ""
	lax, strict := ruleSets()["charter-2014"], ruleSets()["bylaws-2025"]
	lax.Threshold = protocol.Ratio{Num: 1, Den: 3}
	half := ruleSets()["charter-2014"]
	half.Assembly = protocol.Ratio{Num: 1, Den: 2}
	all := ruleSets()["charter-2014"]
	all.Threshold = protocol.Ratio{Num: 3, Den: 3}
	newRoot := protocoltest.Key("root/new").Public()
	key := protocoltest.Key("invitation").Public()
	used := admit("city-y")
	used.Invitation = key
	usedAgain := admit("city-z")
	usedAgain.Invitation = key

	steering, chair := protocol.OfficeSteering, protocol.OfficeChairCity
	appoint := func(o protocol.Office, m string) Change { return Change{What: ChangeAppoint, Office: o, Member: m} }
	end := func(o protocol.Office, m string) Change { return Change{What: ChangeEndOffice, Office: o, Member: m} }
	member := func(w What, m string) Change { return Change{What: w, Member: m} }
	associate := admit("city-s")
	associate.Facts.Category = protocol.CategoryAssociate

	for _, c := range []struct {
		name    string
		by      By
		changes []Change
		why     Why
		at      int
	}{
		{"admit", ByElectors, []Change{admit("city-y")}, "", 0},
		{"admit a handle that is taken", ByElectors, []Change{admit("city-b")}, WhyHandleTaken, 0},
		{"admit a handle that was removed", ByElectors, []Change{member(ChangeRemove, "city-b"), admit("city-b")}, WhyHandleTaken, 1},
		{"admit a root that is taken", ByElectors, []Change{{What: ChangeAdmit, Facts: &sameRoot}}, WhyRootTaken, 0},
		{"admit without a category", ByElectors, []Change{{What: ChangeAdmit, Facts: &bare}}, WhyNoCategory, 0},
		{"admit an organisation without its city", ByElectors, []Change{{What: ChangeAdmit, Facts: &org}}, WhyOrganisationCity, 0},
		{"admit an organisation", ByElectors, []Change{{What: ChangeAdmit, Facts: &orgWithCity}}, "", 0},
		{"one invitation for two", ByElectors, []Change{used, usedAgain}, WhyInvitationUsed, 1},
		{"suspend", ByElectors, []Change{member(ChangeSuspend, "city-b")}, "", 0},
		{"suspend nobody", ByElectors, []Change{member(ChangeSuspend, "city-y")}, WhyUnknownMember, 0},
		{"suspend twice", ByElectors, []Change{member(ChangeSuspend, "city-b"), member(ChangeSuspend, "city-b")}, WhySuspended, 1},
		{"reinstate one who is not suspended", ByElectors, []Change{member(ChangeReinstate, "city-b")}, WhyNotSuspended, 0},
		{"suspend all", ByElectors, []Change{member(ChangeSuspend, "city-a"), member(ChangeSuspend, "city-b"), member(ChangeSuspend, "city-c")}, WhyNoFullMember, -1},
		{"remove", ByElectors, []Change{member(ChangeRemove, "city-b")}, "", 0},
		{"remove twice", ByElectors, []Change{member(ChangeRemove, "city-b"), member(ChangeRemove, "city-b")}, WhyRemoved, 1},
		{"categorise to what it is", ByElectors, []Change{{What: ChangeCategorise, Member: "city-b", Category: protocol.CategoryFull}}, WhySameCategory, 0},
		{"categorise to nothing known", ByElectors, []Change{{What: ChangeCategorise, Member: "city-b", Category: "elder"}}, WhyNeedsFullMember, 0},
		{"a committee member loses its vote", ByElectors, []Change{{What: ChangeCategorise, Member: "city-b", Category: protocol.CategoryAllied}}, WhyNeedsFullMember, 0},
		{"after its office has ended", ByElectors, []Change{end(steering, "city-b"), {What: ChangeCategorise, Member: "city-b", Category: protocol.CategoryAllied}}, "", 0},
		{"charter without a language", ByElectors, []Change{{What: ChangeAmendCharter, Drop: []string{"en"}}}, WhyNoText, 0},
		{"names", ByElectors, []Change{{What: ChangeAmendNames, Text: protocol.Text{"ko": "연합"}}}, "", 0},
		{"a threshold below half", ByElectors, []Change{{What: ChangeAmendRules, Rules: &lax}}, WhyBadRules, 0},
		{"an assembly of half", ByElectors, []Change{{What: ChangeAmendRules, Rules: &half}}, WhyBadRules, 0},
		{"more than all", ByElectors, []Change{{What: ChangeAmendRules, Rules: &all}}, WhyBadRules, 0},
		{"rules with colleges", ByElectors, []Change{{What: ChangeAmendRules, Rules: &strict}}, "", 0},
		{"appoint twice", ByElectors, []Change{appoint(steering, "city-a")}, WhyOfficeHeld, 0},
		{"two chair cities", ByElectors, []Change{appoint(chair, "city-a"), appoint(chair, "city-b")}, WhyOfficeHeld, 1},
		{"chair city changes hands", ByElectors, []Change{appoint(chair, "city-a"), end(chair, "city-a"), appoint(chair, "city-b")}, "", 0},
		{"appoint a suspended member", ByElectors, []Change{member(ChangeSuspend, "city-b"), appoint(chair, "city-b")}, WhySuspended, 1},
		{"appoint an associate", ByElectors, []Change{associate, appoint(chair, "city-s")}, WhyNeedsFullMember, 1},
		{"an office nobody knows", ByElectors, []Change{appoint("king", "city-b")}, WhyUnknownOffice, 0},
		{"a term that ends before it begins", ByElectors, []Change{{What: ChangeAppoint, Office: chair, Member: "city-a", From: "2027-01-02", To: "2027-01-01"}}, WhyBadDay, 0},
		{"end an office not held", ByElectors, []Change{end(chair, "city-b")}, WhyOfficeNotHeld, 0},
		{"rebind without a waiting time", ByElectors, []Change{{What: ChangeRebind, Member: "city-b", Root: newRoot}}, WhyNeedsUntil, 0},
		{"the assembly waits for nobody", ByAssembly, []Change{{What: ChangeRebind, Member: "city-b", Root: newRoot, Until: "2027-02-01"}}, WhyNoWaiting, 0},
		{"the assembly rebinds at once", ByAssembly, []Change{{What: ChangeRebind, Member: "city-b", Root: newRoot}}, "", 0},
		{"rebind to a key in use", ByAssembly, []Change{{What: ChangeRebind, Member: "city-b", Root: city("city-a").Root}}, WhyRootTaken, 0},
		{"confirm what was not announced", ByElectors, []Change{{What: ChangeConfirmRebind, Member: "city-b", Root: newRoot}}, WhyNothingToConfirm, 0},
		{"announce and confirm at once", ByElectors, []Change{{What: ChangeRebind, Member: "city-b", Root: newRoot, Until: "2027-02-01"}, {What: ChangeConfirmRebind, Member: "city-b", Root: newRoot}}, WhyNothingToConfirm, 1},
		{"erase twice", ByElectors, []Change{{What: ChangeErase, Entry: protocol.Sum([]byte("x"))}, {What: ChangeErase, Entry: protocol.Sum([]byte("x"))}}, WhyAlreadyErased, 1},
		{"a feature twice", ByElectors, []Change{{What: ChangeFeature, Feature: "votes"}, {What: ChangeFeature, Feature: "votes"}}, WhyAlreadyOn, 1},
		{"a resolution in words", ByElectors, nil, "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, 3, nil)
			_, err := NewDecision(w.state(), Draft{By: c.by, Title: title("test"), Changes: c.changes})
			// A writer that does not ask its own state cannot get the decision through either.
			id := w.put(Decision{Number: 1, Prev: w.fed, By: c.by, Title: title("test"), Changes: c.changes})
			w.carry(protocol.KindCertificate, w.forged(id, w.place(c.by), "city-a", "city-b", "city-c"))
			d, _ := w.state().Decision(id)
			if c.why == "" {
				if err != nil {
					t.Fatal(err)
				}
				w.wantAct(1)
				return
			}
			reason(t, err, protocol.ReasonInvalid)
			w.wantAct(0)
			if d.Condition != ConditionInvalid || d.Fault.Why != c.why || d.Fault.Change != c.at {
				t.Fatalf("%s %+v, want %s at %d", d.Condition, d.Fault, c.why, c.at)
			}
		})
	}
}

func TestLine_EffectsOfChanges(t *testing.T) {
	w := newWorld(t, 4, nil)
	w.enact(Change{What: ChangeAppoint, Office: protocol.OfficeHostCity, Member: "city-b", From: "2027-01-01", To: "2028-12-31"},
		Change{What: ChangeAmendNames, Text: protocol.Text{"ko": "연합"}},
		Change{What: ChangeAmendCharter, Text: protocol.Text{"fr": "Entraide."}, Drop: []string{"en"}},
		Change{What: ChangeFeature, Feature: "assemblies"},
		Change{What: ChangeErase, Entry: protocol.Sum([]byte("entry")), Why: title("asked for")})
	s := w.state()
	if n := s.Names(); n["ko"] != "연합" || n["en"] == "" {
		t.Errorf("names: %v", n)
	}
	if c := s.Charter(); len(c) != 1 || c["fr"] == "" {
		t.Errorf("charter: %v", c)
	}
	if !s.Feature("assemblies") || s.Feature("other") || s.Features()[0].Act.Number != 1 {
		t.Errorf("features: %v", s.Features())
	}
	if l := s.Lacks([]string{"other"}); len(l) != 1 || l[0] != "assemblies" || len(s.Lacks([]string{"assemblies"})) != 0 {
		t.Errorf("lacks: %v", l)
	}
	if e := s.Erasures(); len(e) != 1 || e[0].Entry != protocol.Sum([]byte("entry")) {
		t.Errorf("erasures: %v", e)
	}
	for day, want := range map[string][2]bool{"2026-12-31": {false, true}, "2027-01-01": {}, "2028-12-31": {}, "2029-01-01": {true, false}} {
		o := s.Offices(day)
		if last := o[len(o)-1]; last.Office != protocol.OfficeHostCity || last.Over != want[0] || last.Ahead != want[1] {
			t.Errorf("on %s: %+v", day, last)
		}
	}
	w.enact(Change{What: ChangeSuspend, Member: "city-d"})
	if got := w.state().Electors(ByElectors); len(got) != 3 {
		t.Errorf("electors with one suspended: %v", got)
	}
	w.enact(Change{What: ChangeReinstate, Member: "city-d"})
	if got := w.state().Electors(ByElectors); len(got) != 4 {
		t.Errorf("electors after reinstatement: %v", got)
	}
	w.enact(Change{What: ChangeRemove, Member: "city-b"})
	if m, _ := w.state().Member("city-b"); m.Status != StatusRemoved || len(m.Offices) != 0 {
		t.Errorf("removed: %+v", m)
	}
}

func TestLine_CommitteeWithoutHoldersIsReplacedByFullMembers(t *testing.T) {
	w := newWorld(t, 3, func(f *protocol.FoundingAct) { f.Offices = f.Offices[:1] })
	if got := w.state().Electors(ByElectors); len(got) != 1 || got[0] != "city-a" {
		t.Fatalf("electors: %v", got)
	}
	w.enact(Change{What: ChangeEndOffice, Office: protocol.OfficeSteering, Member: "city-a"})
	if got := w.state().Electors(ByElectors); len(got) != 3 {
		t.Fatalf("electors without a committee: %v", got)
	}
}

func TestLine_OldElectorsAfterAmending(t *testing.T) {
	w := newWorld(t, 5, func(f *protocol.FoundingAct) { f.Offices = f.Offices[:1] })
	rules := w.state().Rules()
	rules.Name, rules.Electors = "ours", ElectorsAssembly
	w.enact(Change{What: ChangeAmendRules, Rules: &rules})
	if got := w.state().Need(ByElectors); got != 3 {
		t.Fatalf("need %d", got)
	}
	d, err := NewDecision(w.state(), Draft{By: ByElectors, Title: title("x")})
	if err != nil {
		t.Fatal(err)
	}
	id := w.put(d)
	w.wantInvalidCertificate(w.forged(id, w.place(ByElectors), "city-a"))
	w.wantInvalidCertificate(w.forged(id, w.place(ByElectors), "city-a", "city-b"))
	w.carry(protocol.KindCertificate, w.forged(id, w.place(ByElectors), "city-a", "city-b", "city-c"))
	w.wantAct(2)
}

func TestCheckFounding_RefusesWhatCouldNeverDecide(t *testing.T) {
	good := newWorld(t, 3, nil).act
	for name, c := range map[string]struct {
		change func(*protocol.FoundingAct)
		why    Why
	}{
		"no full member":            {func(f *protocol.FoundingAct) { f.Offices = nil; set(f, protocol.CategoryAssociate) }, WhyNoFullMember},
		"no category":               {func(f *protocol.FoundingAct) { f.Founders[1].Category = "" }, WhyNoCategory},
		"organisation without city": {func(f *protocol.FoundingAct) { f.Founders[1].Kind = protocol.KindOrganisation }, WhyOrganisationCity},
		"rules without a name":      {func(f *protocol.FoundingAct) { f.Rules.Name = "" }, WhyBadRules},
		"rules without electors":    {func(f *protocol.FoundingAct) { f.Rules.Electors = "king" }, WhyBadRules},
		"threshold of zero":         {func(f *protocol.FoundingAct) { f.Rules.Threshold = protocol.Ratio{} }, WhyBadRules},
		"huge denominator":          {func(f *protocol.FoundingAct) { f.Rules.Threshold = protocol.Ratio{Num: 1 << 62, Den: 1<<63 - 1} }, WhyBadRules},
		"office held twice":         {func(f *protocol.FoundingAct) { f.Offices = append(f.Offices, f.Offices[0]) }, WhyOfficeHeld},
		"office of nobody's":        {func(f *protocol.FoundingAct) { f.Offices[0].Office = "king" }, WhyUnknownOffice},
		"bad day":                   {func(f *protocol.FoundingAct) { f.Offices[0].From = "2026-02-30" }, WhyBadDay},
		"colleges beyond the whole": {func(f *protocol.FoundingAct) { f.Rules.Colleges = []protocol.College{{Name: "x", Weight: 9999}} }, WhyBadRules},
	} {
		t.Run(name, func(t *testing.T) {
			f := good
			f.Founders = append([]protocol.MemberFacts(nil), good.Founders...)
			f.Offices = append([]protocol.Term(nil), good.Offices...)
			c.change(&f)
			err := CheckFounding(f)
			reason(t, err, protocol.ReasonInvalid)
			if e := err.(*protocol.Error); e.Args["why"] != string(c.why) {
				t.Fatalf("why %s, want %s", e.Args["why"], c.why)
			}
		})
	}
	if err := CheckFounding(good); err != nil {
		t.Fatal(err)
	}
}

func set(f *protocol.FoundingAct, c protocol.Category) {
	for i := range f.Founders {
		f.Founders[i].Category = c
	}
}

func TestRuleSet_AllAreUsable(t *testing.T) {
	for _, name := range RuleSets() {
		r, err := RuleSet(name)
		if err != nil || r.Name != name || !checkRules(r) {
			t.Errorf("%s: %v %+v", name, err, r)
		}
	}
	_, err := RuleSet("none")
	reason(t, err, protocol.ReasonNotFound)
}

func TestNeed_CountsMembersExactly(t *testing.T) {
	for _, c := range []struct {
		num, den uint64
		total    int
		by       By
		want     int
	}{
		{1, 2, 1, ByElectors, 1}, {1, 2, 2, ByElectors, 2}, {1, 2, 3, ByElectors, 2}, {1, 2, 4, ByElectors, 3}, {1, 2, 20, ByElectors, 11},
		{2, 3, 3, ByElectors, 3}, {2, 3, 4, ByElectors, 3},
		{2, 3, 1, ByAssembly, 1}, {2, 3, 2, ByAssembly, 2}, {2, 3, 3, ByAssembly, 2}, {2, 3, 4, ByAssembly, 3}, {2, 3, 61, ByAssembly, 41}, {1, 1, 5, ByAssembly, 5},
	} {
		if got := need(protocol.Ratio{Num: c.num, Den: c.den}, c.total, c.by); got != c.want {
			t.Errorf("%d/%d of %d by the %s: %d, want %d", c.num, c.den, c.total, c.by, got, c.want)
		}
	}
}

// More electors than a certificate holds could never act.
func TestCheckFounding_BoundsTheElectorate(t *testing.T) {
	rules, err := RuleSet("charter-2014")
	if err != nil {
		t.Fatal(err)
	}
	f := protocol.FoundingAct{Version: protocol.Version, Names: title("large"), Rules: rules}
	for i := range 241 {
		f.Founders = append(f.Founders, city(fmt.Sprintf("city-%d", i)))
	}
	reason(t, CheckFounding(f), protocol.ReasonInvalid)
	f.Founders = f.Founders[:240]
	if err := CheckFounding(f); err != nil {
		t.Fatal(err)
	}
	l := founding(f, protocol.Sum([]byte("large")))
	facts := city("city-x")
	if _, fault := l.apply(Decision{Number: 1, Prev: l.ref.ID, By: ByElectors, Title: title("x"), Changes: []Change{{What: ChangeAdmit, Facts: &facts}}}, protocol.Sum([]byte("1"))); fault.Why != WhyTooManyElectors {
		t.Fatalf("the 241st full member: %+v", fault)
	}
}

func TestState_FindsAndLists(t *testing.T) {
	w := newWorld(t, 3, nil)
	open := w.table(Draft{By: ByElectors, Changes: []Change{admit("city-x")}})
	s := w.state()
	if s.Federation() != w.fed {
		t.Error("another federation")
	}
	if list := s.Open(); len(list) != 1 || list[0].ID != open || list[0].Enough() {
		t.Errorf("open: %+v", list)
	}
	w.approve(open, "city-a", "city-b")
	w.certify(open)
	s = w.state()
	if len(s.Open()) != 0 || len(s.Decisions()) != 1 {
		t.Errorf("open %d, all %d", len(s.Open()), len(s.Decisions()))
	}
	for _, m := range s.Members() {
		if got, ok := s.ByRoot(m.Facts.Root); !ok || got.Facts.Handle != m.Facts.Handle {
			t.Errorf("%s is not found by its root key", m.Facts.Handle)
		}
	}
	if _, ok := s.ByRoot(protocoltest.Key("stranger").Public()); ok {
		t.Error("a stranger is found")
	}
	if _, ok := s.Member("city-q"); ok {
		t.Error("nobody is found")
	}
	if _, ok := s.Designation("city-q"); ok {
		t.Error("nobody governs")
	}
}
