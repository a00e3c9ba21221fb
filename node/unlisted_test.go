package node_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/enrol"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
)

// On a full disk the ledger took a record out of its reserve and lists could not be
// written: who had the receipt was told that nothing bears that name.
func TestNode_ShowsWhatItAcknowledgedBeforeListsDo(t *testing.T) {
	ctx := context.Background()
	rules, err := charter.RuleSet("charter-2014")
	if err != nil {
		t.Fatal(err)
	}
	seoul := newCity(t, "kr-seoul")
	if _, err := enrol.Found(ctx, seoul.home, enrol.FoundOptions{Root: seoul.root, Names: protocol.Text{"en": "Forum"},
		Charter: protocol.Text{"en": "We work together."}, Rules: rules}); err != nil {
		t.Fatal(err)
	}
	seoul.start()
	seoul.node.HoldLists()
	draft := api.Draft{Type: "notice", Raw: json.RawMessage(`{"type":"notice","lang":"en","category":"news","title":{"en":"We met"},"valid_until":"2099-05-28","body":{"en":"In the town hall."}}`)}
	receipt, err := seoul.node.Publish(ctx, draft)
	if err != nil {
		t.Fatal(err)
	}
	if page, err := seoul.node.Records(ctx, api.RecordQuery{Limit: 10}); err != nil || len(page.Items) != 0 {
		t.Fatalf("lists go on: %+v, %v", page, err)
	}
	got, err := seoul.node.Record(ctx, receipt.Record)
	if err != nil {
		t.Fatal(err)
	}
	if got.ID != receipt.Record || got.Number != receipt.Number || got.Seq != receipt.Seq || got.FeedSeq != receipt.FeedSeq ||
		got.State != api.RecordPublished || got.Member != "kr-seoul" || got.Content["title"] == nil {
		t.Errorf("published %+v, shown %+v", receipt, got)
	}
	if _, err := seoul.node.Record(ctx, protocol.Sum([]byte("nothing")).String()); protocol.ReasonOf(err) != protocol.ReasonNotFound {
		t.Error(err)
	}
}
