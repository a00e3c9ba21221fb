package archive

import (
	"archive/zip"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/proof"
	"github.com/dure-net/dure/protocol/protocoltest"
)

// made is an archive of two versions of a record, the second one without a signature of
// its own, and one file.
func made(t testing.TB) ([]byte, Contents) {
	t.Helper()
	act, fed, members := protocoltest.Federation(2)
	file := bytes.Repeat([]byte("두레 "), 20_000)
	var c protocol.Chunker
	_, _ = c.Write(file)
	_, _, id, err := c.End()
	if err != nil {
		t.Fatal(err)
	}
	content := map[string]any{"type": "project", "attachments": []any{map[string]any{"id": id, "bytes": uint64(len(file)), "media_type": "text/plain"}}}
	f := protocoltest.NewFeed(fed, members[0].Root, members[0].Node)
	f.Append(protocol.KindProject, map[string]any{"type": "project"})
	f.AppendUnsigned(protocol.KindProject, content)
	f.Append(protocol.KindNode, map[string]any{})
	page := f.Page(0, 4)
	contents := Contents{Page: []byte("<!doctype html>"), Data: []byte("{}"), How: "sha256sum -c", At: time.Unix(1_800_000_000, 0),
		Files: []File{{Number: 1, Name: "보고서: 최종.txt", ID: id, Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(file)), nil }}}}
	for i := 1; i <= 2; i++ {
		p := proof.Proof{Version: proof.Version, Federation: fed, Entry: page.Entries[i].ID(), Header: page.Entries[i].Bytes(), Body: page.Bodies[i],
			Inception: page.Entries[0].Bytes(), Founding: act, Member: members[0].Handle}
		if i == 2 {
			p.Run = [][]byte{page.Entries[3].Bytes()}
		}
		contents.Proofs = append(contents.Proofs, p)
	}
	var out bytes.Buffer
	if err := Write(&out, contents); err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), contents
}

func verify(raw []byte) (Report, error) { return Verify(bytes.NewReader(raw), int64(len(raw))) }

// unpacked are the files of a ZIP, in order.
func unpacked(t testing.TB, raw []byte) (names []string, files map[string][]byte) {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	files = map[string][]byte{}
	for _, f := range z.File {
		r, err := f.Open()
		if err == nil {
			files[f.Name], err = io.ReadAll(r)
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, f.Name)
	}
	return names, files
}

func packed(t testing.TB, names []string, files map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range names {
		f, err := w.Create(name)
		if err == nil {
			_, err = f.Write(files[name])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// resum writes the list of hashes anew, as a forger would.
func resum(names []string, files map[string][]byte) {
	var list strings.Builder
	for _, name := range names {
		if name != NameSums {
			sum := sha256.Sum256(files[name])
			list.WriteString(hex.EncodeToString(sum[:]) + "  " + name + "\n")
		}
	}
	files[NameSums] = []byte(list.String())
}

func TestArchive_Whole(t *testing.T) {
	raw, contents := made(t)
	report, err := verify(raw)
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Entries) != 2 || len(report.Files) != 1 || len(report.Missing) != 0 || report.Files[0].Name != "1-보고서_ 최종.txt" ||
		report.Entries[1].SignedBy == report.Entries[1].Entry || report.Entries[0].Founder != "kr-city1" || !report.Entries[1].Body {
		t.Errorf("%+v", report)
	}
	var again bytes.Buffer
	if err := Write(&again, contents); err != nil || !bytes.Equal(again.Bytes(), raw) {
		t.Errorf("the same contents make another archive: %v", err)
	}
}

// What is in signatures/ verifies with Ed25519 alone, and is what the headers in blocks/
// were signed for.
func TestArchive_SignaturesForAnyTool(t *testing.T) {
	raw, _ := made(t)
	names, files := unpacked(t, raw)
	checked := 0
	for _, name := range names {
		stem, ok := strings.CutSuffix(name, ".pem")
		if !ok {
			continue
		}
		block, _ := pem.Decode(files[name])
		key, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		if !ed25519.Verify(key.(ed25519.PublicKey), files[stem+".message"], files[stem+".signature"]) {
			t.Errorf("%s does not verify", stem)
		}
		header := files[dirBlocks+strings.TrimPrefix(stem, dirSigned)]
		if !bytes.Contains(header, files[stem+".signature"]) || !bytes.HasPrefix(files[stem+".message"], []byte("dure/entry/1\x00\x01\x71")) {
			t.Errorf("%s is not of its header", stem)
		}
		checked++
	}
	if checked != 3 { // the inception, the first version, and the entry that vouches for the second
		t.Errorf("%d signatures", checked)
	}
}

// Each single file changed, left out or added is noticed; and where a forger writes the
// list of hashes anew, what is proven is noticed all the same.
func TestArchive_Changed(t *testing.T) {
	raw, _ := made(t)
	names, _ := unpacked(t, raw)
	for _, name := range names {
		_, files := unpacked(t, raw)
		files[name] = append(bytes.Clone(files[name]), ' ')
		if _, err := verify(packed(t, names, files)); err == nil {
			t.Errorf("%s with a byte more is taken", name)
		}
		_, files = unpacked(t, raw)
		var left []string
		for _, n := range names {
			if n != name {
				left = append(left, n)
			}
		}
		if _, err := verify(packed(t, left, files)); err == nil {
			t.Errorf("without %s it is taken", name)
		}
	}
	_, files := unpacked(t, raw)
	files["virus.exe"] = []byte("MZ")
	if _, err := verify(packed(t, append(names, "virus.exe"), files)); protocol.ReasonOf(err) != protocol.ReasonMalformed {
		t.Errorf("with another file: %v", err)
	}
	forged := func(name string, change func([]byte) []byte) error {
		_, files := unpacked(t, raw)
		files[name] = change(files[name])
		resum(names, files)
		_, err := verify(packed(t, names, files))
		return err
	}
	if err := forged("files/1-보고서_ 최종.txt", func(b []byte) []byte { return append(b, '!') }); protocol.ReasonOf(err) != protocol.ReasonBadHash {
		t.Errorf("another file under an honest list: %v", err)
	}
	if err := forged("proofs/0001-project.json", func(b []byte) []byte {
		b = bytes.Clone(b)
		at := bytes.Index(b, []byte(`"header": "`)) + 60
		b[at] ^= 'A' ^ 'B' // another letter of base64, whichever it is
		return b
	}); err == nil {
		t.Error("another header under an honest list is taken")
	}
	if err := forged("proofs/0001-project.json", func([]byte) []byte { return []byte("null") }); err == nil {
		t.Error("no proof is taken for one")
	}
}

func TestArchive_Hostile(t *testing.T) {
	for what, names := range map[string][]string{"a way out": {"../x"}, "a root": {"/x"}, "a way round": {"a/../b"}, "one name twice": {"x", "x"}, "a backslash": {`a\b`}, "nothing": nil} {
		files := map[string][]byte{}
		for _, n := range names {
			files[n] = []byte("x")
		}
		all := append(names, NameSums)
		resum(all, files)
		if _, err := verify(packed(t, all, files)); protocol.ReasonOf(err) != protocol.ReasonMalformed {
			t.Errorf("%s: %v", what, err)
		}
	}
	var many []string
	files := map[string][]byte{}
	for i := range maxMembers + 1 {
		many = append(many, "f"+hex.EncodeToString([]byte{byte(i >> 8), byte(i)}))
	}
	if _, err := verify(packed(t, many, files)); protocol.ReasonOf(err) != protocol.ReasonTooLarge {
		t.Errorf("too many files: %v", err)
	}
	files = map[string][]byte{"bomb": make([]byte, maxMember+1)}
	if _, err := verify(packed(t, []string{"bomb"}, files)); protocol.ReasonOf(err) != protocol.ReasonTooLarge {
		t.Errorf("a file that unpacks to more than any: %v", err)
	}
	if _, err := verify([]byte("PK")); protocol.ReasonOf(err) != protocol.ReasonMalformed {
		t.Errorf("no ZIP: %v", err)
	}
}

func FuzzVerify(f *testing.F) {
	raw, _ := made(f)
	f.Add(raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		if r, err := verify(raw); err == nil && len(r.Entries) == 0 {
			t.Fatal("it proves nothing and is taken")
		}
	})
}

// Readers of ZIP pass over bytes that are of no file: behind the end, before the first file,
// or in a comment. An archive has none. The first was once not told.
func TestVerify_NothingBesides(t *testing.T) {
	raw, _ := made(t)
	if _, err := verify(raw); err != nil {
		t.Fatal(err)
	}
	comment := bytes.Clone(raw)
	comment[len(comment)-2] = 3
	list := bytes.Index(raw, []byte("PK\x01\x02"))
	for what, changed := range map[string][]byte{
		"a byte behind":       append(bytes.Clone(raw), 'x'),
		"a kilobyte behind":   append(bytes.Clone(raw), make([]byte, 1024)...),
		"a comment":           append(comment, "abc"...),
		"a byte before":       append([]byte{'x'}, raw...),
		"bytes before a list": append(append(bytes.Clone(raw[:list]), "hidden"...), raw[list:]...),
		"another ZIP behind":  append(bytes.Clone(raw), raw...),
	} {
		if _, err := verify(changed); protocol.ReasonOf(err) != protocol.ReasonMalformed {
			t.Errorf("%s: got %v", what, err)
		}
	}
}
