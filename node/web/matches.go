package web

import (
	"context"
	"strconv"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
)

// matches is what fits a listing, on its page.
type matches struct {
	Fit  []matchLine
	Near []matchLine
}

type matchLine struct {
	Line     recordLine
	Band     string // stable name, for the style sheet
	Headline string
	Reasons  []matchReason
	Misses   []string
	Propose  string // address of the form of a proposal about both; "" where it is none of this member's, or may not be
}

type matchReason struct{ Text, Points string }

// matches judges what fits a record; nil for what is no listing, or is not open.
func (s *site) matches(ctx context.Context, v *view, rec api.Record) (*matches, error) {
	kind, _ := protocol.ParseKind(rec.Type)
	if kind != protocol.KindOffer && kind != protocol.KindRequest || rec.State != api.RecordPublished {
		return nil, nil
	}
	if state, _ := rec.Content["state"].(string); state == "paused" || state == "closed" {
		return nil, nil // nothing is matched with it, whatever arrives
	}
	found, err := s.backend.Matches(ctx, api.MatchQuery{Ref: rec.ID, Sealed: true})
	if protocol.ReasonOf(err) == protocol.ReasonUsage {
		return nil, nil // its owner is suspended or removed
	}
	if err != nil {
		return nil, err
	}
	out := &matches{}
	for _, m := range found.Items {
		line := v.matchLine(m)
		line.Propose = v.proposeURL(m.Record, rec)
		out.Fit = append(out.Fit, line)
	}
	for _, m := range found.Near {
		out.Near = append(out.Near, v.matchLine(m))
	}
	return out, nil
}

func (v *view) matchLine(m api.Match) matchLine {
	line := matchLine{Line: v.recordLine(m.Record), Band: m.Band,
		Headline: v.T("match.headline", "band", v.T("term.band."+m.Band), "score", strconv.Itoa(m.Score))}
	for _, r := range m.Reasons {
		points := v.T("match.points", "points", strconv.Itoa(r.Points), "of", strconv.Itoa(r.Of))
		if r.Of == 0 {
			points = v.T("match.against", "points", strconv.Itoa(r.Points))
		}
		line.Reasons = append(line.Reasons, matchReason{v.book.MatchReason(v.Lang, r.Code, r.Facts), points})
	}
	for _, miss := range m.Misses {
		line.Misses = append(line.Misses, v.book.MatchMiss(v.Lang, miss.Code, miss.Facts))
	}
	return line
}
