package charter

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/protocoltest"
)

// world is a federation whose members write into real feeds. Everything that is
// written goes into blocks, and into a Folder.
type world struct {
	t      *testing.T
	act    protocol.FoundingAct
	fed    protocol.FederationID
	actors map[string]*actor
	blocks []Block
	folder *Folder
	day    string
}

// actor is a member with its keys and one feed.
type actor struct {
	handle     string
	root, node protocol.PrivateKey
	feed       *protocoltest.Feed
	number     uint64 // of its last designation
}

const today = "2026-12-15"

// newWorld founds a federation of cities a, b, c, … which all sit in the steering
// committee, have joined and designated their node. change may edit the act.
func newWorld(t *testing.T, founders int, change func(*protocol.FoundingAct)) *world {
	t.Helper()
	rules, err := RuleSet("charter-2014")
	if err != nil {
		t.Fatal(err)
	}
	f := protocol.FoundingAct{Version: protocol.Version, Names: protocol.Text{"en": "Test federation"},
		Charter: protocol.Text{"en": "Members help one another."}, Rules: rules}
	for i := range founders {
		handle := fmt.Sprintf("city-%c", 'a'+i)
		f.Founders = append(f.Founders, city(handle))
		f.Offices = append(f.Offices, protocol.Term{Office: protocol.OfficeSteering, Member: handle})
	}
	if change != nil {
		change(&f)
	}
	if err := CheckFounding(f); err != nil {
		t.Fatal(err)
	}
	_, fed, err := protocol.EncodeFoundingAct(f)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, act: f, fed: fed, actors: map[string]*actor{}, folder: NewFolder(f, fed), day: today}
	for _, m := range f.Founders {
		w.join(m.Handle)
	}
	return w
}

func city(handle string) protocol.MemberFacts {
	return protocol.MemberFacts{Handle: handle, Kind: protocol.KindCity, Category: protocol.CategoryFull, Country: "KR",
		Names: protocol.Text{"en": handle}, Root: protocoltest.Key("root/" + handle).Public()}
}

// join opens the member's feed and designates its node.
func (w *world) join(handle string) *actor {
	w.t.Helper()
	a := &actor{handle: handle, root: protocoltest.Key("root/" + handle), node: protocoltest.Key("node/" + handle)}
	a.feed = protocoltest.NewFeed(w.fed, a.root, a.node)
	w.actors[handle] = a
	w.add(a.feed.Inception(), nil)
	w.govern(a, a.node)
	return a
}

func (w *world) add(e protocol.Entry, body []byte) {
	w.blocks = append(w.blocks, Block{e, body})
	w.folder.Add(Block{e, body})
}

// say writes a governance body into the actor's feed and returns its id.
func (w *world) say(a *actor, kind protocol.Kind, content any) protocol.BodyID {
	w.t.Helper()
	raw, id, err := Body(content)
	if err != nil {
		w.t.Fatal(err)
	}
	e, _ := a.feed.Add(protocol.Header{Kind: kind}, raw)
	w.add(e, raw)
	return id
}

func (w *world) root(a *actor, s protocol.Statement) protocol.BodyID {
	w.t.Helper()
	s.Federation = w.fed
	signed, err := s.Sign(a.root)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.say(a, protocol.KindStatement, signed)
}

// govern designates a node with the next number.
func (w *world) govern(a *actor, node protocol.PrivateKey) {
	w.t.Helper()
	a.number++
	a.node = node
	w.root(a, protocol.Statement{Purpose: protocol.PurposeGovern, Node: node.Public(), Number: a.number})
}

func (w *world) state() State { return w.folder.State() }

func title(s string) protocol.Text { return protocol.Text{"en": s} }

// table tables a decision, written by the first founder.
func (w *world) table(d Draft) protocol.ActID {
	w.t.Helper()
	if d.Title == nil {
		d.Title = title(fmt.Sprintf("decision %d", len(w.blocks)))
	}
	got, err := NewDecision(w.state(), d)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.put(got)
}

// put writes a decision as it is.
func (w *world) put(d Decision) protocol.ActID {
	w.t.Helper()
	return w.say(w.actors[w.act.Founders[0].Handle], protocol.KindDecision, d)
}

// approve answers the decision's place as an honest elector.
func (w *world) approve(id protocol.ActID, handles ...string) {
	w.t.Helper()
	for _, handle := range handles {
		d, ok := w.state().Decision(id)
		if !ok {
			w.t.Fatal("the decision is not known")
		}
		w.answer(handle, d.Place, id)
	}
}

func (w *world) answer(handle string, p Place, choice protocol.BodyID) {
	w.t.Helper()
	a := w.actors[handle]
	got, err := SignAnswer(w.state(), p, choice, a.node, w.day)
	if err != nil {
		w.t.Fatalf("%s cannot answer: %v", handle, err)
	}
	w.say(a, protocol.KindAnswer, got)
}

// forge signs an answer without asking whether an honest elector would.
func (w *world) forge(handle string, p Place, choice protocol.BodyID) Answer {
	w.t.Helper()
	a := w.actors[handle]
	return w.forgeAs(a.root, a.node, a.number, p, choice)
}

func (w *world) forgeAs(root, node protocol.PrivateKey, number uint64, p Place, choice protocol.BodyID) Answer {
	w.t.Helper()
	st, err := protocol.Statement{Federation: w.fed, Purpose: protocol.PurposeGovern, Node: node.Public(), Number: number}.Sign(root)
	if err != nil {
		w.t.Fatal(err)
	}
	got, err := Answer{Number: p.Number, Round: p.Round, Prev: p.Prev, By: p.By, Decision: choice, Approval: Approval{
		Root: root.Public(), Node: node.Public(), Designation: number, Designated: st.Signature, Day: w.day}}.sign(w.fed, node)
	if err != nil {
		w.t.Fatal(err)
	}
	return got
}

// certify makes and writes the certificate of a decision that has enough approvals.
func (w *world) certify(id protocol.ActID) protocol.BodyID {
	w.t.Helper()
	c, ok := Certify(w.state(), id)
	if !ok {
		d, _ := w.state().Decision(id)
		w.t.Fatalf("no certificate: %s %v, %d of %d, unheard %v", d.Condition, d.Fault, len(d.Approved), d.Need, d.Unheard)
	}
	return w.say(w.actors[w.act.Founders[0].Handle], protocol.KindCertificate, c)
}

// forged is a certificate of answers that electors would not honestly give.
func (w *world) forged(id protocol.ActID, p Place, handles ...string) Certificate {
	w.t.Helper()
	c := Certificate{Decision: id, Round: p.Round}
	for _, handle := range handles {
		c.Approvals = append(c.Approvals, w.forge(handle, p, id).Approval)
	}
	slices.SortFunc(c.Approvals, func(a, b Approval) int { return bytes.Compare(a.Root[:], b.Root[:]) })
	return c
}

func (w *world) carry(kind protocol.Kind, content any) protocol.BodyID {
	w.t.Helper()
	return w.say(w.actors[w.act.Founders[0].Handle], kind, content)
}

// enact brings changes through the electors: tabled, approved by as many as needed, certified.
func (w *world) enact(changes ...Change) protocol.ActID {
	w.t.Helper()
	return w.enactBy(Draft{By: ByElectors, Changes: changes})
}

func (w *world) enactBy(draft Draft) protocol.ActID {
	w.t.Helper()
	id := w.table(draft)
	d, _ := w.state().Decision(id)
	if d.Condition != ConditionOpen {
		w.t.Fatalf("the decision is %s: %v", d.Condition, d.Fault)
	}
	left := d.Need
	for _, handle := range d.Electors {
		if st, ok := w.state().Designation(handle); ok && left > 0 && st.Node == w.actors[handle].node.Public() {
			w.approve(id, handle)
			left--
		}
	}
	w.certify(id)
	if got, _ := w.state().Decision(id); got.Condition != ConditionAct {
		w.t.Fatalf("certified and yet %s", got.Condition)
	}
	return id
}

// place is what the next act after the last one is answered at.
func (w *world) place(by By) Place { return w.state().Place(by) }

// wantAct checks the number of the last act that stands.
func (w *world) wantAct(number uint64) {
	w.t.Helper()
	if got := w.state().Act().Number; got != number {
		w.t.Fatalf("the line stands at act %d, want %d", got, number)
	}
}

// wantInvalidCertificate writes a certificate that must change nothing.
func (w *world) wantInvalidCertificate(c Certificate) {
	w.t.Helper()
	before := w.state().Act()
	w.carry(protocol.KindCertificate, c)
	if got := w.state().Act(); got != before {
		w.t.Fatalf("an invalid certificate made act %d", got.Number)
	}
}

func reason(t *testing.T, err error, want protocol.Reason) {
	t.Helper()
	if got := protocol.ReasonOf(err); got != want {
		t.Fatalf("reason %s, want %s (%v)", got, want, err)
	}
}

func admit(handle string) Change {
	facts := city(handle)
	return Change{What: ChangeAdmit, Facts: &facts}
}
