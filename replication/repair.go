package replication

import (
	"context"
	"slices"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/replication/ledger"
)

// repairs bounds the damaged ranges that one exchange asks for; the next ones follow.
const repairs = 16

// Mend asks every linked node for what is damaged or wanted here, now and not only when
// the timer comes to it. It does not wait; it returns how many it asks.
func (of Custody) Mend() (asked int) {
	r := of.replica
	r.mu.Lock()
	var linked []protocol.PublicKey
	for node, p := range r.peers {
		if p.linked {
			linked = append(linked, node)
		}
	}
	r.mu.Unlock()
	for _, node := range linked {
		r.wakeFor(node)
	}
	return len(linked)
}

// repair fetches headers that were found damaged on this disk.
func (s *session) repair(ctx context.Context) error {
	damaged := s.r.ledger.Damaged()
	for _, d := range damaged[:min(len(damaged), repairs)] {
		ask := protocol.RunAsk{Feed: d.Feed.Digest(), From: d.From, Max: d.Count}
		pages, err := s.pages(d.Feed, ask)
		if err != nil {
			return err
		}
		s.mend(ctx, d, pages)
	}
	return nil
}

// mend puts headers back where they were. This goes past the one door, so it is only
// for places that are held: there the ledger takes nothing but what hashes to what was
// stored before. Beyond the range a page could bring entries that nobody signed.
func (s *session) mend(ctx context.Context, d ledger.Range, pages []protocol.Page) {
	for _, page := range pages {
		outside := func(e protocol.Entry) bool { return e.Seq() < d.From || e.Seq() >= d.From+d.Count }
		if len(page.Entries) == 0 || slices.ContainsFunc(page.Entries, outside) {
			continue
		}
		if err := s.r.ledger.Put(ctx, ledger.Batch{Pages: []protocol.Page{page}}); err != nil {
			s.r.log.Debug("a damaged range was not repaired from this node", "feed", d.Feed.Short(), "seq", d.From, "err", err)
		}
	}
	// What is still damaged brings no further exchange, or it would bring one for ever.
	if !slices.Contains(s.r.ledger.Damaged(), d) {
		s.got += int(d.Count)
		s.r.log.Info("damaged entries were fetched again", "feed", d.Feed.Short(), "seq", d.From, "entries", d.Count)
	}
}

// pages asks for one bounded run and reads its answer; pages of other feeds are dropped.
func (s *session) pages(feed protocol.FeedID, ask protocol.RunAsk) ([]protocol.Page, error) {
	if err := s.write(&protocol.Ask{Runs: []protocol.RunAsk{ask}}); err != nil {
		return nil, err
	}
	var out []protocol.Page
	for held := uint64(0); ; {
		var sent protocol.Sent
		if err := s.read(&sent); err != nil {
			return nil, err
		}
		if sent.End {
			return out, nil
		}
		page, err := decodePage(sent)
		if err != nil {
			return nil, err
		}
		if held += uint64(len(page.Entries)); held > ask.Max+2*protocol.MaxPage {
			return nil, protocol.Fail(protocol.ReasonTooLarge, "read pages", nil)
		}
		if page.Feed() == feed {
			out = append(out, page)
		}
	}
}
