package record

import (
	"strings"

	"github.com/dure-net/dure/protocol"
)

// Listing is an offer or a request: what a member is ready to give or needs. Both have
// one shape; the type gives the direction, so that an offer of a study visit is
// hosting. What is left of it, and whether it has expired, is computed, never stored.
// A finance listing declares an intention; nothing here moves money. No field names a
// private person.
type Listing struct {
	Base
	Exchange         string             `cbor:"kind" json:"kind"`
	Mode             string             `cbor:"mode" json:"mode"`
	Title            Text               `cbor:"title" json:"title"`
	Summary          Text               `cbor:"summary" json:"summary"`
	Body             Text               `cbor:"body,omitempty" json:"body,omitempty"`
	Themes           []string           `cbor:"themes" json:"themes"`
	SDGs             []uint64           `cbor:"sdgs,omitempty" json:"sdgs,omitempty"`
	Skills           []string           `cbor:"skills,omitempty" json:"skills,omitempty"` // ISCO-08 unit groups
	Level            string             `cbor:"level,omitempty" json:"level,omitempty"`
	Goods            string             `cbor:"goods,omitempty" json:"goods,omitempty"`
	Condition        string             `cbor:"condition,omitempty" json:"condition,omitempty"`
	CPV              string             `cbor:"cpv,omitempty" json:"cpv,omitempty"`
	Quantity         *Qty               `cbor:"quantity,omitempty" json:"quantity,omitempty"`
	Effort           *Qty               `cbor:"effort,omitempty" json:"effort,omitempty"`
	Amount           *Money             `cbor:"amount,omitempty" json:"amount,omitempty"`
	Minimum          *Qty               `cbor:"minimum,omitempty" json:"minimum,omitempty"`
	MinimumAmount    *Money             `cbor:"minimum_amount,omitempty" json:"minimum_amount,omitempty"`
	Divisible        bool               `cbor:"divisible,omitempty" json:"divisible,omitempty"`
	Window           *Window            `cbor:"window" json:"window"`
	Duration         string             `cbor:"duration,omitempty" json:"duration,omitempty"` // ISO 8601, one part
	Delivery         string             `cbor:"delivery" json:"delivery"`
	Place            *Place             `cbor:"place,omitempty" json:"place,omitempty"`
	Reach            *Reach             `cbor:"reach,omitempty" json:"reach,omitempty"`
	WorkingLanguages []string           `cbor:"working_languages" json:"working_languages"`
	Interpretation   string             `cbor:"interpretation,omitempty" json:"interpretation,omitempty"`
	Return           string             `cbor:"return" json:"return"`
	Costs            *Costs             `cbor:"costs,omitempty" json:"costs,omitempty"`
	Requirements     Text               `cbor:"requirements,omitempty" json:"requirements,omitempty"`
	Safeguards       bool               `cbor:"safeguards,omitempty" json:"safeguards,omitempty"` // work with children or patients
	Visibility       string             `cbor:"visibility,omitempty" json:"visibility,omitempty"`
	Project          *protocol.RecordID `cbor:"project,omitempty" json:"project,omitempty"`
	Standing         bool               `cbor:"standing,omitempty" json:"standing,omitempty"` // without end
	ValidUntil       Day                `cbor:"valid_until,omitempty" json:"valid_until,omitempty"`
	ContactRole      Text               `cbor:"contact_role,omitempty" json:"contact_role,omitempty"`
	State            string             `cbor:"state,omitempty" json:"state,omitempty"`
	ClosedAs         string             `cbor:"closed_as,omitempty" json:"closed_as,omitempty"`
	Continues        *protocol.RecordID `cbor:"continues,omitempty" json:"continues,omitempty"`
	Attachments      []Attachment       `cbor:"attachments,omitempty" json:"attachments,omitempty"`
}

// Reach is for whom a listing is meant. It hides nothing: every member reads it.
type Reach struct {
	Scope string   `cbor:"scope" json:"scope"`
	List  []string `cbor:"list,omitempty" json:"list,omitempty"`
}

// Costs says who bears what.
type Costs struct {
	Travel    string `cbor:"travel,omitempty" json:"travel,omitempty"`
	Lodging   string `cbor:"lodging,omitempty" json:"lodging,omitempty"`
	Shipping  string `cbor:"shipping,omitempty" json:"shipping,omitempty"`
	Insurance string `cbor:"insurance,omitempty" json:"insurance,omitempty"`
	Stipend   string `cbor:"stipend,omitempty" json:"stipend,omitempty"`
}

const maxSkills = 5

func (l *Listing) Content() any { return l }
func (l *Listing) Head() Head   { return headOf(l) }

// Kind is that of the field Type: an offer unless it says request.
func (l *Listing) Kind() protocol.Kind {
	if l.Type == protocol.KindRequest.String() {
		return protocol.KindRequest
	}
	return protocol.KindOffer
}

func (l *Listing) Refs() []protocol.CID {
	return links(l.Project, l.Continues)
}

// Scope is the reach, "network" where none is given.
func (l *Listing) Scope() string {
	if l.Reach == nil {
		return "network"
	}
	return l.Reach.Scope
}

// Measure is how much is offered or asked for: the quantity, else the effort, else one
// piece. ok is false for amounts of money.
func (l *Listing) Measure() (q Qty, ok bool) {
	switch {
	case l.Amount != nil:
		return Qty{}, false
	case l.Quantity != nil:
		return *l.Quantity, true
	case l.Effort != nil:
		return *l.Effort, true
	}
	return Qty{Value: "1", Unit: "C62"}, true
}

func bindListing(o *object, kind protocol.Kind) Record {
	l := &Listing{Base: o.base(kind)}
	l.Exchange = o.code("kind", must, ExchangeKinds)
	l.Mode = o.mode(l.Exchange)
	l.Title = o.text("title", must, maxTitle, oneLine)
	l.Summary = o.text("summary", must, maxSummary, lines)
	l.Body = o.text("body", may, 4000, lines)
	l.Themes = o.codes("themes", must, Themes, 1, 5)
	l.SDGs = o.sdgs(5)
	l.bindWhat(o, kind)
	l.bindHowMuch(o)
	l.Window = o.window("window", must)
	l.Duration = o.form("duration", want{doc: "PnY, PnM, PnW, PnD or PTnH"}, durationForm, "duration", 8)
	l.Delivery = o.code("delivery", must, Deliveries)
	if goes := l.Delivery == "ship" || l.Delivery == "pickup"; goes && o.other("material", l.Exchange) && l.Exchange != "knowledge" {
		o.fault(o.at("delivery"), FaultConflict, l.Delivery, "with", o.at("kind"))
	}
	l.Place = o.place("place", l.placeWanted(kind))
	l.Reach = sub(o, "reach", want{doc: "absent means the whole network"}, func(o *object) Reach {
		r := Reach{Scope: o.code("scope", must, Scopes)}
		r.List = o.scopeList("list", "scope", r.Scope)
		return r
	})
	l.WorkingLanguages = o.languages("working_languages", must, 1, 6)
	l.Interpretation = o.code("interpretation", want{doc: "absent means none"}, Interpretations)
	l.Return = o.code("return", must, Returns)
	l.Costs = o.costs()
	l.Requirements = o.text("requirements", want{doc: "visa, vaccination, licence, customs"}, 500, lines)
	l.Safeguards = o.flag("safeguards", want{doc: "work with children or patients"})
	l.Visibility = o.visibility()
	l.Project = o.ref("project", may)
	l.bindLife(o)
	l.ContactRole = o.text("contact_role", want{doc: "an office, never a name"}, maxRole, oneLine)
	l.Attachments = o.attachments()
	l.Machine = o.machine()
	return l
}

// other reports a kind that is known and not the one named.
func (o *object) other(name, kind string) bool { return kind != "" && kind != name }

func (o *object) mode(kind string) string {
	list := Modes
	if kind != "" {
		list = ModesOf(kind)
	}
	return o.code("mode", needs("a mode of the kind"), list)
}

// bindWhat takes what the listing is about: skills for people, goods for material.
func (l *Listing) bindWhat(o *object, kind protocol.Kind) {
	skilled := false
	switch l.Mode {
	case "secondment", "expert_mission", "trainer", "job_shadowing", "volunteer":
		skilled = true
	}
	l.Skills = o.codes("skills", barred(o.other("personnel", l.Exchange), "kind", l.Exchange, "personnel only",
		needed(skilled, "mode", l.Mode, "required for secondment, expert_mission, trainer, job_shadowing, volunteer")), Skills, 1, maxSkills)
	l.Level = o.code("level", barred(o.other("personnel", l.Exchange) && l.Exchange != "knowledge", "kind", l.Exchange, "personnel and knowledge only", may), Levels)
	material := l.Exchange == "material"
	notMaterial := o.other("material", l.Exchange)
	l.Goods = o.goods(barred(notMaterial, "kind", l.Exchange, "material only", needed(material, "kind", l.Exchange, "required for material")))
	l.Condition = o.code("condition", barred(notMaterial, "kind", l.Exchange, "material only",
		needed(material && kind == protocol.KindOffer, "kind", l.Exchange, "required in offers of material")), Conditions)
	l.CPV = o.form("cpv", barred(notMaterial, "kind", l.Exchange, "material only", may), cpvForm, "cpv", 8)
	if strings.HasPrefix(l.CPV, cpvMedicines) || strings.HasPrefix(l.CPV, cpvWeapons) {
		o.fault(o.at("cpv"), FaultRestricted, l.CPV, "list", string(RestrictedGoods))
	}
}

// Groups of the Common Procurement Vocabulary (Regulation (EC) 213/2008) that are
// never exchanged: pharmaceutical products; weapons, ammunition and associated parts.
const (
	cpvMedicines = "336"
	cpvWeapons   = "353"
)

// goods takes the goods category; categories that are never exchanged say so.
func (o *object) goods(w want) string {
	s, ok := o.str("goods", w, "code", "list "+string(Goods))
	switch {
	case !ok:
	case Has(RestrictedGoods, s):
		o.fault(o.at("goods"), FaultRestricted, s, "list", string(RestrictedGoods))
	case o.checkCode(o.at("goods"), s, Goods):
		return s
	}
	return ""
}

// bindHowMuch takes exactly one of quantity, effort and amount, and the least that is
// worth an exchange. Spaces and documents may leave it out: one piece.
func (l *Listing) bindHowMuch(o *object) {
	finance := l.Exchange == "finance"
	noEffort := finance || l.Exchange == "material"
	none := !o.has("quantity") && (noEffort || !o.has("effort"))
	optional := l.Exchange == "" || l.Exchange == "space" || l.Mode == "case_documents"
	const rule = "exactly one of quantity, effort, amount; spaces and case_documents default to 1 C62"
	l.Quantity = o.qty("quantity", barred(finance, "kind", l.Exchange, "not for finance", needed(none && !optional && !finance, "kind", l.Exchange, rule)), Units)
	l.Effort = o.qty("effort", barred(noEffort, "kind", l.Exchange, "working time; not for material or finance", may), TimeUnits)
	l.Amount = o.money("amount", barred(o.other("finance", l.Exchange), "kind", l.Exchange, "finance only; a declaration of intent", needed(finance, "kind", l.Exchange, "required for finance")))
	if o.has("quantity") && o.has("effort") && !finance {
		o.fault(o.at("effort"), FaultConflict, "", "with", o.at("quantity"))
	}
	noMeasure := !o.has("quantity") && !o.has("effort")
	l.Minimum = o.qty("minimum", barred(noMeasure && l.Exchange != "", "quantity", "", "at most the quantity or effort, in its unit", may), Units)
	if l.Minimum != nil && l.Quantity != nil {
		o.notMore("minimum", "unit", l.Minimum.Value, l.Minimum.Unit, "quantity", l.Quantity.Value, l.Quantity.Unit)
	} else if l.Minimum != nil && l.Effort != nil {
		o.notMore("minimum", "unit", l.Minimum.Value, l.Minimum.Unit, "effort", l.Effort.Value, l.Effort.Unit)
	}
	l.MinimumAmount = o.money("minimum_amount", barred(o.other("finance", l.Exchange), "kind", l.Exchange, "finance only; at most the amount, in its currency", may))
	if l.MinimumAmount != nil && l.Amount != nil {
		o.notMore("minimum_amount", "currency", l.MinimumAmount.Value, l.MinimumAmount.Currency, "amount", l.Amount.Value, l.Amount.Currency)
	}
	l.Divisible = o.flag("divisible", may)
}

// placeWanted: spaces, goods and hosting have a place; a trainer who travels has none.
// Hosting is offering a study visit, job shadowing or an internship on site.
func (l *Listing) placeWanted(kind protocol.Kind) want {
	const rule = "required for material, space, and offers that host people (study_visit, job_shadowing, internship) on site"
	hosting := false
	switch l.Mode {
	case "study_visit", "job_shadowing", "internship":
		hosting = kind == protocol.KindOffer && (l.Delivery == "on_site" || l.Delivery == "hybrid")
	}
	if hosting {
		return needed(true, "mode", l.Mode, rule)
	}
	return needed(l.Exchange == "material" || l.Exchange == "space", "kind", l.Exchange, rule)
}

func (o *object) costs() *Costs {
	c := sub(o, "costs", want{doc: "who bears each"}, func(o *object) Costs {
		return Costs{
			Travel: o.code("travel", may, CostBearers), Lodging: o.code("lodging", may, CostBearers),
			Shipping: o.code("shipping", may, CostBearers), Insurance: o.code("insurance", may, CostBearers),
			Stipend: o.code("stipend", may, CostBearers),
		}
	})
	if c != nil && *c == (Costs{}) {
		if o.body {
			o.fault(o.at("costs"), FaultEmpty, "")
		}
		return nil
	}
	return c
}

// visibility takes who may read the listing. Chosen members need a body encrypted for
// them; in a plain body the word would promise what nothing keeps, so it is refused.
func (o *object) visibility() string {
	s := o.code("visibility", want{doc: "absent means network; members_list needs an encrypted body and is refused in a plain one"}, Visibilities)
	if s == "members_list" {
		o.fault(o.at("visibility"), FaultUnsupported, s)
	}
	return s
}

// bindLife takes until when the listing holds and in which state its owner put it.
func (l *Listing) bindLife(o *object) {
	l.Standing = o.flag("standing", want{doc: "an offer or request without end"})
	l.ValidUntil = o.day("valid_until", barred(l.Standing, "standing", "true", "at most window.to", needed(!l.Standing, "standing", "", "required unless standing is true")))
	if l.Window != nil {
		o.notAfter("valid_until", l.ValidUntil, o.at("window.to"), l.Window.To)
	}
	l.State = o.code("state", want{doc: "absent means published"}, ListingStates)
	closed := l.State == "closed"
	open := !closed && (l.State != "" || !o.has("state"))
	l.ClosedAs = o.code("closed_as", barred(open, "state", l.State, "required when closed, else absent", needed(closed, "state", l.State, "")), Closings)
	l.Continues = o.ref("continues", want{doc: "the closed listing that this one reopens"})
}
