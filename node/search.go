package node

import (
	"context"
	"slices"
	"time"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/index"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
	"github.com/dure-net/dure/protocol/record"
	"github.com/dure-net/dure/protocol/record/exchange"
)

// Search implements api.Searcher.
func (n *Node) Search(_ context.Context, q api.RecordQuery) (api.FoundPage, error) {
	after, err := q.SearchAfter()
	if err != nil {
		return api.FoundPage{}, err
	}
	s, err := indexSearch(q)
	if err != nil {
		return api.FoundPage{}, err
	}
	s.From = index.SearchMark{Records: after.Records, Record: index.Mark(after.Record), At: after.At, Kind: index.MatterKind(after.Kind), Name: after.Name,
		Told: after.Told, Relaxed: after.Relaxed}
	page, err := n.index.Search(s)
	if err != nil {
		return api.FoundPage{}, err
	}
	out := api.FoundPage{Items: make([]api.Found, 0, len(page.Hits)), Relaxed: page.Relaxed, Unranked: page.Newest}
	charter := n.replica.State()
	for _, h := range page.Hits {
		f, ok, err := n.found(charter, h)
		if err != nil {
			return api.FoundPage{}, err
		}
		if ok {
			out.Items = append(out.Items, f)
		}
	}
	if m := page.Next; m != (index.SearchMark{}) {
		out.NextCursor = q.SearchCursor(api.SearchMark{Records: m.Records, Record: api.Mark(m.Record), At: m.At, Kind: uint8(m.Kind), Name: m.Name, Told: m.Told, Relaxed: m.Relaxed})
	}
	return out, nil
}

// FoundFacets implements api.Searcher.
func (n *Node) FoundFacets(_ context.Context, q api.RecordQuery) (api.Facets, error) {
	s, err := indexSearch(q)
	if err != nil {
		return api.Facets{}, err
	}
	counted, err := n.index.SearchFacets(s)
	if err != nil {
		return api.Facets{}, err
	}
	out := shownFacets(counted)
	out.Facets["type"] = slices.DeleteFunc(out.Facets["type"], func(v api.FacetValue) bool { return !slices.Contains(api.FoundTypes(), v.Value) })
	return out, nil
}

// indexSearch is a search as the index takes it. Proposals are not among the records: what
// they make is an agreement.
func indexSearch(q api.RecordQuery) (index.Search, error) {
	if err := q.CheckSearch(); err != nil {
		return index.Search{}, err
	}
	out := index.Search{NoRecords: len(q.Types) > 0}
	var types []string
	for _, t := range q.Types {
		if k, ok := index.ParseMatterKind(t); ok {
			out.Kinds = append(out.Kinds, k)
		} else {
			types, out.NoRecords = append(types, t), false
		}
	}
	if len(q.Types) == 0 {
		out.Kinds = index.MatterKinds()
	}
	if len(types) == 0 {
		types = record.Types()
	}
	q.Types = types
	var err error
	out.Query, err = conditions(q)
	return out, err
}

// found is a hit as it is shown: told by what it follows from, now; false where it does
// not stand any more.
func (n *Node) found(s charter.State, h index.Hit) (api.Found, bool, error) {
	switch h.Kind {
	case index.MatterMember:
		m, ok := s.Member(h.Name)
		if !ok {
			return api.Found{}, false, nil
		}
		facts := n.showMember(m)
		return api.Found{Type: api.FoundMember, State: facts.Status, Time: n.since(m), Title: facts.Names, Facts: &facts,
			Record: api.Record{ID: h.Name, Member: h.Name, Names: facts.Names}}, true, nil
	case index.MatterAct:
		d, ok := n.decided(s, h.Name)
		if !ok {
			return api.Found{}, false, nil
		}
		return api.Found{Type: api.FoundAct, State: d.state, Time: d.at, Title: d.Text, Decision: &d.Decision,
			Record: api.Record{ID: h.Name, Member: d.By, Names: n.namesOf(s, d.By)}}, true, nil
	case index.MatterAgreement:
		id, err := protocol.ParseCID(h.Name)
		if err != nil {
			return api.Found{}, false, protocol.Fail(protocol.ReasonInternal, "show agreement", err)
		}
		t, err := n.desk.ThreadOf(id)
		if err != nil {
			return api.Found{}, false, nil // it went meanwhile
		}
		head := latest(&t)
		a := api.Agreeing{Phase: string(t.Phase), Proposer: t.Proposer, Parties: n.partiesOf(&t), Began: string(t.Began), InForce: string(t.InForce), Ended: string(t.Ended)}
		return api.Found{Type: api.FoundAgreement, State: string(t.Phase), Time: n.claimed(t.ID), Title: head.Proposal.Title, Agreement: &a,
			Record: api.Record{ID: h.Name, Number: exchange.NumberOf(t.Proposer, t.Number), Member: t.Proposer, Names: n.namesOf(s, t.Proposer), Lang: head.Proposal.Lang}}, true, nil
	}
	r, err := n.show(h.Row)
	if err != nil {
		return api.Found{}, false, err
	}
	head := record.Head{}
	if r.Content != nil && r.Flag == nil {
		head = record.HeadOf(h.Row.Kind, r.Content)
	}
	return api.Found{Type: r.Type, State: string(r.State), Time: r.Time, Title: head.Title, Record: r}, true, nil
}

func (n *Node) namesOf(s charter.State, handle string) map[string]string {
	if m, ok := s.Member(handle); ok {
		return m.Facts.Names
	}
	return nil
}

// decided is a decision as it is shown, and where it stands.
type decided struct {
	api.Decision
	state string
	at    time.Time
}

func (n *Node) decided(s charter.State, name string) (decided, bool) {
	if name == n.federation.String() {
		return decided{api.Decision{ID: name, Changes: []api.Change{}, Text: n.founding.Names, Final: true, For: []string{}, None: []string{}, Missing: []string{}},
			string(charter.ConditionAct), time.Time{}}, true
	}
	id, err := protocol.ParseCID(name)
	if err != nil {
		return decided{}, false
	}
	t, ok := s.Decision(id)
	return decided{n.showDecision(t), string(t.Condition), n.claimed(id)}, ok
}
