package protocol

import (
	"bytes"
	"fmt"
	"testing"
)

func BenchmarkDecodeEntry(b *testing.B) {
	entries, _ := testFeed(b, Sum([]byte("a federation")), "seoul", 1)
	for _, e := range entries {
		b.Run(e.Kind().String(), func(b *testing.B) {
			raw := e.Bytes()
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := DecodeEntry(raw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// One page of catch-up costs one signature, whatever its length.
func BenchmarkEndorse(b *testing.B) {
	fed := Sum([]byte("a federation"))
	entries, _ := testFeed(b, fed, "seoul", MaxPage)
	key := testKey(b, "seoul node").Public()
	for _, n := range []int{1, MaxPage} {
		b.Run(fmt.Sprintf("page of %d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if got, err := Endorse(fed, key, &entries[0], entries[1:1+n]); got != n || err != nil {
					b.Fatal(got, err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/entry")
		})
	}
}

// What a puller does with one page off the wire, before it is endorsed.
func BenchmarkReadFrame(b *testing.B) {
	entries, bodies := testFeed(b, Sum([]byte("a federation")), "seoul", MaxPage)
	var sent Sent
	for i, e := range entries[1:] {
		sent.Headers, sent.Bodies = append(sent.Headers, e.Bytes()), append(sent.Bodies, append(bodies[i+1], make([]byte, 300)...))
	}
	var frame bytes.Buffer
	if err := WriteFrame(&frame, &sent); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(frame.Len()))
	b.ReportAllocs()
	for b.Loop() {
		var got Sent
		if err := ReadFrame(bytes.NewReader(frame.Bytes()), MaxFrameBytes, &got); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*MaxPage), "ns/entry")
}
