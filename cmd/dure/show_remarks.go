package main

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/phrase"
	"github.com/dure-net/dure/node/remarks"
	"github.com/dure-net/dure/protocol/record"
	"github.com/dure-net/dure/protocol/record/remark"
)

// teller says what members say about one record.
type teller struct {
	*app
	remarks api.Remarks
}

func (t teller) who(handle string) string { return t.name(t.remarks.Names[handle], handle) }

func (t teller) names(handles []string) string {
	var out []string
	for _, h := range handles {
		out = append(out, t.who(h))
	}
	return strings.Join(out, ", ")
}

func (t teller) day(w remark.Words) string {
	return t.book.Day(t.lang, string(remark.DayOf(w.Time.UnixMilli())))
}

func (t teller) text(by map[string]string, original string) string {
	text, _ := phrase.Pick(t.lang, by, original)
	return strings.ReplaceAll(text, "\n", "\n      ")
}

// said is who said it and when, with the short number by which it is named.
func (t teller) said(w remark.Words, more ...string) string {
	by := t.say("remark.said", args{"who": t.who(w.Member), "day": t.day(w)})
	if len(more) > 0 {
		by += " (" + strings.Join(more, "; ") + ")"
	}
	return "[" + remarks.Short(w.ID) + "] " + by
}

func (t teller) head(key string, values args) {
	fmt.Fprintln(t.out, "\n"+t.paint(bold, t.say(key, values)))
}

func (t teller) item(s string) { fmt.Fprintln(t.out, "  "+s) }

// sayFlags comes before everything else: what is folded away is said to be.
func (t teller) sayFlags() {
	for _, f := range t.remarks.Flags {
		reason := t.code(record.FlagReasons, f.Reason)
		switch {
		case f.Lifted == nil:
			t.line("remark.flagged", args{"who": t.who(f.Member), "day": t.day(f.Words), "reason": reason, "text": t.text(f.Text, f.Lang)})
		case f.Lifted.Act > 0:
			t.line("remark.unflagged.act", args{"act": f.Lifted.Act})
		default:
			t.line("remark.unflagged", args{"who": t.who(f.Lifted.Member), "day": t.day(f.Lifted.Words), "text": t.text(f.Lifted.Text, f.Lifted.Lang)})
		}
	}
	n := t.remarks.Notice
	if n == nil {
		return
	}
	if n.Unofficial {
		var offices []string
		for _, o := range n.Offices {
			offices = append(offices, t.word("office", o))
		}
		t.line("remark.unofficial", args{"offices": strings.Join(offices, ", ")})
	}
	if n.Urgent {
		fmt.Fprintln(t.out, t.paint(bold, t.say("remark.urgent", nil)))
	} else if n.NotUrgent != "" {
		t.line("remark.not_urgent."+n.NotUrgent, nil)
	}
}

// sayRemarks says the rest, under the record.
func (t teller) sayRemarks() {
	v := t.remarks
	if n := len(v.Questions); n > 0 {
		if v.Count.Unanswered > 0 {
			t.head("remark.questions.open", args{"count": v.Count.Questions, "open": v.Count.Unanswered})
		} else {
			t.head("remark.questions", args{"count": v.Count.Questions})
		}
		for _, q := range v.Questions {
			text := t.text(q.Text, q.Lang)
			if q.State != "asked" {
				text = t.say("remark."+q.State, nil)
			}
			t.item(t.said(q.Words) + ": " + text)
			for _, r := range q.Replies {
				var more []string
				if r.Owner {
					more = append(more, t.say("remark.owner", nil))
				}
				t.item("  " + t.said(r.Words, more...) + ": " + t.text(r.Text, r.Lang))
			}
		}
	}
	t.sayTranslations()
	t.sayMemory()
	t.sayProject()
	t.sayNoticeRead()
	if len(v.Aside) > 0 {
		t.head("remark.aside", args{"count": len(v.Aside)})
		for _, s := range v.Aside {
			t.item(t.said(remark.Words{ID: s.ID, Member: s.Member, Time: s.Time}) + ": " + t.code(record.RemarkTypes, s.Type) + " – " + t.say("remark.why."+string(s.Why), nil))
		}
	}
}

func (t teller) sayTranslations() {
	if len(t.remarks.Translations) == 0 {
		return
	}
	t.head("remark.translations", nil)
	for _, one := range t.remarks.Translations {
		line := "[" + remarks.Short(one.ID) + "] " + t.say("remark.translated", args{"lang": t.book.Language(t.lang, one.Lang), "who": t.who(one.Member), "day": t.day(one.Words)})
		var more []string
		if one.ByMachine {
			more = append(more, t.say("remark.by_machine", nil))
		}
		if one.Outdated {
			more = append(more, t.say("remark.outdated", nil))
		}
		if len(more) > 0 {
			line += " (" + strings.Join(more, "; ") + ")"
		}
		t.item(line)
		for _, path := range sortedKeys(one.Texts) {
			t.item("  " + path + ": " + t.text(map[string]string{one.Lang: one.Texts[path]}, one.Lang))
		}
	}
}

func (t teller) sayMemory() {
	if list := t.remarks.Adoptions; len(list) > 0 {
		t.head("remark.adoptions", args{"count": len(list)})
		for _, one := range list {
			t.item(t.said(one.Words, t.code(record.AdoptionResults, one.Result)))
			t.item("  " + t.say("remark.changed", nil) + ": " + t.text(one.Text, one.Lang))
			if len(one.Outcome) > 0 {
				t.item("  " + t.say("remark.outcome", nil) + ": " + t.text(one.Outcome, one.Lang))
			}
		}
	}
	if list := t.remarks.Endorsements; len(list) > 0 {
		t.head("remark.endorsements", args{"count": len(list)})
		for _, one := range list {
			line := t.said(one.Words, t.code(record.EndorsementWays, one.Way))
			if text := t.text(one.Text, one.Lang); text != "" {
				line += ": " + text
			}
			t.item(line)
		}
	}
}

func (t teller) sayProject() {
	if list := t.remarks.Partners; len(list) > 0 {
		t.head("remark.partners", nil)
		for _, one := range list {
			line := t.who(one.Member) + ": " + t.say("remark.partner."+one.State, nil)
			if text := t.text(one.Text, one.Lang); text != "" {
				line += " – " + text
			}
			t.item(line)
		}
	}
	if list := t.remarks.Updates; len(list) > 0 {
		t.head("remark.updates", nil)
		for _, one := range list {
			t.item(t.said(one.Words) + ": " + t.text(one.Text, one.Lang))
			if one.Reached != nil {
				t.item("  " + t.say("remark.reached", args{"goal": t.text(one.Goals, one.Lang), "value": one.Reached.Value, "unit": t.code(record.Units, one.Reached.Unit)}))
			}
		}
	}
}

func (t teller) sayNoticeRead() {
	if n := t.remarks.Notice; n != nil && (n.Wanted || len(n.Acknowledged) > 0) {
		t.head("remark.acknowledged", args{"count": len(n.Addressed) - len(n.Missing), "of": len(n.Addressed)})
		if n.Wanted && len(n.Missing) > 0 {
			t.item(t.say("remark.missing", args{"missing": t.names(n.Missing)}))
		}
	}
	c := t.remarks.Call
	if c == nil {
		return
	}
	t.head("remark.answers", args{"count": len(c.Answers), "day": t.book.Day(t.lang, string(c.LastDay))})
	switch {
	case c.Closed != nil:
		t.item(t.say("remark.answers.closed", args{"closed": t.book.Day(t.lang, string(remark.DayOf(c.Closed.UnixMilli())))}))
	case c.Passed:
		t.item(t.say("remark.answers.passed", nil))
	}
	for _, one := range c.Answers {
		t.item(t.said(one.Words, t.say("remark.answer."+one.State, nil)) + ": " + t.text(one.Text, one.Lang))
	}
}

// printCalendar prints what of a record has a day.
func (a *app) printCalendar(r api.Record) error {
	r.Content = api.PlainContent(r.Content)
	file := api.CalendarOf(a.book, a.lang, r)
	if file == nil {
		return misuse("usage.no_ics", args{"number": cmp.Or(r.Number, r.ID)})
	}
	_, err := a.out.Write(file)
	return err
}

// sayWaiting says what of a record waits for this member.
func (a *app) sayWaiting(w api.Waiting) {
	number := cmp.Or(w.Number, w.Record)
	fmt.Fprintln(a.out, a.paint(bold, number)+"  "+a.name(w.Title, ""))
	text, _ := phrase.Pick(a.lang, w.Text, w.Lang)
	fmt.Fprintln(a.out, "  "+a.say("remark.waiting."+w.What, args{"who": a.name(w.Names, w.Member), "day": a.book.Day(a.lang, w.Day), "text": text, "number": number}))
}
