package node

import "github.com/dure-net/dure/replication/ledger"

// carried are the files that a backup takes along: those of this member's records, and
// those that a person has put here. Nobody else may have them; what others published is
// fetched again.
func (s *shelf) carried() (out []ledger.File) {
	for _, h := range s.depot.List() {
		if !h.Whole || !s.own(h) {
			continue
		}
		_, raw, err := s.depot.Manifest(h.ID)
		if err != nil {
			s.n.log.Warn("a file cannot be read and is not in the backup", "file", h.ID.Short(), "err", err)
			continue
		}
		out = append(out, ledger.File{ID: h.ID, Manifest: raw, Names: s.depot.Notes(h.ID),
			Chunk: func(i int) ([]byte, error) { return s.depot.Chunk(h.ID, i) }})
	}
	return out
}
