// Package apitest owns a node that exists only in memory, for tests of the HTTP interface
// and of the pages. It never opens a store or a network and is no part of the product.
package apitest

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
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

	mu      sync.Mutex // guards the rest
	records []api.Record
	blocks  map[string]api.Block
	erased  map[string]bool // by the CID of the body
	events  []api.Event
	changed chan struct{} // closed and replaced at each event
	numbers map[string]int
	feeds   map[string]uint64
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
		Federation: api.Federation{ID: protocol.Sum([]byte("founding act")).String(), Name: "Global Social Economy Forum", Act: 3,
			Names: map[string]string{"ko": "국제사회적경제협의체", "en": "Global Social Economy Forum", "fr": "Forum mondial de l’économie sociale", "es": "Foro Global de la Economía Social"},
			Notice: map[string]string{"ko": "시연용으로 지어낸 자료입니다.", "en": "Made up for demonstration.",
				"fr": "Données inventées pour la démonstration.", "es": "Datos inventados para la demostración."}},
		Member: api.Self{Handle: "kr-seoul", Names: names["kr-seoul"], Status: "member"},
		Node: api.Node{ID: "ed" + strings.Repeat("a", 52), State: api.StateReady, Version: "0.1.0", Protocol: 1,
			Started: b.Now.Add(-26 * time.Hour), API: "127.0.0.1:7710", Addresses: []string{"/ip4/192.0.2.7/udp/4710/quic-v1"}},
		Ledger:  api.Ledger{Root: strings.Repeat("b", 52), Entries: 48213, Feeds: 7, Bytes: 312_000_000, Seq: b.seq()},
		Storage: api.Storage{FreeBytes: 18_400_000_000, UsedBytes: 312_000_000},
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
	before, later, err := q.Before()
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
		if (later && r.Seq >= before) || (len(q.Types) > 0 && !slices.Contains(q.Types, r.Type)) || (q.Member != "" && q.Member != r.Member) {
			continue
		}
		if len(page.Items) == limit {
			page.NextCursor = q.CursorAfter(page.Items[limit-1].Seq)
			break
		}
		page.Items = append(page.Items, r)
	}
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

// Publish implements api.Publisher.
func (b *Backend) Publish(ctx context.Context, d api.Draft) (api.Receipt, error) {
	if err := b.see("Publish", d); err != nil {
		return api.Receipt{}, err
	}
	if b.Pause != nil {
		b.Pause(ctx)
	}
	if d.Dry {
		kind, _ := protocol.ParseKind(d.Type)
		rec, err := record.ParseWith(kind, d.Raw, func(name string) (protocol.RecordID, bool) { return protocol.Sum([]byte(name)), true })
		if err != nil {
			return api.Receipt{}, err
		}
		r := api.Receipt{Dry: true}
		for _, p := range record.FindPersonal(rec) {
			r.Warnings = append(r.Warnings, api.Personal{Field: p.Field, Code: string(p.Code), Found: p.Found})
		}
		return r, nil
	}
	return b.add("kr-seoul", d.Type, d.Raw, d.Of, b.Now, "local")
}

// Withdraw implements api.Publisher.
func (b *Backend) Withdraw(_ context.Context, ref string, reason map[string]string) (api.Receipt, error) {
	if err := b.see("Withdraw", ref); err != nil {
		return api.Receipt{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	i, err := b.own(ref)
	if err != nil {
		return api.Receipt{}, err
	}
	r := &b.records[i]
	r.State, r.Reason, r.Entry = api.RecordWithdrawn, reason, b.block(map[string]any{"withdraws": r.ID})
	return b.commit(r, api.EventWithdrawal, b.Now, "local"), nil
}

// Adjust implements api.Publisher.
func (b *Backend) Adjust(_ context.Context, ref string, a api.Adjustment) (api.Receipt, error) {
	if err := b.see("Adjust", a); err != nil {
		return api.Receipt{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	i, err := b.own(ref)
	if err != nil {
		return api.Receipt{}, err
	}
	r := &b.records[i]
	r.Content = maps.Clone(r.Content)
	for name, value := range map[string]string{"state": a.State, "closed_as": a.ClosedAs, "valid_until": a.ValidUntil} {
		if value != "" {
			r.Content[name] = value
		}
	}
	r.Revisions++
	return b.commit(r, api.EventRevision, b.Now, "local"), nil
}

func (b *Backend) own(ref string) (int, error) {
	i, err := b.find(ref)
	if err == nil && b.records[i].Member != "kr-seoul" {
		err = &protocol.Error{Reason: protocol.ReasonNotOwner, Op: "change record", ID: ref}
	}
	return i, err
}

func (b *Backend) add(member, typ string, raw []byte, of string, at time.Time, via string) (api.Receipt, error) {
	kind, _ := protocol.ParseKind(typ)
	rec, err := record.Parse(kind, raw)
	if err != nil {
		return api.Receipt{}, err
	}
	body, err := protocol.EncodeBody(protocol.Salt{}, rec.Content())
	if err != nil {
		return api.Receipt{}, err
	}
	content, err := protocol.BodyContent(body)
	if err != nil {
		return api.Receipt{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	bodyID := protocol.Sum(body).String()
	b.blocks[bodyID] = api.Block{CID: bodyID, Codec: api.CodecDagCBOR, Data: body}
	entry := b.block(map[string]any{"body": bodyID, "member": member, "seq": b.feeds[member], "of": of})
	if of != "" {
		i, err := b.own(of)
		if err != nil {
			return api.Receipt{}, err
		}
		r := &b.records[i]
		r.Content, r.Lang, r.Entry, r.Body, r.Revisions, r.Time = content, rec.Head().Lang, entry, bodyID, r.Revisions+1, at
		return b.commit(r, api.EventRevision, at, via), nil
	}
	b.numbers[member]++
	b.records = append(b.records, api.Record{ID: entry, Number: member + "-" + strconv.Itoa(b.numbers[member]), Type: typ, Member: member,
		Names: names[member], Lang: rec.Head().Lang, State: api.RecordPublished, Time: at, Entry: entry, Body: bodyID, Content: content})
	return b.commit(&b.records[len(b.records)-1], api.EventRecord, at, via), nil
}

func (b *Backend) block(content map[string]any) string {
	raw, err := protocol.Encode(content)
	if err != nil {
		panic(err)
	}
	id := protocol.Sum(raw).String()
	b.blocks[id] = api.Block{CID: id, Codec: api.CodecDagCBOR, Data: raw}
	return id
}

func (b *Backend) seq() uint64 { return uint64(len(b.events)) }

func (b *Backend) commit(r *api.Record, what api.EventType, at time.Time, via string) api.Receipt {
	r.Feed, r.FeedSeq, r.Seq = protocol.Sum([]byte(r.Member)).String(), b.feeds[r.Member], b.seq()+1
	b.feeds[r.Member]++
	b.events = append(b.events, api.Event{Seq: r.Seq, Type: what, ID: r.Entry, Record: r.ID, Number: r.Number, RecordType: r.Type,
		Member: r.Member, Via: via, Time: at})
	close(b.changed)
	b.changed = make(chan struct{})
	return api.Receipt{ID: r.Entry, Record: r.ID, Number: r.Number, Seq: r.Seq, Feed: r.Feed, FeedSeq: r.FeedSeq}
}

// Decisions implements api.Governor.
func (b *Backend) Decisions(context.Context) (api.Decisions, error) {
	if err := b.see("Decisions", nil); err != nil {
		return api.Decisions{}, err
	}
	return api.Decisions{Act: 3, Round: 1, Electors: []string{"ca-montreal", "kr-seoul", "sn-dakar"}, Needed: 2,
		Acts: []api.Act{{Number: 0, ID: protocol.Sum([]byte("founding act")).String(), Changes: []api.Change{}}},
		Open: []api.Decision{b.decision()}, Applications: []api.Application{}, Invitations: []api.Invitation{}}, nil
}

func (b *Backend) decision() api.Decision {
	return api.Decision{Number: 4, Round: 1, ID: protocol.Sum([]byte("decision")).String(), By: "kr-seoul",
		Changes: []api.Change{{Kind: "admit", Member: "fr-bordeaux", Category: "full"}}, For: []string{"kr-seoul"}, None: []string{},
		Missing: []string{"ca-montreal", "sn-dakar"}, Needed: 1}
}

// Decide implements api.Governor.
func (b *Backend) Decide(_ context.Context, p api.Proposal) (api.Decision, error) {
	if err := b.see("Decide", p); err != nil {
		return api.Decision{}, err
	}
	d := b.decision()
	d.Changes, d.Text = p.Changes, p.Text
	return d, nil
}

// Answer implements api.Governor.
func (b *Backend) Answer(_ context.Context, a api.AnswerRequest) (api.Decision, error) {
	if err := b.see("Answer", a); err != nil {
		return api.Decision{}, err
	}
	if a.Number != 4 {
		return api.Decision{}, &protocol.Error{Reason: protocol.ReasonStale, Op: "answer", ID: fmt.Sprint(a.Number)}
	}
	d := b.decision()
	if a.None {
		d.For, d.None = []string{}, []string{"kr-seoul"}
	}
	return d, nil
}

// Invite implements api.Governor.
func (b *Backend) Invite(_ context.Context, r api.InviteRequest) (api.Invitation, error) {
	if err := b.see("Invite", r); err != nil {
		return api.Invitation{}, err
	}
	if err := protocol.CheckHandle(r.Handle); err != nil {
		return api.Invitation{}, err
	}
	return api.Invitation{Line: "dure-invitation-1:AAAA", Handle: r.Handle, Expires: b.Now.Add(14 * 24 * time.Hour), Fingerprint: "1234 5678 9012"}, nil
}

// Forks implements api.Reader: a node of sn-dakar has signed two histories.
func (b *Backend) Forks(context.Context) ([]api.Fork, error) {
	if err := b.see("Forks", nil); err != nil {
		return nil, err
	}
	cid := func(of string) string { return protocol.Sum([]byte(of)).String() }
	at := b.Now.Add(-26 * time.Hour)
	return []api.Fork{{ID: cid("forked feed"), Member: "sn-dakar", Node: "edsn-dakar", Seq: 12, State: api.ForkOpen, Stands: 12, Proofs: []string{cid("proof")},
		Branches: []api.ForkBranch{
			{Name: "a", Held: true, Entries: 3, Count: 15, First: cid("first a"), Head: cid("head a"), From: at, Until: at.Add(2 * time.Hour),
				Records: []api.ForkRecord{{ID: cid("first a"), Number: "sn-dakar-9", Type: "offer", Title: "Atelier de compostage", Time: at}}},
			{Name: "b", Held: true, Entries: 1, Count: 13, First: cid("first b"), Head: cid("first b"), From: at.Add(time.Hour), Until: at.Add(time.Hour)},
		}}}, nil
}

// Fork implements api.Reader.
func (b *Backend) Fork(ctx context.Context, id string) (api.Fork, error) {
	all, err := b.Forks(ctx)
	if err != nil {
		return api.Fork{}, err
	}
	if id != all[0].ID && id != all[0].Member {
		return api.Fork{}, &protocol.Error{Reason: protocol.ReasonNotFound, Op: "find evidence", ID: id}
	}
	return all[0], nil
}

// Chains implements api.Governor.
func (b *Backend) Chains(_ context.Context, q api.ChainQuery) ([]api.Chain, error) {
	if err := b.see("Chains", q); err != nil {
		return nil, err
	}
	if names[q.Member] == nil {
		return nil, &protocol.Error{Reason: protocol.ReasonNotFound, Op: "list chains", ID: q.Member}
	}
	return []api.Chain{{Feed: protocol.Sum([]byte("feed of " + q.Member)).String(), Node: "ed" + q.Member, Root: "ed" + q.Member, Entries: 7,
		Head: protocol.Sum([]byte("head of " + q.Member)).String(), Last: b.Now.Add(-time.Hour), Open: true}}, nil
}

// Say implements api.Governor.
func (b *Backend) Say(_ context.Context, s api.Statement) (api.Said, error) {
	if err := b.see("Say", s); err != nil {
		return api.Said{}, err
	}
	var st protocol.Statement
	if err := protocol.Decode(s.Bytes, &st); err != nil {
		return api.Said{}, err
	}
	return api.Said{What: string(st.Purpose), Member: "kr-seoul", Node: st.Node.String(), Number: st.Number, Entry: protocol.Sum(s.Bytes).String()}, st.Verify()
}

// Verify implements api.Keeper.
func (b *Backend) Verify(_ context.Context, progress func(api.Progress)) (api.VerifyReport, error) {
	if progress != nil {
		for i := range uint64(3) {
			progress(api.Progress{Step: "verify", Done: i + 1, Total: 3, Unit: "entries"})
		}
	}
	if err := b.see("Verify", nil); err != nil {
		return api.VerifyReport{}, err
	}
	return api.VerifyReport{OK: true, Entries: 48213, Bodies: 48000, Feeds: 7, Root: strings.Repeat("b", 52)}, nil
}

// Scrub implements api.Keeper.
func (b *Backend) Scrub(_ context.Context, again bool, progress func(api.Progress)) (api.ScrubReport, error) {
	if progress != nil {
		progress(api.Progress{Step: "scrub", Done: 3, Total: 3, Unit: "entries"})
	}
	if err := b.see("Scrub", again); err != nil {
		return api.ScrubReport{}, err
	}
	return api.ScrubReport{Begun: b.Now.Add(-time.Hour), Ended: b.Now, Entries: 48213, Bodies: 48000, Damaged: 1, Repaired: 1,
		Damage: []api.Damage{{ID: strings.Repeat("b", 52), Code: "damaged", Member: "kr-seoul", Repaired: true}}}, nil
}

// Export implements api.Keeper.
func (b *Backend) Export(_ context.Context, w io.Writer, _ func(api.Progress)) (api.ExportReport, error) {
	n, err := b.write("Export", w)
	return api.ExportReport{Root: strings.Repeat("b", 52), Entries: 7, Bytes: n}, err
}

// Backup implements api.Keeper.
func (b *Backend) Backup(_ context.Context, w io.Writer, _ func(api.Progress)) (api.BackupReport, error) {
	n, err := b.write("Backup", w)
	return api.BackupReport{Root: strings.Repeat("b", 52), Entries: 7, Bytes: n}, err
}

func (b *Backend) write(method string, w io.Writer) (uint64, error) {
	if err := b.see(method, nil); err != nil {
		return 0, err
	}
	n, err := w.Write(b.Bundle)
	return uint64(n), errors.Join(err, b.Broken)
}

// Import implements api.Keeper.
func (b *Backend) Import(_ context.Context, r io.Reader, _ func(api.Progress)) (api.ImportReport, error) {
	raw, err := io.ReadAll(r)
	if err != nil {
		return api.ImportReport{}, err
	}
	if err := b.see("Import", raw); err != nil {
		return api.ImportReport{}, err
	}
	return api.ImportReport{Root: strings.Repeat("b", 52), Read: 7, New: 2, Bytes: uint64(len(raw)), Refused: map[string]uint64{"known": 5}}, nil
}
