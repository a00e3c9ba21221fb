// Package protocoltest makes valid federations and feeds for tests, the same ones every
// time: keys, salts and times come from numbers. It is never imported by anything but
// tests, and its keys protect nothing.
package protocoltest

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/dure-net/dure/protocol"
)

// Start is the claimed time of the first entries, in Unix milliseconds: 1 December 2026, 00:00 UTC.
const Start = int64(1_796_083_200_000)

// Member is a founder with its keys.
type Member struct {
	Handle string
	Root   protocol.PrivateKey
	Node   protocol.PrivateKey
}

// Key is the same private key for the same name, every time.
func Key(name string) protocol.PrivateKey {
	seed := sha256.Sum256([]byte("dure/protocoltest/" + name))
	key, err := protocol.NewPrivateKey(seed[:])
	if err != nil {
		panic("dure: internal error: " + err.Error())
	}
	return key
}

// Federation is a founding act with this many founders (1 to protocol.MaxFounders), all
// of them cities and members of the steering committee.
func Federation(founders int) (act []byte, id protocol.FederationID, members []Member) {
	f := protocol.FoundingAct{
		Version: protocol.Version,
		Names:   protocol.Text{"en": "Test federation", "ko": "시험 연합"},
		Charter: protocol.Text{"en": "Members help one another."},
		Rules: protocol.Rules{Name: "charter-2014", Electors: "steering",
			Threshold: protocol.Ratio{Num: 1, Den: 2}, Assembly: protocol.Ratio{Num: 2, Den: 3}, Rebind: 30},
	}
	for i := range founders {
		m := Member{Handle: fmt.Sprintf("kr-city%d", i+1)}
		m.Root, m.Node = Key("root/"+m.Handle), Key("node/"+m.Handle)
		members = append(members, m)
		f.Founders = append(f.Founders, protocol.MemberFacts{Handle: m.Handle, Kind: protocol.KindCity, Category: protocol.CategoryFull,
			Country: "KR", Names: protocol.Text{"en": fmt.Sprintf("City %d", i+1)}, Root: m.Root.Public()})
		f.Offices = append(f.Offices, protocol.Term{Office: protocol.OfficeSteering, Member: m.Handle})
	}
	f.Offices = append(f.Offices, protocol.Term{Office: protocol.OfficeChairCity, Member: members[0].Handle})
	act, id, err := protocol.EncodeFoundingAct(f)
	if err != nil {
		panic("dure: internal error: " + err.Error())
	}
	return act, id, members
}

// Feed builds one valid feed, entry by entry. It is not safe for concurrent use.
type Feed struct {
	Federation protocol.FederationID
	Entries    []protocol.Entry
	Bodies     [][]byte // by entry; nil for entries without a body

	node  protocol.PrivateKey
	time  int64
	forks int // that this history was made by
}

// NewFeed begins a feed of a node with its inception. A second feed of the same node
// differs from the first if it continues one, or by its time: see Begin.
func NewFeed(federation protocol.FederationID, root, node protocol.PrivateKey) *Feed {
	return Begin(federation, root, node, Start, nil)
}

// Begin is NewFeed with a claimed time, and with the feed that it continues, if any.
func Begin(federation protocol.FederationID, root, node protocol.PrivateKey, time int64, continues *protocol.Continuation) *Feed {
	add, err := protocol.Addition(federation, root.Public(), node.Public(), protocol.Signature{}).Sign(root)
	if err != nil {
		panic("dure: internal error: " + err.Error())
	}
	f := &Feed{Federation: federation, node: node, time: time}
	f.seal(protocol.Header{Kind: protocol.KindInception, Init: &protocol.Inception{
		Federation: federation, Root: root.Public(), Node: node.Public(), Continues: continues, Added: add.Signature}}, nil)
	return f
}

// Fork is another history of the feed: its first n entries, and whatever is added then.
// The same content at the same place makes another entry too.
func (f *Feed) Fork(n int) *Feed {
	return &Feed{Federation: f.Federation, Entries: f.Entries[:n:n], Bodies: f.Bodies[:n:n], node: f.node, time: f.time + 1, forks: f.forks + 1}
}

// AppendUnsigned is Append with a signature that is not valid: an entry that only what
// follows can vouch for.
func (f *Feed) AppendUnsigned(kind protocol.Kind, content any) (protocol.Entry, []byte) {
	key := f.node
	f.node = Key("nobody's")
	defer func() { f.node = key }()
	return f.Append(kind, content)
}

// ID is the feed's name.
func (f *Feed) ID() protocol.FeedID { return f.Entries[0].ID() }

// Inception is the first entry.
func (f *Feed) Inception() protocol.Entry { return f.Entries[0] }

// Head is the last entry.
func (f *Feed) Head() protocol.Entry { return f.Entries[len(f.Entries)-1] }

// Key signs the feed's entries.
func (f *Feed) Key() protocol.PrivateKey { return f.node }

// Append adds an entry of this kind with this content (any canonical map); nil makes an
// entry without a body. The body's salt is a function of feed and seq.
func (f *Feed) Append(kind protocol.Kind, content any) (protocol.Entry, []byte) {
	if content == nil {
		return f.Add(protocol.Header{Kind: kind}, nil)
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "salt/%s/%d%s", f.ID(), len(f.Entries), strings.Repeat("'", f.forks)))
	body, err := protocol.EncodeBody(protocol.Salt(sum[:16]), content)
	if err != nil {
		panic("dure: internal error: " + err.Error())
	}
	return f.Add(protocol.Header{Kind: kind}, body)
}

// Add adds an entry with a header of one's own. Feed, place, act, time, body and size are set here.
func (f *Feed) Add(h protocol.Header, body []byte) (protocol.Entry, []byte) {
	f.time += 1000
	head := f.Head()
	h.Feed, h.Seq, h.Prev = f.ID(), head.Seq()+1, head.ID()
	if body != nil {
		h.Body, h.Size = protocol.Sum(body), uint64(len(body))
	}
	return f.seal(h, body), body
}

func (f *Feed) seal(h protocol.Header, body []byte) protocol.Entry {
	h.Act, h.Time = protocol.ActRef{ID: f.Federation}, f.time
	e, err := protocol.Seal(f.Federation, h, f.node)
	if err != nil {
		panic("dure: internal error: " + err.Error())
	}
	f.Entries, f.Bodies = append(f.Entries, e), append(f.Bodies, body)
	return e
}

// Fill appends offers until the feed has count entries, with bodies of about size bytes.
func (f *Feed) Fill(count, size int) *Feed {
	for n := len(f.Entries); n < count; n++ {
		f.Append(protocol.KindOffer, map[string]any{"n": uint64(n), "text": words(n, size)})
	}
	return f
}

// words is text that compresses about as well as people's.
func words(n, size int) string {
	const of = "교류 도시 사회적경제 협동조합 exchange city cooperative training region solidarity économie sociale intercambio comunidad "
	b := make([]byte, 0, size+64)
	for i := 0; len(b) < size; i++ {
		sum := sha256.Sum256(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(n)), uint32(i)))
		word := 0
		for _, c := range sum[:12] {
			word = (word*31 + int(c)) % len(of)
			for ; word > 0 && of[word-1] != ' '; word-- {
			}
			end := word
			for end < len(of) && of[end] != ' ' {
				end++
			}
			b = append(append(b, of[word:end]...), ' ')
		}
		b = fmt.Appendf(b, "%x ", sum[12:16])
	}
	return string(b)
}

// Page is n entries from seq from on, with their bodies; fewer at the end of the feed.
func (f *Feed) Page(from, n int) protocol.Page {
	to := min(from+n, len(f.Entries))
	return protocol.Page{Entries: f.Entries[from:to:to], Bodies: f.Bodies[from:to:to]}
}

// Pages are all entries from seq from on, in pages of at most n.
func (f *Feed) Pages(from, n int) (pages []protocol.Page) {
	for ; from < len(f.Entries); from += n {
		pages = append(pages, f.Page(from, n))
	}
	return pages
}
