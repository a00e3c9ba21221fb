package remark

import (
	"slices"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// Fits reports whether a remark of a kind says anything about a record of another kind;
// category is that of a notice. Nothing is said openly about what is for chosen members.
func Fits(kind, about protocol.Kind, category string) bool {
	if about == protocol.KindSealed {
		return false
	}
	switch kind {
	case protocol.KindAdoption, protocol.KindEndorsement:
		return about == protocol.KindExperience || about == protocol.KindCollection
	case protocol.KindPartnership, protocol.KindUpdate:
		return about == protocol.KindProject
	case protocol.KindAcknowledgement:
		return about == protocol.KindNotice
	case protocol.KindSubmission:
		return about == protocol.KindNotice && category == "call"
	}
	return kind.IsRemark()
}

// Recallable reports whether a remark of a kind can be taken back by a recall.
// Partnerships are left, flags lifted; that a notice was read stays so.
func Recallable(kind protocol.Kind) bool {
	switch kind {
	case protocol.KindPartnership, protocol.KindAcknowledgement, protocol.KindFlag, protocol.KindRecall:
		return false
	}
	return kind.IsRemark()
}

type fold struct {
	about    Subject
	charter  Charter
	kinds    map[protocol.Kind][]Said // what may count, in order
	recalled map[protocol.EntryID]bool
	left     []left
	view     View
}

// left is a remark left aside.
type left struct {
	Said
	why Why
}

// Fold is what remarks come to. said holds every remark that stands about the subject
// and, of the members among their writers, the questions and replies about other records
// on the same days, which use up the same rate; in any order, each any number of times.
// asOf is a day, YYYY-MM-DD. The view is the caller's.
func Fold(about Subject, said []Said, c Charter, asOf record.Day) View {
	f := &fold{about: about, charter: c, kinds: map[protocol.Kind][]Said{}, recalled: map[protocol.EntryID]bool{},
		view: View{AsOf: asOf, Flags: []Flag{}, Questions: []Question{}, Translations: []Translation{}, Adoptions: []Adoption{},
			Endorsements: []Endorsement{}, Partners: []Partner{}, Updates: []Update{}, Aside: []Aside{}}}
	said = slices.Clone(said)
	slices.SortFunc(said, earlier)
	said = slices.CompactFunc(said, func(a, b Said) bool { return a.Entry == b.Entry })
	over := beyond(said, about.Record, asOf)
	for _, s := range said {
		switch {
		case s.Of != about.Record || !s.Kind.IsRemark():
		case !Fits(s.Kind, about.Kind, category(about.Body)):
			f.aside(s, WhyWrongKind)
		case over[s.Entry]:
			f.aside(s, WhyRate)
		case s.Body == nil && s.Kind != protocol.KindQuestion:
			f.aside(s, WhyAbsent)
		default:
			f.kinds[s.Kind] = append(f.kinds[s.Kind], s)
		}
	}
	f.recall(said)
	f.flags()
	f.threads()
	f.translations()
	f.adoptions()
	f.endorsements()
	f.project()
	f.notice()
	f.call()
	slices.SortFunc(f.left, func(a, b left) int { return earlier(a.Said, b.Said) })
	for _, l := range f.left {
		f.view.Aside = append(f.view.Aside, Aside{ID: l.Entry.String(), Type: l.Kind.String(), Member: l.Member, Time: at(l.Time), Why: l.why})
	}
	return f.view
}

func category(body record.Record) string {
	if n, ok := body.(*record.Notice); ok {
		return n.Category
	}
	return ""
}

func (f *fold) aside(s Said, why Why) { f.left = append(f.left, left{s, why}) }

func at(claimed int64) time.Time { return time.UnixMilli(claimed).UTC() }

// recall notes which remarks their writers took back.
func (f *fold) recall(said []Said) {
	own := map[protocol.EntryID]Said{}
	for _, s := range said {
		if s.Of == f.about.Record && Recallable(s.Kind) {
			own[s.Entry] = s
		}
	}
	for _, r := range f.kinds[protocol.KindRecall] {
		target, ok := own[r.first()]
		switch {
		case !ok:
			f.aside(r, WhyNothing)
		case target.Member != r.Member:
			f.aside(r, WhyNotOwner)
		case !f.recalled[target.Entry]:
			f.recalled[target.Entry] = true
			f.view.Count.Recalled++
		}
	}
}

// standing are the remarks of a kind that were not taken back; those are left aside. The
// slice is the caller's.
func (f *fold) standing(kind protocol.Kind) []Said {
	return slices.DeleteFunc(slices.Clone(f.kinds[kind]), func(s Said) bool {
		if f.recalled[s.Entry] {
			f.aside(s, WhyRecalled)
			return true
		}
		return false
	})
}

// latestOf is, for each key, the remark of each member that rules, in order. One that rules
// and was taken back leaves nothing: what it replaced does not come back.
func (f *fold) latestOf(kind protocol.Kind, key func(Said) string) []Said {
	type who struct{ member, key string }
	groups := map[who][]Said{}
	for _, s := range f.kinds[kind] {
		w := who{s.Member, key(s)}
		groups[w] = append(groups[w], s)
	}
	rules := map[protocol.EntryID]bool{}
	for _, list := range groups {
		rules[latest(list).Entry] = true
	}
	var out []Said
	for _, s := range f.kinds[kind] {
		switch {
		case f.recalled[s.Entry]:
			f.aside(s, WhyRecalled)
		case !rules[s.Entry]:
			f.aside(s, WhyReplaced)
		default:
			out = append(out, s)
		}
	}
	return out
}

// words is what every remark shown has.
func words(s Said, b record.Base, text record.Text) Words {
	return Words{ID: s.Entry.String(), Member: s.Member, Time: at(s.Time), Lang: b.Lang, Text: text, Machine: b.Machine}
}

// notOwn keeps what others than the owner say.
func (f *fold) notOwn(list []Said) []Said {
	return slices.DeleteFunc(list, func(s Said) bool {
		if s.Member == f.about.Owner {
			f.aside(s, WhyOwn)
			return true
		}
		return false
	})
}
