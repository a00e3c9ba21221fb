package home

import (
	"errors"
	"io/fs"
	"time"

	"github.com/dure-net/dure/protocol"
)

// maxKeptKnown bounds the nodes of the address book that a backup takes along, those
// seen last: a restored node needs to find one of them.
const maxKeptKnown = 64

// Kept lists the files that a backup takes along, by name, so that a home can be made of
// it again: the member's facts, the settings, what the root key signed for this node, and
// where other nodes were. None of them is secret: node key, token and recovery words are
// never among them, and the recipient keys only as they lie in the home, encrypted under
// the node key. The founding act is left out; a backup has it as its root.
func (h *Home) Kept() (map[string][]byte, error) {
	out := map[string][]byte{}
	for _, name := range []string{memberFile, configFile, inceptionFile, governingFile} {
		raw, ok, err := h.readPaper(name)
		if err != nil {
			return nil, err
		}
		if ok {
			out[name] = raw
		}
	}
	private, err := h.recipientFiles()
	if err != nil {
		return nil, err
	}
	for _, name := range private {
		if out[name], err = readBounded(h.path(name), maxRecipientBytes); err != nil {
			return nil, h.readError("read recipient keys", name, err)
		}
	}
	book, err := h.Addresses()
	if err != nil || len(book) == 0 {
		return out, nil // a convenience; a damaged one keeps nobody from a backup
	}
	out[addressFile], err = encodeJSON(book[:min(len(book), maxKeptKnown)])
	return out, err
}

// KeptMember reads of which member a kept file set is; false where it does not say.
func KeptMember(kept map[string][]byte) (protocol.MemberFacts, bool) {
	facts, err := decodeMember(kept[memberFile])
	return facts, err == nil
}

// Recreate makes a home in dir of what Kept listed, or completes one that is there. A
// node key that lies in the directory is used, a fresh one is made where there is none.
// Before anything else it is written down that this node has begun to write (Begun): a
// restored node never goes on in its old feed. What the root key signed is taken over if
// it is for this node's key; otherwise Inception is missing afterwards.
func Recreate(dir string, kept map[string][]byte, founding []byte, o Options) (*Home, error) {
	h, err := Open(dir, o)
	if protocol.ReasonOf(err) == protocol.ReasonNoHome {
		facts, ok := KeptMember(kept)
		if !ok {
			return nil, protocol.Fail(protocol.ReasonNoHome, "make home of a backup", errors.New("the backup does not say of which member it is"))
		}
		h, err = create(dir, facts, protocol.PrivateKey{}, kept[configFile], o)
	}
	if err != nil {
		return nil, err
	}
	if err := h.SetBegun(); err != nil {
		return nil, err
	}
	if raw, ok := kept[inceptionFile]; ok {
		if _, have, err := h.Inception(); err != nil || !have {
			if e, err := decodeInception(raw); err == nil && e.Header().Init.Node == h.node.Public() {
				if err := h.SaveInception(e); err != nil {
					return nil, err
				}
			}
		}
	}
	if raw, ok := kept[governingFile]; ok {
		if _, have, err := h.Governing(); err != nil || !have {
			if s, err := decodeGoverning(raw); err == nil && s.Node == h.node.Public() {
				if err := h.SaveGoverning(s); err != nil {
					return nil, err
				}
			}
		}
	}
	if err := h.keepRecipients(kept); err != nil {
		return nil, err
	}
	if book, err := h.Addresses(); err != nil || len(book) == 0 {
		if book, err := decodeAddresses(kept[addressFile]); err == nil {
			if err := h.SaveAddresses(book); err != nil {
				return nil, err
			}
		}
	}
	if founding != nil {
		if err := h.SaveFounding(founding); err != nil {
			return nil, err
		}
	}
	return h, nil
}

// backedUpFile says when the last backup was made.
const backedUpFile = "backup.json"

// BackedUp is the last backup that was made of this home's node.
type BackedUp struct {
	At      time.Time `json:"at"`
	File    string    `json:"file"` // as it was named then
	Entries uint64    `json:"entries"`
	Bytes   uint64    `json:"bytes"`
	Sealed  bool      `json:"encrypted,omitempty"`
}

// SaveBackedUp notes that a backup was made. The note is a convenience.
func (h *Home) SaveBackedUp(b BackedUp) error {
	raw, err := encodeJSON(b)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.write(backedUpFile, raw, plainMode)
}

// BackedUp is the last backup; false where none was noted or the note does not read.
func (h *Home) BackedUp() (BackedUp, bool) {
	var b BackedUp
	raw, err := readBounded(h.path(backedUpFile), 64<<10)
	if err != nil || errors.Is(err, fs.ErrNotExist) || decodeJSON(raw, &b) != nil {
		return BackedUp{}, false
	}
	return b, true
}

// KeptNode is the node key for which the root key's word is kept; zero where there is none.
func KeptNode(kept map[string][]byte) protocol.PublicKey {
	e, err := decodeInception(kept[inceptionFile])
	if err != nil {
		return protocol.PublicKey{}
	}
	return e.Header().Init.Node
}

// KeyIn is the public half of a node key that lies in a directory, whether it is a home
// or not; false where there is none that can be read.
func KeyIn(dir string) (protocol.PublicKey, bool) {
	h := &Home{dir: dir, opts: Options{}.filled()}
	key, err := h.readNodeKey()
	if err != nil {
		return protocol.PublicKey{}, false
	}
	return key.Public(), true
}
