package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"

	"github.com/dure-net/dure/protocol"
)

// Mark is the high-water mark: the last entry of its own feed that this node has
// acknowledged to anybody. It is kept outside Badger, so that a store that lost its tail,
// or was replaced by an older one, is noticed before the node signs a seq twice.
type Mark struct {
	Feed  protocol.FeedID
	Seq   uint64
	Entry protocol.EntryID
	Next  uint64 // the ledger's next local number at that time: a store with less has lost something of somebody's
}

// MarkStatus is how the store stood to its mark when it was opened.
type MarkStatus uint8

const (
	MarkAbsent MarkStatus = iota // no readable mark: a new node, a restored one, or a damaged file
	MarkAhead                    // the store holds the marked entry, and perhaps more: normal, also after a crash
	MarkBehind                   // the store has forgotten acknowledged entries: recover, then open a new feed
)

func (s MarkStatus) String() string {
	switch s {
	case MarkAhead:
		return "ahead"
	case MarkBehind:
		return "behind"
	}
	return "absent"
}

// The file has two slots, 4 KiB apart so that no sector of one is touched by writing
// the other. A slot is: magic, generation, feed, seq, entry, next, SHA-256 of all that. The
// valid slot of the higher generation holds; a torn write leaves the other one.
const (
	markName      = "mark"
	markMagic     = "dure mark 1\x00\x00\x00\x00\x00"
	markSlotBytes = len(markMagic) + 8 + 32 + 8 + 32 + 8 + 32
	markStride    = 4096
)

// Behind the slots stands when the file was made, so that a copy of it is known as one:
// magic, nanoseconds, SHA-256. A directory that a backup program put back, or that was
// copied to another machine, brings its mark along, and the mark alone would not tell.
const (
	bornMagic = "dure born 1\x00\x00\x00\x00\x00"
	bornBytes = len(bornMagic) + 8 + 32
	bornAt    = 2 * markStride
)

type markFile struct {
	f          *os.File
	generation uint64
	mark       Mark  // zero if absent
	born       int64 // when the file was made; 0 if the system does not tell
	copied     bool  // it is a copy, and nothing was marked since
}

// openMark opens the mark of a directory for writing, and makes the file if there is
// none. A damaged file reads as absent, which is the careful answer.
func openMark(dir string, born func(string) (int64, error)) (*markFile, error) {
	path := filepath.Join(dir, markName)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, protocol.Fail(protocol.ReasonHomeUnwritable, "open mark", err)
	}
	m := &markFile{f: f}
	if m.born, err = born(path); err != nil {
		m.born = 0 // such a file system tells nothing
	}
	if err := m.load(); err != nil {
		_ = f.Close()
		return nil, err
	}
	return m, nil
}

func (m *markFile) load() error {
	buf := make([]byte, bornAt+bornBytes)
	n, _ := m.f.ReadAt(buf, 0)
	m.mark, m.generation = readMark(buf[:n])
	born, noted := readBorn(buf[:n])
	m.copied = m.generation > 0 && noted && m.born != 0 && born != m.born
	if n == len(buf) && (noted || m.born == 0) {
		return nil
	}
	// Later writes stay in place, so that they need no new block and fdatasync is enough.
	if n < len(buf) {
		if _, err := m.f.WriteAt(make([]byte, len(buf)-n), int64(n)); err != nil {
			return protocol.Fail(protocol.ReasonHomeUnwritable, "make mark", err)
		}
	}
	if err := m.noteBorn(); err != nil {
		return protocol.Fail(protocol.ReasonHomeUnwritable, "make mark", err)
	}
	if err := m.f.Sync(); err != nil {
		return protocol.Fail(protocol.ReasonHomeUnwritable, "make mark", err)
	}
	return syncDir(filepath.Dir(m.f.Name()))
}

// noteBorn writes when the file was made; the caller syncs.
func (m *markFile) noteBorn() error {
	if m.born == 0 {
		return nil
	}
	b := binary.BigEndian.AppendUint64([]byte(bornMagic), uint64(m.born))
	sum := sha256.Sum256(b)
	_, err := m.f.WriteAt(append(b, sum[:]...), bornAt)
	return err
}

// readBorn reads it. A mark of an earlier version has none, and a damaged note is no
// birth that any file has.
func readBorn(b []byte) (nanos int64, noted bool) {
	if len(b) < bornAt+bornBytes {
		return 0, false
	}
	b = b[bornAt : bornAt+bornBytes]
	body, sum := b[:bornBytes-32], b[bornBytes-32:]
	if got := sha256.Sum256(body); bytes.Equal(got[:], sum) && string(body[:len(bornMagic)]) == bornMagic {
		return int64(binary.BigEndian.Uint64(body[len(bornMagic):])), true
	}
	return 0, !bytes.Equal(b, make([]byte, bornBytes))
}

// readMark finds the newest valid slot; generation 0 means there is none.
func readMark(b []byte) (mark Mark, generation uint64) {
	for _, at := range [2]int{0, markStride} {
		if len(b) < at+markSlotBytes {
			continue
		}
		if m, g, ok := readMarkSlot(b[at : at+markSlotBytes]); ok && g > generation {
			mark, generation = m, g
		}
	}
	return mark, generation
}

func readMarkSlot(b []byte) (Mark, uint64, bool) {
	body, sum := b[:markSlotBytes-32], b[markSlotBytes-32:]
	if got := sha256.Sum256(body); !bytes.Equal(got[:], sum) || string(body[:len(markMagic)]) != markMagic {
		return Mark{}, 0, false
	}
	body = body[len(markMagic):]
	return Mark{
		Feed:  cidOf(digest(body[8:40])),
		Seq:   binary.BigEndian.Uint64(body[40:]),
		Entry: cidOf(digest(body[48:80])),
		Next:  binary.BigEndian.Uint64(body[80:]),
	}, binary.BigEndian.Uint64(body), true
}

func appendMarkSlot(b []byte, m Mark, generation uint64) []byte {
	from := len(b)
	feed, entry := m.Feed.Digest(), m.Entry.Digest()
	b = append(b, markMagic...)
	b = binary.BigEndian.AppendUint64(b, generation)
	b = append(b, feed[:]...)
	b = binary.BigEndian.AppendUint64(b, m.Seq)
	b = append(b, entry[:]...)
	b = binary.BigEndian.AppendUint64(b, m.Next)
	sum := sha256.Sum256(b[from:])
	return append(b, sum[:]...)
}

// set writes the mark and returns when it is on the disk.
func (m *markFile) set(mark Mark) error {
	generation := m.generation + 1
	at := int64(generation%2) * markStride
	if _, err := m.f.WriteAt(appendMarkSlot(nil, mark, generation), at); err != nil {
		return protocol.Fail(protocol.ReasonInternal, "write mark", err)
	}
	if m.copied {
		if err := m.noteBorn(); err != nil {
			return protocol.Fail(protocol.ReasonInternal, "write mark", err)
		}
	}
	if err := syncData(m.f); err != nil {
		return protocol.Fail(protocol.ReasonInternal, "write mark", err)
	}
	m.mark, m.generation, m.copied = mark, generation, false
	return nil
}

func (m *markFile) close() error { return m.f.Close() }

// syncDir makes names of new files durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return protocol.Fail(protocol.ReasonHomeUnwritable, "sync directory", err)
	}
	err = d.Sync()
	if errors.Is(err, errors.ErrUnsupported) || !dirSyncs {
		err = nil
	}
	if cerr := d.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return protocol.Fail(protocol.ReasonHomeUnwritable, "sync directory", err)
	}
	return nil
}
