// Package apitest owns a node that exists only in memory, for tests of the HTTP interface
// and of the pages. It never opens a store or a network and is no part of the product.
package apitest

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dure-net/dure/node/access"
	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/searches"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record/remark"
)

//go:embed records.json
var samples []byte

// Backend is a node of kr-seoul in a made-up federation of seven members. It judges
// records as a real node does, numbers them and tells events; its signatures are none.
// Set its exported fields before the first call. Safe for concurrent use.
type Backend struct {
	Now    time.Time                       // the clock; it stands still
	Change func(*api.Status)               // last word on Status; nil: none
	Fail   func(method string) error       // nil error: go on; nil: never fails
	OnRead func(method string, detail any) // sees every call with its argument; nil: none
	Bundle []byte                          // what Export and Backup write
	Pause  func(ctx context.Context)       // called in Publish before it is durable; nil: none
	Broken error                           // Export and Backup write Bundle and then fail with it
	Access *access.Store                   // a real one, in memory

	Threads []api.Agreement // what Agreements tells, as it is
	Acts    []api.Deed      // what Act was asked to do

	mu       sync.Mutex // guards the rest, and the two above
	records  []api.Record
	blocks   map[string]api.Block
	erased   map[string]bool // by the CID of the body
	events   []api.Event
	messages []api.Message
	changed  chan struct{} // closed and replaced at each event
	numbers  map[string]int
	feeds    map[string]uint64
	said     []remark.Said
	files    map[string][]byte
	enclosed map[string][]string // of messages
	past     map[string][]api.RecordVersion
	saved    *searches.Store
}

var _ api.Backend = (*Backend)(nil)

// names are the members of the made-up federation by handle.
var names = map[string]map[string]string{
	"kr-seoul":       {"ko": "서울특별시", "en": "Seoul Metropolitan Government"},
	"kr-sen":         {"ko": "한국사회적경제연대회의", "en": "Korea Social Economy Network"},
	"ca-montreal":    {"fr": "Ville de Montréal", "en": "City of Montréal"},
	"es-bilbao":      {"es": "Ayuntamiento de Bilbao", "en": "Bilbao City Council"},
	"sn-dakar":       {"fr": "Ville de Dakar", "en": "City of Dakar"},
	"ph-quezon-city": {"en": "Quezon City Government"},
	"it-bologna":     {"it": "Comune di Bologna", "en": "Bologna"},
}

// New is a backend with seven records that arrived in the days before now.
func New(now time.Time) *Backend {
	b := &Backend{Now: now, Bundle: []byte("not a real bundle, but bytes"), blocks: map[string]api.Block{}, erased: map[string]bool{},
		changed: make(chan struct{}), numbers: map[string]int{"kr-seoul": 40}, feeds: map[string]uint64{}}
	b.Access = newAccess(func() time.Time { return b.Now })
	b.saved = newSearches(func() time.Time { return b.Now })
	var all []map[string]any
	if err := json.Unmarshal(samples, &all); err != nil {
		panic(err)
	}
	for _, content := range all {
		member, days := content["member"].(string), content["days_ago"].(float64)
		delete(content, "member")
		delete(content, "days_ago")
		raw, err := json.Marshal(content)
		if err != nil {
			panic(err)
		}
		at := now.Add(-time.Duration(days) * 24 * time.Hour).Add(37 * time.Minute)
		if _, err := b.add(member, content["type"].(string), raw, "", at, "catchup"); err != nil {
			panic(err)
		}
	}
	return b
}

func (b *Backend) see(method string, detail any) error {
	if b.OnRead != nil {
		b.OnRead(method, detail)
	}
	if b.Fail != nil {
		return b.Fail(method)
	}
	return nil
}

// Status implements api.Reader.
func (b *Backend) Status(context.Context) (api.Status, error) {
	if err := b.see("Status", nil); err != nil {
		return api.Status{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	ago := func(d time.Duration) *time.Time { t := b.Now.Add(-d); return &t }
	n := func(v uint64) *uint64 { return &v }
	s := api.Status{
		Federation: api.Federation{ID: protocol.Sum([]byte("founding act")).String(), Name: "Global Social Economy Forum", Act: 3, Features: []string{},
			Names: map[string]string{"ko": "국제사회적경제협의체", "en": "Global Social Economy Forum", "fr": "Forum mondial de l’économie sociale", "es": "Foro Global de la Economía Social"},
			Notice: map[string]string{"ko": "시연용으로 지어낸 자료입니다.", "en": "Made up for demonstration.",
				"fr": "Données inventées pour la démonstration.", "es": "Datos inventados para la demostración."}},
		Member: api.Self{Handle: "kr-seoul", Names: names["kr-seoul"], Status: "member"},
		Node: api.Node{ID: "ed" + strings.Repeat("a", 52), State: api.StateReady, Version: "0.1.0", Protocol: 1,
			Started: b.Now.Add(-26 * time.Hour), API: "127.0.0.1:7710", Addresses: []string{"/ip4/192.0.2.7/udp/4710/quic-v1"}},
		Ledger:  api.Ledger{Root: strings.Repeat("b", 52), Entries: 48213, Feeds: 7, Bytes: 312_000_000, Seq: b.seq()},
		Storage: api.Storage{FreeBytes: 18_400_000_000, UsedBytes: 312_000_000, Files: api.Files{Keep: "own"}},
		Alerts:  []api.Alert{},
		Traffic: map[string]api.Traffic{"catchup": {In: 5120, Out: 2048}},
		Members: []api.MemberStatus{
			{Handle: "ca-montreal", Status: "member", Nodes: []api.NodeStatus{{ID: "edmontreal", Connected: true, Transport: "quic", Behind: n(0), LastSeen: ago(2 * time.Second), Version: "0.1.0"}}},
			{Handle: "es-bilbao", Status: "member", Nodes: []api.NodeStatus{{ID: "edbilbao", Connected: true, Relayed: true, Transport: "tcp", Behind: n(0), LastSeen: ago(9 * time.Second), Version: "0.1.0"}}},
			{Handle: "it-bologna", Status: "member", Nodes: []api.NodeStatus{{ID: "edbologna", Connected: false, LastSeen: ago(31 * time.Hour)}}},
			{Handle: "kr-sen", Status: "member", Nodes: []api.NodeStatus{{ID: "edsen", Connected: true, Transport: "quic", Behind: n(0), LastSeen: ago(time.Second), Version: "0.1.0"}}},
			{Handle: "kr-seoul", Status: "member", Nodes: []api.NodeStatus{{ID: "ed" + strings.Repeat("a", 52), Self: true, Connected: true, Behind: n(0), LastSeen: ago(0), Version: "0.1.0"}}},
			{Handle: "ph-quezon-city", Status: "member", Nodes: []api.NodeStatus{}},
			{Handle: "sn-dakar", Status: "member", Nodes: []api.NodeStatus{{ID: "eddakar", Connected: true, Transport: "tcp", Behind: n(12), LastSeen: ago(40 * time.Second), Version: "0.1.0"}}},
		},
	}
	for i := range s.Members {
		s.Members[i].Names = names[s.Members[i].Handle]
	}
	if len(b.events) > 0 {
		newest := b.events[len(b.events)-1].Time
		s.Ledger.Newest = &newest
	}
	if b.Change != nil {
		b.Change(&s)
	}
	return s, nil
}

// Records implements api.Reader.
func (b *Backend) Records(_ context.Context, q api.RecordQuery) (api.RecordPage, error) {
	if err := b.see("Records", q); err != nil {
		return api.RecordPage{}, err
	}
	after, later, err := q.After()
	if err == nil {
		err = q.Check()
	}
	if err != nil {
		return api.RecordPage{}, err
	}
	limit := q.Limit
	if limit == 0 {
		limit = api.DefaultLimit
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	sorted := slices.Clone(b.records)
	slices.SortFunc(sorted, func(x, y api.Record) int { return int(y.Seq) - int(x.Seq) })
	page := api.RecordPage{Items: []api.Record{}}
	for _, r := range sorted {
		if len(r.For) > 0 && !q.Sealed {
			continue
		}
		if (later && r.Seq >= after.Seq) || !selects(q, r) {
			continue
		}
		if len(page.Items) == limit {
			page.NextCursor = q.CursorAfter(api.Mark{Seq: page.Items[limit-1].Seq})
			break
		}
		page.Items = append(page.Items, r)
	}
	page.Judge(cmp.Or(q.AsOf, b.Now.Format(time.DateOnly)))
	return page, nil
}

// Record implements api.Reader.
func (b *Backend) Record(_ context.Context, ref string) (api.Record, error) {
	if err := b.see("Record", ref); err != nil {
		return api.Record{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	i, err := b.find(ref)
	if err != nil {
		return api.Record{}, err
	}
	return b.records[i], nil
}

func (b *Backend) find(ref string) (int, error) {
	found := -1
	for i, r := range b.records {
		if r.ID == ref || r.Number == ref {
			return i, nil
		}
		if len(ref) >= api.MinPrefix && strings.HasPrefix(r.ID, ref) {
			if found >= 0 {
				return 0, &protocol.Error{Reason: protocol.ReasonAmbiguous, Op: "find record", ID: ref}
			}
			found = i
		}
	}
	if found < 0 {
		return 0, &protocol.Error{Reason: protocol.ReasonNotFound, Op: "find record", ID: ref}
	}
	return found, nil
}

// Block implements api.Reader.
func (b *Backend) Block(_ context.Context, cid string) (api.Block, error) {
	if err := b.see("Block", cid); err != nil {
		return api.Block{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if block, ok := b.blocks[cid]; ok {
		return block, nil
	}
	if b.erased[cid] {
		return api.Block{}, &protocol.Error{Reason: protocol.ReasonErased, Op: "read block", ID: cid}
	}
	return api.Block{}, &protocol.Error{Reason: protocol.ReasonNotFound, Op: "read block", ID: cid}
}

// Watch implements api.Reader.
func (b *Backend) Watch(ctx context.Context, since uint64) iter.Seq2[api.Event, error] {
	return func(yield func(api.Event, error) bool) {
		if err := b.see("Watch", since); err != nil {
			yield(api.Event{}, err)
			return
		}
		b.mu.Lock()
		newest := b.seq()
		b.mu.Unlock()
		if since > newest {
			since = newest
			if !yield(api.Event{Seq: newest, Type: api.EventReset}, nil) {
				return
			}
		}
		for {
			b.mu.Lock()
			changed := b.changed
			ready := slices.Clone(b.events[min(int(since), len(b.events)):])
			b.mu.Unlock()
			for _, e := range ready {
				if ctx.Err() != nil || !yield(e, nil) {
					return
				}
				since = e.Seq
			}
			select {
			case <-changed:
			case <-ctx.Done():
				return
			}
		}
	}
}

// Members implements api.Reader.
func (b *Backend) Members(context.Context) ([]api.Member, error) {
	if err := b.see("Members", nil); err != nil {
		return nil, err
	}
	var all []api.Member
	for _, handle := range []string{"ca-montreal", "es-bilbao", "it-bologna", "kr-sen", "kr-seoul", "ph-quezon-city", "sn-dakar"} {
		m := api.Member{Handle: handle, Kind: "city", Category: "full", Country: strings.ToUpper(handle[:2]), Names: names[handle], Status: "member",
			Nodes: []api.MemberNode{{ID: "ed" + handle, Governing: true}}, Records: 1, Root: "ed" + handle, Fingerprint: "1234 5678 9012"}
		if handle == "kr-seoul" {
			m.Offices = []api.Office{{Office: "chair_city", From: "2026-01-01"}}
		}
		all = append(all, m)
	}
	return all, nil
}

func (b *Backend) seq() uint64 { return uint64(len(b.events)) }

// Epoch is an api.Config.Epoch: it rises with every event.
func (b *Backend) Epoch() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.seq()
}
