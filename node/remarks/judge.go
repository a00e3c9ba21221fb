package remarks

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dure-net/dure/node/index"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
	"github.com/dure-net/dure/protocol/record"
	"github.com/dure-net/dure/protocol/record/remark"
)

// MinPart is the least of a remark's CID, without what all CIDs begin with, that names it
// among those about one record.
const MinPart = 4

// cidHead is how every CID of an entry begins.
const cidHead = "bafyrei"

// Draft is what a member wants to say about a record.
type Draft struct {
	Kind    protocol.Kind
	Raw     json.RawMessage // the remark as JSON; "type" may be left out, and a translation's "version"
	To      string          // the remark that it answers or takes back: its CID, or a part of at least MinPart characters
	Member  string          // who says so
	Now     time.Time
	Resolve func(name string) (protocol.RecordID, bool)
}

// Judged is what is to be written.
type Judged struct {
	Remark record.Record
	Refs   []protocol.CID
}

// Judge reads a draft about a record and says why it would not count, if it would not.
func (r Room) Judge(row index.Row, d Draft) (Judged, error) {
	body, err := r.parse(row, d)
	if err != nil {
		return Judged{}, err
	}
	asOf := remark.DayOf(d.Now.UnixMilli())
	subject, said, err := r.gather(row, asOf, Kinds()...)
	if err != nil {
		return Judged{}, err
	}
	c, err := r.charter(subject)
	if err != nil {
		return Judged{}, err
	}
	j := judge{room: r, row: row, draft: d, subject: subject, said: said, view: remark.Fold(subject, said, c, asOf)}
	refs, err := j.judge(body)
	if len(refs) > protocol.MaxReferences {
		refs = refs[:protocol.MaxReferences]
	}
	return Judged{Remark: body, Refs: refs}, err
}

// parse reads the draft, filling in what follows from where it is said.
func (r Room) parse(row index.Row, d Draft) (record.Record, error) {
	raw := d.Raw
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &fields) == nil && fields != nil {
		fill := func(name, value string) {
			if _, there := fields[name]; !there {
				fields[name], _ = json.Marshal(value) // text always marshals
			}
		}
		fill("type", d.Kind.String())
		if d.Kind == protocol.KindTranslation {
			fill("version", row.Current.Entry.String())
		}
		if filled, err := json.Marshal(fields); err == nil {
			raw = filled
		}
	}
	return record.ParseWith(d.Kind, raw, d.Resolve)
}

type judge struct {
	room    Room
	row     index.Row
	draft   Draft
	subject remark.Subject
	said    []remark.Said
	view    remark.View
}

func (j judge) number() string {
	if j.row.Number != "" {
		return j.row.Number
	}
	return j.row.Record.String()
}

// refuse says why the remark would not count. The arguments choose the sentence.
func (j judge) refuse(reason protocol.Reason, args ...string) error {
	e := &protocol.Error{Reason: reason, Op: "remark", Args: map[string]string{}} // no ID: the arguments name the record as people do
	for i := 0; i+1 < len(args); i += 2 {
		e.Args[args[i]] = args[i+1]
	}
	return e
}

func (j judge) judge(body record.Record) ([]protocol.CID, error) {
	kind := j.draft.Kind
	if !remark.Fits(kind, j.row.Kind, categoryOf(j.subject.Body)) {
		return nil, j.refuse(protocol.ReasonUsage, "unfit", j.number(), "remark", kind.String())
	}
	if (j.row.Erased || j.row.Withdrawn) && kind != protocol.KindReply && kind != protocol.KindRecall && kind != protocol.KindFlag {
		return nil, j.refuse(protocol.ReasonConflict, "over", j.number())
	}
	own := j.row.Member == j.draft.Member
	switch kind {
	case protocol.KindQuestion, protocol.KindAdoption, protocol.KindEndorsement, protocol.KindPartnership, protocol.KindSubmission:
		if own {
			return nil, j.refuse(protocol.ReasonConflict, "own", j.number(), "remark", kind.String())
		}
	}
	before := remark.Supersedes(j.said, j.row.Record, j.draft.Member, kind, body.Head().Lang)
	switch body := body.(type) {
	case *record.Question:
		if remark.Asked(j.said, j.row.Record, j.draft.Member) {
			return nil, j.refuse(protocol.ReasonConflict, "asked", strconv.Itoa(remark.MaxAsked), "number", j.number(), "owner", j.row.Member)
		}
		return nil, j.rate(kind)
	case *record.Reply:
		return j.reply()
	case *record.Translation:
		return j.translation(body, before)
	case *record.Adoption:
		return append(before, body.Refs()...), nil
	case *record.Partnership:
		return before, j.partnership(body)
	case *record.Update:
		return j.update(body)
	case *record.Acknowledgement:
		return j.acknowledge(body, own)
	case *record.Flag:
		return j.flag(body)
	case *record.Submission:
		return append(before, body.Refs()...), nil
	case *record.Recall:
		return j.recall()
	}
	return before, nil
}

func categoryOf(r record.Record) string {
	if n, ok := r.(*record.Notice); ok {
		return n.Category
	}
	return ""
}

// rate refuses what the fold would leave aside. What this member wrote today about other
// records is not among said where it has said nothing about this one yet.
func (j judge) rate(kind protocol.Kind) error {
	from, to, err := span(remark.DayOf(j.draft.Now.UnixMilli()), remark.DayOf(j.draft.Now.UnixMilli()))
	if err != nil {
		return err
	}
	var today []remark.Said
	err = j.room.during(j.draft.Member, from, to, func(e protocol.Entry) error {
		if e.Kind() == kind {
			today = append(today, saidOf(e, j.draft.Member, nil))
		}
		return nil
	})
	if err != nil {
		return err
	}
	if left, again := remark.Room(today, j.draft.Member, kind, j.draft.Now); left == 0 {
		return j.refuse(protocol.ReasonBusy, "again", again.Format(time.RFC3339), "remark", kind.String(), "most", strconv.Itoa(len(today)))
	}
	return nil
}

// named finds the remark that a draft answers or takes back, among candidates.
func (j judge) named(candidates []protocol.EntryID) (protocol.EntryID, error) {
	want := strings.ToLower(strings.TrimSpace(j.draft.To))
	if want == "" && len(candidates) == 1 {
		return candidates[0], nil
	}
	var found []string
	for _, id := range candidates {
		text := id.String()
		part := strings.TrimPrefix(want, cidHead)
		if text == want || len(part) >= MinPart && strings.HasPrefix(text[len(cidHead):], part) {
			found = append(found, text)
		}
	}
	var all []string
	for _, id := range candidates {
		all = append(all, Short(id.String()))
	}
	switch {
	case len(found) == 1:
		return protocol.ParseCID(found[0])
	case len(candidates) == 0:
		return protocol.EntryID{}, j.refuse(protocol.ReasonNotFound, "nothing", j.number(), "remark", j.draft.Kind.String())
	case want == "":
		return protocol.EntryID{}, j.refuse(protocol.ReasonAmbiguous, "which", strings.Join(all, ", "), "number", j.number())
	}
	return protocol.EntryID{}, j.refuse(protocol.ReasonNotFound, "part", j.draft.To, "which", strings.Join(all, ", "), "number", j.number())
}

// Short is how people name a remark about a record that they name too: eight characters of its CID.
func Short(cid string) string {
	s := strings.TrimPrefix(cid, cidHead)
	return s[:min(8, len(s))]
}

// reply answers the question named or, where there is one without the owner's answer, that.
func (j judge) reply() ([]protocol.CID, error) {
	var open, all []protocol.EntryID
	for _, q := range j.view.Questions {
		id, err := protocol.ParseCID(q.ID)
		if err != nil || q.State != "asked" {
			continue
		}
		if all = append(all, id); !q.Answered {
			open = append(open, id)
		}
	}
	if j.draft.To == "" && len(open) == 1 {
		all = open
	}
	id, err := j.named(all)
	if err != nil {
		return nil, err
	}
	return []protocol.CID{id}, j.rate(protocol.KindReply)
}

// translation is judged against the version that it names.
func (j judge) translation(t *record.Translation, before []protocol.CID) ([]protocol.CID, error) {
	version, ok := j.subject.Versions[*t.Version]
	if *t.Version == j.row.Current.Entry {
		version, ok = j.subject.Body, j.subject.Body != nil
	}
	if !ok {
		return nil, j.refuse(protocol.ReasonNotFound, "version", Short(t.Version.String()), "number", j.number())
	}
	if faults := record.CheckTranslation(version, t); len(faults) > 0 {
		return nil, &protocol.Error{Reason: protocol.ReasonInvalid, Op: "translate", Field: faults[0].Field, Err: faults}
	}
	return append([]protocol.CID{*t.Version}, before...), nil
}

func (j judge) partnership(p *record.Partnership) error {
	joined := slices.ContainsFunc(j.view.Partners, func(one remark.Partner) bool {
		return one.Member == j.draft.Member && (one.State == "partner" || one.State == "asking")
	})
	if joined == (p.Step == "join") {
		return j.refuse(protocol.ReasonConflict, "same", j.number())
	}
	return nil
}

// update needs the owner or a partner, and a goal that the current version has.
func (j judge) update(u *record.Update) ([]protocol.CID, error) {
	partner := j.row.Member == j.draft.Member || slices.ContainsFunc(j.view.Partners, func(one remark.Partner) bool {
		return one.Member == j.draft.Member && one.State == "partner"
	})
	if !partner {
		return nil, j.refuse(protocol.ReasonForbidden, "partners", j.number())
	}
	p, ok := j.subject.Body.(*record.Project)
	if ok && u.Goal > uint64(len(p.Goals)) {
		faults := record.Faults{{Field: "goal", Code: record.FaultOutOfRange, Value: strconv.FormatUint(u.Goal, 10), Args: map[string]string{"min": "1", "max": strconv.Itoa(len(p.Goals))}}}
		return nil, &protocol.Error{Reason: protocol.ReasonInvalid, Op: "update", Field: "goal", Err: faults}
	}
	if ok && u.Goal > 0 {
		if unit := unitOf(p.Goals[u.Goal-1]); unit != "" && unit != u.Reached.Unit {
			faults := record.Faults{{Field: "reached.unit", Code: record.FaultNotInList, Value: u.Reached.Unit, Args: map[string]string{"list": string(record.Units), "allowed": unit}}}
			return nil, &protocol.Error{Reason: protocol.ReasonInvalid, Op: "update", Field: "reached.unit", Err: faults}
		}
	}
	return []protocol.CID{j.row.Current.Entry}, nil
}

func unitOf(g record.Goal) string {
	for _, q := range []*record.Qty{g.Target, g.Reached} {
		if q != nil {
			return q.Unit
		}
	}
	return ""
}

func (j judge) acknowledge(a *record.Acknowledgement, own bool) ([]protocol.CID, error) {
	receipt := len(a.Received) > 0 || a.Closes
	switch {
	case receipt && !own:
		return nil, j.refuse(protocol.ReasonNotOwner, "number", j.number(), "member", j.row.Member)
	case receipt && j.view.Call == nil:
		return nil, j.refuse(protocol.ReasonUsage, "unfit", j.number(), "remark", protocol.KindSubmission.String())
	case receipt:
		return j.closings(), nil
	case own:
		return nil, j.refuse(protocol.ReasonConflict, "own", j.number(), "remark", protocol.KindAcknowledgement.String())
	case j.view.Notice != nil && slices.ContainsFunc(j.view.Notice.Acknowledged, func(w remark.Words) bool { return w.Member == j.draft.Member }):
		return nil, j.refuse(protocol.ReasonConflict, "same", j.number())
	}
	return []protocol.CID{j.row.Current.Entry}, nil
}

// closings are the entries by which the owner closed the call.
func (j judge) closings() []protocol.CID {
	var out []protocol.CID
	for _, s := range j.said {
		if a, ok := s.Body.(*record.Acknowledgement); ok && a.Closes && s.Member == j.row.Member {
			out = append(out, s.Entry)
		}
	}
	return out
}

// flag needs the secretariat; what is folded away already is not folded again.
func (j judge) flag(f *record.Flag) ([]protocol.CID, error) {
	if !j.room.State.Held(j.room.State.Act(), protocol.OfficeSecretariat, j.draft.Member) {
		return nil, j.room.NoOffice("flag", []protocol.Office{protocol.OfficeSecretariat})
	}
	var standing []protocol.CID
	for _, one := range j.view.Flags {
		if id, err := protocol.ParseCID(one.ID); err == nil && one.Lifted == nil {
			standing = append(standing, id)
		}
	}
	if (f.Step == "flag") == (len(standing) > 0) {
		return nil, j.refuse(protocol.ReasonConflict, "same", j.number())
	}
	return standing, nil
}

func (j judge) recall() ([]protocol.CID, error) {
	gone := map[string]bool{}
	for _, a := range j.view.Aside {
		gone[a.ID] = a.Why == remark.WhyRecalled || a.Why == remark.WhyReplaced
	}
	var own []protocol.EntryID
	for _, s := range j.said {
		if s.Of == j.row.Record && s.Member == j.draft.Member && remark.Recallable(s.Kind) && !gone[s.Entry.String()] {
			own = append(own, s.Entry)
		}
	}
	id, err := j.named(own)
	return []protocol.CID{id}, err
}

// NoOffice says that an office is needed, and who holds it.
func (r Room) NoOffice(op string, offices []protocol.Office) error {
	var names, holders []string
	for _, o := range offices {
		names = append(names, string(o))
	}
	for _, h := range r.State.Offices("") {
		if m, ok := r.State.Member(h.Member); slices.Contains(offices, h.Office) && ok && m.Status == charter.StatusMember && !slices.Contains(holders, h.Member) {
			holders = append(holders, h.Member)
		}
	}
	e := &protocol.Error{Reason: protocol.ReasonForbidden, Op: op, Args: map[string]string{"offices": strings.Join(names, ",")}}
	if len(holders) > 0 {
		e.Args["holders"] = strings.Join(holders, ", ")
	}
	return e
}

// Office says whether a member may publish a notice: whether it holds the office that the
// notice needs, and has urgent notices left in the month. was is the record that it
// revises; the zero Row for a new one.
func (r Room) Office(n *record.Notice, member string, was index.Row, now time.Time) error {
	offices := n.Offices()
	if offices == nil {
		return nil
	}
	if !slices.ContainsFunc(offices, func(o protocol.Office) bool { return r.State.Held(r.State.Act(), o, member) }) {
		return r.NoOffice("publish", offices)
	}
	if !n.Urgent {
		return nil
	}
	if was.Record.Defined() {
		if _, already, err := r.firstUrgent(was); already || err != nil {
			return err
		}
	}
	at := now.UTC()
	month := time.Date(at.Year(), at.Month(), 1, 0, 0, 0, 0, time.UTC)
	used := map[protocol.RecordID]bool{}
	err := r.during(member, month.UnixMilli(), month.AddDate(0, 1, 0).UnixMilli(), func(e protocol.Entry) error {
		if e.Kind() != protocol.KindNotice {
			return nil
		}
		id := e.ID()
		if of := e.Header().Of; of.Defined() {
			id = of
		}
		row, ok, err := r.Index.Record(id)
		if err != nil || !ok || used[id] {
			return err
		}
		u, ok, err := r.firstUrgent(row)
		if ok && u.Time >= month.UnixMilli() && u.Time < month.AddDate(0, 1, 0).UnixMilli() {
			used[id] = true
		}
		return err
	})
	if err == nil && len(used) >= record.MaxUrgent {
		err = &protocol.Error{Reason: protocol.ReasonBusy, Op: "publish", Args: map[string]string{
			"urgent": strconv.Itoa(record.MaxUrgent), "again": month.AddDate(0, 1, 0).Format(time.RFC3339)}}
	}
	return err
}
