package protocol

import "crypto/sha256"

// Frames of the catch-up stream. The side that opens the stream pulls; the other
// serves. The two directions are two streams.
//
//	puller                        server
//	Hello{root, since}      →
//	                        ←     Offer: {next}           roots are equal, the end
//	                              Offer: {next, lines}    what changed since `since`
//	                              Offer: {next, ranges}   a stranger: find the difference
//	Ask{ranges}             →
//	                        ←     Offer{ranges, lines}
//	Ask{runs}               →
//	                        ←     Sent{run…}…, Sent{end}
//	Ask{bodies}             →
//	                        ←     Sent{bodies…}…, Sent{end}
//
// Equal roots cost one round trip of at most 64 bytes.

// Hello opens a catch-up stream.
type Hello struct {
	Root  Root   `cbor:"r"`
	Since uint64 `cbor:"s,omitzero"` // the server's Next of the last finished exchange; 0 = none
}

// Line is a frontier line in a frame: hashes instead of CIDs.
type Line struct {
	Feed   [32]byte `cbor:"f"`
	Count  uint64   `cbor:"n"`
	Head   [32]byte `cbor:"h"`
	Forked uint64   `cbor:"k,omitzero"`
}

// Range is the set of feeds whose hash begins with the given hexadecimal digits
// ("" is all of them), and the hash of their lines.
type Range struct {
	Prefix string `cbor:"p"`
	Print  []byte `cbor:"h,omitempty"` // RangePrintBytes of SHA-256 over the lines' digests in order; absent in an Ask
}

// RangePrintBytes is the length of a range's fingerprint. A collision only delays
// the difference to the next change; the root, of full length, still tells it.
const RangePrintBytes = 12

// Offer answers a Hello or an Ask for ranges.
type Offer struct {
	Next   uint64  `cbor:"s,omitzero"` // names the server's frontier as of now, for the next Hello
	Lines  []Line  `cbor:"l,omitempty"`
	Ranges []Range `cbor:"r,omitempty"`
	Differ bool    `cbor:"d,omitempty"` // roots differ although nothing is listed
}

// RunAsk asks for the standing entries of a feed from a seq on.
type RunAsk struct {
	Feed [32]byte `cbor:"f"`
	From uint64   `cbor:"n,omitzero"`
	Max  uint64   `cbor:"m,omitzero"` // at most so many entries; 0 = all

	// Branch asks for a branch of a forked feed, whether it stands or not: the one that the
	// entry with this hash lies on. A server that does not know forks of the feed, or does
	// not hold the entry, sends nothing.
	Branch [32]byte `cbor:"h,omitzero"`
}

// Ask is a further question on a catch-up stream; exactly one list is set.
type Ask struct {
	Ranges []string `cbor:"r,omitempty"`
	Runs   []RunAsk `cbor:"f,omitempty"`
	Bodies []CID    `cbor:"b,omitempty"` // entries whose bodies are wanted
}

// MaxAsk bounds each list of an Ask, MaxLines the lines and ranges of one Offer. More
// is asked for in further frames.
const (
	MaxAsk   = 256
	MaxLines = 2_048
)

// Sent is one frame of an answer to an Ask for runs or bodies: a page of headers with
// bodies (an empty byte string stands for a body that is not carried), or bodies by
// entry, or the end.
type Sent struct {
	Headers [][]byte `cbor:"h,omitempty"`
	Bodies  [][]byte `cbor:"b,omitempty"`
	Entries []CID    `cbor:"e,omitempty"` // whose bodies, in an answer to Ask.Bodies
	Left    uint64   `cbor:"l,omitzero"`  // entries still to come in this run, for progress
	End     bool     `cbor:"x,omitempty"`
}

// Bounds of a frame's lists; ReadFrame holds frames to them.

func (o *Offer) bounds() error {
	if err := within("l", len(o.Lines), MaxLines); err != nil {
		return err
	}
	for _, l := range o.Lines {
		if l.Count > MaxNumber+1 || l.Forked > MaxNumber+1 {
			return &Error{Reason: ReasonTooLarge, Op: "check bounds", Field: "l"}
		}
	}
	for _, r := range o.Ranges {
		if err := within("r.p", len(r.Prefix), 2*sha256.Size); err != nil {
			return err
		}
	}
	return within("r", len(o.Ranges), MaxLines)
}

func (a *Ask) bounds() error {
	for _, p := range a.Ranges {
		if err := within("r", len(p), 2*sha256.Size); err != nil {
			return err
		}
	}
	for _, r := range a.Runs {
		if r.From > MaxNumber {
			return &Error{Reason: ReasonTooLarge, Op: "check bounds", Field: "f.n"}
		}
	}
	return within("lists", max(len(a.Ranges), len(a.Runs), len(a.Bodies)), MaxAsk)
}

func (s *Sent) bounds() error {
	if err := within("h", len(s.Headers), MaxPage); err != nil {
		return err
	}
	return within("e", max(len(s.Entries), len(s.Bodies)), MaxAsk)
}

// FeedCID is the CID of the feed named by its hash.
func FeedCID(digest [32]byte) FeedID {
	var raw [cidBytes]byte
	copy(raw[:], cidPrefixes[0][:])
	copy(raw[4:], digest[:])
	return castKnown(raw[:])
}

// ToLine writes a standing for a frame, and Standing reads it back.
func (s Standing) ToLine() Line {
	return Line{Feed: s.Feed.Digest(), Count: s.Count, Head: s.Head.Digest(), Forked: s.Forked}
}

// Standing is the inverse of ToLine.
func (l Line) Standing() Standing {
	s := Standing{Feed: FeedCID(l.Feed), Count: l.Count, Forked: l.Forked}
	if l.Head != ([32]byte{}) {
		s.Head = FeedCID(l.Head)
	}
	return s
}
