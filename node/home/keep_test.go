package home

import "testing"

func TestParseKeep(t *testing.T) {
	for text, want := range map[string]Keep{
		"own": {KeepOwn, defaultBudget}, "none": {KeepNone, defaultBudget}, "matching, 10 GiB": {KeepMatching, 10 << 30},
		"all 500 MB": {KeepAll, 500e6}, "all,64MiB": {KeepAll, 64 << 20}, " own ,  2  TB ": {KeepOwn, 2e12},
	} {
		if got, ok := ParseKeep(text); !ok || got != want {
			t.Errorf("%q: %+v, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", ",", "some", "Own", "own 1 KiB", "own 31 MiB", "own, ten GiB", "own -1 GiB", "own 1", "own 1.5 GiB", "own 99999999999999999999 GiB",
		"own 18446744073709551615 TiB", "own GiB", "2 GiB", "own, 2 GiB, 3 GiB"} {
		if got, ok := ParseKeep(text); ok {
			t.Errorf("%q is taken: %+v", text, got)
		}
	}
	if got := (Config{}).Keep(); got != (Keep{KeepOwn, defaultBudget}) {
		t.Errorf("without a setting: %+v", got)
	}
}
