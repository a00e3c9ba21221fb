package main

import (
	"runtime/debug"
	"testing"
)

// Memory is given back once there is nothing to do and much to give, and not before.
func TestMemory_IsGivenBack(t *testing.T) {
	const mib = 1 << 20
	last := heap{allocated: 1000 * mib}
	for name, c := range map[string]struct {
		now  heap
		idle bool
	}{
		"garbage, at work":        {heap{live: 80 * mib, held: 200 * mib, allocated: 1100 * mib}, false},
		"garbage, at rest":        {heap{live: 80 * mib, held: 200 * mib, allocated: 1001 * mib}, true},
		"free, at rest":           {heap{live: 80 * mib, held: 81 * mib, free: 70 * mib, allocated: 1001 * mib}, true},
		"little, at rest":         {heap{live: 80 * mib, held: 90 * mib, free: 10 * mib, allocated: 1001 * mib}, false},
		"a runtime without words": {heap{}, false},
	} {
		if got := c.now.idle(last); got != c.idle {
			t.Errorf("%s: idle is %v", name, got)
		}
	}
	for live, limit := range map[uint64]int64{0: 256, 100: 256, 200: 300, 300: 384, 400: 450, 1600: 1800} {
		if got := (heap{live: live * mib}).limit(); got != limit*mib {
			t.Errorf("with %d MiB alive the limit is %d MiB, not %d", live, got/mib, limit)
		}
	}
	before := readHeap()
	if before.held == 0 || before.allocated == 0 {
		t.Fatalf("the runtime tells nothing: %+v", before)
	}
	debug.FreeOSMemory()
	if now := readHeap(); now.live == 0 || now.idle(before) {
		t.Errorf("still to give back: %+v", now)
	}
}
