package ledger

import (
	"sort"
	"sync"

	"github.com/dure-net/dure/protocol"
)

// feed is what the ledger keeps in memory of one feed, or of a branch of one (branch.go):
// a branch is a feed of its own number whose beginning is another one's.
type feed struct {
	no         uint32
	id         protocol.FeedID
	node, root protocol.PublicKey

	// Of a branch; never changed. A feed that was never forked has no parent.
	parent *feed
	from   uint64           // the first seq at which it has another entry than its parent
	base   uint64           // where its own runs begin: at from, or up to 63 entries earlier
	prev   protocol.EntryID // the entry at base-1, which is its parent's
	first  protocol.EntryID // the entry at from
	rival  protocol.EntryID // its parent's entry at from

	// Durable; guarded by state.mu.
	count uint64
	head  protocol.EntryID
	bytes uint64   // headers and the bodies they declare
	runs  []uint64 // first seq of every stored run, ascending

	// The committer's own: ahead of the durable part by what is on its way to the disk.
	next     uint64
	nextHead protocol.EntryID
}

// runOf is the first seq and the length of the stored run that holds seq.
func (f *feed) runOf(seq uint64) (first, count uint64) {
	i := sort.Search(len(f.runs), func(i int) bool { return f.runs[i] > seq }) - 1
	first, end := f.runs[i], f.count
	if i+1 < len(f.runs) {
		end = f.runs[i+1]
	}
	return first, end - first
}

// wanted is a body that is not held.
type wanted struct {
	body   digest
	entry  digest
	size   uint64
	kind   protocol.Kind
	again  bool // it was held and found damaged
	lifted bool // it was erased, and the erasure does not count any more: perhaps nobody has it
}

// fork is a place for which there is evidence.
type fork struct {
	feed protocol.FeedID
	seq  uint64
}

// state is everything in memory. The committer writes it, everybody reads it.
type state struct {
	mu sync.RWMutex // guards all below, and the durable part of every feed

	feeds   []*feed                     // by number - 1; feeds of count 0 are not visible
	byID    map[protocol.FeedID]*feed   // the end of the chain: a branch, where one was chosen
	forked  map[protocol.FeedID][]*feed // feeds with branches: the feed, and all its branches
	index   index                       // also knows places that are on their way to the disk: check seq against count
	wanted  map[place]wanted
	erased  map[place]erasedAs
	says    judge   // what counts as erased beside that; nil: nothing
	orders  []place // entries that erase
	lifted  int     // of wanted, those that were erased
	forks   map[fork]struct{}
	damaged map[place]uint64 // entry place of a run's first header -> number of headers
	visible int              // feeds with entries
	entries uint64
	bytes   uint64
	next    uint64        // local number of the next change
	changed chan struct{} // closed and replaced by whoever makes changes visible
	closed  bool
	failed  error // a write went wrong: what is on the disk is known again after a restart
}

func newState(seed uint64) *state {
	return &state{
		byID:    map[protocol.FeedID]*feed{},
		forked:  map[protocol.FeedID][]*feed{},
		wanted:  map[place]wanted{},
		erased:  map[place]erasedAs{},
		forks:   map[fork]struct{}{},
		damaged: map[place]uint64{},
		index:   index{seed: seed},
		next:    1,
		changed: make(chan struct{}),
	}
}

// feedNo is the feed of this number; nil if there is none.
func (s *state) feedNo(no uint32) *feed {
	if no == 0 || int(no) > len(s.feeds) {
		return nil
	}
	return s.feeds[no-1]
}

// addFeed gives the next number to a feed. The caller holds mu.
func (s *state) addFeed(id protocol.FeedID) *feed {
	f := &feed{no: uint32(len(s.feeds) + 1), id: id}
	s.feeds = append(s.feeds, f)
	s.byID[id] = f
	return f
}

// holds reports whether a place holds a durable entry, of the chain or of a branch.
func (s *state) holds(p place) (*feed, bool) {
	f := s.feedNo(p.feed())
	return f, f != nil && p.seq() >= f.from && p.seq() < f.count
}

// standings are the frontier of everything stored: full counts, no fork marks.
func (s *state) standings() []protocol.Standing {
	lines := make([]protocol.Standing, 0, len(s.feeds))
	for _, f := range s.chains() {
		if f.count > 0 {
			lines = append(lines, protocol.Standing{Feed: f.id, Count: f.count, Head: f.head})
		}
	}
	return lines
}

// wake tells all that wait for changes. The caller holds mu.
func (s *state) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// cidOf is the dag-cbor CID of a hash.
func cidOf(d digest) protocol.CID {
	var raw [36]byte
	copy(raw[:], []byte{1, byte(protocol.CodecDagCBOR), 0x12, 32})
	copy(raw[4:], d[:])
	c, err := protocol.CastCID(raw[:])
	if err != nil {
		panic("dure: internal error: " + err.Error())
	}
	return c
}
