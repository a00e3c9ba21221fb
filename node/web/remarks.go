package web

import (
	"context"
	"net/http"
	"strings"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
	"github.com/dure-net/dure/protocol/record/remark"
)

// remarksView is what members say about a record, as its page shows it.
type remarksView struct {
	Folded  string   // why the secretariat has folded it away; "" where it has not
	Above   []string // what must be known before reading: not official, urgent or not
	Groups  []remarkGroup
	Forms   []sayForm
	Nothing bool
}

// remarkGroup is one sort of remarks.
type remarkGroup struct {
	ID, Title string
	Notes     []string
	Items     []said
}

// said is one remark.
type said struct {
	Who   text
	When  moment
	Marks []string
	Text  text
	Lines []labelled // further texts
	Under []said
	Forms []sayForm // to answer or take back this one
	Faint bool      // it says nothing any more
}

type labelled struct {
	Label string
	Text  text
}

// remarkTeller words one record's remarks.
type remarkTeller struct {
	*view
	rec   api.Record
	r     api.Remarks
	forms formMaker
}

// remarks gathers what is said about a record and the forms that this member may use.
func (s *site) remarks(r *http.Request, v *view, rec api.Record, typed *typedRemark) (*remarksView, error) {
	all, err := s.backend.Remarks(r.Context(), rec.ID, "")
	if err != nil {
		return nil, err
	}
	if !v.May("write") {
		all.May = nil
	}
	t := remarkTeller{view: v, rec: rec, r: all, forms: formMaker{view: v, rec: rec, path: recordURL(rec) + "/remarks", token: s.sessions.FormToken(r, remarkForm), typed: typed, may: all.May}}
	out := &remarksView{}
	t.above(out)
	for _, g := range []remarkGroup{t.questions(), t.translations(), t.adoptions(), t.endorsements(), t.partners(), t.updates(), t.acknowledgements(), t.answers()} {
		if len(g.Items)+len(g.Notes) > 0 {
			out.Groups = append(out.Groups, g)
		}
	}
	out.Nothing = len(out.Groups) == 0
	out.Forms = t.forms.all()
	return out, nil
}

func (t remarkTeller) who(handle string) text {
	if name := t.text(t.r.Names[handle]); name.Text != "" {
		return name
	}
	return text{Text: handle, Lang: "zxx"}
}

func (t remarkTeller) names(handles []string) string {
	var out []string
	for _, h := range handles {
		out = append(out, t.who(h).Text)
	}
	return strings.Join(out, ", ")
}

func (t remarkTeller) said(w remark.Words, marks ...string) said {
	return said{Who: t.who(w.Member), When: t.moment(w.Time), Marks: marks, Text: t.text(w.Text, w.Lang), Forms: t.forms.recall(w)}
}

func (t remarkTeller) above(out *remarksView) {
	for _, f := range t.r.Flags {
		reason := t.text(f.Text, f.Lang).Text
		switch day := t.moment(f.Time).Words; {
		case f.Lifted == nil:
			out.Folded = t.T("remark.flagged", "who", t.who(f.Member).Text, "day", day, "reason", record.Label(record.FlagReasons, f.Reason, t.Lang), "text", reason)
		case f.Lifted.Act > 0:
			out.Above = append(out.Above, t.T("remark.unflagged.act", "act", f.Lifted.Act))
		default:
			out.Above = append(out.Above, t.T("remark.unflagged", "who", t.who(f.Lifted.Member).Text, "day", t.moment(f.Lifted.Time).Words, "text", t.text(f.Lifted.Text, f.Lifted.Lang).Text))
		}
	}
	n := t.r.Notice
	if n == nil {
		return
	}
	if n.Unofficial {
		var offices []string
		for _, o := range n.Offices {
			offices = append(offices, t.T("term.office."+o))
		}
		out.Above = append(out.Above, t.T("remark.unofficial", "offices", strings.Join(offices, ", ")))
	}
	if n.Urgent {
		out.Above = append(out.Above, t.T("remark.urgent"))
	} else if n.NotUrgent != "" {
		out.Above = append(out.Above, t.T("remark.not_urgent."+n.NotUrgent))
	}
}

func (t remarkTeller) questions() remarkGroup {
	g := remarkGroup{ID: "questions", Title: t.T("remark.questions", "count", t.r.Count.Questions)}
	if t.r.Count.Unanswered > 0 {
		g.Title = t.T("remark.questions.open", "count", t.r.Count.Questions, "open", t.r.Count.Unanswered)
	}
	for _, q := range t.r.Questions {
		one := t.said(q.Words)
		if q.State != "asked" {
			one.Text, one.Faint, one.Forms = text{Text: t.T("remark." + q.State)}, true, nil
		} else {
			one.Forms = append(one.Forms, t.forms.reply(q)...)
		}
		for _, r := range q.Replies {
			var marks []string
			if r.Owner {
				marks = append(marks, t.T("remark.owner"))
			}
			one.Under = append(one.Under, t.said(r.Words, marks...))
		}
		g.Items = append(g.Items, one)
	}
	return g
}

func (t remarkTeller) translations() remarkGroup {
	g := remarkGroup{ID: "translations", Title: t.T("remark.translations")}
	for _, one := range t.r.Translations {
		marks := []string{t.book.Language(t.Lang, one.Lang)}
		if one.ByMachine {
			marks = append(marks, t.T("remark.by_machine"))
		}
		if one.Outdated {
			marks = append(marks, t.T("remark.outdated"))
		}
		item := t.said(one.Words, marks...)
		kind, _ := protocol.ParseKind(t.rec.Type)
		for _, p := range record.Passages(kind, t.rec.Content) {
			if words := one.Texts[p.Path]; words != "" {
				item.Lines = append(item.Lines, labelled{t.label(plainPath(p.Path)), text{Text: words, Lang: one.Lang}})
			}
		}
		g.Items = append(g.Items, item)
	}
	return g
}

// plainPath is a path without places in lists, as labels are named.
func plainPath(path string) string {
	for {
		before, rest, ok := strings.Cut(path, "[")
		if !ok {
			return path
		}
		_, after, _ := strings.Cut(rest, "]")
		path = before + after
	}
}

func (t remarkTeller) adoptions() remarkGroup {
	g := remarkGroup{ID: "adoptions", Title: t.T("remark.adoptions", "count", t.r.Count.Adoptions)}
	for _, one := range t.r.Adoptions {
		item := t.said(one.Words, record.Label(record.AdoptionResults, one.Result, t.Lang))
		if len(one.Outcome) > 0 {
			item.Lines = append(item.Lines, labelled{t.T("remark.outcome"), t.text(one.Outcome, one.Lang)})
		}
		if one.Since != "" {
			item.Lines = append(item.Lines, labelled{t.T("remark.since"), text{Text: t.book.Day(t.Lang, string(one.Since))}})
		}
		g.Items = append(g.Items, item)
	}
	return g
}

func (t remarkTeller) endorsements() remarkGroup {
	g := remarkGroup{ID: "endorsements", Title: t.T("remark.endorsements", "count", t.r.Count.Endorsements)}
	for _, one := range t.r.Endorsements {
		g.Items = append(g.Items, t.said(one.Words, record.Label(record.EndorsementWays, one.Way, t.Lang)))
	}
	return g
}

func (t remarkTeller) partners() remarkGroup {
	g := remarkGroup{ID: "partners", Title: t.T("remark.partners")}
	for _, one := range t.r.Partners {
		item := said{Who: t.who(one.Member), Marks: []string{t.T("remark.partner." + one.State)}, Text: t.text(one.Text, one.Lang), Faint: one.State == "left"}
		if one.Time != nil {
			item.When = t.moment(*one.Time)
		}
		g.Items = append(g.Items, item)
	}
	return g
}

func (t remarkTeller) updates() remarkGroup {
	g := remarkGroup{ID: "updates", Title: t.T("remark.updates")}
	for _, one := range t.r.Updates {
		item := t.said(one.Words)
		if one.Reached != nil {
			item.Marks = append(item.Marks, t.T("remark.reached", "goal", t.text(one.Goals, one.Lang).Text, "value", t.decimal(one.Reached.Value), "unit", record.Label(record.Units, one.Reached.Unit, t.Lang)))
		}
		g.Items = append(g.Items, item)
	}
	return g
}

func (t remarkTeller) acknowledgements() remarkGroup {
	n := t.r.Notice
	if n == nil || !n.Wanted && len(n.Acknowledged) == 0 {
		return remarkGroup{}
	}
	g := remarkGroup{ID: "acknowledged", Title: t.T("remark.acknowledged", "count", len(n.Addressed)-len(n.Missing), "of", len(n.Addressed))}
	if n.Wanted && len(n.Missing) > 0 {
		g.Notes = append(g.Notes, t.T("remark.missing", "missing", t.names(n.Missing)))
	}
	for _, one := range n.Acknowledged {
		g.Items = append(g.Items, said{Who: t.who(one.Member), When: t.moment(one.Time)})
	}
	return g
}

func (t remarkTeller) answers() remarkGroup {
	c := t.r.Call
	if c == nil {
		return remarkGroup{}
	}
	g := remarkGroup{ID: "answers", Title: t.T("remark.answers", "count", len(c.Answers), "day", t.book.Day(t.Lang, string(c.LastDay)))}
	switch {
	case c.Closed != nil:
		g.Notes = append(g.Notes, t.T("remark.answers.closed", "closed", t.moment(*c.Closed).Words))
	case c.Passed:
		g.Notes = append(g.Notes, t.T("remark.answers.passed"))
	}
	for _, one := range c.Answers {
		g.Items = append(g.Items, t.said(one.Words, t.T("remark.answer."+one.State)))
	}
	return g
}

// sendCalendar gives a browser what of a record has a day.
func (s *site) sendCalendar(w http.ResponseWriter, r *http.Request, v *view) error {
	v.Ref = r.PathValue("ref")
	rec, err := s.backend.Record(r.Context(), v.Ref)
	if err != nil {
		return err
	}
	file := api.CalendarOf(s.book, v.Lang, rec)
	if file == nil {
		return &protocol.Error{Reason: protocol.ReasonNotFound, Op: "make calendar", Args: map[string]string{"no_day": v.Ref}}
	}
	api.SendCalendar(w, rec, file)
	return nil
}

// printed is a collection as it is printed: whole, in order, with what each record says.
type printed struct {
	Line       recordLine
	Intro      text
	Conditions []string
	Words      text
	Items      []printedItem
}

type printedItem struct {
	N          int
	Title      text
	By         string
	Comment    text
	Conditions []string
	Fields     []field
	Absent     bool
}

// printedFields are what a printed collection says of each record.
var printedFields = []string{"summary", "period", "place", "problem", "approach", "results", "lessons", "costs", "people_needed"}

func (s *site) showPrint(w http.ResponseWriter, r *http.Request, v *view) error {
	v.Ref = r.PathValue("ref")
	rec, err := s.backend.Record(r.Context(), v.Ref)
	if err != nil {
		return err
	}
	body, err := record.FromContent(protocol.KindCollection, rec.Content)
	c, ok := body.(*record.Collection)
	if err != nil || !ok || rec.Type != protocol.KindCollection.String() {
		return &protocol.Error{Reason: protocol.ReasonNotFound, Op: "print collection", Args: map[string]string{"number": v.Ref}}
	}
	p := printed{Line: v.recordLine(rec), Intro: v.text(c.Body, rec.Lang), Conditions: v.conditions(c.TransferConditions), Words: v.text(c.Conditions, rec.Lang)}
	for i, item := range c.Items {
		p.Items = append(p.Items, s.printItem(r.Context(), v, i+1, item, rec.Lang))
	}
	v.Title, v.Here, v.Data = p.Line.Title.Text, "records", p
	s.render(w, v, http.StatusOK, "print")
	return nil
}

func (v *view) conditions(codes []string) []string {
	var out []string
	for _, c := range codes {
		out = append(out, record.Label(record.TransferConditions, c, v.Lang))
	}
	return out
}

func (s *site) printItem(ctx context.Context, v *view, n int, item record.Item, lang string) printedItem {
	out := printedItem{N: n, Comment: v.text(item.Comment, lang), Conditions: v.conditions(item.TransferConditions), Absent: true}
	rec, err := s.backend.Record(ctx, item.Record.String())
	if err != nil {
		out.Title = text{Text: item.Record.Short()}
		return out
	}
	line := v.recordLine(rec)
	out.Title, out.By = line.Title, v.T("remark.print.by", "who", line.Member.Text, "number", line.Number)
	content := map[string]any{}
	for _, name := range printedFields {
		if value, ok := rec.Content[name]; ok {
			content[name] = value
		}
	}
	kind, _ := protocol.ParseKind(rec.Type)
	out.Fields = v.fields(kind, content, rec.Lang)
	out.Absent = len(out.Fields) == 0
	return out
}
