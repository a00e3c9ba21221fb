package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// leastMemory is what the collector may let grow before it works harder; a node that holds
// some hundred thousand entries stays below it all the same.
const leastMemory = 400 << 20

// memoryLook is how often the limit is taken anew.
const memoryLook = 2 * time.Second

// restrain keeps the memory of a node near what it holds: left alone, the collector lets
// garbage grow to as much again as lives, which a large catch-up or import turns into
// gigabytes. The limit is soft and grows with what lives, so that a large ledger is not
// starved. An own GOMEMLIMIT stands. It returns when ctx has ended.
func restrain(ctx context.Context) {
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	before := debug.SetMemoryLimit(leastMemory)
	defer debug.SetMemoryLimit(before)
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	look := time.NewTicker(memoryLook)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
		metrics.Read(sample)
		if v := sample[0].Value; v.Kind() == metrics.KindUint64 {
			debug.SetMemoryLimit(max(leastMemory, int64(v.Uint64()+v.Uint64()/2)))
		}
	}
}
