package charter

import (
	"github.com/dure-net/dure/protocol"
)

// Block is a governance entry as it was admitted, with its body; Body is nil while
// the body is missing. The fold checks bodies against the header's hash and verifies
// every signature inside them. What it takes from admission is the header: its form,
// its chain, and for an inception both signatures (protocol.Entry.VerifyInception).
type Block struct {
	Entry protocol.Entry
	Body  []byte
}

// Fold is the state that a set of blocks says: the same blocks in any order, any
// number of times, give the same State.
func Fold(f protocol.FoundingAct, federation protocol.FederationID, blocks []Block) State {
	folder := NewFolder(f, federation)
	for _, b := range blocks {
		folder.Add(b)
	}
	return folder.State()
}

// Folder folds blocks as they arrive and remembers what it verified. Its State always
// equals Fold of all blocks added. It is not safe for concurrent use; the States it
// returns are immutable and are.
type Folder struct {
	founding protocol.FoundingAct
	court    *court

	// Handed out with every State; what a State holds is not changed by the next block.
	inceptions layered[protocol.FeedID, inception]
	byNode     layered[protocol.PublicKey, []protocol.FeedID]
	byRoot     layered[protocol.PublicKey, []protocol.FeedID]
	roots      layered[protocol.PublicKey, *said]
	forks      layered[protocol.FeedID, uint64] // lowest proven seq

	entries      map[protocol.EntryID]bool // seen; true once its body was read
	carriers     map[carried][]carrier
	answers      map[Place]map[Answer]source // as found, not verified
	extracted    map[protocol.BodyID]bool    // certificates and rounds whose answers are in answers
	invitations  map[protocol.EntryID]inviting
	applications map[protocol.EntryID]applying
	tooNew       map[protocol.BodyID]bool
	statements   map[protocol.BodyID]protocol.PublicKey // by whose root key
	evidence     map[protocol.BodyID]protocol.FeedID

	state *State
	folds int // how many States were made
}

// inception is what a feed's first entry says of it.
type inception struct {
	root, node protocol.PublicKey
}

// carried names a governance body by the kind it was written under.
type carried struct {
	kind protocol.Kind
	body protocol.BodyID
}

// carrier is an entry that brings a body.
type carrier struct {
	feed protocol.FeedID
	seq  uint64
}

// source is where an answer was found: in bodies of its own, or inside a certificate or
// closing, which count as said wherever they are found.
type source struct {
	body   protocol.BodyID // undefined: never on its own
	inside bool
}

type inviting struct {
	carrier
	entry   protocol.EntryID
	invited protocol.Invited
}

type applying struct {
	carrier
	entry       protocol.EntryID
	application protocol.Application
}

// NewFolder starts from the founding act, which protocol.DecodeFoundingAct and
// CheckFounding have accepted, and its id.
func NewFolder(f protocol.FoundingAct, federation protocol.FederationID) *Folder {
	return &Folder{
		founding: f, court: newCourt(federation, founding(f, federation)),
		entries: map[protocol.EntryID]bool{}, carriers: map[carried][]carrier{}, answers: map[Place]map[Answer]source{},
		extracted: map[protocol.BodyID]bool{}, invitations: map[protocol.EntryID]inviting{}, applications: map[protocol.EntryID]applying{},
		tooNew: map[protocol.BodyID]bool{}, statements: map[protocol.BodyID]protocol.PublicKey{}, evidence: map[protocol.BodyID]protocol.FeedID{},
	}
}

// Add takes one block and reports whether the state may have changed. Entries of
// other kinds, entries seen before, and bodies that do not belong to their header
// change nothing; a missing body may come later, with its entry.
func (f *Folder) Add(b Block) (changed bool) {
	if b.Entry.IsZero() {
		return false
	}
	h, id := b.Entry.Header(), b.Entry.ID()
	if !h.Kind.IsGovernance() {
		return false
	}
	read, seen := f.entries[id]
	if !seen {
		f.entries[id] = false
		if h.Kind == protocol.KindInception {
			return f.incept(id, h)
		}
		if h.Body.Defined() {
			key := carried{h.Kind, h.Body}
			f.carriers[key] = append(f.carriers[key], carrier{b.Entry.Feed(), h.Seq})
		}
	}
	if read || b.Body == nil || !h.Body.Matches(b.Body) {
		return false
	}
	f.entries[id] = true
	if f.read(h, carrier{b.Entry.Feed(), h.Seq}, id, b.Body) {
		f.state = nil
		return true
	}
	return false
}

func (f *Folder) incept(id protocol.EntryID, h protocol.Header) bool {
	if h.Init == nil || h.Init.Federation != f.court.federation {
		return false
	}
	f.inceptions.set(id, inception{h.Init.Root, h.Init.Node})
	// A State that shares a list sees its own length of it; appending writes behind that.
	node, _ := f.byNode.get(h.Init.Node)
	f.byNode.set(h.Init.Node, append(node, id))
	root, _ := f.byRoot.get(h.Init.Root)
	f.byRoot.set(h.Init.Root, append(root, id))
	f.state = nil
	return true
}

// read takes a body. Bodies that cannot be read say nothing.
func (f *Folder) read(h protocol.Header, at carrier, id protocol.EntryID, body []byte) bool {
	switch h.Kind {
	case protocol.KindStatement:
		if s, err := DecodeStatement(f.court.federation, body); err == nil {
			f.statements[h.Body] = s.Root
			return f.hear(s)
		}
	case protocol.KindDecision:
		return admitBody(f, f.court.decisions, h.Body, body, DecodeDecision)
	case protocol.KindCertificate:
		return admitBody(f, f.court.certs, h.Body, body, DecodeCertificate)
	case protocol.KindRound:
		return admitBody(f, f.court.rounds, h.Body, body, DecodeRound)
	case protocol.KindAnswer:
		if a, err := DecodeAnswer(body); err == nil {
			return f.note(a, source{body: h.Body})
		}
	case protocol.KindForkEvidence:
		_, fork, err := DecodeEvidence(f.court.federation, body)
		if err != nil {
			return false
		}
		f.evidence[h.Body] = fork.Feed
		if seq, known := f.forks.get(fork.Feed); known && seq <= fork.Seq {
			return false
		}
		f.forks.set(fork.Feed, fork.Seq)
		return true
	case protocol.KindInvitation:
		if i, err := open(body, checkInvited); err == nil {
			f.invitations[id] = inviting{at, id, i}
			return true
		}
	case protocol.KindApplication:
		a, err := open(body, func(protocol.Application) error { return nil })
		if err == nil && a.Verify(f.court.federation) == nil {
			f.applications[id] = applying{at, id, a}
			return true
		}
	}
	return false
}

// DecodeEvidence reads the body of fork evidence and checks what it proves. A field that
// this node does not know is ReasonTooNew; every other error means that it proves nothing.
func DecodeEvidence(federation protocol.FederationID, body []byte) (protocol.ForkEvidence, protocol.Fork, error) {
	ev, err := open(body, func(protocol.ForkEvidence) error { return nil })
	if err != nil {
		return ev, protocol.Fork{}, err
	}
	fork, err := ev.Verify(federation)
	return ev, fork, err
}

func checkInvited(i protocol.Invited) error {
	if i.Key.IsZero() || i.Expires <= 0 {
		return malformed("key", "an invitation has a key and an end")
	}
	return protocol.CheckHandle(i.Handle)
}

func admitBody[T any](f *Folder, into map[protocol.BodyID]T, id protocol.BodyID, body []byte, decode func([]byte) (T, error)) bool {
	if _, known := into[id]; known {
		return false
	}
	v, err := decode(body)
	if err != nil {
		if protocol.ReasonOf(err) == protocol.ReasonTooNew && !f.tooNew[id] {
			f.tooNew[id] = true
			return true
		}
		return false
	}
	into[id] = v
	clear(f.court.lacking)
	return true
}

// note keeps an answer under the place it answers.
func (f *Folder) note(a Answer, from source) bool {
	at := f.answers[a.Place()]
	if at == nil {
		at = map[Answer]source{}
		f.answers[a.Place()] = at
	}
	old := at[a]
	next := source{body: old.body, inside: old.inside || from.inside}
	if from.body.Defined() {
		next.body = from.body // equal answers have equal bodies
	}
	at[a] = next
	return next != old
}

// extract takes the answers out of certificates and closings, which count as said
// wherever they are found.
func (f *Folder) extract() {
	for id, c := range f.court.certs {
		d, ok := f.court.decisions[c.Decision]
		if !ok || f.extracted[id] {
			continue
		}
		f.extracted[id] = true
		for _, a := range c.Approvals {
			f.note(a.answered(Place{d.Number, c.Round, d.Prev, d.By}, c.Decision), source{inside: true})
		}
	}
	for id, r := range f.court.rounds {
		if f.extracted[id] {
			continue
		}
		f.extracted[id] = true
		for _, a := range r.Answers {
			f.note(a.answered(r.Place(), a.Decision), source{inside: true})
		}
	}
}
