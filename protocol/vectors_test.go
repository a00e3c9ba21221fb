package protocol

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The published vectors are made here, from fixed seeds, and checked in:
//
//	go test ./protocol -run TestVectors -update
//
// What is expected of each is written down by hand beside it, never taken from the
// code under test.
var update = flag.Bool("update", false, "write testdata/vectors anew")

// vector is one case as it stands in a file. Bytes are hexadecimal; CIDs in Out are
// text; lists of bytes are lists of hexadecimal strings.
type vector struct {
	Name   string         `json:"name"`
	Expect string         `json:"expect"` // "accept", or the code of the Reason
	Reason string         `json:"reason"` // why, for people
	In     map[string]any `json:"in"`
	Out    map[string]any `json:"out,omitempty"`
}

type vectorFile struct {
	About   string   `json:"about"`
	Vectors []vector `json:"vectors"`
}

// suite is one file: its cases and the code that judges a case's inputs.
type suite struct {
	file, about string
	judge       func(in inputs) (map[string]any, error)
	cases       []vector
}

func (s *suite) add(name, expect, reason string, in map[string]any) {
	s.cases = append(s.cases, vector{Name: name, Expect: expect, Reason: reason, In: in})
}

type inputs map[string]any

func (in inputs) text(key string) string { s, _ := in[key].(string); return s }

func (in inputs) bytes(key string) []byte { return unhex(in.text(key)) }

func (in inputs) list(key string) [][]byte {
	var out [][]byte
	all, _ := in[key].([]any)
	for _, v := range all {
		out = append(out, unhex(v.(string)))
	}
	return out
}

func (in inputs) cid(key string) CID {
	c, err := CastCID(in.bytes(key))
	if err != nil {
		panic(err)
	}
	return c
}

func (in inputs) key(key string) PublicKey { return PublicKey(in.bytes(key)) }

// zeros is how a file writes many bytes that nobody needs to see.
func zeros(n int) string { return fmt.Sprintf("zeros:%d", n) }

func unhex(s string) []byte {
	if n, ok := strings.CutPrefix(s, "zeros:"); ok {
		count, err := strconv.Atoi(n)
		if err != nil {
			panic(err)
		}
		return make([]byte, count)
	}
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

func hexes(blocks [][]byte) []any {
	out := make([]any, len(blocks))
	for i, b := range blocks {
		out[i] = hex.EncodeToString(b)
	}
	return out
}

func raws(entries []Entry) (out [][]byte) {
	for _, e := range entries {
		out = append(out, e.Bytes())
	}
	return out
}

func suites(t testing.TB) []*suite {
	w := newVectorWorld(t)
	return []*suite{
		codecVectors(), cidVectors(), keyVectors(), frontierVectors(w), frameVectors(w),
		headerVectors(w), inceptionVectors(w), chainVectors(w), endorseVectors(w), bodyVectors(w), messageVectors(w), forkVectors(w),
		foundingVectors(w), statementVectors(w), cardVectors(w), invitationVectors(w), applicationVectors(w), healthVectors(w), erasureVectors(w), manifestVectors(w),
	}
}

func TestVectors(t *testing.T) {
	for _, s := range suites(t) {
		t.Run(s.file, func(t *testing.T) {
			file := vectorFile{About: s.about}
			names := map[string]bool{}
			for _, v := range s.cases {
				v.In = plain(t, v.In)
				if names[v.Name] {
					t.Errorf("two vectors named %q", v.Name)
				}
				names[v.Name] = true
				out, err := s.judge(v.In)
				got := "accept"
				if err != nil {
					got = ReasonOf(err).String()
				}
				if got != v.Expect {
					t.Errorf("%s: %s, want %s (%v)", v.Name, got, v.Expect, err)
				}
				v.Out = out
				file.Vectors = append(file.Vectors, v)
			}
			var b bytes.Buffer
			enc := json.NewEncoder(&b)
			enc.SetEscapeHTML(false)
			enc.SetIndent("", " ")
			if err := enc.Encode(file); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", "vectors", s.file+".json")
			if *update && !t.Failed() {
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			held, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(held, b.Bytes()) {
				t.Errorf("%s is not what this code makes; look at what changed, then run with -update", path)
			}
		})
	}
}

// The files are judged as they stand, by themselves, as another implementation would.
func TestVectors_AsPublished(t *testing.T) {
	for _, s := range suites(t) {
		raw, err := os.ReadFile(filepath.Join("testdata", "vectors", s.file+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var file vectorFile
		if err := json.Unmarshal(raw, &file); err != nil {
			t.Fatal(err)
		}
		accepted, refused := 0, 0
		for _, v := range file.Vectors {
			out, err := s.judge(v.In)
			if got := ReasonOf(err).String(); got != v.Expect && (err != nil || v.Expect != "accept") {
				t.Errorf("%s: %s: %s, want %s", s.file, v.Name, got, v.Expect)
			}
			if got, want := plain(t, out), plain(t, v.Out); !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %s: got %v, want %v", s.file, v.Name, got, want)
			}
			if err == nil {
				accepted++
			} else {
				refused++
			}
		}
		if accepted == 0 || refused == 0 && s.file != "frontier" {
			t.Errorf("%s: %d accepted, %d refused; a suite has both", s.file, accepted, refused)
		}
	}
}

// check.py knows nothing of this code: it was written from SPEC.md, on SHA-256,
// Ed25519 and a CBOR reader of its own.
func TestVectors_InAnotherLanguage(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed; the vectors were checked by Go alone")
	}
	began := time.Now()
	out, err := exec.Command(python, filepath.Join("testdata", "vectors", "check.py")).CombinedOutput()
	if err != nil {
		t.Fatalf("check.py: %v\n%s", err, out)
	}
	t.Logf("%s in %s", bytes.TrimSpace(out), time.Since(began).Round(time.Millisecond))
}

// plain is the value as JSON gives it back.
func plain(t testing.TB, v map[string]any) map[string]any {
	t.Helper()
	if v == nil {
		return nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// vectorWorld is the federation that the vectors speak of.
type vectorWorld struct {
	t            testing.TB
	founding     []byte
	fed, other   FederationID
	root, node   PrivateKey
	entries      []Entry // inception, three offers
	bodies       [][]byte
	foundingForm FoundingAct
}

func newVectorWorld(t testing.TB) *vectorWorld {
	w := &vectorWorld{t: t, root: testKey(t, "seoul root"), node: testKey(t, "seoul node"), other: Sum([]byte("another federation"))}
	w.foundingForm = FoundingAct{Version: Version, Names: Text{"ko": "두레 시험 연합", "en": "Test federation"}, Charter: Text{"en": "Members help one another."},
		Rules: Rules{Name: "charter-2014", Electors: "steering", Threshold: Ratio{1, 2}, Assembly: Ratio{2, 3}, Rebind: 30},
		Founders: []MemberFacts{
			{Handle: "kr-seoul", Kind: KindCity, Category: CategoryFull, Country: "KR", Names: Text{"ko": "서울특별시", "en": "Seoul"}, Root: w.root.Public()},
			{Handle: "ca-chantier", Kind: KindOrganisation, Category: CategoryFull, City: "Montréal", Names: Text{"fr": "Chantier"}, Root: testKey(t, "montreal root").Public()},
		},
		Offices: []Term{{Office: OfficeSteering, Member: "kr-seoul"}}, Salt: Salt{1, 2, 3}}
	raw, fed, err := EncodeFoundingAct(w.foundingForm)
	if err != nil {
		t.Fatal(err)
	}
	w.founding, w.fed = raw, fed
	w.entries, w.bodies = testFeed(t, fed, "seoul", 3)
	return w
}

// generic is the block as a map that can be spoilt.
func (w *vectorWorld) generic(raw []byte) map[string]any {
	v, err := DecodeGeneric(raw)
	if err != nil {
		w.t.Fatal(err)
	}
	return v.(map[string]any)
}

// loose encodes anything, also what Encode refuses.
func loose(v any) []byte {
	b, err := encoder.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// spoil changes an entry's fields and signs it anew with the node's key.
func (w *vectorWorld) spoil(e Entry, change func(m map[string]any)) []byte {
	m := w.generic(e.Bytes())
	delete(m, "sig")
	change(m)
	if _, set := m["sig"]; !set {
		sig := w.node.Sign(signedRaw(tagEntry, w.fed, loose(m)))
		m["sig"] = sig[:]
	}
	return loose(m)
}

func (w *vectorWorld) seal(h Header) Entry {
	e, err := Seal(w.fed, h, w.node)
	if err != nil {
		w.t.Fatal(err)
	}
	return e
}

// after is a valid header that follows prev.
func (w *vectorWorld) after(prev Entry, kind Kind) Header {
	return Header{Act: ActRef{ID: w.fed}, Feed: prev.Feed(), Seq: prev.Seq() + 1, Prev: prev.ID(), Kind: kind, Time: prev.Header().Time + 1}
}

// unsigned replaces an entry's own signature by one that does not verify.
func (w *vectorWorld) unsigned(e Entry) Entry {
	m := w.generic(e.Bytes())
	m["sig"] = bytes.Repeat([]byte{7}, 64)
	bad, err := DecodeEntry(loose(m))
	if err != nil {
		w.t.Fatal(err)
	}
	return bad
}

// replace swaps one byte string for another, which must stand there once.
func replace(raw []byte, from, to string) []byte {
	f, to2 := unhex(from), unhex(to)
	if bytes.Count(raw, f) != 1 {
		panic(fmt.Sprintf("%x stands %d times", f, bytes.Count(raw, f)))
	}
	return bytes.Replace(raw, f, to2, 1)
}
