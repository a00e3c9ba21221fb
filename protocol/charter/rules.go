package charter

import (
	"maps"
	"slices"

	"github.com/dure-net/dure/protocol"
)

// Who decides, as rules and decisions spell it. Append only.
const (
	ElectorsSteering = "steering" // Rules.Electors: members that hold the steering office
	ElectorsAssembly = "assembly" // Rules.Electors: all full members
)

// Bounds of rules. They are constants because nodes must agree on them.
const (
	// maxDen bounds a ratio's denominator: shares are written in ten-thousandths at
	// the finest, and products with a number of members cannot overflow. Beyond: bad_rules.
	maxDen = 10_000

	// maxRebind bounds the waiting time of a rebinding in days. Beyond: bad_rules.
	maxRebind = 366

	// maxColleges bounds the voting groups; the bylaws of 2025 have five. Beyond: bad_rules.
	maxColleges = 16

	// maxTerm bounds the usual length of a mandate in months. Beyond: bad_rules.
	maxTerm = 240

	// allWeight is what the weights of all colleges add up to, in basis points.
	allWeight = 10_000
)

// ruleSets are the sets a federation can be founded with. Sources, as collected in
// research/domain.md sections 1.2 and 9: [S] seen in the forum's own documents, [I]
// a proposal where the documents are silent.
//
//   - electors: the steering committee reviews applications and executes decisions [S];
//     that it decides on admission, and the assembly approves, is practice of 2016 [S].
//   - threshold: more than half of the committee [I].
//   - assembly: two thirds, the share of amendment and disqualification [I].
//   - rebind: 30 days, the notice period of the assembly [I].
//   - terms: two years, from one ordinary assembly to the next [S, practice].
//   - colleges: weights and names of the bylaws of 30 October 2025 [S]; which stakeholder
//     category belongs to which college is decided by the secretariat after approval [S].
func ruleSets() map[string]protocol.Rules {
	terms := func() map[protocol.Office]uint64 {
		return map[protocol.Office]uint64{
			protocol.OfficeChairCity: 24, protocol.OfficeCoChairGov: 24, protocol.OfficeCoChairSSE: 24,
			protocol.OfficeSteering: 24, protocol.OfficeHostCity: 24,
		}
	}
	base := protocol.Rules{
		Electors:  ElectorsSteering,
		Threshold: protocol.Ratio{Num: 1, Den: 2},
		Assembly:  protocol.Ratio{Num: 2, Den: 3},
		Rebind:    30,
	}
	charter2014, bylaws2025 := base, base
	charter2014.Name, charter2014.Terms = "charter-2014", terms()
	bylaws2025.Name, bylaws2025.Terms = "bylaws-2025", terms()
	bylaws2025.Colleges = []protocol.College{
		{Name: "public_actors", Weight: 3000, Categories: []string{"local_government", "state_agency", "network_local_governments"}},
		{Name: "sse_actors", Weight: 3000, Categories: []string{"ngo", "cooperative_mutual_social_enterprise", "network_sse"}},
		{Name: "youth", Weight: 2000, Categories: []string{"youth_organisation", "network_youth"}},
		{Name: "solidarity_finance", Weight: 1000, Categories: []string{"solidarity_finance_institution", "network_finance"}},
		{Name: "research_foresight", Weight: 1000, Categories: []string{"university_research", "network_research"}},
	}
	return map[string]protocol.Rules{charter2014.Name: charter2014, bylaws2025.Name: bylaws2025}
}

// RuleSet is a named set of rules; ReasonNotFound for any other name. The maps and
// slices are the caller's.
func RuleSet(name string) (protocol.Rules, error) {
	r, ok := ruleSets()[name]
	if !ok {
		return protocol.Rules{}, &protocol.Error{Reason: protocol.ReasonNotFound, Op: "find rule set", Field: "rules",
			Args: map[string]string{"name": clip(name)}}
	}
	return r, nil
}

// RuleSets lists the names that RuleSet knows, sorted.
func RuleSets() []string { return slices.Sorted(maps.Keys(ruleSets())) }

// checkRules says whether rules are usable at all, whoever the members are.
func checkRules(r protocol.Rules) bool {
	share := func(x protocol.Ratio) bool { return x.Den > 0 && x.Den <= maxDen && x.Num <= x.Den }
	switch {
	case r.Name == "" || len(r.Name) > protocol.MaxName:
		return false
	case r.Electors != ElectorsSteering && r.Electors != ElectorsAssembly:
		return false
	case !share(r.Threshold) || 2*r.Threshold.Num < r.Threshold.Den || r.Threshold.Num == r.Threshold.Den:
		return false // "more than all" would jam the line; less than half would let two decisions win
	case !share(r.Assembly) || 2*r.Assembly.Num <= r.Assembly.Den:
		return false
	case r.Rebind > maxRebind || len(r.Colleges) > maxColleges || len(r.Terms) > maxColleges:
		return false
	}
	var sum uint64
	names := map[string]bool{}
	for _, c := range r.Colleges {
		if c.Name == "" || names[c.Name] || c.Weight > allWeight || len(c.Categories) > maxColleges {
			return false
		}
		names[c.Name] = true
		sum += c.Weight
	}
	if len(r.Colleges) > 0 && sum != allWeight {
		return false
	}
	for office, months := range r.Terms {
		if !knownOffice(office) || months > maxTerm {
			return false
		}
	}
	return true
}

// need is how many of total must approve: more than the share for the electors, at
// least the share for the assembly. Never less than one.
func need(r protocol.Ratio, total int, by By) int {
	t, k := uint64(total), uint64(1)
	product := r.Num * t
	if by == ByAssembly {
		k = (product + r.Den - 1) / r.Den
	} else {
		k = product/r.Den + 1
	}
	return int(max(k, 1))
}

func knownOffice(o protocol.Office) bool {
	switch o {
	case protocol.OfficeChairCity, protocol.OfficeCoChairGov, protocol.OfficeCoChairSSE,
		protocol.OfficeSteering, protocol.OfficeHostCity, protocol.OfficeSecretariat:
		return true
	}
	return false
}
