package replication

import (
	"bufio"
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
	"github.com/dure-net/dure/replication/mesh"
)

// joinTime bounds the whole conversation with an outsider.
const joinTime = 30 * time.Second

// askTime bounds reading an outsider's request: it is at most some 260 KB, in practice one or two.
const askTime = 15 * time.Second

// MaxSkew is how far an applicant's clock may be off before it is told: an invitation
// could seem expired, or not yet expired, by mistake.
const MaxSkew = protocol.MaxAhead

// ServeJoin answers one request of an outsider, or of a member's further node. It
// tells nothing about the federation before an invitation's seed or a member's root
// key is proven.
func (of handler) ServeJoin(ctx context.Context, from protocol.PublicKey, s mesh.Stream) {
	r := of.replica
	ctx, cancel := context.WithTimeout(ctx, joinTime)
	defer cancel()
	_ = s.SetDeadline(time.Now().Add(askTime))
	var req protocol.JoinRequest
	if err := protocol.ReadFrame(bufio.NewReader(s), protocol.MaxMessageBytes*protocol.MaxFollow, &req); err != nil {
		r.counts.refuse(protocol.ReasonOf(err))
		_ = s.Reset()
		return
	}
	_ = s.SetDeadline(time.Now().Add(joinTime))
	answer, err := r.consider(ctx, from, req)
	if err != nil {
		var e *protocol.Error
		answer = protocol.JoinAnswer{State: protocol.JoinRefused, Reason: protocol.ReasonOf(err).String(), Removal: answer.Removal}
		if errors.As(err, &e) {
			answer.Args = e.Args
		}
		r.log.Info("refused a request to join", "node", from.Short(), "reason", answer.Reason)
	}
	answer.Time = r.cfg.Now().UnixMilli()
	if err := protocol.WriteFrame(s, &answer); err != nil {
		r.log.Debug("an applicant did not wait for the answer", "node", from.Short(), "err", err)
		_ = s.Reset()
	}
}

func (r *Replica) consider(ctx context.Context, from protocol.PublicKey, req protocol.JoinRequest) (protocol.JoinAnswer, error) {
	if req.Federation != r.cfg.Federation {
		// Which federation this is, is not for a stranger to know.
		return protocol.JoinAnswer{}, &protocol.Error{Reason: protocol.ReasonWrongFederation, Op: "join"}
	}
	switch {
	case len(req.Inception) > 0:
		return r.welcome(ctx, from, req)
	case req.Application != nil:
		// For a node of a member no clock matters: it comes in as it would go on.
		if skew := req.Time - r.cfg.Now().UnixMilli(); max(skew, -skew) > MaxSkew.Milliseconds() {
			return protocol.JoinAnswer{}, &protocol.Error{Reason: protocol.ReasonWrongClock, Op: "join",
				Args: map[string]string{"minutes": strconv.FormatInt(max(skew, -skew)/time.Minute.Milliseconds(), 10), "ahead": strconv.FormatBool(skew > 0)}}
		}
		return r.apply(ctx, *req.Application)
	}
	return protocol.JoinAnswer{}, protocol.Fail(protocol.ReasonMalformed, "join", errors.New("an empty request"))
}

// welcome takes in the feed of a node whose root key belongs to a standing member.
func (r *Replica) welcome(ctx context.Context, from protocol.PublicKey, req protocol.JoinRequest) (protocol.JoinAnswer, error) {
	e, err := protocol.DecodeEntry(req.Inception)
	if err != nil {
		return protocol.JoinAnswer{}, err
	}
	init := e.Header().Init
	if init == nil || init.Node != from {
		return protocol.JoinAnswer{}, protocol.Fail(protocol.ReasonMalformed, "join", errors.New("an inception of another node"))
	}
	if out := r.removalOf(init.Root); out != nil {
		if err := e.VerifyInception(r.cfg.Federation); err != nil {
			return protocol.JoinAnswer{}, err
		}
		return protocol.JoinAnswer{Removal: out}, &protocol.Error{Reason: protocol.ReasonNotMember, Op: "join"}
	}
	if len(req.Follow) > protocol.MaxFollow {
		return protocol.JoinAnswer{}, protocol.Fail(protocol.ReasonTooLarge, "join", nil)
	}
	page := protocol.Page{Entries: []protocol.Entry{e}, Bodies: [][]byte{nil}}
	for _, raw := range req.Follow {
		next, body, err := protocol.DecodeMessage(raw)
		if err != nil {
			return protocol.JoinAnswer{}, err
		}
		page.Entries, page.Bodies = append(page.Entries, next), append(page.Bodies, body)
	}
	n, err := r.Admit(ctx, page, ViaJoin)
	switch protocol.ReasonOf(err) {
	case protocol.ReasonNone:
		r.log.Info("a node joined", "node", from.Short(), "entries", n)
		r.present(page, init.Node)
	case protocol.ReasonKnown:
	case protocol.ReasonUnknownMember:
		return protocol.JoinAnswer{}, &protocol.Error{Reason: protocol.ReasonPendingApproval, Op: "join"}
	default:
		return protocol.JoinAnswer{}, err
	}
	if err := r.awaitHeard(ctx, e.ID()); err != nil {
		return protocol.JoinAnswer{}, err
	}
	if !r.takesPart(from) {
		return protocol.JoinAnswer{}, &protocol.Error{Reason: protocol.ReasonNotMember, Op: "join"}
	}
	answer := protocol.JoinAnswer{State: protocol.JoinWelcome, Founding: r.cfg.Papers, Peers: r.known(from)}
	if m, ok := r.State().ByRoot(init.Root); ok {
		answer.Member, answer.Designation = &m.Facts, m.Designation
	}
	return answer, nil
}

// awaitHeard waits until the charter knows of a feed that is on its way to the disk: another
// session may have brought it an instant before. An answer in between would turn away the
// node of a member.
func (r *Replica) awaitHeard(ctx context.Context, id protocol.FeedID) error {
	r.mu.Lock()
	var heard chan struct{}
	if f := r.feeds[id]; f != nil {
		heard = f.heard
	}
	r.mu.Unlock()
	if heard == nil {
		return nil
	}
	select {
	case <-heard:
		return nil
	case <-ctx.Done():
		return protocol.Fail(protocol.ReasonBusy, "join", ctx.Err())
	}
}

// knownBytes bounds the addresses in an answer: with the founding act they fit a frame,
// whatever members publish as addresses.
const knownBytes = 256 << 10

// known is where other nodes can be reached, for a node that comes in.
func (r *Replica) known(but protocol.PublicKey) []protocol.PeerAddress {
	var out []protocol.PeerAddress
	size := 0
	for _, n := range r.Others().Nodes() {
		if n.Key == but || len(n.Addresses) == 0 || len(out) == protocol.MaxFounders {
			continue
		}
		more := 64
		for _, a := range n.Addresses {
			more += len(a) + 4
		}
		if size+more > knownBytes {
			continue
		}
		size += more
		out = append(out, protocol.PeerAddress{Node: n.Key, Addresses: n.Addresses})
	}
	return out
}

// apply puts an application on the ledger, once, and tells how it stands.
func (r *Replica) apply(ctx context.Context, a protocol.Application) (protocol.JoinAnswer, error) {
	if err := a.Verify(r.cfg.Federation); err != nil {
		return protocol.JoinAnswer{}, err
	}
	// One after another: of two that ask at once with one invitation the second sees the
	// first one's application, and a trusted applicant the act that admitted the one before.
	r.applying.Lock()
	defer r.applying.Unlock()
	state := r.State()
	admitted := protocol.JoinAnswer{State: protocol.JoinAdmitted, Founding: r.cfg.Papers}
	if isMember(state, a.Member.Root) {
		return admitted, nil
	}
	if m, ok := state.ByRoot(a.Member.Root); ok && m.Status == charter.StatusRemoved {
		return protocol.JoinAnswer{}, &protocol.Error{Reason: protocol.ReasonNotMember, Op: "join"}
	}
	now := r.cfg.Now().Unix()
	inv, ok := state.Invitation(a.Invitation, now)
	if !ok {
		return protocol.JoinAnswer{}, &protocol.Error{Reason: protocol.ReasonInvitationInvalid, Op: "join"}
	}
	pending := protocol.JoinAnswer{State: protocol.JoinPending, Founding: r.cfg.Papers}
	for _, earlier := range state.Applications() {
		if earlier.Invitation == a.Invitation && earlier.Member.Root == a.Member.Root && earlier.Status == charter.ApplicationPending {
			return pending, nil
		}
	}
	switch inv.Status {
	case charter.InvitationUsed, charter.InvitationApplied:
		return protocol.JoinAnswer{}, &protocol.Error{Reason: protocol.ReasonInvitationUsed, Op: "join", Args: map[string]string{"handle": inv.UsedBy}}
	case charter.InvitationExpired:
		return protocol.JoinAnswer{}, &protocol.Error{Reason: protocol.ReasonInvitationExpired, Op: "join",
			Args: map[string]string{"expired": time.Unix(inv.Expires, 0).UTC().Format(time.DateOnly)}}
	}
	if _, taken := state.Member(a.Member.Handle); taken {
		return protocol.JoinAnswer{}, &protocol.Error{Reason: protocol.ReasonHandleTaken, Op: "join", Args: map[string]string{"handle": a.Member.Handle}}
	}
	if _, err := r.Publish(ctx, Draft{Kind: protocol.KindApplication, Content: &a}); err != nil {
		return protocol.JoinAnswer{}, err
	}
	r.log.Info("an application came", "handle", a.Member.Handle)
	// Only the inviter itself may decide on its own word.
	if self, _ := state.MemberOfNode(r.self); inv.Trust && inv.By == self && r.cfg.Trusted != nil {
		if err := r.cfg.Trusted(ctx, a); err != nil {
			r.log.Warn("the application of a trusted invitation waits for the electors", "handle", a.Member.Handle, "err", err)
		}
		if isMember(r.State(), a.Member.Root) {
			return admitted, nil
		}
	}
	return pending, nil
}

func isMember(state charter.State, root protocol.PublicKey) bool {
	m, ok := state.ByRoot(root)
	return ok && m.Status != charter.StatusRemoved && m.Facts.Root == root
}

// Present asks a node to take this node's feed in, and returns its answer. It is used
// when joining, and with every member that does not know this node yet.
func Present(ctx context.Context, s mesh.Stream, now func() time.Time, req protocol.JoinRequest) (protocol.JoinAnswer, error) {
	stop := context.AfterFunc(ctx, func() { _ = s.Reset() })
	defer stop()
	_ = s.SetDeadline(time.Now().Add(joinTime))
	req.Time = now().UnixMilli()
	var answer protocol.JoinAnswer
	if err := protocol.WriteFrame(s, &req); err != nil {
		return answer, err
	}
	if err := protocol.ReadFrame(bufio.NewReader(s), protocol.MaxFrameBytes, &answer); err != nil {
		return answer, protocol.Fail(protocol.ReasonUnreachable, "join", err)
	}
	_ = s.Close()
	if answer.State == protocol.JoinRefused {
		return answer, &protocol.Error{Reason: protocol.ParseReason(answer.Reason), Op: "join", Args: answer.Args}
	}
	return answer, nil
}

// introduce presents this node's feed to a member that may not know it yet; nil if the
// member took it in, ReasonPendingApproval while the electors have not decided.
func (r *Replica) introduce(ctx context.Context, n Network, node protocol.PublicKey) error {
	req, ok := r.presentation()
	if !ok {
		return protocol.Fail(protocol.ReasonNotFederated, "introduce", nil)
	}
	s, err := n.OpenJoin(ctx, node)
	if err != nil {
		return err
	}
	answer, err := Present(ctx, s, r.cfg.Now, req)
	r.turned(node, err)
	if answer.Removal != nil && protocol.ReasonOf(err) == protocol.ReasonNotMember {
		r.hearRemoval(ctx, node, *answer.Removal)
	}
	if err != nil {
		r.log.Debug("a member did not take this node in", "node", node.Short(), "err", err)
		_ = s.Reset()
		return err
	}
	if answer.State != protocol.JoinWelcome {
		return protocol.Fail(protocol.ReasonPendingApproval, "introduce", nil)
	}
	return nil
}

// turned notes whether a node answered that this one is no member's any more. It is a
// claim of that node, shown and not acted upon, unless it brings the act that says so
// (hearRemoval).
func (r *Replica) turned(node protocol.PublicKey, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch protocol.ReasonOf(err) {
	case protocol.ReasonNotMember, protocol.ReasonSetAside:
		if len(r.turnedAway) < protocol.MaxFounders {
			r.turnedAway[node] = true
		}
	case protocol.ReasonNone:
		r.takenIn(node)
	}
}

// takenIn notes that a node takes part with this one, whatever it said before: it answers a
// member's node alone. The caller holds mu.
func (r *Replica) takenIn(node protocol.PublicKey) {
	delete(r.turnedAway, node)
	if len(r.turnedAway) == 0 {
		r.removedBy = 0
	}
}

// presentation is this node's feed as a member takes it in: the inception and the
// first entries that follow it.
func (r *Replica) presentation() (protocol.JoinRequest, bool) {
	r.mu.Lock()
	own, inception := r.own, r.cfg.Inception
	r.mu.Unlock()
	req := protocol.JoinRequest{Federation: r.cfg.Federation}
	if own != nil {
		page, err := r.ledger.Page(own.id, 0, 1+protocol.MaxFollow, protocol.MaxPageBodyBytes)
		if err != nil || len(page.Entries) == 0 {
			return req, false
		}
		inception = page.Entries[0]
		for i, e := range page.Entries[1:] {
			if i == protocol.MaxFollow {
				break
			}
			if msg, err := protocol.EncodeMessage(e, page.Bodies[i+1]); err == nil {
				req.Follow = append(req.Follow, msg)
			}
		}
	}
	if inception.IsZero() {
		return req, false
	}
	req.Inception = inception.Bytes()
	return req, true
}
