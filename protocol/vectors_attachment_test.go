package protocol

import (
	"bytes"
	"encoding/hex"
	"testing"
)

func manifestVectors(*vectorWorld) *suite {
	s := &suite{file: "manifests", about: "Manifests of files. in.manifest, in.id; out.bytes, out.chunks, out.last: length of the last chunk.",
		judge: func(in inputs) (map[string]any, error) {
			id, err := ParseCID(in.text("id"))
			if err != nil {
				return nil, err
			}
			m, err := DecodeManifest(id, in.bytes("manifest"))
			if err != nil {
				return nil, err
			}
			return map[string]any{"bytes": m.Bytes, "chunks": len(m.Chunks), "last": m.ChunkSize(len(m.Chunks) - 1)}, nil
		}}
	as := func(name, expect, reason string, id CID, raw []byte) {
		s.add(name, expect, reason, map[string]any{"id": id.String(), "manifest": hex.EncodeToString(raw)})
	}
	add := func(name, expect, reason string, content any) {
		raw := loose(content)
		as(name, expect, reason, Sum(raw), raw)
	}
	one, full := SumRaw([]byte("두레")), SumRaw(bytes.Repeat([]byte{1}, ChunkBytes))
	chunks := func(n int) []any {
		out := make([]any, n)
		for i := range out {
			out[i] = full
		}
		return out
	}
	small := map[string]any{"bytes": 6, "chunks": []any{one}}
	add("a short file", "accept", "one chunk, as long as the file", small)
	add("a full chunk", "accept", "65,536 bytes are one chunk", map[string]any{"bytes": ChunkBytes, "chunks": []any{full}})
	add("one byte more", "accept", "a second chunk of one byte", map[string]any{"bytes": ChunkBytes + 1, "chunks": []any{full, one}})
	add("the largest file", "accept", "10 MiB: 160 chunks", map[string]any{"bytes": MaxAttachmentBytes, "chunks": chunks(MaxChunks)})
	add("no bytes", "malformed", "an empty file is none", map[string]any{"bytes": 0, "chunks": []any{}})
	add("one byte too many", "too_large", "10 MiB and one byte", map[string]any{"bytes": MaxAttachmentBytes + 1, "chunks": chunks(MaxChunks + 1)})
	add("2^63 bytes", "too_large", "beyond every file", map[string]any{"bytes": uint64(1) << 63, "chunks": []any{one}})
	add("a chunk too few", "malformed", "the length says how many", map[string]any{"bytes": ChunkBytes + 1, "chunks": []any{full}})
	add("a chunk too many", "malformed", "the length says how many", map[string]any{"bytes": ChunkBytes, "chunks": []any{full, one}})
	add("no chunks", "malformed", "the length says how many", map[string]any{"bytes": 6, "chunks": []any{}})
	add("a chunk that is a block", "malformed", "chunks are raw", map[string]any{"bytes": 6, "chunks": []any{Sum([]byte("두레"))}})
	add("a chunk that is bytes", "malformed", "chunks are links", map[string]any{"bytes": 6, "chunks": []any{one.Bytes()}})
	add("no length", "non_canonical", "every field is written", map[string]any{"chunks": []any{one}})
	add("a negative length", "malformed", "a file has bytes", map[string]any{"bytes": -6, "chunks": []any{one}})
	add("a name", "too_new", "the record says how a file is called", map[string]any{"bytes": 6, "chunks": []any{one}, "name": "report.pdf"})
	as("of another hash", "bad_hash", "the id is its hash", Sum([]byte("another")), loose(small))
	as("under a raw id", "bad_hash", "a manifest is a block", SumRaw(loose(small)), loose(small))
	as("another order", "non_canonical", "keys by length, then by bytes", Sum(swapped(small)), swapped(small))
	large := loose(map[string]any{"bytes": 6, "chunks": []any{one}, "zz": bytes.Repeat([]byte{0}, MaxManifestBytes)})
	as("more than 8 KiB", "too_large", "160 links take under 7 KiB", Sum(large), large)
	return s
}

// swapped writes the manifest's keys in the other order.
func swapped(m map[string]any) []byte {
	raw := loose(m)
	n := bytes.Index(raw, []byte("\x66chunks"))
	return append(append([]byte{raw[0]}, raw[n:]...), raw[1:n]...)
}

func FuzzMalleability_Manifest(f *testing.F) {
	seeds(f, "manifests", "manifest")
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := DecodeManifest(Sum(raw), raw)
		if err != nil {
			return
		}
		roundTrips(t, raw)
		again, id, err := m.Encode()
		if err != nil || id != Sum(raw) || !bytes.Equal(again, raw) {
			t.Fatalf("%v: one file, two manifests:\n%x\n%x", err, raw, again)
		}
		total := 0
		for i := range m.Chunks {
			total += m.ChunkSize(i)
		}
		if uint64(total) != m.Bytes {
			t.Fatalf("chunks of %d bytes in a file of %d", total, m.Bytes)
		}
	})
}

func FuzzMalleability_FileAsk(f *testing.F)  { frameSeeds(f, "file_ask"); malleable[FileAsk](f) }
func FuzzMalleability_FileSent(f *testing.F) { frameSeeds(f, "file_sent"); malleable[FileSent](f) }
