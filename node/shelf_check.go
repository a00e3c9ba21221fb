package node

import (
	"context"
	"fmt"
	"time"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/replication"
	"github.com/dure-net/dure/replication/depot"
)

// checked is what a reading of the files found.
type checked struct {
	files, bytes uint64
	damage       []api.Damage
	damaged      uint64
	repaired     uint64
}

// check hashes every file that is whole again, and has what is damaged brought by other
// nodes before it answers.
func (s *shelf) check(ctx context.Context, step string, progress func(api.Progress)) (out checked, err error) {
	list := s.depot.List()
	var found []*depot.Problem
	for i, h := range list {
		if err := ctx.Err(); err != nil {
			return out, protocol.Fail(protocol.ReasonCanceled, "read files", err)
		}
		if !h.Whole {
			continue
		}
		out.files++
		out.bytes += h.Bytes
		if p := s.depot.Read(ctx, h.ID); p != nil {
			found = append(found, p)
		}
		if progress != nil {
			progress(api.Progress{Step: step, Done: uint64(i + 1), Total: uint64(len(list)), Unit: "files"})
		}
	}
	for _, p := range found {
		one := api.Damage{ID: p.ID.String(), Code: protocol.ReasonDamaged.String(), Detail: fmt.Sprintf("file, %d of its chunks", p.Chunks)}
		if p.Chunks == 0 {
			one.Detail = "file, its manifest"
		}
		out.damaged++
		one.Member, one.Repaired = s.mend(ctx, p.ID)
		if one.Repaired {
			out.repaired++
		}
		if len(out.damage) < maxDamage {
			out.damage = append(out.damage, one)
		}
	}
	return out, nil
}

// mend has a damaged file brought again by whoever has it, and tells whose it is.
func (s *shelf) mend(ctx context.Context, id protocol.CID) (member string, mended bool) {
	ctx, cancel := context.WithTimeout(ctx, mendTime)
	defer cancel()
	for _, by := range s.depot.Notes(id) {
		f, ok := s.namedIn(by, id)
		if !ok {
			continue
		}
		if e, _, err := s.n.ledger.Find(by); err == nil {
			member = s.n.replica.Feeds().MemberOf(e.Feed())
		}
		if s.n.mesh.Load() == nil {
			return member, false
		}
		err := s.bring(ctx, replication.WantedFile{Entry: by, File: id, Bytes: f.Bytes}, member)
		if err != nil {
			s.n.log.Warn("a damaged file was not brought again yet", "file", id.Short(), "err", err)
		}
		return member, err == nil
	}
	return member, false
}

// checkSlowly reads the files again and again, one at a time, so that a pass takes about
// as long as one of the scrub through the ledger.
func (s *shelf) checkSlowly(ctx context.Context) error {
	const period = ScrubDays * 24 * time.Hour
	for {
		list := s.depot.List()
		pause := min(max(period/time.Duration(len(list)+1), time.Second), time.Hour)
		if len(list) == 0 {
			pause = scrubEmpty
		}
		for i := 0; ; i++ {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(pause):
			}
			if i >= len(list) {
				break
			}
			if p := s.depot.Read(ctx, list[i].ID); p != nil {
				s.n.log.Warn("a file is damaged on this disk; other nodes are asked for it", "file", p.ID.Short(), "chunks", p.Chunks, "err", p.Err)
				s.mend(ctx, p.ID)
			}
		}
	}
}

// status tells what lies here.
func (s *shelf) status() api.Files {
	out := api.Files{Keep: string(s.keep.Which), Budget: s.keep.Budget, Fetching: uint64(len(s.n.replica.Files().Fetching()))}
	for _, h := range s.depot.List() {
		out.Files++
		out.Bytes += h.Bytes
		if !s.own(h) {
			out.Others += h.Bytes
		}
		if !h.Whole {
			out.Parts++
		}
	}
	return out
}
