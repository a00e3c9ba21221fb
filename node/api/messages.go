package api

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/dure-net/dure/node/access"
	"github.com/dure-net/dure/protocol"
)

// Correspondent writes to chosen members and reads what is for this one. All of it is
// encrypted on the way and on every disk; none of it is for callers without a token.
type Correspondent interface {
	// Messages lists what this node can read, newest arrival first: messages and private
	// particulars. An empty page has no NextCursor.
	Messages(ctx context.Context, q MessageQuery) (MessagePage, error)

	// Message finds one by CID, by an unambiguous prefix of at least MinPrefix characters
	// or by short number. What is for others is ReasonNotFound, like what is not there.
	Message(ctx context.Context, ref string) (Message, error)

	// MarkRead notes on this node that somebody has read a message, as Message finds it. No
	// other node is told.
	MarkRead(ctx context.Context, ref string) error

	// Send writes to the members in m.To. Members that cannot be written to are all named
	// before anything is written: ReasonUnknownMember, ReasonNotMember (suspended or
	// removed) or ReasonNotFound (no key yet), with Field "to" and the handles in Args.
	// With m.Dry it tells that, and writes nothing.
	Send(ctx context.Context, m MessageDraft) (Receipt, error)

	// Enclose keeps a file that a message is to name, as Filer.Upload does, but encrypted with a
	// key of its own: MessageDraft.Documents name it, and nobody but the members in To opens it.
	// What no message names is forgotten by the next start, at the latest. Its bounds and
	// errors are those of Upload.
	Enclose(ctx context.Context, name string, r io.Reader) (Upload, error)

	// Recipients lists the members and whether they can be written to.
	Recipients(ctx context.Context) ([]Recipient, error)

	// RotateKey gives this node a new key to be written to under. What was written to the
	// old one is still read.
	RotateKey(ctx context.Context) (Recipient, error)
}

// MessageQuery selects messages. The zero value is the newest DefaultLimit of all.
type MessageQuery struct {
	With   string // handle of a member that wrote it or that it is for
	About  string // the record or agreement it is about, named as in Reader.Record
	Limit  int    // 1 to MaxLimit; 0 means DefaultLimit
	Cursor string // NextCursor of the page before
}

// MessagePage is one page of messages, newest arrival first.
type MessagePage struct {
	Items      []Message `json:"items"`
	NextCursor string    `json:"next_cursor" doc:"empty on the last page; opaque"`
}

// Message is what one member wrote to chosen others.
type Message struct {
	ID        string            `json:"id" doc:"CID of its entry"`
	Number    string            `json:"number,omitempty" doc:"short number, as kr-seoul-41"`
	From      string            `json:"from" doc:"handle of the member that wrote it"`
	Names     map[string]string `json:"names,omitempty" doc:"that member's names by language"`
	To        []MessageParty    `json:"to" doc:"the members it is for; absent once it is erased"`
	Own       bool              `json:"own,omitempty" doc:"this member wrote it"`
	Unread    bool              `json:"unread,omitempty" doc:"nobody has read it on this node"`
	What      string            `json:"what,omitempty" doc:"message or particulars; others are of a newer version"`
	State     string            `json:"state" enum:"open,erased,replaced"`
	Time      time.Time         `json:"time" doc:"when its writer says it was written"`
	About     string            `json:"about,omitempty" doc:"CID of the record or agreement it is about"`
	Concerns  string            `json:"concerns,omitempty" doc:"short number of that record, where it is known here"`
	Answers   string            `json:"answers,omitempty" doc:"CID of the message that it answers"`
	Lang      string            `json:"lang,omitempty"`
	Text      string            `json:"text,omitempty"`
	Persons   []Person          `json:"persons,omitempty"`
	Documents []Document        `json:"documents,omitempty"`
	Seq       uint64            `json:"seq" doc:"local sequence on this node"`
	Feed      string            `json:"feed" doc:"CID of the chain of entries that holds it"`
	FeedSeq   uint64            `json:"feed_seq" doc:"place in that chain"`
}

// MessageParty is a member that a message is for.
type MessageParty struct {
	Handle string            `json:"handle"`
	Names  map[string]string `json:"names,omitempty"`
}

// Person is somebody whom members name to one another, and nobody else needs to know.
type Person struct {
	Name  string `json:"name" minLength:"1" maxLength:"200"`
	Role  string `json:"role,omitempty" maxLength:"200" doc:"what the person does in this"`
	Email string `json:"email,omitempty" maxLength:"200"`
	Phone string `json:"phone,omitempty" maxLength:"200"`
	Note  string `json:"note,omitempty" maxLength:"200"`
}

// Document is something that the parties need: on paper, or the file itself.
type Document struct {
	Title      string `json:"title" minLength:"1" maxLength:"200"`
	Where      string `json:"where,omitempty" maxLength:"200" doc:"an address, a file number, a shelf"`
	Note       string `json:"note,omitempty" maxLength:"200"`
	Attachment int    `json:"attachment,omitempty" doc:"the file itself goes with the message: its number for get-attachment"`
}

// DocumentDraft is a document as it is sent.
type DocumentDraft struct {
	Title  string `json:"title,omitempty" maxLength:"200" doc:"the name of its file by default"`
	Where  string `json:"where,omitempty" maxLength:"200" doc:"an address, a file number, a shelf"`
	Note   string `json:"note,omitempty" maxLength:"200"`
	Upload string `json:"upload,omitempty" maxLength:"120" doc:"the file itself: the id that upload-attachment gave with private=true"`
}

// MessageDraft is what a member wants to write to others.
type MessageDraft struct {
	To        []string        `json:"to" minItems:"1" maxItems:"16" doc:"handles"`
	What      string          `json:"what,omitempty" enum:"message,particulars" doc:"message by default"`
	About     string          `json:"about,omitempty" maxLength:"120" doc:"the record or agreement it is about, by number or CID; told to its readers alone"`
	Answers   string          `json:"answers,omitempty" maxLength:"120" doc:"the message that it answers"`
	Lang      string          `json:"lang,omitempty" maxLength:"40" doc:"of the text"`
	Text      string          `json:"text,omitempty" maxLength:"6000"`
	Persons   []Person        `json:"persons,omitempty" maxItems:"12"`
	Documents []DocumentDraft `json:"documents,omitempty" maxItems:"12"`

	Dry bool `json:"-"` // judge it and write nothing
}

// Recipient says whether a member can be written to.
type Recipient struct {
	Handle string            `json:"handle"`
	Names  map[string]string `json:"names,omitempty"`
	Ready  bool              `json:"ready" doc:"somebody there can read"`
	Self   bool              `json:"self,omitempty" doc:"it is this node's member"`
	Nodes  []RecipientNode   `json:"nodes"`
}

// RecipientNode is a node of a member.
type RecipientNode struct {
	Node  string    `json:"node" doc:"public key"`
	Since time.Time `json:"since,omitzero" doc:"when it published the key that it is written to under; absent while it has none"`
	Self  bool      `json:"self,omitempty"`
}

// messages registers what Correspondent does. Reading takes the scope read, and nothing of
// it is open data: a public node tells strangers not even that there is any.
func (s *server) messages() {
	type listing struct {
		With   string `query:"with" maxLength:"40" doc:"handle of a member that wrote it or that it is for"`
		About  string `query:"about" maxLength:"120" doc:"number or CID of the record or agreement it is about"`
		Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
		Cursor string `query:"cursor" maxLength:"200" doc:"next_cursor of the page before"`
	}
	route(s, get(access.Read, "list-messages", "/messages", "What members wrote to this one, and this one to them; newest arrival first"),
		func(ctx context.Context, in *listing) (*answer[MessagePage], error) {
			page, err := s.backend.Messages(ctx, MessageQuery{With: in.With, About: in.About, Limit: in.Limit, Cursor: in.Cursor})
			if page.Items == nil {
				page.Items = []Message{}
			}
			return &answer[MessagePage]{page}, err
		})

	type named = oneID
	defer s.idIs("CID, a prefix of it of at least 8 characters, or a short number", "/messages/{id}", "/messages/{id}/read")
	route(s, get(access.Read, "get-message", "/messages/{id}", "One message"),
		func(ctx context.Context, in *named) (*answer[Message], error) {
			m, err := s.backend.Message(ctx, in.ID)
			return &answer[Message]{m}, err
		})

	route(s, post(access.Write, "read-message", "/messages/{id}/read", "Note on this node that somebody has read a message; no other node is told", http.StatusOK),
		func(ctx context.Context, in *named) (*answer[Message], error) {
			if err := s.backend.MarkRead(ctx, in.ID); err != nil {
				return nil, err
			}
			m, err := s.backend.Message(ctx, in.ID)
			return &answer[Message]{m}, err
		})

	type recipients struct {
		Items []Recipient `json:"items"`
	}
	route(s, get(access.Read, "list-recipients", "/recipients", "The members, and whether they can be written to privately"),
		func(ctx context.Context, _ *struct{}) (*answer[recipients], error) {
			all, err := s.backend.Recipients(ctx)
			if all == nil {
				all = []Recipient{}
			}
			return &answer[recipients]{recipients{all}}, err
		})

	type sending struct {
		Keyed
		Dry  bool `query:"dry_run" doc:"judge it, name members that cannot be written to, and write nothing (200)"`
		Body MessageDraft
	}
	routeAs(s, post(access.Write, "send-message", "/messages", "Write to chosen members; answered when it is durable", http.StatusCreated),
		func(ctx context.Context, in *sending) (*created, error) {
			in.Body.Dry = in.Dry
			if in.Dry {
				receipt, err := s.backend.Send(ctx, in.Body)
				return &created{Status: http.StatusOK, Body: receipt}, err
			}
			raw, err := json.Marshal(in.Body)
			if err != nil {
				return nil, err
			}
			out, err := s.write(ctx, in.Keyed, "send", raw, func([]byte) (Receipt, error) { return s.backend.Send(ctx, in.Body) })
			if err == nil {
				out.Location = base + "/messages/" + out.Body.Record
			}
			return out, err
		})

	route(s, post(access.Keep, "rotate-key", "/recipients/rotation", "Give this node a new key to be written to under; old messages stay readable", http.StatusCreated),
		func(ctx context.Context, _ *struct{}) (*answer[Recipient], error) {
			r, err := s.backend.RotateKey(ctx)
			return &answer[Recipient]{r}, err
		})
}

// Messages implements Correspondent.
func (c *Client) Messages(ctx context.Context, q MessageQuery) (page MessagePage, err error) {
	v := wished(map[string]string{"with": q.With, "about": q.About, "cursor": q.Cursor}, q.Limit)
	return page, c.get(ctx, "/messages?"+v.Encode(), &page)
}

// Message implements Correspondent.
func (c *Client) Message(ctx context.Context, ref string) (m Message, err error) {
	return m, c.get(ctx, "/messages/"+url.PathEscape(ref), &m)
}

// MarkRead implements Correspondent.
func (c *Client) MarkRead(ctx context.Context, ref string) error {
	var m Message
	return c.post(ctx, "/messages/"+url.PathEscape(ref)+"/read", nil, &m)
}

// Recipients implements Correspondent.
func (c *Client) Recipients(ctx context.Context) ([]Recipient, error) {
	var list struct{ Items []Recipient }
	err := c.get(ctx, "/recipients", &list)
	return list.Items, err
}

// Send implements Correspondent, with the promise of Publish.
func (c *Client) Send(ctx context.Context, m MessageDraft) (Receipt, error) {
	raw, err := json.Marshal(m)
	if err != nil {
		return Receipt{}, protocol.Fail(protocol.ReasonMalformed, "send message", err)
	}
	path := "/messages"
	if m.Dry {
		path += "?dry_run=true"
	}
	return c.write(ctx, path, raw)
}

// RotateKey implements Correspondent.
func (c *Client) RotateKey(ctx context.Context) (r Recipient, err error) {
	return r, c.post(ctx, "/recipients/rotation", struct{}{}, &r)
}

// addressed takes whom a posted record is for out of it: {"type":"offer","for":["kr-seoul"],…}
// is a listing for chosen members, and the rest of it what an open one would be.
func addressed(raw []byte) (rest []byte, to []string, err error) {
	var m map[string]json.RawMessage
	if json.Unmarshal(raw, &m) != nil || m["for"] == nil {
		return raw, nil, nil // what is wrong with it is told elsewhere
	}
	if err := json.Unmarshal(m["for"], &to); err != nil {
		return nil, nil, &protocol.Error{Reason: protocol.ReasonUsage, Op: "read record", Field: "for", Err: err}
	}
	if to == nil {
		to = []string{}
	}
	delete(m, "for")
	rest, err = json.Marshal(m)
	if err != nil {
		return nil, nil, protocol.Fail(protocol.ReasonMalformed, "read record", err)
	}
	return rest, to, nil
}

// Addressed is addressed for callers that have a draft as a person wrote it.
func Addressed(d Draft) (Draft, error) {
	raw, to, err := addressed(d.Raw)
	if err != nil {
		return Draft{}, err
	}
	d.Raw = raw
	if to != nil {
		d.For = to
	}
	return d, nil
}

// withFor puts whom a draft is for back into the record that is posted.
func withFor(d Draft) ([]byte, error) {
	if d.For == nil {
		return d.Raw, nil
	}
	var m map[string]json.RawMessage
	if err := json.Unmarshal(d.Raw, &m); err != nil {
		return nil, protocol.Fail(protocol.ReasonMalformed, "publish", err)
	}
	to, err := json.Marshal(d.For)
	if err != nil {
		return nil, protocol.Fail(protocol.ReasonMalformed, "publish", err)
	}
	m["for"] = to
	raw, err := json.Marshal(m)
	if err != nil {
		return nil, protocol.Fail(protocol.ReasonMalformed, "publish", err)
	}
	return raw, nil
}

// hidden reports whether a record must not be shown to a caller. For is empty, and not nil,
// once a listing for chosen members is erased.
func hidden(ctx context.Context, r Record) bool { return r.For != nil && !sees(ctx) }

// sees reports whether the caller may be told of what is for chosen members.
func sees(ctx context.Context) bool { return callerOf(ctx).Scopes.Has(access.Read) }

// notThere is what somebody is told who must not know that a record is there.
func notThere(ref string) error {
	return &protocol.Error{Reason: protocol.ReasonNotFound, Op: "find record", ID: strings.ToLower(ref), Args: map[string]string{"ref": strings.ToLower(ref)}}
}
