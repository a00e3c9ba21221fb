package index

import (
	"strconv"
	"strings"

	"github.com/dure-net/dure/node/index/token"
	"github.com/dure-net/dure/protocol/record"
)

// content is what a record's current version says, as search and facets see it.
type content struct {
	facets      []termKey
	title, body []byte // tokens; nil: nothing is said, or it is not here
	spot        *spot
	closes      int64 // the last day, as dayNumber; 0: none
	lost        bool  // words may have been there that are erased now
}

// spot is where something is, in degrees.
type spot struct{ lat, lon float64 }

// contentOf reads what a record says now. A body that is not here says nothing.
func (w *writer) contentOf(t *thread) (content, error) {
	row, ok := t.row()
	if !ok {
		return content{}, nil
	}
	e, err := w.entryAt(row.Current)
	v, err := w.x.viewOf(row, e, err)
	if err != nil {
		return content{}, err
	}
	c := content{facets: []termKey{{facetAll, ""}, {FacetType, t.kind.String()}, {FacetMember, t.member}, {FacetState, string(v.State)}}}
	if v.Content == nil {
		return c, nil
	}
	c.closes = dayNumber(v.Head.ValidUntil)
	one := func(f Facet, value string) {
		if value != "" && len(value) <= maxValue {
			c.facets = append(c.facets, termKey{f, value})
		}
	}
	one(FacetCountry, v.Head.Country)
	one(FacetCategory, v.Head.Category)
	one(FacetMode, v.Head.Mode)
	one(FacetStatus, v.Head.Status)
	for lang := range v.Head.Title {
		one(FacetLang, lang)
	}
	for _, theme := range v.Head.Themes {
		one(FacetTheme, theme)
	}
	goals, _ := v.Content["sdgs"].([]any)
	for _, g := range goals {
		switch g := g.(type) {
		case uint64:
			one(FacetSDG, strconv.FormatUint(g, 10))
		case int64:
			one(FacetSDG, strconv.FormatInt(g, 10))
		}
	}
	place, _ := v.Content["place"].(map[string]any)
	lat, aerr := strconv.ParseFloat(text(place["lat"]), 64)
	lon, oerr := strconv.ParseFloat(text(place["lon"]), 64)
	if aerr == nil && oerr == nil {
		c.spot = &spot{lat, lon}
	}
	for _, title := range v.Head.Title {
		c.title = token.Append(c.title, title)
	}
	for name, field := range v.Content {
		if name != "title" && name != "names" {
			c.body = said(c.body, field, v.Head.Lang)
		}
	}
	if c.lost, err = w.translated(t, row, &c); err != nil {
		return content{}, err
	}
	if c.title == nil {
		c.title = []byte{}
	}
	return c, nil
}

// said appends the tokens of all that people read in a field: texts by language, labels
// and names. A map is a text by language when it has the record's language.
func said(dst []byte, field any, lang string) []byte {
	switch field := field.(type) {
	case []any:
		for _, item := range field {
			dst = said(dst, item, lang)
		}
	case map[string]any:
		_, byLanguage := field[lang].(string)
		for name, inner := range field {
			s, isText := inner.(string)
			if !isText {
				dst = said(dst, inner, lang)
			} else if byLanguage || name == "label" || name == "name" {
				dst = token.Append(dst, s)
			}
		}
	}
	return dst
}

func text(v any) string { s, _ := v.(string); return s }

// dayNumber writes a day so that later ones are larger; 0 for none.
func dayNumber(d record.Day) int64 {
	n, err := strconv.ParseInt(strings.ReplaceAll(string(d), "-", ""), 10, 64)
	if err != nil {
		return 0
	}
	return n
}
