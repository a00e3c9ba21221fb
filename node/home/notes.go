package home

import (
	"encoding/base64"
	"errors"
	"io"
	"io/fs"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/dure-net/dure/protocol"
)

// What the room of private letters notes for itself lies in one file, encrypted under a key
// that is derived from the node key. No backup takes it along: it can be found out anew.

const (
	notesPrefix   = "letters-"
	notesSuffix   = ".notes"
	notesTag      = "dure/letter-notes/1\x00"
	maxNotesBytes = 2 << 20
)

// LetterNotes is what KeepLetterNotes kept last; nil where nothing was, or of another node
// key. ReasonForbidden while the node key is sealed, ReasonDamaged where it is not what was
// written. The slice is the caller's.
func (h *Home) LetterNotes() ([]byte, error) {
	if h.node.IsZero() {
		return nil, h.errSealed("read letter notes", errors.New("it has not been opened"))
	}
	name := notesFile(h.node.Public())
	text, err := h.readSecretOf(name, maxNotesBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	cipher, err := chacha20poly1305.NewX(keyFor(h.node, notesTag))
	if err != nil {
		return nil, protocol.Fail(protocol.ReasonInternal, "read letter notes", err)
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(raw) < chacha20poly1305.NonceSizeX {
		return nil, h.readError("read letter notes", name, errors.New("not letter notes"))
	}
	plain, err := cipher.Open(nil, raw[:chacha20poly1305.NonceSizeX], raw[chacha20poly1305.NonceSizeX:], []byte(notesTag))
	if err != nil {
		return nil, h.readError("read letter notes", name, errors.New("not what was encrypted"))
	}
	return plain, nil
}

// KeepLetterNotes keeps other notes in the place of the last ones. They are durable when this
// returns; a crash leaves the old ones or the new.
func (h *Home) KeepLetterNotes(raw []byte) error {
	nonce := make([]byte, chacha20poly1305.NonceSizeX)
	if _, err := io.ReadFull(h.opts.Random, nonce); err != nil {
		return protocol.Fail(protocol.ReasonInternal, "read randomness", err)
	}
	cipher, err := chacha20poly1305.NewX(keyFor(h.node, notesTag))
	if err != nil {
		return protocol.Fail(protocol.ReasonInternal, "keep letter notes", err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	text := base64.StdEncoding.AppendEncode(nil, cipher.Seal(nonce, nonce, raw, []byte(notesTag)))
	return h.write(notesFile(h.node.Public()), append(text, '\n'), secretMode)
}

func notesFile(node protocol.PublicKey) string {
	return notesPrefix + node.String()[2:14] + notesSuffix
}
