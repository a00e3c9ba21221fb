package protocol

import (
	"errors"
	"fmt"
	"regexp"
	"unicode/utf8"
)

// Text is a text by language: BCP-47 tag to NFC text.
type Text map[string]string

// MemberKind is what a member is. Append only.
type MemberKind string

const (
	KindCity         MemberKind = "city"
	KindRegion       MemberKind = "region"
	KindOrganisation MemberKind = "organisation"
)

// Category is a member's standing under the rules: full members vote. Append only.
type Category string

const (
	CategoryFull      Category = "full"
	CategoryAssociate Category = "associate"
	CategoryAllied    Category = "allied"
	CategoryHonorary  Category = "honorary"
	CategoryPartner   Category = "partner"
)

// Votes reports whether members of the category belong to the assembly.
func (c Category) Votes() bool { return c == CategoryFull }

// Office is a mandate that the charter knows. Append only.
type Office string

const (
	OfficeChairCity   Office = "chair_city"
	OfficeCoChairGov  Office = "co_chair_gov" // the chair city's head
	OfficeCoChairSSE  Office = "co_chair_sse" // elected by the chair city's social-economy network
	OfficeSteering    Office = "steering"
	OfficeHostCity    Office = "host_city"
	OfficeSecretariat Office = "secretariat"
)

// MemberFacts are what a federation writes down of a member when it takes it in.
type MemberFacts struct {
	Handle   string     `cbor:"handle" json:"handle"`
	Kind     MemberKind `cbor:"kind" json:"kind"`
	Category Category   `cbor:"category,omitempty" json:"category,omitempty"` // absent on a card: the federation says it
	Country  string     `cbor:"country,omitempty" json:"country,omitempty"`   // ISO 3166-1 alpha-2; absent for international bodies
	City     string     `cbor:"city,omitempty" json:"city,omitempty"`         // organisations: where, in words
	Names    Text       `cbor:"names" json:"names"`
	Root     PublicKey  `cbor:"root" json:"root"`
}

// Term is an office given to a member. Days are YYYY-MM-DD and are shown; an office
// ends only by an act, because no local clock decides who is an elector.
type Term struct {
	Office Office `cbor:"office" json:"office"`
	Member string `cbor:"member" json:"member"`
	From   string `cbor:"from,omitempty" json:"from,omitempty"`
	To     string `cbor:"to,omitempty" json:"to,omitempty"`
}

// Ratio is a share written as integers, so that every node computes the same.
type Ratio struct {
	Num uint64 `cbor:"num" json:"num"`
	Den uint64 `cbor:"den" json:"den"`
}

// Rules are the parameters of decisions. They are data: amending them is an act.
type Rules struct {
	Name      string            `cbor:"name" json:"name"`           // "charter-2014", "bylaws-2025", or the federation's own
	Electors  string            `cbor:"electors" json:"electors"`   // "steering" or "assembly"
	Threshold Ratio             `cbor:"threshold" json:"threshold"` // acts of the electors need more than this share of them; at least one half
	Assembly  Ratio             `cbor:"assembly" json:"assembly"`   // acts of the assembly need at least this share of all full members; more than one half
	Rebind    uint64            `cbor:"rebind" json:"rebind"`       // days in which the living old root key can object to its replacement
	Colleges  []College         `cbor:"colleges,omitempty" json:"colleges,omitempty"`
	Terms     map[Office]uint64 `cbor:"terms,omitempty" json:"terms,omitempty"` // usual length of a mandate in months, shown and used as a default
}

// College is a weighted voting group of the assembly's votes (bylaws of 2025).
type College struct {
	Name       string   `cbor:"name" json:"name"`
	Weight     uint64   `cbor:"weight" json:"weight"` // basis points
	Categories []string `cbor:"categories" json:"categories"`
}

// FoundingAct is act 0: its CID is the federation's id. It is a block of its own.
// Founders sign nothing here: each counts from its own first feed, whose inception
// names the id.
type FoundingAct struct {
	Version  uint64        `cbor:"v" json:"v"`
	Names    Text          `cbor:"names" json:"names"`
	Charter  Text          `cbor:"charter" json:"charter"`
	Rules    Rules         `cbor:"rules" json:"rules"`
	Founders []MemberFacts `cbor:"founders" json:"founders"`
	Offices  []Term        `cbor:"offices" json:"offices"`
	Notice   Text          `cbor:"notice,omitempty" json:"notice,omitempty"` // shown wherever records of this federation show: "made up for demonstration"
	Salt     Salt          `cbor:"salt" json:"-"`                            // two federations with one text stay two
}

// EncodeFoundingAct checks the act's form and writes it. Whether its rules leave
// electors is charter.CheckFounding's question.
func EncodeFoundingAct(f FoundingAct) ([]byte, FederationID, error) {
	if err := f.check(); err != nil {
		return nil, FederationID{}, err
	}
	raw, err := Encode(&f)
	if err != nil {
		return nil, FederationID{}, err
	}
	if len(raw) > MaxFoundingBytes {
		return nil, FederationID{}, Fail(ReasonTooLarge, "encode founding act", fmt.Errorf("%d bytes, the limit is %d", len(raw), MaxFoundingBytes))
	}
	return raw, Sum(raw), nil
}

// DecodeFoundingAct reads a founding act and its id.
func DecodeFoundingAct(raw []byte) (FoundingAct, FederationID, error) {
	var f FoundingAct
	if len(raw) > MaxFoundingBytes {
		return f, FederationID{}, Fail(ReasonTooLarge, "decode founding act", nil)
	}
	if err := Decode(raw, &f); err != nil {
		return FoundingAct{}, FederationID{}, err
	}
	if err := f.check(); err != nil {
		return FoundingAct{}, FederationID{}, err
	}
	return f, Sum(raw), nil
}

func (f FoundingAct) check() error {
	bad := func(field, why string) error {
		return &Error{Reason: ReasonMalformed, Op: "check founding act", Field: field, Err: errors.New(why)}
	}
	switch {
	case f.Version != Version:
		return &Error{Reason: ReasonWrongVersion, Op: "check founding act"}
	case len(f.Names) == 0:
		return bad("names", "at least one name is needed")
	case len(f.Founders) == 0 || len(f.Founders) > MaxFounders:
		return bad("founders", fmt.Sprintf("%d founders, want 1 to %d", len(f.Founders), MaxFounders))
	}
	if err := f.Names.check("names", MaxName); err != nil {
		return err
	}
	if err := f.Charter.check("charter", MaxFoundingBytes); err != nil {
		return err
	}
	handles, roots := map[string]bool{}, map[PublicKey]bool{}
	for i, m := range f.Founders {
		at := fmt.Sprintf("founders[%d]", i)
		if err := m.Check(at); err != nil {
			return err
		}
		if handles[m.Handle] || roots[m.Root] {
			return bad(at, "named twice")
		}
		handles[m.Handle], roots[m.Root] = true, true
	}
	for i, t := range f.Offices {
		if !handles[t.Member] {
			return bad(fmt.Sprintf("offices[%d]", i), "held by no founder")
		}
	}
	return nil
}

var handleForm = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// CheckHandle says whether text may be a handle: lower-case words joined by hyphens.
func CheckHandle(text string) error {
	if len(text) < 2 || len(text) > MaxHandle || !handleForm.MatchString(text) {
		return &Error{Reason: ReasonMalformed, Op: "check handle", Field: "handle", Args: map[string]string{"handle": clip(text)},
			Err: errors.New("want lower-case letters and digits in words joined by hyphens, 2 to 40 characters")}
	}
	return nil
}

// Check checks the form of a member's facts; at is the field path for errors.
func (m MemberFacts) Check(at string) error {
	bad := func(field, why string) error {
		return &Error{Reason: ReasonMalformed, Op: "check member", Field: at + "." + field, Err: errors.New(why)}
	}
	if err := CheckHandle(m.Handle); err != nil {
		return err
	}
	switch m.Kind {
	case KindCity, KindRegion, KindOrganisation:
	default:
		return bad("kind", "want city, region or organisation")
	}
	switch m.Category {
	case CategoryFull, CategoryAssociate, CategoryAllied, CategoryHonorary, CategoryPartner, "":
	default:
		return bad("category", "not a category of membership")
	}
	if m.Country != "" && (len(m.Country) != 2 || m.Country[0] < 'A' || m.Country[0] > 'Z' || m.Country[1] < 'A' || m.Country[1] > 'Z') {
		return bad("country", "want two capital letters (ISO 3166-1)")
	}
	if m.Kind != KindOrganisation && m.Country == "" {
		return bad("country", "a city or region has a country")
	}
	if utf8.RuneCountInString(m.City) > MaxName {
		return bad("city", "too long")
	}
	if m.Root.IsZero() {
		return bad("root", "missing")
	}
	if len(m.Names) == 0 {
		return bad("names", "at least one name is needed")
	}
	return m.Names.check(at+".names", MaxName)
}

func (t Text) check(at string, max int) error {
	if len(t) > MaxLanguages {
		return &Error{Reason: ReasonTooLarge, Op: "check text", Field: at, Err: fmt.Errorf("%d languages, the limit is %d", len(t), MaxLanguages)}
	}
	for lang, s := range t {
		if len(lang) < 2 || len(lang) > 35 || s == "" || utf8.RuneCountInString(s) > max {
			return &Error{Reason: ReasonMalformed, Op: "check text", Field: at + "." + clip(lang), Err: errors.New("empty, too long, or not under a language tag")}
		}
	}
	return nil
}
