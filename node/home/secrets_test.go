package home

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/dure-net/dure/protocol"
)

func TestSecrets_Modes(t *testing.T) {
	if !hasModes {
		t.Skip("this system has no file modes")
	}
	h := newHome(t)
	if err := h.SavePending(testPending(t, false)); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]fs.FileMode{nodeKeyFile: 0o600, tokenFile: 0o600, pendingFile: 0o600} {
		info, err := os.Stat(h.path(name))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: mode %v, %v; want %v", name, info.Mode(), err, want)
		}
	}
	if info, _ := os.Stat(h.Dir()); info.Mode().Perm() != 0o700 {
		t.Errorf("the directory has mode %v", info.Mode())
	}
}

func TestSecrets_LooseModesAreRefused(t *testing.T) {
	if !hasModes {
		t.Skip("this system has no file modes")
	}
	for _, mode := range []fs.FileMode{0o640, 0o604, 0o644, 0o660, 0o601, 0o700 | 0o010} {
		h := newHome(t)
		if err := os.Chmod(h.path(nodeKeyFile), mode); err != nil {
			t.Fatal(err)
		}
		_, err := Open(h.Dir(), quiet())
		e := wantReason(t, err, protocol.ReasonConfig)
		f := FaultsOf(err)
		if len(f) != 1 || f[0].Code != FaultLooseMode || f[0].Want != "0600" || f[0].Value != fmt.Sprintf("%04o", mode) || e.Field != nodeKeyFile {
			t.Errorf("faults %v", f)
		}
		if e.Hint != "chmod 600 "+h.path(nodeKeyFile) || e.Args["code"] != "loose_mode" {
			t.Errorf("hint %q, args %v", e.Hint, e.Args)
		}
		if err := os.Chmod(h.path(nodeKeyFile), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(h.path(tokenFile), mode); err != nil {
			t.Fatal(err)
		}
		if _, err = Open(h.Dir(), quiet()); err != nil {
			t.Errorf("the token is not needed for opening: %v", err)
		}
		_, err = h.Token()
		wantReason(t, err, protocol.ReasonConfig)
	}
	h := newHome(t)
	if err := os.Chmod(h.path(nodeKeyFile), 0o400); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(h.Dir(), quiet()); err != nil {
		t.Errorf("a stricter mode is refused: %v", err)
	}
}

func TestToken_NewTokenReplaces(t *testing.T) {
	h := newHome(t)
	old, _ := h.Token()
	fresh, err := h.NewToken()
	if err != nil || fresh == old {
		t.Fatalf("not replaced: %v", err)
	}
	if got, err := h.Token(); err != nil || got != fresh {
		t.Errorf("does not read back: %v", err)
	}
	for _, text := range []string{"", "dure-token-", "dure-token-abc", strings.TrimPrefix(fresh.Reveal(), tokenPrefix), strings.ToUpper(fresh.Reveal()), fresh.Reveal() + "aa"} {
		if err := os.WriteFile(h.path(tokenFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := h.Token()
		wantReason(t, err, protocol.ReasonDamaged)
	}
	if err := os.Remove(h.path(tokenFile)); err != nil {
		t.Fatal(err)
	}
	_, err = h.Token()
	wantReason(t, err, protocol.ReasonDamaged)
}

func TestToken_NeverPrints(t *testing.T) {
	h := newHome(t)
	token, _ := h.Token()
	var b bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&b, nil))
	log.Info("token", "token", token, "home", fmt.Sprintf("%+v", h))
	slog.New(slog.NewTextHandler(&b, nil)).Info("token", "token", token, "in", struct{ T Token }{token})
	fmt.Fprintf(&b, "%v %+v %#v %s %q %x %d %v", token, token, token, token, token, token, token, []Token{token})
	if err := json.NewEncoder(&b).Encode(map[string]any{"t": token}); err != nil {
		t.Fatal(err)
	}
	secret := strings.TrimPrefix(token.Reveal(), tokenPrefix)
	key := secretText.EncodeToString(h.Node().Seed())
	for _, s := range []string{secret, fmt.Sprintf("%x", secret), key, fmt.Sprint(h.Node().Seed())} {
		if strings.Contains(b.String(), s) {
			t.Errorf("a secret was printed: %s", b.String())
		}
	}
	if !strings.Contains(b.String(), redacted) {
		t.Errorf("nothing says that something was left out: %s", b.String())
	}
}

func TestSecrets_ErrorsDoNotQuoteThem(t *testing.T) {
	h := newHome(t)
	raw, _ := os.ReadFile(h.path(nodeKeyFile))
	broken := strings.Replace(string(raw), nodeKeyPrefix, nodeKeyPrefix+"!", 1)
	if err := os.WriteFile(h.path(nodeKeyFile), []byte(broken), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(h.Dir(), quiet())
	wantReason(t, err, protocol.ReasonDamaged)
	secret := secretText.EncodeToString(h.Node().Seed())
	if text := fmt.Sprintf("%v %+v", err, err); strings.Contains(text, secret[:8]) {
		t.Errorf("the error quotes the key: %s", text)
	}
}
