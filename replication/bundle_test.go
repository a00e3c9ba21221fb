package replication

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"path/filepath"
	"testing"

	carv2 "github.com/ipld/go-car/v2"
	"github.com/ipld/go-ipld-prime/codec/dagcbor"
	"github.com/ipld/go-ipld-prime/node/basicnode"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/protocoltest"
	"github.com/dure-net/dure/replication/ledger"
)

// A run of a feed may be signed at its end alone, and a file does not say where one
// ends: headers without bodies of two runs were read as one page, of which the rest
// behind the last signature was dropped, and with it all that followed. Bodies of
// headers that had filled a page with those before them were dropped as well.
func TestImport_RunsWithoutBodiesLoseNothing(t *testing.T) {
	ctx := context.Background()
	for seed := range uint64(6) {
		rng := rand.New(rand.NewPCG(seed, 7))
		w := benchWorldOf(t, 2)
		open := func(name string) *Replica {
			l, err := ledger.Open(ledger.Config{Dir: filepath.Join(t.TempDir(), name), Federation: w.fed, FloorBytes: 1 << 20, ReserveBytes: 1})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = l.Close() })
			r, err := New(Config{Ledger: l, Founding: w.founding, Papers: w.papers, Federation: w.fed, Key: keyOf(t, name)})
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		full := open("full")
		feed := protocoltest.NewFeed(w.fed, w.nodes[1].root, w.nodes[1].node)
		for from := 0; from < 400; {
			unsigned, held := rng.IntN(protocol.MaxPage), rng.IntN(2) == 0
			if from == 0 {
				unsigned = 0
			}
			for i := range unsigned {
				feed.AppendUnsigned(protocol.KindOffer, map[string]any{"n": uint64(from + i), "held": held})
			}
			if from > 0 || unsigned > 0 {
				feed.Append(protocol.KindOffer, map[string]any{"n": uint64(from + unsigned), "end": true})
			}
			page := feed.Page(from, len(feed.Entries)-from)
			if !held {
				page.Bodies = make([][]byte, len(page.Entries))
			}
			if n, err := full.Admit(ctx, page, ViaCatchUp); err != nil || n != len(page.Entries) {
				t.Fatalf("seed %d: %d of %d admitted: %v", seed, n, len(page.Entries), err)
			}
			from = len(feed.Entries)
		}
		var bundle bytes.Buffer
		if _, err := full.Bundles().Export(ctx, &bundle, nil); err != nil {
			t.Fatal(err)
		}
		empty := open("empty")
		got, err := empty.Bundles().Import(ctx, bytes.NewReader(bundle.Bytes()), nil)
		if err != nil || len(got.Refused) > 0 {
			t.Fatalf("seed %d: %+v, %v", seed, got, err)
		}
		if empty.Root() != full.Root() || empty.ledger.Stats().Wanted != full.ledger.Stats().Wanted {
			t.Fatalf("seed %d: %d of %d entries, %d wanted instead of %d", seed, got.New, len(feed.Entries), empty.ledger.Stats().Wanted, full.ledger.Stats().Wanted)
		}
		// The same in two pieces, of which the first ends anywhere: what is known is no hole.
		half := open("half")
		_, _ = half.Bundles().Import(ctx, bytes.NewReader(bundle.Bytes()[:rng.IntN(bundle.Len())]), nil)
		if again, err := half.Bundles().Import(ctx, bytes.NewReader(bundle.Bytes()), nil); err != nil || len(again.Refused) > 0 || half.Root() != full.Root() {
			t.Fatalf("seed %d: in two pieces: %+v, %v", seed, again, err)
		}
	}
}

// Other tools read a bundle: an implementation that is not ours finds its root and every
// block, whose hash and canonical form it checks itself.
func TestBundle_IsReadByOtherTools(t *testing.T) {
	_, bundle := reader(t)
	readByOthers(t, bundle)
}

func readByOthers(t *testing.T, file []byte) {
	t.Helper()
	r, err := carv2.NewBlockReader(bytes.NewReader(file)) // checks every hash itself
	if err != nil {
		t.Fatal(err)
	}
	if r.Version != 1 || len(r.Roots) != 1 {
		t.Fatalf("CAR version %d with %d roots", r.Version, len(r.Roots))
	}
	blocks, root := 0, false
	for {
		b, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("block %d: %v", blocks, err)
		}
		blocks++
		root = root || b.Cid() == r.Roots[0]
		node := basicnode.Prototype.Any.NewBuilder()
		if err := dagcbor.Decode(node, bytes.NewReader(b.RawData())); err != nil {
			t.Fatalf("block %d is not DAG-CBOR: %v", blocks, err)
		}
		var again bytes.Buffer
		if err := dagcbor.Encode(node.Build(), &again); err != nil || !bytes.Equal(again.Bytes(), b.RawData()) {
			t.Fatalf("block %d is not in the canonical form of others: %v", blocks, err)
		}
	}
	if !root || blocks < 50 {
		t.Fatalf("%d blocks, the root among them: %t", blocks, root)
	}
}

// A backup with the papers of its home is such a file too.
func TestBackup_IsReadByOtherTools(t *testing.T) {
	r, bundle := reader(t)
	if _, err := r.Bundles().Import(t.Context(), bytes.NewReader(bundle), nil); err != nil {
		t.Fatal(err)
	}
	var backup bytes.Buffer
	if _, err := r.ledger.Backup(t.Context(), &backup, nil, ledger.Paper{Name: ledger.PaperFounding, Data: r.cfg.Papers}, ledger.Paper{Name: "member.json", Data: []byte("{}")}); err != nil {
		t.Fatal(err)
	}
	readByOthers(t, backup.Bytes())
}

// One changed byte anywhere in a block is refused by the CID that the block claims, and
// nothing of that block is taken in.
func TestImport_NamesTheBrokenBlock(t *testing.T) {
	r, bundle := reader(t)
	blocks, err := carv2.NewBlockReader(bytes.NewReader(bundle))
	if err != nil {
		t.Fatal(err)
	}
	broken := 0
	for {
		b, err := blocks.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		at := bytes.Index(bundle, b.RawData())
		if broken++; at < 0 || broken%7 != 3 {
			continue
		}
		file := bytes.Clone(bundle)
		file[at+len(b.RawData())/2] ^= 1
		_, err = r.Bundles().Import(t.Context(), bytes.NewReader(file), nil)
		var e *protocol.Error
		if !errors.As(err, &e) || e.Reason != protocol.ReasonBadHash || e.ID != b.Cid().String() {
			t.Fatalf("block %d, %s: got %v", broken, b.Cid(), err)
		}
	}
	if broken < 20 {
		t.Errorf("only %d blocks", broken)
	}
}
