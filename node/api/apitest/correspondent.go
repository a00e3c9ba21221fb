package apitest

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/media"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
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
	out := api.Message{From: "kr-seoul", Names: names["kr-seoul"], Own: true, What: m.What, State: "open", Time: b.Now, Lang: m.Lang, Text: m.Text, Persons: m.Persons, To: []api.MessageParty{}}
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
	var enclosed []string
	for i, d := range m.Documents {
		one := api.Document{Title: d.Title, Where: d.Where, Note: d.Note}
		if d.Upload != "" {
			if b.files["private "+d.Upload] == nil {
				return api.Receipt{}, &protocol.Error{Reason: protocol.ReasonInvalid, Op: "send",
					Err: record.Faults{{Field: "documents[" + strconv.Itoa(i) + "].upload", Code: record.FaultUnknownFile, Value: d.Upload}}}
			}
			enclosed = append(enclosed, d.Upload)
			one.Attachment = len(enclosed)
		}
		out.Documents = append(out.Documents, one)
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
	if b.enclosed == nil {
		b.enclosed = map[string][]string{}
	}
	b.enclosed[out.Number] = enclosed
	return api.Receipt{ID: out.ID, Record: out.ID, Number: out.Number, Seq: out.Seq}, nil
}

// Enclose implements api.Correspondent. Nothing is encrypted here.
func (b *Backend) Enclose(ctx context.Context, name string, r io.Reader) (api.Upload, error) {
	up, err := b.Upload(ctx, name, r)
	if err != nil {
		return up, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.files["private "+up.ID] = b.files[up.ID]
	delete(b.files, up.ID)
	up.Private = true
	return up, nil
}

// enclosures lists the files of a message; false where ref is none. The caller holds mu.
func (b *Backend) enclosures(ref string) (out []api.Attachment, ok bool) {
	for _, m := range b.messages {
		if m.Number != ref && m.ID != ref {
			continue
		}
		for _, d := range m.Documents {
			if d.Attachment == 0 {
				continue
			}
			id := b.enclosed[m.Number][d.Attachment-1]
			raw := b.files["private "+id]
			a := api.Attachment{Number: d.Attachment, ID: id, Bytes: uint64(len(raw)), Here: uint64(len(raw)), Title: map[string]string{m.Lang: d.Title}, State: api.AttachmentHere, Entry: m.ID, Private: true}
			a.MediaType, _ = media.TypeOf(bytes.NewReader(raw), int64(len(raw)), d.Title)
			a.Picture = media.IsPicture(a.MediaType)
			a.Name = strings.TrimSuffix(d.Title, media.Extension(a.MediaType)) + media.Extension(a.MediaType)
			out = append(out, a)
		}
		return out, true
	}
	return nil, false
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
