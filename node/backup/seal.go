package backup

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"

	"filippo.io/age"

	"github.com/dure-net/dure/protocol"
)

// Encryption is age's (age-encryption.org/v1), so that a backup can be opened without
// dure, by anybody who has the passphrase or the identity.

// Seal says for whom a backup is encrypted. The zero value leaves it as it is: everybody
// who has the file reads it.
type Seal struct{ to []age.Recipient }

// Plain reports whether nothing is encrypted.
func (s Seal) Plain() bool { return len(s.to) == 0 }

// Passphrase encrypts with a passphrase. Deriving the key takes about a second and a
// quarter of a gigabyte of memory, here and when it is opened: that is what makes
// guessing dear.
func Passphrase(secret string) (Seal, error) {
	r, err := age.NewScryptRecipient(secret)
	if err != nil {
		return Seal{}, protocol.Fail(protocol.ReasonUsage, "encrypt backup", err)
	}
	return Seal{[]age.Recipient{r}}, nil
}

// Recipients encrypts to the holders of age identities, each named by its public line
// (age1…). Lines that are empty or begin with # say nothing.
func Recipients(lines ...string) (Seal, error) {
	to, err := age.ParseRecipients(strings.NewReader(strings.Join(lines, "\n")))
	if err != nil {
		return Seal{}, protocol.Fail(protocol.ReasonUsage, "encrypt backup", err)
	}
	return Seal{to}, nil
}

// Through writes what write writes, encrypted.
func (s Seal) Through(w io.Writer, write func(io.Writer) error) error {
	if s.Plain() {
		return write(w)
	}
	sealed, err := age.Encrypt(w, s.to...)
	if err != nil {
		return err
	}
	buffered := bufio.NewWriterSize(sealed, 64<<10)
	if err := write(buffered); err != nil {
		return err
	}
	if err := buffered.Flush(); err != nil {
		return err
	}
	return sealed.Close()
}

// Key opens encrypted backups. The zero value opens those that are not encrypted.
type Key struct{ ids []age.Identity }

// PassphraseKey opens what a passphrase encrypted.
func PassphraseKey(secret string) (Key, error) {
	id, err := age.NewScryptIdentity(secret)
	if err != nil {
		return Key{}, protocol.Fail(protocol.ReasonUsage, "open backup", err)
	}
	return Key{[]age.Identity{id}}, nil
}

// IdentityKey opens what was encrypted to one of the identities of a file as age-keygen
// writes it.
func IdentityKey(file []byte) (Key, error) {
	ids, err := age.ParseIdentities(bytes.NewReader(file))
	if err != nil {
		return Key{}, protocol.Fail(protocol.ReasonUsage, "open backup", errors.New("not a file of age identities")) // never a part of the file
	}
	return Key{ids}, nil
}

const (
	sealedMagic = "age-encryption.org/v1\n"
	stanza      = "-> scrypt "
)

// How says how a file is encrypted.
type How uint8

const (
	NotSealed      How = iota
	WithPassphrase     // opened by a passphrase
	ToRecipients       // opened by an identity
)

// Look tells how a file that begins here is encrypted, and returns it whole. It does not
// say that it is a backup.
func Look(r io.Reader) (How, io.Reader, error) {
	br := bufio.NewReaderSize(r, 64<<10)
	head, err := br.Peek(len(sealedMagic) + len(stanza))
	if err != nil && !errors.Is(err, io.EOF) {
		return NotSealed, br, protocol.Fail(protocol.ReasonUsage, "read backup", err)
	}
	switch {
	case bytes.Equal(head, []byte(sealedMagic+stanza)):
		return WithPassphrase, br, nil
	case bytes.HasPrefix(head, []byte(sealedMagic)):
		return ToRecipients, br, nil
	}
	return NotSealed, br, nil
}

// Open returns what was encrypted. With a key that does not fit it is ReasonForbidden.
// What was cut short or changed is noticed while it is read.
func Open(r io.Reader, key Key) (io.Reader, error) {
	how, whole, err := Look(r)
	if err != nil || how == NotSealed {
		return whole, err
	}
	if len(key.ids) == 0 {
		return nil, protocol.Fail(protocol.ReasonForbidden, "open backup", errors.New("it is encrypted, and no passphrase or identity is given"))
	}
	plain, err := age.Decrypt(whole, key.ids...)
	var none *age.NoIdentityMatchError
	switch {
	case errors.As(err, &none):
		return nil, protocol.Fail(protocol.ReasonForbidden, "open backup", errors.New("the passphrase or identity does not fit"))
	case err != nil:
		return nil, protocol.Fail(protocol.ReasonDamaged, "open backup", err)
	}
	return &opened{plain}, nil
}

// opened tells a broken stream apart from a broken backup.
type opened struct{ r io.Reader }

func (o *opened) Read(b []byte) (int, error) {
	n, err := o.r.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		err = protocol.Fail(protocol.ReasonDamaged, "decrypt backup", err)
	}
	return n, err
}
