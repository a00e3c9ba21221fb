package remark

import (
	"slices"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

func whole(Said) string { return "" }

// adoptions and endorsements are others' words about an experience or a collection.
func (f *fold) adoptions() {
	for _, s := range f.notOwn(f.latestOf(protocol.KindAdoption, whole)) {
		a, ok := s.Body.(*record.Adoption)
		if !ok {
			f.aside(s, WhyAbsent)
			continue
		}
		one := Adoption{Words: words(s, a.Base, a.Changed), Since: a.Since, Result: a.Result, Outcome: a.Outcome}
		if a.Project != nil {
			one.Project = a.Project.String()
		}
		f.view.Adoptions = append(f.view.Adoptions, one)
		count(&f.view.Count.Results, a.Result)
	}
	f.view.Count.Adoptions = len(f.view.Adoptions)
}

func (f *fold) endorsements() {
	for _, s := range f.notOwn(f.latestOf(protocol.KindEndorsement, whole)) {
		e, ok := s.Body.(*record.Endorsement)
		if !ok {
			f.aside(s, WhyAbsent)
			continue
		}
		f.view.Endorsements = append(f.view.Endorsements, Endorsement{Words: words(s, e.Base, e.Text), Way: e.Way})
		count(&f.view.Count.Ways, e.Way)
	}
	f.view.Count.Endorsements = len(f.view.Endorsements)
}

func count(m *map[string]int, code string) {
	if *m == nil {
		*m = map[string]int{}
	}
	(*m)[code]++
}

// project shows partners, those that the owner names first, and updates.
func (f *fold) project() {
	if f.about.Kind != protocol.KindProject {
		return
	}
	now, _ := f.about.Body.(*record.Project)
	joined := map[string]bool{} // ever, by its own signature
	for _, s := range f.kinds[protocol.KindPartnership] {
		if p, ok := s.Body.(*record.Partnership); ok && p.Step == "join" {
			joined[s.Member] = true
		}
	}
	steps := map[string]Said{}
	for _, s := range f.notOwn(f.latestOf(protocol.KindPartnership, whole)) {
		steps[s.Member] = s
	}
	var named []string
	if now != nil {
		named = slices.DeleteFunc(slices.Clone(now.Partners), func(handle string) bool { return handle == f.about.Owner })
	}
	for _, handle := range named {
		f.partner(handle, steps, "partner", "invited")
	}
	for _, s := range sorted(steps) {
		if !slices.Contains(named, s.Member) {
			f.partner(s.Member, steps, "asking", "")
		}
	}
	for _, s := range f.standing(protocol.KindUpdate) {
		f.update(s, now, joined)
	}
}

func sorted(steps map[string]Said) []Said {
	var out []Said
	for _, s := range steps {
		out = append(out, s)
	}
	slices.SortFunc(out, earlier)
	return out
}

// partner shows where a member stands: having joined, and having said nothing.
func (f *fold) partner(handle string, steps map[string]Said, having, silent string) {
	one := Partner{Member: handle, State: silent}
	if s, ok := steps[handle]; ok {
		body := s.Body.(*record.Partnership)
		when := at(s.Time)
		one.ID, one.Time, one.Lang, one.Text = s.Entry.String(), &when, body.Lang, body.Text
		if one.State = "left"; body.Step == "join" {
			one.State = having
		}
	}
	if one.State == "" || one.State == "left" && having == "asking" {
		return // it was never named, and does not ask any more
	}
	if one.State == "partner" {
		f.view.Count.Partners++
	}
	f.view.Partners = append(f.view.Partners, one)
}

// update is judged by the version of the project that it names, so that what a partner
// reported stays when the owner names other partners or goals.
func (f *fold) update(s Said, now *record.Project, joined map[string]bool) {
	u, ok := s.Body.(*record.Update)
	if !ok {
		f.aside(s, WhyAbsent)
		return
	}
	version, _ := f.about.Versions[s.first()].(*record.Project)
	if version == nil {
		version = now
	}
	if s.Member != f.about.Owner && (!joined[s.Member] || version == nil || !slices.Contains(version.Partners, s.Member)) {
		f.aside(s, WhyNotPartner)
		return
	}
	one := Update{Words: words(s, u.Base, u.Text), Goal: u.Goal, Reached: u.Reached, Attachments: u.Attachments}
	if u.Goal > 0 {
		if version == nil || u.Goal > uint64(len(version.Goals)) || !sameUnit(version.Goals[u.Goal-1], u.Reached) {
			f.aside(s, WhyNoFit)
			return
		}
		one.Goals = version.Goals[u.Goal-1].Text
	}
	f.view.Updates = append(f.view.Updates, one)
}

func sameUnit(g record.Goal, reached *record.Qty) bool {
	for _, q := range []*record.Qty{g.Target, g.Reached} {
		if q != nil && reached != nil && q.Unit != reached.Unit {
			return false
		}
	}
	return true
}
