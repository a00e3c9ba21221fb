package api

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/dure-net/dure/node/access"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// Searcher finds whatever is on the ledger.
type Searcher interface {
	// Search lists what meets a query, of the types of FoundTypes: members, agreements and
	// decisions first, being few, then records, each in the order of the query. Nothing that
	// is sealed is among it. An empty page has no NextCursor.
	Search(ctx context.Context, q RecordQuery) (FoundPage, error)

	// FoundFacets counts what Search selects.
	FoundFacets(ctx context.Context, q RecordQuery) (Facets, error)
}

// Types of Found beside those of records.
const (
	FoundMember    = "member"
	FoundAgreement = "agreement"
	FoundAct       = "act" // also a decision that is no act yet
)

// FoundTypes lists the types that a search can be narrowed to. The slice is the caller's.
func FoundTypes() []string { return append(record.Types(), FoundMember, FoundAgreement, FoundAct) }

// FoundPage is one page of a search.
type FoundPage struct {
	Items      []Found `json:"items"`
	NextCursor string  `json:"next_cursor" doc:"empty on the last page; opaque"`
	Relaxed    bool    `json:"relaxed,omitempty" doc:"nothing has the words as they were typed; these have them in other forms"`
	Unranked   bool    `json:"unranked,omitempty" doc:"so many records have the words that these are the newest, not the most relevant"`
}

// Found is a record, told as for list-records, or a member, an agreement or a decision.
type Found struct {
	Type  string            `json:"type" doc:"type of the record, or member, agreement, act"`
	State string            `json:"state" doc:"of a record: published, withdrawn and so on; of a member its status; the phase of an agreement; of a decision act, open, stale or halted"`
	Time  time.Time         `json:"time,omitzero" doc:"when it was written, or came about, as its writer says"`
	Title map[string]string `json:"title,omitempty" doc:"what it is called, by language"`
	Record
	Facts     *Member   `json:"facts,omitempty" doc:"of a member"`
	Decision  *Decision `json:"decision,omitempty" doc:"of an act, or of a decision that is none yet"`
	Agreement *Agreeing `json:"agreement,omitempty" doc:"of an agreement: in outline"`
}

// UnmarshalJSON reads what is a record into Record too, whose type, state and time are told
// once.
func (f *Found) UnmarshalJSON(raw []byte) error {
	type plain Found
	if err := json.Unmarshal(raw, (*plain)(f)); err != nil {
		return err
	}
	if slices.Contains(record.Types(), f.Type) {
		f.Record.Type, f.Record.State, f.Record.Time = f.Type, RecordState(f.State), f.Time
	}
	return nil
}

// Agreeing is an agreement in outline.
type Agreeing struct {
	Phase    string  `json:"phase" enum:"proposed,accepted,declined,withdrawn,lapsed,in_force,in_progress,disputed,completed,cancelled"`
	Proposer string  `json:"proposer"`
	Parties  []Party `json:"parties"`
	Began    string  `json:"began"`
	InForce  string  `json:"in_force,omitempty" doc:"day of the confirmation"`
	Ended    string  `json:"ended,omitempty"`
}

// FoundStates are the values that a search's filter "state" has beside those of records.
// The slice is the caller's.
func FoundStates() []string {
	return []string{"founder_invited", "member", "suspended", "removed",
		"proposed", "accepted", "declined", "lapsed", "in_force", "in_progress", "disputed", "completed", "cancelled",
		"act", "open", "stale", "halted"}
}

// decisionKinds are the values that a search's filter "category" has for decisions.
var decisionKinds = []string{"founding", "admit", "suspend", "reinstate", "remove", "categorise", "amend_names", "amend_charter", "amend_rules", "appoint", "end_office",
	"cut", "settle", "erase", "unflag", "rebind", "confirm_rebind", "feature"}

// CheckSearch is Check for a search, which also finds what is no record.
func (q RecordQuery) CheckSearch() error {
	for _, t := range q.Types {
		if !slices.Contains(FoundTypes(), t) {
			return &protocol.Error{Reason: protocol.ReasonUsage, Op: "search", Field: "type", Args: map[string]string{"value": clip(t)}, Err: errors.New("no value of it")}
		}
	}
	return q.check(map[string][]string{"state": FoundStates(), "category": append(memberKinds(), decisionKinds...)})
}

func memberKinds() []string {
	return []string{string(protocol.KindCity), string(protocol.KindRegion), string(protocol.KindOrganisation)}
}

// SearchMark is where a page of a search ended, as a backend needs it to go on.
type SearchMark struct {
	Records bool   `json:"r,omitempty"`
	Record  Mark   `json:"m,omitzero"`
	At      int64  `json:"a,omitempty"`
	Kind    uint8  `json:"k,omitempty"`
	Name    string `json:"n,omitempty"`
	Told    int64  `json:"t,omitempty"`
	Relaxed bool   `json:"x,omitempty"`
}

// SearchCursor is the opaque cursor of the page after a mark, bound as CursorAfter is.
func (q RecordQuery) SearchCursor(m SearchMark) string {
	raw, err := json.Marshal(m)
	if err != nil {
		panic("dure: internal error: " + err.Error())
	}
	return base64.RawURLEncoding.EncodeToString(append(binary.BigEndian.AppendUint32([]byte{3}, q.filters()), raw...))
}

// SearchAfter is After for a cursor of SearchCursor.
func (q RecordQuery) SearchAfter() (m SearchMark, err error) {
	if q.Cursor == "" {
		return m, nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(q.Cursor)
	if err == nil && (len(raw) < 5 || raw[0] != 3 || binary.BigEndian.Uint32(raw[1:]) != q.filters()) {
		err = errors.New("not a cursor of this query")
	}
	if err == nil {
		err = json.Unmarshal(raw[5:], &m)
	}
	if err == nil && (m.Told < 0 || m.Record.Key < 0) {
		err = errors.New("not a cursor of ours")
	}
	if err != nil {
		return SearchMark{}, &protocol.Error{Reason: protocol.ReasonUsage, Op: "read cursor", Field: "cursor", Err: err}
	}
	return m, nil
}

// Searching is the parameters of /search and /search/facets.
type Searching struct {
	Type  []string `query:"type" enum:"profile,project,experience,offer,request,notice,collection,member,agreement,act" doc:"one or more, separated by commas"`
	State []string `query:"state" maxItems:"16" doc:"of a record: published, withdrawn, erased, wanted, invalid; of a member: founder_invited, member, suspended, removed; the phase of an agreement; of a decision: act, open, stale, halted"`
	Narrowing
}

func (in Searching) query(ctx context.Context, s *server) (RecordQuery, error) {
	q, err := in.Narrowing.query(in.Type, in.State)
	if err == nil {
		err = q.CheckSearch()
	}
	if err != nil || sees(ctx) {
		return q, err
	}
	// Decisions are not told to callers without a token, as by list-decisions.
	if len(q.Types) == 0 {
		q.Types = FoundTypes()
	} else if slices.Contains(q.Types, FoundAct) {
		return q, s.may(ctx, access.Read)
	}
	q.Types = slices.DeleteFunc(slices.Clone(q.Types), func(t string) bool { return t == FoundAct })
	return q, nil
}

func (s *server) searches() {
	type listing struct {
		Searching
		Sort   string `query:"sort" enum:"newest,relevance,closing,distance" default:"newest" doc:"relevance needs q, distance needs near; with closing there are records alone"`
		Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
		Cursor string `query:"cursor" maxLength:"400" doc:"next_cursor of the page before"`
	}
	op := get(access.Open, "search", "/search", "Records, members, agreements and decisions that have some words")
	op.Description = "Members, agreements and decisions come first, being few, then records, each in the order that is asked for. Items that are records have all that list-records tells of them. " +
		"A filter that only records have leaves records. A member is near a place where its profile says so. Decisions are told to callers with a token."
	route(s, op, func(ctx context.Context, in *listing) (*answer[FoundPage], error) {
		q, err := in.query(ctx, s)
		if err != nil {
			return nil, err
		}
		if q.Limit, q.Cursor = in.Limit, in.Cursor; in.Sort != string(SortNewest) {
			q.Sort = Sort(in.Sort)
		}
		page, err := s.backend.Search(ctx, q)
		if page.Items == nil {
			page.Items = []Found{}
		}
		return &answer[FoundPage]{page}, err
	})
	route(s, get(access.Open, "count-search-facets", "/search/facets", "How much a search finds of each type and of each value of the filters"),
		func(ctx context.Context, in *Searching) (*answer[Facets], error) {
			q, err := in.query(ctx, s)
			if err != nil {
				return nil, err
			}
			facets, err := s.backend.FoundFacets(ctx, q)
			if facets.Facets == nil {
				facets.Facets = map[string][]FacetValue{}
			}
			return &answer[Facets]{facets}, err
		})
}

// Search implements Searcher.
func (c *Client) Search(ctx context.Context, q RecordQuery) (page FoundPage, err error) {
	return page, c.get(ctx, "/search?"+q.Values().Encode(), &page)
}

// FoundFacets implements Searcher.
func (c *Client) FoundFacets(ctx context.Context, q RecordQuery) (f Facets, err error) {
	q.Limit, q.Cursor, q.Sort = 0, "", ""
	return f, c.get(ctx, "/search/facets?"+q.Values().Encode(), &f)
}
