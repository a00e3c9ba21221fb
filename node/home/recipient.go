package home

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/sealed"
)

// The private halves of recipient keys lie in one file, encrypted under a key that is
// derived from the node key: who may read node.key, or has its passphrase, may read
// them, and nobody else. So `dure key encrypt` covers them without another passphrase,
// and a running node can add to them without asking for one. The file is called after
// the node key: a home that gets another node key begins another one and leaves this.
//
// A backup takes the file along as it is: it opens with the node key alone, which no
// backup holds.

const (
	recipientPrefix = "recipient-"
	recipientSuffix = ".keys"
	recipientHead   = "dure-recipient-keys-1:"
	recipientTag    = "dure/recipient-file/1\x00"
)

// MaxRecipientKeys bounds the private halves of one home: sixteen years at two a year.
// Beyond: ReasonTooLarge, and none is forgotten, because what was sealed to it would be lost.
const MaxRecipientKeys = 32

// maxRecipientBytes bounds the file.
const maxRecipientBytes = 16 << 10

// RecipientKey is a private half and when it was made, by the clock of this machine.
type RecipientKey struct {
	Key  sealed.PrivateKey
	Made time.Time
}

// RecipientKeys are the private halves of this node, oldest first; none where none was
// made. ReasonForbidden while the node key is sealed, ReasonConfig where others can read
// the file, ReasonDamaged where it is not what was written. The slice is the caller's.
func (h *Home) RecipientKeys() ([]RecipientKey, error) {
	if h.node.IsZero() {
		return nil, h.errSealed("read recipient keys", errors.New("it has not been opened"))
	}
	name := recipientFile(h.node.Public())
	text, err := h.readSecretOf(name, maxRecipientBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	keys, err := openRecipients(text, h.node)
	if err != nil {
		return nil, h.readError("read recipient keys", name, err)
	}
	return keys, nil
}

// AddRecipientKey keeps a private half beside the others. It is durable when this returns.
func (h *Home) AddRecipientKey(k RecipientKey) error {
	keys, err := h.RecipientKeys()
	if err != nil {
		return err
	}
	if len(keys) >= MaxRecipientKeys {
		return &protocol.Error{Reason: protocol.ReasonTooLarge, Op: "keep recipient key", Args: map[string]string{"keys": strconv.Itoa(MaxRecipientKeys)}}
	}
	text, err := h.sealRecipients(append(keys, k))
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.write(recipientFile(h.node.Public()), text, secretMode)
}

func recipientFile(node protocol.PublicKey) string {
	return recipientPrefix + node.String()[2:14] + recipientSuffix
}

// fileKey encrypts the file of private halves.
func fileKey(node protocol.PrivateKey) []byte { return keyFor(node, recipientTag) }

// keyFor is HMAC-SHA256(seed of the node key, tag).
func keyFor(node protocol.PrivateKey, tag string) []byte {
	mac := hmac.New(sha256.New, node.Seed())
	mac.Write([]byte(tag))
	return mac.Sum(nil)
}

func (h *Home) sealRecipients(keys []RecipientKey) ([]byte, error) {
	var plain bytes.Buffer
	for _, k := range keys {
		plain.WriteString(k.Key.Reveal() + " " + strconv.FormatInt(k.Made.Unix(), 10) + "\n")
	}
	nonce := make([]byte, chacha20poly1305.NonceSizeX)
	if _, err := io.ReadFull(h.opts.Random, nonce); err != nil {
		return nil, protocol.Fail(protocol.ReasonInternal, "read randomness", err)
	}
	cipher, err := chacha20poly1305.NewX(fileKey(h.node))
	if err != nil {
		return nil, protocol.Fail(protocol.ReasonInternal, "keep recipient key", err)
	}
	return []byte(recipientHead + base64.StdEncoding.EncodeToString(cipher.Seal(nonce, nonce, plain.Bytes(), []byte(recipientTag))) + "\n"), nil
}

func openRecipients(text string, node protocol.PrivateKey) ([]RecipientKey, error) {
	rest, ok := strings.CutPrefix(text, recipientHead)
	raw, err := base64.StdEncoding.DecodeString(rest)
	if !ok || err != nil || len(raw) < chacha20poly1305.NonceSizeX {
		return nil, errors.New("not recipient keys")
	}
	cipher, err := chacha20poly1305.NewX(fileKey(node))
	if err != nil {
		return nil, err
	}
	plain, err := cipher.Open(nil, raw[:chacha20poly1305.NonceSizeX], raw[chacha20poly1305.NonceSizeX:], []byte(recipientTag))
	if err != nil {
		return nil, errors.New("not what was encrypted")
	}
	var out []RecipientKey
	for line := range strings.Lines(string(plain)) {
		secret, made, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		key, err := sealed.ParsePrivateKey(secret)
		at, err2 := strconv.ParseInt(made, 10, 64)
		if err != nil || err2 != nil || len(out) == MaxRecipientKeys {
			return nil, errors.New("not recipient keys")
		}
		out = append(out, RecipientKey{key, time.Unix(at, 0).UTC()})
	}
	return out, nil
}

// recipientFiles are the files of private halves in the home, whichever node key they are of.
func (h *Home) recipientFiles() ([]string, error) {
	entries, err := os.ReadDir(h.dir)
	if err != nil {
		return nil, h.readError("list home", ".", err)
	}
	var out []string
	for _, e := range entries {
		if isRecipientFile(e.Name()) {
			out = append(out, e.Name())
		}
	}
	return out, nil
}

func isRecipientFile(name string) bool {
	rest, ok := strings.CutPrefix(name, recipientPrefix)
	rest, ends := strings.CutSuffix(rest, recipientSuffix)
	return ok && ends && len(rest) == 12 && strings.Trim(rest, "abcdefghijklmnopqrstuvwxyz234567") == ""
}

// keepRecipients puts files of private halves that a backup held where they are missing:
// they open as soon as the node key that they are of lies here too.
func (h *Home) keepRecipients(kept map[string][]byte) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for name, raw := range kept {
		if !isRecipientFile(name) || len(raw) > maxRecipientBytes || !bytes.HasPrefix(raw, []byte(recipientHead)) {
			continue
		}
		if _, err := os.Lstat(h.path(name)); !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := h.write(name, raw, secretMode); err != nil {
			return err
		}
	}
	return nil
}
