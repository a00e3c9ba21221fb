package depot

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/dure-net/dure/protocol"
)

// place is a depot's directory, opened as often as a story needs.
type place struct {
	t    *testing.T
	dir  string
	free uint64
	now  time.Time
}

func newPlace(t *testing.T) *place {
	return &place{t: t, dir: filepath.Join(t.TempDir(), "attachments"), free: 1 << 40, now: time.Unix(1_800_000_000, 0)}
}

func (p *place) open() *Depot {
	p.t.Helper()
	d, err := Open(Config{Dir: p.dir, Floor: 1 << 20, Free: func() (uint64, error) { return p.free, nil }, Now: func() time.Time { return p.now }})
	if err != nil {
		p.t.Fatal(err)
	}
	return d
}

func (p *place) put(d *Depot, file []byte) protocol.CID {
	p.t.Helper()
	s, err := d.Stage(context.Background(), bytes.NewReader(file))
	if err != nil {
		p.t.Fatal(err)
	}
	if err := s.Keep(true); err != nil {
		p.t.Fatal(err)
	}
	return s.ID()
}

// read is the file as it is read, or the first reason why not.
func (p *place) read(d *Depot, id protocol.CID) ([]byte, protocol.Reason) {
	m, _, err := d.Manifest(id)
	if err != nil {
		return nil, protocol.ReasonOf(err)
	}
	var out []byte
	for i := range m.Chunks {
		chunk, err := d.Chunk(id, i)
		if err != nil {
			return out, protocol.ReasonOf(err)
		}
		out = append(out, chunk...)
	}
	return out, protocol.ReasonNone
}

func (p *place) mustRead(d *Depot, id protocol.CID, want []byte) {
	p.t.Helper()
	if got, why := p.read(d, id); why != protocol.ReasonNone || !bytes.Equal(got, want) {
		p.t.Fatalf("%v, %d bytes of %d are the file's", why, len(got), len(want))
	}
}

// names lists what lies in the directory.
func (p *place) names() []string {
	p.t.Helper()
	list, err := os.ReadDir(p.dir)
	if err != nil {
		p.t.Fatal(err)
	}
	var out []string
	for _, n := range list {
		out = append(out, n.Name())
	}
	return out
}

// flip turns one bit of a file on the disk.
func (p *place) flip(name string, at int64) {
	p.t.Helper()
	raw, err := os.ReadFile(filepath.Join(p.dir, name))
	if err != nil {
		p.t.Fatal(err)
	}
	raw[at] ^= 4
	if err := os.WriteFile(filepath.Join(p.dir, name), raw, 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func noise(seed uint64, n int) []byte {
	out := make([]byte, n)
	dice := rand.NewChaCha8([32]byte{byte(seed)})
	_, _ = dice.Read(out)
	return out
}

func TestDepot_SizesAroundAChunk(t *testing.T) {
	p := newPlace(t)
	d := p.open()
	for _, n := range []int{1, protocol.ChunkBytes - 1, protocol.ChunkBytes, protocol.ChunkBytes + 1, protocol.MaxAttachmentBytes} {
		file := noise(1, n)
		id := p.put(d, file)
		p.mustRead(d, id, file)
		p.mustRead(p.open(), id, file)
	}
	if _, err := d.Stage(context.Background(), bytes.NewReader(noise(1, protocol.MaxAttachmentBytes+1))); protocol.ReasonOf(err) != protocol.ReasonTooLarge {
		t.Errorf("a byte too many: %v", err)
	}
	if _, err := d.Stage(context.Background(), strings.NewReader("")); protocol.ReasonOf(err) != protocol.ReasonMalformed {
		t.Errorf("no bytes: %v", err)
	}
	for _, name := range p.names() {
		if strings.HasPrefix(name, uploadPrefix) {
			t.Errorf("%s was left", name)
		}
	}
}

// A connection that breaks in the middle of a file, at the end of a chunk too, leaves
// nothing: its beginning must not be taken for the file.
func TestDepot_CutUploadIsNoFile(t *testing.T) {
	p := newPlace(t)
	d := p.open()
	for _, n := range []int{10, protocol.ChunkBytes, protocol.ChunkBytes + 10} {
		cut := io.MultiReader(bytes.NewReader(noise(2, n)), iotest.ErrReader(io.ErrUnexpectedEOF))
		if _, err := d.Stage(context.Background(), cut); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut after %d bytes: %v", n, err)
		}
	}
	if names := p.names(); len(names) != 0 {
		t.Errorf("left: %v", names)
	}
}

// What is killed while it is put here goes at the next start.
func TestDepot_KilledUpload(t *testing.T) {
	p := newPlace(t)
	d := p.open()
	if _, err := d.Stage(context.Background(), bytes.NewReader(noise(3, 300_000))); err != nil { // neither kept nor discarded
		t.Fatal(err)
	}
	if len(p.names()) != 1 {
		t.Fatalf("lies there: %v", p.names())
	}
	if list := p.open().List(); len(list) != 0 || len(p.names()) != 0 {
		t.Errorf("after the start: %v, %v", list, p.names())
	}
}

// elsewhere is a file of another node: its manifest and chunks.
func elsewhere(t *testing.T, file []byte) (protocol.CID, []byte, [][]byte) {
	t.Helper()
	var chunks [][]byte
	m, err := chunked(bytes.NewReader(file), func(c []byte) error { chunks = append(chunks, slices.Clone(c)); return nil })
	if err != nil {
		t.Fatal(err)
	}
	raw, id, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return id, raw, chunks
}

func TestDepot_ResumesAfterACrash(t *testing.T) {
	p := newPlace(t)
	file := noise(4, 5*protocol.ChunkBytes+7)
	id, raw, chunks := elsewhere(t, file)
	d := p.open()
	if _, err := d.Missing(id); protocol.ReasonOf(err) != protocol.ReasonNotFound {
		t.Fatalf("before it is begun: %v", err)
	}
	if err := d.Begin(id, raw); err != nil {
		t.Fatal(err)
	}
	for _, i := range []int{4, 0} { // holes too
		if whole, err := d.Add(id, i, chunks[i]); whole || err != nil {
			t.Fatalf("chunk %d: %v, %v", i, whole, err)
		}
	}
	if _, why := p.read(d, id); why != protocol.ReasonNotFound {
		t.Errorf("a chunk that did not come: %v", why)
	}
	d = p.open()
	if missing, err := d.Missing(id); err != nil || !slices.Equal(missing, []uint64{1, 2, 3, 5}) {
		t.Fatalf("after a crash %v are missing, %v", missing, err)
	}
	if _, err := d.Add(id, 1, chunks[2]); protocol.ReasonOf(err) != protocol.ReasonBadHash {
		t.Errorf("another chunk's bytes: %v", err)
	}
	for _, i := range []int{1, 2, 3, 5} {
		if whole, err := d.Add(id, i, chunks[i]); err != nil || whole != (i == 5) {
			t.Fatalf("chunk %d: %v, %v", i, whole, err)
		}
	}
	p.mustRead(d, id, file)
	if held, _ := p.open().Held(id); !held.Whole || held.Fresh {
		t.Errorf("held as %+v", held)
	}
}

// A crash between the last chunk and the file's name costs nothing.
func TestDepot_CrashBeforeTheName(t *testing.T) {
	p := newPlace(t)
	file := noise(5, 2*protocol.ChunkBytes)
	id := p.put(p.open(), file)
	whole := filepath.Join(p.dir, id.String())
	if err := os.Rename(whole, whole+suffixPart); err != nil {
		t.Fatal(err)
	}
	d := p.open()
	if missing, err := d.Missing(id); err != nil || len(missing) != 0 {
		t.Fatalf("%v missing, %v", missing, err)
	}
	p.mustRead(d, id, file)
	if held, _ := d.Held(id); !held.Whole {
		t.Error("it is not taken for whole")
	}
}

func TestDepot_FlippedBitInAChunk(t *testing.T) {
	p := newPlace(t)
	d := p.open()
	file := noise(6, 4*protocol.ChunkBytes)
	id := p.put(d, file)
	_, _, chunks := elsewhere(t, file)
	if found := d.Read(context.Background(), id); found != nil {
		t.Fatalf("found in a whole file: %+v", found)
	}
	p.flip(id.String(), 2*protocol.ChunkBytes+5)
	if found := d.Read(context.Background(), id); found == nil || found.Chunks != 1 {
		t.Fatalf("found %+v, want one chunk", found)
	}
	for _, d := range []*Depot{d, p.open()} {
		if missing, err := d.Missing(id); err != nil || !slices.Equal(missing, []uint64{2}) {
			t.Fatalf("%v missing, %v", missing, err)
		}
		if _, err := d.Chunk(id, 1); err != nil {
			t.Errorf("a chunk that is right: %v", err)
		}
	}
	if whole, err := d.Add(id, 2, chunks[2]); !whole || err != nil {
		t.Fatalf("mended: %v, %v", whole, err)
	}
	p.mustRead(d, id, file)
}

func TestDepot_CutShortOnTheDisk(t *testing.T) {
	p := newPlace(t)
	d := p.open()
	id := p.put(d, noise(7, 3*protocol.ChunkBytes))
	if err := os.Truncate(filepath.Join(p.dir, id.String()), protocol.ChunkBytes+3); err != nil {
		t.Fatal(err)
	}
	if found := d.Read(context.Background(), id); found == nil || found.Chunks != 2 {
		t.Fatalf("found %+v, want two chunks", found)
	}
}

func TestDepot_DamagedManifest(t *testing.T) {
	p := newPlace(t)
	file := noise(8, 3*protocol.ChunkBytes)
	id, raw, _ := elsewhere(t, file)
	t.Run("is made again from a whole file", func(t *testing.T) {
		d := p.open()
		p.put(d, file)
		p.flip(id.String()+suffixManifest, 20)
		p.mustRead(d, id, file)
		if again, err := os.ReadFile(filepath.Join(p.dir, id.String()+suffixManifest)); err != nil || !bytes.Equal(again, raw) {
			t.Errorf("on the disk: %x, %v", again, err)
		}
	})
	t.Run("comes again with what is right of the file", func(t *testing.T) {
		d := p.open()
		p.flip(id.String()+suffixManifest, 20)
		p.flip(id.String(), 5)
		if found := d.Read(context.Background(), id); found == nil || found.Err == nil {
			t.Fatalf("found %+v", found)
		}
		if _, err := d.Missing(id); err == nil {
			t.Fatal("what is missing is known without a manifest")
		}
		if err := d.Begin(id, raw); err != nil {
			t.Fatal(err)
		}
		if missing, err := d.Missing(id); err != nil || !slices.Equal(missing, []uint64{0}) {
			t.Errorf("%v missing, %v", missing, err)
		}
	})
}

func TestDepot_DroppedLeavesNothing(t *testing.T) {
	p := newPlace(t)
	d := p.open()
	whole := p.put(d, noise(9, 100_000))
	id, raw, chunks := elsewhere(t, noise(10, 200_000))
	if err := d.Begin(id, raw); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Add(id, 0, chunks[0]); err != nil {
		t.Fatal(err)
	}
	if err := d.Drop(whole, id, protocol.Sum([]byte("not here"))); err != nil {
		t.Fatal(err)
	}
	if names := p.names(); len(names) != 0 || len(d.List()) != 0 {
		t.Errorf("left: %v, %v", names, d.List())
	}
	if _, why := p.read(d, whole); why != protocol.ReasonNotFound {
		t.Errorf("a dropped file: %v", why)
	}
}

func TestDepot_NoRoom(t *testing.T) {
	p := newPlace(t)
	d := p.open()
	file := noise(11, 2*protocol.ChunkBytes)
	id := p.put(d, file)
	other, raw, _ := elsewhere(t, noise(12, 10))
	p.free = 1 << 19
	if _, err := d.Stage(context.Background(), bytes.NewReader(file)); protocol.ReasonOf(err) != protocol.ReasonReadOnly {
		t.Errorf("to put: %v", err)
	}
	if err := d.Begin(other, raw); protocol.ReasonOf(err) != protocol.ReasonReadOnly {
		t.Errorf("to begin: %v", err)
	}
	p.mustRead(d, id, file)
	if err := d.Drop(id); err != nil {
		t.Errorf("to drop: %v", err)
	}
}

func TestDepot_FreshUntilNamed(t *testing.T) {
	p := newPlace(t)
	d := p.open()
	id := p.put(d, noise(13, 10))
	if held, _ := p.open().Held(id); !held.Fresh {
		t.Error("it is not fresh after a start")
	}
	by := protocol.Sum([]byte("an entry"))
	for range 2 {
		if err := d.Note(id, by); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range []*Depot{d, p.open()} {
		if held, ok := d.Held(id); !ok || held.Fresh {
			t.Errorf("named, it is %+v", held)
		}
		if notes := d.Notes(id); !slices.Equal(notes, []protocol.EntryID{by}) {
			t.Errorf("noted: %v", notes)
		}
	}
	for i := range maxNotes + 5 {
		if err := d.Note(id, protocol.Sum([]byte{byte(i)})); err != nil {
			t.Fatal(err)
		}
	}
	if notes := d.Notes(id); len(notes) != maxNotes || slices.Contains(notes, by) {
		t.Errorf("%d notes, the first one among them: %v", len(notes), slices.Contains(notes, by))
	}
}

// What was not used for longest stands first, also after a start.
func TestDepot_OrderOfUse(t *testing.T) {
	p := newPlace(t)
	d := p.open()
	var ids []protocol.CID
	for i := range 3 {
		p.now = p.now.Add(2 * time.Hour)
		ids = append(ids, p.put(d, noise(uint64(20+i), 10)))
	}
	p.now = p.now.Add(2 * time.Hour)
	for _, id := range ids {
		if err := os.Chtimes(filepath.Join(p.dir, id.String()), p.now, p.now.Add(-time.Duration(3-slices.Index(ids, id))*2*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	d.Use(ids[0])
	want := []protocol.CID{ids[1], ids[2], ids[0]}
	for _, d := range []*Depot{d, p.open()} {
		var got []protocol.CID
		for _, h := range d.List() {
			got = append(got, h.ID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("in the order %v, want %v", got, want)
		}
	}
}

// Foreign names are nobody's files, and stay.
func TestDepot_ForeignNames(t *testing.T) {
	p := newPlace(t)
	p.put(p.open(), noise(30, 10))
	for _, name := range []string{"notes.txt", "bafy.part", ".hidden"} {
		if err := os.WriteFile(filepath.Join(p.dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if list := p.open().List(); len(list) != 1 {
		t.Errorf("listed: %v", list)
	}
	if names := p.names(); len(names) != 3+3 {
		t.Errorf("there are %v", names)
	}
}
