package replication

import (
	"bytes"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/replication/mesh"
)

// asksFile puts one question for a file, and tells whether anything of one was given.
func (s *siege) asksFile(ask any) string {
	return s.stream(s.Handler().ServeFiles, func(p pipe) {
		if raw, ok := ask.([]byte); ok {
			_, _ = p.Write(raw)
		} else {
			_ = protocol.WriteFrame(p, ask)
		}
		for {
			var sent protocol.FileSent
			if err := protocol.ReadFrame(byteReader{p}, protocol.MaxFrameBytes, &sent); err != nil || sent.End {
				return
			}
			s.t.Error("it was given something")
		}
	})
}

// fetches has this node fetch a file of the attacker's, who answers frame by frame and
// then closes the stream. The verdict tells whether anything of it was kept.
func (s *siege) fetches(bytes uint64, id protocol.CID, answers ...func(pipe)) string {
	w := wires{answer: map[mesh.Peer]func(mesh.Stream){s.by: func(st mesh.Stream) {
		p := st.(pipe)
		defer p.Close()
		for _, answer := range answers {
			var ask protocol.FileAsk
			if protocol.ReadFrame(byteReader{p}, protocol.MaxFrameBytes, &ask) != nil {
				return
			}
			answer(p)
		}
	}}}
	got, err := s.fetchFrom(s.ctx, w, s.by, WantedFile{Entry: naming, File: id, Bytes: bytes})
	time.Sleep(5 * time.Minute) // the other side notices
	if err == nil || got > 0 {
		return "taken"
	}
	return "given up: " + protocol.ReasonOf(err).String()
}

func fileInputs() []input {
	const where = "files, asking"
	unknown := protocol.Sum([]byte("nobody's file"))
	held := func(s *siege) protocol.CID { return s.shelf.put(fileOf(1, 3*protocol.ChunkBytes)) }
	question := func(ask func(s *siege) any) func(*siege) string {
		return func(s *siege) string { return s.asksFile(ask(s)) }
	}
	return []input{
		{where, "nothing", "reset", question(func(*siege) any { return []byte{} })},
		{where, "a frame said to be a kibibyte and more", "reset", question(func(*siege) any { return append([]byte{0x81, 0x08}, make([]byte, 1025)...) })},
		{where, "a hello of catch-up", "reset", question(func(*siege) any { return &protocol.Hello{} })},
		{where, "a file that is not here", "answered", question(func(*siege) any { return &protocol.FileAsk{Entry: naming, File: unknown} })},
		{where, "chunks of a file that is not here", "answered", question(func(*siege) any { return &protocol.FileAsk{Entry: naming, File: unknown, Chunks: []uint64{0, 1}} })},
		{where, "a file that no record names any more", "answered", func(s *siege) string {
			id := held(s)
			s.shelf.name(id, false)
			if v := s.asksFile(&protocol.FileAsk{Entry: naming, File: id}); v != "answered" {
				return v
			}
			return s.asksFile(&protocol.FileAsk{Entry: naming, File: id, Chunks: []uint64{0, 1, 2}})
		}},
		{where, "a file by an entry that does not name it", "answered", question(func(s *siege) any { return &protocol.FileAsk{Entry: s.entries[0].ID(), File: held(s)} })},
		{where, "a record in a file's place", "answered", question(func(s *siege) any { return &protocol.FileAsk{Entry: naming, File: s.entries[0].ID()} })},
		{where, "a chunk in a file's place", "reset", question(func(*siege) any { return &protocol.FileAsk{Entry: naming, File: protocol.SumRaw(nil)} })},
		{where, "chunks beyond the end of a file", "answered", question(func(s *siege) any { return &protocol.FileAsk{Entry: naming, File: held(s), Chunks: []uint64{3, 159}} })},
		{where, "a chunk beyond every file", "reset", question(func(s *siege) any { return &protocol.FileAsk{Entry: naming, File: held(s), Chunks: []uint64{160}} })},
		{where, "seventeen chunks", "reset", question(func(s *siege) any {
			return &protocol.FileAsk{Entry: naming, File: held(s), Chunks: []uint64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}}
		})},
		{where, "one chunk twice", "reset", question(func(s *siege) any { return &protocol.FileAsk{Entry: naming, File: held(s), Chunks: []uint64{1, 1}} })},
		{where, "a question whose answer is never read", "reset", func(s *siege) string {
			id := held(s)
			return s.stream(s.Handler().ServeFiles, func(p pipe) {
				_ = protocol.WriteFrame(p, &protocol.FileAsk{Entry: naming, File: id, Chunks: []uint64{0, 1, 2}})
				time.Sleep(2 * frameTime)
			})
		}},
		{where, "eleven hundred questions without a pause", "answered", func(s *siege) string {
			began := time.Now()
			v := s.stream(s.Handler().ServeFiles, func(p pipe) {
				for range asksBurst + asksRate {
					var sent protocol.FileSent
					if protocol.WriteFrame(p, &protocol.FileAsk{Entry: naming, File: unknown}) != nil || protocol.ReadFrame(byteReader{p}, protocol.MaxFrameBytes, &sent) != nil {
						s.t.Error("a question was refused")
						return
					}
				}
			})
			if took := time.Since(began); took < time.Second {
				s.t.Errorf("answered within %s", took)
			}
			return v
		}},
	}
}

func fetchInputs() []input {
	const where = "files, answering"
	file := fileOf(2, 3*protocol.ChunkBytes)
	chunk := func(i int) []byte { return file[i*protocol.ChunkBytes : (i+1)*protocol.ChunkBytes] }
	// known is what the manifest of the file is.
	known := func(s *siege) (protocol.CID, []byte) {
		other := newShelf(s.t)
		id := other.put(file)
		_, raw, err := other.depot.Manifest(id)
		if err != nil {
			s.t.Fatal(err)
		}
		return id, raw
	}
	manifest := func(raw func(s *siege, right []byte) []byte) func(*siege) string {
		return func(s *siege) string {
			id, right := known(s)
			v := s.fetches(uint64(len(file)), id, framed(map[string]any{"m": raw(s, right)}))
			if _, ok := s.shelf.depot.Held(id); ok {
				s.t.Error("something was kept")
			}
			return v
		}
	}
	chunks := func(frames ...any) func(*siege) string {
		return func(s *siege) string {
			id, right := known(s)
			v := s.fetches(uint64(len(file)), id, framed(&protocol.FileSent{Manifest: right}), framed(frames...))
			if missing, err := s.shelf.depot.Missing(id); v != "taken" && (err != nil || len(missing) != 3) {
				s.t.Errorf("%d chunks are missing, %v", len(missing), err)
			}
			return v
		}
	}
	return []input{
		{where, "silence", "given up: unreachable", func(s *siege) string {
			id, _ := known(s)
			return s.fetches(uint64(len(file)), id, func(p pipe) { time.Sleep(2 * chunkTime) })
		}},
		{where, "it is not here", "given up: not_found", func(s *siege) string {
			id, _ := known(s)
			return s.fetches(uint64(len(file)), id, framed(&protocol.FileSent{End: true}))
		}},
		{where, "a manifest of another file", "given up: bad_hash", manifest(func(s *siege, _ []byte) []byte {
			other := newShelf(s.t)
			_, raw, err := other.depot.Manifest(other.put(fileOf(9, 10)))
			if err != nil {
				s.t.Fatal(err)
			}
			return raw
		})},
		{where, "a manifest with one bit flipped", "given up: bad_hash", manifest(func(_ *siege, right []byte) []byte {
			bent := bytes.Clone(right)
			bent[20] ^= 1
			return bent
		})},
		{where, "a manifest of a mebibyte", "given up: too_large", manifest(func(*siege, []byte) []byte { return make([]byte, protocol.MaxFrameBytes-100) })},
		{where, "a manifest of another length than the record says", "given up: invalid", func(s *siege) string {
			id, right := known(s)
			return s.fetches(uint64(len(file))+1, id, framed(&protocol.FileSent{Manifest: right}))
		}},
		{where, "a block that is no manifest, under its own hash", "given up: malformed", func(s *siege) string {
			raw := s.pack(map[string]any{"bytes": 10, "chunks": []any{}})
			return s.fetches(10, protocol.Sum(raw), framed(&protocol.FileSent{Manifest: raw}))
		}},
		{where, "a chunk of another hash", "given up: bad_hash", chunks(&protocol.FileSent{Data: bytes.Repeat([]byte{7}, protocol.ChunkBytes)})},
		{where, "a chunk at another's place", "given up: bad_hash", chunks(&protocol.FileSent{Number: 1, Data: chunk(0)})},
		{where, "a chunk cut short", "given up: bad_hash", chunks(&protocol.FileSent{Data: chunk(0)[:100]})},
		{where, "a chunk that was not asked for", "given up: malformed", chunks(&protocol.FileSent{Number: 3, Data: chunk(0)})},
		{where, "a manifest in a chunk's place", "given up: malformed", chunks(&protocol.FileSent{Manifest: []byte{0xa0}})},
		{where, "a chunk of a mebibyte", "given up: too_large", chunks(map[string]any{"d": make([]byte, protocol.MaxFrameBytes-100)})},
		{where, "the end, and no chunk", "given up: not_found", chunks(&protocol.FileSent{End: true})},
		{where, "one chunk, and the stream is closed", "taken", chunks(&protocol.FileSent{Data: chunk(0)})},
		{where, "one chunk twice", "taken", chunks(&protocol.FileSent{Data: chunk(0)}, &protocol.FileSent{Data: chunk(0)})},
	}
}
