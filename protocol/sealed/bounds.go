package sealed

import "github.com/dure-net/dure/protocol"

// Bounds that nodes must agree on.
const (
	// SlotBytes is a slot: what HPKE makes of a content key. 1,120 bytes encapsulate,
	// 48 are the key and its tag.
	SlotBytes = encapsulatedBytes + contentKeyBytes + tagBytes

	// MaxSlots bounds the nodes that one body can be read by: slots and the largest
	// content fit a body. Beyond: ReasonTooLarge, and the writer addresses fewer members.
	MaxSlots = 32

	// MaxContentBytes bounds the content: the largest of the sizes that an envelope can
	// have, without the four bytes that say how much of it is content. Beyond: ReasonTooLarge.
	MaxContentBytes = 24<<10 - lengthBytes

	// MaxWrapped bounds the content keys of one rewrap: 86 bytes each, so that they fit.
	// Beyond: ReasonTooLarge; another rewrap takes the rest.
	MaxWrapped = 256

	// Bounds of what a letter says. Beyond: ReasonTooLarge with the field.
	MaxTo        = 16
	MaxText      = 6_000
	MaxPersons   = 12
	MaxDocuments = 12
	MaxLine      = 200

	// SegmentBytes is what one segment of a file holds: with its tag it is as long as a chunk.
	SegmentBytes = protocol.ChunkBytes - tagBytes

	// MaxFileBytes bounds a file of a letter: encrypted, it is as long as the largest file of a
	// record. Beyond: ReasonTooLarge.
	MaxFileBytes = protocol.MaxChunks * SegmentBytes
)

const (
	encapsulatedBytes = 1120
	publicKeyBytes    = 1216
	contentKeyBytes   = 32
	tagBytes          = 16
	lengthBytes       = 4
	version           = 1
)

// slotSteps and sizeSteps are the only numbers of slots, and of bytes of padded content,
// that an envelope has: two bits and three are all that is told by them.
var (
	slotSteps = []int{4, 8, 16, MaxSlots}
	sizeSteps = []int{1 << 10, 2 << 10, 4 << 10, 8 << 10, 16 << 10, 24 << 10}

	// fileSteps are the only numbers of segments that a file has: who sees one pass learns
	// which of fifteen lengths it has. From the second one on, less than half is padding.
	fileSteps = []int{1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, protocol.MaxChunks}
)

// step is the least of the steps that holds n; 0 where none does.
func step(steps []int, n int) int {
	for _, s := range steps {
		if n <= s {
			return s
		}
	}
	return 0
}

// Bounds lists the limits of this package. The slice is the caller's.
func Bounds() []protocol.Bound {
	b := protocol.NewBound
	return []protocol.Bound{
		b("SlotBytes", SlotBytes, "bytes", "of one slot of an envelope: an encapsulation, a key and its tag", "`malformed`"),
		b("MaxSlots", MaxSlots, "slots", "of an envelope: they and the largest content fit a body", "`too_large`; address fewer members"),
		b("MaxContentBytes", MaxContentBytes, "bytes", "of content in an envelope, whoever it is for", "`too_large`"),
		b("MaxWrapped", MaxWrapped, "keys", "in one rewrap", "`too_large`; another one takes the rest"),
		b("MaxTo", MaxTo, "members", "that a letter is addressed to, beside its author", "`too_large`"),
		b("MaxText", MaxText, "characters", "of a letter", "`too_large`"),
		b("MaxPersons", MaxPersons, "persons", "that a letter names", "`too_large`"),
		b("MaxDocuments", MaxDocuments, "documents", "that a letter names", "`too_large`"),
		b("MaxLine", MaxLine, "characters", "of one line about a person or document", "`too_large`"),
		b("SegmentBytes", SegmentBytes, "bytes", "of a file in one segment: with its tag it is a chunk", "the next segment"),
		b("MaxFileBytes", MaxFileBytes, "bytes", "of a file that goes with a letter, before it is encrypted", "`too_large`"),
	}
}
