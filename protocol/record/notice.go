package record

import "github.com/dure-net/dure/protocol"

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
}

const maxAudience = 100

func (n *Notice) Kind() protocol.Kind { return protocol.KindNotice }
func (n *Notice) Content() any        { return n }
func (n *Notice) Head() Head          { return headOf(n) }
func (n *Notice) Refs() []protocol.CID {
	return links(append([]*protocol.CID{n.Link}, pointers(nil, n.Attachments)...)...)
}

// NeedsOffice reports whether only an office under the charter may publish the notice:
// every category but news, call and event, and whatever is urgent. Whether the writer
// holds one is the charter's to say.
func (n *Notice) NeedsOffice() bool {
	switch n.Category {
	case "news", "call", "event":
		return n.Urgent
	}
	return true
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
	n.Machine = o.machine()
	return n
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
