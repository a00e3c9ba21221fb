package erasure

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/dure-net/dure/protocol"
)

// Digest is the hash inside a block's CID.
type Digest = [32]byte

// Standing says whose a feed is and how many of its first entries count.
type Standing struct {
	Member string // the owner's handle; "" for nobody's
	Node   protocol.PublicKey
	Count  uint64

	// Undecided says that a fork ends the feed and nobody has settled it.
	Undecided bool
}

// Act is an act's order to erase the body of an entry.
type Act struct {
	Entry protocol.EntryID
	Why   protocol.Text
	Ref   protocol.ActRef
}

// Target is an entry whose body is asked about.
type Target struct {
	Feed  Digest
	Seq   uint64
	Entry Digest
	Of    Digest // the record; zero for first entries, and for entries about no record
	Kind  protocol.Kind
}

// TargetOf describes an entry.
func TargetOf(e protocol.Entry) Target {
	h := e.Header()
	return Target{Feed: e.Feed().Digest(), Seq: h.Seq, Entry: e.ID().Digest(), Of: h.Of.Digest(), Kind: h.Kind}
}

// Word is what is said about a body.
type Word uint8

const (
	Nothing Word = iota
	Gone         // it is erased
	Lapsed       // an erasure of it was made and does not count any more
)

// Cause is why a body is erased.
type Cause struct {
	Member string           // the owner, by whose word; "" where an act says so
	Entry  protocol.EntryID // of the erasure; undefined where an act says so
	Time   int64            // claimed by its writer, Unix milliseconds; 0 where an act says so
	Act    protocol.ActRef  // zero unless an act says so
	Whole  bool             // all of the record, not single versions
	Code   protocol.ErasureCode
	Reason protocol.Text // shared; not to be changed
}

// Fold takes entries in any order, any number of times. It is not safe for concurrent use.
type Fold struct {
	feeds    map[Digest]*feed
	orders   map[Digest]*order // by the erasure's entry
	entries  map[Digest]*orders
	records  map[Digest]*orders
	acts     map[Digest]Act
	lapsed   map[Digest]bool // entries that only overruled acts name
	accounts map[Digest][]*account
	told     map[Digest]*account // by the acknowledgement's entry
}

type feed struct {
	Standing
	orders int // in it
	marks  []mark
	named  []*ordered // by what its orders name
}

// mark is an entry that says something here.
type mark struct {
	seq   uint64
	entry protocol.EntryID
	aside *bool
}

type order struct {
	feed  *feed
	seq   uint64
	cause Cause
	refs  []Digest
	of    Digest
	aside bool // it lies on a branch of a forked feed that is not its chain
}

// orders are those that name one entry or record. There may be any number of them, in a
// few feeds: what is asked of every body that comes asks each feed once.
type orders struct {
	all  []*order
	feed []*ordered
}

// ordered are those of one feed.
type ordered struct {
	*feed
	all   []*order
	first uint64 // the lowest seq of those that do not lie aside
	on    bool   // there is one
}

func (l *orders) add(o *order) *orders {
	if l == nil {
		l = &orders{}
	}
	l.all = append(l.all, o)
	at := slices.IndexFunc(l.feed, func(in *ordered) bool { return in.feed == o.feed })
	if at < 0 {
		at = len(l.feed)
		l.feed = append(l.feed, &ordered{feed: o.feed})
		o.feed.named = append(o.feed.named, l.feed[at])
	}
	in := l.feed[at]
	in.all = append(in.all, o)
	in.hear(o)
	return l
}

func (in *ordered) hear(o *order) {
	if !o.aside && (!in.on || o.seq < in.first) {
		in.first, in.on = o.seq, true
	}
}

// counts reports whether one of them is in force.
func (in *ordered) counts() bool {
	return in.Member != "" && in.on && in.first < in.Count
}

func (l *orders) list() []*order {
	if l == nil {
		return nil
	}
	return l.all
}

// account is one node's word that a body's bytes are gone.
type account struct {
	feed *feed
	seq  uint64
	time int64

	aside bool
}

// New is a fold of nothing.
func New() *Fold {
	return &Fold{feeds: map[Digest]*feed{}, orders: map[Digest]*order{}, entries: map[Digest]*orders{}, records: map[Digest]*orders{},
		acts: map[Digest]Act{}, lapsed: map[Digest]bool{}, accounts: map[Digest][]*account{}, told: map[Digest]*account{}}
}

// Empty reports whether nothing was ever ordered to be erased.
func (f *Fold) Empty() bool { return len(f.orders) == 0 && len(f.acts) == 0 && len(f.lapsed) == 0 }

// Stand says whose a feed is and how far it stands now. It is said of every feed whose
// entries are asked about, before they are. It reports whether answers may change by it.
func (f *Fold) Stand(id Digest, s Standing) bool {
	at := f.feed(id)
	before := at.Standing
	at.Standing = s
	if before == s || before == (Standing{}) && at.orders == 0 || f.Empty() {
		return false
	}
	return at.orders > 0 || before.Member != s.Member || before.Undecided != s.Undecided || before.Count > s.Count
}

func (f *Fold) feed(id Digest) *feed {
	at := f.feeds[id]
	if at == nil {
		at = &feed{}
		f.feeds[id] = at
	}
	return at
}

// Chain tells which entries of a forked feed lie on the chain that counts, of those that
// say something here. It reports whether answers may change by it.
func (f *Fold) Chain(feed Digest, on func(seq uint64, entry protocol.EntryID) bool) (news bool) {
	at := f.feed(feed)
	for _, m := range at.marks {
		if aside := !on(m.seq, m.entry); aside != *m.aside {
			*m.aside, news = aside, true
		}
	}
	if news {
		for _, in := range at.named {
			in.on = false
			for _, o := range in.all {
				in.hear(o)
			}
		}
	}
	return news
}

// Marks lists the entries of a feed that say something here, by id with their seqs.
func (f *Fold) Marks(feed Digest) map[protocol.EntryID]uint64 {
	out := map[protocol.EntryID]uint64{}
	if at := f.feeds[feed]; at != nil {
		for _, m := range at.marks {
			out[m.entry] = m.seq
		}
	}
	return out
}

// Acts replaces the orders of acts: those on the line, and those of acts overruled.
func (f *Fold) Acts(line, overruled []Act) {
	clear(f.acts)
	clear(f.lapsed)
	for _, a := range line {
		if id := a.Entry.Digest(); f.acts[id].Ref.Number == 0 {
			f.acts[id] = a
		}
	}
	for _, a := range overruled {
		if id := a.Entry.Digest(); f.acts[id].Ref.Number == 0 {
			f.lapsed[id] = true
		}
	}
}

// Add takes an erasure or an acknowledgement; body may be nil, and come later with the
// same entry. Entries of other kinds change nothing. It reports whether anything was new.
func (f *Fold) Add(e protocol.Entry, body []byte) bool {
	switch e.Kind() {
	case protocol.KindErasure:
		return f.order(e, body)
	case protocol.KindErased:
		return f.Account(e, body, func(protocol.EntryID) bool { return true })
	}
	return false
}

func (f *Fold) order(e protocol.Entry, body []byte) bool {
	id := e.ID().Digest()
	o := f.orders[id]
	fresh := o == nil
	if fresh {
		h := e.Header()
		o = &order{feed: f.feed(e.Feed().Digest()), seq: h.Seq, of: h.Of.Digest()}
		o.cause = Cause{Entry: e.ID(), Time: h.Time, Whole: len(h.Refs) == 0}
		for _, ref := range h.Refs {
			if ref.Prefix().Codec == protocol.CodecDagCBOR {
				o.refs = append(o.refs, ref.Digest())
			}
		}
		f.orders[id] = o
		o.feed.orders++
		o.feed.marks = append(o.feed.marks, mark{h.Seq, e.ID(), &o.aside})
		switch {
		case !o.cause.Whole:
			for _, ref := range o.refs {
				f.entries[ref] = f.entries[ref].add(o)
			}
		case h.Of.Defined():
			f.records[o.of] = f.records[o.of].add(o)
		}
	}
	if body == nil || !e.Header().Body.Matches(body) {
		return fresh
	}
	if said, err := protocol.OpenBody[protocol.Erasure](body); err == nil && o.cause.Code == "" && o.cause.Reason == nil {
		o.cause.Code, o.cause.Reason = said.Code, said.Reason
		return true
	}
	return fresh
}

// Account takes an acknowledgement, as far as keep says that what it names is worth the
// memory: an entry that nobody holds may be anybody's invention. What is left out counts
// as not said.
func (f *Fold) Account(e protocol.Entry, body []byte, keep func(protocol.EntryID) bool) bool {
	if e.Kind() != protocol.KindErased {
		return false
	}
	if id := e.ID().Digest(); body == nil || f.told[id] != nil || !e.Header().Body.Matches(body) {
		return false
	}
	said, err := protocol.OpenBody[protocol.Erased](body)
	if err != nil {
		return false
	}
	a := &account{feed: f.feed(e.Feed().Digest()), seq: e.Seq(), time: e.Header().Time}
	f.told[e.ID().Digest()] = a
	a.feed.marks = append(a.feed.marks, mark{a.seq, e.ID(), &a.aside})
	for _, id := range said.Entries {
		if keep(id) {
			f.accounts[id.Digest()] = insert(f.accounts[id.Digest()], a)
		}
	}
	return true
}

// insert keeps of several words in one feed the first: where a later one counts, it does.
func insert(list []*account, a *account) []*account {
	for i, b := range list {
		if b.feed == a.feed && !a.aside && !b.aside {
			if a.seq < b.seq {
				list[i] = a
			}
			return list
		}
	}
	return append(list, a)
}

// counts reports whether an order is in force, for entries of its own member.
func (o *order) counts() bool { return o.feed.Member != "" && o.seq < o.feed.Count && !o.aside }

// Says tells what is said about a body.
func (f *Fold) Says(t Target) Word {
	if !t.Kind.IsErasable() || f.Empty() {
		return Nothing
	}
	if _, ok := f.act(t); ok {
		return Gone
	}
	target := f.feeds[t.Feed]
	if target == nil {
		return Nothing
	}
	lapsed := f.lapsed[t.Entry] || t.Of != Digest{} && f.lapsed[t.Of]
	for _, l := range f.about(t) {
		if l == nil || target.Member == "" {
			continue
		}
		for _, in := range l.feed {
			switch {
			case in.Member != target.Member:
			case in.counts():
				return Gone
			case !in.Undecided:
				lapsed = true
			}
		}
	}
	if lapsed && t.Seq < target.Count {
		return Lapsed
	}
	return Nothing
}

// Why is the cause of an erasure that is in force: the owner's word before an act's, of
// several words of the owner the one with the lowest claimed time, then id. It is the
// same on every node.
func (f *Fold) Why(t Target) (Cause, bool) {
	if f.Says(t) != Gone {
		return Cause{}, false
	}
	var best *order
	target := f.feeds[t.Feed]
	for _, l := range f.about(t) {
		for _, o := range l.list() {
			if target == nil || o.feed.Member != target.Member || !o.counts() {
				continue
			}
			if best == nil || o.cause.Time < best.cause.Time ||
				o.cause.Time == best.cause.Time && bytes.Compare(o.cause.Entry.Bytes(), best.cause.Entry.Bytes()) < 0 {
				best = o
			}
		}
	}
	if best != nil {
		c := best.cause
		c.Member = best.feed.Member
		return c, true
	}
	a, ok := f.act(t)
	return Cause{Act: a.Ref, Reason: a.Why, Whole: a.Entry.Digest() != t.Entry || t.Of == Digest{}}, ok
}

// act is the act that erases a body: one that names its entry, or its record.
func (f *Fold) act(t Target) (Act, bool) {
	if a, ok := f.acts[t.Entry]; ok {
		return a, true
	}
	if t.Of == (Digest{}) {
		return Act{}, false
	}
	a, ok := f.acts[t.Of]
	return a, ok
}

// about is the owners' orders that name a body, in force or not: by its entry, and by its
// record.
func (f *Fold) about(t Target) [2]*orders {
	record := t.Of
	if record == (Digest{}) {
		record = t.Entry
	}
	return [2]*orders{f.entries[t.Entry], f.records[record]}
}

// Said is when a node said that the bytes of a body are gone from its disk, by its
// claimed time; false if it has not. The first time counts.
func (f *Fold) Said(node protocol.PublicKey, entry protocol.EntryID) (at int64, ok bool) {
	for _, a := range f.accounts[entry.Digest()] {
		if a.feed.Node == node && a.feed.Member != "" && a.seq < a.feed.Count && !a.aside && (!ok || a.time < at) {
			at, ok = a.time, true
		}
	}
	return at, ok
}

// Members lists the members that have ever ordered an erasure, sorted.
func (f *Fold) Members() []string {
	var out []string
	for _, o := range f.orders {
		if o.feed.Member != "" {
			out = append(out, o.feed.Member)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Orders lists a member's own orders that are in force and were given before a claimed
// time, oldest first.
func (f *Fold) Orders(member string, before int64) []Cause {
	var out []Cause
	for _, o := range f.orders {
		if o.feed.Member == member && o.counts() && o.cause.Time < before {
			c := o.cause
			c.Member = member
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(a, b Cause) int {
		return cmp.Or(cmp.Compare(a.Time, b.Time), bytes.Compare(a.Entry.Bytes(), b.Entry.Bytes()))
	})
	return out
}

// Unsettled lists the erasures that a node wrote beyond a fork of its own feed that
// nobody has settled, by feed and seq: what it says again in its new feed.
func (f *Fold) Unsettled(node protocol.PublicKey) []protocol.EntryID {
	var out []*order
	for _, o := range f.orders {
		if o.feed.Node == node && o.feed.Member != "" && o.feed.Undecided && !o.counts() && !f.repeated(o) {
			out = append(out, o)
		}
	}
	slices.SortFunc(out, func(a, b *order) int { return bytes.Compare(a.cause.Entry.Bytes(), b.cause.Entry.Bytes()) })
	ids := make([]protocol.EntryID, len(out))
	for i, o := range out {
		ids[i] = o.cause.Entry
	}
	return ids
}

// repeated reports whether an order in force says what another one said.
func (f *Fold) repeated(o *order) bool {
	same := func(other *order) bool {
		return other.counts() && other.feed.Member == o.feed.Member && other.cause.Whole == o.cause.Whole && other.of == o.of && slices.Equal(other.refs, o.refs)
	}
	if o.cause.Whole {
		return o.of == Digest{} || slices.ContainsFunc(f.records[o.of].list(), same)
	}
	return len(o.refs) == 0 || slices.ContainsFunc(f.entries[o.refs[0]].list(), same)
}
