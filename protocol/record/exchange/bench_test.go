package exchange

import (
	"fmt"
	"testing"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// manyEntries are n entries of threads that came to an end, each of ten entries, with their bodies' bytes.
func manyEntries(tb testing.TB, n int) (entries []Entry, bodies [][]byte) {
	s := newScene(tb)
	for i := 0; len(s.all) < n; i++ {
		a, b := s.node(seoul, i), s.node(dakar, i)
		p := a.propose(terms(dakar, fmt.Sprint(10+i%80)))
		q := b.counter(p, terms(dakar, fmt.Sprint(9+i%80)))
		b.confirm(q, a.accept(q))
		a.report(p.ID, 1, "8")
		r := b.report(p.ID, 1, "7")
		b.correct(p.ID, r, "1", false)
		a.complete(p.ID)
		b.complete(p.ID)
		a.review(p.ID, "met")
	}
	for _, e := range s.all {
		raw, err := record.Encode(protocol.Salt{}, e.Body)
		if err != nil {
			tb.Fatal(err)
		}
		bodies = append(bodies, raw)
	}
	return s.all, bodies
}

// BenchmarkFold folds 100,000 entries into the state of 10,000 agreements.
func BenchmarkFold(b *testing.B) {
	entries, _ := manyEntries(b, 100_000)
	v := View{AsOf: today}
	for b.Loop() {
		Fold(entries, v)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(entries)), "ns/entry")
}

// BenchmarkFold_FromBytes is BenchmarkFold with reading and judging the bodies.
func BenchmarkFold_FromBytes(b *testing.B) {
	entries, bodies := manyEntries(b, 100_000)
	v := View{AsOf: today}
	for b.Loop() {
		for i := range entries {
			body, err := record.FromBody(entries[i].Kind, bodies[i])
			if err != nil {
				b.Fatal(err)
			}
			entries[i].Body = body
		}
		Fold(entries, v)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(entries)), "ns/entry")
}
