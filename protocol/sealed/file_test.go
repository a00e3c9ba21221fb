package sealed_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/iotest"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/sealed"
)

// pattern is a file of so many bytes, the same for everybody.
func pattern(n int) []byte {
	out := make([]byte, n)
	for i := range out {
		out[i] = byte(i*7 + i>>8)
	}
	return out
}

func sealFile(t testing.TB, key sealed.ContentKey, r io.Reader) (sealed.File, []byte) {
	t.Helper()
	s := sealed.SealFile(r, key)
	raw, err := io.ReadAll(s)
	if err != nil {
		t.Fatal(err)
	}
	var c protocol.Chunker
	_, _ = c.Write(raw)
	_, _, id, err := c.End()
	if err != nil {
		t.Fatal(err)
	}
	return sealed.File{ID: id, Key: key, Bytes: s.Bytes(), Type: "application/pdf"}, raw
}

func openFile(f sealed.File, raw []byte) ([]byte, error) {
	var out []byte
	for i := 0; i*protocol.ChunkBytes < len(raw); i++ {
		plain, err := f.Segment(i, raw[i*protocol.ChunkBytes:min((i+1)*protocol.ChunkBytes, len(raw))])
		if err != nil {
			return nil, err
		}
		out = append(out, plain...)
	}
	return out, nil
}

// Files of every length that matters come back as they were, in a form of one of fifteen
// lengths.
func TestFile_ThereAndBack(t *testing.T) {
	const one = sealed.SegmentBytes
	lengths := map[int]int{1: 1, 500: 1, one - 1: 1, one: 1, one + 1: 2, 2 * one: 2, 2*one + 1: 3, 4*one + 1: 6, 6 * one: 6, 33 * one: 48, 129 * one: 160, sealed.MaxFileBytes: 160}
	for n, segments := range lengths {
		file := pattern(n)
		for name, r := range map[string]io.Reader{"at once": bytes.NewReader(file), "with its end": iotest.DataErrReader(bytes.NewReader(file)), "in halves": iotest.HalfReader(bytes.NewReader(file))} {
			f, raw := sealFile(t, sealed.ContentKey{1}, r)
			if len(raw) != segments*protocol.ChunkBytes || f.SealedBytes() != uint64(len(raw)) || f.Bytes != uint64(n) {
				t.Fatalf("%d bytes %s: %d are sealed, it says %d of %d", n, name, len(raw), f.SealedBytes(), f.Bytes)
			}
			if bytes.Contains(raw, file[:min(n, 12)]) && n >= 12 {
				t.Fatalf("%d bytes %s: the file can be read", n, name)
			}
			if got, err := openFile(f, raw); err != nil || !bytes.Equal(got, file) {
				t.Fatalf("%d bytes %s: %d came back, %v", n, name, len(got), err)
			}
		}
	}
}

func TestFile_WhatIsNoFile(t *testing.T) {
	for what, c := range map[string]struct {
		r    io.Reader
		want protocol.Reason
	}{
		"nothing":         {bytes.NewReader(nil), protocol.ReasonMalformed},
		"too much":        {bytes.NewReader(make([]byte, sealed.MaxFileBytes+1)), protocol.ReasonTooLarge},
		"one without end": {zeros{}, protocol.ReasonTooLarge},
	} {
		if _, err := io.Copy(io.Discard, sealed.SealFile(c.r, sealed.ContentKey{1})); protocol.ReasonOf(err) != c.want {
			t.Errorf("%s: %v", what, err)
		}
	}
	// A connection that breaks off makes no shorter file.
	broken := io.MultiReader(bytes.NewReader(pattern(100)), iotest.ErrReader(io.ErrUnexpectedEOF))
	if _, err := io.Copy(io.Discard, sealed.SealFile(broken, sealed.ContentKey{1})); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a broken one: %v", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// A segment opens in its place alone, and with its key alone.
func TestFile_SegmentsKeepTheirPlaces(t *testing.T) {
	f, raw := sealFile(t, sealed.ContentKey{1}, bytes.NewReader(pattern(3*sealed.SegmentBytes-5)))
	segment := func(i int) []byte { return raw[i*protocol.ChunkBytes : (i+1)*protocol.ChunkBytes] }
	for i := range 3 {
		for j := range 3 {
			if _, err := f.Segment(i, segment(j)); (err == nil) != (i == j) {
				t.Errorf("segment %d in the place of %d: %v", j, i, err)
			}
		}
	}
	other := f
	other.Key = sealed.ContentKey{2}
	if _, err := other.Segment(0, segment(0)); protocol.ReasonOf(err) != protocol.ReasonBadHash {
		t.Errorf("with another key: %v", err)
	}
	short := f // who says that it ends earlier
	short.Bytes = 2 * sealed.SegmentBytes
	if _, err := short.Segment(1, segment(1)); protocol.ReasonOf(err) != protocol.ReasonBadHash {
		t.Errorf("cut off: %v", err)
	}
	less := f // within the last segment, where the rest must be zeros
	less.Bytes -= 10
	if _, err := less.Segment(2, segment(2)); protocol.ReasonOf(err) != protocol.ReasonMalformed {
		t.Errorf("a shorter length: %v", err)
	}
	for _, i := range []int{-1, 3, 1 << 40} {
		if _, err := f.Segment(i, segment(0)); protocol.ReasonOf(err) != protocol.ReasonMalformed {
			t.Errorf("segment %d: %v", i, err)
		}
	}
	if _, err := f.Segment(0, segment(0)[1:]); protocol.ReasonOf(err) != protocol.ReasonMalformed {
		t.Errorf("a short one: %v", err)
	}
}

// A letter refuses files that none can be, and its key prints nowhere.
func TestLetter_JudgesFiles(t *testing.T) {
	good, _ := sealFile(t, sealed.ContentKey{9, 8, 7}, bytes.NewReader(pattern(10)))
	letter := func(f sealed.File) *sealed.Letter {
		return &sealed.Letter{What: sealed.WhatParticulars, To: []string{"fr-paris"}, Documents: []sealed.Document{{Title: "여권 사본", File: &f}}}
	}
	if err := letter(good).Check(); err != nil {
		t.Fatal(err)
	}
	for field, change := range map[string]func(*sealed.File){
		"id": func(f *sealed.File) { f.ID = protocol.SumRaw([]byte("x")) }, "key": func(f *sealed.File) { f.Key = sealed.ContentKey{} },
		"bytes": func(f *sealed.File) { f.Bytes = sealed.MaxFileBytes + 1 }, "type": func(f *sealed.File) { f.Type = "" },
	} {
		bad := good
		change(&bad)
		var e *protocol.Error
		if err := letter(bad).Check(); !errors.As(err, &e) || e.Field != field || e.Reason != protocol.ReasonMalformed {
			t.Errorf("another %s: %v", field, err)
		}
	}
	if text := fmt.Sprintf("%v %+v %#v", good, good, good); bytes.Contains([]byte(text), []byte("9 8 7")) || bytes.Contains([]byte(text), []byte("0x9, 0x8")) {
		t.Errorf("the key is printed: %s", text)
	}
}

// What was changed in any place opens to nothing.
func FuzzMalleability_File(f *testing.F) {
	file, raw := sealFile(f, sealed.ContentKey{1}, bytes.NewReader(pattern(2*sealed.SegmentBytes-100)))
	last := raw[protocol.ChunkBytes:]
	f.Add(0, byte(1), 1, file.Bytes)
	f.Add(protocol.ChunkBytes-1, byte(128), 1, file.Bytes)
	f.Add(5, byte(0), 1, file.Bytes)
	f.Add(5, byte(0), 0, file.Bytes)
	f.Add(5, byte(0), 1, file.Bytes-1)
	f.Add(5, byte(0), 1, uint64(1)<<63)
	f.Fuzz(func(t *testing.T, at int, bit byte, i int, said uint64) {
		given := bytes.Clone(last)
		if at >= 0 {
			given[at%len(given)] ^= bit
		}
		claimed := file
		claimed.Bytes = said
		plain, err := claimed.Segment(i, given)
		whole := append(pattern(int(file.Bytes)), make([]byte, 100)...) // its letter says how much of it is the file
		if err == nil && (i != 1 || !bytes.Equal(given, last) || said < file.Bytes || !bytes.Equal(plain, whole[sealed.SegmentBytes:said])) {
			t.Fatalf("segment %d of a file of %d bytes, changed at %d by %d, opens", i, said, at, bit)
		}
		if err != nil && protocol.ReasonOf(err) == protocol.ReasonInternal {
			t.Fatal(err)
		}
	})
}
