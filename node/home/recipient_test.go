package home

import (
	"bytes"
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/sealed"
)

func newRecipient(t *testing.T, h *Home) RecipientKey {
	t.Helper()
	k, err := sealed.NewPrivateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	out := RecipientKey{k, time.Unix(1_800_000_000, 0).UTC()}
	if err := h.AddRecipientKey(out); err != nil {
		t.Fatal(err)
	}
	return out
}

func recipientKeys(t *testing.T, h *Home) []RecipientKey {
	t.Helper()
	keys, err := h.RecipientKeys()
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// Private halves lie encrypted under the node key, readable by their owner alone, and
// none is forgotten when another one comes.
func TestRecipientKeys_LieEncrypted(t *testing.T) {
	h := newHome(t)
	if keys := recipientKeys(t, h); len(keys) != 0 {
		t.Fatal(keys)
	}
	first, second := newRecipient(t, h), newRecipient(t, h)
	path := filepath.Join(h.Dir(), recipientFile(h.Node().Public()))
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []RecipientKey{first, second} {
		if secret := strings.TrimPrefix(k.Key.Reveal(), "dure-recipient-key-1:"); bytes.Contains(raw, []byte(secret)) {
			t.Fatal("a private half lies plain")
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatal(info.Mode(), err)
	}
	again, err := Open(h.Dir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	keys := recipientKeys(t, again)
	if len(keys) != 2 || keys[0].Key.Reveal() != first.Key.Reveal() || keys[1].Key.Reveal() != second.Key.Reveal() || !keys[0].Made.Equal(first.Made) {
		t.Fatalf("%v", keys)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := again.RecipientKeys(); protocol.ReasonOf(err) != protocol.ReasonConfig {
		t.Errorf("readable by all: %v", err)
	}
	raw[len(raw)-10] ^= 1
	if err := os.WriteFile(path, raw, 0o600); err != nil || os.Chmod(path, 0o600) != nil {
		t.Fatal(err)
	}
	if _, err := again.RecipientKeys(); protocol.ReasonOf(err) != protocol.ReasonDamaged {
		t.Errorf("a changed file: %v", err)
	}
}

// The passphrase of the node key covers them: without it neither opens.
func TestRecipientKeys_BehindThePassphrase(t *testing.T) {
	h := newHome(t)
	newRecipient(t, h)
	if err := h.Seal("a long passphrase"); err != nil {
		t.Fatal(err)
	}
	again, err := Open(h.Dir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := again.RecipientKeys(); protocol.ReasonOf(err) != protocol.ReasonForbidden {
		t.Fatalf("without passphrase: %v", err)
	}
	if err := again.Unseal("a long passphrase"); err != nil {
		t.Fatal(err)
	}
	if keys := recipientKeys(t, again); len(keys) != 1 {
		t.Fatal(keys)
	}
}

// A backup holds them as they lie, and they open again beside the node key alone.
func TestRecipientKeys_InABackup(t *testing.T) {
	h := newHome(t)
	k := newRecipient(t, h)
	kept, err := h.Kept()
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := kept[recipientFile(h.Node().Public())]; !ok {
		t.Fatal("left out")
	}
	for name, raw := range kept {
		if bytes.Contains(raw, []byte(strings.TrimPrefix(k.Key.Reveal(), "dure-recipient-key-1:"))) {
			t.Fatalf("%s holds the secret", name)
		}
	}
	elsewhere, err := Recreate(filepath.Join(t.TempDir(), "elsewhere"), kept, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if keys := recipientKeys(t, elsewhere); len(keys) != 0 {
		t.Fatal("they opened under another node key")
	}
	beside := t.TempDir()
	raw, err := os.ReadFile(filepath.Join(h.Dir(), nodeKeyFile))
	if err != nil || os.WriteFile(filepath.Join(beside, nodeKeyFile), raw, 0o600) != nil {
		t.Fatal(err)
	}
	same, err := Recreate(beside, kept, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if keys := recipientKeys(t, same); len(keys) != 1 || keys[0].Key.Reveal() != k.Key.Reveal() {
		t.Fatalf("%v", keys)
	}
}

func TestRecipientKeys_Bounded(t *testing.T) {
	h := newHome(t)
	for range MaxRecipientKeys {
		newRecipient(t, h)
	}
	err := h.AddRecipientKey(RecipientKey{Key: recipientKeys(t, h)[0].Key})
	if protocol.ReasonOf(err) != protocol.ReasonTooLarge || len(recipientKeys(t, h)) != MaxRecipientKeys {
		t.Error(err)
	}
}
