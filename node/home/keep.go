package home

import (
	"math"
	"strconv"
	"strings"
)

// KeepWhich says which files of records are fetched before somebody asks for them. Those
// that a person of this node published are always kept.
type KeepWhich string

const (
	KeepNone     KeepWhich = "none"     // each when somebody asks for it
	KeepOwn      KeepWhich = "own"      // of this member, whichever of its nodes published them
	KeepMatching KeepWhich = "matching" // those, and of listings that match this member's
	KeepAll      KeepWhich = "all"
)

// Keep is what is kept of others' files.
type Keep struct {
	Which  KeepWhich
	Budget uint64 // bytes of others' files; beyond, those not used for longest go
}

const (
	// defaultBudget holds some thousand photographs.
	defaultBudget = 2 << 30

	// minBudget: a few of the largest files must fit, or what is fetched for a page pushes
	// out what was fetched for the same page.
	minBudget = 32 << 20
)

// ParseKeep reads the setting storage.attachments: a word and, if wished, a size, as in
// "own", "matching, 10 GiB" or "all 500 MB".
func ParseKeep(text string) (Keep, bool) {
	fields := strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' })
	if len(fields) == 0 {
		return Keep{}, false
	}
	k := Keep{Which: KeepWhich(fields[0]), Budget: defaultBudget}
	switch k.Which {
	case KeepNone, KeepOwn, KeepMatching, KeepAll:
	default:
		return Keep{}, false
	}
	if size := strings.Join(fields[1:], ""); size != "" {
		var ok bool
		if k.Budget, ok = parseSize(size); !ok || k.Budget < minBudget {
			return Keep{}, false
		}
	}
	return k, true
}

var sizeUnits = []struct {
	name string
	size uint64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}, {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}}

// parseSize reads a whole number and a unit of bytes.
func parseSize(text string) (uint64, bool) {
	for _, u := range sizeUnits {
		if digits, ok := strings.CutSuffix(text, u.name); ok {
			n, err := strconv.ParseUint(digits, 10, 64)
			return n * u.size, err == nil && n <= math.MaxInt64/u.size
		}
	}
	return 0, false
}

// Keep is what the settings say of others' files.
func (c Config) Keep() Keep {
	k, _ := ParseKeep(c.WithDefaults().Storage.Attachments) // validated
	return k
}
