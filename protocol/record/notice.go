package record

import (
	"regexp"

	"github.com/dure-net/dure/protocol"
)

// Notice is an announcement with an audience and an end.
type Notice struct {
	Base
	Category     string             `cbor:"category" json:"category"`
	Title        Text               `cbor:"title" json:"title"`
	Body         Text               `cbor:"body" json:"body"`
	Audience     string             `cbor:"audience,omitempty" json:"audience,omitempty"`           // absent is all
	AudienceList []string           `cbor:"audience_list,omitempty" json:"audience_list,omitempty"` // colleges, continents or handles
	ValidFrom    Day                `cbor:"valid_from,omitempty" json:"valid_from,omitempty"`       // absent: from when it is seen
	ValidUntil   Day                `cbor:"valid_until" json:"valid_until"`
	Urgent       bool               `cbor:"urgent,omitempty" json:"urgent,omitempty"`
	Link         *protocol.RecordID `cbor:"link,omitempty" json:"link,omitempty"`
	AckWanted    bool               `cbor:"ack_wanted,omitempty" json:"ack_wanted,omitempty"`
	Attachments  []Attachment       `cbor:"attachments,omitempty" json:"attachments,omitempty"`

	Themes    []string  `cbor:"themes,omitempty" json:"themes,omitempty"`
	Deadline  Day       `cbor:"deadline,omitempty" json:"deadline,omitempty"`     // of a call: the last day for answers
	Starts    Day       `cbor:"starts,omitempty" json:"starts,omitempty"`         // of an event
	Ends      Day       `cbor:"ends,omitempty" json:"ends,omitempty"`             // of an event; absent: the day it starts
	UTCOffset string    `cbor:"utc_offset,omitempty" json:"utc_offset,omitempty"` // of the times of its sessions: "+09:00"
	Place     *Place    `cbor:"place,omitempty" json:"place,omitempty"`
	Sessions  []Session `cbor:"sessions,omitempty" json:"sessions,omitempty"`
}

// Session is one item of an event's programme. Times are of the place, HH:MM, on one day.
type Session struct {
	Title     Text     `cbor:"title" json:"title"`
	Summary   Text     `cbor:"summary,omitempty" json:"summary,omitempty"`
	Themes    []string `cbor:"themes,omitempty" json:"themes,omitempty"`
	Day       Day      `cbor:"day" json:"day"`
	From      string   `cbor:"from" json:"from"`
	To        string   `cbor:"to" json:"to"`
	Room      string   `cbor:"room,omitempty" json:"room,omitempty"`
	Languages []string `cbor:"languages,omitempty" json:"languages,omitempty"`
}

const (
	maxAudience = 100
	maxSessions = 60

	// MaxUrgent bounds the urgent notices of one office's holder in one month, UTC, by
	// their claimed times. Beyond: not urgent to readers.
	MaxUrgent = 5
)

func (n *Notice) Kind() protocol.Kind { return protocol.KindNotice }
func (n *Notice) Content() any        { return n }
func (n *Notice) Head() Head          { return headOf(n) }
func (n *Notice) Refs() []protocol.CID {
	return links(n.Link)
}

// NeedsOffice reports whether only an office under the charter may publish the notice:
// every category but news, call and event, and whatever is urgent. Whether the writer
// holds one is the charter's to say.
func (n *Notice) NeedsOffice() bool { return n.Offices() != nil }

// Offices lists the offices of which the writer must hold one; nil where every member may
// publish the notice. The slice is the caller's.
func (n *Notice) Offices() []protocol.Office {
	chair := []protocol.Office{protocol.OfficeChairCity, protocol.OfficeCoChairGov, protocol.OfficeCoChairSSE}
	switch n.Category {
	case "assembly_convocation":
		return chair
	case "news", "call", "event":
		if !n.Urgent {
			return nil
		}
	}
	return append(chair, protocol.OfficeSecretariat)
}

func bindNotice(o *object) Record {
	n := &Notice{Base: o.base(protocol.KindNotice)}
	n.Category = o.code("category", must, NoticeCategories)
	n.Title = o.text("title", must, maxTitle, oneLine)
	n.Body = o.text("body", must, 4000, lines)
	n.Audience = o.code("audience", want{doc: "absent means all"}, Audiences)
	n.AudienceList = o.scopeList("audience_list", "audience", n.Audience)
	n.ValidFrom = o.day("valid_from", may)
	n.ValidUntil = o.day("valid_until", needs("not before valid_from"))
	o.notBefore("valid_until", n.ValidUntil, o.at("valid_from"), n.ValidFrom)
	n.Urgent = o.flag("urgent", want{doc: "chair city and secretariat only"})
	n.Link = o.ref("link", may)
	n.AckWanted = o.flag("ack_wanted", may)
	n.Attachments = o.attachments()
	n.Themes = o.codes("themes", may, Themes, 0, 5)
	n.bindOccasion(o)
	n.Machine = o.machine()
	return n
}

// bindOccasion takes what calls and events have: a last day for answers; days, a place and
// a programme.
func (n *Notice) bindOccasion(o *object) {
	only := func(category, doc string, w want) want {
		return barred(n.Category != "" && n.Category != category, "category", n.Category, doc, w)
	}
	n.Deadline = o.day("deadline", only("call", "call only: the last day for answers; absent means valid_until", may))
	o.notAfter("deadline", n.Deadline, o.at("valid_until"), n.ValidUntil)
	n.Starts = o.day("starts", only("event", "event only", needed(o.has("sessions") || o.has("ends"), "ends", "", "required with ends or sessions")))
	n.Ends = o.day("ends", only("event", "event only; absent means the day it starts", may))
	o.notBefore("ends", n.Ends, o.at("starts"), n.Starts)
	n.UTCOffset = o.form("utc_offset", only("event", "event only", needed(o.has("sessions"), "sessions", "", "required with sessions: a time is an instant only with it")), offsetForm, "utc_offset", 6)
	n.Place = o.place("place", only("event", "event only", may))
	n.Sessions = each(o, "sessions", only("event", "event only", may), maxSessions, func(o *object) Session {
		s := Session{Title: o.text("title", must, maxTitle, oneLine), Summary: o.text("summary", may, maxSummary, lines)}
		s.Themes = o.codes("themes", may, Themes, 0, 5)
		s.Day = o.day("day", needs("from starts to ends"))
		o.notBefore("day", s.Day, "starts", n.Starts)
		o.notAfter("day", s.Day, "ends", max(n.Starts, n.Ends))
		s.From = o.form("from", must, timeForm, "time", 5)
		s.To = o.form("to", needs("after from, on the same day"), timeForm, "time", 5)
		if s.From != "" && s.To != "" && s.To <= s.From {
			o.fault(o.at("to"), FaultOrder, s.To, "after", o.at("from"), "limit", s.From)
		}
		s.Room = o.line("room", may, maxLabel)
		s.Languages = o.languages("languages", may, 0, 12)
		return s
	})
}

var (
	timeForm   = regexp.MustCompile(`^([01][0-9]|2[0-3]):[0-5][0-9]$`)
	offsetForm = regexp.MustCompile(`^(\+(0[0-9]|1[0-3]):(00|15|30|45)|\+14:00|-(0[1-9]|1[01]):(00|15|30|45)|-12:00)$`)
)

// LastDay is the last day for answers to a call.
func (n *Notice) LastDay() Day {
	if n.Deadline != "" {
		return n.Deadline
	}
	return n.ValidUntil
}

// scopeList takes the list that belongs to a scope field (reach.scope, audience): codes
// of the list that the scope names, required for such scopes and barred for others.
func (o *object) scopeList(name, scopeField, scope string) []string {
	list := map[string]List{"continent": Continents, "countries": Countries, "college": Colleges}[scope]
	wide := scope == "network" || scope == "all" || scope == "full" || scope == "" && !o.has(scopeField)
	narrow := !wide && scope != ""
	w := barred(wide, scopeField, scope, "as "+scopeField+" asks: continents, countries, colleges or handles", needed(narrow, scopeField, scope, ""))
	return o.strings(name, w, "code", 0, maxAudience, "", func(path, s string) {
		switch {
		case list != "":
			o.checkCode(path, s, list)
		case scope == "members":
			o.checkHandle(path, s)
		}
	})
}

// Withdrawal takes a record back. What was said stays readable as withdrawn.
type Withdrawal struct {
	Base
	Reason Text `cbor:"reason,omitempty" json:"reason,omitempty"`
}

func (w *Withdrawal) Kind() protocol.Kind  { return protocol.KindWithdraw }
func (w *Withdrawal) Content() any         { return w }
func (w *Withdrawal) Head() Head           { return headOf(w) }
func (w *Withdrawal) Refs() []protocol.CID { return nil }

func bindWithdrawal(o *object) Record {
	w := &Withdrawal{Base: o.base(protocol.KindWithdraw)}
	w.Reason = o.text("reason", may, maxReason, lines)
	w.Machine = o.machine()
	return w
}
