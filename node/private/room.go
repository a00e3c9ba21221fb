package private

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
	"github.com/dure-net/dure/protocol/sealed"
)

// Source gives entries and bodies. The ledger is one.
type Source interface {
	// Entry is entry seq of a feed.
	Entry(feed protocol.FeedID, seq uint64) (protocol.Entry, error)

	// Body is the body of an entry. ReasonWanted, ReasonErased and ReasonDamaged say why
	// there are no bytes.
	Body(e protocol.Entry) ([]byte, error)
}

// OwnKey is a private half of this node.
type OwnKey struct {
	Key  sealed.PrivateKey
	Made time.Time
}

// Keys keeps the private halves of this node.
type Keys interface {
	// List is all of them, oldest first.
	List() ([]OwnKey, error)

	// Add keeps one more. It is durable when this returns.
	Add(k OwnKey) error
}

// Config is what a Room is made from. All of it is required.
type Config struct {
	Federation protocol.FederationID
	Node       protocol.PublicKey
	Member     string // handle of this node's member
	Source     Source
	Keys       Keys
	Notes      Notes

	// Standing is whose a feed is and how many of its first entries count.
	Standing func(feed protocol.FeedID) (member string, count uint64)

	// State is the charter as of now.
	State func() charter.State

	// Write publishes an entry of this node; numbered gives it a short number.
	Write func(ctx context.Context, kind protocol.Kind, of protocol.RecordID, content any, numbered bool) (protocol.Entry, error)

	Now    func() time.Time
	Random io.Reader
}

// Room is a node's private letters. Its methods are safe for concurrent use.
type Room struct {
	cfg Config

	mu      sync.Mutex // guards all below; not held while keys are tried or entries read
	letters []*item    // in order of arrival
	byEntry map[protocol.EntryID]*item
	told    map[protocol.PublicKey][]*announced // by node key
	wraps   map[protocol.EntryID][]wrapped      // what rewraps that this node reads say of an entry: of anybody, and not believed
	nodes   map[protocol.FeedID]protocol.PublicKey
	number  uint64 // the highest short number that a sealed entry of this member has
	rises   uint64 // with every entry, and every change of who counts
	tended  uint64 // rises as of the last whole pass of Tend
	whole   bool   // what came before this start has been added
	notes   notebook
	unread  int    // as of counted
	counted uint64 // rises when unread was counted; 0: never

	keying sync.Mutex // held while a key is made and published
	noting sync.Mutex // held while the notes are read or written; taken before mu
}

// item is a sealed entry or a rewrap.
type item struct {
	id     protocol.EntryID
	feed   protocol.FeedID
	seq    uint64
	local  uint64
	number uint64
	time   int64
	kind   protocol.Kind
	of     protocol.RecordID

	// Guarded by Room.mu.
	tried bool              // all keys of this node were tried on its slots
	key   sealed.ContentKey // zero where it does not open, or was not tried
	taken bool              // of a rewrap: its keys are in wraps
}

// root is the letter's first entry.
func (it *item) root() protocol.EntryID {
	if it.of.Defined() {
		return it.of
	}
	return it.id
}

// wrapped is what a rewrap says of an entry: its content key, and whose keys that was sealed
// to. Anybody can write one about any entry. The key counts where it opens the entry. For
// whom it is cannot be verified, so it is believed of who would harm itself alone.
type wrapped struct {
	by     string // handle of its writer
	key    sealed.ContentKey
	prints []sealed.Print
}

// announced is a recipient key as its node published it.
type announced struct {
	item
	key  sealed.PublicKey // zero: it is none
	lost bool
	read bool
}

// New makes an empty room. Entries are handed to it with Add.
func New(c Config) *Room {
	return &Room{cfg: c, byEntry: map[protocol.EntryID]*item{}, told: map[protocol.PublicKey][]*announced{},
		wraps: map[protocol.EntryID][]wrapped{},
		nodes: map[protocol.FeedID]protocol.PublicKey{}}
}

// Wants reports whether entries of a kind belong here.
func Wants(k protocol.Kind) bool {
	return k == protocol.KindRecipient || k == protocol.KindSealed || k == protocol.KindRewrap
}

// Add takes in an admitted entry under its local number; one of another kind, or known
// already, changes nothing. It reads no body and does not block on I/O but for the first
// entry of the feed.
func (r *Room) Add(e protocol.Entry, local uint64) {
	if !Wants(e.Kind()) {
		return
	}
	h := e.Header()
	it := item{id: e.ID(), feed: e.Feed(), seq: h.Seq, local: local, number: h.Number, time: h.Time, kind: h.Kind, of: h.Of}
	node, known := r.nodeOf(it.feed)
	member, _ := r.cfg.Standing(it.feed)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rises++
	if member == r.cfg.Member {
		r.number = max(r.number, it.number)
	}
	if h.Kind == protocol.KindRecipient {
		if !known {
			return // its feed has no beginning here: it cannot stand
		}
		for _, old := range r.told[node] {
			if old.id == it.id {
				return
			}
		}
		r.told[node] = append(r.told[node], &announced{item: it})
		return
	}
	if r.byEntry[it.id] == nil {
		r.letters = append(r.letters, &it)
		r.byEntry[it.id] = &it
	}
}

// Whole says that what came before this start has been added. Until then nothing is
// written: which keys this node has published is not known.
func (r *Room) Whole() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.whole = true
	r.rises++
}

// Nudge says that who counts may have changed: the next Tend looks at everything again.
func (r *Room) Nudge() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rises++
}

// NextNumber is one more than the highest short number of a sealed entry of this member.
func (r *Room) NextNumber() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.number + 1
}

// nodeOf is the node key of a feed, by its first entry.
func (r *Room) nodeOf(feed protocol.FeedID) (protocol.PublicKey, bool) {
	r.mu.Lock()
	node, ok := r.nodes[feed]
	r.mu.Unlock()
	if ok {
		return node, true
	}
	e, err := r.cfg.Source.Entry(feed, 0)
	if err != nil || e.Header().Init == nil {
		return protocol.PublicKey{}, false
	}
	node = e.Header().Init.Node
	r.mu.Lock()
	r.nodes[feed] = node
	r.mu.Unlock()
	return node, true
}

// entry reads an item's entry, and whose it is; false where it is not on the feed's
// chain any more, or does not count.
func (r *Room) entry(it *item) (e protocol.Entry, member string, ok bool) {
	member, count := r.cfg.Standing(it.feed)
	if member == "" || it.seq >= count {
		return protocol.Entry{}, "", false
	}
	e, err := r.cfg.Source.Entry(it.feed, it.seq)
	return e, member, err == nil && e.ID() == it.id
}

// own reads the private halves of this node, the newest first: most of what comes is
// sealed to that one.
func (r *Room) own() ([]sealed.PrivateKey, error) {
	list, err := r.cfg.Keys.List()
	if err != nil {
		return nil, err
	}
	out := make([]sealed.PrivateKey, len(list))
	for i, k := range list {
		out[len(list)-1-i] = k.Key
	}
	return out, nil
}

// shut are the ways in which a sealed entry is not read.
var (
	errElse   = errors.New("it is for others, or does not count")
	errAbsent = errors.New("its body is not here")
	errErased = errors.New("its body is erased")
)

// envelope reads an item's envelope and finds the content key that opens it.
func (r *Room) envelope(it *item) (env *sealed.Envelope, c sealed.Context, key sealed.ContentKey, member string, err error) {
	fail := func(why error) (*sealed.Envelope, sealed.Context, sealed.ContentKey, string, error) {
		return nil, sealed.Context{}, sealed.ContentKey{}, member, why
	}
	e, member, ok := r.entry(it)
	node, known := r.nodeOf(it.feed)
	if !ok || !known {
		return fail(errElse)
	}
	r.mu.Lock()
	if !it.tried && r.isShut(it.id) {
		it.tried = true
	}
	tried, key := it.tried, it.key
	candidates := slices.Clone(r.wraps[it.id])
	r.mu.Unlock()
	if key.IsZero() && tried && len(candidates) == 0 {
		return fail(errElse)
	}
	raw, err := r.cfg.Source.Body(e)
	switch {
	case protocol.ReasonOf(err) == protocol.ReasonErased:
		r.mu.Lock()
		it.key, it.tried = sealed.ContentKey{}, false // nothing of it is kept
		delete(r.wraps, it.id)
		r.mu.Unlock()
		return fail(errErased)
	case err != nil || raw == nil:
		return fail(errAbsent)
	}
	if env, err = sealed.OpenEnvelope(raw); err != nil {
		return fail(errElse)
	}
	c = sealed.ContextOf(r.cfg.Federation, node, e.Header())
	if key.IsZero() {
		if key, err = r.find(it, env, c, candidates, tried); err != nil {
			return fail(err)
		}
	}
	return env, c, key, member, nil
}

// find tries what rewraps gave and then this node's keys.
func (r *Room) find(it *item, env *sealed.Envelope, c sealed.Context, candidates []wrapped, tried bool) (sealed.ContentKey, error) {
	wrong := map[sealed.ContentKey]bool{}
	for _, w := range candidates {
		if wrong[w.key] {
			continue
		}
		if _, err := env.Open(c, w.key); err == nil {
			r.remember(it, w.key)
			return w.key, nil
		}
		wrong[w.key] = true // of bytes that never change: it is not tried again
	}
	if len(wrong) > 0 {
		r.mu.Lock()
		r.wraps[it.id] = slices.DeleteFunc(slices.Clone(r.wraps[it.id]), func(w wrapped) bool { return wrong[w.key] })
		r.mu.Unlock()
	}
	if tried {
		return sealed.ContentKey{}, errElse
	}
	keys, err := r.own()
	if err != nil {
		return sealed.ContentKey{}, err
	}
	key, err := env.Key(c, keys...)
	r.remember(it, key)
	if err != nil {
		r.mu.Lock()
		r.noteShut(it.id)
		r.mu.Unlock()
		return sealed.ContentKey{}, errElse
	}
	return key, nil
}

func (r *Room) remember(it *item, key sealed.ContentKey) {
	r.mu.Lock()
	defer r.mu.Unlock()
	it.tried, it.key = true, key
}

// takeRewraps reads the rewraps that have come, of whoever wrote them.
func (r *Room) takeRewraps() {
	r.mu.Lock()
	var todo []*item
	for _, it := range r.letters {
		if it.kind == protocol.KindRewrap && !it.taken && !(it.tried && it.key.IsZero()) {
			todo = append(todo, it)
		}
	}
	r.mu.Unlock()
	for _, it := range todo {
		env, c, key, by, err := r.envelope(it)
		if err != nil {
			continue
		}
		w, err := env.Wrapped(c, key)
		r.mu.Lock()
		it.taken = true
		if err == nil {
			for _, k := range w.Keys {
				r.wraps[k.Entry] = append(r.wraps[k.Entry], wrapped{by, k.Key, w.Prints})
			}
		}
		r.mu.Unlock()
	}
}

// same reports whether two handles are one; handles are lower-case.
func same(a, b string) bool { return strings.EqualFold(strings.TrimSpace(a), b) }
