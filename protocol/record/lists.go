package record

import (
	"slices"
	"strings"
)

// List names a code list. The names are an interface: faults, the schema document and
// forms use them.
type List string

// Lists with labels in four languages.
const (
	RecordTypes        List = "record_types"
	MemberKinds        List = "member_kinds"
	Stakeholders       List = "stakeholders" // the 12 categories of the statutes of 30 October 2025
	OrgTypes           List = "org_types"
	PopulationBands    List = "population_bands"
	MembersBands       List = "members_bands"
	Sectors            List = "sectors" // ICNPO, 12 groups (Salamon and Anheier 1996)
	SectorSchemes      List = "sector_schemes"
	Themes             List = "themes"
	ThemeGroups        List = "theme_groups"
	SDGs               List = "sdg" // the 17 goals of UN resolution 70/1
	Units              List = "units"
	TimeUnits          List = "time_units"
	PeopleUnits        List = "people_units"
	Goods              List = "goods"
	RestrictedGoods    List = "goods_restricted"
	Conditions         List = "conditions"
	ExchangeKinds      List = "kinds"
	Modes              List = "modes"
	Deliveries         List = "delivery"
	Returns            List = "return"
	CostItems          List = "cost_items"
	CostBearers        List = "costs"
	Interpretations    List = "interpretation"
	Levels             List = "levels"
	Scopes             List = "reach"
	Visibilities       List = "visibility"
	ListingStates      List = "listing_states"
	Closings           List = "closings"
	ProjectStatuses    List = "project_statuses"
	ExperienceStates   List = "experience_states"
	TransferConditions List = "transfer_conditions"
	Licences           List = "licences"
	NoticeCategories   List = "notice_categories"
	Audiences          List = "audiences"
	Continents         List = "continents"
	Colleges           List = "colleges"
	MediaTypes         List = "media_types"
	ClauseActions      List = "clause_actions"
	ClauseMeets        List = "clause_meets"
	CancelReasons      List = "cancel_reasons"
	MediationClosings  List = "mediation_closings"
	Outcomes           List = "outcomes"
	RemarkTypes        List = "remark_types"
	AdoptionResults    List = "adoption_results"
	EndorsementWays    List = "endorsement_ways"
	PartnershipSteps   List = "partnership_steps"
	FlagSteps          List = "flag_steps"
	FlagReasons        List = "flag_reasons"
)

// Lists without labels here: names of countries and currencies come from x/text, and
// of the 436 unit groups of ISCO-08 only those in use have own labels (see Label).
const (
	Countries  List = "countries"  // ISO 3166-1 alpha-2
	Currencies List = "currencies" // ISO 4217, active national currencies
	Skills     List = "isco"       // ISCO-08 unit groups
)

// code is one code of a list with its labels.
type code struct{ id, parent, ko, en, fr, es string }

// Lists names every list. The slice is the caller's.
func Lists() []List {
	all := make([]List, 0, len(tables)+3)
	for l := range tables {
		all = append(all, l)
	}
	all = append(all, Countries, Currencies, Skills)
	slices.Sort(all)
	return all
}

// ModesOf is the list of the modes of one kind of exchange. It has the codes of Modes
// whose parent is the kind.
func ModesOf(kind string) List { return List(modesPrefix + kind) }

const modesPrefix = "modes_"

// Codes lists the codes of a list in their own order; nil for an unknown list. The
// slice is the caller's.
func Codes(list List) []string {
	if blob, ok := standards[list]; ok {
		return strings.Fields(blob)
	}
	var out []string
	for _, c := range rows(list) {
		out = append(out, c.id)
	}
	return out
}

// Has reports whether the code is of the list.
func Has(list List, id string) bool {
	if blob, ok := standards[list]; ok {
		return id != "" && !strings.ContainsAny(id, " \n\t") && among(blob, id)
	}
	_, ok := find(list, id)
	return ok
}

func among(blob, id string) bool {
	for one := range strings.FieldsSeq(blob) {
		if one == id {
			return true
		}
	}
	return false
}

// Parent is the code above a code: the group of a theme, the kind of a mode; "" where
// there is none.
func Parent(list List, id string) string {
	c, _ := find(list, id)
	return c.parent
}

// College is the voting college that a stakeholder category belongs to (statutes of 30
// October 2025); "" for what is no category.
func College(stakeholder string) string {
	switch stakeholder {
	case "local_government", "state_agency", "network_local_government":
		return "public"
	case "ngo", "sse_enterprise", "network_sse":
		return "sse"
	case "youth_organisation", "network_youth":
		return "youth"
	case "solidarity_finance", "network_finance":
		return "finance"
	case "university_research", "network_research":
		return "research"
	}
	return ""
}

// Label is what a code is called in a language (any BCP-47 tag; Korean, English, French
// and Spanish are there, others get English). A skill without an own label is called
// as its major group. "" for codes that are not of the list, and for countries and
// currencies.
func Label(list List, id, lang string) string {
	if list == Skills {
		return skillLabel(id, lang)
	}
	c, ok := find(list, id)
	if !ok {
		return ""
	}
	return c.label(lang)
}

// LabelLanguages are the languages in which every label is there. The slice is the caller's.
func LabelLanguages() []string { return []string{"ko", "en", "fr", "es"} }

func (c code) label(lang string) string {
	switch base, _, _ := strings.Cut(lang, "-"); base {
	case "ko":
		return c.ko
	case "fr":
		return c.fr
	case "es":
		return c.es
	}
	return c.en
}

func skillLabel(id, lang string) string {
	if len(id) != 1 && !Has(Skills, id) {
		return ""
	}
	for _, key := range []string{id, id[:1]} {
		for _, c := range skillNames {
			if c.id == key {
				return c.label(lang)
			}
		}
	}
	return ""
}

func rows(list List) []code {
	if kind, ok := strings.CutPrefix(string(list), modesPrefix); ok {
		var out []code
		for _, c := range tables[Modes] {
			if c.parent == kind {
				out = append(out, c)
			}
		}
		return out
	}
	return tables[list]
}

func find(list List, id string) (code, bool) {
	for _, c := range rows(list) {
		if c.id == id {
			return c, true
		}
	}
	return code{}, false
}

func joinCodes(all []string) string { return strings.Join(all, ",") }

// nearest is the candidate that a mistyped word most likely meant, or "": at most one
// edit for every three letters, case and hyphens aside.
func nearest(word string, candidates []string) string {
	if word == "" || len(word) > 64 {
		return ""
	}
	plainWord := strings.NewReplacer("-", "_", " ", "_").Replace(strings.ToLower(word))
	best, bestCost := "", 1+max(1, len(plainWord)/3)
	for _, c := range candidates {
		if cost := distance(plainWord, strings.ToLower(c), bestCost); cost < bestCost {
			best, bestCost = c, cost
		}
	}
	return best
}

// distance is the number of letters to insert, drop, change or swap with the next to make
// a into b, or limit when it is not below it.
func distance(a, b string, limit int) int {
	if d := len(a) - len(b); d >= limit || -d >= limit {
		return limit
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := last[j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			row[j] = min(change, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return min(last[len(b)], limit)
}
