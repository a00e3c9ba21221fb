package node

import (
	"context"
	"errors"
	"io"
	"slices"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/media"
	"github.com/dure-net/dure/node/private"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
	"github.com/dure-net/dure/protocol/sealed"
)

// enclosure is a file that was brought to go with a letter, and that no letter names yet.
// Its key is nowhere else: without this line nobody opens the file again.
type enclosure struct {
	file sealed.File
	name string
}

// maxEnclosed bounds the files that wait for their letters, a few hundred bytes each. Beyond:
// the oldest is forgotten, and has to be brought again.
const maxEnclosed = 256

// Enclose implements api.Correspondent. The file is encrypted while it is read: no byte of
// it comes to the disk.
func (n *Node) Enclose(ctx context.Context, name string, r io.Reader) (api.Upload, error) {
	account := api.Account(ctx)
	done, err := n.shelf.begin(account)
	if err != nil {
		return api.Upload{}, err
	}
	defer done()
	var one enclosure
	one.name = name
	if _, err := io.ReadFull(random(n.opts.Random), one.file.Key[:]); err != nil {
		return api.Upload{}, protocol.Fail(protocol.ReasonInternal, "enclose file", err)
	}
	sealer := sealed.SealFile(r, one.file.Key)
	staged, err := n.shelf.depot.Stage(ctx, sealer)
	if err != nil {
		return api.Upload{}, err
	}
	one.file.ID, one.file.Bytes = staged.ID(), sealer.Bytes()
	plain := &opened{file: one.file, from: staged, at: -1}
	if one.file.Type, err = media.TypeOf(plain, int64(one.file.Bytes), name); err != nil {
		staged.Discard()
		return api.Upload{}, err
	}
	out := api.Upload{ID: one.file.ID.String(), Bytes: one.file.Bytes, Name: name, MediaType: one.file.Type, Private: true}
	out.Warnings = position(plain, out.Bytes, out.MediaType, name)
	n.shelf.brought(account, one.file.ID)
	if err := staged.Keep(true); err != nil {
		return api.Upload{}, err
	}
	n.shelf.enclose(one)
	return out, nil
}

// opened reads an encrypted file that lies here, anywhere.
type opened struct {
	file sealed.File
	from io.ReaderAt

	at   int // the segment in have; -1: none
	have []byte
}

// ReadAt implements io.ReaderAt. It is for one goroutine.
func (o *opened) ReadAt(p []byte, at int64) (n int, err error) {
	if at < 0 {
		return 0, errors.New("a place before the beginning")
	}
	for n < len(p) {
		if at >= int64(o.file.Bytes) {
			return n, io.EOF
		}
		if i := int(at / sealed.SegmentBytes); i != o.at {
			raw := make([]byte, protocol.ChunkBytes)
			if _, err := o.from.ReadAt(raw, int64(i)*protocol.ChunkBytes); err != nil && !errors.Is(err, io.EOF) {
				return n, err
			}
			if o.have, err = o.file.Segment(i, raw); err != nil {
				return n, err
			}
			o.at = i
		}
		m := copy(p[n:], o.have[at%sealed.SegmentBytes:])
		n, at = n+m, at+int64(m)
	}
	return n, nil
}

func (s *shelf) enclose(one enclosure) {
	s.enclosing.Lock()
	defer s.enclosing.Unlock()
	if s.enclosed = append(s.enclosed, one); len(s.enclosed) > maxEnclosed {
		s.enclosed = slices.Delete(s.enclosed, 0, 1)
	}
}

// enclosure finds a file that waits for a letter. Field names the place in the draft that
// asks for it.
func (s *shelf) enclosure(id, field string) (enclosure, error) {
	s.enclosing.Lock()
	defer s.enclosing.Unlock()
	i := slices.IndexFunc(s.enclosed, func(e enclosure) bool { return e.file.ID.String() == id })
	if i >= 0 {
		if held, ok := s.depot.Held(s.enclosed[i].file.ID); ok && held.Whole {
			return s.enclosed[i], nil
		}
	}
	return enclosure{}, &protocol.Error{Reason: protocol.ReasonInvalid, Op: "send message",
		Err: record.Faults{{Field: field, Code: record.FaultUnknownFile, Value: id}}}
}

// sent notes that a letter names files. Their keys stand in it from now on.
func (s *shelf) sent(e protocol.Entry, l *sealed.Letter) {
	s.enclosing.Lock()
	s.enclosed = slices.DeleteFunc(s.enclosed, func(one enclosure) bool {
		return slices.ContainsFunc(l.Documents, func(d sealed.Document) bool { return d.File != nil && d.File.ID == one.file.ID })
	})
	s.enclosing.Unlock()
	for _, d := range l.Files() {
		if err := s.depot.Note(d.File.ID, e.ID()); err != nil {
			s.n.log.Warn("it was not noted that a message names a file; it is found again", "file", d.File.ID.Short(), "err", err)
		}
	}
}

// stockLetters fetches the files of one member's letters, or of all that this node reads.
func (s *shelf) stockLetters(ctx context.Context, member string) (failed error) {
	q := private.Query{Limit: private.MaxPage}
	for {
		page, err := s.n.letters.List(ctx, q)
		if err != nil {
			return err
		}
		for _, l := range page.Letters {
			if (member == "" || member == l.From) && len(l.Files()) > 0 {
				failed = errors.Join(failed, s.stockEntry(ctx, l.Feed, l.FeedSeq, l.From))
			}
		}
		if q.Before = page.Next; page.Next == 0 {
			return failed
		}
	}
}
