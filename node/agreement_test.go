package node_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/dure-net/dure/node"
	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/enrol"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
)

// agreeing is two members whose nodes run, with an offer of ten stands of Seoul's.
func agreeing(t *testing.T) (seoul, montreal *city, offer string) {
	t.Helper()
	ctx := context.Background()
	seoul, montreal = newCity(t, "kr-seoul"), newCity(t, "ca-montreal")
	rules, err := charter.RuleSet("charter-2014")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := enrol.Found(ctx, seoul.home, enrol.FoundOptions{Root: seoul.root, Names: protocol.Text{"en": "Forum"}, Charter: protocol.Text{"en": "In turn."}, Rules: rules}); err != nil {
		t.Fatal(err)
	}
	seoul.start()
	inv, err := seoul.client().Invite(ctx, api.InviteRequest{Handle: "ca-montreal", Trust: true})
	if err != nil {
		t.Fatal(err)
	}
	montreal.joins(inv.Line)
	montreal.start()
	from, to := time.Now().Format(time.DateOnly), time.Now().AddDate(0, 3, 0).Format(time.DateOnly)
	r, err := seoul.client().Publish(ctx, api.Draft{Type: "offer", Raw: json.RawMessage(fmt.Sprintf(`{"type":"offer","lang":"en","kind":"material","mode":"give","title":{"en":"Stands"},
		"summary":{"en":"Exhibition stands."},"themes":["culture_tourism"],"goods":"exhibition","condition":"good","quantity":{"value":"10","unit":"C62"},"divisible":true,
		"window":{"from":%q,"to":%q},"delivery":"ship","place":{"country":"KR","label":"Seoul"},"working_languages":["en"],"return":"gift","valid_until":%q}`, from, to, to))})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the offer is known in Montréal", func() error { _, err := montreal.client().Record(ctx, r.Number); return err })
	return seoul, montreal, r.Number
}

// wants has Montréal propose to take so many.
func (c *city) wants(offer, n string) string {
	c.t.Helper()
	draft, err := c.client().DraftProposal(context.Background(), offer, "")
	if err != nil {
		c.t.Fatal(err)
	}
	draft["clauses"].([]any)[0].(map[string]any)["quantity"].(map[string]any)["value"] = n
	raw, err := json.Marshal(draft)
	if err != nil {
		c.t.Fatal(err)
	}
	r, err := c.client().Act(context.Background(), "", api.Deed{Deed: "propose", Proposal: raw})
	if err != nil {
		c.t.Fatal(err)
	}
	return r.Number
}

func (c *city) does(ref, deed string) error {
	_, err := c.client().Act(context.Background(), ref, api.Deed{Deed: deed})
	return err
}

// offline does something while the node is not running, and so not reached by anybody.
func (c *city) offline(ref, deed string) {
	c.t.Helper()
	n, err := node.Open(context.Background(), c.home, node.Options{Version: "test", Settings: map[string]string{"storage.floor_bytes": "33554432"}})
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := n.Act(context.Background(), ref, api.Deed{Deed: deed}); err != nil {
		c.t.Errorf("%s: %s %s: %v", c.handle, deed, ref, err)
	}
	if err := n.Close(); err != nil {
		c.t.Fatal(err)
	}
}

// known waits until a node has a thread in a phase.
func (c *city) known(ref, phase string) (a api.Agreement) {
	c.t.Helper()
	eventually(c.t, c.handle+" has "+ref+" as "+phase, func() (err error) {
		a, err = c.client().Agreement(context.Background(), ref, "")
		if err == nil && a.Phase != phase {
			err = errors.New(a.Phase)
		}
		return err
	})
	return a
}

// oneState waits until all derive one state, in a phase.
func oneState(t *testing.T, ref, phase string, cities ...*city) (a api.Agreement) {
	t.Helper()
	eventually(t, "one state of "+ref, func() error {
		var digests []string
		for _, c := range cities {
			a = c.known(ref, phase)
			digests = append(digests, a.Digest)
		}
		if len(slices.Compact(digests)) != 1 {
			return fmt.Errorf("digests %v", digests)
		}
		return nil
	})
	return a
}

// Whatever is asked of the owner's node at once, it signs for no more than is left.
func TestAct_OwnerPromisesNoMoreThanIsLeft(t *testing.T) {
	seoul, montreal, offer := agreeing(t)
	var asked []string
	for range 4 {
		asked = append(asked, montreal.wants(offer, "6"))
	}
	for _, p := range asked {
		seoul.known(p, "proposed")
	}
	var wait sync.WaitGroup
	errs := make([]error, len(asked))
	for i, p := range asked {
		wait.Go(func() { errs[i] = seoul.does(p, "accept") })
	}
	wait.Wait()
	yes := ""
	for i, err := range errs {
		var e *protocol.Error
		switch {
		case err == nil && yes == "":
			yes = asked[i]
		case err == nil:
			t.Errorf("%s and %s are both accepted", yes, asked[i])
		case !errors.As(err, &e) || e.Reason != protocol.ReasonConflict || e.Args["remaining"] != "4" || e.Args["wanted"] != "6":
			t.Errorf("%s: %v", asked[i], err)
		}
	}
	if yes == "" {
		t.Fatal("none is accepted")
	}
	montreal.known(yes, "accepted")
	if err := montreal.does(yes, "confirm"); err != nil {
		t.Fatal(err)
	}
	a := oneState(t, yes, "in_force", seoul, montreal)
	if len(a.Pledges) != 1 || a.Pledges[0].Value != "6" || a.Pledges[0].Owner != "kr-seoul" {
		t.Errorf("committed: %+v", a.Pledges)
	}
	small := montreal.wants(offer, "4")
	seoul.known(small, "proposed")
	if err := seoul.does(small, "accept"); err != nil {
		t.Errorf("what is left: %v", err)
	}
	if r, err := seoul.client().Record(context.Background(), offer); err != nil || r.Stock == nil || r.Stock.Remaining != "4" || r.Stock.State != "partly_committed" {
		t.Errorf("left: %+v, %v", r.Stock, err)
	}
}

// Concurrent cases 1 and 2 on real nodes: what each side said while the other one was not reached comes to one state on both.
func TestAct_WordsThatCross(t *testing.T) {
	seoul, montreal, offer := agreeing(t)
	crossed, taken := montreal.wants(offer, "2"), montreal.wants(offer, "3")
	seoul.known(crossed, "proposed")
	seoul.known(taken, "proposed")
	if err := seoul.does(taken, "accept"); err != nil {
		t.Fatal(err)
	}
	montreal.known(taken, "accepted")

	montreal.halt()
	if err := seoul.does(crossed, "accept"); err != nil { // while Montréal withdraws
		t.Fatal(err)
	}
	if err := seoul.does(taken, "retract"); err != nil { // while Montréal confirms
		t.Fatal(err)
	}
	if a := seoul.known(crossed, "accepted"); len(a.Choices) == 0 {
		t.Error("nothing can be done")
	}
	montreal.offline(crossed, "retract")
	montreal.offline(taken, "confirm")
	montreal.start()
	oneState(t, crossed, "withdrawn", seoul, montreal)
	a := oneState(t, taken, "in_force", seoul, montreal)
	if !slices.Equal(a.Asks, []string{"kr-seoul"}) {
		t.Errorf("asking to cancel: %v", a.Asks)
	}
	box, err := montreal.client().Inbox(context.Background(), "")
	if err != nil || len(box.Items) != 1 || box.Items[0].Waits[0].Code != "ask" || box.Items[0].Waits[0].Text == "" {
		t.Errorf("Montréal's inbox: %+v, %v", box, err)
	}
	if err := seoul.does(crossed, "fulfil"); protocol.ReasonOf(err) != protocol.ReasonConflict {
		t.Errorf("what was withdrawn is fulfilled: %v", err)
	}
}
