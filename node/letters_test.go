package node_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/enrol"
	"github.com/dure-net/dure/node/home"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
)

// federation is running members, the first of which founded it and invited the others.
func federation(t *testing.T, handles ...string) []*city {
	t.Helper()
	ctx := context.Background()
	rules, err := charter.RuleSet("charter-2014")
	if err != nil {
		t.Fatal(err)
	}
	var out []*city
	for i, handle := range handles {
		c := newCity(t, handle)
		out = append(out, c)
		if i == 0 {
			_, err = enrol.Found(ctx, c.home, enrol.FoundOptions{Root: c.root, Names: protocol.Text{"en": "Forum"}, Charter: protocol.Text{"en": "We work together."}, Rules: rules})
		} else {
			var inv api.Invitation
			if inv, err = out[0].client().Invite(ctx, api.InviteRequest{Handle: handle, Trust: true}); err == nil {
				c.joins(inv.Line)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		c.start()
	}
	return out
}

// reachable waits until a city knows that members can be written to on so many nodes.
func (c *city) reachable(nodes int, handles ...string) {
	c.t.Helper()
	eventually(c.t, c.handle+" can write to "+strings.Join(handles, ", "), func() error {
		all, err := c.client().Recipients(context.Background())
		if err != nil {
			return err
		}
		for _, handle := range handles {
			i := slices.IndexFunc(all, func(r api.Recipient) bool { return r.Handle == handle && r.Ready })
			if i < 0 {
				return errors.New(handle + " has no key")
			}
			ready := 0
			for _, n := range all[i].Nodes {
				if !n.Since.IsZero() {
					ready++
				}
			}
			if ready != nodes {
				return fmt.Errorf("%s has %d nodes with a key", handle, ready)
			}
		}
		return nil
	})
}

func (c *city) writes(text string, to ...string) api.Receipt {
	c.t.Helper()
	r, err := c.client().Send(context.Background(), api.MessageDraft{To: to, Text: text, Lang: "en"})
	if err != nil {
		c.t.Fatalf("%s writes %q: %v", c.handle, text, err)
	}
	return r
}

// reads waits until a message can be read with this text.
func (c *city) reads(ref, text string) {
	c.t.Helper()
	eventually(c.t, c.handle+" reads "+ref, func() error {
		m, err := c.client().Message(context.Background(), ref)
		if err == nil && m.Text != text {
			err = fmt.Errorf("it says %q", m.Text)
		}
		return err
	})
}

// settled waits until a city holds as many entries as another one.
func (c *city) settled(with *city) {
	c.t.Helper()
	eventually(c.t, c.handle+" has caught up with "+with.handle, func() error {
		a, err := c.client().Status(context.Background())
		b, err2 := with.client().Status(context.Background())
		if err == nil && err2 == nil && (a.Ledger.Root != b.Ledger.Root || a.Ledger.Wanted > 0) {
			err = errors.New("roots differ")
		}
		return errors.Join(err, err2)
	})
}

func (c *city) cannotRead(ref string) {
	c.t.Helper()
	if m, err := c.client().Message(context.Background(), ref); protocol.ReasonOf(err) != protocol.ReasonNotFound {
		c.t.Errorf("%s reads %s: %+v %v", c.handle, ref, m, err)
	}
	page, err := c.client().Messages(context.Background(), api.MessageQuery{})
	if err != nil || slices.ContainsFunc(page.Items, func(m api.Message) bool { return m.ID == ref || m.Number == ref }) {
		c.t.Errorf("%s lists %s: %v", c.handle, ref, err)
	}
}

func (c *city) again() { c.t.Helper(); c.halt(); c.start() }

// A message is read by whom it is for, and by its writer, on both sides after a restart,
// with a key that was replaced meanwhile; and by nobody else.
func TestLetters_NamedReadersAlone(t *testing.T) {
	ctx := context.Background()
	c := federation(t, "kr-seoul", "ca-montreal", "fr-paris")
	seoul, montreal, paris := c[0], c[1], c[2]
	seoul.reachable(1, "kr-seoul", "ca-montreal", "fr-paris")
	first := seoul.writes("Ask for Kim Hana.", "ca-montreal")
	if first.Number != "kr-seoul-1" {
		t.Errorf("the number is %q", first.Number)
	}
	montreal.reads(first.Number, "Ask for Kim Hana.")
	seoul.reads(first.Number, "Ask for Kim Hana.")
	paris.settled(montreal)
	paris.cannotRead(first.Record)

	// The key is replaced: the old message is still read, and so is a new one.
	if _, err := montreal.client().RotateKey(ctx); err != nil {
		t.Fatal(err)
	}
	montreal.again()
	montreal.reads(first.Number, "Ask for Kim Hana.")
	seoul.settled(montreal)
	second := seoul.writes("And for Lee Duri.", "ca-montreal", "fr-paris")
	montreal.reads(second.Number, "And for Lee Duri.")
	paris.reads(second.Number, "And for Lee Duri.")
	answer, err := montreal.client().Send(ctx, api.MessageDraft{To: []string{"kr-seoul"}, Answers: second.Number, Persons: []api.Person{{Name: "Jeanne Tremblay", Phone: "514 555 0199"}}, What: "particulars"})
	if err != nil {
		t.Fatal(err)
	}
	seoul.again()
	eventually(t, "the answer is read", func() error {
		m, err := seoul.client().Message(ctx, answer.Number)
		if err == nil && (m.Answers != second.Record || len(m.Persons) != 1 || m.Persons[0].Phone != "514 555 0199") {
			err = fmt.Errorf("%+v", m)
		}
		return err
	})
	paris.settled(seoul)
	paris.cannotRead(answer.Record)
	if page, err := seoul.client().Messages(ctx, api.MessageQuery{With: "fr-paris"}); err != nil || len(page.Items) != 1 || page.Items[0].Number != second.Number {
		t.Errorf("with Paris: %+v %v", page.Items, err)
	}
	if page, err := seoul.client().Messages(ctx, api.MessageQuery{Limit: 2}); err != nil || len(page.Items) != 2 || page.NextCursor == "" || page.Items[0].Number != answer.Number {
		t.Errorf("a page of two: %+v %v", page, err)
	} else if rest, err := seoul.client().Messages(ctx, api.MessageQuery{Limit: 2, Cursor: page.NextCursor}); err != nil || len(rest.Items) != 1 || rest.Items[0].Number != first.Number {
		t.Errorf("the next page: %+v %v", rest, err)
	}

	// What is erased is read by nobody, and the number is not given again.
	if _, err := montreal.client().Erase(ctx, first.Number, api.Why{}); protocol.ReasonOf(err) != protocol.ReasonNotOwner {
		t.Errorf("erasing another member's: %v", err)
	}
	if _, err := seoul.client().Erase(ctx, first.Number, api.Why{Code: "personal_data"}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is gone in Montréal", func() error {
		_, err := montreal.client().Message(ctx, first.Number)
		if protocol.ReasonOf(err) != protocol.ReasonNotFound {
			return fmt.Errorf("%v", err)
		}
		return nil
	})
	if m, err := seoul.client().Message(ctx, first.Number); err != nil || m.State != "erased" || m.Text != "" {
		t.Errorf("with its writer: %+v %v", m, err)
	}
	eventually(t, "all nodes have said that it is gone", func() error {
		e, err := seoul.client().Erasure(ctx, first.Number)
		if err == nil && (!e.Erased || e.Gone != 3) {
			err = fmt.Errorf("%+v", e)
		}
		return err
	})
	if third := seoul.writes("Another one.", "fr-paris"); third.Number != "kr-seoul-3" {
		t.Errorf("the number is %q", third.Number)
	}
}

// Whom nobody can write to is named before anything is written.
func TestLetters_WhoCannotBeWrittenTo(t *testing.T) {
	ctx := context.Background()
	c := federation(t, "kr-seoul", "ca-montreal", "fr-paris")
	seoul, montreal, paris := c[0], c[1], c[2]
	seoul.reachable(1, "ca-montreal", "fr-paris")
	before := seoul.writes("While you are with us.", "fr-paris", "ca-montreal")
	paris.reads(before.Number, "While you are with us.")
	refused := func(what string, want protocol.Reason, members string, to ...string) {
		t.Helper()
		for _, dry := range []bool{true, false} {
			_, err := seoul.client().Send(ctx, api.MessageDraft{To: to, Text: "x", Dry: dry})
			var e *protocol.Error
			if !errors.As(err, &e) || e.Reason != want || members != "" && e.Args["recipients"] != members {
				t.Errorf("%s: %v %+v", what, err, e)
			}
		}
	}
	refused("nobody's handle", protocol.ReasonUnknownMember, "xx-nowhere, yy-nowhere", "xx-nowhere", "ca-montreal", "yy-nowhere")
	refused("oneself", protocol.ReasonUsage, "", "kr-seoul")
	inv, err := seoul.client().Invite(ctx, api.InviteRequest{Handle: "es-bilbao", Trust: true})
	if err != nil {
		t.Fatal(err)
	}
	bilbao := newCity(t, "es-bilbao")
	if _, err := enrol.Join(ctx, bilbao.home, enrol.JoinOptions{Root: bilbao.root, Line: inv.Line}); err != nil {
		t.Fatal(err)
	}
	refused("a member that has not started yet", protocol.ReasonNotFound, "es-bilbao", "ca-montreal", "es-bilbao")

	// A member that is removed gets no new ones, and keeps what it had.
	if _, err := seoul.client().Decide(ctx, api.Proposal{Changes: []api.Change{{Kind: "remove", Member: "fr-paris"}}}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "Paris is removed", func() error {
		_, err := seoul.client().Send(ctx, api.MessageDraft{To: []string{"fr-paris"}, Text: "x", Dry: true})
		if protocol.ReasonOf(err) != protocol.ReasonNotMember {
			return fmt.Errorf("%v", err)
		}
		return nil
	})
	refused("a removed member", protocol.ReasonNotMember, "fr-paris", "fr-paris", "ca-montreal")
	after := seoul.writes("Now without you.", "ca-montreal")
	montreal.reads(after.Number, "Now without you.")
	paris.cannotRead(after.Record)
	paris.reads(before.Number, "While you are with us.")
}

// A node that a member adds reads what was written before it came; so does a member that
// lost its only machine, from those it wrote to.
func TestLetters_ForNodesThatCameLater(t *testing.T) {
	c := federation(t, "kr-seoul", "ca-montreal", "fr-paris")
	seoul, montreal, paris := c[0], c[1], c[2]
	seoul.reachable(1, "kr-seoul", "ca-montreal", "fr-paris")
	montreal.reachable(1, "kr-seoul", "fr-paris")
	to := seoul.writes("For Montréal.", "ca-montreal")
	from := montreal.writes("From Montréal.", "kr-seoul")
	others := seoul.writes("For Paris.", "fr-paris")
	montreal.reads(to.Number, "For Montréal.")
	seoul.reads(from.Number, "From Montréal.")
	paris.reads(others.Number, "For Paris.")

	second := montreal.another("second")
	second.reads(to.Number, "For Montréal.")
	second.reads(from.Number, "From Montréal.")
	second.settled(seoul)
	second.cannotRead(others.Record)
	seoul.reachable(2, "ca-montreal")
	both := seoul.writes("For both machines.", "ca-montreal")
	second.reads(both.Number, "For both machines.")

	// Seoul loses its only machine and comes back with its recovery words.
	seoul.halt()
	reborn := seoul.anotherBy(montreal, "reborn")
	reborn.ends(seoul)
	reborn.reads(from.Number, "From Montréal.")
	reborn.reads(to.Number, "For Montréal.")
	reborn.reads(others.Number, "For Paris.")
	paris.settled(reborn)
	paris.cannotRead(to.Record)
}

// another starts a further node of a member.
func (c *city) another(name string) *city { c.t.Helper(); return c.anotherBy(c, name) }

func (c *city) anotherBy(inviter *city, name string) *city {
	c.t.Helper()
	facts, err := c.home.Member()
	if err != nil {
		c.t.Fatal(err)
	}
	h, err := home.Create(filepath.Join(c.t.TempDir(), name), facts, home.Options{})
	if err != nil {
		c.t.Fatal(err)
	}
	inv, err := inviter.client().Invite(context.Background(), api.InviteRequest{Handle: c.handle, Known: true})
	if err != nil {
		c.t.Fatal(err)
	}
	again := &city{t: c.t, handle: c.handle, home: h, root: c.root, listen: freePort(c.t, "udp"), api: freePort(c.t, "tcp")}
	again.joins(inv.Line)
	again.start()
	return again
}

// ends says with the root key that another node of the member is lost, and what of it stands.
func (c *city) ends(lost *city) {
	c.t.Helper()
	ctx, key := context.Background(), lost.home.Node().Public()
	_, federation, _, err := c.home.Founding()
	if err != nil {
		c.t.Fatal(err)
	}
	var st protocol.Statement
	eventually(c.t, "the lost node's chains are here", func() error {
		chains, err := c.client().Chains(ctx, api.ChainQuery{Member: c.handle, Node: key.String()})
		if err != nil || len(chains) != 1 || chains[0].Entries < 5 {
			return fmt.Errorf("%+v %w", chains, err)
		}
		feed, err1 := protocol.ParseCID(chains[0].Feed)
		head, err2 := protocol.ParseCID(chains[0].Head)
		st = protocol.Statement{Federation: federation, Purpose: protocol.PurposeCut, Node: key, Stands: []protocol.Stand{{Feed: feed, Count: chains[0].Entries, Head: head}}}
		return errors.Join(err1, err2)
	})
	signed, err := st.Sign(c.root)
	if err != nil {
		c.t.Fatal(err)
	}
	raw, err := protocol.Encode(&signed)
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := c.client().Say(ctx, api.Statement{Bytes: raw}); err != nil {
		c.t.Fatal(err)
	}
}

// encloses brings a file, and sends it to members.
func (c *city) encloses(name string, file []byte, to ...string) api.Receipt {
	c.t.Helper()
	ctx := context.Background()
	up, err := c.client().Enclose(ctx, name, bytes.NewReader(file))
	if err != nil || !up.Private || up.Bytes != uint64(len(file)) {
		c.t.Fatalf("%s encloses %s: %+v %v", c.handle, name, up, err)
	}
	r, err := c.client().Send(ctx, api.MessageDraft{To: to, What: "particulars", Documents: []api.DocumentDraft{{Upload: up.ID}}})
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}

// gets waits until a file of a message can be read.
func (c *city) gets(number string, want []byte) {
	c.t.Helper()
	eventually(c.t, c.handle+" reads the file of "+number, func() error {
		f, err := c.client().Attachment(context.Background(), number, 1)
		if err != nil {
			return err
		}
		defer f.Close()
		got, err := io.ReadAll(f)
		if err == nil && !bytes.Equal(got, want) {
			err = fmt.Errorf("%d other bytes", len(got))
		}
		return err
	})
}

// stored reports whether a part of some bytes lies in a file of the home.
func (c *city) stored(piece []byte) bool {
	c.t.Helper()
	found := false
	err := filepath.WalkDir(c.home.Dir(), func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			raw, _ := os.ReadFile(name)
			found = found || bytes.Contains(raw, piece)
		}
		return nil // files come and go
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return found
}

// A file that goes with a message is read by whom that is for, and on no disk can it be read. It is fetched from
// parties alone, given to parties alone, kept over a restart, read by a node that came later, and gone when the
// message is erased.
func TestLetters_FilesForTheReadersAlone(t *testing.T) {
	ctx := context.Background()
	c := federation(t, "kr-seoul", "ca-montreal", "fr-paris")
	seoul, montreal, paris := c[0], c[1], c[2]
	seoul.reachable(1, "kr-seoul", "ca-montreal", "fr-paris")
	montreal.reachable(1, "kr-seoul")
	file := fileOf(7, 5*protocol.ChunkBytes+99)
	sent := seoul.encloses("여권 사본.pdf", file, "ca-montreal")
	seoul.has(sent.Number, file)
	eventually(t, "Montréal lists it", func() error {
		m, err := montreal.client().Message(ctx, sent.Number)
		if err == nil && (len(m.Documents) != 1 || m.Documents[0].Attachment != 1 || m.Documents[0].Title != "여권 사본.pdf") {
			err = fmt.Errorf("%+v", m)
		}
		return err
	})
	if state := montreal.lies(sent.Number); state != api.AttachmentAbsent {
		t.Errorf("before it is asked for it is %s", state)
	}
	paris.settled(montreal)
	if all, err := paris.client().Attachments(ctx, sent.Record); protocol.ReasonOf(err) != protocol.ReasonNotFound || len(all) > 0 {
		t.Errorf("Paris lists %+v, %v", all, err)
	}
	montreal.gets(sent.Number, file)
	list, err := montreal.client().Attachments(ctx, sent.Number)
	if err != nil || len(list) != 1 || !list[0].Private || list[0].MediaType != "application/pdf" || list[0].Name != "여권 사본.pdf" || list[0].Here != uint64(len(file)) {
		t.Errorf("%+v, %v", list, err)
	}
	id, err := protocol.ParseCID(list[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	entry, err := protocol.ParseCID(sent.ID)
	if err != nil {
		t.Fatal(err)
	}
	if paris.node.Fetches(ctx, entry, id, 6*protocol.ChunkBytes) == nil { // it guessed the name, and asks everybody
		t.Error("Paris is given it")
	}
	for _, c := range c {
		if c.stored(file[1000:1032]) {
			t.Errorf("%s holds it readable", c.handle)
		}
	}
	if st, err := paris.client().Status(ctx); err != nil || st.Storage.Files.Files != 0 {
		t.Errorf("Paris keeps files of others' messages: %+v, %v", st.Storage.Files, err)
	}

	// Both start anew, and it is there; another machine of Montréal gets it, of Seoul's or of the first.
	seoul.again()
	montreal.again()
	montreal.gets(sent.Number, file)
	second := montreal.another("second")
	second.gets(sent.Number, file)

	// What nobody brought here, or was sent already, is no file to send.
	for _, upload := range []string{list[0].ID, "nothing"} {
		if _, err := seoul.client().Send(ctx, api.MessageDraft{To: []string{"ca-montreal"}, Documents: []api.DocumentDraft{{Title: "x", Upload: upload}}}); len(faultsOf(err)) != 1 {
			t.Errorf("%s is sent: %v", upload, err)
		}
	}
	if _, err := seoul.client().Enclose(ctx, "a.html", strings.NewReader("<!doctype html><script>alert(1)</script>")); protocol.ReasonOf(err) != protocol.ReasonInvalid {
		t.Errorf("a page: %v", err)
	}
	if _, err := seoul.client().Enclose(ctx, "empty", strings.NewReader("")); protocol.ReasonOf(err) != protocol.ReasonMalformed {
		t.Errorf("nothing: %v", err)
	}

	held, err := os.ReadFile(filepath.Join(montreal.home.AttachmentsDir(), list[0].ID))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := seoul.client().Erase(ctx, sent.Number, api.Why{Code: "personal_data"}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the encrypted bytes have gone everywhere", func() error {
		for _, c := range []*city{seoul, montreal, second} {
			if c.stored(held[:32]) {
				return errors.New(c.handle + " still holds them")
			}
			if _, err := c.client().Attachments(ctx, sent.Record); err == nil {
				return errors.New(c.handle + " still lists it")
			}
		}
		return nil
	})
}

// A message is unread until somebody reads it on that node, in the inbox and among what people should know; that it was
// read stays known after a restart, and is told to nobody.
func TestLetters_UnreadUntilRead(t *testing.T) {
	ctx := context.Background()
	c := federation(t, "kr-seoul", "ca-montreal")
	seoul, montreal := c[0], c[1]
	seoul.reachable(1, "ca-montreal")
	sent := seoul.writes("Ask for Kim Hana.", "ca-montreal")
	montreal.reads(sent.Number, "Ask for Kim Hana.")
	unread := func(c *city, want int) {
		t.Helper()
		box, err := c.client().Inbox(ctx, "")
		if err != nil || box.Unread != want {
			t.Errorf("%s has %d unread messages, want %d, %v", c.handle, box.Unread, want, err)
		}
		st, err := c.client().Status(ctx)
		if told := slices.ContainsFunc(st.Alerts, func(a api.Alert) bool { return a.Code == "unread" }); err != nil || told != (want > 0) {
			t.Errorf("%s is told of unread messages: %v, %v", c.handle, told, err)
		}
	}
	unread(seoul, 0)
	unread(montreal, 1)
	if m, err := montreal.client().Message(ctx, sent.Number); err != nil || !m.Unread {
		t.Errorf("looking at it over the interface marks it: %+v, %v", m, err)
	}
	if err := montreal.client().MarkRead(ctx, sent.Number); err != nil {
		t.Fatal(err)
	}
	unread(montreal, 0)
	montreal.again()
	montreal.reads(sent.Number, "Ask for Kim Hana.")
	unread(montreal, 0)
	if err := montreal.client().MarkRead(ctx, "kr-seoul-99"); protocol.ReasonOf(err) != protocol.ReasonNotFound {
		t.Errorf("what is not there is read: %v", err)
	}
}

// A listing for chosen members is seen by them alone, in lists and among matches.
func TestLetters_ListingForChosenMembers(t *testing.T) {
	ctx := context.Background()
	c := federation(t, "kr-seoul", "ca-montreal", "fr-paris")
	seoul, montreal, paris := c[0], c[1], c[2]
	seoul.reachable(1, "ca-montreal", "fr-paris")
	open, err := montreal.client().Publish(ctx, api.Draft{Type: "offer", Raw: json.RawMessage(strings.NewReplacer(`"request"`, `"offer"`, "서울", "Montréal").Replace(koreanRequest))})
	if err != nil {
		t.Fatal(err)
	}
	r, err := seoul.client().Publish(ctx, api.Draft{Type: "request", Raw: json.RawMessage(koreanRequest), For: []string{"ca-montreal"}})
	if err != nil {
		t.Fatal(err)
	}
	mine, err := seoul.node.Record(ctx, r.Record)
	if err != nil {
		t.Fatal(err)
	}
	header, err := seoul.node.Block(ctx, mine.Entry)
	if err != nil || !header.Sealed { // what is sealed a public node shows to holders of a token alone
		t.Errorf("its header is open data: %v", err)
	}
	e, err := protocol.DecodeEntry(header.Data)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := seoul.node.Block(ctx, e.Header().Body.String()); err != nil || !body.Sealed {
		t.Errorf("its body is open data: %v", err)
	}
	eventually(t, "Montréal sees it", func() error {
		page, err := montreal.client().Records(ctx, api.RecordQuery{})
		if err != nil {
			return err
		}
		for _, rec := range page.Items {
			if rec.ID == r.Record {
				if !slices.Equal(rec.For, []string{"ca-montreal"}) || rec.Content["mode"] != "expert_mission" || rec.Number != "kr-seoul-1" || rec.Type != "request" {
					return fmt.Errorf("%+v", rec)
				}
				return nil
			}
		}
		return errors.New("not in the list")
	})
	m, err := montreal.client().Matches(ctx, api.MatchQuery{Ref: open.Number, AsOf: "2027-01-15"})
	if err != nil || len(m.Items) != 1 || m.Items[0].Record.ID != r.Record || len(m.Items[0].Record.For) != 1 {
		t.Errorf("matches of the open one: %+v %v", m, err)
	}
	if m, err = seoul.client().Matches(ctx, api.MatchQuery{Ref: r.Number, AsOf: "2027-01-15"}); err != nil || len(m.Items) != 1 || m.Items[0].Record.ID != open.Record || len(m.For.For) != 1 {
		t.Errorf("matches of the private one: %+v %v", m, err)
	}
	paris.settled(seoul)
	if _, err := paris.client().Record(ctx, r.Record); protocol.ReasonOf(err) != protocol.ReasonNotFound {
		t.Errorf("Paris: %v", err)
	}
	if page, err := paris.client().Records(ctx, api.RecordQuery{}); err != nil || len(page.Items) != 1 {
		t.Errorf("Paris lists %+v %v", page.Items, err)
	}

	// A new version for Paris too; then it is erased for all.
	changed := strings.Replace(koreanRequest, "전문가 2명", "전문가 3명", 1)
	if _, err := seoul.client().Publish(ctx, api.Draft{Type: "request", Of: r.Number, Raw: json.RawMessage(changed), For: []string{"fr-paris", "ca-montreal"}}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*city{montreal, paris} {
		eventually(t, c.handle+" sees the new version", func() error {
			rec, err := c.client().Record(ctx, r.Record)
			if err == nil && !strings.Contains(fmt.Sprint(rec.Content["title"]), "3명") {
				err = fmt.Errorf("%+v", rec)
			}
			return err
		})
	}
	if _, err := seoul.client().Publish(ctx, api.Draft{Type: "request", Of: r.Number, Raw: json.RawMessage(changed)}); protocol.ReasonOf(err) != protocol.ReasonNotFound {
		t.Errorf("an open version of a private listing: %v", err)
	}

	// It is withdrawn, the chosen members are told why, and nobody else is told that it was one.
	if _, err := montreal.client().Withdraw(ctx, r.Record, nil); protocol.ReasonOf(err) != protocol.ReasonNotOwner {
		t.Errorf("another member withdraws it: %v", err)
	}
	if _, err := seoul.client().Withdraw(ctx, r.Number, map[string]string{"en": "We found somebody."}); err != nil {
		t.Fatal(err)
	}
	if _, err := seoul.client().Withdraw(ctx, r.Number, nil); protocol.ReasonOf(err) != protocol.ReasonConflict {
		t.Errorf("it is withdrawn twice: %v", err)
	}
	for _, c := range []*city{montreal, paris} {
		eventually(t, c.handle+" sees that it is withdrawn", func() error {
			rec, err := c.client().Record(ctx, r.Record)
			if err == nil && (rec.State != api.RecordWithdrawn || rec.Reason["en"] != "We found somebody." || len(rec.For) != 2) {
				err = fmt.Errorf("%+v", rec)
			}
			return err
		})
	}
	if m, err := montreal.client().Matches(ctx, api.MatchQuery{Ref: open.Number, AsOf: "2027-01-15"}); err != nil || len(m.Items) != 0 {
		t.Errorf("what is withdrawn matches: %+v, %v", m.Items, err)
	}
	if _, err := seoul.client().Erase(ctx, r.Number, api.Why{}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*city{montreal, paris} {
		eventually(t, "it is gone in "+c.handle, func() error {
			if _, err := c.client().Record(ctx, r.Record); protocol.ReasonOf(err) != protocol.ReasonNotFound {
				return fmt.Errorf("%v", err)
			}
			return nil
		})
	}
}
