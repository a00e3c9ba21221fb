package protocol

import "time"

// Bounds that nodes must agree on. Each says why it is what it is and what happens
// beyond it. They are constants, not settings: a node with others would judge the
// same bytes differently.
const (
	// MaxHeaderBytes bounds an encoded entry header. A header with every optional
	// field and 8 references takes under 900 bytes. Beyond: ReasonTooLarge.
	MaxHeaderBytes = 1 << 10

	// MaxBodyBytes bounds an encoded body: a record in twelve languages fits.
	// Beyond: the declared size is refused with the header, ReasonTooLarge.
	MaxBodyBytes = 64 << 10

	// MaxMessageBytes bounds one gossip message: header, body and framing.
	// Beyond: refused before it is decoded.
	MaxMessageBytes = MaxHeaderBytes + MaxBodyBytes + 64

	// MaxNumber bounds every number that counts: seq, act number, short number. It is
	// the largest that the numbers of JSON hold exactly, and leaves room to add one.
	// Beyond: ReasonTooLarge.
	MaxNumber = 1<<53 - 1

	// MaxTime bounds claimed times: the last millisecond of the year 9999, the last
	// that calendars and RFC 3339 can write. Beyond: ReasonTooLarge.
	MaxTime = 253_402_300_799_999

	// MaxReferences bounds Header.Refs. Beyond: ReasonTooLarge.
	MaxReferences = 8

	// MaxPage bounds the entries of one catch-up page, and so the run of entries
	// without a valid own signature (MaxPage-1): a reader verifies at least one
	// signature in any MaxPage consecutive entries. Beyond: ReasonTooLarge.
	MaxPage = 64

	// MaxRunBytes bounds the header bytes after one valid own signature up to and with
	// the next, so that the evidence of a fork, two such runs and an inception, always
	// fits a body; 64 headers of the usual 300 bytes are 19 KiB. Beyond: what follows
	// the last valid signature does not stand.
	MaxRunBytes = 28 << 10

	// MaxPageBodyBytes bounds the bodies that travel with one page, so that a page
	// of large bodies is cut short and a reader's memory stays bounded. A page always
	// carries its first body. Beyond: bodies left out are wanted and asked for.
	MaxPageBodyBytes = 256 << 10

	// MaxFoundingBytes bounds a founding act: charter texts in twelve languages
	// and some hundred founders. Beyond: ReasonTooLarge.
	MaxFoundingBytes = 512 << 10

	// MaxFrameBytes bounds one frame of a stream protocol. The largest frame is
	// a page with its bodies, or a founding act. Beyond: the stream is reset.
	MaxFrameBytes = 1 << 20

	// MaxDepth bounds the nesting of any decoded block, MaxElements an array's
	// length and MaxPairs a map's. Beyond: ReasonMalformed, before allocation.
	MaxDepth    = 16
	MaxElements = 65_536
	MaxPairs    = 1_024

	// MaxHandle bounds a member's handle ("kr-seoul").
	MaxHandle = 40

	// MaxLanguages bounds the languages of one text, MaxName the runes of a name.
	MaxLanguages = 12
	MaxName      = 160

	// MaxFounders bounds the founders of a federation: the reference case has 61.
	MaxFounders = 256

	// MaxElectors bounds the answers of one certificate, so that the certificate
	// of a committee or of an assembly fits a body (an answer takes about 330 bytes).
	MaxElectors = 160

	// MaxSet bounds the changes of one decision, and MaxStands the feeds that one
	// cut or removal lists.
	MaxSet    = 16
	MaxStands = 256

	// MaxErased bounds the entries of one acknowledgement of erasure, so that it fits a
	// body (a link takes 41 bytes); MaxReason a reason in characters. Beyond: it says nothing.
	MaxErased = 1024
	MaxReason = 500

	// MaxAttachmentBytes bounds a file that goes with a record: a scanned report, a photo of
	// a good camera. Beyond: ReasonTooLarge, and the record is not written.
	MaxAttachmentBytes = 10 << 20

	// ChunkBytes is the length of every chunk of a file but the last. A chunk with its frame
	// must pass a relay that cuts a connection after 128 KiB, and half a second on a line of
	// 1 Mbit/s is all that a cut costs.
	ChunkBytes = 64 << 10

	// MaxManifestBytes bounds an encoded manifest: 160 links of 41 bytes.
	// Beyond: ReasonTooLarge.
	MaxManifestBytes = 8 << 10

	// MaxAddresses bounds the addresses a node tells of itself, MaxAddressBytes each of them.
	MaxAddresses    = 16
	MaxAddressBytes = 256

	// MaxAhead is how far an entry's claimed time may lie in the future of the
	// receiver's clock before status pages say that a clock is wrong. It never
	// decides admission.
	MaxAhead = 10 * time.Minute

	// MaxInvitation is the longest life of an invitation.
	MaxInvitation = 90 * 24 * time.Hour
)
