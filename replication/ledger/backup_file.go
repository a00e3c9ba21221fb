package ledger

import (
	"errors"
	"fmt"

	"github.com/dure-net/dure/protocol"
)

// File is a file of a record that a backup takes along. The ledger knows nothing of files:
// it copies them, and gives them back.
type File struct {
	ID       protocol.CID
	Manifest []byte
	Names    []protocol.EntryID // entries that name it, as far as they were noted; at most maxFileNames are copied

	// Chunk reads chunk i, hashed. Its error leaves the file out.
	Chunk func(i int) ([]byte, error)
}

// maxFileNames bounds the entries that are copied with a file: hints, which are found
// again where it matters.
const maxFileNames = 64

// backupFile writes one file, whole or not at all.
func backupFile(car *carWriter, f File, copied *Copied) error {
	m, err := protocol.DecodeManifest(f.ID, f.Manifest)
	if err != nil {
		copied.Damaged++
		return nil
	}
	chunks := make([][]byte, len(m.Chunks)) // ten mebibytes at most
	for i := range chunks {
		if chunks[i], err = f.Chunk(i); err != nil {
			copied.Damaged++
			return nil
		}
	}
	if err := car.note(note{Kind: "file", Name: f.ID.String(), Data: f.Manifest, Names: f.Names[:min(len(f.Names), maxFileNames)]}); err != nil {
		return err
	}
	for i, c := range chunks {
		car.section(m.Chunks[i], c)
	}
	copied.Files++
	if car.err != nil {
		return protocol.Fail(protocol.ReasonHomeUnwritable, "write backup", car.err)
	}
	return nil
}

// readFile reads a file that its note announces, and checks every chunk against the
// manifest and that against the id.
func readFile(car *carReader, n note, take func(File) error, copied *Copied) error {
	bad := func(err error) error { return protocol.Fail(protocol.ReasonMalformed, "read backup", err) }
	id, err := protocol.ParseCID(n.Name)
	if err != nil {
		return err
	}
	if len(n.Names) > maxFileNames {
		return bad(fmt.Errorf("a file named %d times", len(n.Names)))
	}
	m, err := protocol.DecodeManifest(id, n.Data)
	if err != nil {
		return err
	}
	chunks := make([][]byte, len(m.Chunks))
	for i := range chunks {
		c, block, err := car.block()
		if err != nil {
			return err
		}
		if c != m.Chunks[i] || len(block) != m.ChunkSize(i) {
			return bad(errors.New("a chunk of another file"))
		}
		chunks[i] = block
	}
	copied.Files++
	if take == nil {
		return nil
	}
	return take(File{ID: id, Manifest: n.Data, Names: n.Names, Chunk: func(i int) ([]byte, error) { return chunks[i], nil }})
}
