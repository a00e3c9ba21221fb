package mesh

import (
	"context"
	"crypto/sha256"
	"io"
	"testing"
	"time"

	"github.com/dure-net/dure/protocol"
)

// BenchmarkStream is how fast one catch-up stream carries pages of 64 KiB over
// loopback, beside how fast this machine hashes the same bytes.
func BenchmarkStream(b *testing.B) {
	for transport, listen := range map[string]string{"quic": "/ip4/127.0.0.1/udp/0/quic-v1", "tcp": "/ip4/127.0.0.1/tcp/0"} {
		b.Run(transport, func(b *testing.B) {
			w := &world{fed: protocol.Sum([]byte("federation")), in: map[Peer]bool{testKey(0).Public(): true, testKey(1).Public(): true}}
			page := make([]byte, 64<<10)
			var meshes []*Mesh
			for i := range 2 {
				n := &node{w: w, i: i, met: map[Peer]int{}, heard: map[string]int{}, view: map[Peer]bool{}}
				n.sync = func(_ context.Context, s Stream) {
					for {
						if _, err := s.Write(page); err != nil {
							return
						}
					}
				}
				m, err := New(Config{Key: testKey(i), Federation: w.fed, Listen: []string{listen}, NoGossip: true}, n)
				if err != nil {
					b.Fatal(err)
				}
				ctx, stop := context.WithCancel(context.Background())
				ended := make(chan error, 1)
				go func() { ended <- m.Run(ctx) }()
				b.Cleanup(func() { stop(); <-ended })
				meshes = append(meshes, m)
			}
			if _, err := meshes[0].Dial(b.Context(), meshes[1].Addrs()); err != nil {
				b.Fatal(err)
			}
			s, err := meshes[0].OpenSync(b.Context(), meshes[1].Self())
			if err != nil {
				b.Fatal(err)
			}
			defer s.Reset()
			if _, err := s.Write([]byte("go")); err != nil {
				b.Fatal(err)
			}
			got := make([]byte, len(page))
			b.SetBytes(int64(len(page)))
			for b.Loop() {
				if _, err := io.ReadFull(s, got); err != nil {
					b.Fatal(err)
				}
			}
			b.StopTimer()
			const hashed = 200
			from := time.Now()
			for range hashed {
				sha256.Sum256(page)
			}
			hash := float64(hashed*len(page)) / time.Since(from).Seconds()
			b.ReportMetric(float64(b.N*len(page))/b.Elapsed().Seconds()/hash, "of-hash-rate")
		})
	}
}
