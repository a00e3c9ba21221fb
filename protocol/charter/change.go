package charter

import (
	"strconv"
	"unicode/utf8"

	"github.com/dure-net/dure/protocol"
)

// What says what a change does. The words travel and are signed. Append only: a
// decision with a word that a node does not know cannot be judged there (Status
// "too_new"), so a federation switches a new word on with ChangeFeature first.
type What string

const (
	ChangeAdmit         What = "admit"
	ChangeSuspend       What = "suspend"
	ChangeReinstate     What = "reinstate"
	ChangeRemove        What = "remove"
	ChangeCategorise    What = "categorise"
	ChangeAmendCharter  What = "amend_charter"
	ChangeAmendRules    What = "amend_rules"
	ChangeAmendNames    What = "amend_names"
	ChangeAppoint       What = "appoint"
	ChangeEndOffice     What = "end_office"
	ChangeSettle        What = "settle"
	ChangeCut           What = "cut"
	ChangeErase         What = "erase"
	ChangeRebind        What = "rebind"
	ChangeConfirmRebind What = "confirm_rebind"
	ChangeFeature       What = "feature"
	ChangeUnflag        What = "unflag"
)

// Whats lists every word, in the order of the list above. The slice is the caller's.
func Whats() []What {
	return []What{ChangeAdmit, ChangeSuspend, ChangeReinstate, ChangeRemove, ChangeCategorise, ChangeAmendCharter,
		ChangeAmendRules, ChangeAmendNames, ChangeAppoint, ChangeEndOffice, ChangeSettle, ChangeCut, ChangeErase,
		ChangeRebind, ChangeConfirmRebind, ChangeFeature, ChangeUnflag}
}

// Change is one thing that a decision does. Each word uses its own fields; a field
// that does not belong to the word must be absent.
type Change struct {
	What   What   `cbor:"what" json:"what"`
	Member string `cbor:"member,omitempty" json:"member,omitempty"` // handle; all but admit, amend_*, erase, unflag and feature

	Facts      *protocol.MemberFacts `cbor:"facts,omitempty" json:"facts,omitempty"`         // admit
	Invitation protocol.PublicKey    `cbor:"invitation,omitzero" json:"invitation,omitzero"` // admit: the invitation's key that is thereby used; may be absent
	Category   protocol.Category     `cbor:"category,omitempty" json:"category,omitempty"`   // categorise
	Node       protocol.PublicKey    `cbor:"node,omitzero" json:"node,omitzero"`             // cut
	Root       protocol.PublicKey    `cbor:"root,omitzero" json:"root,omitzero"`             // rebind, confirm_rebind: the new root key
	Until      string                `cbor:"until,omitempty" json:"until,omitempty"`         // rebind by the electors: last day on which the living old root can object
	Close      bool                  `cbor:"close,omitempty" json:"close,omitempty"`         // rebinding: feeds under the old root end as Stands lists them (the key was stolen, not only lost)
	Stands     []protocol.Stand      `cbor:"stands,omitempty" json:"stands,omitempty"`       // remove, cut, rebinding: feeds that stand, and how far; settle: exactly one, the chosen branch
	Office     protocol.Office       `cbor:"office,omitempty" json:"office,omitempty"`       // appoint, end_office
	From       string                `cbor:"from,omitempty" json:"from,omitempty"`           // appoint: first day, shown
	To         string                `cbor:"to,omitempty" json:"to,omitempty"`               // appoint: last day, shown
	Text       protocol.Text         `cbor:"text,omitempty" json:"text,omitempty"`           // amend_charter, amend_names: replaced or added languages
	Drop       []string              `cbor:"drop,omitempty" json:"drop,omitempty"`           // amend_charter, amend_names: languages that go
	Rules      *protocol.Rules       `cbor:"rules,omitempty" json:"rules,omitempty"`         // amend_rules
	Entry      protocol.EntryID      `cbor:"entry,omitzero" json:"entry,omitzero"`           // erase: the entry whose body goes; unflag: the first entry of the record
	Why        protocol.Text         `cbor:"why,omitempty" json:"why,omitempty"`             // erase, unflag, suspend, remove: the reason, may be absent
	Feature    string                `cbor:"feature,omitempty" json:"feature,omitempty"`     // feature: the name that is switched on
}

// MaxDecisionText bounds the runes of a decision's title, MaxReason those of a
// reason in one language. Beyond: ReasonTooLarge.
const (
	MaxDecisionText = 300
	MaxReason       = 4_000
)

// check looks at the form alone: the fields that the word wants, and no others.
func (c Change) check(at string) error {
	has := c.fields()
	var want, may fieldSet
	switch c.What {
	case ChangeAdmit:
		want, may = fFacts, fInvitation
	case ChangeSuspend:
		want, may = fMember, fWhy
	case ChangeReinstate:
		want = fMember
	case ChangeRemove:
		want, may = fMember, fStands|fWhy
	case ChangeCategorise:
		want = fMember | fCategory
	case ChangeAmendCharter, ChangeAmendNames:
		may = fText | fDrop
		if has&may == 0 {
			return malformed(at, "says no text")
		}
	case ChangeAmendRules:
		want = fRules
	case ChangeAppoint:
		want, may = fMember|fOffice, fFrom|fTo
	case ChangeEndOffice:
		want = fMember | fOffice
	case ChangeSettle:
		want = fMember | fStands
	case ChangeCut:
		want, may = fMember|fNode, fStands
	case ChangeErase, ChangeUnflag:
		want, may = fEntry, fWhy
	case ChangeRebind:
		want, may = fMember|fRoot, fUntil|fClose|fStands
	case ChangeConfirmRebind:
		want, may = fMember|fRoot, fClose|fStands
	case ChangeFeature:
		want = fFeature
	default:
		return &protocol.Error{Reason: protocol.ReasonTooNew, Op: "check change", Field: at + ".what", Args: map[string]string{"what": clip(string(c.What))}}
	}
	if has&want != want || has&^(want|may) != 0 {
		return malformed(at, "the fields do not fit "+string(c.What))
	}
	return c.checkValues(at)
}

func (c Change) checkValues(at string) error {
	if c.Member != "" {
		if err := protocol.CheckHandle(c.Member); err != nil {
			return err
		}
	}
	if c.Facts != nil {
		if err := c.Facts.Check(at + ".facts"); err != nil {
			return err
		}
	}
	if len(c.Stands) > protocol.MaxStands {
		return &protocol.Error{Reason: protocol.ReasonTooLarge, Op: "check change", Field: at + ".stands"}
	}
	feeds := map[protocol.FeedID]bool{}
	for _, s := range c.Stands {
		if s.Feed.IsZero() || (s.Count == 0) != s.Head.IsZero() || feeds[s.Feed] {
			return malformed(at+".stands", "a listed feed is named once, with its count and head")
		}
		feeds[s.Feed] = true
	}
	switch {
	case c.What == ChangeSettle && (len(c.Stands) != 1 || c.Stands[0].Count == 0):
		return malformed(at+".stands", "one branch is chosen")
	case (c.What == ChangeRebind || c.What == ChangeConfirmRebind) && len(c.Stands) > 0 && !c.Close:
		return malformed(at+".stands", "feeds are listed only where the old root's feeds end")
	case c.Feature != "" && protocol.CheckHandle(c.Feature) != nil:
		return malformed(at+".feature", "want lower-case words joined by hyphens")
	}
	for field, day := range map[string]string{"until": c.Until, "from": c.From, "to": c.To} {
		if day != "" && !isDay(day) {
			return malformed(at+"."+field, "want a day as YYYY-MM-DD")
		}
	}
	if len(c.Drop) > protocol.MaxLanguages {
		return &protocol.Error{Reason: protocol.ReasonTooLarge, Op: "check change", Field: at + ".drop"}
	}
	limit := protocol.MaxBodyBytes
	if c.What == ChangeAmendNames {
		limit = protocol.MaxName
	}
	if err := checkText(c.Text, at+".text", limit); err != nil {
		return err
	}
	return checkText(c.Why, at+".why", MaxReason)
}

type fieldSet uint32

const (
	fMember fieldSet = 1 << iota
	fFacts
	fInvitation
	fCategory
	fNode
	fRoot
	fUntil
	fClose
	fStands
	fOffice
	fFrom
	fTo
	fText
	fDrop
	fRules
	fEntry
	fWhy
	fFeature
)

func (c Change) fields() fieldSet {
	var set fieldSet
	for _, f := range []struct {
		here bool
		bit  fieldSet
	}{
		{c.Member != "", fMember}, {c.Facts != nil, fFacts}, {!c.Invitation.IsZero(), fInvitation}, {c.Category != "", fCategory},
		{!c.Node.IsZero(), fNode}, {!c.Root.IsZero(), fRoot}, {c.Until != "", fUntil}, {c.Close, fClose}, {len(c.Stands) > 0, fStands},
		{c.Office != "", fOffice}, {c.From != "", fFrom}, {c.To != "", fTo}, {len(c.Text) > 0, fText}, {len(c.Drop) > 0, fDrop},
		{c.Rules != nil, fRules}, {c.Entry.Defined(), fEntry}, {len(c.Why) > 0, fWhy}, {c.Feature != "", fFeature},
	} {
		if f.here {
			set |= f.bit
		}
	}
	return set
}

// Phrase is the key of the catalogue sentence that says the change, "change." and its
// word, and what the sentence is filled with: handles, days, codes, fingerprints and
// counts, never free text, which the caller takes from the change by language.
func (c Change) Phrase() (key string, args map[string]string) {
	args = map[string]string{}
	put := func(name, value string) {
		if value != "" {
			args[name] = value
		}
	}
	put("member", c.Member)
	if c.Facts != nil {
		put("member", c.Facts.Handle)
		put("kind", string(c.Facts.Kind))
		put("category", string(c.Facts.Category))
		put("country", c.Facts.Country)
		put("city", c.Facts.City)
		put("fingerprint", c.Facts.Root.Fingerprint())
	}
	put("category", string(c.Category))
	if !c.Root.IsZero() {
		put("fingerprint", c.Root.Fingerprint())
	}
	if !c.Node.IsZero() {
		put("node", c.Node.Short())
	}
	put("until", c.Until)
	put("office", string(c.Office))
	put("from", c.From)
	put("to", c.To)
	put("feature", c.Feature)
	if c.Entry.Defined() {
		put("entry", c.Entry.Short())
	}
	if c.Rules != nil {
		put("rules", c.Rules.Name)
		put("electors", c.Rules.Electors)
	}
	switch c.What {
	case ChangeSettle:
		if len(c.Stands) > 0 {
			put("count", strconv.FormatUint(c.Stands[0].Count, 10))
		}
	case ChangeRemove, ChangeCut:
		put("count", strconv.Itoa(len(c.Stands)))
	}
	return "change." + string(c.What), args
}

func checkText(t protocol.Text, at string, limit int) error {
	if len(t) > protocol.MaxLanguages {
		return &protocol.Error{Reason: protocol.ReasonTooLarge, Op: "check text", Field: at}
	}
	for lang, s := range t {
		if len(lang) < 2 || len(lang) > 35 || s == "" {
			return malformed(at, "empty, or not under a language tag")
		}
		if utf8.RuneCountInString(s) > limit {
			return &protocol.Error{Reason: protocol.ReasonTooLarge, Op: "check text", Field: at + "." + lang}
		}
	}
	return nil
}
