package remark

import (
	"slices"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// threads puts replies under their questions. A question that says nothing any more is
// shown where others have answered it: their words need a place.
func (f *fold) threads() {
	replies := map[protocol.EntryID][]Reply{}
	asked := map[protocol.EntryID]bool{}
	for _, q := range f.kinds[protocol.KindQuestion] {
		asked[q.Entry] = true
	}
	for _, s := range f.standing(protocol.KindReply) {
		r, ok := s.Body.(*record.Reply)
		switch {
		case !ok:
			f.aside(s, WhyAbsent)
		case !asked[s.first()]:
			f.aside(s, WhyNothing)
		default:
			replies[s.first()] = append(replies[s.first()], Reply{Words: words(s, r.Base, r.Text), Owner: s.Member == f.about.Owner})
		}
	}
	for _, s := range f.kinds[protocol.KindQuestion] {
		body, ok := s.Body.(*record.Question)
		one := Question{Words: words(s, record.Base{}, nil), State: "asked", Replies: replies[s.Entry]}
		switch {
		case f.recalled[s.Entry]:
			one.State = "recalled"
			f.aside(s, WhyRecalled)
		case !ok:
			one.State = "absent"
			f.aside(s, WhyAbsent)
		default:
			one.Words = words(s, body.Base, body.Text)
		}
		if one.State != "asked" && len(one.Replies) == 0 {
			continue
		}
		if one.Replies == nil {
			one.Replies = []Reply{}
		}
		one.Answered = slices.ContainsFunc(one.Replies, func(r Reply) bool { return r.Owner })
		if one.State == "asked" {
			f.view.Count.Questions++
			if !one.Answered && s.Member != f.about.Owner {
				f.view.Count.Unanswered++
			}
		}
		f.view.Questions = append(f.view.Questions, one)
	}
}

// translations shows one of each member into each language. It is outdated once a text
// that it translates reads otherwise than in the version that it names.
func (f *fold) translations() {
	for _, s := range f.latestOf(protocol.KindTranslation, func(s Said) string {
		t, _ := s.Body.(*record.Translation)
		if t == nil {
			return ""
		}
		return t.Lang
	}) {
		t, ok := s.Body.(*record.Translation)
		if !ok || t.Version == nil {
			f.aside(s, WhyAbsent)
			continue
		}
		version := f.about.Versions[*t.Version]
		if *t.Version == f.about.Current && version == nil {
			version = f.about.Body
		}
		if version != nil && (version.Kind() != f.about.Kind || len(record.CheckTranslation(version, t)) > 0) {
			f.aside(s, WhyNoFit)
			continue
		}
		f.view.Translations = append(f.view.Translations, Translation{
			Words: Words{ID: s.Entry.String(), Member: s.Member, Time: at(s.Time), Lang: t.Lang}, ByMachine: t.ByMachine,
			Version: t.Version.String(), Outdated: *t.Version != f.about.Current && outdated(version, f.about.Body, t), Texts: t.Texts,
		})
	}
}

// outdated reports whether what was translated differs between two versions of a record.
// Where one of them is not here, it may.
func outdated(then, now record.Record, t *record.Translation) bool {
	if then == nil || now == nil {
		return true
	}
	before, after := record.PassagesOf(then), record.PassagesOf(now)
	for path := range t.Texts {
		was, is := find(before, path), find(after, path)
		if is == nil || was[then.Head().Lang] != is[now.Head().Lang] {
			return true
		}
	}
	return false
}

func find(all []record.Passage, path string) record.Text {
	i := slices.IndexFunc(all, func(p record.Passage) bool { return p.Path == path })
	if i < 0 {
		return nil
	}
	return all[i].Text
}
