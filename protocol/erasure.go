package protocol

import (
	"bytes"
	"errors"
	"fmt"
)

// ErasureCode says in one word why a body was erased. Append only; a word of a newer
// node is shown as none.
type ErasureCode string

const (
	ErasurePersonal ErasureCode = "personal_data" // it named persons, or was about them
	ErasureMistake  ErasureCode = "mistake"       // published by mistake
	ErasureRights   ErasureCode = "rights"        // it was not the owner's to publish
	ErasureLaw      ErasureCode = "law"           // a law or an authority asks for it
	ErasureOther    ErasureCode = "other"
)

// ErasureCodes lists the words in the order in which they are offered.
func ErasureCodes() []ErasureCode {
	return []ErasureCode{ErasurePersonal, ErasureMistake, ErasureRights, ErasureLaw, ErasureOther}
}

// Erasure is the body of a KindErasure entry: why. What is erased stands in the header,
// so an erasure counts before its body has come, and where there is none. It is itself
// never erased: nobody writes into it what is to be forgotten.
type Erasure struct {
	Code   ErasureCode `cbor:"code,omitempty"`
	Reason Text        `cbor:"reason,omitempty"`
}

// Check is nil for what may be written: a known code, a reason within bounds.
func (e *Erasure) Check() error {
	if e.Code != "" {
		known := false
		for _, c := range ErasureCodes() {
			known = known || c == e.Code
		}
		if !known {
			return &Error{Reason: ReasonMalformed, Op: "check erasure", Field: "code", Err: fmt.Errorf("%q is no reason code", clip(string(e.Code)))}
		}
	}
	return e.bounds()
}

func (e *Erasure) bounds() error {
	if len(e.Code) > MaxHandle {
		return &Error{Reason: ReasonMalformed, Op: "check erasure", Field: "code", Err: errors.New("too long for a word")}
	}
	return e.Reason.check("reason", MaxReason)
}

// Erased is the body of a KindErased entry: the bytes of these entries' bodies lie in no
// file of the writing node's store any more, or never came. It orders nothing. Entries
// are named once each, in order of their bytes, so that one set has one spelling.
type Erased struct {
	Entries []EntryID `cbor:"entries"`
}

// Check is nil if the list has its one form.
func (e *Erased) Check() error { return e.bounds() }

func (e *Erased) bounds() error {
	if len(e.Entries) == 0 || len(e.Entries) > MaxErased {
		return &Error{Reason: ReasonTooLarge, Op: "check acknowledgement", Field: "entries", Err: fmt.Errorf("%d entries, 1 to %d are said at once", len(e.Entries), MaxErased)}
	}
	for i, id := range e.Entries {
		if !id.Defined() || id.Prefix().Codec != CodecDagCBOR {
			return &Error{Reason: ReasonMalformed, Op: "check acknowledgement", Field: "entries", Err: errors.New("not the id of an entry")}
		}
		if i > 0 && bytes.Compare(e.Entries[i-1].Bytes(), id.Bytes()) >= 0 {
			return &Error{Reason: ReasonNonCanonical, Op: "check acknowledgement", Field: "entries", Err: errors.New("not in order, or twice")}
		}
	}
	return nil
}
