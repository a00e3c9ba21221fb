package backup_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/dure-net/dure/node/backup"
	"github.com/dure-net/dure/protocol"
)

func names(t *testing.T, dir string) (out []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func TestWrite_IsWholeOrNotThere(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	name := filepath.Join(dir, "a.backup")
	content := func(w io.Writer) error { _, err := io.WriteString(w, "content"); return err }
	if n, err := backup.Write(ctx, name, backup.Seal{}, content); err != nil || n != 7 {
		t.Fatal(n, err)
	}
	if _, err := backup.Write(ctx, name, backup.Seal{}, func(io.Writer) error { t.Error("it was made all the same"); return nil }); protocol.ReasonOf(err) != protocol.ReasonConflict {
		t.Fatalf("overwriting: %v", err)
	}
	broken := errors.New("broken")
	if _, err := backup.Write(ctx, filepath.Join(dir, "b.backup"), backup.Seal{}, func(w io.Writer) error {
		_, _ = io.WriteString(w, "half")
		return broken
	}); !errors.Is(err, broken) {
		t.Fatal(err)
	}
	// One that came to be meanwhile is not overwritten either.
	if _, err := backup.Write(ctx, filepath.Join(dir, "c.backup"), backup.Seal{}, func(w io.Writer) error {
		return os.WriteFile(filepath.Join(dir, "c.backup"), []byte("another's"), 0o600)
	}); protocol.ReasonOf(err) != protocol.ReasonConflict {
		t.Fatal(err)
	}
	if raw, err := os.ReadFile(filepath.Join(dir, "c.backup")); err != nil || string(raw) != "another's" {
		t.Fatal(string(raw), err)
	}
	if got := names(t, dir); !slices.Equal(got, []string{"a.backup", "c.backup"}) {
		t.Fatalf("in the directory lie %v", got)
	}
	if _, err := backup.Write(ctx, filepath.Join(dir, "none", "d.backup"), backup.Seal{}, content); protocol.ReasonOf(err) != protocol.ReasonHomeUnwritable {
		t.Fatal(err)
	}
}

func TestSeal_OpensWithItsKeyAlone(t *testing.T) {
	one, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	other, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	content := strings.Repeat("what the city wrote ", 10_000)
	write := func(w io.Writer) error { _, err := io.WriteString(w, content); return err }
	seal, err := backup.Recipients("# the safe of the city", one.Recipient().String())
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := seal.Through(&file, write); err != nil {
		t.Fatal(err)
	}
	if how, _, err := backup.Look(bytes.NewReader(file.Bytes())); err != nil || how != backup.ToRecipients || bytes.Contains(file.Bytes(), []byte("the city")) {
		t.Fatal(how, err)
	}
	open := func(raw []byte, key backup.Key) (string, error) {
		r, err := backup.Open(bytes.NewReader(raw), key)
		if err != nil {
			return "", err
		}
		b, err := io.ReadAll(r)
		return string(b), err
	}
	right, err := backup.IdentityKey([]byte(one.String()))
	if err != nil {
		t.Fatal(err)
	}
	wrong, err := backup.IdentityKey([]byte(other.String()))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := open(file.Bytes(), right); err != nil || got != content {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	for what, err := range map[string]error{
		"another identity": second(open(file.Bytes(), wrong)),
		"no key":           second(open(file.Bytes(), backup.Key{})),
	} {
		if protocol.ReasonOf(err) != protocol.ReasonForbidden {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, cut := range []int{file.Len() - 1, file.Len() / 2, 30} {
		if _, err := open(file.Bytes()[:cut], right); protocol.ReasonOf(err) != protocol.ReasonDamaged {
			t.Errorf("cut to %d bytes: %v", cut, err)
		}
	}
	flipped := bytes.Clone(file.Bytes())
	flipped[len(flipped)/2] ^= 1
	if _, err := open(flipped, right); protocol.ReasonOf(err) != protocol.ReasonDamaged {
		t.Errorf("a flipped bit: %v", err)
	}
	if _, err := backup.IdentityKey([]byte("AGE-SECRET-KEY-1NOTHING")); err == nil || strings.Contains(err.Error(), "NOTHING") {
		t.Errorf("a wrong identity file: %v", err)
	}
	if plain, err := open([]byte("not encrypted"), backup.Key{}); err != nil || plain != "not encrypted" {
		t.Error(plain, err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestPrune_KeepsTheLastAndTouchesNothingElse(t *testing.T) {
	dir, now := t.TempDir(), time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)
	put := func(name string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var all []string
	for day := range 5 {
		name := backup.Name("kr-seoul", now.AddDate(0, 0, -day), backup.Seal{})
		put(name)
		all = append(all, name)
	}
	others := []string{"notes.txt", "dure-kr-seoul.backup", "dure-kr-seoul-yesterday.backup", "dure-kr-seoul-2-20200101T000000Z.backup", "dure-ca-montreal-20200101T000000Z.backup"}
	for _, name := range others {
		put(name)
	}
	stale, fresh := ".dure-kr-seoul-20200101T000000Z.backup.aa.part", ".dure-kr-seoul-20261123T000000Z.backup.bb.part"
	put(stale)
	put(fresh)
	if err := os.Chtimes(filepath.Join(dir, stale), now.AddDate(0, 0, -2), now.AddDate(0, 0, -2)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(filepath.Join(dir, fresh), now, now); err != nil {
		t.Fatal(err)
	}
	if deleted, err := backup.Prune(dir, "kr-seoul", all[0], 0, now); err != nil || len(deleted) > 0 {
		t.Fatal(deleted, err)
	}
	deleted, err := backup.Prune(dir, "kr-seoul", all[0], 2, now)
	if err != nil || len(deleted) != 3 {
		t.Fatal(deleted, err)
	}
	got := names(t, dir)
	want := append(append([]string{fresh}, others...), all[0], all[1])
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Fatalf("left are %v, want %v", got, want)
	}
	// A clock that was set back: what was just made is the oldest by name, and stays.
	back := backup.Name("kr-seoul", now.AddDate(-10, 0, 0), backup.Seal{})
	put(back)
	if deleted, err := backup.Prune(dir, "kr-seoul", back, 2, now); err != nil || !slices.Equal(deleted, []string{all[1]}) {
		t.Fatal(deleted, err)
	}
	list, err := backup.List(dir, "kr-seoul")
	if err != nil || len(list) != 2 || list[0].Name != back || list[1].Name != all[0] {
		t.Fatalf("%+v %v", list, err)
	}
}
