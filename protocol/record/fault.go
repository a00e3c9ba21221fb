package record

import (
	"errors"
	"strconv"
	"strings"

	"github.com/dure-net/dure/protocol"
)

// FaultCode says what is wrong with one field. The set is closed and the strings are
// an interface: programs branch on them, node/phrase keeps a sentence for each under
// "fault.<code>". Append only; never change the meaning of a code.
type FaultCode string

// The fault codes, with the Args each carries beside Field and Value. Args in brackets
// may be absent.
const (
	FaultRequired         FaultCode = "required"          // absent though needed; [because, is]: the field that makes it needed and what that says
	FaultNotAllowed       FaultCode = "not_allowed"       // present where it must not be; [because, is]
	FaultUnknownField     FaultCode = "unknown_field"     // no field of that name; [nearest]
	FaultWrongType        FaultCode = "wrong_type"        // another JSON type; want: object, list, text, integer, boolean, text_map, record_id
	FaultBadJSON          FaultCode = "bad_json"          // not JSON at all; line, column
	FaultTooLarge         FaultCode = "too_large"         // the whole input or record; size, max in bytes
	FaultTooDeep          FaultCode = "too_deep"          // nested deeper than any record; max
	FaultTooLong          FaultCode = "too_long"          // a text; length, max in Unicode code points
	FaultTooMany          FaultCode = "too_many"          // entries of a list or languages of a text; count, max
	FaultTooFew           FaultCode = "too_few"           // entries of a list; count, min
	FaultNotInList        FaultCode = "not_in_list"       // no such code; list, [nearest], [allowed]: comma-separated, where few are
	FaultRestricted       FaultCode = "restricted"        // goods that are never exchanged here; list
	FaultDuplicate        FaultCode = "duplicate"         // said before; first: the path that said it
	FaultBadFormat        FaultCode = "bad_format"        // not spelled as asked; format: see Formats
	FaultOutOfRange       FaultCode = "out_of_range"      // [min], [max]: inclusive; [above]: exclusive
	FaultOrder            FaultCode = "order"             // later than allowed, or before what it follows; after or before: a path, [limit]
	FaultConflict         FaultCode = "conflict"          // does not fit another field; with: its path
	FaultMissingLanguage  FaultCode = "missing_language"  // a text without the record's own language; lang
	FaultNotNFC           FaultCode = "not_nfc"           // text not in Unicode normal form C
	FaultControlCharacter FaultCode = "control_character" // a character that is not text; character: "U+0007"
	FaultEmpty            FaultCode = "empty"             // written empty in a body, where absence is the one spelling
	FaultUnsupported      FaultCode = "unsupported"       // has a meaning that this version cannot honour
	FaultUnknownRecord    FaultCode = "unknown_record"    // a reference that names no record known here
	FaultUnknownFile      FaultCode = "unknown_file"      // an attachment whose file was not brought to this node
	FaultDiffers          FaultCode = "differs"           // not what the file itself is; is
	FaultMalformed        FaultCode = "malformed"         // cannot be encoded at all
	FaultMore             FaultCode = "more"              // more faults than are listed; max
)

// FaultCodes lists every code. The slice is the caller's.
func FaultCodes() []FaultCode {
	return []FaultCode{
		FaultRequired, FaultNotAllowed, FaultUnknownField, FaultWrongType, FaultBadJSON, FaultTooLarge, FaultTooDeep,
		FaultTooLong, FaultTooMany, FaultTooFew, FaultNotInList, FaultRestricted, FaultDuplicate, FaultBadFormat,
		FaultOutOfRange, FaultOrder, FaultConflict, FaultMissingLanguage, FaultNotNFC, FaultControlCharacter, FaultEmpty,
		FaultUnsupported, FaultUnknownRecord, FaultUnknownFile, FaultDiffers, FaultMalformed, FaultMore,
	}
}

// Formats lists the values of the argument "format" of FaultBadFormat.
// The slice is the caller's.
func Formats() []string {
	return []string{
		"day", "decimal", "degrees", "duration", "language", "handle", "email", "web_address", "locode", "cpv", "record_id",
		"attachment_id", "utf8", "digest", "time", "utc_offset",
	}
}

// Fault is one thing wrong with a record.
type Fault struct {
	Field string            `json:"field"` // path such as "goals[2].target.unit"; "" for the record itself
	Code  FaultCode         `json:"code"`
	Args  map[string]string `json:"args,omitempty"`
	Value string            `json:"value,omitempty"` // what was written, cut to 80 code points
}

// Faults are all faults of one record, in the order of its schema; unknown fields of
// an object follow its known ones. Faults beyond MaxFaults are counted, not listed.
type Faults []Fault

func (f Faults) Error() string {
	var b strings.Builder
	b.WriteString(strconv.Itoa(len(f)) + " faults")
	for i, one := range f {
		if i == 8 {
			b.WriteString("; …")
			break
		}
		b.WriteString("; " + one.Field + " " + string(one.Code))
		if one.Value != "" {
			b.WriteString(" " + strconv.Quote(one.Value))
		}
	}
	return b.String()
}

// Has reports whether field carries a fault of the code.
func (f Faults) Has(field string, code FaultCode) bool {
	for _, one := range f {
		if one.Field == field && one.Code == code {
			return true
		}
	}
	return false
}

// err wraps the faults as the one error type of dure, or is nil when there are none.
func (f Faults) err(op string) error {
	if len(f) == 0 {
		return nil
	}
	return &protocol.Error{Reason: protocol.ReasonInvalid, Op: op, Field: f[0].Field, Err: f}
}

// FaultsOf finds the faults in an error's chain; nil where there are none.
func FaultsOf(err error) Faults {
	var f Faults
	if errors.As(err, &f) {
		return f
	}
	return nil
}

func clip(s string) string {
	n := 0
	for i := range s {
		if n == 80 {
			return s[:i] + "…"
		}
		n++
	}
	return s
}
