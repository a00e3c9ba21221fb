package protocol

import "time"

// Bound is one limit as it is told to people and programs: the table of SPEC.md and the
// local interface's list of limits are made from these.
type Bound struct {
	Name   string // of the constant
	Value  int64
	Unit   string
	Why    string
	Beyond string // what happens
}

// Bounds lists the limits that nodes must agree on. The slice is the caller's.
func Bounds() []Bound {
	const bytes, count = "bytes", ""
	b := NewBound
	return []Bound{
		b("MaxHeaderBytes", MaxHeaderBytes, bytes, "every optional field and 8 references take under 900", "`too_large`"),
		b("MaxBodyBytes", MaxBodyBytes, bytes, "a record in twelve languages", "`too_large`, with the header"),
		b("MaxMessageBytes", MaxMessageBytes, bytes, "one whole entry: header, body and 64 more", "`too_large`, before decoding"),
		b("MaxNumber", MaxNumber, count, "2^53 - 1: exact in JSON, and one more can be counted", "`too_large`"),
		b("MaxTime", MaxTime, "ms since 1970", "the end of the year 9999", "`too_large`"),
		b("MaxReferences", MaxReferences, count, "fits a header", "`too_large`"),
		b("MaxPage", MaxPage, "entries", "one signature for a page", "`too_large`"),
		b("MaxRunBytes", MaxRunBytes, bytes, "two runs and an inception fit a body", "what follows does not stand"),
		b("MaxPageBodyBytes", MaxPageBodyBytes, bytes, "memory of a reader", "bodies left out are wanted"),
		b("MaxFoundingBytes", MaxFoundingBytes, bytes, "charter texts and some hundred founders", "`too_large`"),
		b("MaxFrameBytes", MaxFrameBytes, bytes, "a page with bodies, a founding act", "`too_large`, stream reset"),
		b("MaxDepth", MaxDepth, "levels", "no schema is deeper than 8", "`malformed`"),
		b("MaxElements", MaxElements, "of an array", "memory of a reader", "`malformed`, before allocation"),
		b("MaxPairs", MaxPairs, "of a map", "memory of a reader", "`malformed`, before allocation"),
		b("MaxHandle", MaxHandle, "characters", "on screens and in addresses", "`malformed`"),
		b("MaxLanguages", MaxLanguages, count, "of one text", "`too_large`"),
		b("MaxName", MaxName, "characters", "on screens", "`malformed`"),
		b("MaxFounders", MaxFounders, count, "the reference case has 61", "`malformed`"),
		b("MaxElectors", MaxElectors, count, "a certificate fits a body", "`too_large`"),
		b("MaxSet", MaxSet, "changes", "a decision fits a body", "`too_large`"),
		b("MaxStands", MaxStands, "feeds", "a removal fits a body", "`malformed`"),
		b("MaxErased", MaxErased, "entries", "an acknowledgement fits a body", "`too_large`, it says nothing"),
		b("MaxReason", MaxReason, "characters", "of an erasure", "`malformed`, no reason is shown"),
		b("MaxAttachmentBytes", MaxAttachmentBytes, bytes, "a scanned report, a photo", "`too_large`"),
		b("ChunkBytes", ChunkBytes, bytes, "a chunk passes a relay that cuts after 128 KiB", "`malformed`"),
		b("MaxManifestBytes", MaxManifestBytes, bytes, "160 links", "`too_large`"),
		b("MaxChunksAsked", MaxChunksAsked, "chunks", "of one question: one mebibyte", "`too_large`; ask again"),
		b("MaxAddresses", MaxAddresses, count, "addresses of one node", "`too_large`"),
		b("MaxAddressBytes", MaxAddressBytes, bytes, "a multiaddr with a long name", "`too_large`"),
		b("MaxAsk", MaxAsk, count, "memory of both sides", "`too_large`; ask again"),
		b("MaxLines", MaxLines, count, "memory of both sides", "`too_large`; ask again"),
		b("MaxFollow", MaxFollow, "entries", "an outsider's frame stays small", "`too_large`"),
		b("MaxHealthBytes", MaxHealthBytes, bytes, "sixteen addresses", "`too_large`"),
		b("RangePrintBytes", RangePrintBytes, bytes, "a collision only delays; the root still tells", ""),
		b("MaxAhead", int64(MaxAhead/time.Minute), "minutes", "when a clock is called wrong; decides no admission", "`wrong_clock`, joining only"),
		b("MaxInvitation", int64(MaxInvitation/(24*time.Hour)), "days", "an invitation is used or forgotten", "the inviter does not make it"),
	}
}

// NewBound is a Bound in one line.
func NewBound(name string, value int64, unit, why, beyond string) Bound {
	return Bound{name, value, unit, why, beyond}
}
