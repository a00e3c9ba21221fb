// Package indextest owns a small federation for tests of what stands on the index: one real
// ledger of signed entries with a real index that follows it, as members have it who have
// told each other everything. It decides nothing about entries: what a test publishes
// counts.
package indextest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/dure-net/dure/node/index"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
	"github.com/dure-net/dure/protocol/protocoltest"
	"github.com/dure-net/dure/replication/ledger"
)

// Member is a founder of the federation.
type Member struct {
	Handle, Country string
	Offices         []protocol.Office
}

// Federation is the ledger, its index and a feed for each member. It is an index.Source and
// an index.Log. Publish is not safe for concurrent use.
type Federation struct {
	ID       protocol.FederationID
	State    charter.State
	Ledger   *ledger.Ledger
	Index    *index.Index
	Follower *index.Follower
	Feeds    map[string]*protocoltest.Feed // by member

	t      testing.TB
	owners map[protocol.FeedID]string
	number uint64
}

// Patience is how long a test waits for the index, which is there in milliseconds.
const Patience = time.Minute

// New founds a federation of these members. It ends with the test.
func New(t testing.TB, members ...Member) *Federation {
	t.Helper()
	f := &Federation{t: t, Feeds: map[string]*protocoltest.Feed{}, owners: map[protocol.FeedID]string{}}
	raw, _, _ := protocoltest.Federation(1)
	act, _, err := protocol.DecodeFoundingAct(raw)
	f.must(err)
	model := act.Founders[0]
	act.Founders, act.Offices = nil, nil
	for _, m := range members {
		one := model
		one.Handle, one.Country, one.Root = m.Handle, m.Country, protocoltest.Key("root/"+m.Handle).Public()
		act.Founders = append(act.Founders, one)
		for _, o := range m.Offices {
			act.Offices = append(act.Offices, protocol.Term{Office: o, Member: m.Handle})
		}
	}
	_, f.ID, err = protocol.EncodeFoundingAct(act)
	f.must(err)
	f.Ledger, err = ledger.Open(ledger.Config{Dir: t.TempDir(), Federation: f.ID, ReserveBytes: 1 << 20})
	f.must(err)
	t.Cleanup(func() { _ = f.Ledger.Close() })
	var nodes []charter.Block
	for _, m := range members {
		feed := protocoltest.NewFeed(f.ID, protocoltest.Key("root/"+m.Handle), protocoltest.Key("node/"+m.Handle))
		f.Feeds[m.Handle], f.owners[feed.ID()] = feed, m.Handle
		f.Put(feed.Page(0, 1))
		nodes = append(nodes, charter.Block{Entry: feed.Inception()})
	}
	f.State = charter.Fold(act, f.ID, nodes)
	f.Index, err = index.Open(index.Config{Dir: t.TempDir(), Source: f.Ledger})
	f.must(err)
	t.Cleanup(func() { _ = f.Index.Close() })
	f.Follower = index.NewFollower(f.Index, f, nil, "indextest")
	f.Follower.Unsettle()
	ctx, cancel := context.WithCancel(context.Background())
	var wait sync.WaitGroup
	wait.Go(func() { _ = f.Follower.Run(ctx) })
	t.Cleanup(func() { cancel(); wait.Wait() })
	return f
}

func (f *Federation) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// Put adds pages to the ledger, and does not wait for the index.
func (f *Federation) Put(pages ...protocol.Page) {
	f.t.Helper()
	f.must(f.Ledger.Put(context.Background(), ledger.Batch{Pages: pages}))
}

// Publish writes an entry of a member with a body, and waits until the index holds it.
func (f *Federation) Publish(member string, h protocol.Header, content any, numbered bool) (protocol.Entry, error) {
	feed := f.Feeds[member]
	raw, err := protocol.EncodeBody(protocol.Salt{byte(len(feed.Entries)), byte(len(feed.Entries) >> 8)}, content)
	if err != nil {
		return protocol.Entry{}, err
	}
	if numbered {
		f.number++
		h.Number = f.number
	}
	e, _ := feed.Add(h, raw)
	if err := f.Ledger.Put(context.Background(), ledger.Batch{Pages: []protocol.Page{feed.Page(len(feed.Entries)-1, 1)}}); err != nil {
		return protocol.Entry{}, err
	}
	return e, f.Settle()
}

// Settle waits until the index holds the whole ledger.
func (f *Federation) Settle() error {
	if !f.Follower.Await(context.Background(), f.Newest(), Patience) {
		return errors.New("the index does not follow")
	}
	return nil
}

// Owner is the member whose feed it is; "" for none.
func (f *Federation) Owner(feed protocol.FeedID) string { return f.owners[feed] }

// Follow implements index.Log.
func (f *Federation) Follow(ctx context.Context, from uint64, limit int) ([]index.Item, uint64, error) {
	changes, err := f.Ledger.Follow(ctx, from, limit)
	if err != nil {
		return nil, 0, err
	}
	items := make([]index.Item, len(changes))
	for i, c := range changes {
		items[i] = index.Item{Entry: c.Entry, Seq: c.Local, What: index.What(c.What)}
	}
	return items, f.Newest(), nil
}

// Newest implements index.Log.
func (f *Federation) Newest() uint64 { return f.Ledger.Stats().Next - 1 }

// Limits implements index.Log.
func (f *Federation) Limits() (out []index.Limit) {
	for feed := range f.owners {
		out = append(out, f.Limit(feed))
	}
	return out
}

// Limit implements index.Log.
func (f *Federation) Limit(feed protocol.FeedID) index.Limit {
	return index.Limit{Feed: feed, Member: f.owners[feed], Count: index.Unlimited}
}

// Erased implements index.Log.
func (f *Federation) Erased() []protocol.EntryID { return nil }
