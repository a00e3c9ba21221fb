package charter

import (
	"maps"
	"slices"

	"github.com/dure-net/dure/protocol"
)

// Why is the code of a rule that a decision breaks. Codes are an interface, and "why."
// and the code is the key of the catalogue's sentence. Append only.
type Why string

const (
	WhyWrongNumber      Why = "wrong_number"      // not the number after the act it names
	WhyWrongCertificate Why = "wrong_certificate" // the named certificate does not certify the named act
	WhyHandleTaken      Why = "handle_taken"
	WhyRootTaken        Why = "root_taken"
	WhyInvitationUsed   Why = "invitation_used"
	WhyNoCategory       Why = "no_category"
	WhyOrganisationCity Why = "organisation_city" // an organisation names its city
	WhyUnknownMember    Why = "unknown_member"
	WhyRemoved          Why = "removed"
	WhySuspended        Why = "suspended"
	WhyNotSuspended     Why = "not_suspended"
	WhySameCategory     Why = "same_category"
	WhyNeedsFullMember  Why = "needs_full_member" // only full members are elected to the committee and as chair city
	WhyUnknownOffice    Why = "unknown_office"
	WhyOfficeHeld       Why = "office_held"
	WhyOfficeNotHeld    Why = "office_not_held"
	WhyBadDay           Why = "bad_day"
	WhyNoText           Why = "no_text" // no language would be left
	WhyBadRules         Why = "bad_rules"
	WhyNoFullMember     Why = "no_full_member"
	WhyNoElectors       Why = "no_electors"
	WhyTooManyElectors  Why = "too_many_electors" // more approvals needed than a certificate holds
	WhyNeedsUntil       Why = "needs_until"       // the electors' rebinding has a waiting time
	WhyNoWaiting        Why = "no_waiting"        // the assembly's rebinding has none
	WhyNothingToConfirm Why = "nothing_to_confirm"
	WhyAnnounced        Why = "announced" // a second announcement would begin the waiting time anew, and forget an objection
	WhyAlreadyCut       Why = "already_cut"
	WhyAlreadyErased    Why = "already_erased"
	WhyAlreadyOn        Why = "already_on"
	WhyObjected         Why = "objected"     // the living old root key objects to its replacement
	WhyWaitingTime      Why = "waiting_time" // not a day on which this can be approved
)

// Fault says which change of a decision breaks which rule. Change is its index, or -1
// for the decision as a whole. The zero Fault is no fault.
type Fault struct {
	Why    Why
	Change int
	Args   map[string]string
}

// OK reports that there is no fault.
func (f Fault) OK() bool { return f.Why == "" }

// apply makes the line after decision d, whose id is id. A decision applies as a
// whole or not at all.
func (l *line) apply(d Decision, id protocol.ActID) (*line, Fault) {
	if d.Number != l.ref.Number+1 || d.Prev != l.ref.ID {
		return nil, Fault{Why: WhyWrongNumber, Change: -1}
	}
	next := l.copy()
	next.ref, next.prev = protocol.ActRef{Number: d.Number, ID: id}, l.ref.ID
	for i, c := range d.Changes {
		if w := next.change(c, d.By); w != "" {
			_, args := c.Phrase()
			return nil, Fault{Why: w, Change: i, Args: args}
		}
	}
	if w := next.usable(); w != "" {
		return nil, Fault{Why: w, Change: -1}
	}
	return next, Fault{}
}

// change applies one change to a line that is being made.
func (l *line) change(c Change, by By) Why {
	if c.Member != "" {
		switch m, ok := l.members[c.Member]; {
		case !ok:
			return WhyUnknownMember
		case m.status == StatusRemoved && c.What != ChangeSettle:
			return WhyRemoved
		}
	}
	switch c.What {
	case ChangeAdmit:
		return l.admit(*c.Facts, c.Invitation)
	case ChangeSuspend:
		if l.members[c.Member].status == StatusSuspended {
			return WhySuspended
		}
		m := l.edit(c.Member)
		m.status, m.changed = StatusSuspended, l.ref
	case ChangeReinstate:
		if l.members[c.Member].status != StatusSuspended {
			return WhyNotSuspended
		}
		m := l.edit(c.Member)
		m.status, m.changed = StatusMember, l.ref
	case ChangeRemove:
		m := l.edit(c.Member)
		m.status, m.changed, m.rebind = StatusRemoved, l.ref, nil
		m.list(c.Stands, l.ref.Number)
		l.offices = slices.DeleteFunc(l.offices, func(h Holding) bool { return h.Member == c.Member })
	case ChangeCategorise:
		switch m := l.members[c.Member]; {
		case m.facts.Category == c.Category:
			return WhySameCategory
		case !c.Category.Votes() && (l.holds(protocol.OfficeSteering, c.Member) || l.holds(protocol.OfficeChairCity, c.Member)):
			return WhyNeedsFullMember
		}
		switch c.Category {
		case protocol.CategoryFull, protocol.CategoryAssociate, protocol.CategoryAllied, protocol.CategoryHonorary, protocol.CategoryPartner:
		default:
			return WhyNoCategory
		}
		l.edit(c.Member).facts.Category = c.Category
	case ChangeAmendCharter:
		l.charter = amend(l.charter, c)
		if len(l.charter) == 0 || len(l.charter) > protocol.MaxLanguages {
			return WhyNoText
		}
	case ChangeAmendNames:
		l.names = amend(l.names, c)
		if len(l.names) == 0 || len(l.names) > protocol.MaxLanguages {
			return WhyNoText
		}
	case ChangeAmendRules:
		if !checkRules(*c.Rules) {
			return WhyBadRules
		}
		l.rules = *c.Rules
	case ChangeAppoint:
		return l.appoint(protocol.Term{Office: c.Office, Member: c.Member, From: c.From, To: c.To})
	case ChangeEndOffice:
		if !l.holds(c.Office, c.Member) {
			return WhyOfficeNotHeld
		}
		l.offices = slices.DeleteFunc(l.offices, func(h Holding) bool { return h.Office == c.Office && h.Member == c.Member })
	case ChangeSettle:
		l.edit(c.Member).list(c.Stands, l.ref.Number)
	case ChangeCut:
		if _, cut := l.members[c.Member].cuts[c.Node]; cut && len(c.Stands) == 0 {
			return WhyAlreadyCut
		}
		m := l.edit(c.Member)
		m.cuts[c.Node] = l.ref.Number
		m.list(c.Stands, l.ref.Number)
	case ChangeErase:
		if slices.ContainsFunc(l.erasures, func(e Erasure) bool { return e.Entry == c.Entry }) {
			return WhyAlreadyErased
		}
		l.erasures = append(l.erasures, Erasure{Entry: c.Entry, Why: c.Why, Act: l.ref})
	case ChangeUnflag:
		l.unflaggings = append(l.unflaggings, Unflagging{Entry: c.Entry, Why: c.Why, Act: l.ref})
	case ChangeRebind, ChangeConfirmRebind:
		return l.rebind(c, by)
	case ChangeFeature:
		if slices.ContainsFunc(l.features, func(s Switch) bool { return s.Name == c.Feature }) {
			return WhyAlreadyOn
		}
		l.features = append(l.features, Switch{Name: c.Feature, Act: l.ref})
	default:
		panic("dure: internal error: a change was not checked")
	}
	return ""
}

func (l *line) admit(f protocol.MemberFacts, invitation protocol.PublicKey) Why {
	if _, taken := l.members[f.Handle]; taken {
		return WhyHandleTaken
	}
	if _, taken := l.roots[f.Root]; taken || l.pendingRoot(f.Root) {
		return WhyRootTaken
	}
	switch {
	case f.Category == "":
		return WhyNoCategory
	case f.Kind == protocol.KindOrganisation && f.City == "":
		return WhyOrganisationCity
	}
	if !invitation.IsZero() {
		if _, used := l.used[invitation]; used {
			return WhyInvitationUsed
		}
		l.used[invitation] = f.Handle
	}
	l.members[f.Handle] = &member{facts: f, status: StatusMember, since: l.ref, changed: l.ref, roots: []rootTerm{{key: f.Root}}}
	l.order = append(l.order, f.Handle)
	l.roots[f.Root] = f.Handle
	return ""
}

// pendingRoot reports whether a rebinding has announced the key.
func (l *line) pendingRoot(root protocol.PublicKey) bool {
	for _, m := range l.members {
		if m.rebind != nil && m.rebind.Root == root {
			return true
		}
	}
	return false
}

// singleSeat says that an office has one holder at a time.
func singleSeat(o protocol.Office) bool { return o != protocol.OfficeSteering }

func (l *line) appoint(t protocol.Term) Why {
	m := l.members[t.Member]
	switch {
	case !knownOffice(t.Office):
		return WhyUnknownOffice
	case m.status != StatusMember:
		return WhySuspended
	case t.From != "" && t.To != "" && t.To < t.From:
		return WhyBadDay
	case (t.Office == protocol.OfficeSteering || t.Office == protocol.OfficeChairCity) && !m.facts.Category.Votes():
		return WhyNeedsFullMember
	}
	for _, h := range l.offices {
		if h.Office == t.Office && (singleSeat(t.Office) || h.Member == t.Member) {
			return WhyOfficeHeld
		}
	}
	l.offices = append(l.offices, Holding{t, l.ref})
	return ""
}

// rebind announces a new root key or takes it over. The electors need two acts, and
// the approvals' days keep the waiting time between them (see dayLimits); the
// assembly needs one.
func (l *line) rebind(c Change, by By) Why {
	old := l.members[c.Member]
	if _, taken := l.roots[c.Root]; taken {
		return WhyRootTaken
	}
	if c.What == ChangeRebind {
		switch {
		case old.rebind != nil && old.rebind.Root != c.Root && l.pendingRoot(c.Root), old.rebind == nil && l.pendingRoot(c.Root):
			return WhyRootTaken
		case by == ByElectors && old.rebind != nil && old.rebind.Root == c.Root:
			return WhyAnnounced
		case by == ByElectors && c.Until == "":
			return WhyNeedsUntil
		case by == ByElectors && c.Close:
			return WhyNothingToConfirm // what ends with the old root is said by the confirmation
		case by == ByElectors:
			l.edit(c.Member).rebind = &Rebinding{Root: c.Root, Until: c.Until, Act: l.ref}
			return ""
		case c.Until != "":
			return WhyNoWaiting
		}
	} else if old.rebind == nil || old.rebind.Root != c.Root || old.rebind.Act == l.ref {
		return WhyNothingToConfirm
	}
	m := l.edit(c.Member)
	if c.Close {
		for i := range m.roots {
			m.roots[i].ended = l.ref.Number
		}
		m.list(c.Stands, l.ref.Number)
	}
	m.roots = append(m.roots, rootTerm{key: c.Root})
	m.facts.Root, m.rebind = c.Root, nil
	l.roots[c.Root] = c.Member
	return ""
}

// list ends feeds where an act says. The last act that lists a feed rules.
func (m *member) list(stands []protocol.Stand, act uint64) {
	for _, s := range stands {
		m.stands[s.Feed] = actStand{s, act}
	}
}

func amend(t protocol.Text, c Change) protocol.Text {
	next := maps.Clone(t)
	if next == nil {
		next = protocol.Text{}
	}
	for _, lang := range c.Drop {
		delete(next, lang)
	}
	maps.Copy(next, c.Text)
	return next
}

// dayLimits are the days that approvals of a decision may claim: later than after,
// and not later than until; "" means no limit. They keep the waiting time of a
// rebinding without any clock: the electors' own statements begin and end it.
func (l *line) dayLimits(d Decision) (after, until string) {
	if d.By == ByAssembly {
		return "", ""
	}
	for _, c := range d.Changes {
		switch c.What {
		case ChangeRebind:
			if last := daysBefore(c.Until, l.rules.Rebind); until == "" || last < until {
				until = last
			}
		case ChangeConfirmRebind:
			if m, ok := l.members[c.Member]; ok && m.rebind != nil && m.rebind.Until > after {
				after = m.rebind.Until
			}
		}
	}
	return after, until
}
