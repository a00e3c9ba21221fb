package replication

import (
	"context"
	"testing"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
)

// exchanges counts, for a while, how often a node begins an exchange with another one.
func (a *actor) exchanges(with *actor, during time.Duration) (n int) {
	var last time.Time
	for began := time.Now(); time.Since(began) < during; time.Sleep(5 * time.Millisecond) {
		a.replica.mu.Lock()
		p := a.replica.peerFor(with.node.Public())
		if p.began != last {
			n, last = n+1, p.began
		}
		a.replica.mu.Unlock()
	}
	return n
}

// A node that claims entries which it never sends costs an exchange now and then, not
// a busy line: neither side's questions make the other one ask at once, over and over.
func TestScenario_RootsThatNeverAgree(t *testing.T) {
	scenario(t, 1, func(t *testing.T, w *world) {
		nodes := w.found(2)
		w.startAll()
		w.settle(30 * time.Second)
		feed := protocol.SumBlock([]byte("a feed that nobody has"))
		nodes[1].replica.frontier.set(protocol.Standing{Feed: feed, Count: 5, Head: feed})
		time.Sleep(10 * time.Second)
		const during = 20 * time.Second
		n := nodes[0].exchanges(nodes[1], during)
		t.Logf("%d exchanges in %s", n, during)
		if most := int(during/time.Second) * 3; n > most {
			t.Errorf("%d exchanges in %s, want at most %d", n, during, most)
		}
		nodes[0].publish("goes on")
		time.Sleep(5 * time.Second)
		if line := nodes[1].replica.frontier.line(nodes[0].inception.ID()); line != nodes[0].replica.frontier.line(nodes[0].inception.ID()) {
			t.Error("what is written meanwhile does not arrive")
		}
	})
}

// Every node published the certificate of an act at once; the one whose answer decided does.
func TestScenario_OneCertificateAnAct(t *testing.T) {
	scenario(t, 2, func(t *testing.T, w *world) {
		nodes := w.found(6)
		w.startAll()
		w.settle(30 * time.Second)
		id := nodes[0].tableAt(t, "a host city", charter.Change{What: charter.ChangeAppoint, Member: "city-3", Office: protocol.OfficeHostCity})
		w.settle(30 * time.Second)
		nodes[1].answer(t, id)
		time.Sleep(30 * time.Second)
		w.settle(30 * time.Second)
		if n := nodes[4].replica.State().Act().Number; n != 1 {
			t.Fatalf("seed %d: the last act is %d", w.seed, n)
		}
		certificates := 0
		for _, h := range nodes[5].ledger.Feeds() {
			for seq := range h.Count {
				if e, err := nodes[5].ledger.Entry(h.Feed, seq); err == nil && e.Kind() == protocol.KindCertificate {
					certificates++
				}
			}
		}
		if certificates != 1 {
			t.Errorf("seed %d: %d certificates of one act", w.seed, certificates)
		}
	})
}

// After a fork is settled every node holds the same again, whichever branch it held.
func TestScenario_SettledForkConverges(t *testing.T) {
	scenario(t, 1, func(t *testing.T, w *world) { forkAndSettle(t, w) })
}

func forkAndSettle(t *testing.T, w *world) {
	nodes := w.found(4)
	for _, a := range nodes[:3] {
		a.start()
	}
	w.settle(30 * time.Second)
	forger := nodes[3]
	branch := func(n int) protocol.Page {
		page := protocol.Page{Entries: []protocol.Entry{forger.inception}, Bodies: [][]byte{nil}}
		for i := range n {
			prev := page.Entries[i]
			e, err := protocol.Seal(w.fed, protocol.Header{Feed: forger.inception.ID(), Seq: uint64(i + 1), Prev: prev.ID(), Act: protocol.ActRef{ID: w.fed},
				Kind: protocol.KindNotice, Number: uint64(n), Time: prev.Header().Time}, forger.node)
			if err != nil {
				t.Fatal(err)
			}
			page.Entries, page.Bodies = append(page.Entries, e), append(page.Bodies, nil)
		}
		return page
	}
	left, right := branch(3), branch(4)
	for i, p := range []protocol.Page{left, left, right} {
		if _, err := nodes[i].replica.Admit(context.Background(), p, ViaImport); err != nil && protocol.ReasonOf(err) != protocol.ReasonKnown {
			t.Logf("node %d: %v", i, err)
		}
	}
	w.settle(30 * time.Second)
	id := forger.inception.ID()
	if line := nodes[0].replica.frontier.line(id); line.Forked != 2 || line.Count != 1 {
		t.Fatalf("seed %d: fork %d, %d entries stand", w.seed, line.Forked, line.Count)
	}
	last := right.Entries[4]
	decision := nodes[0].tableAt(t, "settle", charter.Change{What: charter.ChangeSettle, Member: forger.handle,
		Stands: []protocol.Stand{{Feed: id, Count: 5, Head: last.ID()}}})
	time.Sleep(10 * time.Second)
	nodes[1].answer(t, decision)
	w.settle(60 * time.Second)
	for _, a := range w.running() {
		if line := a.replica.frontier.line(id); line.Count != 5 {
			t.Errorf("seed %d: at %s %d entries of the chosen branch stand", w.seed, a.handle, line.Count)
		}
	}
}
