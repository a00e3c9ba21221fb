package node_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/dure-net/dure/node/access"
	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/restore"
	"github.com/dure-net/dure/protocol"
)

// news are the numbers of what is new to a saved search.
func (c *city) news(name string) []string {
	c.t.Helper()
	one, err := c.client().SavedSearch(context.Background(), name)
	if err != nil || one.New != len(one.Items) {
		c.t.Fatalf("%+v, %v", one, err)
	}
	out := []string{}
	for _, f := range one.Items {
		out = append(out, f.Number)
	}
	return out
}

func (c *city) wantNews(name string, want ...string) {
	c.t.Helper()
	eventually(c.t, "news of "+name, func() error {
		if got := c.news(name); fmt.Sprint(got) != fmt.Sprint(want) {
			return fmt.Errorf("got %v, want %v", got, want)
		}
		return nil
	})
}

func (c *city) looksAt(name string) {
	c.t.Helper()
	eventually(c.t, "looking at "+name, func() error {
		one, err := c.client().SavedSearch(context.Background(), name)
		if err != nil || one.Upto == 0 {
			return errors.Join(err, errors.New("lists are being built"))
		}
		_, err = c.client().SeeSearch(context.Background(), name, one.Upto)
		return err
	})
}

// Through restarts, a lost index, and a ledger that was restored from a backup and caught
// up in another order: what was seen is not new again, what was not seen stays new.
func TestSearches_SurviveARestore(t *testing.T) {
	ctx := context.Background()
	seoul, montreal := pair(t)
	montreal.publish("before it was saved")
	same(t, seoul, montreal)
	if _, err := montreal.client().SaveSearch(ctx, "notices", api.RecordQuery{Types: []string{"notice", "request"}}); err != nil {
		t.Fatal(err)
	}
	seen := seoul.publish("seen before the backup")
	same(t, seoul, montreal)
	montreal.wantNews("notices", seen.Number)
	montreal.looksAt("notices")
	montreal.wantNews("notices")
	unseen := seoul.publish("not seen before the backup")
	same(t, seoul, montreal)
	var copied bytes.Buffer
	if _, err := montreal.client().Backup(ctx, &copied, nil); err != nil {
		t.Fatal(err)
	}
	montreal.wantNews("notices", unseen.Number)
	montreal.looksAt("notices")
	late := seoul.publish("seen after the backup")
	same(t, seoul, montreal)
	montreal.wantNews("notices", late.Number)
	montreal.looksAt("notices")
	last := seoul.publish("never seen")
	same(t, seoul, montreal)
	montreal.wantNews("notices", last.Number)

	montreal.halt()
	if err := os.RemoveAll(montreal.home.IndexDir()); err != nil {
		t.Fatal(err)
	}
	montreal.start()
	same(t, seoul, montreal)
	montreal.wantNews("notices", last.Number)

	montreal.halt()
	b, err := restore.Open(&copied)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Restore(ctx, restore.Options{Home: montreal.home.Dir(), SetAside: true}, nil); err != nil {
		t.Fatal(err)
	}
	montreal.start()
	same(t, seoul, montreal)
	montreal.wantNews("notices", last.Number)
	again := seoul.publish("after the restore")
	same(t, seoul, montreal)
	montreal.wantNews("notices", again.Number, last.Number)
	montreal.looksAt("notices")
	montreal.wantNews("notices")
	box, err := montreal.client().Inbox(ctx, "")
	if err != nil || len(box.Searches) != 0 {
		t.Errorf("%+v, %v", box.Searches, err)
	}
}

// The searches of a user who is removed are gone, also for whoever has that name later.
func TestSearches_GoWithTheirUser(t *testing.T) {
	ctx := context.Background()
	seoul, _ := pair(t)
	owner := seoul.client()
	enter := func() *api.Client {
		t.Helper()
		if _, err := owner.SetUser(ctx, access.User{Name: "Mina", Role: access.RoleReader}); err != nil {
			t.Fatal(err)
		}
		made, err := owner.IssueToken(ctx, access.Request{Name: "phone", Scopes: []string{"read"}, User: "Mina"})
		if err != nil {
			t.Fatal(err)
		}
		c := api.NewClient("http://"+seoul.api, made.Secret)
		t.Cleanup(c.Close)
		return c
	}
	mina := enter()
	if _, err := mina.SaveSearch(ctx, "all", api.RecordQuery{}); err != nil {
		t.Fatal(err)
	}
	if _, err := owner.SaveSearch(ctx, "all", api.RecordQuery{Text: "?!"}); protocol.ReasonOf(err) != protocol.ReasonUsage {
		t.Errorf("what no search takes: got %v", err)
	}
	raw, err := os.ReadFile(seoul.home.Dir() + "/searches.json")
	if err != nil || !bytes.Contains(raw, []byte("Mina")) {
		t.Fatal(string(raw), err)
	}
	if err := owner.RemoveUser(ctx, "Mina"); err != nil {
		t.Fatal(err)
	}
	if raw, err = os.ReadFile(seoul.home.Dir() + "/searches.json"); err != nil || bytes.Contains(raw, []byte("Mina")) {
		t.Error(string(raw), err)
	}
	if all, err := enter().SavedSearches(ctx); err != nil || len(all) != 0 {
		t.Errorf("%+v, %v", all, err)
	}
}
