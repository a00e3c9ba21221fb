package replication

import (
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
		feed := protocol.Sum([]byte("a feed that nobody has"))
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
