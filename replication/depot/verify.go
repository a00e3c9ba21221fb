package depot

import (
	"context"

	"github.com/dure-net/dure/protocol"
)

// Problem is a file that is not what it was.
type Problem struct {
	ID     protocol.CID
	Chunks int // found wrong by this reading; 0: its manifest
	Err    error
}

// Read hashes every chunk of a whole file again. What is found wrong is missing from then
// on. nil: it is as it was, is not here, or was not whole before. It may take a second for
// the largest; others are served meanwhile.
func (d *Depot) Read(ctx context.Context, id protocol.CID) *Problem {
	if held, ok := d.Held(id); !ok || !held.Whole {
		return nil
	}
	m, _, err := d.Manifest(id)
	if err != nil {
		if protocol.ReasonOf(err) == protocol.ReasonNotFound {
			return nil
		}
		d.mu.Lock()
		if e := d.files[id]; e != nil && e.whole { // neither can be believed: chunks that are right stay when a manifest comes again
			if d.setApart(id) {
				e.whole, e.here = false, nil
			}
		}
		d.mu.Unlock()
		return &Problem{ID: id, Err: err}
	}
	p := &Problem{ID: id}
	for i := range m.Chunks {
		if ctx.Err() != nil {
			break
		}
		if _, err := d.Chunk(id, i); err != nil && protocol.ReasonOf(err) == protocol.ReasonDamaged {
			p.Chunks++
			p.Err = err
		}
	}
	if p.Err == nil {
		return nil
	}
	return p
}
