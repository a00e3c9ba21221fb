package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// The collector may let the process grow to leastMemory before it works harder, and to half as
// much again as lives; beyond usualMemory, which leaves room for what is no Go memory in the
// 512 MB that a node may take, to an eighth more than lives.
const (
	leastMemory = 256 << 20
	usualMemory = 384 << 20
)

// memoryLook is how often the limit is taken anew.
const memoryLook = 2 * time.Second

// A node that allocates less than quietBytes between two looks has nothing to do. Then it
// gives back what it does not need as soon as that is spareBytes: left alone, the collector
// keeps what the last catch-up needed for many minutes.
const (
	quietBytes = 8 << 20
	spareBytes = 24 << 20
)

// restrained keeps the memory of this process near what it holds until the function that it
// returns is called. An own GOMEMLIMIT stands.
func restrained() (end func()) {
	if os.Getenv("GOMEMLIMIT") != "" {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		restrain(ctx)
	}()
	return func() {
		cancel()
		<-done
	}
}

// restrain does so until ctx ends: left alone, the collector lets garbage grow to as much
// again as lives, which a large catch-up or import turns into gigabytes. The limit is soft
// and grows with what lives, so that a large ledger is not starved.
func restrain(ctx context.Context) {
	before := debug.SetMemoryLimit(leastMemory)
	defer debug.SetMemoryLimit(before)
	last := readHeap()
	look := time.NewTicker(memoryLook)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
		now := readHeap()
		debug.SetMemoryLimit(now.limit())
		if now.idle(last) {
			debug.FreeOSMemory()
		}
		last = now
	}
}

// heap is what the collector says of itself, in bytes.
type heap struct {
	live      uint64 // what lived when it last collected
	held      uint64 // what lives or is garbage
	free      uint64 // what is neither, and not given back
	allocated uint64 // since the start
}

func readHeap() heap {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/free:bytes"}, {Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	value := func(i int) uint64 {
		if v := sample[i].Value; v.Kind() == metrics.KindUint64 {
			return v.Uint64()
		}
		return 0 // a runtime that does not tell
	}
	return heap{live: value(0), held: value(1), free: value(2), allocated: value(3)}
}

// limit is what the process may grow to before the collector works harder. What lives counts
// whole, although much of it, such as a table that is being made, is never touched.
func (h heap) limit() int64 {
	live := int64(h.live)
	return max(leastMemory, min(live+live/2, max(usualMemory, live+live/8)))
}

// idle says that little was allocated since the last look, and much can be given back.
func (h heap) idle(last heap) bool {
	return h.allocated-last.allocated < quietBytes && h.held+h.free > h.live+spareBytes
}
