package replication

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
	"github.com/dure-net/dure/replication/ledger"
)

// tableAt tables a decision at a node and answers it there.
func (a *actor) tableAt(t *testing.T, title string, changes ...charter.Change) protocol.ActID {
	t.Helper()
	ctx := context.Background()
	d, err := charter.NewDecision(a.replica.State(), charter.Draft{By: charter.ByElectors, Title: protocol.Text{"en": title}, Changes: changes})
	if err != nil {
		t.Fatalf("seed %d: %s: %v", a.w.seed, title, err)
	}
	id, err := a.replica.Acts().Table(ctx, d)
	if err != nil {
		t.Fatal(err)
	}
	a.answer(t, id)
	return id
}

func (a *actor) answer(t *testing.T, id protocol.ActID) {
	t.Helper()
	d, ok := a.replica.State().Decision(id)
	if !ok {
		t.Fatalf("seed %d: %s does not know decision %s", a.w.seed, a.handle, id)
	}
	if err := a.replica.Acts().Answer(context.Background(), d.Place, id); err != nil {
		t.Fatalf("seed %d: %s answers: %v", a.w.seed, a.handle, err)
	}
}

func admit(facts protocol.MemberFacts) charter.Change {
	facts.Category = protocol.CategoryFull
	return charter.Change{What: charter.ChangeAdmit, Facts: &facts}
}

// history lets a federation live for a while: records, revisions in spirit, acts by two
// of three electors, a member admitted and one removed. It leaves the world settled.
func (w *world) history(t *testing.T) {
	nodes := w.found(5)
	w.startAll()
	w.settle(30 * time.Second)
	for i, a := range nodes {
		for j := range 3 + i {
			a.publish(fmt.Sprintf("record %d of %s", j, a.handle))
		}
	}
	w.settle(30 * time.Second)
	late := protocol.MemberFacts{Handle: "late-comer", Kind: protocol.KindCity, Country: "SN", Names: protocol.Text{"fr": "Ville"}, Root: keyOf(t, "late root").Public()}
	id := nodes[0].tableAt(t, "admit a city", admit(late))
	w.settle(30 * time.Second)
	nodes[1].answer(t, id)
	w.settle(30 * time.Second)
	if n := nodes[3].replica.State().Act().Number; n != 1 {
		t.Fatalf("seed %d: two of three approved and the last act is %d", w.seed, n)
	}
	// Two decisions on one act: one becomes the act, the other is stale everywhere.
	one := nodes[0].tableAt(t, "a host city", charter.Change{What: charter.ChangeAppoint, Member: "city-3", Office: protocol.OfficeHostCity})
	two := nodes[2].tableAt(t, "another host city", charter.Change{What: charter.ChangeAppoint, Member: "city-4", Office: protocol.OfficeHostCity})
	w.settle(30 * time.Second)
	nodes[1].answer(t, one)
	w.settle(30 * time.Second)
	if d, _ := nodes[4].replica.State().Decision(two); d.Condition != charter.ConditionStale {
		t.Fatalf("seed %d: the rival decision is %s", w.seed, d.Condition)
	}
	gone := nodes[0].tableAt(t, "remove a member", charter.Change{What: charter.ChangeRemove, Member: "city-4", Stands: nodes[0].replica.Feeds().Stands("city-4", protocol.PublicKey{})})
	nodes[4].publish("written before it heard of its removal")
	w.settle(30 * time.Second)
	nodes[2].answer(t, gone)
	time.Sleep(20 * time.Second)
	nodes[4].halt() // removed: it hears nothing any more
	nodes[4].acked = nil
	w.settle(30 * time.Second)
}

// The same blocks in any order of arrival give the same ledger root and the same
// charter state.
func TestScenario_AnyOrderOfArrival(t *testing.T) {
	scenario(t, 1, func(t *testing.T, w *world) {
		w.history(t)
		source := w.nodes[0]
		root, digest := source.replica.Root(), source.replica.State().Digest()
		var messages [][]byte
		for _, f := range source.ledger.Feeds() {
			for seq := range f.Count {
				e, err := source.ledger.Entry(f.Feed, seq)
				if err != nil {
					t.Fatal(err)
				}
				body, err := source.ledger.Body(e)
				if err != nil {
					t.Fatal(err)
				}
				msg, err := protocol.EncodeMessage(e, body)
				if err != nil {
					t.Fatal(err)
				}
				messages = append(messages, msg)
			}
		}
		orders := 100
		for n := range orders {
			dice := rand.New(rand.NewPCG(w.seed, uint64(n)))
			dice.Shuffle(len(messages), func(i, j int) { messages[i], messages[j] = messages[j], messages[i] })
			dir := filepath.Join(w.dir, fmt.Sprint("order", n))
			l, err := ledger.Open(ledger.Config{Dir: dir, Federation: w.fed, FloorBytes: 1 << 20, ReserveBytes: 1})
			if err != nil {
				t.Fatal(err)
			}
			r, err := New(Config{Ledger: l, Founding: w.founding, Papers: w.papers, Federation: w.fed, Key: keyOf(t, "a reader")})
			if err != nil {
				t.Fatal(err)
			}
			from := keyOf(t, "somebody").Public()
			rounds := 0
			for r.Root() != root || r.State().Digest() != digest {
				if rounds++; rounds > len(messages) {
					t.Fatalf("seed %d, order %d: root %s after %d rounds, want %s", w.seed, n, r.Root(), rounds, root)
				}
				for _, m := range messages {
					if v := r.Handler().Gossip(context.Background(), from, m); v == protocol.Reject {
						t.Fatalf("seed %d, order %d: an honest message was rejected", w.seed, n)
					}
				}
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			_ = os.RemoveAll(dir)
		}
		t.Logf("%d messages in %d orders: root %s, state %x", len(messages), orders, root.String()[:8], digest[:4])
	})
}
