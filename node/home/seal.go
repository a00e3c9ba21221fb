package home

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"filippo.io/age"
	"filippo.io/age/armor"

	"github.com/dure-net/dure/protocol"
)

// The node key may lie encrypted under a passphrase, in age's own form (age-encryption.org/v1,
// scrypt, armored): `age -d node.key` reads it too. The token stays plain: local programs
// need it, it speaks for nobody on the network, and `dure token --renew` replaces it.
//
// Deriving the key takes 2^18 rounds of scrypt with 256 MiB of memory, about a second: so
// much does every guess of somebody who has the file.

// sealWork is the base-2 logarithm of scrypt's rounds; sealWorkMost bounds what a file
// that was put here may have this machine spend.
const (
	sealWork     = 18
	sealWorkMost = 20
)

// Sealed reports whether the node key is encrypted and has not been opened by Unseal.
// Until then Node is the zero key: what needs no key, such as asking the running node,
// works all the same.
func (h *Home) Sealed() bool { return h.sealed != "" }

// ErrSealed is for what needs the node key of a home that nobody has opened yet.
var ErrSealed = &protocol.Error{Reason: protocol.ReasonForbidden, Op: "open node", Field: FieldPassphrase}

// SealedOnDisk reports whether the key file is encrypted.
func (h *Home) SealedOnDisk() (bool, error) {
	raw, err := h.readSecret(nodeKeyFile)
	return isSealed(raw), err
}

func isSealed(text string) bool { return strings.HasPrefix(text, armor.Header) }

// errSealed is what needs the key of a sealed home.
func (h *Home) errSealed(op string, err error) error {
	return &protocol.Error{Reason: protocol.ReasonForbidden, Op: op, ID: nodeKeyFile, Field: FieldPassphrase, Err: err}
}

// FieldPassphrase is the Field of errors about a passphrase that is missing or wrong.
const FieldPassphrase = "passphrase"

// Unseal opens the node key. A wrong passphrase is ReasonForbidden with Field passphrase;
// nothing is kept of it. It takes about a second and 256 MiB. A home that is not sealed
// is left alone.
func (h *Home) Unseal(passphrase string) error {
	if h.sealed == "" {
		return nil
	}
	id, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return h.errSealed("open node key", errors.New("no passphrase"))
	}
	id.SetMaxWorkFactor(sealWorkMost)
	r, err := age.Decrypt(armor.NewReader(strings.NewReader(h.sealed)), id)
	if err != nil {
		var wrong *age.NoIdentityMatchError
		if errors.As(err, &wrong) {
			return h.errSealed("open node key", errors.New("it does not open the key"))
		}
		return h.readError("open node key", nodeKeyFile, errors.New("not an encrypted node key"))
	}
	raw, err := io.ReadAll(io.LimitReader(r, 1024))
	if err != nil {
		return h.readError("open node key", nodeKeyFile, errors.New("not what was encrypted"))
	}
	key, err := h.parseNodeKey(strings.TrimRight(string(raw), "\r\n"))
	if err != nil {
		return err
	}
	h.node, h.sealed = key, ""
	return nil
}

// Seal writes the key file encrypted under a passphrase, in place of the one there; the
// empty passphrase writes it plain. The key must be open. A crash leaves the one file or
// the other. What a disk keeps of files that were replaced is beyond this program: a key
// that lay plain on a disk that was given away is ended by the root key.
func (h *Home) Seal(passphrase string) error {
	if h.node.IsZero() {
		return h.errSealed("encrypt node key", errors.New("it has not been opened"))
	}
	text := nodeKeyText(h.node)
	if passphrase != "" {
		to, err := age.NewScryptRecipient(passphrase)
		if err != nil {
			return protocol.Fail(protocol.ReasonUsage, "encrypt node key", err)
		}
		to.SetWorkFactor(sealWork)
		var out bytes.Buffer
		lines := armor.NewWriter(&out)
		w, err := age.Encrypt(lines, to)
		if err == nil {
			_, err = w.Write(text)
		}
		if err == nil {
			err = errors.Join(w.Close(), lines.Close())
		}
		if err != nil {
			return protocol.Fail(protocol.ReasonInternal, "encrypt node key", err)
		}
		text = out.Bytes()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.write(nodeKeyFile, text, secretMode)
}
