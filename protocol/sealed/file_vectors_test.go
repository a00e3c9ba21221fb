package sealed_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/dure-net/dure/protocol/sealed"
)

const fileVectorPath = "testdata/vectors/file.json"

// fileVector is a file, as a piece repeated so many times and cut to a length, and what its
// encrypted form is.
type fileVector struct {
	Name   string `json:"name"`
	Key    string `json:"key"`
	Piece  string `json:"piece"`
	Bytes  int    `json:"bytes"`
	Sealed int    `json:"sealed"`
	SHA256 string `json:"sha256"`
}

func (v fileVector) seal(t *testing.T) []byte {
	t.Helper()
	piece := unhex(t, v.Piece)
	file := bytes.Repeat(piece, v.Bytes/len(piece)+1)[:v.Bytes]
	f, raw := sealFile(t, sealed.ContentKey(unhex(t, v.Key)), bytes.NewReader(file))
	if got, err := openFile(f, raw); err != nil || !bytes.Equal(got, file) {
		t.Fatalf("%s: it does not come back: %v", v.Name, err)
	}
	return raw
}

func TestFileVectors(t *testing.T) {
	var file struct {
		About   string       `json:"about"`
		Vectors []fileVector `json:"vectors"`
	}
	if *update {
		file.About = "Files of letters (section 18). The file is piece repeated, cut to bytes; sha256 is of its encrypted form, sealed bytes long."
		key := hex.EncodeToString(bytes.Repeat([]byte{0xc3}, 32))
		for _, v := range []fileVector{{"one byte", key, "78", 1, 0, ""}, {"as much as one segment holds", key, "647572650a", 65520, 0, ""}, {"a byte more", key, "647572650a", 65521, 0, ""}} {
			raw := v.seal(t)
			sum := sha256.Sum256(raw)
			v.Sealed, v.SHA256 = len(raw), hex.EncodeToString(sum[:])
			file.Vectors = append(file.Vectors, v)
		}
		raw, err := json.MarshalIndent(file, "", " ")
		if err == nil {
			err = os.WriteFile(filepath.FromSlash(fileVectorPath), append(raw, '\n'), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(filepath.FromSlash(fileVectorPath))
	if err == nil {
		err = json.Unmarshal(raw, &file)
	}
	if err != nil || len(file.Vectors) == 0 {
		t.Fatal(err)
	}
	for _, v := range file.Vectors {
		raw := v.seal(t)
		if sum := sha256.Sum256(raw); len(raw) != v.Sealed || hex.EncodeToString(sum[:]) != v.SHA256 {
			t.Errorf("%s: %d bytes, %x", v.Name, len(raw), sum)
		}
	}
}
