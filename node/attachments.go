package node

import (
	"cmp"
	"context"
	"errors"
	"io"
	"strings"
	"time"
	"unicode"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/media"
	"github.com/dure-net/dure/node/private"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
	"github.com/dure-net/dure/protocol/sealed"
	"github.com/dure-net/dure/replication"
)

const (
	// beginTime is how long opening a file waits for its first bytes from another node.
	beginTime = 20 * time.Second

	// bringAtMost is how often one reader has a file brought that turns out damaged again.
	bringAtMost = 3

	// chunkLook is how often a reader looks whether the next bytes have come.
	chunkLook = 50 * time.Millisecond
)

// Upload implements api.Filer.
func (n *Node) Upload(ctx context.Context, name string, r io.Reader) (api.Upload, error) {
	account := api.Account(ctx)
	done, err := n.shelf.begin(account)
	if err != nil {
		return api.Upload{}, err
	}
	defer done()
	staged, err := n.shelf.depot.Stage(ctx, r)
	if err != nil {
		return api.Upload{}, err
	}
	out := api.Upload{ID: staged.ID().String(), Bytes: staged.Bytes(), Name: name}
	if out.MediaType, err = media.TypeOf(staged, int64(out.Bytes), name); err != nil {
		staged.Discard()
		return api.Upload{}, err
	}
	out.Warnings = position(staged, out.Bytes, out.MediaType, name)
	n.shelf.brought(account, staged.ID())
	return out, staged.Keep(true)
}

// position warns of where a picture was taken.
func position(r io.ReaderAt, bytes uint64, mediaType, field string) []api.Personal {
	if where, ok := media.Position(r, int64(bytes), mediaType); ok {
		return []api.Personal{{Field: field, Code: string(record.PersonalPosition), Found: where}}
	}
	return nil
}

// named are the files that an entry names.
type named struct {
	entry  protocol.Entry
	member string // its owner's handle
	lang   string
	files  []record.Attachment
	sealed []sealed.File // of a letter, with the keys: as many as files, or none
}

// namedBy reads the files of a record's current version, of a letter, or of the entry that
// ref is.
func (n *Node) namedBy(ref string) (named, error) {
	var e protocol.Entry
	row, err := n.index.Lookup(ref)
	if isSealed := err == nil && row.Kind == protocol.KindSealed; isSealed || protocol.ReasonOf(err) == protocol.ReasonNotFound {
		l, lerr := n.letters.Lookup(ref)
		switch {
		case lerr == nil:
			return n.namedByLetter(l)
		case isSealed: // for others, or erased
			return named{}, lerr
		}
	}
	if err == nil {
		e, err = n.ledger.Entry(row.Current.Feed, row.Current.FeedSeq)
	} else if id, perr := protocol.ParseCID(ref); perr == nil && protocol.ReasonOf(err) == protocol.ReasonNotFound {
		var isBody bool
		if e, isBody, err = n.ledger.Find(id); err == nil && (isBody || !n.shelf.kinds[e.Kind()]) {
			err = &protocol.Error{Reason: protocol.ReasonNotFound, Op: "list files", ID: ref}
		}
	}
	if err != nil {
		return named{}, err
	}
	out := named{entry: e, member: n.replica.Feeds().MemberOf(e.Feed())}
	if !n.shelf.kinds[e.Kind()] {
		return out, nil
	}
	if row.Record.Defined() && row.Erased {
		return out, n.erasedError("list files", row)
	}
	body, err := n.ledger.Body(e)
	if err != nil {
		return out, err
	}
	rec, err := record.FromBody(e.Kind(), body)
	if err != nil {
		return out, nil // it says nothing here
	}
	if content, err := protocol.BodyContent(body); err == nil {
		out.lang, _ = content["lang"].(string)
	}
	out.files = record.FilesOf(rec)
	return out, nil
}

// namedByLetter reads the files of a letter. What it is called and what it is, the letter
// alone says.
func (n *Node) namedByLetter(l private.Letter) (named, error) {
	if l.State == private.StateErased {
		return named{}, &protocol.Error{Reason: protocol.ReasonErased, Op: "list files", ID: l.Record.String(), Args: map[string]string{"number": cmp.Or(l.Number, l.Record.String())}}
	}
	e, err := n.ledger.Entry(l.Feed, l.FeedSeq)
	out := named{entry: e, member: l.From, lang: cmp.Or(l.Lang, n.phrases.Match(n.conf.Lang))}
	for _, d := range l.Files() {
		out.files = append(out.files, record.Attachment{ID: d.File.ID, MediaType: d.File.Type, Bytes: d.File.Bytes, Title: record.Text{out.lang: d.Title}})
		out.sealed = append(out.sealed, *d.File)
	}
	return out, err
}

// Attachments implements api.Filer.
func (n *Node) Attachments(_ context.Context, ref string) ([]api.Attachment, error) {
	by, err := n.namedBy(ref)
	if err != nil {
		return nil, err
	}
	out := make([]api.Attachment, 0, len(by.files))
	for i := range by.files {
		out = append(out, n.attachment(by, i))
	}
	return out, nil
}

func (n *Node) attachment(by named, i int) api.Attachment {
	f := by.files[i]
	out := api.Attachment{Number: i + 1, ID: f.ID.String(), MediaType: f.MediaType, Bytes: f.Bytes, Title: f.Title, Name: fileName(f, by.lang),
		Picture: media.IsPicture(f.MediaType), State: api.AttachmentAbsent, Entry: by.entry.ID().String(), Private: by.sealed != nil}
	if held, ok := n.shelf.depot.Held(f.ID); ok {
		if out.State, out.Here = api.AttachmentPart, min(held.Bytes, f.Bytes); held.Whole {
			out.State, out.Here = api.AttachmentHere, f.Bytes
		}
	}
	return out
}

// maxFileName bounds the characters of a file's name: file systems take 255 bytes.
const maxFileName = 80

// fileName is what a file is called when it is saved: its title without what file systems
// do not take, and the ending of its type.
func fileName(f record.Attachment, lang string) string {
	title := f.Title[lang]
	if title == "" {
		for _, tag := range f.Title.Languages() {
			title = f.Title[tag]
			break
		}
	}
	extension := media.Extension(f.MediaType)
	if i := len(title) - len(extension); i > 0 && strings.EqualFold(title[i:], extension) {
		title = title[:i]
	}
	title = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Cf) || strings.ContainsRune(`/\:*?"<>|`, r) {
			return '_'
		}
		return r
	}, title)
	title = strings.Trim(title, " .")
	if runes := []rune(title); len(runes) > maxFileName {
		title = string(runes[:maxFileName])
	}
	if title == "" {
		title = "file"
	}
	return title + extension
}

// Attachment implements api.Filer.
func (n *Node) Attachment(ctx context.Context, ref string, number int) (*api.File, error) {
	by, err := n.namedBy(ref)
	if err != nil {
		return nil, err
	}
	if number < 1 || number > len(by.files) {
		return nil, &protocol.Error{Reason: protocol.ReasonNotFound, Op: "open file", ID: ref}
	}
	f := by.files[number-1]
	r := &fileReader{n: n, ctx: ctx, member: by.member, want: replication.WantedFile{Entry: by.entry.ID(), File: f.ID, Bytes: f.Bytes}, size: int64(f.Bytes), step: protocol.ChunkBytes}
	if by.sealed != nil {
		r.sealed, r.want.Bytes, r.step = &by.sealed[number-1], by.sealed[number-1].SealedBytes(), sealed.SegmentBytes
	}
	begin, cancel := context.WithTimeout(ctx, beginTime)
	defer cancel()
	head, err := r.chunk(begin, 0)
	if err != nil {
		reason := protocol.ReasonOf(err)
		if ctx.Err() == nil && (begin.Err() != nil || reason == protocol.ReasonWanted || reason == protocol.ReasonUnreachable) {
			err = &protocol.Error{Reason: protocol.ReasonWanted, Op: "open file", ID: f.ID.String(), Args: map[string]string{"file": f.ID.String()}, Err: err}
		}
		return nil, err
	}
	if !media.Fits(head, f.MediaType) {
		return nil, &protocol.Error{Reason: protocol.ReasonInvalid, Op: "open file", ID: f.ID.String(), Args: map[string]string{"claimed": f.MediaType}}
	}
	n.shelf.depot.Use(f.ID)
	return &api.File{Attachment: n.attachment(by, number-1), ReadSeekCloser: r}, nil
}

// fileReader reads a file chunk by chunk, and waits for what is on its way.
type fileReader struct {
	n      *Node
	ctx    context.Context // of one reader
	want   replication.WantedFile
	member string
	sealed *sealed.File // what lies here is its encrypted form; nil: the file itself
	size   int64        // of the file
	step   int64        // how much of it a chunk holds

	at      int64
	have    []byte // the chunk numbered number
	number  int64
	fetched chan error // the end of the fetching; nil: none was begun
	begun   int        // how often it was
}

var errNegative = errors.New("a place before the beginning")

// Seek implements io.Seeker.
func (r *fileReader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.at
	case io.SeekEnd:
		offset += r.size
	}
	if offset < 0 {
		return r.at, protocol.Fail(protocol.ReasonUsage, "read file", errNegative)
	}
	r.at = offset
	return offset, nil
}

// Read implements io.Reader.
func (r *fileReader) Read(p []byte) (int, error) {
	if r.at >= r.size {
		return 0, io.EOF
	}
	chunk, err := r.chunk(r.ctx, r.at/r.step)
	if err != nil {
		return 0, err
	}
	n := copy(p, chunk[min(r.at%r.step, int64(len(chunk))):])
	r.at += int64(n)
	if n == 0 && len(p) > 0 {
		return 0, protocol.Fail(protocol.ReasonDamaged, "read file", nil) // its record tells another length
	}
	return n, nil
}

// Close implements io.Closer. What is being fetched is fetched to its end.
func (r *fileReader) Close() error { r.have = nil; return nil }

func (r *fileReader) chunk(ctx context.Context, i int64) ([]byte, error) {
	if r.have != nil && r.number == i {
		return r.have, nil
	}
	for {
		chunk, err := r.n.shelf.depot.Chunk(r.want.File, int(i))
		switch reason := protocol.ReasonOf(err); {
		case err == nil:
			if r.sealed != nil {
				if chunk, err = r.sealed.Segment(int(i), chunk); err != nil {
					return nil, err
				}
			}
			r.have, r.number = chunk, i
			return chunk, nil
		case reason != protocol.ReasonNotFound && reason != protocol.ReasonDamaged:
			return nil, err
		}
		if r.fetched == nil {
			if r.begun++; r.begun > bringAtMost {
				return nil, err // this disk does not keep what is written to it
			}
			r.fetched = make(chan error, 1) // room for the one answer
			go func() { r.fetched <- r.n.shelf.bring(context.WithoutCancel(r.ctx), r.want, r.member) }()
		}
		select {
		case <-ctx.Done():
			return nil, protocol.Fail(protocol.ReasonCanceled, "read file", ctx.Err())
		case err := <-r.fetched:
			if err != nil {
				return nil, err
			}
			r.fetched = nil // whole; if it is damaged again, it is fetched again
		case <-time.After(chunkLook):
		}
	}
}
