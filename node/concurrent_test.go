package node_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/dure-net/dure/node"
	"github.com/dure-net/dure/node/api"
)

// The concurrent cases of the federation's domain study, section 7, between real nodes; cases 1 to 3 stand in
// agreement_test.go. Each is a cut in which either side writes first, told of two threads or records: what the sides come
// to when they meet is the same on every node.

// word is what one member writes while its node is reached by nobody.
type word struct {
	by *city
	do func(*node.Node) error
}

// deed is a word in a thread.
func (c *city) deed(ref string, d api.Deed) word {
	return word{c, func(n *node.Node) error {
		if _, err := n.Act(context.Background(), ref, d); err != nil {
			return fmt.Errorf("%s: %s %s: %w", c.handle, d.Deed, ref, err)
		}
		return nil
	}}
}

// apart cuts all cities off from each other, has them write in this order, and lets them meet again.
func apart(t *testing.T, cities []*city, words ...word) {
	t.Helper()
	for _, c := range cities {
		c.halt()
	}
	for i := 0; i < len(words); {
		by := words[i].by
		n, err := node.Open(context.Background(), by.home, node.Options{Version: "test", Now: by.now, Settings: map[string]string{"storage.floor_bytes": "33554432"}})
		if err != nil {
			t.Fatal(err)
		}
		for ; i < len(words) && words[i].by == by; i++ {
			if err := words[i].do(n); err != nil {
				t.Error(err)
			}
		}
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range cities {
		c.start()
	}
}

// agreed is an agreement in force between Montréal, which asked, and Seoul.
func (c *city) agreed(with *city, offer, n string) string {
	c.t.Helper()
	ref := c.wants(offer, n)
	with.known(ref, "proposed")
	if err := with.does(ref, "accept"); err != nil {
		c.t.Fatal(err)
	}
	c.known(ref, "accepted")
	if err := c.does(ref, "confirm"); err != nil {
		c.t.Fatal(err)
	}
	with.known(ref, "in_force")
	return ref
}

// oneView waits until all derive one state of a thread, which is as it should be.
func oneView(t *testing.T, ref string, cities []*city, as func(api.Agreement) error) {
	t.Helper()
	eventually(t, "one state of "+ref, func() error {
		digest := ""
		for _, c := range cities {
			a, err := c.client().Agreement(context.Background(), ref, "")
			if err == nil {
				err = as(a)
			}
			if err == nil && digest != "" && a.Digest != digest {
				err = errors.New("another state")
			}
			if err != nil {
				return fmt.Errorf("%s: %w", c.handle, err)
			}
			digest = a.Digest
		}
		return nil
	})
}

// Case 4: one member edits its offer on two of its nodes. Both versions are kept, one of them holds on every node, and
// a version that knows both holds.
func TestConcurrent4_OneOfferEditedOnTwoNodes(t *testing.T) {
	ctx := context.Background()
	seoul, montreal, offer := agreeing(t)
	other := seoul.another("annex")
	cities := []*city{seoul, other, montreal}
	eventually(t, "the second node has the offer", func() error { _, err := other.client().Record(ctx, offer); return err })
	var offers []string
	for range 2 {
		r, err := seoul.client().Publish(ctx, api.Draft{Type: "offer", Raw: retitled(t, seoul, offer, "Stands")})
		if err != nil {
			t.Fatal(err)
		}
		offers = append(offers, r.Number)
		eventually(t, "the second node has the copy", func() error { _, err := other.client().Record(ctx, r.Number); return err })
	}
	edit := func(by *city, ref, title string) word {
		raw := retitled(t, seoul, ref, title)
		return word{by, func(n *node.Node) error {
			_, err := n.Publish(ctx, api.Draft{Type: "offer", Of: ref, Raw: raw})
			return err
		}}
	}
	apart(t, cities, edit(seoul, offers[0], "Seoul's"), edit(other, offers[0], "The annex's"), edit(other, offers[1], "The annex's"), edit(seoul, offers[1], "Seoul's"))
	for _, ref := range offers {
		holds := ""
		eventually(t, "one version of "+ref+" holds", func() error {
			var entries []string
			for _, c := range cities {
				rec, err := c.client().Record(ctx, ref)
				if err != nil {
					return err
				}
				if rec.Revisions != 2 {
					return fmt.Errorf("%s has %d revisions", c.handle, rec.Revisions)
				}
				entries = append(entries, rec.Entry)
				holds = rec.Content["title"].(map[string]any)["en"].(string)
			}
			if len(slices.Compact(entries)) != 1 {
				return fmt.Errorf("versions %v", entries)
			}
			return nil
		})
		if holds != "Seoul's" && holds != "The annex's" {
			t.Errorf("%s says %q", ref, holds)
		}
		// A version that is written now knows both, and holds.
		if _, err := other.client().Publish(ctx, api.Draft{Type: "offer", Of: ref, Raw: retitled(t, seoul, ref, "Both")}); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the last version of "+ref+" holds", func() error {
			for _, c := range cities {
				if rec, err := c.client().Record(ctx, ref); err != nil || rec.Revisions != 3 || rec.Content["title"].(map[string]any)["en"] != "Both" {
					return fmt.Errorf("%s says %v, %w", c.handle, rec.Content["title"], err)
				}
			}
			return nil
		})
	}
}

// retitled is a record as it stands, with another title.
func retitled(t *testing.T, c *city, ref, title string) json.RawMessage {
	t.Helper()
	rec, err := c.client().Record(context.Background(), ref)
	if err != nil {
		t.Fatal(err)
	}
	rec.Content["title"] = map[string]any{"en": title}
	raw, err := json.Marshal(rec.Content)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// Case 5: the owner closes its offer while another member proposes. The proposal is valid; both see that the offer is
// closed, and the owner can agree all the same.
func TestConcurrent5_ProposedWhileTheOfferIsClosed(t *testing.T) {
	ctx := context.Background()
	seoul, montreal, offer := agreeing(t)
	cities := []*city{seoul, montreal}
	second, err := seoul.client().Publish(ctx, api.Draft{Type: "offer", Raw: retitled(t, seoul, offer, "More stands")})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the second offer is known", func() error { _, err := montreal.client().Record(ctx, second.Number); return err })
	offers, asked := []string{offer, second.Number}, make([]string, 2)
	closes := func(ref string) word {
		rec, err := seoul.client().Record(ctx, ref)
		if err != nil {
			t.Fatal(err)
		}
		rec.Content["state"], rec.Content["closed_as"] = "closed", "withdrawn"
		raw, err := json.Marshal(rec.Content)
		if err != nil {
			t.Fatal(err)
		}
		return word{seoul, func(n *node.Node) error {
			_, err := n.Publish(ctx, api.Draft{Type: "offer", Of: ref, Raw: raw})
			return err
		}}
	}
	proposes := func(i int) word {
		draft, err := montreal.client().DraftProposal(ctx, offers[i], "")
		if err != nil {
			t.Fatal(err)
		}
		raw, err := json.Marshal(draft)
		if err != nil {
			t.Fatal(err)
		}
		return word{montreal, func(n *node.Node) error {
			r, err := n.Act(ctx, "", api.Deed{Deed: "propose", Proposal: raw})
			asked[i] = r.Number
			return err
		}}
	}
	apart(t, cities, closes(offers[0]), proposes(0), proposes(1), closes(offers[1]))
	for i, ref := range asked {
		oneView(t, ref, cities, func(a api.Agreement) error {
			if a.Phase != "proposed" || !slices.Equal(a.Closed, []string{offers[i]}) {
				return fmt.Errorf("%s, closed: %v", a.Phase, a.Closed)
			}
			return nil
		})
		if err := seoul.does(ref, "accept"); err != nil {
			t.Errorf("the owner of a closed offer cannot agree: %v", err)
		}
		montreal.known(ref, "accepted")
		if err := montreal.does(ref, "confirm"); err != nil {
			t.Error(err)
		}
		oneState(t, ref, "in_force", cities...)
	}
}

// Case 6: counter-proposals cross. Both are open on all nodes; agreeing to one of them ends the other.
func TestConcurrent6_CounterProposalsCross(t *testing.T) {
	seoul, montreal, offer := agreeing(t)
	cities := []*city{seoul, montreal}
	threads := []string{montreal.wants(offer, "3"), montreal.wants(offer, "3")}
	for _, ref := range threads {
		seoul.known(ref, "proposed")
	}
	counter := func(c *city, ref, n string) word {
		return c.deed(ref, api.Deed{Deed: "counter", Edit: &api.TermsEdit{Clause: 1, Quantity: n}})
	}
	apart(t, cities, counter(seoul, threads[0], "2"), counter(montreal, threads[0], "4"), counter(montreal, threads[1], "4"), counter(seoul, threads[1], "2"))
	for _, ref := range threads {
		var theirs string
		oneView(t, ref, cities, func(a api.Agreement) error {
			states := map[string]string{}
			for _, v := range a.Versions {
				states[v.Number] = v.State
				if v.Writer == seoul.handle {
					theirs = v.Number
				}
			}
			if len(states) != 3 || states[ref] != "countered" || theirs == "" || states[theirs] != "proposed" {
				return fmt.Errorf("versions %v", states)
			}
			return nil
		})
		if _, err := montreal.client().Act(context.Background(), ref, api.Deed{Deed: "accept", Version: theirs}); err != nil {
			t.Fatal(err)
		}
		seoul.known(ref, "accepted")
		if err := seoul.does(ref, "confirm"); err != nil {
			t.Fatal(err)
		}
		oneView(t, ref, cities, func(a api.Agreement) error {
			for _, v := range a.Versions {
				if want := map[bool]string{true: "confirmed"}[v.Number == theirs]; want != "" && v.State != want || v.Writer == montreal.handle && v.Number != ref && v.State != "overtaken" {
					return fmt.Errorf("%s is %s", v.Number, v.State)
				}
			}
			return nil
		})
	}
}

// Case 7: what was sent and what arrived differ. The smaller of both counts, and the difference is told after 14 days.
func TestConcurrent7_ReportsOfBothSidesDiffer(t *testing.T) {
	seoul, montreal, offer := agreeing(t)
	cities := []*city{seoul, montreal}
	threads := []string{montreal.agreed(seoul, offer, "5"), montreal.agreed(seoul, offer, "5")}
	report := func(c *city, ref, n string) word {
		return c.deed(ref, api.Deed{Deed: "fulfil", Clause: 1, Quantity: n})
	}
	apart(t, cities, report(seoul, threads[0], "5"), report(montreal, threads[0], "4"), report(montreal, threads[1], "4"), report(seoul, threads[1], "5"))
	later := time.Now().AddDate(0, 0, 20).Format(time.DateOnly)
	for _, ref := range threads {
		oneView(t, ref, cities, func(a api.Agreement) error {
			if c := a.Clauses[0]; a.Phase != "in_progress" || c.State != "differing" || c.Given != "5" || c.Received != "4" || c.Counted != "4" {
				return fmt.Errorf("%s, %+v", a.Phase, c)
			}
			return nil
		})
		for _, c := range cities {
			if a, err := c.client().Agreement(context.Background(), ref, later); err != nil || a.Clauses[0].State != "flagged" {
				t.Errorf("%s, after 20 days: %+v, %v", c.handle, a.Clauses, err)
			}
		}
	}
}

// Case 8: a correction crosses a report. Corrections add up, in whatever order they come.
func TestConcurrent8_ACorrectionCrossesAReport(t *testing.T) {
	seoul, montreal, offer := agreeing(t)
	cities := []*city{seoul, montreal}
	threads := []string{montreal.agreed(seoul, offer, "5"), montreal.agreed(seoul, offer, "5")}
	fixes := make([]word, 2)
	for i, ref := range threads {
		r, err := seoul.client().Act(context.Background(), ref, api.Deed{Deed: "fulfil", Clause: 1, Quantity: "5"})
		if err != nil {
			t.Fatal(err)
		}
		montreal.known(ref, "in_progress")
		fixes[i] = seoul.deed(ref, api.Deed{Deed: "fulfil", Clause: 1, Quantity: "2", Corrects: r.ID, Less: true})
	}
	arrived := func(ref string) word { return montreal.deed(ref, api.Deed{Deed: "fulfil", Clause: 1, Quantity: "3"}) }
	apart(t, cities, fixes[0], arrived(threads[0]), arrived(threads[1]), fixes[1])
	for _, ref := range threads {
		oneView(t, ref, cities, func(a api.Agreement) error {
			if c := a.Clauses[0]; c.Given != "3" || c.Received != "3" || c.Counted != "3" || c.State != "partly" {
				return fmt.Errorf("%+v", c)
			}
			return nil
		})
	}
}

// Case 16: one node's clock is wrong by a day, or by most of a year. It orders nothing: the proposer's confirmation decides.
func TestConcurrent16_AClockIsWrong(t *testing.T) {
	seoul, montreal, offer := agreeing(t)
	cities := []*city{seoul, montreal}
	threads := []string{montreal.wants(offer, "1"), montreal.wants(offer, "1"), montreal.wants(offer, "1")}
	for _, ref := range threads {
		seoul.known(ref, "proposed")
	}
	accepts := func(ref string) word { return seoul.deed(ref, api.Deed{Deed: "accept"}) }
	var words []word
	for i, off := range []time.Duration{-24 * time.Hour, 24 * time.Hour, -300 * 24 * time.Hour} {
		words = append(words, word{seoul, func(n *node.Node) error {
			seoul.ahead.Store(int64(off))
			return accepts(threads[i]).do(n)
		}})
	}
	words = append(words, word{montreal, func(*node.Node) error { seoul.ahead.Store(0); return nil }})
	apart(t, cities, words...)
	for _, ref := range threads {
		montreal.known(ref, "accepted")
		if err := montreal.does(ref, "confirm"); err != nil {
			t.Error(err)
		}
		oneState(t, ref, "in_force", cities...)
	}
}
