package replication

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
)

// marker is text that compression leaves as it is, to search files for.
func marker(dice *rand.Rand) string {
	raw := make([]byte, 180)
	for i := range raw {
		raw[i] = byte(dice.Uint32())
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

// traces are pieces of a marker: any of them is too much.
func traces(marker string) (out [][]byte) {
	for at := 0; at+24 <= len(marker); at += 24 {
		out = append(out, []byte(marker[at:at+24]))
	}
	return out
}

func holds(raw []byte, marker string) bool {
	return slices.ContainsFunc(traces(marker), func(t []byte) bool { return bytes.Contains(raw, t) })
}

// filesWith names the files below dir that hold a piece of a marker.
func filesWith(t testing.TB, dir, marker string) (names []string) {
	t.Helper()
	for try := 0; ; try++ {
		names = nil
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			raw, err := os.ReadFile(path)
			if err == nil && holds(raw, marker) {
				names = append(names, d.Name())
			}
			return err
		})
		if err == nil || try == 20 { // Badger may be merging tables meanwhile
			return names
		}
	}
}

func (a *actor) erase(of protocol.RecordID, refs ...protocol.CID) protocol.Entry {
	a.w.t.Helper()
	p, err := a.replica.Publish(context.Background(), Draft{Kind: protocol.KindErasure, Of: of, Refs: refs,
		Content: &protocol.Erasure{Code: protocol.ErasurePersonal, Reason: protocol.Text{"en": "it named a person"}}})
	if err != nil {
		a.w.t.Fatalf("seed %d: %s could not erase: %v", a.w.seed, a.handle, err)
	}
	return p.Entry
}

// tryErase erases one of the node's own records, if it has any and can.
func (a *actor) tryErase() error {
	a.mu.Lock()
	r, life := a.writer, a.life.Load()
	var of protocol.RecordID
	if len(a.acked) > 0 {
		of = a.acked[a.w.dice.IntN(len(a.acked))]
	}
	a.mu.Unlock()
	if r == nil || life%2 == 0 || !of.Defined() {
		return protocol.Fail(protocol.ReasonNotRunning, "erase", nil)
	}
	_, err := r.Publish(context.Background(), Draft{Kind: protocol.KindErasure, Of: of, Content: &protocol.Erasure{}})
	return err
}

// erasedEverywhere checks that the same bodies count as erased on every node, that none
// of them can be read, and that a sweep leaves nothing to the next one.
func (w *world) erasedEverywhere() {
	w.t.Helper()
	nodes := w.agreeing()
	for _, by := range w.nodes {
		by.mu.Lock()
		acked := slices.Clone(by.acked)
		by.mu.Unlock()
		for _, id := range acked {
			said := map[bool]string{}
			for _, a := range nodes {
				e, _, err := a.ledger.Find(id)
				if err != nil {
					continue // held by nobody, or explained elsewhere
				}
				gone := a.replica.Erasures().gone(e)
				said[gone] = a.handle
				if raw, reason := a.body(id); gone && (raw != nil || reason != protocol.ReasonErased) {
					w.t.Errorf("seed %d: %s is erased and %s reads %d bytes of it, %s", w.seed, id.Short(), a.handle, len(raw), reason)
				}
			}
			if len(said) > 1 {
				w.t.Errorf("seed %d: %s counts as erased at %s and not at %s", w.seed, id.Short(), said[true], said[false])
			}
		}
	}
	all := func(protocol.FeedID) bool { return true }
	for _, a := range nodes {
		for pass := range 2 {
			swept, err := a.ledger.Sweep(context.Background(), all, nil)
			if err != nil || pass == 1 && (swept.Dropped > 0 || swept.Lifted > 0) {
				w.t.Errorf("seed %d: sweep %d of %s: %+v, %v", w.seed, pass, a.handle, swept, err)
			}
		}
	}
}

// revise writes an entry about a record.
func (a *actor) revise(kind protocol.Kind, of protocol.RecordID, text string) protocol.EntryID {
	a.w.t.Helper()
	p, err := a.replica.Publish(context.Background(), Draft{Kind: kind, Of: of, Refs: []protocol.CID{of}, Content: map[string]any{"text": text}})
	if err != nil {
		a.w.t.Fatalf("seed %d: %s could not write about a record: %v", a.w.seed, a.handle, err)
	}
	return p.Entry.ID()
}

func (a *actor) body(id protocol.EntryID) ([]byte, protocol.Reason) {
	a.w.t.Helper()
	e, _, err := a.ledger.Find(id)
	if err != nil {
		a.w.t.Fatalf("seed %d: %s does not know %s: %v", a.w.seed, a.handle, id.Short(), err)
	}
	raw, err := a.ledger.Body(e)
	return raw, protocol.ReasonOf(err)
}

// said counts the nodes that have acknowledged all of the entries, as this node sees it.
func (a *actor) said(ids ...protocol.EntryID) (done, nodes int) {
	for _, x := range a.replica.Erasures().Accounts(ids) {
		if nodes++; !x.At.IsZero() {
			done++
		}
	}
	return done, nodes
}

// acknowledged waits until every node that can write sees that so many nodes have erased.
func (w *world) acknowledged(n int, within time.Duration, ids ...protocol.EntryID) {
	w.t.Helper()
	began := time.Now()
	for _, a := range w.running() {
		if a.disk.full.Load() {
			continue
		}
		for {
			done, nodes := a.said(ids...)
			if done == n {
				break
			}
			if time.Since(began) > within {
				w.t.Fatalf("seed %d: %s sees %d of %d nodes say that it is gone after %s, want %d", w.seed, a.handle, done, nodes, within, n)
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
}

// forgotten checks that nothing of a marker is left at a node, in any file, in a bundle or
// in a backup, and that reading says that it is erased.
func (a *actor) forgotten(marker string, ids ...protocol.EntryID) {
	a.w.t.Helper()
	for _, id := range ids {
		if raw, reason := a.body(id); raw != nil || reason != protocol.ReasonErased {
			a.w.t.Errorf("seed %d: %s reads %d bytes, %s", a.w.seed, a.handle, len(raw), reason)
		}
	}
	if names := filesWith(a.w.t, a.dir, marker); len(names) > 0 {
		a.w.t.Errorf("seed %d: what was erased lies at %s in %v", a.w.seed, a.handle, names)
	}
	var bundle, backup bytes.Buffer
	if _, err := a.replica.Bundles().Export(context.Background(), &bundle, nil); err != nil {
		a.w.t.Fatal(err)
	}
	if _, err := a.ledger.Backup(context.Background(), &backup, nil); err != nil {
		a.w.t.Fatal(err)
	}
	if holds(bundle.Bytes(), marker) || holds(backup.Bytes(), marker) {
		a.w.t.Errorf("seed %d: %s hands out what was erased", a.w.seed, a.handle)
	}
}

// A record is erased with all its versions: absent at once, dropped by every node, by the
// one that was away when it comes back, by one that is restored from before, and never
// taken in again from a bundle of before.
func TestScenario_Erasure(t *testing.T) {
	scenario(t, 1, func(t *testing.T, w *world) {
		nodes := w.found(5)
		w.startAll()
		w.settle(30 * time.Second)
		secret := marker(w.dice)
		owner := nodes[0]
		first := owner.publish(secret)
		second := owner.revise(protocol.KindOffer, first, "revised: "+secret)
		gone := owner.revise(protocol.KindWithdraw, first, "withdrawn: "+secret)
		kept := owner.publish("this one stays")
		ids := []protocol.EntryID{first, second, gone}
		w.settle(30 * time.Second)
		var before bytes.Buffer
		if _, err := nodes[1].replica.Bundles().Export(context.Background(), &before, nil); err != nil {
			t.Fatal(err)
		}
		copied, saved := nodes[2].copied(), nodes[3].backup()
		for _, a := range nodes {
			if len(filesWith(t, a.dir, secret)) == 0 {
				t.Fatal("the search would not find the bytes while they are there")
			}
		}
		if !holds(before.Bytes(), secret) || !holds(saved.car, secret) {
			t.Fatal("the bundle or the backup of before does not hold it")
		}
		nodes[4].halt()

		word := owner.erase(first)
		for _, id := range ids {
			if _, reason := owner.body(id); reason != protocol.ReasonErased {
				t.Errorf("seed %d: right after the word, the body is %s", w.seed, reason)
			}
		}
		w.acknowledged(4, 30*time.Second, ids...)
		w.settle(30 * time.Second)
		w.sameEverywhere()
		for _, a := range nodes[:4] {
			a.forgotten(secret, ids...)
			if _, reason := a.body(kept); reason != protocol.ReasonNone {
				t.Errorf("seed %d: %s lost another record: %s", w.seed, a.handle, reason)
			}
			e, _, _ := a.ledger.Find(second)
			if why, ok := a.replica.Erasures().Why(e); !ok || why.Entry != word.ID() || why.Member != owner.handle || why.Reason["en"] == "" {
				t.Errorf("seed %d: %s does not know why: %+v", w.seed, a.handle, why)
			}
		}
		// An old bundle, and an old peer, bring nothing back.
		if _, err := nodes[1].replica.Bundles().Import(context.Background(), bytes.NewReader(before.Bytes()), nil); err != nil {
			t.Fatal(err)
		}
		nodes[4].start()
		w.acknowledged(5, 60*time.Second, ids...)
		// Two nodes are put back to before the erasure: a copy of the disk, a backup.
		nodes[2].halt()
		nodes[2].restore(copied, false)
		nodes[3].halt()
		nodes[3].restore(saved, false)
		for _, a := range nodes[2:4] {
			if len(filesWith(t, a.dir, secret)) == 0 {
				t.Fatal("what was restored does not hold it")
			}
			a.start()
		}
		w.settle(2 * time.Minute)
		time.Sleep(20 * time.Second)
		for _, a := range nodes {
			a.forgotten(secret, ids...)
		}
		w.sameEverywhere()
		// And all of it outlives a restart of everybody.
		for _, a := range nodes {
			a.halt()
		}
		w.startAll()
		w.acknowledged(5, 10*time.Second, ids...)
		for _, a := range nodes {
			a.forgotten(secret, ids...)
		}
	})
}

// Only the owner and the federation erase. An act erases whoever's record it is.
func TestScenario_ErasureByAnAct(t *testing.T) {
	scenario(t, 2, func(t *testing.T, w *world) {
		nodes := w.found(4)
		w.startAll()
		w.settle(30 * time.Second)
		secret := marker(w.dice)
		first := nodes[3].publish(secret)
		second := nodes[3].revise(protocol.KindOffer, first, secret)
		w.settle(30 * time.Second)
		nodes[1].erase(first) // not theirs
		w.settle(30 * time.Second)
		time.Sleep(5 * time.Second)
		for _, a := range nodes {
			if _, reason := a.body(first); reason != protocol.ReasonNone {
				t.Fatalf("seed %d: at %s another member's word made the body %s", w.seed, a.handle, reason)
			}
		}
		why := protocol.Text{"en": "a court has ruled"}
		id := nodes[0].tableAt(t, "erase it", charter.Change{What: charter.ChangeErase, Entry: first, Why: why})
		w.settle(30 * time.Second)
		nodes[2].answer(t, id)
		w.acknowledged(4, time.Minute, first, second)
		for _, a := range nodes {
			a.forgotten(secret, first, second)
			e, _, _ := a.ledger.Find(second)
			if c, ok := a.replica.Erasures().Why(e); !ok || c.Act.Number != 1 || c.Reason["en"] != why["en"] || c.Member != "" {
				t.Errorf("seed %d: %s does not know why: %+v", w.seed, a.handle, c)
			}
		}
		w.settle(30 * time.Second)
		w.sameEverywhere()
	})
}

// A node that dies between the word and the drop, or whose disk is full then, drops it when it can.
func TestScenario_ErasureOutlivesCrashAndFullDisk(t *testing.T) {
	scenario(t, 3, func(t *testing.T, w *world) {
		nodes := w.found(4)
		w.startAll()
		w.settle(30 * time.Second)
		secret := marker(w.dice)
		var ids []protocol.EntryID
		for range 40 {
			ids = append(ids, nodes[0].publish(secret))
		}
		w.settle(30 * time.Second)
		nodes[3].fullDisk(true)
		for _, id := range ids {
			nodes[0].erase(id)
		}
		time.Sleep(time.Duration(w.dice.IntN(2500)) * time.Millisecond)
		w.powerCut(nodes[0], nodes[1])
		nodes[0].start()
		nodes[1].start()
		w.acknowledged(3, time.Minute, ids...)
		for _, a := range nodes[:3] {
			a.forgotten(secret, ids...)
		}
		nodes[3].fullDisk(false)
		w.acknowledged(4, 2*time.Minute, ids...)
		nodes[3].forgotten(secret, ids...)
		w.settle(time.Minute)
		w.sameEverywhere()
		words := 0
		for _, f := range nodes[2].ledger.Feeds() {
			for seq := range f.Count {
				if e, err := nodes[2].ledger.Entry(f.Feed, seq); err == nil && e.Kind() == protocol.KindErased {
					words++
				}
			}
		}
		if words > 20 {
			t.Errorf("seed %d: %d acknowledgements of 40 erasures by 4 nodes", w.seed, words)
		}
	})
}

// A root key cuts its node below an erasure: it does not count any more, on any node,
// whichever it heard first; and the body is taken again from who still has it.
func TestScenario_CutBelowAnErasure(t *testing.T) {
	scenario(t, 2, func(t *testing.T, w *world) {
		nodes := w.found(4)
		w.startAll()
		w.settle(30 * time.Second)
		victim := nodes[3]
		secret := marker(w.dice)
		record := victim.publish(secret)
		w.settle(30 * time.Second)
		stands := nodes[0].replica.Feeds().Stands(victim.handle, protocol.PublicKey{})
		nodes[1].halt()
		victim.erase(record) // by the thief of its key
		w.acknowledged(3, 30*time.Second, record)
		cut, err := protocol.Statement{Federation: w.fed, Purpose: protocol.PurposeCut, Node: victim.node.Public(), Stands: stands}.Sign(victim.root)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := nodes[0].replica.Publish(context.Background(), Draft{Kind: protocol.KindStatement, Content: &cut}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		for _, a := range []*actor{nodes[0], nodes[2]} { // they had dropped it, and nobody they see has it
			if _, reason := a.body(record); reason != protocol.ReasonWanted || a.ledger.Stats().Lifted != 1 || a.wants() != 0 {
				t.Errorf("seed %d: at %s the body is %s, %+v", w.seed, a.handle, reason, a.ledger.Stats())
			}
		}
		victim.halt()
		nodes[1].start() // it hears of the cut, and never of the erasure
		for began := time.Now(); ; time.Sleep(200 * time.Millisecond) {
			back := 0
			for _, a := range nodes[:3] {
				if raw, _ := a.body(record); holds(raw, secret) {
					back++
				}
			}
			if back == 3 {
				break
			}
			if time.Since(began) > allowed(time.Minute) {
				t.Fatalf("seed %d: %d of 3 nodes have the body back", w.seed, back)
			}
		}
		w.settle(30 * time.Second)
		w.sameEverywhere()
		for _, a := range nodes[:3] {
			if e, _, _ := a.ledger.Find(record); a.replica.Erasures().gone(e) {
				t.Errorf("seed %d: at %s it still counts as erased", w.seed, a.handle)
			}
		}
	})
}

// A node whose feed was forked below its erasure says it again: nothing of it comes back.
func TestScenario_ForkBelowAnErasure(t *testing.T) {
	scenario(t, 2, func(t *testing.T, w *world) {
		nodes := w.found(4)
		w.startAll()
		w.settle(30 * time.Second)
		owner := nodes[3]
		secret := marker(w.dice)
		record := owner.publish(secret)
		w.settle(30 * time.Second)
		twin := owner.clone()
		owner.erase(record)
		w.acknowledged(4, 30*time.Second, record)
		owner.halt()
		for _, a := range nodes[:3] {
			a.halt()
		}
		twin.start() // the same key, the same place, another history
		twin.publish("on the other machine")
		twin.halt()
		twin.w.nodes = slices.DeleteFunc(w.nodes, func(a *actor) bool { return a == twin })
		// Its entries reach the others, and with them the proof of the fork.
		var bundle bytes.Buffer
		twin.start()
		if _, err := twin.replica.Bundles().Export(context.Background(), &bundle, nil); err != nil {
			t.Fatal(err)
		}
		twin.halt()
		for _, a := range nodes {
			a.start()
		}
		feed := owner.inception.ID()
		forge(t, nodes[0], bundle.Bytes(), feed)
		for began := time.Now(); ; time.Sleep(200 * time.Millisecond) {
			e, _, err := nodes[1].ledger.Find(record)
			if err != nil {
				t.Fatal(err)
			}
			why, ok := nodes[1].replica.Erasures().Why(e)
			line := nodes[1].replica.frontier.line(feed)
			if ok && why.Entry.Defined() && line.Forked != 0 {
				if again, _, _ := nodes[1].ledger.Find(why.Entry); again.Feed() != feed {
					break
				}
			}
			if time.Since(began) > allowed(2*time.Minute) {
				t.Fatalf("seed %d: the erasure was not said again; fork %d, erased %v", w.seed, line.Forked, ok)
			}
		}
		w.settle(time.Minute)
		for _, a := range nodes {
			a.forgotten(secret, record)
			if st := a.ledger.Stats(); st.Lifted != 0 {
				t.Errorf("seed %d: %s asked for it again: %+v", w.seed, a.handle, st)
			}
		}
	})
}

// forge shows a node the entries of a bundle that are of one feed, as a peer would.
func forge(t *testing.T, a *actor, bundle []byte, feed protocol.FeedID) {
	t.Helper()
	br := bufio.NewReader(bytes.NewReader(bundle))
	im := &importer{r: a.replica, ctx: context.Background(), b: &Bundled{}}
	if err := im.head(br); err != nil {
		t.Fatal(err)
	}
	var run []protocol.Entry
	for {
		_, block, err := readSection(br)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, err := protocol.DecodeEntry(block); err == nil && e.Feed() == feed {
			run = append(run, e)
		}
	}
	if err := a.replica.forked(context.Background(), feed, run); err != nil {
		t.Fatal(err)
	}
}

// An erasure that is heard before the entry it names: the header comes in and the body
// does not, whoever brings it, and nothing of it ever lies in a file.
func TestErasure_HeardBeforeItsEntry(t *testing.T) {
	l := newLone(t, 2, nil)
	if err := l.Begin(context.Background()); err != nil {
		t.Fatal(err)
	}
	dice := rand.New(rand.NewPCG(1, 1))
	secret := marker(dice)
	other := l.w.nodes[1]
	one := newFeed(t, l.w, other, other.node)
	two := newFeed(t, l.w, other, keyOf(t, "its second machine"))
	body := one.add(t, protocol.KindOffer, protocol.Header{}, map[string]any{"text": secret})
	record := one.entries[1]
	word := two.add(t, protocol.KindErasure, protocol.Header{Of: record.ID()}, nil)
	if word != nil {
		t.Fatal("an erasure without a body")
	}
	if _, err := l.Admit(context.Background(), two.page(), ViaCatchUp); err != nil {
		t.Fatal(err)
	}
	check := func(where string) {
		t.Helper()
		if _, err := l.store.Body(record); protocol.ReasonOf(err) != protocol.ReasonErased {
			t.Errorf("%s: the body is %v", where, err)
		}
		if names := filesWith(t, l.dir, secret); len(names) > 0 {
			t.Errorf("%s: it lies in %v", where, names)
		}
		if st := l.store.Stats(); st.Wanted != 0 {
			t.Errorf("%s: %d wanted", where, st.Wanted)
		}
	}
	// Gossip brings the entry in, and does not pass its body on.
	inception, err := protocol.EncodeMessage(one.entries[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	if v := l.Handler().Gossip(context.Background(), other.node.Public(), inception); v != protocol.Accept {
		t.Fatalf("inception: %s", v)
	}
	msg, err := protocol.EncodeMessage(record, body)
	if err != nil {
		t.Fatal(err)
	}
	if v := l.Handler().Gossip(context.Background(), other.node.Public(), msg); v != protocol.Ignore {
		t.Errorf("an erased body is passed on: %s", v)
	}
	if !l.store.Has(record.ID()) {
		t.Fatal("the header was not taken")
	}
	check("heard")
	if err := l.fill(record.ID(), body); protocol.ReasonOf(err) != protocol.ReasonErased {
		t.Errorf("filled: %v", err)
	}
	if _, err := l.Admit(context.Background(), one.page(), ViaImport); protocol.ReasonOf(err) != protocol.ReasonKnown {
		t.Errorf("imported: %v", err)
	}
	check("offered again")
	if err := l.Erasures().Sweep(context.Background()); err != nil {
		t.Fatal(err)
	}
	accounts := l.Erasures().Accounts([]protocol.EntryID{record.ID()})
	if i := slices.IndexFunc(accounts, func(a Account) bool { return a.Node == l.self }); i < 0 || accounts[i].At.IsZero() {
		t.Errorf("it did not say so: %+v", accounts)
	}
	if err := l.store.Close(); err != nil {
		t.Fatal(err)
	}
	l.open(t, nil)
	check("after a restart")
}

// A body that arrives for a header whose erasure came in between, while it was wanted.
func TestErasure_WantedBodyIsNotAskedFor(t *testing.T) {
	l := newLone(t, 2, nil)
	if err := l.Begin(context.Background()); err != nil {
		t.Fatal(err)
	}
	other := l.w.nodes[1]
	one := newFeed(t, l.w, other, other.node)
	body := one.add(t, protocol.KindOffer, protocol.Header{}, map[string]any{"text": "late"})
	page := one.page()
	page.Bodies[1] = nil
	if _, err := l.Admit(context.Background(), page, ViaCatchUp); err != nil {
		t.Fatal(err)
	}
	if st := l.store.Stats(); st.Wanted != 1 {
		t.Fatalf("%+v", st)
	}
	one.add(t, protocol.KindErasure, protocol.Header{Of: one.entries[1].ID()}, nil)
	last := protocol.Page{Entries: one.entries[2:], Bodies: one.bodies[2:]}
	if _, err := l.Admit(context.Background(), last, ViaCatchUp); err != nil {
		t.Fatal(err)
	}
	if err := l.fill(one.entries[1].ID(), body); protocol.ReasonOf(err) != protocol.ReasonErased {
		t.Errorf("filled: %v", err)
	}
	if err := l.Erasures().Sweep(context.Background()); err != nil {
		t.Fatal(err)
	}
	if st := l.store.Stats(); st.Wanted != 0 || st.Erased != 1 {
		t.Fatalf("%+v", st)
	}
}

// chainOf is a feed signed for a test.
type chainOf struct {
	w       *world
	key     protocol.PrivateKey
	entries []protocol.Entry
	bodies  [][]byte
}

func newFeed(t *testing.T, w *world, owner *actor, key protocol.PrivateKey) *chainOf {
	t.Helper()
	add, err := protocol.Addition(w.fed, protocol.PublicKey{}, key.Public(), protocol.Signature{}).Sign(owner.root)
	if err != nil {
		t.Fatal(err)
	}
	e, err := protocol.Seal(w.fed, protocol.Header{Kind: protocol.KindInception, Time: 1, Act: protocol.ActRef{ID: w.fed},
		Init: &protocol.Inception{Federation: w.fed, Root: owner.root.Public(), Node: key.Public(), Added: add.Signature}}, key)
	if err != nil {
		t.Fatal(err)
	}
	return &chainOf{w: w, key: key, entries: []protocol.Entry{e}, bodies: [][]byte{nil}}
}

func (c *chainOf) add(t *testing.T, kind protocol.Kind, h protocol.Header, content any) (body []byte) {
	t.Helper()
	var err error
	if content != nil {
		if body, err = protocol.EncodeBody(protocol.Salt{1}, content); err != nil {
			t.Fatal(err)
		}
		h.Body, h.Size = protocol.Sum(body), uint64(len(body))
	}
	last := c.entries[len(c.entries)-1]
	h.Kind, h.Feed, h.Seq, h.Prev, h.Time, h.Act = kind, c.entries[0].ID(), last.Seq()+1, last.ID(), 1, protocol.ActRef{ID: c.w.fed}
	e, err := protocol.Seal(c.w.fed, h, c.key)
	if err != nil {
		t.Fatal(err)
	}
	c.entries, c.bodies = append(c.entries, e), append(c.bodies, body)
	return body
}

func (c *chainOf) page() protocol.Page {
	return protocol.Page{Entries: slices.Clone(c.entries), Bodies: slices.Clone(c.bodies)}
}

// An erasure that lies beyond a fork was heard by those alone who had it before the fork: a node that
// got it with the branch, the forked one among them, wanted the body for ever.
func TestScenario_ErasureBeyondAForkIsHeard(t *testing.T) {
	scenario(t, 3, func(t *testing.T, w *world) {
		nodes := w.found(5)
		w.startAll()
		w.settle(30 * time.Second)
		victim, late := nodes[4], nodes[3]
		earlier := victim.copied()
		record := victim.publish("names a person")
		victim.erase(record)
		w.settle(30 * time.Second)
		victim.halt()
		victim.put(earlier, wholeMachine)
		w.net.Isolate(victim.n)
		victim.start()
		victim.publish("at a place it has signed before")
		w.net.Heal()
		w.settle(3 * time.Minute)
		late.halt()
		late.emptied()
		late.start()
		time.Sleep(2 * branchAgain) // what lies beyond a fork is no part of what makes ledgers equal
		w.settle(3 * time.Minute)
		w.sameEverywhere()
		for _, a := range nodes {
			if _, reason := a.body(record); reason != protocol.ReasonErased {
				t.Errorf("seed %d: %s says %q of what was erased", w.seed, a.handle, reason)
			}
		}
	})
}
