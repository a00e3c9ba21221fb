package api

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dure-net/dure/node/access"
	"github.com/dure-net/dure/protocol"
)

// Saver keeps the searches that whoever asks has saved. They are their owner's alone: of the
// user who is signed in or whose token it is, of a token that is nobody's, or of the owner
// of the node. A search is named by its id or its name; absent, and another's, is
// ReasonNotFound.
type Saver interface {
	// SavedSearches lists them by name, and counts what is new.
	SavedSearches(ctx context.Context) ([]SavedSearch, error)

	// SaveSearch saves a search of which everything that is here has been seen. The same one
	// again changes nothing; another one of its name, and one too many, is ReasonConflict.
	// q's order, limit and cursor are passed over. While lists are being built it is ReasonBusy.
	SaveSearch(ctx context.Context, name string, q RecordQuery) (SavedSearch, error)

	// SavedSearch tells what is new, and changes nothing.
	SavedSearch(ctx context.Context, ref string) (SearchNews, error)

	// SeeSearch says that everything up to a SavedSearch.Upto was seen. While lists are being built it is ReasonBusy.
	SeeSearch(ctx context.Context, ref string, upto uint64) (SavedSearch, error)

	// RemoveSearch forgets one.
	RemoveSearch(ctx context.Context, ref string) error
}

// MaxNews is how much that is new is told of one saved search: the newest.
const MaxNews = 200

// SavedSearch is a search that is kept, and what has come since it was looked at.
type SavedSearch struct {
	ID      string       `json:"id" doc:"short name; no other search of this node has it"`
	Name    string       `json:"name" doc:"no other search of its owner has it"`
	Filter  SearchFilter `json:"filter"`
	Href    string       `json:"href" doc:"address that finds everything that fits, old and new"`
	Created time.Time    `json:"created"`
	Looked  time.Time    `json:"looked,omitzero" doc:"when what was new was seen the last time"`
	New     int          `json:"new" doc:"how much has come since, 200 at most"`
	More    bool         `json:"more,omitempty" doc:"more than that has come"`
	Partial bool         `json:"partial,omitempty" doc:"lists are being built: there may be more"`
	Upto    uint64       `json:"upto,omitempty" doc:"local sequence up to which was looked: send it back with /seen, so that what comes meanwhile stays new; left out while lists are being built"`
}

// SearchNews is a saved search with what is new.
type SearchNews struct {
	SavedSearch
	Items   []Found `json:"items" doc:"what is new, as /search tells it"`
	Earlier []Found `json:"earlier" doc:"what was new when it was looked at the last time"`
}

// SearchFilter is what a saved search asks for: the parameters of /search. An open day that
// has passed is today.
type SearchFilter struct {
	Type     []string `json:"type,omitempty" nullable:"false" enum:"profile,project,experience,offer,request,notice,collection,member,agreement,act" doc:"any of them"`
	State    []string `json:"state,omitempty" nullable:"false" maxItems:"16" doc:"as of /search"`
	Member   string   `json:"member,omitempty" maxLength:"40" doc:"handle of the owner"`
	Q        string   `json:"q,omitempty" maxLength:"400" doc:"words, as of /search"`
	Theme    []string `json:"theme,omitempty" nullable:"false" maxItems:"32"`
	Category []string `json:"category,omitempty" nullable:"false" maxItems:"32"`
	Mode     []string `json:"mode,omitempty" nullable:"false" maxItems:"32"`
	Country  []string `json:"country,omitempty" nullable:"false" maxItems:"32"`
	Lang     []string `json:"lang,omitempty" nullable:"false" maxItems:"32"`
	Status   []string `json:"status,omitempty" nullable:"false" maxItems:"32"`
	SDG      []string `json:"sdg,omitempty" nullable:"false" maxItems:"17"`
	Near     string   `json:"near,omitempty" maxLength:"60" doc:"latitude,longitude in degrees"`
	Within   float64  `json:"within,omitempty" minimum:"0" maximum:"20000" doc:"kilometres round near; 50 where it is not given"`
	Open     string   `json:"open,omitempty" maxLength:"10" doc:"YYYY-MM-DD: only what does not end before, and not before today"`
}

func (f SearchFilter) query() (RecordQuery, error) {
	in := Narrowing{Member: f.Member, Q: f.Q, Theme: f.Theme, Category: f.Category, Mode: f.Mode, Country: f.Country, Lang: f.Lang, Status: f.Status, SDG: f.SDG,
		Near: f.Near, Within: f.Within, Open: f.Open}
	q, err := in.query(f.Type, f.State)
	if err == nil {
		err = q.CheckSearch()
	}
	return q, err
}

// FilterOf is what a query asks for.
func FilterOf(q RecordQuery) SearchFilter {
	f := SearchFilter{Type: q.Types, State: q.Where["state"], Member: q.Member, Q: q.Text, Theme: q.Where["theme"], Category: q.Where["category"], Mode: q.Where["mode"],
		Country: q.Where["country"], Lang: q.Where["lang"], Status: q.Where["status"], SDG: q.Where["sdg"], Open: q.Open}
	if n := q.Near; n != nil {
		f.Near, f.Within = degrees(n.Lat)+","+degrees(n.Lon), n.Km
	}
	return f
}

// Selection is what a query asks for, without order and page, as the query of an address in
// one spelling: what ParseSelection reads.
func (q RecordQuery) Selection() string {
	sorted := func(values []string) []string { return slices.Compact(slices.Sorted(slices.Values(values))) }
	only := RecordQuery{Types: sorted(q.Types), Member: q.Member, Text: strings.TrimSpace(q.Text), Near: q.Near, Open: q.Open}
	for name, values := range q.Where {
		if len(values) > 0 {
			if only.Where == nil {
				only.Where = map[string][]string{}
			}
			only.Where[name] = sorted(values)
		}
	}
	return only.Values().Encode()
}

// ParseSelection reads what Selection writes. A parameter that /search does not have, one
// twice and a value that none has are ReasonUsage with Field its name.
func ParseSelection(text string) (q RecordQuery, err error) {
	bad := func(field string) error {
		return &protocol.Error{Reason: protocol.ReasonUsage, Op: "read search", Field: clip(field), Err: errors.New("no parameter of a search")}
	}
	v, err := url.ParseQuery(text)
	if err != nil {
		return q, bad("query")
	}
	km := 0.0
	for name, values := range v {
		if len(values) != 1 {
			return q, bad(name)
		}
		list := strings.Split(values[0], ",")
		switch name {
		case "type":
			q.Types = list
		case "member":
			q.Member = values[0]
		case "q":
			q.Text = values[0]
		case "open":
			q.Open = values[0]
		case "near":
		case "within":
			if km, err = strconv.ParseFloat(values[0], 64); err != nil || km <= 0 {
				return q, bad(name)
			}
		default:
			if !slices.ContainsFunc(Filters(), func(f Filter) bool { return f.Name == name }) {
				return q, bad(name)
			}
			if q.Where == nil {
				q.Where = map[string][]string{}
			}
			q.Where[name] = list
		}
	}
	if q.Near, err = ParseCircle(v.Get("near"), km); err != nil {
		return q, err
	}
	return q, q.CheckSearch()
}

// StillOpen is the query on a day: what it asks to be open is open on that day.
func (q RecordQuery) StillOpen(today string) RecordQuery {
	if q.Open != "" {
		q.Open = max(q.Open, today)
	}
	return q
}

func (s *server) saved() {
	type searches struct {
		Items []SavedSearch `json:"items"`
	}
	all := func(ctx context.Context) (*answer[searches], error) {
		found, err := s.backend.SavedSearches(ctx)
		if found == nil {
			found = []SavedSearch{}
		}
		return &answer[searches]{searches{found}}, err
	}
	op := get(access.Read, "list-searches", "/searches", "Saved searches of whoever asks, and how much is new to each")
	op.Description = "A saved search is its owner's alone: of the user whose token it is, of a token that is nobody's, or of the owner of the node. It goes with them. " +
		"New is what was published, concluded or decided since it was looked at; a revision is not new. What was seen is not new again after a rebuild, a restart or a restore, and what was not seen stays new."
	route(s, op, func(ctx context.Context, _ *struct{}) (*answer[searches], error) { return all(ctx) })

	op = post(access.Read, "save-search", "/searches", "Save a search: what comes from now on is new to it", http.StatusCreated)
	op.Description = "The same search again under the same name changes nothing."
	route(s, op, func(ctx context.Context, in *struct {
		Body struct {
			Name   string       `json:"name" doc:"at most 64 characters"`
			Filter SearchFilter `json:"filter"`
		}
	}) (*answer[SavedSearch], error) {
		q, err := in.Body.Filter.query()
		if err != nil {
			return nil, err
		}
		one, err := s.backend.SaveSearch(ctx, in.Body.Name, q)
		return &answer[SavedSearch]{one}, err
	})

	type named = oneID
	defer s.idIs("the id, or the name", "/searches/{id}", "/searches/{id}/removal")
	route(s, get(access.Read, "get-search", "/searches/{id}", "One saved search, with what is new; reading it changes nothing"),
		func(ctx context.Context, in *named) (*answer[SearchNews], error) {
			news, err := s.backend.SavedSearch(ctx, in.ID)
			if news.Items == nil {
				news.Items = []Found{}
			}
			if news.Earlier == nil {
				news.Earlier = []Found{}
			}
			return &answer[SearchNews]{news}, err
		})

	route(s, post(access.Read, "see-search", "/searches/{id}/seen", "Say that what is new was seen", http.StatusOK),
		func(ctx context.Context, in *struct {
			ID   string `path:"id" maxLength:"300" doc:"the id, or the name"`
			Body struct {
				Upto uint64 `json:"upto" minimum:"1" doc:"the upto that was told with it"`
			}
		}) (*answer[SavedSearch], error) {
			one, err := s.backend.SeeSearch(ctx, in.ID, in.Body.Upto)
			return &answer[SavedSearch]{one}, err
		})

	route(s, post(access.Read, "remove-search", "/searches/{id}/removal", "Forget a saved search; answered with those that are left", http.StatusOK),
		func(ctx context.Context, in *named) (*answer[searches], error) {
			if err := s.backend.RemoveSearch(ctx, in.ID); err != nil {
				return nil, err
			}
			return all(ctx)
		})
}

// SavedSearches implements Saver.
func (c *Client) SavedSearches(ctx context.Context) ([]SavedSearch, error) {
	return listed[SavedSearch](ctx, c, "/searches")
}

// SaveSearch implements Saver.
func (c *Client) SaveSearch(ctx context.Context, name string, q RecordQuery) (one SavedSearch, err error) {
	body := struct {
		Name   string       `json:"name"`
		Filter SearchFilter `json:"filter"`
	}{name, FilterOf(q)}
	return one, c.post(ctx, "/searches", body, &one)
}

// SavedSearch implements Saver.
func (c *Client) SavedSearch(ctx context.Context, ref string) (news SearchNews, err error) {
	return news, c.get(ctx, "/searches/"+url.PathEscape(ref), &news)
}

// SeeSearch implements Saver.
func (c *Client) SeeSearch(ctx context.Context, ref string, upto uint64) (one SavedSearch, err error) {
	body := struct {
		Upto uint64 `json:"upto"`
	}{upto}
	return one, c.post(ctx, "/searches/"+url.PathEscape(ref)+"/seen", body, &one)
}

// RemoveSearch implements Saver.
func (c *Client) RemoveSearch(ctx context.Context, ref string) error {
	var rest struct{ Items []SavedSearch }
	return c.post(ctx, "/searches/"+url.PathEscape(ref)+"/removal", struct{}{}, &rest)
}
