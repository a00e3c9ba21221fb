package replication

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
	"github.com/dure-net/dure/replication/ledger"
)

// bodies asks the node for bodies wanted here.
func (s *session) bodies() error {
	// Another part of the list each time, so that bodies nobody has do not keep others waiting.
	wanted := s.r.ledger.Wanted(16 * protocol.MaxAsk)
	if len(wanted) == 0 {
		return nil
	}
	if len(wanted) > protocol.MaxAsk {
		from := rand.IntN(len(wanted) - protocol.MaxAsk + 1)
		wanted = wanted[from : from+protocol.MaxAsk]
	}
	ask, asked := protocol.Ask{}, map[protocol.EntryID]bool{}
	for _, w := range wanted {
		if e, _, err := s.r.ledger.Find(w.Entry); err == nil && s.r.erasures.gone(e) {
			continue // until the next sweep forgets that it was wanted
		}
		ask.Bodies = append(ask.Bodies, w.Entry)
		asked[w.Entry] = true
	}
	if len(ask.Bodies) == 0 {
		return nil
	}
	_ = s.s.SetDeadline(time.Now().Add(idleTime))
	if err := protocol.WriteFrame(s.s, &ask); err != nil {
		return err
	}
	for {
		var sent protocol.Sent
		if err := s.read(&sent); err != nil {
			return err
		}
		if sent.End {
			return nil
		}
		if len(sent.Entries) != len(sent.Bodies) || len(sent.Entries) > protocol.MaxAsk {
			return protocol.Fail(protocol.ReasonMalformed, "read bodies", nil)
		}
		if len(sent.Entries) == 0 {
			return protocol.Fail(protocol.ReasonMalformed, "read bodies", errors.New("an empty answer"))
		}
		for i, id := range sent.Entries {
			if !asked[id] { // each once: an answer ends
				return protocol.Fail(protocol.ReasonMalformed, "read bodies", errors.New("a body that was not asked for"))
			}
			delete(asked, id)
			if err := s.r.fill(id, sent.Bodies[i]); err != nil {
				s.r.log.Debug("a body was not taken", "entry", id.Short(), "err", err)
				continue
			}
			s.got++
		}
	}
}

// fill stores a body that was wanted.
func (r *Replica) fill(id protocol.EntryID, body []byte) error {
	e, isBody, err := r.ledger.Find(id)
	if err != nil || isBody {
		return errors.Join(err, protocol.Fail(protocol.ReasonNotFound, "store body", nil))
	}
	if err := e.CheckBody(body); err != nil {
		r.counts.refuse(protocol.ReasonBadHash)
		return err
	}
	if r.erasures.gone(e) {
		return protocol.Fail(protocol.ReasonErased, "store body", nil)
	}
	commit := r.ledger.Submit(ledger.Batch{Bodies: []ledger.Body{{Entry: id, Data: body}}})
	if err := commit.Wait(context.Background()); err != nil { // see admitted.wait
		return err
	}
	r.erasures.hear(r.Feeds().MemberOf(e.Feed()), e, body)
	if e.Kind().IsGovernance() {
		r.govern([]charter.Block{{Entry: e, Body: body}})
	}
	return nil
}

// bodyOf is the body of the entry that id names.
func (r *Replica) bodyOf(id protocol.EntryID) ([]byte, error) {
	e, isBody, err := r.ledger.Find(id)
	if err != nil || isBody {
		return nil, errors.Join(err, protocol.Fail(protocol.ReasonNotFound, "read body", nil))
	}
	return r.ledger.Body(e)
}
