package replication

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
)

// certifyAfter is how long a node that did not give the deciding answer waits before
// it publishes a certificate itself: the one whose answer decided does it at once, and
// anybody may.
const certifyAfter = 3 * time.Second

// certifySpread parts the nodes that wait: the first one's certificate spares the others'.
const certifySpread = 5 * time.Second

// tend does what the charter leaves to any node: it opens this node's feed once its
// member is admitted, publishes certificates and closings that are due, and carries
// governance bodies whose carriers do not stand any more. It ends with ctx.
func (r *Replica) tend(ctx context.Context) error {
	timer, act := time.NewTimer(0), time.NewTimer(certifyAfter)
	defer timer.Stop()
	defer act.Stop()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	acting := true // act will fire
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-r.tended:
			if !acting {
				acting = true
				act.Reset(certifyAfter + rand.N(certifySpread))
			}
		case <-act.C:
			acting = false
			r.actFor(ctx)
		case <-timer.C:
		case <-look.C:
			r.roomGone()
			if c, _ := r.Condition(); c != ReadOnly {
				continue
			}
		}
		if err := r.Begin(ctx); err != nil && ctx.Err() == nil {
			r.log.Error("this node's own entries could not be begun", "err", err)
			timer.Reset(certifyAfter)
		}
		if err := r.designate(ctx); err != nil && ctx.Err() == nil {
			r.log.Error("this node could not be designated; it is tried again", "err", err)
			timer.Reset(certifyAfter)
		}
		if r.awaitsDesignation() {
			timer.Reset(certifyAfter)
		}
		r.metOthers(ctx)
		if err := r.takeTurns(); err != nil && ctx.Err() == nil {
			r.log.Error("a branch that was chosen could not be put in its place; it is tried again", "err", err)
			timer.Reset(certifyAfter)
		}
		if err := r.recover(ctx); err != nil && ctx.Err() == nil {
			r.log.Error("recovering did not succeed; it is tried again", "err", err)
			timer.Reset(certifyAfter)
		}
		if err := r.tellProofs(ctx); err != nil && ctx.Err() == nil {
			r.log.Warn("the proof of a fork could not be published; it is tried again", "err", err)
			timer.Reset(certifyAfter)
		}
		if err := r.erasures.repeat(ctx); err != nil && ctx.Err() == nil {
			r.log.Error("erasures could not be said again; it is tried again", "err", err)
			timer.Reset(certifyAfter)
		}
		switch condition, _ := r.Condition(); condition {
		case Recovering:
			timer.Reset(recoverAgain)
		case ReadOnly:
			r.roomAgain()
			timer.Reset(certifyAfter)
		}
	}
}

// nudge has tend look again.
func (r *Replica) nudge() {
	select {
	case r.tended <- struct{}{}:
	default:
	}
}

// actFor does what any node may do for the federation.
func (r *Replica) actFor(ctx context.Context) {
	if err := r.carry(ctx); err != nil && ctx.Err() == nil {
		r.log.Debug("a decision was not carried on", "err", err)
	}
	if err := r.certify(ctx, nil); err != nil && ctx.Err() == nil {
		r.log.Debug("a certificate was not published", "err", err)
	}
	r.keepTrust(ctx)
}

// keepTrust decides pending applications under invitations by which this member decides
// alone, where that did not happen when they came: the node had ended between putting an
// application on the ledger and deciding it. The governing node does it, and no other of
// its member, so that nothing is tabled twice.
func (r *Replica) keepTrust(ctx context.Context) {
	if r.cfg.Trusted == nil || !r.applying.TryLock() {
		return // one is being decided
	}
	defer r.applying.Unlock()
	state := r.State()
	self, ok := state.MemberOfNode(r.self)
	governs, designated := state.Designation(self)
	if !ok || !designated || governs.Node != r.self || r.answerable() != nil {
		return
	}
	for _, a := range state.Applications() {
		inv, ok := state.Invitation(a.Invitation, r.cfg.Now().Unix())
		if !ok || a.Status != charter.ApplicationPending || !inv.Trust || inv.By != self || inv.Handle != a.Member.Handle {
			continue
		}
		var err error
		if t, tabled := admitting(state, a.Invitation); !tabled {
			err = r.cfg.Trusted(ctx, a.Application)
		} else if slices.Contains(t.Unheard, self) {
			err = r.Acts().Answer(ctx, t.Place, t.ID)
		}
		if err != nil && ctx.Err() == nil {
			r.log.Debug("the application of a trusted invitation waits for the electors", "handle", a.Member.Handle, "err", err)
		}
	}
}

// admitting is the open decision that admits the applicant of an invitation.
func admitting(state charter.State, invitation protocol.PublicKey) (charter.Tabled, bool) {
	for _, t := range state.Open() {
		for _, c := range t.Decision.Changes {
			if c.What == charter.ChangeAdmit && c.Invitation == invitation {
				return t, true
			}
		}
	}
	return charter.Tabled{}, false
}

// Table publishes a decision and returns its id.
func (of Acts) Table(ctx context.Context, d charter.Decision) (protocol.ActID, error) {
	r := of.replica
	p, err := r.Publish(ctx, Draft{Kind: protocol.KindDecision, Content: &d})
	if err != nil {
		return protocol.ActID{}, err
	}
	return p.Entry.Header().Body, nil
}

// Answer signs and publishes this node's answer to the place of a decision: the
// decision, or none of these. ReasonNotGoverning where this node is not its member's
// governing one, ReasonNotElector where the member does not decide, ReasonTooNew where
// an act has switched on what this program does not know: it may judge the place
// otherwise than the others do. If the answer makes an act, the certificate is published
// before Answer returns.
func (of Acts) Answer(ctx context.Context, place charter.Place, decision protocol.ActID) error {
	r := of.replica
	// Answers are signed one after another, each on a state that includes the one before:
	// an elector never answers one place twice.
	r.answering.Lock()
	defer r.answering.Unlock()
	if lacks := r.State().Lacks(protocol.Features()); len(lacks) > 0 {
		return &protocol.Error{Reason: protocol.ReasonTooNew, Op: "answer", Args: map[string]string{"features": strings.Join(lacks, ", ")}}
	}
	if err := r.answerable(); err != nil {
		return err
	}
	a, err := charter.SignAnswer(r.State(), place, decision, r.cfg.Key, r.cfg.Now().UTC().Format(time.DateOnly))
	if err != nil {
		return err
	}
	if _, err := r.Publish(ctx, Draft{Kind: protocol.KindAnswer, Content: &a}); err != nil {
		return err
	}
	return r.certify(ctx, &place)
}

// answerable says why this node may not answer decisions now, if it may not: one that
// has forgotten what it answered could answer one place twice.
func (r *Replica) answerable() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.writable(); err != nil {
		return err
	}
	if v := r.view(); r.unheard && (v.others > 0 || v.strangers) {
		return &protocol.Error{Reason: protocol.ReasonRecovering, Op: "answer"}
	}
	return nil
}

// certify publishes the certificates and closings that the answers held allow: those
// of one place, or of all.
func (r *Replica) certify(ctx context.Context, only *charter.Place) error {
	for range protocol.MaxElectors { // each pass makes at least one act or round, and there are not more
		state := r.State()
		due := false
		var errs []error
		for _, t := range state.Open() {
			if only != nil && (t.Place.Number != only.Number || t.Place.By != only.By) {
				continue
			}
			if t.Enough() {
				c, ok := charter.Certify(state, t.ID)
				if !ok {
					continue
				}
				if _, err := r.Publish(ctx, Draft{Kind: protocol.KindCertificate, Content: &c}); err != nil {
					errs = append(errs, err)
					continue
				}
				due = true
				break
			}
			if c, ok := charter.CloseRound(state, t.Place); ok {
				if _, err := r.Publish(ctx, Draft{Kind: protocol.KindRound, Content: &c}); err != nil {
					errs = append(errs, err)
					continue
				}
				due = true
				break
			}
		}
		if !due {
			return errors.Join(errs...)
		}
	}
	return nil
}

// carry publishes again the governance bodies that stand only in feeds that do not
// stand any more, if this node holds them.
func (r *Replica) carry(ctx context.Context) error {
	r.mu.Lock()
	uncarried := r.folder.Uncarried()
	r.mu.Unlock()
	for _, c := range uncarried {
		body, err := r.ledger.Block(c.Body)
		if err != nil {
			continue
		}
		if _, err := r.publish(ctx, Draft{Kind: c.Kind}, body); err != nil {
			return err
		}
	}
	return nil
}
