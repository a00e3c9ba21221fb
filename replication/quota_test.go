package replication

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dure-net/dure/protocol"
)

// chain is n entries of a node's feed after its inception, without bodies.
func (a *actor) chain(t testing.TB, n int) []protocol.Entry {
	t.Helper()
	out := []protocol.Entry{a.inception}
	for i := range n {
		prev := out[i]
		e, err := protocol.Seal(a.w.fed, protocol.Header{Feed: a.inception.ID(), Seq: prev.Seq() + 1, Prev: prev.ID(), Act: protocol.ActRef{ID: a.w.fed},
			Kind: protocol.KindNotice, Time: prev.Header().Time}, a.node)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, e)
	}
	return out
}

// reopened is the inception of a further feed of the node.
func (a *actor) reopened(t testing.TB, n int) protocol.Entry {
	t.Helper()
	h := a.inception.Header()
	e, err := protocol.Seal(a.w.fed, protocol.Header{Kind: protocol.KindInception, Time: h.Time + int64(n) + 1, Act: h.Act, Init: h.Init}, a.node)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func message(t testing.TB, e protocol.Entry, body []byte) []byte {
	t.Helper()
	raw, err := protocol.EncodeMessage(e, body)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// spend leaves a member of its allowance of entries what is said.
func (r *Replica) spend(member string, left float64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.quotas.of(member, time.Now()).entries.left = left
}

// What a member may write at once, what an absence saves up, and when a backlog ends.
func TestQuota_GrowsWithTime(t *testing.T) {
	q := newQuotas()
	now := time.Now()
	rule := tokens{rate: entriesRate, burst: entriesBurst, saved: entriesSaved}
	if got := q.of("kr-seoul", now).entries.left; got != rule.saved {
		t.Errorf("after a start %.0f entries are allowed, want all that can be saved up", got)
	}
	meet := func(after time.Duration) float64 {
		now = now.Add(after)
		q.meet("kr-seoul", now)
		return q.of("kr-seoul", now).entries.left
	}
	meet(0)
	for range 4 {
		if got := meet(20 * time.Second); got > rule.saved {
			t.Errorf("%.0f entries are allowed", got)
		}
	}
	if got := meet(10 * time.Second); got != rule.burst {
		t.Errorf("with no backlog %.0f entries are allowed, want %.0f", got, rule.burst)
	}
	q.of("kr-seoul", now).entries.take(rule.burst)
	if got := meet(10 * time.Second); got != 10*rule.rate {
		t.Errorf("ten seconds after the last entry of a burst %.0f are allowed, want %.0f", got, 10*rule.rate)
	}
	q.of("kr-seoul", now).entries.take(1e9)
	if got := q.of("kr-seoul", now).entries.left; got != -rule.rate*quotaDebt.Seconds() {
		t.Errorf("overdrawn by %.0f", -got)
	}
	if got := meet(time.Hour); got < 3500*rule.rate || got > 3600*rule.rate {
		t.Errorf("an hour away saved %.0f, want about %.0f", got, 3600*rule.rate)
	}
	if got := meet(365 * 24 * time.Hour); got != rule.saved {
		t.Errorf("a year away saved %.0f, want %.0f", got, rule.saved)
	}
}

// Beyond its allowance a member is ignored, whoever forwards it, and nobody is blamed; what
// it wrote is asked for in portions; bundles are not metered.
func TestQuota_DelaysAndNeverRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLone(t, 2, nil)
		defer l.store.Close()
		b := l.w.nodes[1]
		entries := b.chain(t, 300)
		say := func(i int) protocol.Verdict {
			return l.Handler().Gossip(context.Background(), keyOf(t, "a forwarder").Public(), message(t, entries[i], nil))
		}
		for i := range 10 {
			if v := say(i); v != protocol.Accept {
				t.Fatalf("entry %d: %s", i, v)
			}
		}
		l.spend(b.handle, 0)
		if v := say(10); v != protocol.Ignore {
			t.Errorf("beyond the allowance: %s", v)
		}
		lines := []protocol.Line{protocol.Standing{Feed: b.inception.ID(), Count: 301, Head: entries[300].ID()}.ToLine()}
		runs, _ := l.missing(lines)
		if out, whole := l.meter(lines, runs, portionFirst); len(out) != 0 || whole {
			t.Errorf("%d runs asked for beyond the allowance, whole: %t", len(out), whole)
		}
		floods := l.Others().Floods()
		if len(floods) != 1 || floods[0].Member != b.handle || floods[0].Node != b.node.Public() || floods[0].Waiting != 291 || floods[0].Ignored != 1 {
			t.Errorf("named: %+v", floods)
		}
		time.Sleep(time.Second)
		out, whole := l.meter(lines, runs, portionFirst)
		if len(out) != 1 || out[0].From != 10 || out[0].Max != uint64(entriesRate) || whole {
			t.Errorf("a second later: %+v, whole: %t", out, whole)
		}
		if v := say(10); v != protocol.Accept {
			t.Errorf("a second later: %s", v)
		}
		l.spend(b.handle, 0)
		page := protocol.Page{Entries: entries[11:75], Bodies: make([][]byte, 64)}
		if n, err := l.Admit(context.Background(), page, ViaImport); err != nil || n != 64 {
			t.Errorf("from a bundle: %d entries, %v", n, err)
		}
		time.Sleep(2 * floodEnds)
		if floods := l.Others().Floods(); len(floods) != 0 {
			t.Errorf("named after it is over: %+v", floods)
		}
	})
}

// One root key may sign any number of inceptions: feeds, which all nodes keep in memory.
func TestQuota_FeedsAreMetered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLone(t, 2, nil)
		defer l.store.Close()
		b := l.w.nodes[1]
		from := keyOf(t, "a forwarder").Public()
		l.mu.Lock()
		l.quotas.of(b.handle, time.Now()).feeds.left = feedsBurst
		l.mu.Unlock()
		open := func(n int) protocol.Verdict {
			return l.Handler().Gossip(context.Background(), from, message(t, b.reopened(t, n), nil))
		}
		n := 0
		for ; open(n) == protocol.Accept; n++ {
		}
		if n != int(feedsBurst) {
			t.Errorf("%d feeds at once, want %.0f", n, feedsBurst)
		}
		held := b.reopened(t, n)
		lines := []protocol.Line{protocol.Standing{Feed: held.ID(), Count: 1, Head: held.ID()}.ToLine()}
		runs, _ := l.missing(lines)
		if out, whole := l.meter(lines, runs, portionFirst); len(out) > 0 || whole {
			t.Errorf("a feed held back is asked for: %+v", out)
		}
		time.Sleep(time.Duration(float64(time.Second)/feedsRate) + time.Second)
		if out, _ := l.meter(lines, runs, portionFirst); len(out) != 1 {
			t.Errorf("a feed held back is not asked for later")
		}
		if v := open(n); v != protocol.Accept {
			t.Errorf("a minute later: %s", v)
		}
	})
}

// Whoever passes on what its author did not sign is to blame, and takes nothing of the
// author's allowance; what is passed on again takes nothing either.
func TestQuota_IsTheAuthorsAlone(t *testing.T) {
	l := newLone(t, 2, nil)
	b := l.w.nodes[1]
	from := keyOf(t, "a forwarder").Public()
	l.Others().Vouch(from)
	entries := b.chain(t, 3)
	for i := range 3 {
		if v := l.Handler().Gossip(context.Background(), from, message(t, entries[i], nil)); v != protocol.Accept {
			t.Fatalf("entry %d: %s", i, v)
		}
	}
	before := l.quotas.members[b.handle].heard.left
	for range 50 {
		if v := l.Handler().Gossip(context.Background(), from, message(t, entries[1], nil)); v != protocol.Ignore {
			t.Fatalf("an old entry: %s", v)
		}
		forged, err := protocol.Seal(l.w.fed, entries[3].Header(), keyOf(t, "a forger"))
		if err != nil {
			t.Fatal(err)
		}
		if v := l.Handler().Gossip(context.Background(), from, message(t, forged, nil)); v != protocol.Reject {
			t.Fatalf("a forged entry: %s", v)
		}
	}
	if after := l.quotas.members[b.handle].heard.left; after < before {
		t.Errorf("the author's allowance fell from %.1f to %.1f", before, after)
	}
	if got := l.Others().Offenders(); len(got) != 1 || got[0].Node != from || got[0].Count != 50 {
		t.Errorf("offenders: %+v", got)
	}
}

// Small runs come before long ones, and one exchange takes a bounded part of them.
func TestMeter_ShortRunsFirst(t *testing.T) {
	l := newLone(t, 3, nil)
	var lines []protocol.Line
	for i, a := range l.w.nodes {
		if _, err := l.Admit(context.Background(), protocol.Page{Entries: []protocol.Entry{a.inception}, Bodies: [][]byte{nil}}, ViaImport); err != nil {
			t.Fatal(err)
		}
		count := []uint64{1 << 20, 10_000, 5}[i]
		lines = append(lines, protocol.Standing{Feed: a.inception.ID(), Count: count, Head: a.inception.ID()}.ToLine())
	}
	runs, _ := l.missing(lines)
	out, whole := l.meter(lines, runs, portionFirst)
	if whole || len(out) != 2 || out[0].Feed != lines[2].Feed || out[1].Max != portionFirst {
		t.Errorf("asked for %+v, whole: %t", out, whole)
	}
}

// One node that sends entries nobody can place crowded out what others had sent.
func TestWaiting_OneSenderCrowdsNobodyOut(t *testing.T) {
	w := newWaiting()
	loud, quiet := keyOf(t, "loud").Public(), keyOf(t, "quiet").Public()
	world := benchWorldOf(t, 40)
	now := time.Now()
	put := func(from protocol.PublicKey, a *actor, n int) {
		for i, e := range a.chain(t, n) {
			if i > 0 {
				w.put(from, e, nil, now)
			}
		}
	}
	put(quiet, world.nodes[0], 3)
	for _, a := range world.nodes[1:21] {
		put(loud, a, 30)
	}
	if n := w.senders[quiet]; n != 3 {
		t.Errorf("%d entries of the quiet node wait", n)
	}
	if n := w.senders[loud]; n != waitingSender {
		t.Errorf("%d entries of the loud node wait, want %d", n, waitingSender)
	}
	for i := range 10 { // many that each keep to their share
		put(keyOf(t, fmt.Sprint("another ", i)).Public(), world.nodes[21+i], 60)
	}
	if n := w.senders[quiet]; n != 3 || w.len() > waitingEntries {
		t.Errorf("%d entries of the quiet node wait, %d in all", n, w.len())
	}
	w.expire(now.Add(2 * waitingAge))
	if len(w.senders) != 0 || len(w.feeds) != 0 {
		t.Errorf("%d senders and %d feeds are left of an empty room", len(w.senders), len(w.feeds))
	}
}
