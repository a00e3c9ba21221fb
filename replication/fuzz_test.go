package replication

import (
	"bytes"
	"context"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/replication/ledger"
)

// reader is a replica with an empty ledger, and a bundle of a federation that it could
// import.
func reader(t testing.TB) (*Replica, []byte) {
	t.Helper()
	w := benchWorldOf(t, 2)
	open := func(name string, key protocol.PrivateKey) *Replica {
		l, err := ledger.Open(ledger.Config{Dir: filepath.Join(t.TempDir(), name), Federation: w.fed, FloorBytes: 1 << 20, ReserveBytes: 1})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		r, err := New(Config{Ledger: l, Founding: w.founding, Papers: w.papers, Federation: w.fed, Key: key})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	full := open("full", w.nodes[0].node)
	w.fillSome(t, full, 40)
	var bundle bytes.Buffer
	if _, err := full.Bundles().Export(context.Background(), &bundle, nil); err != nil {
		t.Fatal(err)
	}
	return open("empty", keyOf(t, "a reader")), bundle.Bytes()
}

// Whatever a file says it is, importing it ends, does not panic, and leaves a ledger
// that verifies.
func FuzzImport(f *testing.F) {
	r, bundle := reader(f)
	f.Add(bundle)
	f.Add(bundle[:len(bundle)/2])
	f.Add(append(bytes.Clone(bundle), bundle...))
	f.Add([]byte{})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f})
	for _, at := range []int{1, 60, 200, len(bundle) - 3} {
		flipped := bytes.Clone(bundle)
		flipped[at] ^= 0x20
		f.Add(flipped)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		_, err := r.Bundles().Import(context.Background(), bytes.NewReader(file), nil)
		if reason := protocol.ReasonOf(err); reason == protocol.ReasonInternal || reason == protocol.ReasonReadOnly {
			t.Fatalf("%v", err)
		}
	})
}

// The same with a thousand damaged copies of a real file, and the ledger they leave.
func TestImport_DamagedFilesLeaveAWholeLedger(t *testing.T) {
	r, bundle := reader(t)
	dice := rand.New(rand.NewPCG(4, 4))
	refused := 0
	for range 1000 {
		file := bytes.Clone(bundle)
		for range 1 + dice.IntN(3) {
			file[dice.IntN(len(file))] ^= 1 << dice.IntN(8)
		}
		_, err := r.Bundles().Import(context.Background(), bytes.NewReader(file[:len(file)-dice.IntN(2)*dice.IntN(len(file))]), nil)
		switch protocol.ReasonOf(err) {
		case protocol.ReasonInternal, protocol.ReasonReadOnly:
			t.Fatal(err)
		case protocol.ReasonNone:
		default:
			refused++
		}
	}
	if refused == 0 {
		t.Error("no damage was noticed")
	}
	report, err := r.ledger.Verify(context.Background(), nil)
	if err != nil || !report.Clean() {
		t.Errorf("%+v, %v", report, err)
	}
}

// What a frame is read as, it is written as.
func FuzzMalleability_Page(f *testing.F) {
	w := benchWorldOf(f, 1)
	sent := protocol.Sent{Headers: [][]byte{w.nodes[0].inception.Bytes()}, Bodies: [][]byte{{}}}
	raw, err := protocol.Encode(&sent)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		var sent protocol.Sent
		if protocol.Decode(raw, &sent) != nil {
			return
		}
		page, err := decodePage(sent)
		if err != nil {
			return
		}
		for i, e := range page.Entries {
			if !bytes.Equal(e.Bytes(), sent.Headers[i]) || !e.ID().Matches(sent.Headers[i]) {
				t.Fatalf("header %d came back as other bytes", i)
			}
		}
	})
}

func TestImport_EqualsTheSource(t *testing.T) {
	r, bundle := reader(t)
	got, err := r.Bundles().Import(context.Background(), bytes.NewReader(bundle), nil)
	if err != nil {
		t.Fatal(err)
	}
	var again bytes.Buffer
	if _, err := r.Bundles().Export(context.Background(), &again, nil); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again.Bytes(), bundle) {
		t.Errorf("%d entries were imported, and exporting them gives another file", got.New)
	}
	if again, err := r.Bundles().Import(context.Background(), bytes.NewReader(bundle), nil); err != nil || again.New != 0 {
		t.Errorf("importing again: %+v, %v", again, err)
	}
}
