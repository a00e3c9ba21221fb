package apitest

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
)

// keyless is the member that has no key yet, so that nobody can write to it.
const keyless = "ph-quezon-city"

// Recipients implements api.Correspondent: all can be written to but one.
func (b *Backend) Recipients(context.Context) ([]api.Recipient, error) {
	if err := b.see("Recipients", nil); err != nil {
		return nil, err
	}
	var out []api.Recipient
	for handle, n := range names {
		r := api.Recipient{Handle: handle, Names: n, Ready: handle != keyless, Self: handle == "kr-seoul", Nodes: []api.RecipientNode{{Node: "ed" + handle}}}
		if r.Ready {
			r.Nodes[0].Since = b.Now.Add(-24 * time.Hour)
		}
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b api.Recipient) int { return strings.Compare(a.Handle, b.Handle) })
	return out, nil
}

// Send implements api.Correspondent.
func (b *Backend) Send(_ context.Context, m api.MessageDraft) (api.Receipt, error) {
	if err := b.see("Send", m); err != nil {
		return api.Receipt{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	out := api.Message{From: "kr-seoul", Names: names["kr-seoul"], Own: true, What: m.What, State: "open", Time: b.Now, Lang: m.Lang, Text: m.Text, Persons: m.Persons, Documents: m.Documents, To: []api.MessageParty{}}
	if out.What == "" {
		out.What = "message"
	}
	for _, handle := range m.To {
		if names[handle] == nil {
			return api.Receipt{}, &protocol.Error{Reason: protocol.ReasonUnknownMember, Op: "send", Field: "to", Args: map[string]string{"recipients": handle}}
		}
		if handle == keyless {
			return api.Receipt{}, &protocol.Error{Reason: protocol.ReasonNotFound, Op: "send", Field: "to", Args: map[string]string{"recipients": handle}}
		}
		out.To = append(out.To, api.MessageParty{Handle: handle, Names: names[handle]})
	}
	if m.Dry {
		return api.Receipt{Dry: true}, nil
	}
	for _, r := range b.records {
		if m.About != "" && (r.Number == m.About || r.ID == m.About) {
			out.About, out.Concerns = r.ID, r.Number
		}
	}
	b.numbers["kr-seoul"]++
	out.Number = "kr-seoul-" + strconv.Itoa(b.numbers["kr-seoul"])
	out.ID = protocol.Sum([]byte(out.Number + "letter")).String()
	out.Seq = uint64(1000 + len(b.messages))
	b.messages = append(b.messages, out)
	return api.Receipt{ID: out.ID, Record: out.ID, Number: out.Number, Seq: out.Seq}, nil
}

// Receive adds a message of another member.
func (b *Backend) Receive(m api.Message) {
	b.mu.Lock()
	defer b.mu.Unlock()
	m.Names, m.Seq, m.State = names[m.From], uint64(1000+len(b.messages)), "open"
	for i := range m.To {
		m.To[i].Names = names[m.To[i].Handle]
	}
	m.ID = protocol.Sum([]byte(m.Number + "letter")).String()
	b.messages = append(b.messages, m)
}

// Messages implements api.Correspondent.
func (b *Backend) Messages(_ context.Context, q api.MessageQuery) (api.MessagePage, error) {
	if err := b.see("Messages", q); err != nil {
		return api.MessagePage{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	page := api.MessagePage{Items: []api.Message{}}
	for _, m := range slices.Backward(b.messages) {
		with := q.With == "" || m.From == q.With || slices.ContainsFunc(m.To, func(p api.MessageParty) bool { return p.Handle == q.With })
		if with && (q.About == "" || m.About == q.About || m.Concerns == q.About) {
			page.Items = append(page.Items, m)
		}
	}
	return page, nil
}

// Message implements api.Correspondent.
func (b *Backend) Message(_ context.Context, ref string) (api.Message, error) {
	if err := b.see("Message", ref); err != nil {
		return api.Message{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range b.messages {
		if m.Number == ref || m.ID == ref {
			return m, nil
		}
	}
	return api.Message{}, &protocol.Error{Reason: protocol.ReasonNotFound, Op: "find letter", ID: ref, Args: map[string]string{"ref": ref}}
}

// MarkRead implements api.Correspondent.
func (b *Backend) MarkRead(ctx context.Context, ref string) error {
	if err := b.see("MarkRead", ref); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.messages {
		if m := &b.messages[i]; m.Number == ref || m.ID == ref {
			m.Unread = false
			return nil
		}
	}
	return &protocol.Error{Reason: protocol.ReasonNotFound, Op: "find letter", ID: ref, Args: map[string]string{"ref": ref}}
}

// RotateKey implements api.Correspondent.
func (b *Backend) RotateKey(context.Context) (api.Recipient, error) {
	if err := b.see("RotateKey", nil); err != nil {
		return api.Recipient{}, err
	}
	return api.Recipient{Handle: "kr-seoul", Names: names["kr-seoul"], Ready: true, Self: true, Nodes: []api.RecipientNode{{Node: "edkr-seoul", Since: b.Now, Self: true}}}, nil
}
