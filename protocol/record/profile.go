package record

import "github.com/dure-net/dure/protocol"

// Profile is what a member says of itself; the latest of its feed counts. Of persons it
// holds office contacts and the public office at the head only, because replicated
// records cannot be recalled.
type Profile struct {
	Base
	Names            Text           `cbor:"names" json:"names"`
	MemberKind       string         `cbor:"kind" json:"kind"`
	Stakeholder      string         `cbor:"stakeholder" json:"stakeholder"`
	OrgType          string         `cbor:"org_type,omitempty" json:"org_type,omitempty"`
	Country          string         `cbor:"country,omitempty" json:"country,omitempty"`
	International    bool           `cbor:"international,omitempty" json:"international,omitempty"`
	Place            *Place         `cbor:"place" json:"place"`
	Mission          Text           `cbor:"mission,omitempty" json:"mission,omitempty"`
	Sectors          []string       `cbor:"sectors,omitempty" json:"sectors,omitempty"`
	SectorScheme     string         `cbor:"sector_scheme,omitempty" json:"sector_scheme,omitempty"` // absent is icnpo
	Themes           []string       `cbor:"themes,omitempty" json:"themes,omitempty"`
	SDGs             []uint64       `cbor:"sdgs,omitempty" json:"sdgs,omitempty"`
	WorkingLanguages []string       `cbor:"working_languages" json:"working_languages"`
	Contact          *Contact       `cbor:"contact" json:"contact"`
	Web              string         `cbor:"web,omitempty" json:"web,omitempty"`
	PopulationBand   string         `cbor:"population_band,omitempty" json:"population_band,omitempty"`
	MembersBand      string         `cbor:"members_band,omitempty" json:"members_band,omitempty"`
	ExecutiveHead    *ExecutiveHead `cbor:"executive_head,omitempty" json:"executive_head,omitempty"`
	FocalPoint       *FocalPoint    `cbor:"focal_point,omitempty" json:"focal_point,omitempty"`
}

// Contact is an office, reached by mail or by a form.
type Contact struct {
	Role  Text   `cbor:"role" json:"role"`
	Email string `cbor:"email,omitempty" json:"email,omitempty"`
	Form  string `cbor:"form,omitempty" json:"form,omitempty"`
}

// ExecutiveHead is a public office and who holds it.
type ExecutiveHead struct {
	Role Text   `cbor:"role" json:"role"`
	Name string `cbor:"name,omitempty" json:"name,omitempty"`
}

// FocalPoint is the office that speaks with the secretariat. It has no name field.
type FocalPoint struct {
	Role Text `cbor:"role" json:"role"`
}

func (p *Profile) Kind() protocol.Kind  { return protocol.KindProfile }
func (p *Profile) Refs() []protocol.CID { return nil }
func (p *Profile) Content() any         { return p }
func (p *Profile) Head() Head           { return headOf(p) }

func bindProfile(o *object) Record {
	p := &Profile{Base: o.base(protocol.KindProfile)}
	p.Names = o.text("names", must, maxName, oneLine)
	p.MemberKind = o.code("kind", must, MemberKinds)
	organisation := p.MemberKind == "organisation"
	government := p.MemberKind == "city" || p.MemberKind == "region"
	p.Stakeholder = o.code("stakeholder", must, Stakeholders)
	p.OrgType = o.code("org_type", barred(government, "kind", p.MemberKind, "organisations only", may), OrgTypes)
	p.International = o.flag("international", want{doc: "true for an international body, which may leave out country"})
	p.Country = o.code("country", needed(!p.International, "international", "", "required unless international is true"), Countries)
	p.Place = o.place("place", must)
	p.Mission = o.text("mission", may, 1000, lines)
	p.Sectors = o.codes("sectors", may, Sectors, 1, 4)
	p.SectorScheme = o.code("sector_scheme", want{doc: "absent means icnpo"}, SectorSchemes)
	p.Themes = o.codes("themes", may, Themes, 0, 10)
	p.SDGs = o.sdgs(6)
	p.WorkingLanguages = o.languages("working_languages", must, 1, 8)
	p.Contact = sub(o, "contact", must, func(o *object) Contact {
		none := !o.has("email") && !o.has("form")
		return Contact{
			Role:  o.text("role", must, maxRole, oneLine),
			Email: o.form("email", needed(none, "form", "", "an office address; email, form or both"), emailForm, "email", maxAddress),
			Form:  o.form("form", may, webForm, "web_address", maxWeb),
		}
	})
	p.Web = o.form("web", may, webForm, "web_address", maxWeb)
	p.PopulationBand = o.code("population_band", barred(organisation, "kind", p.MemberKind, "cities and regions only", may), PopulationBands)
	p.MembersBand = o.code("members_band", barred(government, "kind", p.MemberKind, "organisations only", may), MembersBands)
	private := organisation && p.Stakeholder != "" && p.Stakeholder != "local_government" && p.Stakeholder != "state_agency"
	p.ExecutiveHead = sub(o, "executive_head", barred(private, "stakeholder", p.Stakeholder, "public offices only", may), func(o *object) ExecutiveHead {
		return ExecutiveHead{Role: o.text("role", must, maxRole, oneLine), Name: o.line("name", may, maxName)}
	})
	p.FocalPoint = sub(o, "focal_point", may, func(o *object) FocalPoint {
		return FocalPoint{Role: o.text("role", must, maxRole, oneLine)}
	})
	p.Machine = o.machine()
	return p
}
