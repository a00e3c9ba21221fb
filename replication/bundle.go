package replication

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/multiformats/go-varint"

	"github.com/dure-net/dure/protocol"
)

// A bundle is the ledger in a CARv1 file: the founding act (its one root), then for
// every feed its headers in order, each page's headers before their bodies. Any IPLD
// tool reads it; importing it ends in the same ledger root as catch-up, because its
// pages go through the same door.

// Progress is how far a long piece of work is: Done of Total, Total 0 = unknown.
type Progress struct{ Done, Total uint64 }

// Bundled counts what a bundle held.
type Bundled struct {
	Entries uint64 // headers written or read
	Bodies  uint64
	New     uint64                     // admitted: new here
	Refused map[protocol.Reason]uint64 // not taken: their author is no member here, or they do not stand
	Root    protocol.Root              // exported: the ledger root of what was written
	Feeds   int                        // exported
	Bytes   uint64
}

// carHeader is the CARv1 header, which is DAG-CBOR.
type carHeader struct {
	Roots   []protocol.CID `cbor:"roots"`
	Version uint64         `cbor:"version"`
}

// Export writes all standing entries and the bodies held. What arrives meanwhile is
// not part of it.
func (of Bundles) Export(ctx context.Context, w io.Writer, progress func(Progress)) (Bundled, error) {
	r := of.replica
	var b Bundled
	out := bufio.NewWriterSize(&counting{w: w, n: &b.Bytes}, 256<<10)
	head, err := protocol.Encode(&carHeader{Roots: []protocol.CID{r.cfg.Federation}, Version: 1})
	if err != nil {
		return b, err
	}
	if err := section(out, nil, head); err != nil {
		return b, err
	}
	if err := section(out, r.cfg.Federation.Bytes(), r.cfg.Papers); err != nil {
		return b, err
	}
	total, _ := r.frontier.total()
	lines := r.frontier.all()
	b.Root = protocol.LedgerRoot(r.cfg.Federation, lines)
	for _, line := range lines {
		if line.Count > 0 {
			b.Feeds++
		}
		for from := uint64(0); from < line.Count; {
			if err := ctx.Err(); err != nil {
				return b, protocol.Fail(protocol.ReasonCanceled, "export", err)
			}
			page, err := r.ledger.Page(line.Feed, from, int(min(line.Count-from, protocol.MaxPage)), protocol.MaxPageBodyBytes)
			if err != nil {
				return b, err
			}
			if len(page.Entries) == 0 {
				return b, protocol.Fail(protocol.ReasonDamaged, "export", fmt.Errorf("%s has no entry %d", line.Feed, from))
			}
			for _, e := range page.Entries {
				if err := section(out, e.ID().Bytes(), e.Bytes()); err != nil {
					return b, err
				}
			}
			for i, e := range page.Entries {
				body := page.Bodies[i]
				if body == nil && e.Header().Body.Defined() {
					// Left out of the page for its size: a bundle carries it all the same.
					if body, err = r.ledger.Body(e); err != nil && protocol.ReasonOf(err) == protocol.ReasonDamaged {
						return b, err
					}
				}
				if body == nil {
					continue
				}
				if err := section(out, e.Header().Body.Bytes(), body); err != nil {
					return b, err
				}
				b.Bodies++
			}
			from += uint64(len(page.Entries))
			b.Entries += uint64(len(page.Entries))
			if progress != nil {
				progress(Progress{b.Entries, total})
			}
		}
	}
	if err := out.Flush(); err != nil {
		return b, protocol.Fail(protocol.ReasonHomeUnwritable, "export", err)
	}
	return b, nil
}

func section(w *bufio.Writer, cid, block []byte) error {
	_, err := w.Write(varint.ToUvarint(uint64(len(cid) + len(block))))
	if err == nil {
		_, err = w.Write(cid)
	}
	if err == nil {
		_, err = w.Write(block)
	}
	if err != nil {
		return protocol.Fail(protocol.ReasonHomeUnwritable, "write bundle", err)
	}
	return nil
}

type counting struct {
	w io.Writer
	n *uint64
}

func (c *counting) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	*c.n += uint64(n)
	return n, err
}

// Import admits a bundle's entries. Feeds of members whose admission stands later in
// the bundle are tried again at its end; the bundle is read once and never held in
// memory, except for such feeds, up to importHeld bytes; beyond that they are refused
// and a second import takes them. What was admitted before an error stays.
func (of Bundles) Import(ctx context.Context, in io.Reader, progress func(Progress)) (b Bundled, err error) {
	r := of.replica
	br := bufio.NewReaderSize(&countingReader{r: in, n: &b.Bytes}, 256<<10)
	im := &importer{r: r, ctx: ctx, b: &b, progress: progress}
	if err := im.head(br); err != nil {
		return b, err
	}
	// What was handed in is waited for in any case, or it would lie on the disk and not count.
	defer func() { err = errors.Join(err, im.settle(0)) }()
	for {
		cid, block, err := readSection(br)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return b, err
		}
		if err := im.block(cid, block); err != nil {
			return b, err
		}
	}
	if err := im.flush(len(im.page.Entries)); err != nil {
		return b, err
	}
	im.end()
	err = im.retry()
	return b, err
}

const (
	importHeld     = 64 << 20
	importUnderWay = 32
)

type importer struct {
	r        *Replica
	ctx      context.Context // of one Import call
	b        *Bundled
	progress func(Progress)

	// The headers that bodies may still come for: those of a page stand before its bodies,
	// so with two pages' worth no header is given up while a body of its page can follow.
	page    protocol.Page
	bodies  map[protocol.BodyID][]uint64 // bodies the page still waits for, with the seqs that name them
	named   int                          // entries of the page that name a body
	missing int                          // of them, those whose body did not come yet

	tail     protocol.Page // taken up to here; the next page's signature may endorse it
	held     []protocol.Page
	heldSize int
	underWay []*admitted
}

func (im *importer) head(br *bufio.Reader) error {
	n, err := varint.ReadUvarint(br)
	if err != nil || n > protocol.MaxHeaderBytes {
		return protocol.Fail(protocol.ReasonMalformed, "read bundle", errors.New("it does not begin as a CARv1 file"))
	}
	raw := make([]byte, n)
	if _, err := io.ReadFull(br, raw); err != nil {
		return protocol.Fail(protocol.ReasonMalformed, "read bundle", err)
	}
	var h carHeader
	if err := protocol.Decode(raw, &h); err != nil {
		return err
	}
	if h.Version != 1 || len(h.Roots) != 1 {
		return protocol.Fail(protocol.ReasonWrongVersion, "read bundle", fmt.Errorf("CAR version %d with %d roots", h.Version, len(h.Roots)))
	}
	if h.Roots[0] != im.r.cfg.Federation {
		return &protocol.Error{Reason: protocol.ReasonWrongFederation, Op: "read bundle",
			Args: map[string]string{"theirs": h.Roots[0].String(), "ours": im.r.cfg.Federation.String()}}
	}
	return nil
}

// readSection reads one block and checks that it hashes to its CID.
func readSection(br *bufio.Reader) (protocol.CID, []byte, error) {
	n, err := varint.ReadUvarint(br)
	if errors.Is(err, io.EOF) {
		return protocol.CID{}, nil, io.EOF
	}
	bad := func(err error) (protocol.CID, []byte, error) {
		return protocol.CID{}, nil, protocol.Fail(protocol.ReasonMalformed, "read bundle", err)
	}
	if err != nil {
		return bad(err)
	}
	if n < 36 || n > protocol.MaxFoundingBytes+36 {
		return protocol.CID{}, nil, protocol.Fail(protocol.ReasonTooLarge, "read bundle", fmt.Errorf("a section of %d bytes", n))
	}
	raw := make([]byte, n)
	if _, err := io.ReadFull(br, raw); err != nil {
		return bad(err)
	}
	cid, err := protocol.CastCID(raw[:36])
	if err != nil {
		return bad(err)
	}
	if !cid.Matches(raw[36:]) {
		return protocol.CID{}, nil, &protocol.Error{Reason: protocol.ReasonBadHash, Op: "read bundle", ID: cid.String()}
	}
	return cid, raw[36:], nil
}

func (im *importer) block(cid protocol.CID, block []byte) error {
	if cid == im.r.cfg.Federation {
		return nil
	}
	if at, ok := im.bodies[cid]; ok {
		for _, seq := range at {
			im.page.Bodies[seq-im.page.Entries[0].Seq()] = block
		}
		delete(im.bodies, cid)
		im.missing -= len(at)
		im.b.Bodies += uint64(len(at))
		return nil
	}
	if len(block) > protocol.MaxHeaderBytes {
		return nil // a body that no header of its page names
	}
	e, err := protocol.DecodeEntry(block)
	if err != nil {
		return nil // likewise
	}
	im.b.Entries++
	if n := len(im.page.Entries); n > 0 {
		switch {
		// Another feed, or the bodies of this page have begun: its headers have ended.
		case e.Feed() != im.page.Feed() || e.Seq() != im.page.Entries[n-1].Seq()+1 || im.missing < im.named:
			err = im.flush(n)
		case n == 2*protocol.MaxPage:
			err = im.flush(protocol.MaxPage)
		}
		if err != nil {
			return err
		}
	}
	im.page.Entries, im.page.Bodies = append(im.page.Entries, e), append(im.page.Bodies, nil)
	if b := e.Header().Body; b.Defined() {
		if im.bodies == nil {
			im.bodies = map[protocol.BodyID][]uint64{}
		}
		im.bodies[b] = append(im.bodies[b], e.Seq())
		im.named++
		im.missing++
	}
	return nil
}

// flush takes the first n headers of the page, with the bodies that came for them.
func (im *importer) flush(n int) error {
	page := im.page
	first := protocol.Page{Entries: page.Entries[:n:n], Bodies: page.Bodies[:n:n]}
	im.page = protocol.Page{Entries: append([]protocol.Entry(nil), page.Entries[n:]...), Bodies: append([][]byte(nil), page.Bodies[n:]...)}
	im.bodies, im.named, im.missing = nil, 0, 0
	for i, e := range im.page.Entries { // none of them has its body: those of a page end it whole
		if b := e.Header().Body; b.Defined() && im.page.Bodies[i] == nil {
			if im.bodies == nil {
				im.bodies = map[protocol.BodyID][]uint64{}
			}
			im.bodies[b] = append(im.bodies[b], e.Seq())
			im.named++
			im.missing++
		}
	}
	if n == 0 {
		return nil
	}
	return im.take(first)
}

// take lets a run of one feed in, page by page. Where a page ends between two signatures,
// what was not endorsed is put before what follows it, as a catch-up does: runs that
// carry no bodies stand in the file without a sign of where one page ends.
func (im *importer) take(run protocol.Page) error {
	if n := len(im.tail.Entries); n > 0 {
		tail := im.tail
		im.tail = protocol.Page{}
		if tail.Feed() == run.Feed() && tail.Entries[n-1].Seq()+1 == run.Entries[0].Seq() {
			run = protocol.Page{Entries: append(tail.Entries, run.Entries...), Bodies: append(tail.Bodies, run.Bodies...)}
		} else {
			im.refuse(protocol.Fail(protocol.ReasonBadSignature, "import", nil), tail)
		}
	}
	for len(run.Entries) > 0 {
		n := min(len(run.Entries), protocol.MaxPage)
		left, err := im.takePage(protocol.Page{Entries: run.Entries[:n:n], Bodies: run.Bodies[:n:n]})
		if err != nil {
			return err
		}
		took := n - left
		run = protocol.Page{Entries: run.Entries[took:], Bodies: run.Bodies[took:]}
		if left > 0 && len(run.Entries) == left {
			im.tail = run // fewer than a page: some of it was taken
			return nil
		}
	}
	return nil
}

// end gives up what nothing endorsed.
func (im *importer) end() {
	if len(im.tail.Entries) > 0 {
		im.refuse(protocol.Fail(protocol.ReasonBadSignature, "import", nil), im.tail)
	}
	im.tail = protocol.Page{}
}

// takePage lets one page in. left is how many of its last entries wait for a signature
// that may follow; the others are done with, taken, held back or refused.
func (im *importer) takePage(page protocol.Page) (left int, err error) {
	if err := im.ctx.Err(); err != nil {
		return 0, protocol.Fail(protocol.ReasonCanceled, "import", err)
	}
	in, err := im.r.enter(admission{page: page, via: ViaImport})
	if in != nil {
		im.underWay = append(im.underWay, in)
	}
	reason := protocol.ReasonOf(err)
	if reason == protocol.ReasonFork || reason == protocol.ReasonSetAside || reason == protocol.ReasonGap {
		took, terr := im.takeBranch(page)
		switch {
		case terr != nil:
			return 0, terr
		case took == len(page.Entries):
			err, reason = nil, protocol.ReasonNone
		}
	}
	switch reason {
	case protocol.ReasonNone, protocol.ReasonKnown:
	case protocol.ReasonBadSignature:
		if left = im.unendorsed(page, in); left > 0 && left < len(page.Entries) {
			break
		}
		left = 0
		im.refuse(err, page)
		im.r.log.Warn("a bundle holds entries that do not stand", "feed", page.Feed().Short(), "err", err)
	case protocol.ReasonUnknownMember, protocol.ReasonGap, protocol.ReasonFork:
		size := 0
		for i, e := range page.Entries {
			size += len(e.Bytes()) + len(page.Bodies[i])
		}
		if im.heldSize+size <= importHeld {
			im.held, im.heldSize = append(im.held, page), im.heldSize+size
			break
		}
		im.refuse(err, page)
	case protocol.ReasonReadOnly, protocol.ReasonDamaged:
		return 0, err
	default:
		im.refuse(err, page)
		im.r.log.Warn("a bundle holds entries that do not stand", "feed", page.Feed().Short(), "err", err)
	}
	if im.progress != nil {
		im.progress(Progress{Done: im.b.Entries})
	}
	return left, im.settle(importUnderWay)
}

// unendorsed counts the last entries of a page that were not taken, and that are not
// held from before either.
func (im *importer) unendorsed(page protocol.Page, in *admitted) int {
	if in != nil {
		last := in.page.Entries[len(in.page.Entries)-1].Seq()
		return int(page.Entries[len(page.Entries)-1].Seq() - last)
	}
	im.r.mu.Lock()
	defer im.r.mu.Unlock()
	f := im.r.feeds[page.Feed()]
	if f == nil {
		return len(page.Entries)
	}
	left := 0
	for _, e := range page.Entries {
		if e.Seq() >= f.count {
			left++
		}
	}
	return left
}

// takeBranch takes a page that does not continue the chain held here, if its feed is
// forked. It returns how many of its entries are kept; an error ends the import.
func (im *importer) takeBranch(page protocol.Page) (int, error) {
	if err := im.settle(0); err != nil { // what it parts from is looked up
		return 0, err
	}
	if err := im.r.forked(im.ctx, page.Feed(), page.Entries); err != nil {
		im.r.log.Debug("a fork is not proven yet", "feed", page.Feed().Short(), "err", err)
	}
	took, fresh, err := im.r.takeBranch(page, ViaImport)
	im.b.New += uint64(fresh)
	if reason := protocol.ReasonOf(err); reason == protocol.ReasonReadOnly || reason == protocol.ReasonDamaged {
		return took, err
	}
	return took, nil
}

func (im *importer) refuse(err error, page protocol.Page) {
	if im.b.Refused == nil {
		im.b.Refused = map[protocol.Reason]uint64{}
	}
	im.b.Refused[protocol.ReasonOf(err)] += uint64(len(page.Entries))
}

func (im *importer) settle(keep int) (err error) {
	for len(im.underWay) > keep {
		in := im.underWay[0]
		im.underWay = im.underWay[1:]
		if werr := in.wait(); werr != nil {
			err = errors.Join(err, werr)
			continue
		}
		im.b.New += uint64(len(in.page.Entries))
	}
	return err
}

// retry tries what was held back until nothing more is admitted.
func (im *importer) retry() error {
	for {
		if err := im.settle(0); err != nil {
			return err
		}
		pages, before := im.held, im.b.New
		if len(pages) == 0 {
			return nil
		}
		im.held, im.heldSize = nil, 0
		for _, p := range pages {
			if err := im.take(p); err != nil {
				return err
			}
		}
		im.end()
		if err := im.settle(0); err != nil {
			return err
		}
		if im.b.New == before {
			for _, p := range im.held {
				im.refuse(protocol.Fail(protocol.ReasonUnknownMember, "import", nil), p)
			}
			return nil
		}
	}
}

type countingReader struct {
	r io.Reader
	n *uint64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	*c.n += uint64(n)
	return n, err
}
