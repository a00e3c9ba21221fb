package home

import (
	"os"
	"path/filepath"
	"testing"
)

// A crash between any two steps of putting a restored ledger in its place left a home
// without a ledger, and both copies beside it.
func TestSettleLedger_AfterACrashAtEachStep(t *testing.T) {
	whole := func(t *testing.T, dir, what string) {
		t.Helper()
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "what"), []byte(what), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name        string
		left        func(t *testing.T, h *Home, place, aside string)
		want        LedgerSettled
		holds, kept string
	}{
		{"half written", func(t *testing.T, h *Home, place, aside string) {
			whole(t, place, "old")
			whole(t, h.path(restoringDir), "half")
		}, NothingToSettle, "old", ""},
		{"whole, nothing moved", func(t *testing.T, h *Home, place, aside string) {
			whole(t, place, "old")
			whole(t, h.path(restoredDir), "new")
		}, RestoreUndone, "old", ""},
		{"between the two renames", func(t *testing.T, h *Home, place, aside string) {
			whole(t, aside, "old")
			whole(t, h.path(restoredDir), "new")
		}, RestoreFinished, "new", "old"},
		{"into an empty home", func(t *testing.T, h *Home, place, aside string) {
			if err := os.MkdirAll(place, 0o700); err != nil {
				t.Fatal(err)
			}
			whole(t, h.path(restoredDir), "new")
		}, RestoreFinished, "new", ""},
		{"done", func(t *testing.T, h *Home, place, aside string) {
			whole(t, place, "old")
			dir, err := RestoringDir(h)
			if err != nil {
				t.Fatal(err)
			}
			whole(t, dir, "new")
			if err := ReplaceLedger(h, aside); err != nil {
				t.Fatal(err)
			}
		}, NothingToSettle, "new", "old"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHome(t)
			place, aside := h.LedgerDir(), h.LedgerDir()+"-until-then"
			if err := os.RemoveAll(place); err != nil {
				t.Fatal(err)
			}
			c.left(t, h, place, aside)
			got, err := SettleLedger(h)
			if err != nil || got != c.want {
				t.Fatalf("got %q, %v; want %q", got, err, c.want)
			}
			if holds, _ := os.ReadFile(filepath.Join(place, "what")); string(holds) != c.holds {
				t.Errorf("the ledger is %q, want %q", holds, c.holds)
			}
			if kept, _ := os.ReadFile(filepath.Join(aside, "what")); string(kept) != c.kept {
				t.Errorf("set aside is %q, want %q", kept, c.kept)
			}
			for _, name := range []string{restoringDir, restoredDir} {
				if _, err := os.Stat(h.path(name)); err == nil {
					t.Errorf("%s is left", name)
				}
			}
			if again, err := SettleLedger(h); err != nil || again != NothingToSettle {
				t.Errorf("again: %q, %v", again, err)
			}
		})
	}
}
