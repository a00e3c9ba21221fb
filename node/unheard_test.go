package node_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/dure-net/dure/node/api"
)

// Another member's node stays away. After a week it is named by the member that has erased
// something meanwhile, and no more once it has dropped it.
func TestAlerts_ErasureUnheard(t *testing.T) {
	ctx := context.Background()
	seoul, montreal := pair(t)
	record := seoul.publish("to be erased")
	other := seoul.publish("to be erased too")
	same(t, seoul, montreal)
	montreal.halt()
	for _, r := range []api.Receipt{record, other} {
		if _, err := seoul.client().Erase(ctx, r.Record, api.Why{Code: "personal_data"}); err != nil {
			t.Fatal(err)
		}
	}
	told := func() (out []api.Alert) {
		s, err := seoul.client().Status(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range s.Alerts {
			if a.Code == "erasure_unheard" {
				out = append(out, a)
			}
		}
		return out
	}
	if got := told(); len(got) > 0 {
		t.Fatalf("told at once: %+v", got)
	}
	seoul.ahead.Store(int64(6 * 24 * time.Hour))
	if got := told(); len(got) > 0 {
		t.Fatalf("told after six days: %+v", got)
	}
	seoul.ahead.Store(int64(8 * 24 * time.Hour))
	got := told()
	if len(got) != 1 || got[0].Member != "ca-montreal" || got[0].Level != api.AlertWarn || got[0].Args["count"] != "2" || got[0].Args["number"] != record.Number {
		t.Fatalf("after eight days: %+v", got)
	}
	montreal.start()
	eventually(t, "the node has said that it dropped them", func() error {
		seoul.ahead.Add(int64(2 * time.Minute)) // an answer stands for a minute
		if got := told(); len(got) > 0 {
			return fmt.Errorf("%+v", got)
		}
		return nil
	})
}
