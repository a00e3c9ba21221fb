package node_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dure-net/dure/node"
	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/enrol"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
)

// pair is a federation of two members that run and hold the same.
func pair(t *testing.T) (seoul, montreal *city) {
	t.Helper()
	ctx := context.Background()
	seoul, montreal = newCity(t, "kr-seoul"), newCity(t, "ca-montreal")
	rules, err := charter.RuleSet("charter-2014")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := enrol.Found(ctx, seoul.home, enrol.FoundOptions{Root: seoul.root, Names: protocol.Text{"en": "Forum"},
		Charter: protocol.Text{"en": "We work together in turn."}, Rules: rules}); err != nil {
		t.Fatal(err)
	}
	seoul.start()
	inv, err := seoul.client().Invite(ctx, api.InviteRequest{Handle: "ca-montreal", Trust: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := enrol.Join(ctx, montreal.home, enrol.JoinOptions{Root: montreal.root, Line: inv.Line}); err != nil {
		t.Fatal(err)
	}
	montreal.start()
	same(t, seoul, montreal)
	return seoul, montreal
}

// same waits until all hold the same and can write.
func same(t *testing.T, cities ...*city) {
	t.Helper()
	eventually(t, "the ledgers are the same", func() error {
		var first api.Status
		for i, c := range cities {
			s, err := c.client().Status(context.Background())
			if err != nil {
				return err
			}
			if i == 0 {
				first = s
			}
			if s.Ledger.Root != first.Ledger.Root || s.Ledger.Wanted > 0 || s.Node.State != api.StateReady {
				return &protocol.Error{Reason: protocol.ReasonStale, Op: "compare " + c.handle + " " + string(s.Node.State) + " " + s.Node.Reason}
			}
		}
		return nil
	})
}

func (c *city) publish(title string) api.Receipt {
	c.t.Helper()
	r, err := c.client().Publish(context.Background(), api.Draft{Type: "request", Raw: json.RawMessage(strings.Replace(koreanRequest, "사회적경제 공공구매 조례 자문 전문가 2명", title, 1))})
	if err != nil {
		c.t.Fatalf("%s does not publish: %v", c.handle, err)
	}
	return r
}

// rot spoils the text in every file of the stopped node's store that holds it, as a disk
// does, and reports how often. One wrong bit would be turned back at the next start.
func (c *city) rot(text string) (flips int) {
	c.t.Helper()
	err := filepath.WalkDir(filepath.Join(c.home.LedgerDir(), "store"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		at := bytes.Index(raw, []byte(text))
		if at < 0 {
			return nil
		}
		for ; at >= 0 && at < len(raw); at++ {
			next := bytes.Index(raw[at:], []byte(text))
			if next < 0 {
				break
			}
			at += next
			copy(raw[at+2:], "#?#?#?")
			flips++
		}
		return os.WriteFile(path, raw, 0o600)
	})
	if err != nil || flips == 0 {
		c.t.Fatalf("%s: %d flips, %v", c.handle, flips, err)
	}
	return flips
}

// What a scrub or a verification finds damaged comes back from the other node before
// they answer, and stays back; a stopped home says that it cannot ask.
func TestNode_DamageIsRepairedFromOthers(t *testing.T) {
	ctx := context.Background()
	seoul, montreal := pair(t)
	first, second := seoul.publish("xyzzy-quince"), seoul.publish("plugh-walnut")
	same(t, seoul, montreal)

	montreal.halt()
	montreal.rot("xyzzy-quince")
	offline, err := node.Open(ctx, montreal.home, node.Options{Settings: map[string]string{"storage.floor_bytes": "33554432"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := offline.Publish(ctx, api.Draft{Type: "request", Raw: json.RawMessage(koreanRequest)}); err != nil {
		t.Fatal(err) // damage keeps nobody from writing
	}
	report, err := offline.Scrub(ctx, true, nil)
	if err != nil || report.OK || report.Damaged == 0 || report.Repaired != 0 || report.Damage[0].Member != "kr-seoul" {
		t.Fatalf("offline: %+v, %v", report, err)
	}
	if err := offline.Close(); err != nil {
		t.Fatal(err)
	}

	montreal.start()
	same(t, seoul, montreal) // known damage is fetched again without being asked for
	if r, err := montreal.client().Record(ctx, first.Number); err != nil || r.State != api.RecordPublished {
		t.Fatalf("the record is %s, %v", r.State, err)
	}
	montreal.halt()
	montreal.rot("plugh-walnut")
	montreal.start()
	steps := 0
	report, err = montreal.client().Scrub(ctx, true, func(api.Progress) { steps++ })
	if err != nil || report.OK || report.Damaged == 0 || report.Repaired != report.Damaged || !report.Damage[0].Repaired || steps == 0 {
		t.Fatalf("%+v, %v in %d steps", report, err, steps)
	}
	if r, err := montreal.client().Record(ctx, second.Number); err != nil || r.State != api.RecordPublished {
		t.Fatalf("the record is %s, %v", r.State, err)
	}
	status, err := montreal.client().Status(ctx)
	if err != nil || status.Ledger.Damaged != 0 || status.Scrub.LastEnded == nil || status.Scrub.LastFound != report.Damaged {
		t.Fatalf("%+v %+v, %v", status.Ledger, status.Scrub, err)
	}
	verified, err := montreal.client().Verify(ctx, nil)
	if err != nil || !verified.OK || verified.Damaged != 0 {
		t.Fatalf("%+v, %v", verified, err)
	}
	montreal.halt()
	montreal.start()
	if again, err := montreal.client().Scrub(ctx, true, nil); err != nil || !again.OK {
		t.Fatalf("after a restart: %+v, %v", again, err)
	}
}
