package node

import (
	"context"
	"time"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/replication/ledger"
)

// ScrubDays is in how many days a running node reads its whole ledger, and the files of
// records, again to find damage: what is found later may not be on any other node's disk
// any more either.
const ScrubDays = 7

const (
	// maxDamage bounds the damage that a report lists; it counts all.
	maxDamage = 100

	// mendTime is how long an answer about damage waits for other nodes to bring it again,
	// mendIdle how long after the last thing that came.
	mendTime = 30 * time.Second
	mendIdle = 6 * time.Second
	mendLook = 200 * time.Millisecond

	// scrubSaved is how often the place of a scrub at full speed is written down.
	scrubSaved = 2 * time.Second

	// scrubAtMost is how long the background scrub sleeps at once, so that a clock that is
	// set or a ledger that grows is noticed.
	scrubAtMost = 10 * time.Minute
)

// scrubSlowly walks the ledger again and again, a run at a time, so that a pass takes
// about ScrubDays. What it finds damaged is asked of other nodes.
func (n *Node) scrubSlowly(ctx context.Context) error {
	s, took := n.ledger.Scrub(), time.Duration(0)
	const period = ScrubDays * 24 * time.Hour
	for {
		pause := min(max(s.Due(period, took).Sub(n.opts.Now()), scrubPause), scrubAtMost)
		if n.ledger.Stats().Entries == 0 {
			pause = scrubEmpty
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
		if s.Due(period, took).Sub(n.opts.Now()) > scrubAtMost || n.ledger.Stats().Entries == 0 {
			continue // not yet, or nothing to read: an empty pass would stand for a whole one
		}
		begun := time.Now()
		_, found, ended, err := s.Next(ctx)
		if err != nil {
			if ctx.Err() == nil {
				n.log.Warn("the scrub cannot read on; it is tried again", "err", err)
			}
			took = time.Minute // what cannot be read now is not hammered
			continue
		}
		took = time.Since(begun)
		if len(found) > 0 {
			n.log.Warn("the scrub found damage; other nodes are asked for it", "problems", len(found), "first", found[0].ID)
			n.replica.Custody().Mend()
		}
		if err := s.Save(); err != nil {
			n.log.Debug("the place of the scrub was not saved", "err", err)
		}
		if ended {
			_, last := s.Passes()
			n.log.Info("the whole ledger was read again", "entries", last.Entries, "bodies", last.Bodies, "damaged", last.Damaged)
		}
	}
}

// scrubEmpty is how often an empty ledger is looked at again.
const scrubEmpty = time.Minute

// scrubPause is the shortest pause between two steps in the background.
const scrubPause = 100 * time.Millisecond

// Scrub implements api.Keeper.
func (n *Node) Scrub(ctx context.Context, again bool, progress func(api.Progress)) (api.ScrubReport, error) {
	s := n.ledger.Scrub()
	if again {
		s.Restart()
	}
	save := func() {
		if err := s.Save(); err != nil {
			n.log.Debug("the place of the scrub was not saved", "err", err)
		}
	}
	defer save() // also when it was interrupted: the next one goes on from there
	saved := time.Now()
	_, before := s.Passes()
	for {
		_, found, ended, err := s.Next(ctx)
		if err != nil {
			return api.ScrubReport{}, err
		}
		if _, last := s.Passes(); last.Ended != before.Ended {
			ended = true // also where the background took the last step
		}
		if len(found) > 0 {
			n.replica.Custody().Mend()
		}
		if ended {
			break
		}
		if time.Since(saved) > scrubSaved {
			save()
			saved = time.Now()
		}
		if now, _ := s.Passes(); progress != nil {
			progress(api.Progress{Step: "scrub", Done: now.Entries, Total: max(n.ledger.Stats().Entries, now.Entries), Unit: "entries"})
		}
	}
	_, last := s.Passes()
	out := api.ScrubReport{OK: last.Damaged == 0, Begun: last.Begun.UTC(), Ended: last.Ended.UTC(), Entries: last.Entries, Bodies: last.Bodies,
		Bytes: last.Bytes, Damaged: last.Damaged}
	out.Damage, out.Repaired = n.mend(ctx, last.Problems, progress)
	files, err := n.shelf.check(ctx, "scrub", progress)
	if err != nil {
		return api.ScrubReport{}, err
	}
	out.OK, out.Files, out.FileBytes = out.OK && files.damaged == 0, files.files, files.bytes
	out.Damage = append(out.Damage, files.damage...)
	out.Damaged, out.Repaired = out.Damaged+files.damaged, out.Repaired+files.repaired
	out.Wanted = uint64(n.ledger.Stats().Wanted)
	return out, nil
}

// mend lists what was found damaged. A running node asks the others for it first, and
// waits while something comes.
func (n *Node) mend(ctx context.Context, problems []ledger.Problem, progress func(api.Progress)) (list []api.Damage, repaired uint64) {
	mended := make([]bool, len(problems))
	look := func() (left, total, done int) {
		for i, p := range problems {
			if !p.Feed.Defined() {
				continue
			}
			total++
			mended[i] = mended[i] || n.ledger.Mended(p)
			if mended[i] {
				done++
			}
		}
		return total - done, total, done
	}
	left, total, done := look()
	for end, idle := time.Now().Add(mendTime), time.Now().Add(mendIdle); left > 0 && n.mesh.Load() != nil && len(n.replica.Others().Nodes()) > 0; {
		n.replica.Custody().Mend()
		select {
		case <-ctx.Done():
		case <-time.After(mendLook):
		}
		before := done
		if left, total, done = look(); done > before {
			idle = time.Now().Add(mendIdle)
		}
		if progress != nil {
			progress(api.Progress{Step: "repair", Done: uint64(done), Total: uint64(total), Unit: "entries"})
		}
		if now := time.Now(); ctx.Err() != nil || now.After(end) || now.After(idle) {
			break
		}
	}
	for i, p := range problems {
		if mended[i] {
			repaired++
		}
		if len(list) < maxDamage {
			list = append(list, api.Damage{ID: p.ID, Code: p.Reason.String(), Member: n.replica.Feeds().MemberOf(p.Feed), Detail: p.Detail, Repaired: mended[i]})
		}
	}
	return list, repaired
}

// custody fills in what is known of damage on this disk, and of recovering from it.
func (n *Node) custody(out *api.Status) {
	runs, bodies := n.ledger.Broken()
	out.Ledger.Damaged = uint64(runs + bodies)
	now, last := n.ledger.Scrub().Passes()
	if !now.Begun.IsZero() {
		begun := now.Begun.UTC()
		out.Scrub.Begun, out.Scrub.Checked, out.Scrub.Found = &begun, now.Entries, now.Damaged
	}
	if !last.Ended.IsZero() {
		ended := last.Ended.UTC()
		out.Scrub.LastEnded, out.Scrub.LastFound = &ended, last.Damaged
	}
	if r, ok := n.replica.Custody().Recovery(); ok {
		out.Recovery = &api.Recovery{Others: r.Others, Seen: r.Seen, CaughtUp: r.CaughtUp, Needed: r.Needed, Fetching: r.Fetching}
	}
	out.Backups = n.backups()
	out.Node.Since = n.replica.Custody().Since().UTC()
	out.Scrub.Total = max(n.ledger.Stats().Entries, now.Entries)
}
