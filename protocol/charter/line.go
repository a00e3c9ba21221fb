package charter

import (
	"maps"
	"slices"
	"strconv"

	"github.com/dure-net/dure/protocol"
)

// line is the state after an act: what the acts up to there say and nothing else. A
// line is immutable once made; the next one shares what did not change.
type line struct {
	ref      protocol.ActRef
	prev     protocol.ActID // undefined for the founding act
	names    protocol.Text
	charter  protocol.Text
	rules    protocol.Rules
	members  map[string]*member            // by handle; removed ones stay, so that a handle is never used twice
	order    []string                      // handles in order of admission
	roots    map[protocol.PublicKey]string // every root key ever used, to its handle
	offices  []Holding
	used     map[protocol.PublicKey]string // invitation keys that an admission named, to the handle
	erasures []Erasure
	features []Switch

	unflaggings []Unflagging
}

// member is one member in a line; immutable, replaced when it changes.
type member struct {
	facts   protocol.MemberFacts
	status  Status // StatusMember, StatusSuspended or StatusRemoved
	since   protocol.ActRef
	changed protocol.ActRef // the act that set the status

	roots  []rootTerm                    // oldest first; the last one is facts.Root
	stands map[protocol.FeedID]actStand  // feeds that acts have ended, and where
	cuts   map[protocol.PublicKey]uint64 // node keys that acts have cut, to the act's number
	rebind *Rebinding                    // announced, not confirmed
}

// rootTerm is a root key of a member. Ended is the number of the act that ended all
// feeds under it except those it lists; 0 while they go on.
type rootTerm struct {
	key   protocol.PublicKey
	ended uint64
}

// actStand is where an act has ended a feed.
type actStand struct {
	stand protocol.Stand
	act   uint64
}

// Holding is an office and the act that gave it.
type Holding struct {
	protocol.Term
	Since protocol.ActRef
}

// Rebinding is an announced replacement of a member's root key, which the living old
// root key can object to until the end of the day Until.
type Rebinding struct {
	Root  protocol.PublicKey
	Until string
	Act   protocol.ActRef // an objection names this act
}

// Erasure is an act's order to erase the body of an entry. Whether a body of that
// kind can be erased at all is for the holder of the entry to see: the act line does
// not know the entry, and bodies of governance kinds stay whatever an act says.
type Erasure struct {
	Entry protocol.EntryID
	Why   protocol.Text
	Act   protocol.ActRef
}

// Switch is a feature that an act has switched on.
type Switch struct {
	Name string
	Act  protocol.ActRef
}

// founding is the line of act 0.
func founding(f protocol.FoundingAct, id protocol.FederationID) *line {
	l := &line{
		ref: protocol.ActRef{Number: 0, ID: id}, names: f.Names, charter: f.Charter, rules: f.Rules,
		members: map[string]*member{}, roots: map[protocol.PublicKey]string{}, used: map[protocol.PublicKey]string{},
	}
	for _, m := range f.Founders {
		l.members[m.Handle] = &member{facts: m, status: StatusMember, since: l.ref, changed: l.ref, roots: []rootTerm{{key: m.Root}}}
		l.order = append(l.order, m.Handle)
		l.roots[m.Root] = m.Handle
	}
	for _, t := range f.Offices {
		l.offices = append(l.offices, Holding{t, l.ref})
	}
	return l
}

// CheckFounding says whether a founding act can be the beginning of a line: rules
// that can be used, founders with a category (an organisation also with its city),
// offices that the charter knows, each held once, and electors and full members that
// can act. Error.Args["why"] is the code of the fault.
func CheckFounding(f protocol.FoundingAct) error {
	bad := func(field string, w Why) error {
		return &protocol.Error{Reason: protocol.ReasonInvalid, Op: "check founding act", Field: field, Args: map[string]string{"why": string(w)}}
	}
	if !checkRules(f.Rules) {
		return bad("rules", WhyBadRules)
	}
	for i, m := range f.Founders {
		at := "founders[" + strconv.Itoa(i) + "]"
		switch {
		case m.Category == "":
			return bad(at+".category", WhyNoCategory)
		case m.Kind == protocol.KindOrganisation && m.City == "":
			return bad(at+".city", WhyOrganisationCity)
		}
	}
	l := founding(f, protocol.FederationID{})
	l.offices = nil
	for i, t := range f.Offices {
		at := "offices[" + strconv.Itoa(i) + "]"
		if (t.From != "" && !isDay(t.From)) || (t.To != "" && !isDay(t.To)) || (t.From != "" && t.To != "" && t.To < t.From) {
			return bad(at, WhyBadDay)
		}
		if w := l.appoint(t); w != "" {
			return bad(at, w)
		}
	}
	if w := l.usable(); w != "" {
		return bad("founders", w)
	}
	return nil
}

// full lists the handles of full members that are not suspended, sorted.
func (l *line) full() []string {
	var out []string
	for handle, m := range l.members {
		if m.status == StatusMember && m.facts.Category.Votes() {
			out = append(out, handle)
		}
	}
	slices.Sort(out)
	return out
}

// electors lists who decides on the act after this state, sorted. A committee without
// any active holder is no committee: then all full members decide.
func (l *line) electors(by By) []string {
	if by == ByAssembly || l.rules.Electors == ElectorsAssembly {
		return l.full()
	}
	var out []string
	for _, h := range l.offices {
		if m := l.members[h.Member]; h.Office == protocol.OfficeSteering && m.status == StatusMember {
			out = append(out, h.Member)
		}
	}
	if len(out) == 0 {
		return l.full()
	}
	slices.Sort(out)
	return out
}

// need is how many electors must approve.
func (l *line) need(by By) int {
	ratio := l.rules.Threshold
	if by == ByAssembly {
		ratio = l.rules.Assembly
	}
	return need(ratio, len(l.electors(by)), by)
}

// usable says what keeps the state from ever being followed by another act; "" if nothing.
func (l *line) usable() Why {
	switch {
	case len(l.full()) == 0:
		return WhyNoFullMember
	case len(l.electors(ByElectors)) == 0:
		return WhyNoElectors
	case l.need(ByElectors) > protocol.MaxElectors || l.need(ByAssembly) > protocol.MaxElectors:
		return WhyTooManyElectors
	}
	return ""
}

// copy is the start of the next line; maps are still shared.
func (l *line) copy() *line {
	next := *l
	next.offices = slices.Clone(l.offices)
	next.erasures = slices.Clip(l.erasures)
	next.features = slices.Clip(l.features)
	next.unflaggings = slices.Clip(l.unflaggings)
	next.order = slices.Clip(l.order)
	next.members = maps.Clone(l.members)
	next.roots = maps.Clone(l.roots)
	next.used = maps.Clone(l.used)
	return &next
}

// edit replaces a member by a copy that may be changed.
func (l *line) edit(handle string) *member {
	m := *l.members[handle]
	m.roots = slices.Clone(m.roots)
	m.stands = maps.Clone(m.stands)
	m.cuts = maps.Clone(m.cuts)
	if m.stands == nil {
		m.stands = map[protocol.FeedID]actStand{}
	}
	if m.cuts == nil {
		m.cuts = map[protocol.PublicKey]uint64{}
	}
	l.members[handle] = &m
	return &m
}

// holds reports whether the member holds the office.
func (l *line) holds(office protocol.Office, handle string) bool {
	return slices.ContainsFunc(l.offices, func(h Holding) bool { return h.Office == office && h.Member == handle })
}
