package replication

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
	"github.com/dure-net/dure/replication/ledger"
)

// know takes the first entry of another member's node in, and makes it linked.
func (l *lone) know(t *testing.T, inception protocol.Entry) protocol.PublicKey {
	t.Helper()
	if _, err := l.Admit(context.Background(), protocol.Page{Entries: []protocol.Entry{inception}, Bodies: [][]byte{nil}}, ViaCatchUp); err != nil {
		t.Fatal(err)
	}
	node := inception.Header().Init.Node
	l.mu.Lock()
	l.peerFor(node).linked = true
	l.mu.Unlock()
	return node
}

// finish notes an exchange with a node that left nothing to fetch.
func (l *lone) finish(nodes ...protocol.PublicKey) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, n := range nodes {
		l.peerFor(n).caught = time.Now()
	}
	l.nudge()
}

func (l *lone) is(t *testing.T, want Condition, why string) {
	t.Helper()
	if c, reason := l.Condition(); c != want || reason != why {
		t.Fatalf("it is %s because %q, want %s because %q", c, reason, want, why)
	}
}

// Three nodes of one member are one voice: a node that counted nodes began anew when it
// had caught up with one member of three.
func TestRecover_CountsMembersAndNotNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLone(t, 4, func(c *Config) { c.Begun, c.NoCatchUp = true, true })
		l.run(t)
		var firsts []protocol.PublicKey
		for i := range 3 {
			further := &actor{w: l.w, root: l.w.nodes[1].root, node: keyOf(t, "further node"+string(rune('a'+i)))}
			further.sign(t)
			firsts = append(firsts, l.know(t, further.inception))
		}
		second, third := l.know(t, l.w.nodes[2].inception), l.know(t, l.w.nodes[3].inception)
		time.Sleep(time.Second)
		l.finish(firsts...)
		time.Sleep(10 * recoverAlone)
		l.is(t, Recovering, whyEmptied)
		rec, _ := l.Custody().Recovery()
		if rec.Others != 3 || rec.Seen != 3 || rec.CaughtUp != 1 || rec.Needed != 2 || rec.Fetching || time.Since(rec.Since) < time.Minute {
			t.Fatalf("%+v", rec)
		}
		// Another session still fetches what is known to be missing: it is waited for.
		ses := &session{r: l.Replica, node: third, claimed: time.Now(), moved: time.Now()}
		l.mu.Lock()
		l.claims[l.w.nodes[3].inception.ID()] = ses
		l.mu.Unlock()
		l.finish(second)
		for range 30 {
			time.Sleep(time.Second)
			l.moved(ses, l.w.nodes[3].inception.ID())
			l.is(t, Recovering, whyEmptied)
		}
		if rec, _ := l.Custody().Recovery(); rec.CaughtUp != 2 || !rec.Fetching {
			t.Fatalf("%+v", rec)
		}
		l.unclaim(ses)
		time.Sleep(5 * time.Second)
		l.is(t, Ready, "")
		if _, ok := l.Custody().Recovery(); ok {
			t.Fatal("it still recovers")
		}
	})
}

// A session that never comes to its end holds nobody in recovery.
func TestRecover_WaitsForNoSessionForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLone(t, 2, func(c *Config) { c.Begun, c.NoCatchUp = true, true })
		l.run(t)
		node := l.know(t, l.w.nodes[1].inception)
		for began := time.Now(); time.Since(began) < recoverFetch+time.Minute; time.Sleep(time.Second) {
			l.mu.Lock() // a new claim every second
			l.claims[l.w.nodes[1].inception.ID()] = &session{r: l.Replica, node: node, claimed: time.Now(), moved: time.Now()}
			l.mu.Unlock()
			l.finish(node)
			if c, _ := l.Condition(); c == Ready {
				if time.Since(began) < recoverFetch {
					t.Fatalf("it was ready after %v", time.Since(began))
				}
				return
			}
		}
		l.is(t, Ready, "")
	})
}

// A node that began anew with nobody in sight writes, and answers no decision: it may
// have answered before. It remembers that over a restart, until it has met somebody.
func TestRecover_AnswersWaitForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLone(t, 2, func(c *Config) { c.Begun, c.NoCatchUp = true, true })
		l.run(t)
		time.Sleep(recoverAlone + 10*time.Second)
		l.is(t, Ready, "")
		if err := l.offer(); err != nil {
			t.Fatal(err)
		}
		d, err := charter.NewDecision(l.State(), charter.Draft{By: charter.ByElectors, Title: protocol.Text{"en": "Suspend"},
			Changes: []charter.Change{{What: charter.ChangeSuspend, Member: "city-1"}}})
		if err != nil {
			t.Fatal(err)
		}
		id, err := l.Acts().Table(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		tabled, _ := l.State().Decision(id)
		for range 2 {
			if err := l.Acts().Answer(t.Context(), tabled.Place, id); protocol.ReasonOf(err) != protocol.ReasonRecovering {
				t.Fatalf("it answered: %v", err)
			}
			inception := l.cfg.Inception
			if err := l.store.Close(); err != nil {
				t.Fatal(err)
			}
			l.open(t, func(c *Config) { c.Inception, c.Begun, c.NoCatchUp = inception, true, true })
			if !l.Custody().Forgetful() {
				t.Fatal("it forgot that it had forgotten")
			}
		}
		l.run(t)
		node := l.know(t, l.w.nodes[1].inception)
		l.finish(node)
		time.Sleep(5 * time.Second)
		if err := l.Acts().Answer(t.Context(), tabled.Place, id); err != nil {
			t.Fatalf("having met the other member: %v", err)
		}
		if l.State().Act().Number != 1 {
			t.Fatal("the answer made no act")
		}
		if v, err := l.ledger.Meta(metaAlone); err != nil || v != nil {
			t.Fatalf("still noted: %v %v", v, err)
		}
	})
}

// An emptied founder knows no other member, because all came after it: the nodes of its
// address book tell it that it is not the only one.
func TestRecover_TheAddressBookTellsOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLone(t, 1, func(c *Config) { c.Begun, c.NoCatchUp = true, true })
		l.Others().Vouch(keyOf(t, "a node of the address book").Public())
		l.run(t)
		time.Sleep(recoverAlone / 2)
		l.is(t, Recovering, whyEmptied)
		time.Sleep(recoverAlone)
		l.is(t, Ready, "") // it writes on, with no answers
		if !l.Custody().Forgetful() {
			t.Fatal("it takes itself for the only one")
		}
	})
}

func TestRecover_SaysWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLone(t, 3, nil)
		l.run(t)
		time.Sleep(time.Second)
		for range 3 {
			if err := l.offer(); err != nil {
				t.Fatal(err)
			}
		}
		var backup bytes.Buffer
		if _, err := l.store.Backup(t.Context(), &backup, nil); err != nil {
			t.Fatal(err)
		}
		if err := l.store.Close(); err != nil {
			t.Fatal(err)
		}
		reopen := func(begun bool, want Condition, why string) {
			t.Helper()
			l.open(t, func(c *Config) { c.Begun = begun })
			l.is(t, want, why)
			if err := l.store.Close(); err != nil {
				t.Fatal(err)
			}
		}
		reopen(true, Ready, "")
		mark := filepath.Join(l.dir, "mark")
		kept, err := os.ReadFile(mark)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(mark, []byte("no mark"), 0o600); err != nil {
			t.Fatal(err)
		}
		reopen(true, Recovering, whyUnmarked)
		if err := os.RemoveAll(l.dir); err != nil {
			t.Fatal(err)
		}
		reopen(true, Recovering, whyEmptied)
		if err := os.WriteFile(mark, kept, 0o600); err != nil {
			t.Fatal(err)
		}
		reopen(true, Recovering, whyBehind)
		if err := os.RemoveAll(l.dir); err != nil {
			t.Fatal(err)
		}
		if _, err := ledger.Restore(t.Context(), ledger.Config{Dir: l.dir, FloorBytes: 1 << 20, ReserveBytes: 1}, &backup, nil); err != nil {
			t.Fatal(err)
		}
		reopen(false, Recovering, whyRestored)
	})
}

// A node that ended between putting an application on the ledger and deciding it, where
// its own word is enough, left the applicant waiting for ever.
func TestJoin_TrustIsKeptAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLone(t, 1, func(c *Config) { c.NoCatchUp = true })
		if err := l.Begin(t.Context()); err != nil {
			t.Fatal(err)
		}
		seed := keyOf(t, "an invitation's seed")
		invited := protocol.Invited{Key: seed.Public(), Handle: "city-9", Expires: time.Now().Add(24 * time.Hour).Unix(), Trust: true}
		if _, err := l.Publish(t.Context(), Draft{Kind: protocol.KindInvitation, Content: &invited}); err != nil {
			t.Fatal(err)
		}
		a, err := protocol.Application{Federation: l.w.fed, Member: protocol.MemberFacts{Handle: "city-9", Kind: protocol.KindCity, Country: "KR",
			Names: protocol.Text{"en": "City 9"}}}.Sign(keyOf(t, "city-9 root"), seed)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Publish(t.Context(), Draft{Kind: protocol.KindApplication, Content: &a}); err != nil {
			t.Fatal(err)
		}
		if err := l.store.Close(); err != nil { // here it ended
			t.Fatal(err)
		}
		asked := 0
		l.open(t, func(c *Config) {
			c.NoCatchUp = true
			c.Trusted = func(ctx context.Context, a protocol.Application) error {
				asked++
				facts := a.Member
				facts.Category = protocol.CategoryFull
				d, err := charter.NewDecision(l.State(), charter.Draft{By: charter.ByElectors, Title: protocol.Text{"en": "Admit"},
					Changes: []charter.Change{{What: charter.ChangeAdmit, Facts: &facts, Invitation: a.Invitation}}})
				if err != nil {
					return err
				}
				_, err = l.Acts().Table(ctx, d) // and here again: tabled, and not answered
				return err
			}
		})
		l.run(t)
		time.Sleep(2 * time.Minute)
		if m, ok := l.State().Member("city-9"); !ok || m.Status != charter.StatusMember || asked != 1 {
			t.Fatalf("%+v %t, tabled %d times", m.Status, ok, asked)
		}
	})
}
