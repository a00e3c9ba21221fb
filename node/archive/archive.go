// Package archive owns the ZIP in which a record or an agreement is kept without dure: the
// page to read, the data, every entry with its signature, the files, and how to check all
// of it with SHA-256 and Ed25519 alone. It asks no node, and whoever opens one believes
// nothing that the bytes do not prove.
package archive

import (
	"archive/zip"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/proof"
)

// Names in the ZIP. They are an interface: archives are read for decades.
const (
	NamePage   = "index.html"
	NameData   = "record.json"
	NameHow    = "HOW-TO-VERIFY.txt"
	NameSums   = "SHA256SUMS"
	dirProofs  = "proofs/"
	dirBlocks  = "blocks/"
	dirSigned  = "signatures/"
	dirFiles   = "files/"
	dirChunks  = "chunks/"
	maxMembers = 8192     // files of a ZIP that is read; beyond: ReasonTooLarge
	maxMember  = 16 << 20 // bytes of one
	maxWhole   = 512 << 20
)

// Contents is what an archive is made of.
type Contents struct {
	Page   []byte // HTML that needs nothing else
	Data   []byte // JSON
	How    string // how to check it, in words
	Proofs []proof.Proof
	Files  []File
	At     time.Time // stamped on every file of the ZIP
}

// File is a file of the record.
type File struct {
	Number int
	Name   string
	ID     protocol.CID
	Open   func() (io.ReadCloser, error)
}

// writer writes files into a ZIP and remembers their hashes.
type writer struct {
	zip  *zip.Writer
	at   time.Time
	sums []string
	has  map[string]bool
}

func (w *writer) file(name string, content io.Reader) error {
	if w.has[name] {
		return nil
	}
	w.has[name] = true
	f, err := w.zip.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: w.at})
	if err != nil {
		return err
	}
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(f, sum), content); err != nil {
		return err
	}
	w.sums = append(w.sums, hex.EncodeToString(sum.Sum(nil))+"  "+name)
	return nil
}

func (w *writer) text(name, content string) error { return w.file(name, strings.NewReader(content)) }

// block writes a block under the hash that its CID has.
func (w *writer) block(raw []byte) error {
	if len(raw) == 0 {
		return nil
	}
	sum := sha256.Sum256(raw)
	return w.text(dirBlocks+hex.EncodeToString(sum[:]), string(raw))
}

// Write writes an archive. A file that cannot be read to its end, or is not what its id
// says, ends it with an error; what was written is no archive then.
func Write(out io.Writer, c Contents) error {
	w := &writer{zip: zip.NewWriter(out), at: c.At.UTC().Truncate(2 * time.Second), has: map[string]bool{}}
	for _, one := range []struct {
		name    string
		content []byte
	}{{NamePage, c.Page}, {NameData, c.Data}, {NameHow, []byte(c.How)}} {
		if err := w.text(one.name, string(one.content)); err != nil {
			return unwritable(err)
		}
	}
	for i, p := range c.Proofs {
		if err := w.proof(i+1, p); err != nil {
			return err
		}
	}
	for _, f := range c.Files {
		if err := w.attached(f); err != nil {
			return err
		}
	}
	slices.Sort(w.sums)
	f, err := w.zip.CreateHeader(&zip.FileHeader{Name: NameSums, Method: zip.Deflate, Modified: w.at})
	if err == nil {
		_, err = io.WriteString(f, strings.Join(w.sums, "\n")+"\n")
	}
	if err == nil {
		err = w.zip.Close()
	}
	return unwritable(err)
}

func unwritable(err error) error {
	var e *protocol.Error
	if err == nil || errors.As(err, &e) {
		return err
	}
	return protocol.Fail(protocol.ReasonHomeUnwritable, "write archive", err)
}

// proof writes an entry: the whole proof for programs, its blocks one by one, and what any
// Ed25519 tool needs to check the signature that vouches for it.
func (w *writer) proof(n int, p proof.Proof) error {
	v, err := p.Verify()
	if err != nil {
		return err
	}
	raw, err := json.MarshalIndent(p, "", " ")
	if err != nil {
		return protocol.Fail(protocol.ReasonInternal, "write archive", err)
	}
	if err := w.text(fmt.Sprintf("%s%04d-%s.json", dirProofs, n, v.Kind), string(raw)+"\n"); err != nil {
		return unwritable(err)
	}
	headers := append([][]byte{p.Header, p.Inception}, p.Run...)
	for _, b := range append([][]byte{p.Body, p.Founding}, headers...) {
		if err := w.block(b); err != nil {
			return unwritable(err)
		}
	}
	for _, h := range headers {
		e, err := protocol.DecodeEntry(h)
		if err != nil || e.ID() != v.SignedBy && e.Seq() != 0 {
			continue // vouched for by a later one
		}
		message, signature := e.Signed(p.Federation)
		der, err := x509.MarshalPKIXPublicKey(ed25519.PublicKey(v.Node[:]))
		if err != nil {
			return protocol.Fail(protocol.ReasonInternal, "write archive", err)
		}
		sum := sha256.Sum256(h)
		name := dirSigned + hex.EncodeToString(sum[:])
		for _, one := range []struct {
			suffix  string
			content []byte
		}{{".message", message}, {".signature", signature}, {".pem", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})}} {
			if err := w.text(name+one.suffix, string(one.content)); err != nil {
				return unwritable(err)
			}
		}
	}
	return nil
}

// attached writes a file, its manifest and the hashes of its chunks.
func (w *writer) attached(f File) error {
	r, err := f.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	var c protocol.Chunker
	if err := w.file(fileName(f.Number, f.Name), io.TeeReader(r, &c)); err != nil {
		return unwritable(err)
	}
	m, raw, id, err := c.End()
	if err != nil || id != f.ID {
		return &protocol.Error{Reason: protocol.ReasonBadHash, Op: "write archive", ID: f.ID.String(), Err: err}
	}
	if err := w.block(raw); err != nil {
		return unwritable(err)
	}
	var list strings.Builder
	for _, c := range m.Chunks {
		sum := c.Digest()
		list.WriteString(hex.EncodeToString(sum[:]) + "\n")
	}
	return unwritable(w.text(fmt.Sprintf("%s%d.txt", dirChunks, f.Number), list.String()))
}

// fileName is a name that every file system takes, below files/.
func fileName(number int, name string) string {
	name = strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || strings.ContainsRune(`/\:*?"<>|`, r) {
			return '_'
		}
		return r
	}, name)
	return fmt.Sprintf("%s%d-%s", dirFiles, number, strings.Trim(name, ". "))
}
