package record

import "github.com/dure-net/dure/protocol"

// What members say about records, their own or another member's. Such an entry names the
// record in its header ("of"), and what it answers or builds on in "refs"; it changes no
// record. Which of them count, and what they come to, is protocol/record/remark's to say.

// Question asks about a record, without any obligation. It is no proposal.
type Question struct {
	Base
	Text Text `cbor:"text" json:"text"`
}

// Reply answers a question, which the entry names in refs.
type Reply struct {
	Base
	Text Text `cbor:"text" json:"text"`
}

// Adoption says that the writer did what an experience or a collection describes.
type Adoption struct {
	Base
	Since   Day                `cbor:"since,omitempty" json:"since,omitempty"`
	Changed Text               `cbor:"changed" json:"changed"` // what was done otherwise
	Result  string             `cbor:"result" json:"result"`
	Outcome Text               `cbor:"outcome,omitempty" json:"outcome,omitempty"`
	Project *protocol.RecordID `cbor:"project,omitempty" json:"project,omitempty"`
}

// Endorsement says how the writer knows that an experience or a collection is as told.
type Endorsement struct {
	Base
	Way  string `cbor:"way" json:"way"`
	Text Text   `cbor:"text,omitempty" json:"text,omitempty"`
}

// Partnership joins a project, or leaves it, by the writer's own signature.
type Partnership struct {
	Base
	Step string `cbor:"step" json:"step"`
	Text Text   `cbor:"text,omitempty" json:"text,omitempty"` // what the partner does in it, or why it leaves
}

// Update tells how a project is getting on. Reached belongs to one of its goals.
type Update struct {
	Base
	Text        Text         `cbor:"text" json:"text"`
	Goal        uint64       `cbor:"goal,omitempty" json:"goal,omitempty"` // counted from 1, as in the project's version that refs names
	Reached     *Qty         `cbor:"reached,omitempty" json:"reached,omitempty"`
	Attachments []Attachment `cbor:"attachments,omitempty" json:"attachments,omitempty"`
}

// Acknowledgement says that a notice was read. The owner of a call also acknowledges the
// answers to it: Received names them, and Closes says that those not named by then are
// late. So the owner's own word decides what came in time, and no clock does.
type Acknowledgement struct {
	Base
	Received []protocol.EntryID `cbor:"received,omitempty" json:"received,omitempty"`
	Closes   bool               `cbor:"closes,omitempty" json:"closes,omitempty"`
}

// Flag is the secretariat's: readers see a flagged record folded away, with the reason. It
// changes and hides nothing, and is lifted by the secretariat or by an act.
type Flag struct {
	Base
	Step   string `cbor:"step" json:"step"`
	Reason string `cbor:"reason,omitempty" json:"reason,omitempty"`
	Text   Text   `cbor:"text" json:"text"`
}

// Submission answers a call.
type Submission struct {
	Base
	Text        Text                `cbor:"text" json:"text"`
	Records     []protocol.RecordID `cbor:"records,omitempty" json:"records,omitempty"` // own records that belong to the answer
	Attachments []Attachment        `cbor:"attachments,omitempty" json:"attachments,omitempty"`
}

// Recall takes back an own remark, which the entry names in refs.
type Recall struct {
	Base
	Reason Text `cbor:"reason,omitempty" json:"reason,omitempty"`
}

// MaxReceived bounds the submissions that one acknowledgement names: some 45 KiB. An owner
// with more writes several, of which the last one closes the call.
const MaxReceived = 1000

const (
	maxRemark   = 1000 // a question, a reply, an update
	maxAdoption = 2000
	maxAnswer   = 4000 // a submission
	maxAnswers  = 10   // records that belong to one
)

func (q *Question) Kind() protocol.Kind        { return protocol.KindQuestion }
func (r *Reply) Kind() protocol.Kind           { return protocol.KindReply }
func (a *Adoption) Kind() protocol.Kind        { return protocol.KindAdoption }
func (e *Endorsement) Kind() protocol.Kind     { return protocol.KindEndorsement }
func (p *Partnership) Kind() protocol.Kind     { return protocol.KindPartnership }
func (u *Update) Kind() protocol.Kind          { return protocol.KindUpdate }
func (a *Acknowledgement) Kind() protocol.Kind { return protocol.KindAcknowledgement }
func (f *Flag) Kind() protocol.Kind            { return protocol.KindFlag }
func (s *Submission) Kind() protocol.Kind      { return protocol.KindSubmission }
func (r *Recall) Kind() protocol.Kind          { return protocol.KindRecall }

func (q *Question) Content() any        { return q }
func (r *Reply) Content() any           { return r }
func (a *Adoption) Content() any        { return a }
func (e *Endorsement) Content() any     { return e }
func (p *Partnership) Content() any     { return p }
func (u *Update) Content() any          { return u }
func (a *Acknowledgement) Content() any { return a }
func (f *Flag) Content() any            { return f }
func (s *Submission) Content() any      { return s }
func (r *Recall) Content() any          { return r }

func (q *Question) Head() Head        { return headOf(q) }
func (r *Reply) Head() Head           { return headOf(r) }
func (a *Adoption) Head() Head        { return headOf(a) }
func (e *Endorsement) Head() Head     { return headOf(e) }
func (p *Partnership) Head() Head     { return headOf(p) }
func (u *Update) Head() Head          { return headOf(u) }
func (a *Acknowledgement) Head() Head { return headOf(a) }
func (f *Flag) Head() Head            { return headOf(f) }
func (s *Submission) Head() Head      { return headOf(s) }
func (r *Recall) Head() Head          { return headOf(r) }

func (q *Question) Refs() []protocol.CID    { return nil }
func (r *Reply) Refs() []protocol.CID       { return nil }
func (a *Adoption) Refs() []protocol.CID    { return links(a.Project) }
func (e *Endorsement) Refs() []protocol.CID { return nil }
func (p *Partnership) Refs() []protocol.CID { return nil }
func (u *Update) Refs() []protocol.CID      { return nil }
func (f *Flag) Refs() []protocol.CID        { return nil }
func (r *Recall) Refs() []protocol.CID      { return nil }
func (s *Submission) Refs() []protocol.CID  { return links(pointers(s.Records)...) }
func (a *Acknowledgement) Refs() []protocol.CID {
	return links(pointers(a.Received)...)
}

func bindQuestion(o *object) Record {
	q := &Question{Base: o.base(protocol.KindQuestion)}
	q.Text = o.text("text", must, maxRemark, lines)
	q.Machine = o.machine()
	return q
}

func bindReply(o *object) Record {
	r := &Reply{Base: o.base(protocol.KindReply)}
	r.Text = o.text("text", must, maxRemark, lines)
	r.Machine = o.machine()
	return r
}

func bindAdoption(o *object) Record {
	a := &Adoption{Base: o.base(protocol.KindAdoption)}
	a.Since = o.day("since", may)
	a.Changed = o.text("changed", needs("what was done otherwise than described"), maxAdoption, lines)
	a.Result = o.code("result", must, AdoptionResults)
	over := a.Result != "" && a.Result != "ongoing"
	a.Outcome = o.text("outcome", needed(over, "result", a.Result, "required unless the result is ongoing"), maxAdoption, lines)
	a.Project = o.ref("project", may)
	a.Machine = o.machine()
	return a
}

func bindEndorsement(o *object) Record {
	e := &Endorsement{Base: o.base(protocol.KindEndorsement)}
	e.Way = o.code("way", must, EndorsementWays)
	e.Text = o.text("text", may, maxRemark, lines)
	e.Machine = o.machine()
	return e
}

func bindPartnership(o *object) Record {
	p := &Partnership{Base: o.base(protocol.KindPartnership)}
	p.Step = o.code("step", must, PartnershipSteps)
	p.Text = o.text("text", may, maxReason, lines)
	p.Machine = o.machine()
	return p
}

func bindUpdate(o *object) Record {
	u := &Update{Base: o.base(protocol.KindUpdate)}
	u.Text = o.text("text", must, maxRemark, lines)
	u.Goal = o.ordinal("goal", needed(o.has("reached"), "reached", "", "the goal that reached belongs to, from 1"), maxGoals)
	u.Reached = o.qty("reached", needed(o.has("goal"), "goal", "", ""), Units)
	u.Attachments = o.attachments()
	u.Machine = o.machine()
	return u
}

// ordinal takes a whole number from 1 to hi; 0 when absent or faulty.
func (o *object) ordinal(name string, w want, hi uint64) uint64 {
	v, ok := o.take(name, w, "integer", "1 to "+itoa(int(hi)))
	if !ok {
		return 0
	}
	n, ok := o.integer(o.at(name), v)
	if ok && (n < 1 || n > hi) {
		o.fault(o.at(name), FaultOutOfRange, plain(v), "min", "1", "max", itoa(int(hi)))
		return 0
	}
	return n
}

func bindAcknowledgement(o *object) Record {
	a := &Acknowledgement{Base: o.base(protocol.KindAcknowledgement)}
	a.Received = o.refs("received", may, MaxReceived)
	a.Closes = o.flag("closes", want{doc: "the call's owner only: answers not received by now are late"})
	return a
}

func bindFlag(o *object) Record {
	f := &Flag{Base: o.base(protocol.KindFlag)}
	f.Step = o.code("step", must, FlagSteps)
	f.Reason = o.code("reason", barred(f.Step == "lift", "step", f.Step, "of a flag", needed(f.Step == "flag", "step", f.Step, "")), FlagReasons)
	f.Text = o.text("text", needs("the reason in words, for the log"), maxReason, lines)
	f.Machine = o.machine()
	return f
}

func bindSubmission(o *object) Record {
	s := &Submission{Base: o.base(protocol.KindSubmission)}
	s.Text = o.text("text", must, maxAnswer, lines)
	s.Records = o.refs("records", may, maxAnswers)
	s.Attachments = o.attachments()
	s.Machine = o.machine()
	return s
}

func bindRecall(o *object) Record {
	r := &Recall{Base: o.base(protocol.KindRecall)}
	r.Reason = o.text("reason", may, maxReason, lines)
	r.Machine = o.machine()
	return r
}
