package node

import (
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/media"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// judge looks whether the files that a new body names lie here and are what it says, and
// warns of pictures that tell where they were taken. Files that the version before names
// are not asked for again: they may lie on another node of this member.
func (s *shelf) judge(files, before []record.Attachment) (warnings []api.Personal, err error) {
	had := map[protocol.CID]record.Attachment{}
	for _, f := range before {
		had[f.ID] = f
	}
	var faults record.Faults
	for i, f := range files {
		at := "attachments[" + strconv.Itoa(i) + "]."
		held, ok := s.depot.Held(f.ID)
		if old, same := had[f.ID]; same && old.MediaType == f.MediaType && old.Bytes == f.Bytes {
			continue
		}
		if !ok || !held.Whole {
			faults = append(faults, record.Fault{Field: at + "id", Code: record.FaultUnknownFile, Value: f.ID.String()})
			continue
		}
		m, _, err := s.depot.Manifest(f.ID)
		if err != nil {
			return nil, err
		}
		if m.Bytes != f.Bytes {
			faults = append(faults, record.Fault{Field: at + "bytes", Code: record.FaultDiffers, Value: fmt.Sprint(f.Bytes), Args: map[string]string{"is": fmt.Sprint(m.Bytes)}})
			continue
		}
		r := chunks{s, f.ID, int64(m.Bytes)}
		name := ""
		if f.MediaType == "text/csv" {
			name = "table.csv"
		}
		is, err := media.TypeOf(r, r.size, name)
		if err != nil {
			return nil, err
		}
		if is != f.MediaType {
			faults = append(faults, record.Fault{Field: at + "media_type", Code: record.FaultDiffers, Value: f.MediaType, Args: map[string]string{"is": is}})
			continue
		}
		warnings = append(warnings, position(r, m.Bytes, is, at+"id")...)
	}
	if len(faults) > 0 {
		return nil, &protocol.Error{Reason: protocol.ReasonInvalid, Op: "publish", Err: faults}
	}
	return warnings, nil
}

// chunks reads a file that is here, anywhere.
type chunks struct {
	s    *shelf
	id   protocol.CID
	size int64
}

// ReadAt implements io.ReaderAt.
func (c chunks) ReadAt(p []byte, at int64) (n int, err error) {
	if at < 0 {
		return 0, errors.New("a place before the beginning")
	}
	for n < len(p) {
		if at >= c.size {
			return n, io.EOF
		}
		chunk, err := c.s.depot.Chunk(c.id, int(at/protocol.ChunkBytes))
		if err != nil {
			return n, err
		}
		m := copy(p[n:], chunk[at%protocol.ChunkBytes:])
		n, at = n+m, at+int64(m)
	}
	return n, nil
}
