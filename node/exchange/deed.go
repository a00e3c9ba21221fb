package exchange

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
	"github.com/dure-net/dure/protocol/record/exchange"
)

// Propose is the deed that begins a thread; all others are about one.
const Propose exchange.Deed = "propose"

// Deed is what a member wants to do in a thread. What a deed does not use is left empty.
type Deed struct {
	Do       exchange.Deed
	Version  string              // proposal that it is about, where several can be: short number, CID or prefix
	Proposal json.RawMessage     // propose, counter, amend: the terms
	Edit     *Edit               // counter, amend: the terms of the version at hand, changed
	Text     map[string]string   // note, reason, account; by language
	Done     map[string]string   // cancel: what was already done
	Clause   uint64              // fulfil, dispute
	Quantity string              // fulfil: in the clause's unit; "" for what is missing
	On       string              // fulfil: day; "" for today
	Corrects string              // fulfil: CID of an own report
	Less     bool                // fulfil: what is corrected was too much
	Clauses  []uint64            // cancel: these alone
	Reason   string              // cancel: code
	Closing  string              // mediate: code
	Outcome  string              // feedback: code
	Repeat   bool                // feedback
	Lessons  string              // feedback: an experience
	Files    []record.Attachment // fulfil: what shows it
	Dry      bool                // judge, and write nothing
}

// Edit changes single terms.
type Edit struct {
	Clause    uint64
	Quantity  string
	Due       string
	RespondBy string
	Terms     map[string]string
}

// Done is what was done.
type Done struct {
	Written
	Thread   protocol.RecordID
	Version  protocol.EntryID // the proposal that it is about, or is; zero where it is about the agreement
	Record   record.Record    // what was said, also when judged only
	Personal []record.Personal
}

// Act judges a deed of the member and writes it. ref names the thread, and is empty to propose. A deed that would not be
// heard is ReasonNotOwner or ReasonConflict, with who would be heard (Args "who") and what the member can do instead
// (Args "instead").
func (d *Desk) Act(ctx context.Context, ref string, deed Deed) (Done, error) {
	d.signing.Lock()
	defer d.signing.Unlock()
	if !d.cfg.Await(ctx, d.cfg.Newest()) {
		return Done{}, &protocol.Error{Reason: protocol.ReasonBusy, Op: "act", Args: map[string]string{"why": "indexing"}} // what was signed before may not be known
	}
	if deed.Do == Propose {
		p, err := d.parse(deed.Proposal, nil)
		if err != nil {
			return Done{}, err
		}
		if err := d.judge(p, nil); err != nil {
			return Done{}, err
		}
		return d.say(ctx, protocol.RecordID{}, p, deed.Dry)
	}
	root, err := d.find(ref)
	if err != nil {
		return Done{}, err
	}
	t, err := d.fold(root, d.Today())
	if err != nil {
		return Done{}, err
	}
	c, err := d.choose(&t, deed, ref)
	if err != nil {
		return Done{}, err
	}
	body, err := d.body(&t, c, deed)
	if err != nil {
		return Done{}, err
	}
	done, err := d.say(ctx, root, body, deed.Dry)
	if err == nil && done.Version.IsZero() {
		done.Version = c.Version
	}
	return done, err
}

// say writes what was judged.
func (d *Desk) say(ctx context.Context, root protocol.RecordID, body record.Record, dry bool) (Done, error) {
	if faults := record.Validate(body); len(faults) > 0 {
		return Done{}, &protocol.Error{Reason: protocol.ReasonInvalid, Op: "write agreement", Field: faults[0].Field, Err: faults}
	}
	out := Done{Thread: root, Record: body, Personal: record.FindPersonal(body)}
	if dry {
		return out, nil
	}
	e := Entry{Kind: body.Kind(), Of: root, Refs: body.Refs(), Content: body.Content()}
	if e.Kind == protocol.KindProposal {
		e.Of, e.Numbered = protocol.RecordID{}, true
	}
	e.Refs = e.Refs[:min(len(e.Refs), protocol.MaxReferences)]
	var err error
	if out.Written, err = d.cfg.Publish(ctx, e); err != nil {
		return Done{}, err
	}
	if root.IsZero() {
		out.Thread = out.Entry
	}
	if e.Numbered {
		out.Version = out.Entry
	}
	return out, nil
}

// choose finds the one case of a deed that is meant.
func (d *Desk) choose(t *exchange.Thread, deed Deed, ref string) (exchange.Choice, error) {
	who := d.Actor(d.cfg.Self)
	var cases []exchange.Choice
	all := t.Choices(who)
	for _, c := range all {
		if c.Deed == deed.Do {
			cases = append(cases, c)
		}
	}
	if deed.Do == exchange.Retract && len(cases) == 0 { // one word for people: what can be taken back is taken back
		for _, c := range all {
			if c.Deed == exchange.Settle {
				cases = append(cases, c)
			}
		}
	}
	if deed.Version != "" {
		row, err := d.cfg.Index.Lookup(deed.Version)
		if err != nil {
			return exchange.Choice{}, err
		}
		cases = slices.DeleteFunc(cases, func(c exchange.Choice) bool { return c.Version != row.Record })
	} else if len(cases) > 1 { // the newest answerable one of a line is meant, where the reference names no other
		if row, err := d.cfg.Index.Lookup(ref); err == nil {
			if i := slices.IndexFunc(cases, func(c exchange.Choice) bool { return c.Version == row.Record }); i >= 0 && row.Record != t.ID {
				cases = cases[i : i+1]
			}
		}
	}
	switch len(cases) {
	case 0:
		return exchange.Choice{}, d.refuse(t, deed.Do, who)
	case 1:
		return cases[0], nil
	}
	var names []string
	for _, c := range cases {
		names = append(names, d.name(t, c))
	}
	return exchange.Choice{}, &protocol.Error{Reason: protocol.ReasonAmbiguous, Op: "act", ID: t.ID.String(), Field: "version", Args: map[string]string{"versions": strings.Join(names, ", ")}}
}

// name is how people name what a choice is about.
func (d *Desk) name(t *exchange.Thread, c exchange.Choice) string {
	if v := t.Version(c.Version); v != nil && v.Number != 0 {
		return v.Writer + "-" + strconv.FormatUint(v.Number, 10)
	}
	if c.Target.Defined() {
		return c.Target.String()
	}
	return c.Version.String()
}

// refuse says who may do it and what the member can do instead.
func (d *Desk) refuse(t *exchange.Thread, deed exchange.Deed, who exchange.Actor) error {
	r := t.Refuse(deed, who)
	e := &protocol.Error{Reason: protocol.ReasonConflict, Op: "act", ID: t.ID.String(), Err: errors.New(r.Why),
		Args: map[string]string{"deed": string(deed), "number": d.number(t), "phase": string(t.Phase)}}
	if deed == exchange.Mediate && len(r.Who) == 0 && t.Phase == exchange.Disputed {
		for m := range d.mediators() {
			if !slices.Contains(t.Parties, m) {
				r.Who = append(r.Who, m)
			}
		}
		slices.Sort(r.Who)
	}
	if r.Why != exchange.NotNow {
		e.Reason = protocol.ReasonNotOwner
	}
	if len(r.Who) > 0 {
		e.Args["who"] = strings.Join(r.Who, ", ")
		e.Reason = protocol.ReasonNotOwner
	}
	if len(r.Instead) > 0 {
		var words []string
		for _, i := range r.Instead {
			words = append(words, string(i))
		}
		e.Args["instead"] = strings.Join(words, ", ")
	}
	return e
}

func (d *Desk) number(t *exchange.Thread) string {
	if t.Number == 0 {
		return t.ID.String()
	}
	return t.Proposer + "-" + strconv.FormatUint(t.Number, 10)
}

// body is what the member would say.
func (d *Desk) body(t *exchange.Thread, c exchange.Choice, deed Deed) (record.Record, error) {
	text := record.Text(deed.Text)
	var called record.Text // the first file
	if len(deed.Files) > 0 {
		called = deed.Files[0].Title
		if c.Deed != exchange.Fulfil {
			return nil, invalid(record.Fault{Field: "files", Code: record.FaultNotAllowed})
		}
	}
	base := func(k protocol.Kind) record.Base {
		return record.Base{Type: k.String(), Lang: d.cfg.Language(firstText(deed.Text, deed.Done, called))}
	}
	v := t.Version(c.Version)
	switch c.Deed {
	case exchange.Accept:
		if err := d.mayAgree(t, v); err != nil {
			return nil, err
		}
		return &record.Acceptance{Base: base(protocol.KindAcceptance), Proposal: &v.ID, Digest: v.Digest, Note: text}, nil
	case exchange.Confirm:
		if err := d.mayAgree(t, v); err != nil {
			return nil, err
		}
		out := &record.Confirmation{Base: base(protocol.KindConfirmation), Proposal: &v.ID, Digest: v.Digest, Note: text}
		named := map[string]bool{}
		for _, w := range v.Accepted {
			if !named[w.Member] {
				named[w.Member] = true
				out.Acceptances = append(out.Acceptances, w.Entry)
			}
		}
		return out, nil
	case exchange.Decline:
		return &record.Decline{Base: base(protocol.KindDecline), Proposal: &v.ID, Reason: text}, nil
	case exchange.Counter, exchange.Amend:
		return d.terms(t, v, deed)
	case exchange.Retract, exchange.Settle:
		target := c.Target
		if target.IsZero() {
			target = c.Version
		}
		return &record.Retraction{Base: base(protocol.KindRetraction), Target: &target, Reason: text}, nil
	case exchange.Fulfil:
		return d.report(t, c, deed, base(protocol.KindFulfilment))
	case exchange.CancelIt:
		for _, no := range deed.Clauses {
			if !slices.ContainsFunc(t.Clauses, func(s exchange.Clause) bool { return s.No == no && s.Cancellable }) {
				return nil, &protocol.Error{Reason: protocol.ReasonConflict, Op: "cancel clause", ID: t.ID.String(), Field: "clauses",
					Args: map[string]string{"clause": strconv.FormatUint(no, 10), "number": d.number(t)}}
			}
		}
		return &record.Cancellation{Base: base(protocol.KindCancellation), Reason: deed.Reason, Text: text, Done: deed.Done, Clauses: deed.Clauses}, nil
	case exchange.Complete:
		return &record.Completion{Base: base(protocol.KindCompletion), Note: text}, nil
	case exchange.Contest:
		if deed.Clause != 0 && !slices.ContainsFunc(t.Clauses, func(s exchange.Clause) bool { return s.No == deed.Clause }) {
			return nil, d.noClause(t, deed.Clause, nil)
		}
		return &record.Dispute{Base: base(protocol.KindDispute), Clause: deed.Clause, Text: text}, nil
	case exchange.Mediate:
		return &record.Mediation{Base: base(protocol.KindMediation), Dispute: &c.Target, Closing: deed.Closing, Text: text}, nil
	case exchange.Review:
		out := &record.Feedback{Base: base(protocol.KindFeedback), Outcome: deed.Outcome, WouldRepeat: deed.Repeat, Text: text}
		if deed.Lessons != "" {
			id, ok := d.cfg.Resolve(deed.Lessons)
			if !ok {
				return nil, invalid(record.Fault{Field: "experience", Code: record.FaultUnknownRecord, Value: deed.Lessons})
			}
			out.Experience = &id
		}
		return out, nil
	}
	return nil, protocol.Fail(protocol.ReasonUsage, "act", nil)
}

func firstText(texts ...map[string]string) map[string]string {
	for _, t := range texts {
		if len(t) > 0 {
			return t
		}
	}
	return nil
}

func invalid(faults ...record.Fault) error {
	return &protocol.Error{Reason: protocol.ReasonInvalid, Op: "write agreement", Field: faults[0].Field, Err: record.Faults(faults)}
}

func (d *Desk) noClause(t *exchange.Thread, no uint64, allowed []uint64) error {
	var list []string
	for _, n := range allowed {
		list = append(list, strconv.FormatUint(n, 10))
	}
	if allowed == nil {
		for _, s := range t.Clauses {
			list = append(list, strconv.FormatUint(s.No, 10))
		}
	}
	if no == 0 {
		return invalid(record.Fault{Field: "clause", Code: record.FaultRequired, Args: map[string]string{"allowed": strings.Join(list, ",")}})
	}
	return invalid(record.Fault{Field: "clause", Code: record.FaultNotInList, Value: strconv.FormatUint(no, 10), Args: map[string]string{"list": "clauses", "allowed": strings.Join(list, ",")}})
}

// report is a report of fulfilment: of the one clause there is, or the one named; of what is missing, or the quantity named.
func (d *Desk) report(t *exchange.Thread, c exchange.Choice, deed Deed, base record.Base) (record.Record, error) {
	no := deed.Clause
	if no == 0 && len(c.Clauses) == 1 {
		no = c.Clauses[0]
	}
	if !slices.Contains(c.Clauses, no) {
		return nil, d.noClause(t, no, c.Clauses)
	}
	i := slices.IndexFunc(t.Clauses, func(s exchange.Clause) bool { return s.No == no })
	s := &t.Clauses[i]
	value := deed.Quantity
	if value == "" {
		own := s.Given
		if s.Receiver == d.cfg.Self {
			own = s.Received
		}
		if value = exchange.Difference(s.Promised, own); exchange.Compare(s.Promised, own) <= 0 {
			return nil, &protocol.Error{Reason: protocol.ReasonConflict, Op: "report", ID: t.ID.String(), Field: "quantity", Args: map[string]string{"all": s.Promised, "clause": strconv.FormatUint(no, 10)}}
		}
	}
	on := record.Day(cmp.Or(deed.On, string(d.Today())))
	f := &record.Fulfilment{Base: base, Clause: no, On: on, Note: deed.Text, Less: deed.Less, Attachments: deed.Files}
	if record.Has(record.Currencies, s.Unit) && !record.Has(record.Units, s.Unit) {
		f.Amount = &record.Money{Value: value, Currency: s.Unit}
	} else {
		f.Quantity = &record.Qty{Value: value, Unit: s.Unit}
	}
	if deed.Corrects != "" {
		id, err := protocol.ParseCID(deed.Corrects)
		if err != nil || !slices.ContainsFunc(s.Reports, func(r exchange.Report) bool { return r.Entry == id && r.Member == d.cfg.Self }) {
			return nil, invalid(record.Fault{Field: "corrects", Code: record.FaultUnknownRecord, Value: deed.Corrects})
		}
		f.Corrects = &id
	}
	return f, nil
}
