package main

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/text/unicode/norm"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

func (a *app) messageCommand() *cobra.Command {
	var about, answers string
	var persons, documents, files []string
	var check bool
	c := a.command("message MEMBER[,MEMBER…] [TEXT|-]", between(1, 2), api.Receipt{}, func(ctx context.Context, arguments []string) error {
		m := api.MessageDraft{To: strings.Split(arguments[0], ","), About: about, Answers: answers, Lang: a.lang, Dry: check}
		for _, text := range persons {
			p := parts(text, 4)
			m.Persons = append(m.Persons, api.Person{Name: p[0], Role: p[1], Email: p[2], Phone: p[3]})
		}
		for _, text := range documents {
			d := parts(text, 2)
			m.Documents = append(m.Documents, api.DocumentDraft{Title: d[0], Where: d[1]})
		}
		if len(m.Persons)+len(m.Documents)+len(files) > 0 {
			m.What = "particulars"
		}
		if err := a.messageText(&m, arguments[1:]); err != nil {
			return err
		}
		return a.with(ctx, func(s *session) error {
			if err := a.enclose(ctx, s, &m, files); err != nil {
				return err
			}
			receipt, err := s.Send(ctx, m)
			if err != nil {
				return err
			}
			return a.answer(receipt, func() { a.saySent(s, m, receipt) })
		})
	})
	c.Example = "dure message kr-seoul \"…\" --about kr-seoul-41\ndure message kr-seoul,fr-paris --person \"…; …; …; …\" --attach passport.pdf --answer kr-seoul-44"
	f := c.Flags()
	a.textFlag(f, &about, "about", "ID", "")
	a.textFlag(f, &answers, "answer", "ID", "")
	a.listFlag(f, &persons, "person", "TEXT")
	a.listFlag(f, &documents, "document", "TEXT")
	a.listFlag(f, &files, "attach", "FILE")
	a.switchFlag(f, &check, "check")
	return c
}

// messageText takes the text from the command line or, where neither it nor particulars
// stand there, from standard input.
func (a *app) messageText(m *api.MessageDraft, arguments []string) error {
	switch {
	case len(arguments) > 0 && arguments[0] != "-":
		m.Text = strings.TrimSpace(arguments[0])
	case len(arguments) > 0 || m.What == "":
		if a.interactive() {
			a.note("cli.message.type", nil)
		}
		raw, err := a.readInput("-")
		if err != nil {
			return err
		}
		m.Text = strings.TrimSpace(string(raw))
	}
	if m.Text == "" && m.What == "" {
		return misuse("usage.empty_message", nil)
	}
	return nil
}

// enclose brings files to the node, encrypted, and names them in a message.
func (a *app) enclose(ctx context.Context, s *session, m *api.MessageDraft, files []string) error {
	if !m.Dry && len(files) > 0 {
		dry := *m
		dry.Dry = true
		for _, name := range files {
			dry.Documents = append(dry.Documents, api.DocumentDraft{Title: titleOf(filepath.Base(name))})
		}
		if _, err := s.Send(ctx, dry); err != nil { // before anything is brought
			return err
		}
	}
	for _, name := range files {
		d := api.DocumentDraft{Title: titleOf(norm.NFC.String(filepath.Base(name)))}
		if !m.Dry {
			up, err := a.upload(ctx, s.Enclose, name)
			if err != nil {
				return err
			}
			a.note("cli.attach.file", args{"name": up.Name, "kind": a.code(record.MediaTypes, up.MediaType), "bytes": a.book.Bytes(a.lang, up.Bytes)})
			for _, w := range up.Warnings {
				a.note("cli.attach.position", args{"name": up.Name, "sentence": a.say("personal."+w.Code, args{"found": w.Found})})
			}
			d.Upload = up.ID
		}
		m.Documents = append(m.Documents, d)
	}
	return nil
}

// parts divides what a person typed at semicolons, into exactly n.
func parts(text string, n int) []string {
	out := strings.SplitN(text, ";", n)
	for i := range out {
		out[i] = strings.TrimSpace(out[i])
	}
	return append(out, make([]string, n-len(out))...)
}

func (a *app) saySent(s *session, m api.MessageDraft, r api.Receipt) {
	to := strings.Join(m.To, ", ")
	if r.Dry {
		a.line("cli.publish.valid", args{"type": a.word("type", protocol.KindSealed.String())})
		return
	}
	a.plain(r.Number, r.Record)
	a.note("cli.message.sent", args{"number": r.Number, "members": to})
	a.note("cli.message.recall", args{"number": r.Number})
	if !s.running {
		a.note("cli.publish.offline", nil)
	}
}

func (a *app) messagesCommand() *cobra.Command {
	var with, about, cursor string
	var limit int
	c := a.command("messages [ID]", between(0, 1), api.MessagePage{}, func(ctx context.Context, arguments []string) error {
		if limit < 0 || limit > api.MaxLimit {
			return misuse("usage.bad_limit", args{"max": api.MaxLimit})
		}
		return a.with(ctx, func(s *session) error {
			if len(arguments) > 0 {
				m, err := s.Message(ctx, arguments[0])
				if err != nil {
					return err
				}
				if err := a.answer(m, func() { a.sayMessage(ctx, s, m) }); err != nil || !m.Unread {
					return err
				}
				return s.MarkRead(ctx, arguments[0])
			}
			page, err := s.Messages(ctx, api.MessageQuery{With: with, About: about, Limit: limit, Cursor: cursor})
			if err != nil {
				return err
			}
			return a.answer(page, func() { a.sayMessages(page) })
		})
	})
	c.Example = "dure messages --with kr-seoul\ndure messages kr-seoul-44"
	f := c.Flags()
	a.textFlag(f, &with, "with", "HANDLE", "")
	a.textFlag(f, &about, "about", "ID", "")
	a.numberFlag(f, &limit, "limit", api.DefaultLimit)
	a.textFlag(f, &cursor, "cursor", "TEXT", "")
	return c
}

func (a *app) sayMessages(page api.MessagePage) {
	if len(page.Items) == 0 {
		a.line("cli.messages.none", nil)
		return
	}
	t := table{}
	for _, m := range page.Items {
		whom := "← " + m.From
		if m.Unread {
			whom = a.paint(bold, "● ") + whom
		}
		if m.Own {
			whom = "→ " + strings.Join(handles(m.To), ", ")
		}
		t.row(cmp.Or(m.Number, m.ID), m.Time.Local().Format("2006-01-02"), whom, m.Concerns, cut(a.firstLine(m), titlePlaces))
	}
	t.print(a.out)
	newest := page.Items[0]
	a.note("cli.messages.how", args{"number": cmp.Or(newest.Number, newest.ID), "from": newest.From})
	if page.NextCursor != "" {
		a.note("cli.list.more", args{"cursor": page.NextCursor})
	}
}

// firstLine is what a message begins with, or what it is where it has no text.
func (a *app) firstLine(m api.Message) string {
	if m.State != "open" && m.Text == "" {
		return a.word("letter.state", m.State)
	}
	line, _, _ := strings.Cut(m.Text, "\n")
	return cmp.Or(line, a.word("letter", m.What))
}

func handles(parties []api.MessageParty) (out []string) {
	for _, p := range parties {
		out = append(out, p.Handle)
	}
	return out
}

func (a *app) sayMessage(ctx context.Context, s *session, m api.Message) {
	fmt.Fprintln(a.out, a.paint(bold, a.word("letter", cmp.Or(m.What, "message")))+" · "+a.book.Time(a.lang, m.Time.Local()))
	if m.State != "open" {
		a.line("cli.message."+m.State, nil)
	}
	if m.Text != "" {
		fmt.Fprintln(a.out, "\n"+m.Text)
	}
	fmt.Fprintln(a.out)
	var files []api.Attachment
	if slices.ContainsFunc(m.Documents, func(d api.Document) bool { return d.Attachment > 0 }) {
		files, _ = s.Attachments(ctx, m.ID) // the message stands without them
	}
	if len(files) > 0 {
		a.files(files)
		fmt.Fprintln(a.out)
	}
	t := table{indent: 2}
	t.row(a.say("cli.message.from", nil), a.name(m.Names, m.From)+" ("+m.From+")")
	for _, p := range m.To {
		t.row(a.say("cli.message.to", nil), a.name(p.Names, p.Handle)+" ("+p.Handle+")")
	}
	for _, p := range m.Persons {
		t.row(a.say("cli.message.person", nil), inOneLine(p.Name, p.Role, p.Email, p.Phone, p.Note))
	}
	for _, d := range m.Documents {
		if d.Attachment > 0 && d.Where == "" && d.Note == "" {
			continue // it stands above
		}
		t.row(a.say("cli.message.document", nil), inOneLine(d.Title, d.Where, d.Note))
	}
	if m.About != "" {
		t.row(a.say("cli.message.concerns", nil), cmp.Or(m.Concerns, m.About))
	}
	if m.Answers != "" {
		answered := m.Answers
		if before, err := s.Message(ctx, m.Answers); err == nil {
			answered = cmp.Or(before.Number, before.ID)
		}
		t.row(a.say("cli.message.answers", nil), answered)
	}
	t.row(a.say("field.number", nil), m.Number)
	t.row(a.say("field.id", nil), m.ID)
	t.print(a.out)
	if len(files) > 0 {
		a.note("cli.message.fetch", args{"id": cmp.Or(m.Number, m.ID)})
	}
}

// inOneLine puts what is there on one line.
func inOneLine(parts ...string) string {
	var there []string
	for _, p := range parts {
		if p != "" {
			there = append(there, p)
		}
	}
	return strings.Join(there, " · ")
}

func (a *app) recipientsCommand() *cobra.Command {
	return a.command("recipients", between(0, 0), []api.Recipient{}, func(ctx context.Context, _ []string) error {
		return a.with(ctx, func(s *session) error {
			all, err := s.Recipients(ctx)
			if err != nil {
				return err
			}
			return a.answer(all, func() {
				t := table{}
				for _, r := range all {
					if r.Self {
						continue
					}
					t.row(append([]string{r.Handle, a.name(r.Names, r.Handle)}, a.reach(r)...)...)
				}
				t.print(a.out)
			})
		})
	})
}

// reach says whether a member can be written to, and on how many of its machines it reads.
func (a *app) reach(r api.Recipient) []string {
	if !r.Ready {
		return []string{a.say("cli.recipients.keyless", nil), ""}
	}
	ready := 0
	for _, n := range r.Nodes {
		if !n.Since.IsZero() {
			ready++
		}
	}
	some := ""
	if len(r.Nodes) > 1 {
		some = a.say("cli.recipients.some", args{"ready": ready, "count": len(r.Nodes)})
	}
	return []string{a.say("cli.recipients.ready", nil), some}
}

func (a *app) rotateCommand() *cobra.Command {
	return a.command("rotate", between(0, 0), nil, func(ctx context.Context, _ []string) error {
		return a.with(ctx, func(s *session) error {
			r, err := s.RotateKey(ctx)
			if err != nil {
				return err
			}
			return a.answer(r, func() { a.line("cli.key.rotated", nil) })
		})
	})
}

// sayPrivate says how much parties of an agreement have told one another privately, as far
// as this member can read it, and how to add to it.
func (a *app) sayPrivate(ctx context.Context, s *session, one api.Agreement) {
	number := cmp.Or(one.Number, one.ID)
	self := ""
	if st, err := s.Status(ctx); err == nil {
		self = st.Member.Handle
	}
	var others []string
	for _, p := range one.Parties {
		if p.Member != self {
			others = append(others, p.Member)
		}
	}
	if page, err := s.Messages(ctx, api.MessageQuery{About: one.ID, Limit: api.MaxLimit}); err == nil && len(page.Items) > 0 {
		a.note("cli.message.about", args{"count": len(page.Items), "number": number})
		return
	}
	a.note("cli.message.particulars", args{"members": strings.Join(others, ","), "number": number})
}
