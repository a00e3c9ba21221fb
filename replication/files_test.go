package replication

import (
	"bufio"
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/replication/depot"
	"github.com/dure-net/dure/replication/mesh"
	"github.com/dure-net/dure/replication/mesh/meshtest"
)

// shelf is what a node of the tests keeps of files, and which of them records name.
type shelf struct {
	t     *testing.T
	depot *depot.Depot
	dir   string

	mu    sync.Mutex // guards named
	named map[protocol.CID]bool
}

// naming is the entry that names every file of the tests.
var naming = protocol.Sum([]byte("an entry"))

func wanted(id protocol.CID, bytes int) WantedFile {
	return WantedFile{Entry: naming, File: id, Bytes: uint64(bytes)}
}

func newShelf(t *testing.T) *shelf {
	t.Helper()
	s := &shelf{t: t, dir: filepath.Join(t.TempDir(), "attachments"), named: map[protocol.CID]bool{}}
	s.open()
	return s
}

func (s *shelf) open() {
	s.t.Helper()
	var err error
	if s.depot, err = depot.Open(depot.Config{Dir: s.dir, Free: func() (uint64, error) { return 1 << 40, nil }}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *shelf) config(c *Config) {
	c.Depot, c.Names = s.depot, func(_ protocol.PublicKey, entry protocol.EntryID, id protocol.CID) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.named[id] && entry == naming
	}
}

func (s *shelf) name(id protocol.CID, yes bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.named[id] = yes
}

// put keeps a file that a record names.
func (s *shelf) put(file []byte) protocol.CID {
	s.t.Helper()
	staged, err := s.depot.Stage(context.Background(), bytes.NewReader(file))
	if err == nil {
		err = staged.Keep(false)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.name(staged.ID(), true)
	return staged.ID()
}

// holds reports whether the whole file is here, every byte of it.
func (s *shelf) holds(id protocol.CID, file []byte) bool {
	s.t.Helper()
	if held, ok := s.depot.Held(id); !ok || !held.Whole {
		return false
	}
	raw, err := os.ReadFile(filepath.Join(s.dir, id.String()))
	if err != nil {
		s.t.Fatal(err)
	}
	return bytes.Equal(raw, file)
}

func fileOf(seed byte, n int) []byte {
	out := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(out)
	return out
}

// withFiles founds a federation whose nodes keep files.
func withFiles(t *testing.T, w *world, n int) []*actor {
	nodes := w.found(n)
	for _, a := range nodes {
		a.files = newShelf(t)
	}
	return nodes
}

func TestScenario_FileIsFetchedFromWhoHasIt(t *testing.T) {
	scenario(t, 1, func(t *testing.T, w *world) {
		nodes := withFiles(t, w, 4)
		file := fileOf(1, 3*protocol.ChunkBytes+1)
		id := nodes[3].files.put(file)
		w.startAll()
		w.settle(30 * time.Second)
		asker := nodes[0]
		if err := asker.replica.Files().Fetch(t.Context(), wanted(id, len(file))); err != nil {
			t.Fatal(err)
		}
		if !asker.files.holds(id, file) {
			t.Error("it is not whole")
		}
		// What nobody names any more is not given, even where its bytes lie.
		nodes[3].files.name(id, false)
		if err := nodes[1].replica.Files().Fetch(t.Context(), wanted(id, len(file))); protocol.ReasonOf(err) != protocol.ReasonWanted {
			t.Errorf("of no record: %v", err)
		}
		if _, ok := nodes[1].files.depot.Held(id); ok {
			t.Error("something of it came")
		}
		asker.files.name(id, true)
		if err := nodes[1].replica.Files().Fetch(t.Context(), wanted(id, len(file)+1)); protocol.ReasonOf(err) != protocol.ReasonInvalid {
			t.Errorf("of another length than its record says: %v", err)
		}
		if err := nodes[1].replica.Files().Fetch(t.Context(), wanted(id, len(file))); err != nil {
			t.Errorf("from who fetched it: %v", err)
		}
	})
}

// A line that is cut in the middle of a file costs a chunk at most, also where the node
// starts anew in between: what came is not asked for again.
func TestScenario_FileIsCutAndResumed(t *testing.T) {
	scenario(t, 2, func(t *testing.T, w *world) {
		nodes := withFiles(t, w, 2)
		owner, asker := nodes[0], nodes[1]
		file := fileOf(2, 40*protocol.ChunkBytes)
		id := owner.files.put(file)
		w.startAll()
		w.settle(30 * time.Second)
		asker.slowLink(meshtest.Line{Rate: 2_000_000, Delay: 50 * time.Millisecond}) // 10 s for the file
		go func() {
			time.Sleep(4 * time.Second)
			w.partition([]*actor{owner}, []*actor{asker})
		}()
		if err := asker.replica.Files().Fetch(t.Context(), wanted(id, len(file))); err == nil {
			t.Fatal("it came over a line that was cut")
		}
		missing, err := asker.files.depot.Missing(id)
		if err != nil || len(missing) < 10 || len(missing) > 35 {
			t.Fatalf("seed %d: %d of 40 chunks are missing after the cut, %v", w.seed, len(missing), err)
		}
		asker.crash()
		asker.files.open()
		w.heal()
		asker.start()
		for !w.linked(0, 1) || !w.linked(1, 0) {
			time.Sleep(time.Second)
		}
		if err := asker.replica.Files().Fetch(t.Context(), wanted(id, len(file))); err != nil {
			t.Fatal(err)
		}
		if !asker.files.holds(id, file) {
			t.Error("it is not whole")
		}
		got := asker.mesh.Traffic()[protocol.ProtocolFiles(protocol.Version)].In
		if most := uint64(len(missing))*protocol.ChunkBytes + 20_000; got > most {
			t.Errorf("seed %d: %d bytes came after the cut, of which %d were missing", w.seed, got, most)
		}
	})
}

// pretender says that it has a file, and changes each chunk before it sends it.
type pretender struct {
	mesh.Handler
	manifest []byte
	file     []byte
	change   func(*protocol.FileSent)
}

func (p pretender) ServeFiles(_ context.Context, _ mesh.Peer, s mesh.Stream) {
	defer s.Close()
	br := bufio.NewReader(s)
	for {
		var ask protocol.FileAsk
		if protocol.ReadFrame(br, maxFileAskBytes, &ask) != nil {
			return
		}
		if len(ask.Chunks) == 0 {
			_ = protocol.WriteFrame(s, &protocol.FileSent{Manifest: p.manifest})
			continue
		}
		for _, i := range ask.Chunks {
			at := int(i) * protocol.ChunkBytes
			sent := protocol.FileSent{Number: i, Data: bytes.Clone(p.file[at:min(at+protocol.ChunkBytes, len(p.file))])}
			p.change(&sent)
			if protocol.WriteFrame(s, &sent) != nil {
				return
			}
		}
		_ = protocol.WriteFrame(s, &protocol.FileSent{End: true})
	}
}

func forges(sent *protocol.FileSent) { sent.Data[len(sent.Data)/2] ^= 1 }
func drips(*protocol.FileSent)       { time.Sleep(20 * time.Second) }

// Who sends other bytes is left at once, who sends them drop by drop after a while, and
// the file comes from who has it. Where nobody else has it, it comes drop by drop.
func TestScenario_FileFromHostileProviders(t *testing.T) {
	scenario(t, 2, func(t *testing.T, w *world) {
		nodes := withFiles(t, w, 4)
		file := fileOf(3, 20*protocol.ChunkBytes+5)
		id := nodes[3].files.put(file)
		_, raw, err := nodes[3].files.depot.Manifest(id)
		if err != nil {
			t.Fatal(err)
		}
		for i, change := range []func(*protocol.FileSent){forges, drips} {
			nodes[1+i].face = func(h mesh.Handler) mesh.Handler { return pretender{h, raw, file, change} }
		}
		w.startAll()
		w.settle(30 * time.Second)
		fetch := func() time.Duration {
			t.Helper()
			began := time.Now()
			// The owners of a record are asked first: here, those who lie.
			if err := nodes[0].replica.Files().Fetch(t.Context(), wanted(id, len(file)), nodes[1].node.Public(), nodes[2].node.Public()); err != nil {
				t.Fatal(err)
			}
			if !nodes[0].files.holds(id, file) {
				t.Error("other bytes were kept")
			}
			return time.Since(began)
		}
		if took := fetch(); took > time.Minute {
			t.Errorf("seed %d: it took %s although somebody has it", w.seed, took)
		}
		if err := nodes[0].files.depot.Drop(id); err != nil {
			t.Fatal(err)
		}
		nodes[3].halt()
		if took := fetch(); took < 5*time.Minute {
			t.Errorf("seed %d: twenty-one chunks, each in 20 s, took %s", w.seed, took)
		}
		// Nor does it keep the file from who comes back meanwhile and is quicker.
		if err := nodes[0].files.depot.Drop(id); err != nil {
			t.Fatal(err)
		}
		go func() {
			time.Sleep(30 * time.Second)
			nodes[3].start()
		}()
		if took := fetch(); took > 4*time.Minute {
			t.Errorf("seed %d: it took %s although somebody came who has it", w.seed, took)
		}
	})
}
