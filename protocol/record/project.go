package record

import "github.com/dure-net/dure/protocol"

// Project is own or joint work with an aim, a place and a time. The writer leads it;
// partners are only invited until they say so themselves.
type Project struct {
	Base
	Title       Text                `cbor:"title" json:"title"`
	Summary     Text                `cbor:"summary" json:"summary"`
	Body        Text                `cbor:"body,omitempty" json:"body,omitempty"`
	Status      string              `cbor:"status" json:"status"`
	Themes      []string            `cbor:"themes" json:"themes"`
	SDGs        []uint64            `cbor:"sdgs,omitempty" json:"sdgs,omitempty"`
	Place       *Place              `cbor:"place" json:"place"`
	Starts      Day                 `cbor:"starts" json:"starts"`
	Ends        Day                 `cbor:"ends,omitempty" json:"ends,omitempty"`
	Partners    []string            `cbor:"partners,omitempty" json:"partners,omitempty"` // handles of members
	Goals       []Goal              `cbor:"goals,omitempty" json:"goals,omitempty"`
	Budget      *Money              `cbor:"budget,omitempty" json:"budget,omitempty"` // a declaration
	Links       []protocol.RecordID `cbor:"links,omitempty" json:"links,omitempty"`   // offers, requests, experiences
	Attachments []Attachment        `cbor:"attachments,omitempty" json:"attachments,omitempty"`
}

// Goal is one thing a project wants to reach, in words and, where it can be counted,
// in numbers. Target and Reached have one unit.
type Goal struct {
	Text    Text `cbor:"text" json:"text"`
	Target  *Qty `cbor:"target,omitempty" json:"target,omitempty"`
	Reached *Qty `cbor:"reached,omitempty" json:"reached,omitempty"`
}

const (
	maxPartners = 30
	maxGoals    = 10
	maxGoal     = maxSummary
	maxLinks    = 30
)

func (p *Project) Kind() protocol.Kind { return protocol.KindProject }
func (p *Project) Content() any        { return p }
func (p *Project) Head() Head          { return headOf(p) }

func (p *Project) Refs() []protocol.CID { return links(pointers(p.Links)...) }

func bindProject(o *object) Record {
	p := &Project{Base: o.base(protocol.KindProject)}
	p.Title = o.text("title", must, maxTitle, oneLine)
	p.Summary = o.text("summary", must, maxSummary, lines)
	p.Body = o.text("body", may, 8000, lines)
	p.Status = o.code("status", must, ProjectStatuses)
	p.Themes = o.codes("themes", must, Themes, 1, 5)
	p.SDGs = o.sdgs(5)
	p.Place = o.place("place", must)
	p.Starts = o.day("starts", must)
	p.Ends = o.day("ends", want{doc: "not before starts"})
	o.notBefore("ends", p.Ends, o.at("starts"), p.Starts)
	p.Partners = o.handles("partners", may, maxPartners)
	p.Goals = each(o, "goals", may, maxGoals, func(o *object) Goal {
		g := Goal{Text: o.text("text", must, maxGoal, lines), Target: o.qty("target", may, Units), Reached: o.qty("reached", may, Units)}
		if g.Target != nil && g.Reached != nil && g.Target.Unit != g.Reached.Unit && g.Target.Unit != "" && g.Reached.Unit != "" {
			o.fault(o.at("reached.unit"), FaultConflict, g.Reached.Unit, "with", o.at("target.unit"))
		}
		return g
	})
	p.Budget = o.money("budget", want{doc: "a declaration; no money moves here"})
	p.Links = o.refs("links", may, maxLinks)
	p.Attachments = o.attachments()
	p.Machine = o.machine()
	return p
}

// GoalUnit is the unit in which a goal of a project's content is counted, pieces where it
// says none; false for a goal that is not there. Goals are counted from 1.
func GoalUnit(content map[string]any, goal int) (unit string, ok bool) {
	goals, _ := content["goals"].([]any)
	if goal < 1 || goal > len(goals) {
		return "", false
	}
	one, _ := goals[goal-1].(map[string]any)
	for _, name := range []string{"target", "reached"} {
		if q := mapAt(one, name); q != nil {
			return str(q, "unit"), true
		}
	}
	return "C62", true
}

// handles takes a list of members by their handles. Whether they are members is the
// charter's to say.
func (o *object) handles(name string, w want, hi int) []string {
	return o.strings(name, w, "handle", 0, hi, "", func(path, s string) { o.checkHandle(path, s) })
}

func (b *binder) checkHandle(path, s string) {
	if protocol.CheckHandle(s) != nil {
		b.fault(path, FaultBadFormat, s, "format", "handle")
	}
}
