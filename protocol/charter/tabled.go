package charter

import (
	"slices"

	"github.com/dure-net/dure/protocol"
)

// Condition is where a tabled decision stands. Append only.
type Condition string

const (
	ConditionOpen    Condition = "open"    // can be answered
	ConditionAct     Condition = "act"     // stands on the line
	ConditionStale   Condition = "stale"   // another act has taken its place, or the act it builds on does not stand
	ConditionInvalid Condition = "invalid" // breaks a rule: never becomes an act
	ConditionWaiting Condition = "waiting" // names something that has not arrived, or that is not certified yet
	ConditionHalted  Condition = "halted"  // part of, or built on, a contradiction that the assembly must resolve
)

// Tabled is a decision and where it stands. The lists are handles, sorted; those of
// answers are of the open round of its place and empty unless the condition is open.
type Tabled struct {
	ID        protocol.ActID
	Decision  Decision
	Condition Condition
	Fault     Fault // condition invalid: which rule

	Place     Place
	Electors  []string
	Need      int
	Approved  []string // approvals that count
	None      []string // "none of these"
	Elsewhere []string // answered with another decision, or on a day that does not count
	Unheard   []string // not answered
	Objected  bool     // the living old root key objects: approvals are refused by honest nodes

	floors map[protocol.PublicKey]uint64 // designations along the certificate it names
}

// Enough reports whether a certificate can be made.
func (t Tabled) Enough() bool { return t.Condition == ConditionOpen && len(t.Approved) >= t.Need }

// Lacking is how many approvals are still needed.
func (t Tabled) Lacking() int { return max(t.Need-len(t.Approved), 0) }

// Decisions lists every decision known, in order of number, who decides, and id.
func (s State) Decisions() []Tabled { return slices.Clone(s.v.tabled) }

// Open lists the decisions that can be answered.
func (s State) Open() []Tabled {
	return slices.DeleteFunc(s.Decisions(), func(t Tabled) bool { return t.Condition != ConditionOpen })
}

// Decision finds a decision by its id.
func (s State) Decision(id protocol.ActID) (Tabled, bool) {
	i := slices.IndexFunc(s.v.tabled, func(t Tabled) bool { return t.ID == id })
	if i < 0 {
		return Tabled{}, false
	}
	return s.v.tabled[i], true
}

// Place is what the electors, or the assembly, can answer next after the last act.
func (s State) Place(by By) Place {
	return s.v.round(s.v.line.ref.Number+1, s.v.line.ref.ID, by)
}

// table judges every decision.
func (f *Folder) table(v *view) []Tabled {
	stands := map[protocol.ActID]bool{}
	for _, a := range v.path {
		stands[a.id] = true
	}
	contested := map[protocol.ActID]bool{}
	for _, tip := range v.tips {
		for l := tip; l != nil && l.ref.ID != v.line.ref.ID; l = v.lineOf(l.prev) {
			contested[l.ref.ID] = true
		}
	}
	out := make([]Tabled, 0, len(f.court.decisions))
	for id, d := range f.court.decisions {
		t := Tabled{ID: id, Decision: d}
		base := v.lineOf(d.Prev)
		switch {
		case stands[id]:
			t.Condition = ConditionAct
		case contested[id]:
			t.Condition = ConditionHalted
		case base == nil:
			t.Condition = ConditionWaiting
		default:
			f.place(v, &t, base, stands, contested)
		}
		// A decision that only a feed that does not stand brings is not known everywhere.
		// While it can be answered it is carried on; afterwards it says nothing.
		switch t.Condition {
		case ConditionStale, ConditionInvalid, ConditionWaiting:
			if !f.brought(State{v}, carried{protocol.KindDecision, id}) {
				continue
			}
		}
		out = append(out, t)
	}
	slices.SortFunc(out, func(a, b Tabled) int {
		if c := comparePlaces(Place{Number: a.Decision.Number, By: a.Decision.By}, Place{Number: b.Decision.Number, By: b.Decision.By}); c != 0 {
			return c
		}
		return compareCID(a.ID, b.ID)
	})
	return out
}

// settled reports whether the assembly has already said what follows a state, by an
// act of its own or by accepting an act of the electors.
func (v *view) settled(base *line) bool {
	a, rivals := v.tree.next(base)
	if a != nil {
		rivals = []*act{a}
	}
	return slices.ContainsFunc(rivals, func(a *act) bool {
		if a.decision.By == ByAssembly {
			return len(rivals) == 1
		}
		return v.tree.accepted(base, a)
	})
}

// place judges a decision whose base is certified.
func (f *Folder) place(v *view, t *Tabled, base *line, stands, contested map[protocol.ActID]bool) {
	d := t.Decision
	if _, fault := f.court.after(base, d, t.ID); !fault.OK() {
		t.Condition, t.Fault = ConditionInvalid, fault
		return
	}
	if _, certified := v.tree.acts[t.ID]; certified {
		t.Condition = ConditionStale
		return
	}
	_, floors, j := f.court.base(d.Number, d.Prev, d.Cert)
	switch {
	case j == invalid:
		t.Condition, t.Fault = ConditionInvalid, Fault{Why: WhyWrongCertificate, Change: -1}
		return
	case j == incomplete:
		t.Condition = ConditionWaiting
		return
	}
	onLine := d.Prev == v.federation || stands[d.Prev]
	switch {
	case !onLine && contested[d.Prev] && d.By == ByElectors, d.By == ByElectors && onLine && base == v.line && len(v.rivals) > 0:
		t.Condition = ConditionHalted
		return
	case !onLine && !contested[d.Prev], d.By == ByElectors && base != v.line:
		t.Condition = ConditionStale
		return
	case d.By == ByAssembly && v.settled(base):
		t.Condition = ConditionStale // the assembly has already said what follows
		return
	}
	t.Condition, t.floors, t.Place = ConditionOpen, floors, v.round(d.Number, d.Prev, d.By)
	f.count(v, t, base, floors)
}

// count fills in the answers of an open decision.
func (f *Folder) count(v *view, t *Tabled, base *line, floors map[protocol.PublicKey]uint64) {
	// The tally of a place uses the floors of the act's leading certificate; a decision
	// that names another certificate of it can have higher ones, checked below.
	all := f.tally(v, t.Place, base, v.floorsOf(t.Decision.Prev))
	after, until := base.dayLimits(t.Decision)
	t.Electors, t.Need = slices.Clone(all.voters), all.need
	for _, handle := range all.voters {
		choice, answered := all.choice(handle)
		a, approved := all.approval(handle, t.ID, after, until)
		switch {
		case !answered:
			t.Unheard = append(t.Unheard, handle)
		case approved && a.Designation >= floors[a.Root]:
			t.Approved = append(t.Approved, handle)
		case choice.IsZero():
			t.None = append(t.None, handle)
		default:
			t.Elsewhere = append(t.Elsewhere, handle)
		}
	}
	for _, c := range t.Decision.Changes {
		if m := base.members[c.Member]; c.What == ChangeConfirmRebind && t.Decision.By == ByElectors && m != nil && v.objected(m) {
			t.Objected = true
		}
	}
}

// objected reports whether the member's root key objects to its announced replacement.
func (v *view) objected(m *member) bool {
	s := v.saidBy(m.facts.Root)
	if m.rebind == nil || s == nil {
		return false
	}
	objected, _ := s.objections.get(m.rebind.Act.ID)
	return objected
}
