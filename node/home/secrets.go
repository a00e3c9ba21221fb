package home

import (
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strings"

	"github.com/dure-net/dure/protocol"
)

// Token is what local programs show to the API. It redacts wherever it is printed.
type Token struct{ text string }

const (
	nodeKeyPrefix = "dure-node-key-1:"
	tokenPrefix   = "dure-token-"
	secretBytes   = 32
	redacted      = tokenPrefix + "[redacted]"
)

var secretText = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Reveal is the token itself: "dure-token-" and 52 letters and digits, 256 random bits.
func (t Token) Reveal() string { return t.text }

// IsZero reports whether there is no token.
func (t Token) IsZero() bool { return t.text == "" }

func (t Token) String() string               { return redacted }
func (t Token) GoString() string             { return redacted }
func (t Token) Format(f fmt.State, _ rune)   { _, _ = io.WriteString(f, redacted) }
func (t Token) MarshalText() ([]byte, error) { return []byte(redacted), nil }
func (t Token) LogValue() slog.Value         { return slog.StringValue(redacted) }

// Node is the node's key; the zero key in a Home that Create has not finished.
func (h *Home) Node() protocol.PrivateKey { return h.node }

// createSecrets writes node key and token where they are missing. The caller holds
// the home's lock.
func (h *Home) createSecrets(node protocol.PrivateKey) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	there, err := h.readNodeKey()
	switch {
	case err == nil && !node.IsZero() && node.Public() != there.Public():
		return &protocol.Error{Reason: protocol.ReasonHomeExists, Op: "create home", ID: nodeKeyFile, Args: map[string]string{"path": h.dir}}
	case err == nil:
		h.node = there
	case !errors.Is(err, fs.ErrNotExist):
		return err
	default:
		if node.IsZero() {
			seed, err := h.random()
			if err != nil {
				return err
			}
			if node, err = protocol.NewPrivateKey(seed); err != nil {
				return err
			}
		}
		if err := h.write(nodeKeyFile, nodeKeyText(node), secretMode); err != nil {
			return err
		}
		h.node = node
	}
	if _, err := os.Lstat(h.path(tokenFile)); errors.Is(err, fs.ErrNotExist) {
		_, err := h.newToken()
		return err
	}
	return nil
}

func (h *Home) random() ([]byte, error) {
	b := make([]byte, secretBytes)
	if _, err := io.ReadFull(h.opts.Random, b); err != nil {
		return nil, protocol.Fail(protocol.ReasonInternal, "read randomness", err)
	}
	return b, nil
}

// Token reads the API token. ReasonConfig where others can read the file,
// ReasonDamaged where it is missing or not what was written (NewToken makes another).
func (h *Home) Token() (Token, error) {
	raw, err := h.readSecret(tokenFile)
	if err != nil {
		return Token{}, err
	}
	rest, ok := strings.CutPrefix(raw, tokenPrefix)
	b, err := secretText.DecodeString(rest)
	if !ok || err != nil || len(b) != secretBytes {
		return Token{}, h.readError("read token", tokenFile, errors.New("not a token"))
	}
	return Token{raw}, nil
}

// NewToken replaces the API token; programs that hold the old one are refused from the
// next start on.
func (h *Home) NewToken() (Token, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.newToken()
}

func (h *Home) newToken() (Token, error) {
	b, err := h.random()
	if err != nil {
		return Token{}, err
	}
	t := Token{tokenPrefix + secretText.EncodeToString(b)}
	if err := h.write(tokenFile, []byte(t.text+"\n"), secretMode); err != nil {
		return Token{}, err
	}
	return t, nil
}

func (h *Home) readNodeKey() (protocol.PrivateKey, error) {
	raw, err := h.readSecret(nodeKeyFile)
	if err != nil {
		return protocol.PrivateKey{}, err
	}
	if isSealed(raw) {
		h.sealed = raw
		return protocol.PrivateKey{}, h.errSealed("read node key", nil)
	}
	return h.parseNodeKey(raw)
}

// nodeKeyText is the key file's line.
func nodeKeyText(node protocol.PrivateKey) []byte {
	return []byte(nodeKeyPrefix + secretText.EncodeToString(node.Seed()) + "\n")
}

func (h *Home) parseNodeKey(raw string) (protocol.PrivateKey, error) {
	rest, ok := strings.CutPrefix(raw, nodeKeyPrefix)
	// The decoder's own error would quote a part of the secret's place; it says nothing more.
	seed, err := secretText.DecodeString(rest)
	if !ok || err != nil || len(seed) != secretBytes {
		return protocol.PrivateKey{}, h.readError("read node key", nodeKeyFile, errors.New("not a node key"))
	}
	return protocol.NewPrivateKey(seed)
}

// looseMode says that others can read a file that is the owner's alone.
func looseMode(name, path string, info fs.FileInfo) error {
	f := Faults{{Key: name, Code: FaultLooseMode, Value: fmt.Sprintf("%04o", info.Mode().Perm()), Want: "0600", From: path}}
	return &protocol.Error{Reason: protocol.ReasonConfig, Op: "read secret", ID: name, Field: name,
		Hint: "chmod 600 " + path, Args: f[0].args(), Err: f}
}

// readSecret reads one line that only the owner may read.
func (h *Home) readSecret(name string) (string, error) { return h.readSecretOf(name, 1024) }

func (h *Home) readSecretOf(name string, max int64) (string, error) {
	path := h.path(name)
	info, err := os.Stat(path)
	if err == nil && loose(info) {
		return "", looseMode(name, path, info)
	}
	var raw []byte
	if err == nil {
		raw, err = readBounded(path, max)
	}
	if err != nil {
		return "", h.readError("read secret", name, err)
	}
	return strings.TrimRight(string(raw), "\r\n"), nil
}
