package api_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/dure-net/dure/protocol"
)

// A history tells which version counts, and the draft of a lost one brings it back.
func TestVersions_LostOneIsADraft(t *testing.T) {
	w := newWorld(t)
	ctx, c := context.Background(), w.client()
	w.fake.Lose("kr-seoul-41", map[string]string{"ko": "다른 제목"})
	all, err := c.Versions(ctx, "kr-seoul-41")
	if err != nil || len(all.Items) != 2 || all.Items[0].Role != "rival" || !all.Items[0].Again() || all.Items[1].Again() || all.Current() != all.Items[1].Entry {
		t.Fatalf("%+v, %v", all, err)
	}
	d, err := all.Items[0].Draft("kr-seoul-41", all.Current())
	if err == nil {
		_, err = c.Publish(ctx, d)
	}
	if err != nil {
		t.Fatal(err)
	}
	if r, err := c.Record(ctx, "kr-seoul-41"); err != nil || r.Content["title"].(map[string]any)["ko"] != "다른 제목" {
		t.Errorf("%+v, %v", r.Content["title"], err)
	}
	if _, err := c.Publish(ctx, d); protocol.ReasonOf(err) != protocol.ReasonConflict {
		t.Errorf("made from a version that counts no more: %v", err)
	}
	if _, err := c.Versions(ctx, "kr-seoul-9999"); protocol.ReasonOf(err) != protocol.ReasonNotFound {
		t.Errorf("of nothing: %v", err)
	}
	if resp, raw := w.ask("GET", "/api/v1/records/kr-seoul-41/versions", "", "Authorization", ""); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a token: %s %s", resp.Status, raw)
	}
}
