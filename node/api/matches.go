package api

import (
	"context"
	"net/url"

	"github.com/dure-net/dure/node/access"
)

// Matcher finds what fits a listing.
type Matcher interface {
	// Matches judges every listing of the other side that is known here, on a day. The
	// record is named as in Reader.Record; one that is no open offer or request is
	// ReasonUsage. Two nodes that hold the same answer the same for one day.
	Matches(ctx context.Context, q MatchQuery) (Matches, error)
}

// MatchQuery names a listing and a day.
type MatchQuery struct {
	Ref  string
	AsOf string // YYYY-MM-DD; empty: today

	Sealed bool // also listings for chosen members that this node can read
}

// Matches are what fits one listing, best first.
type Matches struct {
	For   Record  `json:"for"`
	AsOf  string  `json:"as_of" doc:"the day on which validity was judged"`
	Items []Match `json:"items"`
	Near  []Match `json:"near" doc:"what one reason alone removed, best first; at most 20"`
}

// Match is one listing of the other side.
type Match struct {
	Record  Record        `json:"record"`
	Score   int           `json:"score" doc:"0 to 100"`
	Band    string        `json:"band" enum:"strong,good,possible,weak"`
	Reasons []MatchReason `json:"reasons"`
	Misses  []MatchMiss   `json:"misses" doc:"why it is no match; empty for a match"`
}

// MatchReason is one reason for points.
type MatchReason struct {
	Code   string              `json:"code" doc:"stable code"`
	Points int                 `json:"points"`
	Of     int                 `json:"of"`
	Facts  map[string][]string `json:"facts,omitempty" doc:"codes, days and numbers it rests on"`
	Text   string              `json:"text" doc:"the reason as a sentence, by Accept-Language"`
}

// MatchMiss is one filter that a pair did not pass.
type MatchMiss struct {
	Code  string              `json:"code" doc:"stable code"`
	Facts map[string][]string `json:"facts,omitempty"`
	Text  string              `json:"text" doc:"the reason as a sentence, by Accept-Language"`
}

func (s *server) matches() {
	type asking struct {
		ID       string `path:"id" maxLength:"120" doc:"of an offer or a request, as for one record"`
		AsOf     string `query:"as_of" format:"date" doc:"day on which validity is judged; today by default. Another day takes a token"`
		Language string `header:"Accept-Language"`
	}
	route(s, lasting(get(access.Open, "list-matches", "/records/{id}/matches", "What fits an offer or a request, with reasons, and what nearly does")),
		func(ctx context.Context, in *asking) (*answer[Matches], error) {
			if err := s.mayTurn(ctx, in.AsOf); err != nil {
				return nil, err
			}
			if s.public != nil && !sees(ctx) {
				done, err := s.public.judge()
				if err != nil {
					return nil, err
				}
				defer done()
			}
			m, err := s.backend.Matches(ctx, MatchQuery{Ref: in.ID, AsOf: in.AsOf, Sealed: sees(ctx)})
			if err != nil {
				return nil, err
			}
			lang := s.phrases.Match(in.Language)
			for _, list := range [][]Match{m.Items, m.Near} {
				for _, match := range list {
					for i, r := range match.Reasons {
						match.Reasons[i].Text = s.phrases.MatchReason(lang, r.Code, r.Facts)
					}
					for i, miss := range match.Misses {
						match.Misses[i].Text = s.phrases.MatchMiss(lang, miss.Code, miss.Facts)
					}
				}
			}
			return &answer[Matches]{m}, nil
		})
}

// Matches implements Matcher.
func (c *Client) Matches(ctx context.Context, q MatchQuery) (m Matches, err error) {
	v := url.Values{}
	if q.AsOf != "" {
		v.Set("as_of", q.AsOf)
	}
	path := "/records/" + url.PathEscape(q.Ref) + "/matches"
	if len(v) > 0 {
		path += "?" + v.Encode()
	}
	return m, c.get(ctx, path, &m)
}
