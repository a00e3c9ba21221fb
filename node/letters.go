package node

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"sync"
	"time"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/home"
	"github.com/dure-net/dure/node/index"
	"github.com/dure-net/dure/node/private"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
	"github.com/dure-net/dure/protocol/sealed"
	"github.com/dure-net/dure/replication"
	"github.com/dure-net/dure/replication/ledger"
)

// keyFile is the home's file of private halves, read once.
type keyFile struct {
	home *home.Home

	mu   sync.Mutex // guards what is below
	read bool
	keys []private.OwnKey
}

// List implements private.Keys.
func (f *keyFile) List() ([]private.OwnKey, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.read {
		list, err := f.home.RecipientKeys()
		if err != nil {
			return nil, err
		}
		for _, k := range list {
			f.keys = append(f.keys, private.OwnKey{Key: k.Key, Made: k.Made})
		}
		f.read = true
	}
	return slices.Clone(f.keys), nil
}

// Add implements private.Keys.
func (f *keyFile) Add(k private.OwnKey) error {
	if _, err := f.List(); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.home.AddRecipientKey(home.RecipientKey{Key: k.Key, Made: k.Made}); err != nil {
		return err
	}
	f.keys = append(f.keys, k)
	return nil
}

// noteFile is the home's file of what the room of letters notes for itself.
type noteFile struct{ home *home.Home }

// Load implements private.Notes.
func (f noteFile) Load() ([]byte, error) { return f.home.LetterNotes() }

// Save implements private.Notes.
func (f noteFile) Save(raw []byte) error { return f.home.KeepLetterNotes(raw) }

// newLetters makes the room of this node's letters, still empty.
func (n *Node) newLetters() *private.Room {
	return private.New(private.Config{
		Federation: n.federation, Node: n.home.Node().Public(), Member: n.facts.Handle, Source: n.ledger, Keys: &keyFile{home: n.home}, Notes: noteFile{n.home},
		Standing: func(feed protocol.FeedID) (string, uint64) { return n.replica.Feeds().Standings(feed) },
		State:    func() charter.State { return n.replica.State() },
		Write: func(ctx context.Context, kind protocol.Kind, of protocol.RecordID, content any, numbered bool) (protocol.Entry, error) {
			d := replication.Draft{Kind: kind, Of: of, Content: content}
			if numbered {
				var err error
				if d.Number, err = n.nextNumber(); err != nil {
					return protocol.Entry{}, err
				}
			}
			p, err := n.replica.Publish(ctx, d)
			return p.Entry, err
		},
		Now: n.opts.Now, Random: random(n.opts.Random),
	})
}

// loadLetters hands the room what came before this start, as the index lists it.
func (n *Node) loadLetters() {
	defer n.changes.Add(1)
	places, err := n.index.OfKinds(protocol.KindRecipient, protocol.KindRewrap)
	if err != nil {
		n.log.Warn("private messages are not known from the index until the next start", "err", err)
	}
	for _, p := range places {
		if e, err := n.ledger.Entry(p.Feed, p.FeedSeq); err == nil && e.ID() == p.Entry {
			n.letters.Add(e, p.Seq)
		}
	}
	if err == nil {
		n.letters.Whole()
	}
}

// turnLetters hands the room what a feed says since it follows another branch.
func (n *Node) turnLetters(t replication.Turned) {
	newest := n.ledger.Stats().Next
	for from := t.Local; from < newest; {
		changes, err := n.ledger.Changes(from, 256)
		if err != nil || len(changes) == 0 {
			if err != nil {
				n.log.Warn("private messages are not known from a chosen branch until the next start", "feed", t.Feed.Short(), "err", err)
			}
			break
		}
		for _, c := range changes {
			if from = c.Local + 1; c.What == ledger.Appended && c.Entry.Feed() == t.Feed {
				n.letters.Add(c.Entry, c.Local)
			}
		}
	}
	n.letters.Nudge()
}

// Pace of what is done for letters in the background.
const (
	tendFirst = 2 * time.Second  // after the start, when the first entries have come
	tendTime  = time.Second      // between looks at whether anything has come
	tendAgain = 30 * time.Second // after one that failed
)

// tendLetters keeps this node's key, and wraps letters for nodes that came later.
func (n *Node) tendLetters(ctx context.Context) error {
	pause := tendFirst
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
		pause = tendTime
		wrote, err := n.letters.Tend(ctx)
		if wrote > 0 {
			n.log.Info("private messages were made readable for nodes that came later", "entries", wrote)
		}
		switch protocol.ReasonOf(err) {
		case protocol.ReasonNone:
		case protocol.ReasonJoining, protocol.ReasonRecovering, protocol.ReasonReadOnly, protocol.ReasonNotMember, protocol.ReasonSetAside, protocol.ReasonCanceled:
			pause = tendAgain / 10
		default:
			n.log.Warn("private messages cannot be looked after", "err", err)
			pause = tendAgain
		}
	}
}

// Messages implements api.Correspondent.
func (n *Node) Messages(ctx context.Context, q api.MessageQuery) (api.MessagePage, error) {
	query := private.Query{With: q.With, Limit: cmp.Or(q.Limit, api.DefaultLimit), Erased: true, What: []sealed.What{sealed.WhatMessage, sealed.WhatParticulars, ""}}
	if q.About != "" {
		about, err := n.about(q.About)
		if err != nil {
			return api.MessagePage{}, err
		}
		query.About = about
	}
	filters := fnv.New32a()
	_, _ = filters.Write([]byte(q.With + "\x00" + q.About))
	if q.Cursor != "" {
		raw, err := base64.RawURLEncoding.Strict().DecodeString(q.Cursor)
		if err != nil || len(raw) != 13 || raw[0] != 2 || binary.BigEndian.Uint32(raw[9:]) != filters.Sum32() {
			return api.MessagePage{}, &protocol.Error{Reason: protocol.ReasonUsage, Op: "read cursor", Field: "cursor", Err: errors.New("not a cursor of this query")}
		}
		query.Before = binary.BigEndian.Uint64(raw[1:])
	}
	page, err := n.letters.List(ctx, query)
	if err != nil {
		return api.MessagePage{}, err
	}
	out := api.MessagePage{Items: make([]api.Message, 0, len(page.Letters))}
	s := n.replica.State()
	for _, l := range page.Letters {
		out.Items = append(out.Items, n.message(s, l))
	}
	if page.Next > 0 {
		raw := binary.BigEndian.AppendUint64([]byte{2}, page.Next)
		out.NextCursor = base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint32(raw, filters.Sum32()))
	}
	return out, nil
}

// about finds what a message is about: a record or an agreement by what people write, or
// any entry by its CID, which need not be here.
func (n *Node) about(ref string) (protocol.CID, error) {
	row, err := n.lookup(ref)
	if err == nil {
		return row.Record, nil
	}
	if l, err := n.letters.Lookup(ref); err == nil && l.IsListing() {
		return l.Record, nil
	}
	if id, perr := protocol.ParseCID(ref); perr == nil && id.Prefix().Codec == protocol.CodecDagCBOR {
		return id, nil
	}
	return protocol.CID{}, err
}

// Message implements api.Correspondent.
func (n *Node) Message(_ context.Context, ref string) (api.Message, error) {
	l, err := n.letters.Lookup(ref)
	if err == nil && l.IsListing() {
		err = &protocol.Error{Reason: protocol.ReasonNotFound, Op: "find message", Args: map[string]string{"ref": ref}}
	}
	if err != nil {
		return api.Message{}, err
	}
	return n.message(n.replica.State(), l), nil
}

// MarkRead implements api.Correspondent.
func (n *Node) MarkRead(ctx context.Context, ref string) error {
	m, err := n.Message(ctx, ref)
	if err != nil || !m.Unread {
		return err
	}
	id, err := protocol.ParseCID(m.ID)
	if err != nil {
		return err
	}
	return n.letters.MarkRead(id)
}

func (n *Node) message(s charter.State, l private.Letter) api.Message {
	out := api.Message{ID: l.Record.String(), Number: l.Number, From: l.From, Names: namesOf(s, l.From), To: []api.MessageParty{}, Own: l.Own, What: string(l.What),
		State: string(l.State), Time: l.Time, Lang: l.Lang, Text: l.Text, Unread: !n.letters.IsRead(&l), Seq: l.Local, Feed: l.Feed.String(), FeedSeq: l.FeedSeq}
	for _, handle := range l.To {
		out.To = append(out.To, api.MessageParty{Handle: handle, Names: namesOf(s, handle)})
	}
	if l.About.Defined() {
		out.About = l.About.String()
		if row, ok := n.rowOf(l.About); ok {
			out.Concerns = row.Number
		}
	}
	if l.Answers.Defined() {
		out.Answers = l.Answers.String()
	}
	for _, p := range l.Persons {
		out.Persons = append(out.Persons, api.Person(p))
	}
	files := 0
	for _, d := range l.Documents {
		one := api.Document{Title: d.Title, Where: d.Where, Note: d.Note}
		if d.File != nil {
			files++
			one.Attachment = files
		}
		out.Documents = append(out.Documents, one)
	}
	return out
}

func namesOf(s charter.State, handle string) protocol.Text {
	m, _ := s.Member(handle)
	return m.Facts.Names
}

// Send implements api.Correspondent.
func (n *Node) Send(ctx context.Context, m api.MessageDraft) (api.Receipt, error) {
	l := sealed.Letter{What: sealed.What(cmp.Or(m.What, string(sealed.WhatMessage))), To: m.To, Lang: m.Lang, Text: m.Text}
	if l.What != sealed.WhatMessage && l.What != sealed.WhatParticulars {
		return api.Receipt{}, &protocol.Error{Reason: protocol.ReasonUsage, Op: "send message", Field: "what"}
	}
	if l.Text != "" && l.Lang == "" {
		l.Lang = n.phrases.Match(n.conf.Lang)
	}
	var err error
	if m.About != "" {
		if l.About, err = n.about(m.About); err != nil {
			return api.Receipt{}, err
		}
	}
	if m.Answers != "" {
		answered, err := n.letters.Lookup(m.Answers)
		if err != nil {
			return api.Receipt{}, err
		}
		l.Answers = answered.Record
		if l.About.IsZero() {
			l.About = answered.About
		}
	}
	for _, p := range m.Persons {
		l.Persons = append(l.Persons, sealed.Person(p))
	}
	for i, d := range m.Documents {
		one := sealed.Document{Title: d.Title, Where: d.Where, Note: d.Note}
		if d.Upload != "" && !m.Dry {
			file, err := n.shelf.enclosure(d.Upload, fmt.Sprintf("documents[%d].upload", i))
			if err != nil {
				return api.Receipt{}, err
			}
			one.File, one.Title = &file.file, cmp.Or(one.Title, file.name)
		}
		l.Documents = append(l.Documents, one)
	}
	return n.send(ctx, l, protocol.RecordID{}, m.Dry)
}

// send seals and publishes a letter.
func (n *Node) send(ctx context.Context, l sealed.Letter, of protocol.RecordID, dry bool) (api.Receipt, error) {
	if dry {
		to, err := n.letters.Address(l.To)
		if err != nil {
			return api.Receipt{}, err
		}
		l.To = nil
		for _, m := range to {
			l.To = append(l.To, m.Handle)
		}
		return api.Receipt{Dry: true}, l.Check()
	}
	e, err := n.letters.Send(ctx, l, of)
	if err != nil {
		return api.Receipt{}, err
	}
	n.shelf.sent(e, &l)
	out := api.Receipt{ID: e.ID().String(), Record: e.ID().String(), Feed: e.Feed().String(), FeedSeq: e.Seq()}
	if of.Defined() {
		out.Record = of.String()
	}
	if sent, err := n.letters.Lookup(out.Record); err == nil {
		out.Number, out.Seq = sent.Number, sent.Local
	}
	return out, nil
}

// Recipients implements api.Correspondent.
func (n *Node) Recipients(context.Context) ([]api.Recipient, error) {
	var out []api.Recipient
	for _, m := range n.letters.Reachable() {
		out = append(out, n.recipient(m))
	}
	return out, nil
}

func (n *Node) recipient(m private.Reach) api.Recipient {
	out := api.Recipient{Handle: m.Handle, Names: m.Names, Ready: m.Ready(), Self: m.Handle == n.facts.Handle, Nodes: []api.RecipientNode{}}
	for _, node := range m.Nodes {
		out.Nodes = append(out.Nodes, api.RecipientNode{Node: node.Node.String(), Since: node.Since, Self: node.Self})
	}
	return out
}

// RotateKey implements api.Correspondent.
func (n *Node) RotateKey(ctx context.Context) (api.Recipient, error) {
	if err := n.letters.Rotate(ctx); err != nil {
		return api.Recipient{}, err
	}
	for _, m := range n.letters.Reachable() {
		if m.Handle == n.facts.Handle {
			return n.recipient(m), nil
		}
	}
	return api.Recipient{}, &protocol.Error{Reason: protocol.ReasonNotMember, Op: "rotate key"}
}

// eraseLetter erases a letter of this member.
func (n *Node) eraseLetter(ctx context.Context, l private.Letter, why api.Why) (api.Receipt, error) {
	if !l.Own {
		return api.Receipt{}, &protocol.Error{Reason: protocol.ReasonNotOwner, Op: "erase", ID: l.Record.String(),
			Args: map[string]string{"member": l.From, "number": cmp.Or(l.Number, l.Record.String())}}
	}
	return n.eraseAll(ctx, index.Row{Record: l.Record, Number: l.Number}, why)
}
