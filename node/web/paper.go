package web

import (
	"bytes"
	"cmp"
	_ "embed"
	"html/template"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/phrase"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

//go:embed paper/paper.html
var paperHTML string

//go:embed paper/paper.css
var paperStyle string

var paperPage = template.Must(template.New("paper").Parse(paperHTML))

// Paper writes a record or an agreement as one page of HTML to be printed: one language or
// two beside each other, everything in the file itself.
type Paper struct {
	Book       *phrase.Book
	Langs      []string          // one or two of ko, en, fr, es
	Federation map[string]string // its names
	Zone       *time.Location    // of times; nil: time.Local
	Now        time.Time         // when it is printed
}

type paperSheet struct {
	Lang, Title, ID, Digest string
	Style                   template.CSS
	Federation, Titles      []text
	Sections                []paperSection
	Sign                    *paperSign
	Foot                    []text
}

type paperSection struct {
	Heading []text
	Rows    []paperRow
}

type paperRow struct {
	Depth int
	Cells []paperCell // one for each language
}

type paperCell struct{ Label, Value text }

// paperSign are places to sign by hand.
type paperSign struct {
	Heading []text
	Names   [][]text
}

// views are a view for each language.
func (p Paper) views() (out []*view) {
	zone := p.Zone
	if zone == nil {
		zone = time.Local
	}
	for _, lang := range p.Langs {
		out = append(out, &view{Lang: lang, book: p.Book, zone: zone, now: p.Now.In(zone)})
	}
	return out
}

// each says something in each language. The language of a piece is marked where it is not
// the page's.
func (p Paper) each(views []*view, say func(*view) text) (out []text) {
	for _, v := range views {
		t := say(v)
		t.Lang = cmp.Or(t.Lang, v.Lang)
		out = append(out, t)
	}
	if len(out) == 2 && out[0].Text == out[1].Text {
		return out[:1]
	}
	return out
}

func (p Paper) words(views []*view, key string, pairs ...any) []text {
	return p.each(views, func(v *view) text { return text{Text: v.T(key, pairs...)} })
}

// row is a label and a value in each language.
func row(views []*view, depth int, say func(*view) (label string, value text)) paperRow {
	r := paperRow{Depth: depth}
	for _, v := range views {
		label, val := say(v)
		val.Lang = cmp.Or(val.Lang, v.Lang)
		r.Cells = append(r.Cells, paperCell{text{Text: label, Lang: v.Lang}, val})
	}
	return r
}

// rows are the fields of some content in each language, one below another. Content has the
// same fields in every language.
func rows(all [][]field, views []*view, depth int) (out []paperRow) {
	for i := range all[0] {
		r := paperRow{Depth: depth}
		for j, fields := range all {
			var val text
			for _, one := range fields[i].Values {
				words := one.Text
				if one.Until != nil {
					words += " – " + one.Until.Text
				}
				if val.Text != "" {
					val.Text += ", "
				}
				val.Text += words
				val.Lang = one.Lang
			}
			val.Lang = cmp.Or(val.Lang, views[j].Lang)
			r.Cells = append(r.Cells, paperCell{text{Text: fields[i].Label, Lang: views[j].Lang}, val})
		}
		out = append(out, r)
		for k := range all[0][i].Inner {
			var inner [][]field
			for _, fields := range all {
				inner = append(inner, fields[i].Inner[k])
			}
			out = append(out, rows(inner, views, depth+1)...)
		}
	}
	return out
}

func (p Paper) fields(views []*view, kind protocol.Kind, content map[string]any, lang string) []paperRow {
	var all [][]field
	for _, v := range views {
		all = append(all, v.fields(kind, content, lang))
	}
	return rows(all, views, 0)
}

func (p Paper) sheet(views []*view, id string) paperSheet {
	return paperSheet{Lang: p.Langs[0], ID: id, Style: template.CSS(paperStyle),
		Federation: p.each(views, func(v *view) text { return v.text(p.Federation) }),
		Foot:       p.words(views, "paper.printed", "time", p.Now.In(views[0].zone))}
}

func (p Paper) write(s paperSheet) ([]byte, error) {
	if len(s.Titles) > 0 {
		s.Title = s.Titles[0].Text
	}
	var b bytes.Buffer
	if err := paperPage.Execute(&b, s); err != nil {
		return nil, protocol.Fail(protocol.ReasonInternal, "write page", err)
	}
	return b.Bytes(), nil
}

// Record writes a record.
func (p Paper) Record(r api.Record, files []api.Attachment) ([]byte, error) {
	views := p.views()
	s := p.sheet(views, r.ID)
	kind, _ := protocol.ParseKind(r.Type)
	head := record.HeadOf(kind, r.Content)
	s.Titles = p.each(views, func(v *view) text { return v.text(head.Title, r.Lang) })
	about := paperSection{Heading: p.each(views, func(v *view) text {
		return text{Text: cmp.Or(record.Label(record.RecordTypes, r.Type, v.Lang), r.Type)}
	})}
	about.Rows = append(about.Rows,
		row(views, 0, func(v *view) (string, text) { return v.T("web.proof.member"), v.owner(r) }),
		row(views, 0, func(v *view) (string, text) { return v.T("web.proof.number"), text{Text: cmp.Or(r.Number, r.ID)} }),
		row(views, 0, func(v *view) (string, text) { return v.T("paper.day"), text{Text: v.moment(r.Time).Words} }))
	if r.State != api.RecordPublished {
		about.Rows = append(about.Rows, row(views, 0, func(v *view) (string, text) {
			return v.T("paper.state"), text{Text: v.T("web.record.state." + string(r.State))}
		}))
	}
	s.Sections = append(s.Sections, about)
	if len(r.Content) > 0 {
		s.Sections = append(s.Sections, paperSection{p.words(views, "web.record.says"), p.fields(views, kind, r.Content, r.Lang)})
	}
	if len(files) > 0 {
		list := paperSection{Heading: p.words(views, "web.files.title")}
		for _, f := range files {
			list.Rows = append(list.Rows, row(views, 0, func(v *view) (string, text) {
				return strconv.Itoa(f.Number), text{Text: v.text(f.Title, r.Lang).Text + " (" + record.Label(record.MediaTypes, f.MediaType, v.Lang) + ", " + v.book.Bytes(v.Lang, f.Bytes) + ")"}
			}))
		}
		s.Sections = append(s.Sections, list)
	}
	return p.write(s)
}

// Agreement writes an agreement as it stands on its day: parties, terms, clauses, who gave
// their word when, and places to sign by hand.
func (p Paper) Agreement(a api.Agreement) ([]byte, error) {
	views := p.views()
	s := p.sheet(views, a.ID)
	s.Digest = a.Digest
	s.Titles = p.each(views, func(v *view) text { return v.text(a.Title, a.Lang) })
	name := func(v *view, handle string) string {
		for _, party := range a.Parties {
			if party.Member == handle {
				if t := v.text(party.Names); t.Text != "" {
					return t.Text + " (" + handle + ")"
				}
			}
		}
		return handle
	}
	about := paperSection{Heading: p.words(views, "paper.agreement")}
	add := func(key string, value func(*view) string) {
		about.Rows = append(about.Rows, row(views, 0, func(v *view) (string, text) { return v.T(key), text{Text: value(v)} }))
	}
	for _, party := range a.Parties {
		add("paper.party", func(v *view) string { return name(v, party.Member) })
	}
	add("web.proof.number", func(*view) string { return cmp.Or(a.Number, a.ID) })
	add("paper.state", func(v *view) string {
		return v.T("paper.as_of", "state", v.T("term.phase."+a.Phase), "day", v.book.Day(v.Lang, a.AsOf))
	})
	for _, d := range []struct{ key, day string }{{"paper.began", a.Began}, {"paper.in_force", a.InForce}, {"paper.ended", a.Ended}} {
		if d.day != "" {
			add(d.key, func(v *view) string { return v.book.Day(v.Lang, d.day) })
		}
	}
	var listings []string
	for _, pledge := range a.Pledges {
		if name := cmp.Or(pledge.Number, pledge.Listing); !slices.Contains(listings, name) {
			listings = append(listings, name)
		}
	}
	if len(listings) > 0 {
		add("paper.listings", func(*view) string { return strings.Join(listings, ", ") })
	}
	s.Sections = append(s.Sections, about)
	if version, ok := ruling(a); ok {
		terms := make(map[string]any, len(version.Content))
		for name, value := range version.Content {
			if !slices.Contains([]string{"clauses", "parties", "type", "lang", "title", "machine", "offer", "request", "replaces", "amends", "thread"}, name) {
				terms[name] = value
			}
		}
		if len(terms) > 0 {
			s.Sections = append(s.Sections, paperSection{p.words(views, "paper.terms"), p.fields(views, protocol.KindProposal, terms, a.Lang)})
		}
	}
	clauses := paperSection{Heading: p.words(views, "paper.clauses")}
	for _, c := range a.Clauses {
		clauses.Rows = append(clauses.Rows,
			row(views, 0, func(v *view) (string, text) { return strconv.FormatUint(c.No, 10), v.text(c.What, a.Lang) }),
			row(views, 1, func(v *view) (string, text) {
				return v.T("paper.does"), text{Text: v.T("paper.clause", "action", record.Label(record.ClauseActions, c.Action, v.Lang), "provider", name(v, c.Provider), "receiver", name(v, c.Receiver))}
			}),
			row(views, 1, func(v *view) (string, text) {
				return v.T("paper.amount"), text{Text: v.T("paper.until", "amount", v.amount(c.Promised, c.Unit), "day", v.book.Day(v.Lang, c.Last))}
			}))
		if a.InForce != "" {
			clauses.Rows = append(clauses.Rows, row(views, 1, func(v *view) (string, text) {
				return v.T("term.clause." + c.State), text{Text: v.T("paper.done", "given", v.amount(c.Given, c.Unit), "received", v.amount(c.Received, c.Unit))}
			}))
		}
	}
	if len(clauses.Rows) > 0 {
		s.Sections = append(s.Sections, clauses)
	}
	said := paperSection{Heading: p.words(views, "paper.words")}
	for _, version := range a.Versions {
		said.Rows = append(said.Rows, row(views, 0, func(v *view) (string, text) {
			return version.Number, text{Text: v.T("paper.proposed", "member", name(v, version.Writer), "day", v.book.Day(v.Lang, version.On), "state", v.T("term.phase."+version.State))}
		}))
		for _, w := range version.Accepted {
			said.Rows = append(said.Rows, row(views, 1, func(v *view) (string, text) {
				return v.T("term.phase.accepted.short"), text{Text: v.T("paper.by", "member", name(v, w.Member), "day", v.book.Day(v.Lang, w.On))}
			}))
		}
	}
	s.Sections = append(s.Sections, said)
	s.Sign = &paperSign{Heading: p.words(views, "paper.sign")}
	for _, party := range a.Parties {
		s.Sign.Names = append(s.Sign.Names, p.each(views, func(v *view) text { return text{Text: name(v, party.Member)} }))
	}
	return p.write(s)
}

// ruling is the version that holds; before one does, the newest open one.
func ruling(a api.Agreement) (api.Version, bool) {
	for _, v := range a.Versions {
		if v.Number == a.Ruling && a.Ruling != "" {
			return v, true
		}
	}
	for i := len(a.Versions) - 1; i >= 0; i-- {
		if s := a.Versions[i].State; s == "proposed" || s == "accepted" || s == "confirmed" {
			return a.Versions[i], true
		}
	}
	if n := len(a.Versions); n > 0 {
		return a.Versions[n-1], true
	}
	return api.Version{}, false
}

// amount is a quantity as people write it.
func (v *view) amount(n, unit string) string {
	return v.T("web.quantity", "value", v.decimal(cmp.Or(n, "0")), "unit", or(record.Label(record.Units, unit, v.Lang), unit))
}
