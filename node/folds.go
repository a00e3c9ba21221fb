package node

import (
	"slices"
	"strconv"
	"time"

	"github.com/dure-net/dure/node/index"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
	"github.com/dure-net/dure/protocol/record"
	"github.com/dure-net/dure/protocol/record/exchange"
)

// folds are what the index cannot follow from single entries: who is a member, what was
// decided, what was agreed.
type folds struct{ *Node }

var _ index.Folds = folds{}

// Today implements index.Folds.
func (f folds) Today() record.Day { return f.desk.Today() }

// Charter implements index.Folds.
func (f folds) Charter() []index.Matter {
	s := f.replica.State()
	acts := map[uint64]charter.Act{}
	for _, a := range s.Acts() {
		acts[a.Number] = a
	}
	var out []index.Matter
	for _, m := range s.Members() {
		out = append(out, f.memberMatter(m, acts))
	}
	out = append(out, index.Matter{Kind: index.MatterAct, Name: f.federation.String(), Titles: values(f.founding.Names), Words: append(values(f.founding.Charter), "0"),
		State: string(charter.ConditionAct), Langs: langs(f.founding.Names), Category: []string{foundingChange}})
	for _, t := range s.Decisions() {
		switch t.Condition {
		case charter.ConditionInvalid, charter.ConditionWaiting: // says nothing, or nothing yet
		default:
			out = append(out, f.decisionMatter(t, acts))
		}
	}
	return out
}

// foundingChange is what the founding act is found by among the kinds of changes.
const foundingChange = "founding"

func (f folds) memberMatter(m charter.Member, acts map[uint64]charter.Act) index.Matter {
	out := index.Matter{Kind: index.MatterMember, Name: m.Facts.Handle, Titles: values(m.Facts.Names), Words: []string{m.Facts.Handle, m.Facts.City},
		Members: []string{m.Facts.Handle}, Country: m.Facts.Country, State: string(m.Status), Category: []string{string(m.Facts.Kind)}, Langs: langs(m.Facts.Names), Time: f.since(m)}
	if a, ok := acts[m.Since.Number]; ok && m.Since.Number > 0 {
		out.By = f.entryOf(a.Certificate)
	}
	return out
}

// since is when a member came, as far as anybody has claimed: by the act that admitted
// it, or as a founder with its first node.
func (n *Node) since(m charter.Member) (t time.Time) {
	if m.Since.Number > 0 {
		return n.claimed(m.Since.ID)
	}
	for _, node := range m.Nodes {
		for _, feed := range node.Feeds {
			if begun := n.claimed(feed); t.IsZero() || !begun.IsZero() && begun.Before(t) {
				t = begun
			}
		}
	}
	return t
}

func (f folds) decisionMatter(t charter.Tabled, acts map[uint64]charter.Act) index.Matter {
	d := t.Decision
	out := index.Matter{Kind: index.MatterAct, Name: t.ID.String(), By: f.entryOf(t.ID), Time: f.claimed(t.ID), Titles: values(d.Title), Words: values(d.Reason),
		State: string(t.Condition), Langs: langs(d.Title)}
	if a, ok := acts[d.Number]; ok && t.Condition == charter.ConditionAct {
		if by := f.entryOf(a.Certificate); by.Defined() { // it is news again when it becomes an act
			out.By = by
		}
	}
	out.Words = append(out.Words, strconv.FormatUint(d.Number, 10))
	add := func(list *[]string, value string) {
		if value != "" && !slices.Contains(*list, value) {
			*list = append(*list, value)
		}
	}
	add(&out.Members, f.tabledBy(t.ID))
	for _, c := range f.showChanges(d.Changes) {
		add(&out.Category, c.Kind)
		add(&out.Members, c.Member)
		add(&out.Words, c.Member)
		for _, texts := range []map[string]string{c.Names, c.Charter, c.Why} {
			out.Words = append(out.Words, values(texts)...)
		}
	}
	return out
}

// Agreement implements index.Folds.
func (f folds) Agreement(proposal protocol.EntryID) (index.Matter, bool) {
	t, err := f.desk.ThreadOf(proposal)
	if err != nil {
		return index.Matter{}, false
	}
	out := index.Matter{Kind: index.MatterAgreement, Name: t.ID.String(), By: t.ID, Time: f.claimed(t.ID), Closes: t.Ended, State: string(t.Phase), Members: t.Parties}
	for i := range t.Versions {
		v := &t.Versions[i]
		p := v.Proposal
		out.Titles = append(out.Titles, values(p.Title)...)
		out.Words = append(append(out.Words, exchange.NumberOf(v.Writer, v.Number)), values(p.Terms)...)
		for j := range p.Clauses {
			out.Words = append(out.Words, values(p.Clauses[j].What)...)
		}
	}
	head := latest(&t)
	out.Langs, out.Themes = langs(head.Proposal.Title), f.themesOf(head.Proposal)
	for _, list := range []*[]string{&out.Titles, &out.Words, &out.Themes} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return out, true
}

// themesOf are the themes of the listings that a proposal names.
func (n *Node) themesOf(p *record.Proposal) (themes []string) {
	for _, id := range []*protocol.RecordID{p.Offer, p.Request} {
		if id == nil {
			continue
		}
		if row, ok := n.rowOf(*id); ok {
			if l, ok := n.listingOf(row); ok {
				themes = append(themes, l.Themes...)
			}
		}
	}
	return themes
}

// entryOf is the entry that a block belongs to; undefined where it is not here.
func (n *Node) entryOf(block protocol.CID) (id protocol.EntryID) {
	if e, _, err := n.ledger.Find(block); err == nil {
		id = e.ID()
	}
	return id
}

// langs are the languages of a text, in order.
func langs(t map[string]string) (out []string) {
	for lang := range t {
		out = append(out, lang)
	}
	slices.Sort(out)
	return out
}

// values are what a text says, in order of language.
func values(t map[string]string) (out []string) {
	for _, lang := range langs(t) {
		out = append(out, t[lang])
	}
	return out
}
