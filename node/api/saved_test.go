package api_test

import (
	"context"
	"errors"
	"testing"

	"github.com/dure-net/dure/node/access"
	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
)

// A saved search is its owner's: what one saves, nobody else sees.
func TestSearches_AreTheirOwnersAlone(t *testing.T) {
	w := newWorld(t)
	ctx, owner := t.Context(), w.client()
	clientOf := func(user string) *api.Client {
		t.Helper()
		if user != "" {
			if _, err := owner.SetUser(ctx, access.User{Name: user, Role: access.RoleReader}); err != nil {
				t.Fatal(err)
			}
		}
		made, err := owner.IssueToken(ctx, access.Request{Name: "of " + user, Scopes: []string{"read"}, User: user})
		if err != nil {
			t.Fatal(err)
		}
		return api.NewClient(w.srv.URL, made.Secret)
	}
	mina, juan, nobody := clientOf("Mina"), clientOf("Juan"), clientOf("")
	for i, c := range []*api.Client{owner, mina, nobody} {
		one, err := c.SaveSearch(ctx, "care", api.RecordQuery{Text: "care", Limit: i + 1, Sort: api.SortClosing})
		if err != nil || one.Filter.Q != "care" || one.Href != "/api/v1/search?q=care" {
			t.Fatal(one, err)
		}
	}
	if all, err := juan.SavedSearches(ctx); err != nil || len(all) != 0 {
		t.Errorf("got %+v, %v", all, err)
	}
	mine, err := mina.SavedSearch(ctx, "care")
	if err != nil {
		t.Fatal(err)
	}
	for name, try := range map[string]func(context.Context) error{
		"read":   func(ctx context.Context) error { _, err := juan.SavedSearch(ctx, mine.ID); return err },
		"see":    func(ctx context.Context) error { _, err := juan.SeeSearch(ctx, mine.ID, 1); return err },
		"remove": func(ctx context.Context) error { return juan.RemoveSearch(ctx, mine.ID) },
		"owner":  func(ctx context.Context) error { return owner.RemoveSearch(ctx, mine.ID) },
		"token":  func(ctx context.Context) error { return nobody.RemoveSearch(ctx, mine.ID) },
	} {
		if err := try(ctx); protocol.ReasonOf(err) != protocol.ReasonNotFound {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if all, err := mina.SavedSearches(ctx); err != nil || len(all) != 1 {
		t.Errorf("got %+v, %v", all, err)
	}
	if err := mina.RemoveSearch(ctx, "care"); err != nil {
		t.Error(err)
	}
	if all, err := owner.SavedSearches(ctx); err != nil || len(all) != 1 {
		t.Errorf("got %+v, %v", all, err)
	}
}

func TestSelection_IsReadAsItWasWritten(t *testing.T) {
	q := api.RecordQuery{Types: []string{"request", "offer", "offer"}, Member: "kr-seoul", Text: " 사회적 경제, \"돌봄\" ", Where: map[string][]string{"theme": {"care"}, "lang": {"ko", "fr"}, "sdg": nil},
		Near: &api.Circle{Lat: 37.57, Lon: -126.98, Km: 12.5}, Open: "2026-11-23", Sort: api.SortClosing, Limit: 7, Cursor: "x", Sealed: true}
	text := q.Selection()
	read, err := api.ParseSelection(text)
	if err != nil || read.Selection() != text || read.Text != `사회적 경제, "돌봄"` || *read.Near != *q.Near || len(read.Types) != 2 || read.Limit != 0 || read.Sealed {
		t.Errorf("%s: got %+v, %v", text, read, err)
	}
	if got := read.StillOpen("2026-11-22").Open; got != "2026-11-23" {
		t.Error(got)
	}
	if got := read.StillOpen("2027-01-01").Open; got != "2027-01-01" {
		t.Error(got)
	}
	for _, bad := range []string{"limit=3", "q=a&q=b", "theme=fruit", "type=peer", "near=here", "within=5", "near=1,1&within=-5", "open=today", "%zz", "sort=newest", "cursor=x"} {
		var e *protocol.Error
		if _, err := api.ParseSelection(bad); !errors.As(err, &e) || e.Reason != protocol.ReasonUsage || e.Field == "" {
			t.Errorf("%s: got %v", bad, err)
		}
	}
}
