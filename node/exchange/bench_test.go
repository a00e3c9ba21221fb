package exchange

import (
	"context"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
	"github.com/dure-net/dure/protocol/record/exchange"
)

// agreements writes signed entries of threads that came to an end, ten of each, into the ledger, as catch-up brings them.
func (w *world) agreements(n int) {
	w.t.Helper()
	a, b := w.Feeds[seoul], w.Feeds[dakar]
	kept := map[string]int{seoul: len(a.Entries), dakar: len(b.Entries)}
	write := func(member string, of protocol.RecordID, body record.Record) (protocol.EntryID, []byte) {
		f := w.Feeds[member]
		raw, err := protocol.EncodeBody(protocol.Salt{byte(len(f.Entries)), byte(len(f.Entries) >> 8)}, body.Content())
		if err != nil {
			w.t.Fatal(err)
		}
		refs := body.Refs()
		e, _ := f.Add(protocol.Header{Kind: body.Kind(), Of: of, Refs: refs[:min(len(refs), protocol.MaxReferences)]}, raw)
		return e.ID(), raw
	}
	digest := func(raw []byte) string {
		d, err := record.Digest(raw)
		if err != nil {
			w.t.Fatal(err)
		}
		return d
	}
	flush := func() {
		for m, from := range kept {
			f := w.Feeds[m]
			var pages []protocol.Page
			for ; from < len(f.Entries); from += 64 {
				pages = append(pages, f.Page(from, 64))
			}
			kept[m] = len(f.Entries)
			if len(pages) > 0 {
				w.Put(pages...)
			}
		}
	}
	for i := 0; i*10 < n; i++ {
		first := w.terms(protocol.RecordID{}, dakar, strconv.Itoa(10+i%80))
		id, _ := write(seoul, protocol.RecordID{}, first)
		second := w.terms(protocol.RecordID{}, dakar, strconv.Itoa(9+i%80))
		second.Thread, second.Replaces = &id, &id
		v, raw := write(dakar, protocol.RecordID{}, second)
		yes, _ := write(seoul, id, &record.Acceptance{Base: based(protocol.KindAcceptance), Proposal: &v, Digest: digest(raw)})
		write(dakar, id, &record.Confirmation{Base: based(protocol.KindConfirmation), Proposal: &v, Digest: digest(raw), Acceptances: []protocol.EntryID{yes}})
		done := func(n string, corrects *protocol.EntryID) *record.Fulfilment {
			return &record.Fulfilment{Base: based(protocol.KindFulfilment), Clause: 1, Quantity: &record.Qty{Value: n, Unit: "C62"}, On: w.today(), Corrects: corrects}
		}
		write(seoul, id, done("8", nil))
		r, _ := write(dakar, id, done("7", nil))
		write(dakar, id, done("1", &r))
		write(seoul, id, &record.Completion{Base: based(protocol.KindCompletion)})
		write(dakar, id, &record.Completion{Base: based(protocol.KindCompletion)})
		write(seoul, id, &record.Feedback{Base: based(protocol.KindFeedback), Outcome: "met", WouldRepeat: true})
		if i%100 == 99 {
			flush()
		}
	}
	flush()
}

// BenchmarkFold_AgainstReading tells what folding 100,000 signed entries into the state of agreements takes, with judging
// their bodies, as a multiple of reading them from the ledger one by one, "fold/read", as a desk reads them, and page by
// page, "fold/page", as replication does; both hash anew what they read. "desk/read" is everything a desk does at its
// first question, which is to ask the index for each thread, to read its entries one by one, and to fold it.
func BenchmarkFold_AgainstReading(b *testing.B) {
	n := 100_000
	if s := os.Getenv("DURE_BENCH_ENTRIES"); s != "" {
		n, _ = strconv.Atoi(s)
	}
	w := newWorld(b)
	w.agreements(n)
	var places []protocol.Entry
	for _, m := range []string{seoul, dakar} {
		places = append(places, w.Feeds[m].Entries[1:]...)
	}
	if !w.Follower.Await(context.Background(), w.Newest(), time.Minute) {
		b.Fatal("the index does not follow")
	}
	d := w.desk(lyon)
	var read, paged, fold, desk time.Duration
	threads := 0
	for b.Loop() {
		began := time.Now()
		entries, bodies := make([]protocol.Entry, len(places)), make([][]byte, len(places))
		for i, p := range places {
			e, err := w.Ledger.Entry(p.Feed(), p.Seq())
			if err != nil {
				b.Fatal(err)
			}
			if bodies[i], err = w.Ledger.Body(e); err != nil {
				b.Fatal(err)
			}
			entries[i] = e
		}
		read += time.Since(began)

		began = time.Now()
		for _, m := range []string{seoul, dakar} {
			for from, last := uint64(1), uint64(len(w.Feeds[m].Entries)); from < last; {
				p, err := w.Ledger.Page(w.Feeds[m].ID(), from, 64, 1<<20)
				if err != nil || len(p.Entries) == 0 {
					b.Fatal(len(p.Entries), err)
				}
				from += uint64(len(p.Entries))
			}
		}
		paged += time.Since(began)

		began = time.Now()
		all := make([]exchange.Entry, len(entries))
		for i, e := range entries {
			all[i] = d.says(e, bodies[i], w.Owner(e.Feed()), nil)
		}
		threads = len(exchange.Fold(all, exchange.View{AsOf: w.today()}))
		fold += time.Since(began)

		began = time.Now()
		d = w.desk(lyon)
		if _, err := d.Completed(w.today()); err != nil {
			b.Fatal(err)
		}
		desk += time.Since(began)
	}
	if threads != (n+9)/10 {
		b.Fatalf("%d threads of %d entries", threads, n)
	}
	each := func(d time.Duration) float64 {
		return float64(d.Nanoseconds()) / float64(b.N) / float64(len(places)) / 1000
	}
	b.ReportMetric(each(read), "µs-read/entry")
	b.ReportMetric(each(fold), "µs-fold/entry")
	b.ReportMetric(each(desk), "µs-desk/entry")
	b.ReportMetric(each(paged), "µs-page/entry")
	b.ReportMetric(fold.Seconds()/paged.Seconds(), "fold/page")
	b.ReportMetric(fold.Seconds()/read.Seconds(), "fold/read")
	b.ReportMetric(desk.Seconds()/read.Seconds(), "desk/read")
	b.ReportMetric(0, "ns/op")
}
