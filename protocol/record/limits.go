package record

import "github.com/dure-net/dure/protocol"

// Bounds of records, besides those of protocol (body bytes, languages, handles). Where
// no other reason is given they are the ones of the federation's record schemas. They
// are constants, because nodes must agree on which records say something. Lengths of
// text are counted in Unicode code points (Go runes), after normal form C, so that a
// Korean and an English title of the same visible length get the same room.
const (
	// MaxInputBytes bounds the JSON that Parse reads: a body of the full size may
	// take four times its bytes when every character is escaped. Beyond: too_large,
	// before anything is decoded.
	MaxInputBytes = 4 * protocol.MaxBodyBytes

	// MaxInputDepth bounds the nesting of that JSON; the deepest record has five
	// levels. Beyond: too_deep, and reading stops.
	MaxInputDepth = 12

	// MaxFaults bounds the faults listed for one record. Beyond: one last fault "more".
	MaxFaults = 200

	maxTitle     = 120
	maxName      = protocol.MaxName
	maxSummary   = 280
	maxLabel     = 80
	maxRole      = 120
	maxReason    = 500
	maxAddress   = 254 // an e-mail address, RFC 5321
	maxWeb       = 300
	maxTagLength = 35 // a BCP-47 tag, RFC 5646 section 4.4.1

	maxDigits   = 18 // of a quantity or an amount
	maxDecimals = 6
	maxDegrees  = 5 // decimals of a coordinate: about one metre

	maxWindowYears = 10

	// Years that a date may name, so that a typing error such as 0227 is seen and
	// shifting dates stays within four digits.
	minYear = 1800
	maxYear = 2299

	maxAttachments     = 8
	maxAttachmentBytes = protocol.MaxAttachmentBytes
)
