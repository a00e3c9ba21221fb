package record

import "github.com/dure-net/dure/protocol"

// Experience is a practice written up so that others can use it, what failed included.
type Experience struct {
	Base
	Title              Text         `cbor:"title" json:"title"`
	Summary            Text         `cbor:"summary,omitempty" json:"summary,omitempty"`
	Period             *Window      `cbor:"period" json:"period"`
	Place              *Place       `cbor:"place" json:"place"`
	Problem            Text         `cbor:"problem" json:"problem"`
	Approach           Text         `cbor:"approach" json:"approach"`
	Results            []Result     `cbor:"results,omitempty" json:"results,omitempty"`
	Lessons            Text         `cbor:"lessons" json:"lessons"`
	Costs              *Money       `cbor:"costs,omitempty" json:"costs,omitempty"`
	PeopleNeeded       *Qty         `cbor:"people_needed,omitempty" json:"people_needed,omitempty"` // persons, or working time
	TransferConditions []string     `cbor:"transfer_conditions,omitempty" json:"transfer_conditions,omitempty"`
	Themes             []string     `cbor:"themes" json:"themes"`
	SDGs               []uint64     `cbor:"sdgs,omitempty" json:"sdgs,omitempty"`
	Licence            string       `cbor:"licence" json:"licence"`
	State              string       `cbor:"state,omitempty" json:"state,omitempty"` // "published" or absent; withdrawing is an entry of its own
	Attachments        []Attachment `cbor:"attachments,omitempty" json:"attachments,omitempty"`
}

// Result is one measured result. Value and Unit are as in Qty; a fall is written as
// the metric "fewer …".
type Result struct {
	Metric Text   `cbor:"metric" json:"metric"`
	Value  string `cbor:"value" json:"value"`
	Unit   string `cbor:"unit" json:"unit"`
}

const (
	maxResults    = 10
	maxConditions = 8
	maxMetric     = 160
)

func (e *Experience) Kind() protocol.Kind  { return protocol.KindExperience }
func (e *Experience) Content() any         { return e }
func (e *Experience) Head() Head           { return headOf(e) }
func (e *Experience) Refs() []protocol.CID { return nil }

func bindExperience(o *object) Record {
	e := &Experience{Base: o.base(protocol.KindExperience)}
	e.Title = o.text("title", must, maxTitle, oneLine)
	e.Summary = o.text("summary", may, maxSummary, lines)
	e.Period = o.window("period", must)
	e.Place = o.place("place", must)
	e.Problem = o.text("problem", must, 2000, lines)
	e.Approach = o.text("approach", must, 4000, lines)
	e.Results = each(o, "results", may, maxResults, func(o *object) Result {
		return Result{Metric: o.text("metric", must, maxMetric, oneLine), Value: o.decimal("value"), Unit: o.code("unit", must, Units)}
	})
	e.Lessons = o.text("lessons", needs("what failed included"), 2000, lines)
	e.Costs = o.money("costs", may)
	e.PeopleNeeded = o.qty("people_needed", want{doc: "persons or working time"}, PeopleUnits)
	e.TransferConditions = o.codes("transfer_conditions", may, TransferConditions, 0, maxConditions)
	e.Themes = o.codes("themes", must, Themes, 1, 5)
	e.SDGs = o.sdgs(5)
	e.Licence = o.code("licence", must, Licences)
	e.State = o.code("state", want{doc: "absent means published"}, ExperienceStates)
	e.Attachments = o.attachments()
	e.Machine = o.machine()
	return e
}
