package charter

import (
	"maps"
	"slices"

	"github.com/dure-net/dure/protocol"
)

// State is what a set of blocks says. It is immutable and safe for concurrent use;
// slices and maps that its methods return are the caller's, the texts and changes
// inside them are shared and must not be changed. The zero State is not usable.
type State struct{ v *view }

type view struct {
	federation protocol.FederationID
	tree       *tree
	line       *line   // after the last act that stands
	path       []*act  // the acts that stand, from number 1
	rivals     []*act  // acts that contradict each other after line; nil unless halted
	tips       []*line // the ends of their branches

	inceptions layered[protocol.FeedID, inception]
	byNode     layered[protocol.PublicKey, []protocol.FeedID]
	byRoot     layered[protocol.PublicKey, []protocol.FeedID]
	roots      layered[protocol.PublicKey, *said]
	forks      layered[protocol.FeedID, uint64]

	closings map[Place]protocol.BodyID // by the round that is closed
	tallies  map[Place]*tally
	tabled   []Tabled
	doubles  []Double
	joining  joining
	missing  []protocol.BodyID
	tooNew   []protocol.BodyID
}

// Act is an act of the line. Act 0 is the founding act: it has no decision.
type Act struct {
	Number       uint64
	ID           protocol.ActID
	Prev         protocol.ActID
	Decision     Decision
	Round        uint64          // in which it was certified
	Certificate  protocol.BodyID // the one that the next decision names: the lowest id
	Certificates []protocol.BodyID
	Approved     []string // handles of all approvers known, sorted
}

// Halt is a contradiction that the assembly must resolve: acts with one number after
// one act. Nothing is decided meanwhile and everything else goes on.
type Halt struct {
	Number   uint64
	Prev     protocol.ActID
	By       By // who contradicted themselves
	Branches []Branch
}

// Branch is one side of a halt: its first act, and how many acts follow on it.
type Branch struct {
	Act     Act
	Further int
	Tip     protocol.ActRef // the last act of the branch, on which the assembly can accept it
}

// State is the fold of everything added. It shares nothing that later blocks change.
func (f *Folder) State() State {
	if f.state == nil {
		s := f.fold()
		f.state = &s
	}
	return *f.state
}

func (f *Folder) fold() State {
	f.folds++
	f.extract()
	v := &view{federation: f.court.federation, tree: f.court.grow(), inceptions: f.inceptions.share(), byNode: f.byNode.share(),
		byRoot: f.byRoot.share(), roots: f.roots.share(), forks: f.forks.share()}
	v.line = v.tree.root
	v.path, v.rivals = v.tree.walk(v.line)
	if len(v.path) > 0 {
		v.line = v.path[len(v.path)-1].line
	}
	v.tips = v.tree.tips(v.rivals)
	v.closings = map[Place]protocol.BodyID{}
	for id, r := range f.court.rounds {
		if f.court.round(id) != valid {
			continue
		}
		if old, ok := v.closings[r.Place()]; !ok || compareCID(id, old) < 0 {
			v.closings[r.Place()] = id
		}
	}
	v.tallies = map[Place]*tally{}
	v.tabled = f.table(v)
	for _, by := range []By{ByElectors, ByAssembly} {
		next := v.round(v.line.ref.Number+1, v.line.ref.ID, by)
		f.tally(v, next, v.line, v.floorsOf(v.line.ref.ID))
	}
	v.doubles = f.doubleAnswers(v)
	v.joining = f.joining(v)
	v.tooNew = slices.SortedFunc(maps.Keys(f.tooNew), compareCID)
	v.missing = f.missing()
	return State{v}
}

// Federation is the federation's id: the founding act's CID.
func (s State) Federation() protocol.FederationID { return s.v.federation }

// Act is the last act that stands, number 0 being the founding act. While the line is
// halted it is the act before the contradiction. Its number can fall, when a
// contradiction appears or the assembly overrules: a writer whose feed has named a
// higher one keeps naming that.
func (s State) Act() protocol.ActRef { return s.v.line.ref }

// Names, Charter and Rules are as amended.
func (s State) Names() protocol.Text   { return maps.Clone(s.v.line.names) }
func (s State) Charter() protocol.Text { return maps.Clone(s.v.line.charter) }
func (s State) Rules() protocol.Rules  { return s.v.line.rules }

// Acts lists the acts that stand, the founding act first.
func (s State) Acts() []Act {
	out := []Act{{ID: s.v.federation}}
	for _, a := range s.v.path {
		out = append(out, a.show())
	}
	return out
}

// Overruled lists acts that were certified and do not stand: overruled by the
// assembly, or built on such an act. Acts of a halted line's branches are not among
// them. In order of number and id.
func (s State) Overruled() []Act {
	keep := map[protocol.ActID]bool{}
	for _, a := range s.v.path {
		keep[a.id] = true
	}
	var mark func(*act)
	mark = func(a *act) {
		keep[a.id] = true
		for _, child := range s.v.tree.children[a.id] {
			mark(child)
		}
	}
	for _, a := range s.v.rivals {
		mark(a)
	}
	var out []Act
	for id, a := range s.v.tree.acts {
		if !keep[id] {
			out = append(out, a.show())
		}
	}
	slices.SortFunc(out, compareActs)
	return out
}

// Halted describes the contradiction at the end of the line; nil if there is none.
func (s State) Halted() *Halt {
	if len(s.v.rivals) == 0 {
		return nil
	}
	h := &Halt{Number: s.v.line.ref.Number + 1, Prev: s.v.line.ref.ID, By: s.v.rivals[0].decision.By}
	for _, a := range s.v.rivals {
		path, _ := s.v.tree.walk(a.line)
		b := Branch{Act: a.show(), Further: len(path), Tip: a.line.ref}
		if len(path) > 0 {
			b.Tip = path[len(path)-1].line.ref
		}
		h.Branches = append(h.Branches, b)
	}
	return h
}

// Electors lists the handles of those who decide on the next act, sorted.
func (s State) Electors(by By) []string { return s.v.line.electors(by) }

// Need is how many of them must approve.
func (s State) Need(by By) int { return s.v.line.need(by) }

// Features lists what acts have switched on, oldest first.
func (s State) Features() []Switch { return slices.Clone(s.v.line.features) }

// Feature reports whether an act has switched the feature on.
func (s State) Feature(name string) bool {
	return slices.ContainsFunc(s.v.line.features, func(f Switch) bool { return f.Name == name })
}

// Lacks lists the features that acts have switched on and that are not among those
// known, oldest first: a program that lacks one judges some blocks otherwise than the
// others do. It keeps and passes on everything, and must be updated before it answers.
func (s State) Lacks(known []string) []string {
	var lacks []string
	for _, f := range s.v.line.features {
		if !slices.Contains(known, f.Name) {
			lacks = append(lacks, f.Name)
		}
	}
	return lacks
}

// Erasures lists what acts have ordered to be erased, oldest first.
func (s State) Erasures() []Erasure { return slices.Clone(s.v.line.erasures) }

// Forks lists the proven forks by feed: the lowest seq, settled or not.
func (s State) Forks() map[protocol.FeedID]uint64 { return maps.Collect(s.v.forks.all()) }

// Missing lists bodies that governance blocks name and that have not arrived under
// their kind, sorted. TooNew lists decisions and other governance bodies that this
// node does not understand, sorted: while a certificate of one exists, this node may
// stand behind the line and must be updated.
func (s State) Missing() []protocol.BodyID { return slices.Clone(s.v.missing) }
func (s State) TooNew() []protocol.BodyID  { return slices.Clone(s.v.tooNew) }

func (a *act) show() Act {
	out := Act{Number: a.decision.Number, ID: a.id, Prev: a.decision.Prev, Decision: a.decision, Round: a.round, Certificate: a.certs[0].id}
	for _, c := range a.certs {
		out.Certificates = append(out.Certificates, c.id)
		out.Approved = append(out.Approved, c.approvers...)
	}
	slices.Sort(out.Approved)
	out.Approved = slices.Compact(out.Approved)
	return out
}

// saidBy is what a root key has said; nil if nothing.
func (v *view) saidBy(root protocol.PublicKey) *said {
	s, _ := v.roots.get(root)
	return s
}

func compareActs(a, b Act) int {
	if a.Number != b.Number {
		if a.Number < b.Number {
			return -1
		}
		return 1
	}
	return compareCID(a.ID, b.ID)
}

// missing lists what certificates, closings and decisions name and nobody has brought.
func (f *Folder) missing() []protocol.BodyID {
	want := map[protocol.BodyID]bool{}
	c := f.court
	ask := func(id protocol.BodyID, known bool) {
		if id.Defined() && !known && !f.tooNew[id] {
			want[id] = true
		}
	}
	cert := func(id protocol.BodyID) { _, ok := c.certs[id]; ask(id, ok) }
	round := func(id protocol.BodyID) { _, ok := c.rounds[id]; ask(id, ok) }
	for _, x := range c.certs {
		_, ok := c.decisions[x.Decision]
		ask(x.Decision, ok)
		round(x.Closing)
	}
	for _, x := range c.rounds {
		cert(x.Cert)
		round(x.Closing)
		for _, id := range x.Conflict {
			cert(id)
		}
	}
	for _, d := range c.decisions {
		cert(d.Cert)
	}
	return slices.SortedFunc(maps.Keys(want), compareCID)
}
