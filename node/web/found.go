package web

import (
	"net/url"
	"slices"
	"strconv"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol/record"
)

// foundFacets are shownFacets where members, agreements and decisions are searched too.
var foundFacets = append([]string{"type"}, shownFacets...)

// told is what is said of how words were looked for.
type told struct{ relaxed, unranked bool }

// everything reports whether a list is of more than records: where words are looked for,
// or where another type is asked for.
func everything(q api.RecordQuery) bool {
	return q.Text != "" || slices.ContainsFunc(q.Types, func(t string) bool { return !slices.Contains(record.Types(), t) })
}

// typeLabel is what things of a type are called.
func (v *view) typeLabel(name string) string {
	if label := record.Label(record.RecordTypes, name, v.Lang); label != "" {
		return label
	}
	return capital(v.T("term.type." + name))
}

// foundLine is what was found as a line of a list.
func (v *view) foundLine(f api.Found) recordLine {
	line := recordLine{Type: f.Type, Label: v.typeLabel(f.Type), Title: v.text(f.Title, f.Lang), When: v.moment(f.Time), Member: v.owner(f.Record)}
	switch f.Type {
	case api.FoundMember:
		line.URL, line.Number = "/members/"+url.PathEscape(f.ID), f.ID
		line.Member = v.whereabouts(*f.Facts)
		if f.State != "member" {
			line.State = v.T("term.status." + f.State)
		}
	case api.FoundAgreement:
		line.URL, line.Number, line.State = agreementURL(f.Number, f.ID), f.Number, capital(v.T("term.phase."+f.State))
		line.Member = text{Text: v.partyNames(f.Agreement.Parties)}
	case api.FoundAct:
		line.URL, line.Number, line.State = actURL(f.ID), v.actNumber(*f.Decision), capital(v.T("term.condition."+f.State))
		if f.Member == "" {
			line.Member = text{}
		}
		if line.Summary = (text{Text: v.changes(f.Decision.Changes)}); line.Title.Text == "" { // nobody gave it words
			line.Title, line.Summary = line.Summary, text{}
		}
	default:
		return v.recordLine(f.Record)
	}
	if line.Title.Text == "" {
		line.Title = text{Text: v.T("web.record.untitled")}
	}
	return line
}

// actNumber is what a decision is cited by.
func (v *view) actNumber(d api.Decision) string {
	switch {
	case d.Number == 0:
		return v.T("web.found.founding")
	case d.Final:
		return v.T("web.found.act", "number", strconv.FormatUint(d.Number, 10))
	}
	return v.T("web.found.decision", "number", strconv.FormatUint(d.Number, 10))
}
