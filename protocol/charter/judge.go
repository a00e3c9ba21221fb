package charter

import (
	"github.com/dure-net/dure/protocol"
)

// A judgement looks only at what a block names, so it never changes once it is made:
// valid and invalid are remembered for ever. Incomplete means that something named
// has not arrived, and is asked again.
type judgement uint8

const (
	incomplete judgement = iota
	invalid
	valid
)

// certified is a certificate that holds, with the lines before and after its act.
type certified struct {
	id        protocol.BodyID
	cert      Certificate
	decision  Decision
	base      *line
	line      *line
	approvers []string // handles, in the certificate's order

	// floors are, by root key, the highest designation used along the certificates
	// from the founding act to this one: later approvals may not fall below.
	floors map[protocol.PublicKey]uint64
}

func (c *certified) act() protocol.ActID { return c.cert.Decision }

// court judges certificates and rounds. It belongs to one Folder.
type court struct {
	federation protocol.FederationID
	root       *line

	decisions map[protocol.BodyID]Decision
	certs     map[protocol.BodyID]Certificate
	rounds    map[protocol.BodyID]Round

	// Remembered judgements and signatures; nil is invalid.
	certified   map[protocol.BodyID]*certified
	closed      map[protocol.BodyID]bool
	lines       map[protocol.ActID]outcome
	answers     map[Answer]bool
	designation map[designation]bool

	// Blocks found incomplete since the last new block, so that one pass asks once.
	lacking map[protocol.BodyID]bool
}

type outcome struct {
	line  *line
	fault Fault
}

type designation struct {
	root, node protocol.PublicKey
	number     uint64
	signature  protocol.Signature
}

func newCourt(federation protocol.FederationID, root *line) *court {
	return &court{
		federation: federation, root: root,
		decisions: map[protocol.BodyID]Decision{}, certs: map[protocol.BodyID]Certificate{}, rounds: map[protocol.BodyID]Round{},
		certified: map[protocol.BodyID]*certified{}, closed: map[protocol.BodyID]bool{}, lines: map[protocol.ActID]outcome{},
		answers: map[Answer]bool{}, designation: map[designation]bool{}, lacking: map[protocol.BodyID]bool{},
	}
}

// after is the line after a decision, given the line it is tabled on. The base is
// named by the decision, so the outcome is remembered under the decision's id.
func (c *court) after(base *line, d Decision, id protocol.ActID) (*line, Fault) {
	if o, ok := c.lines[id]; ok {
		return o.line, o.fault
	}
	next, fault := base.apply(d, id)
	c.lines[id] = outcome{next, fault}
	return next, fault
}

// base finds the line and the designation floors that a block builds on, by the act
// and certificate it names.
func (c *court) base(number uint64, prev protocol.ActID, cert protocol.BodyID) (*line, map[protocol.PublicKey]uint64, judgement) {
	if number == 1 {
		if prev != c.federation {
			return nil, nil, invalid
		}
		return c.root, nil, valid
	}
	on, j := c.certificate(cert)
	if j != valid {
		return nil, nil, j
	}
	if on.act() != prev || on.line.ref.Number+1 != number {
		return nil, nil, invalid
	}
	return on.line, on.floors, valid
}

// certificate judges a certificate and what it names.
func (c *court) certificate(id protocol.BodyID) (*certified, judgement) {
	if got, ok := c.certified[id]; ok {
		if got == nil {
			return nil, invalid
		}
		return got, valid
	}
	if c.lacking[id] {
		return nil, incomplete
	}
	got, j := c.judgeCertificate(id)
	switch j {
	case incomplete:
		c.lacking[id] = true
	case invalid:
		c.certified[id] = nil
	case valid:
		c.certified[id] = got
	}
	return got, j
}

func (c *court) judgeCertificate(id protocol.BodyID) (*certified, judgement) {
	cert, ok := c.certs[id]
	if !ok {
		return nil, incomplete
	}
	d, ok := c.decisions[cert.Decision]
	if !ok {
		return nil, incomplete
	}
	base, floors, j := c.base(d.Number, d.Prev, d.Cert)
	if j != valid {
		return nil, j
	}
	next, fault := c.after(base, d, cert.Decision)
	if !fault.OK() {
		return nil, invalid
	}
	place := Place{d.Number, cert.Round, d.Prev, d.By}
	if j := c.opened(place, cert.Closing); j != valid {
		return nil, j
	}
	if len(cert.Approvals) < base.need(d.By) {
		return nil, invalid
	}
	got := &certified{id: id, cert: cert, decision: d, base: base, line: next, floors: map[protocol.PublicKey]uint64{}}
	for root, number := range floors {
		got.floors[root] = number
	}
	after, until := base.dayLimits(d)
	voters := base.voters(d.By)
	for _, a := range cert.Approvals {
		handle, elector := voters[a.Root]
		switch {
		case !elector, a.Designation < floors[a.Root]:
			return nil, invalid
		case a.Day <= after, until != "" && a.Day > until:
			return nil, invalid
		case !c.signed(a.answered(place, cert.Decision)):
			return nil, invalid
		}
		got.floors[a.Root] = a.Designation
		got.approvers = append(got.approvers, handle)
	}
	return got, valid
}

// opened judges whether the place's round has been opened by the closing named.
func (c *court) opened(p Place, closing protocol.BodyID) judgement {
	if p.Round == 0 {
		return valid
	}
	j := c.round(closing)
	if j != valid {
		return j
	}
	r := c.rounds[closing]
	if p.Round--; r.Place() != p {
		return invalid
	}
	return valid
}

// round judges the closing of a round and what it names.
func (c *court) round(id protocol.BodyID) judgement {
	if ok, known := c.closed[id]; known {
		if ok {
			return valid
		}
		return invalid
	}
	if c.lacking[id] {
		return incomplete
	}
	j := c.judgeRound(id)
	if j == incomplete {
		c.lacking[id] = true
	} else {
		c.closed[id] = j == valid
	}
	return j
}

func (c *court) judgeRound(id protocol.BodyID) judgement {
	r, ok := c.rounds[id]
	if !ok {
		return incomplete
	}
	base, floors, j := c.base(r.Number, r.Prev, r.Cert)
	if j != valid {
		return j
	}
	if j := c.opened(r.Place(), r.Closing); j != valid {
		return j
	}
	if len(r.Conflict) > 0 {
		return c.contradict(r)
	}
	voters := base.voters(r.By)
	count, most := map[protocol.BodyID]int{}, 0
	for _, a := range r.Answers {
		if _, elector := voters[a.Root]; !elector || a.Designation < floors[a.Root] || !c.signed(a.answered(r.Place(), a.Decision)) {
			return invalid
		}
		if a.Decision.Defined() {
			count[a.Decision]++
			most = max(most, count[a.Decision])
		}
	}
	if most+len(voters)-len(r.Answers) >= base.need(r.By) {
		return invalid // a decision could still win
	}
	return valid
}

// contradict judges a closing that names two certificates of its round for different
// decisions.
func (c *court) contradict(r Round) judgement {
	var acts [2]protocol.ActID
	for i, id := range r.Conflict {
		got, j := c.certificate(id)
		if j != valid {
			return j
		}
		d := got.decision
		if (Place{d.Number, got.cert.Round, d.Prev, d.By}) != r.Place() {
			return invalid
		}
		acts[i] = got.act()
	}
	if acts[0] == acts[1] {
		return invalid
	}
	return valid
}

// signed reports whether both signatures of an answer hold. Each is verified once.
func (c *court) signed(a Answer) bool {
	ok, known := c.answers[a]
	if known {
		return ok
	}
	ok = a.check() == nil && c.designated(a.Approval) && a.verifyOwn(c.federation) == nil
	c.answers[a] = ok
	return ok
}

func (c *court) designated(a Approval) bool {
	key := designation{a.Root, a.Node, a.Designation, a.Designated}
	ok, known := c.designation[key]
	if !known {
		ok = a.Statement(c.federation).Verify() == nil
		c.designation[key] = ok
	}
	return ok
}

// voters are the electors by their current root keys.
func (l *line) voters(by By) map[protocol.PublicKey]string {
	electors := l.electors(by)
	out := make(map[protocol.PublicKey]string, len(electors))
	for _, handle := range electors {
		out[l.members[handle].facts.Root] = handle
	}
	return out
}
