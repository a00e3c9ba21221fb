package sealed

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/dure-net/dure/protocol"
)

// What says what a letter is. Append only; a letter of an unknown kind is shown as one
// that a newer version wrote.
type What string

const (
	WhatMessage     What = "message"
	WhatParticulars What = "particulars" // persons, contacts and documents of an agreement
	WhatOffer       What = "offer"       // a listing for chosen members
	WhatRequest     What = "request"
)

// Letter is the content of a KindSealed entry. All of it lies inside the envelope, also
// whom it is for and what it is about: outsiders are told neither.
type Letter struct {
	What      What           `cbor:"what"`
	To        []string       `cbor:"to"`               // handles of the members it is for, its author left out, in order
	Keys      []Print        `cbor:"keys"`             // of the keys it was sealed to, in order: whom a rewrap still has to serve
	About     protocol.CID   `cbor:"about,omitzero"`   // the first entry of the record or agreement it is about
	Answers   protocol.CID   `cbor:"answers,omitzero"` // the letter that it answers
	Lang      string         `cbor:"lang,omitempty"`   // of the text
	Text      string         `cbor:"text,omitempty"`
	Persons   []Person       `cbor:"persons,omitempty"`
	Documents []Document     `cbor:"documents,omitempty"`
	Listing   map[string]any `cbor:"listing,omitempty"` // of an offer or a request: what its open body would say
}

// Person is somebody whom two members must name to one another, and nobody else needs to know.
type Person struct {
	Name  string `cbor:"name" json:"name" doc:"of the person"`
	Role  string `cbor:"role,omitempty" json:"role,omitempty" doc:"what the person does in this"`
	Email string `cbor:"email,omitempty" json:"email,omitempty"`
	Phone string `cbor:"phone,omitempty" json:"phone,omitempty"`
	Note  string `cbor:"note,omitempty" json:"note,omitempty"`
}

// Document is something that the parties need: on paper, or the file itself.
type Document struct {
	Title string `cbor:"title"`
	Where string `cbor:"where,omitempty"` // an address, a file number, a shelf
	Note  string `cbor:"note,omitempty"`
	File  *File  `cbor:"file,omitempty"` // nil: it is kept elsewhere
}

// Files are the files that go with the letter, in the order of its documents.
func (l *Letter) Files() (out []Document) {
	for _, d := range l.Documents {
		if d.File != nil {
			out = append(out, d)
		}
	}
	return out
}

// IsListing reports whether the letter is an offer or a request.
func (l *Letter) IsListing() bool { return l.What == WhatOffer || l.What == WhatRequest }

// Check is nil for what may be sealed. A fault is ReasonMalformed or ReasonTooLarge, with
// the field.
func (l *Letter) Check() error {
	if len(l.What) == 0 || len(l.What) > protocol.MaxHandle {
		return letterFault(protocol.ReasonMalformed, "what", "a word")
	}
	if len(l.To) == 0 {
		return letterFault(protocol.ReasonMalformed, "to", "at least one member")
	}
	if err := l.sizes(); err != nil {
		return err
	}
	if !slices.IsSorted(l.To) || len(slices.Compact(slices.Clone(l.To))) != len(l.To) {
		return letterFault(protocol.ReasonNonCanonical, "to", "not in order, or twice")
	}
	if !slices.IsSortedFunc(l.Keys, comparePrints) || len(slices.Compact(slices.Clone(l.Keys))) != len(l.Keys) {
		return letterFault(protocol.ReasonNonCanonical, "keys", "not in order, or twice")
	}
	if l.Answers.Defined() && l.Answers.Prefix().Codec != protocol.CodecDagCBOR {
		return letterFault(protocol.ReasonMalformed, "answers", "not the id of an entry")
	}
	switch l.What {
	case WhatMessage, WhatParticulars:
		if len(l.Listing) > 0 {
			return letterFault(protocol.ReasonMalformed, "listing", "only offers and requests have one")
		}
		if l.Text == "" && len(l.Persons) == 0 && len(l.Documents) == 0 {
			return letterFault(protocol.ReasonMalformed, "text", "it says nothing")
		}
	case WhatOffer, WhatRequest:
		if len(l.Listing) == 0 {
			return letterFault(protocol.ReasonMalformed, "listing", "missing")
		}
	}
	return l.lines()
}

func (l *Letter) sizes() error {
	for _, b := range []struct {
		field   string
		is, max int
	}{{"to", len(l.To), MaxTo}, {"keys", len(l.Keys), MaxSlots}, {"persons", len(l.Persons), MaxPersons},
		{"documents", len(l.Documents), MaxDocuments}, {"text", utf8.RuneCountInString(l.Text), MaxText}, {"lang", len(l.Lang), protocol.MaxHandle}} {
		if b.is > b.max {
			return tooLong(b.field, b.is, b.max)
		}
	}
	return nil
}

func (l *Letter) lines() error {
	line := func(field, text string, must bool) error {
		if n := utf8.RuneCountInString(text); n > MaxLine {
			return tooLong(field, n, MaxLine)
		}
		if must && text == "" {
			return letterFault(protocol.ReasonMalformed, field, "missing")
		}
		return nil
	}
	for i, handle := range l.To {
		if handle == "" || len(handle) > protocol.MaxHandle {
			return letterFault(protocol.ReasonMalformed, fmt.Sprintf("to[%d]", i), "not a handle")
		}
	}
	for i, p := range l.Persons {
		at := fmt.Sprintf("persons[%d].", i)
		if err := errors.Join(line(at+"name", p.Name, true), line(at+"role", p.Role, false), line(at+"email", p.Email, false),
			line(at+"phone", p.Phone, false), line(at+"note", p.Note, false)); err != nil {
			return err
		}
	}
	for i, d := range l.Documents {
		at := fmt.Sprintf("documents[%d].", i)
		if err := errors.Join(line(at+"title", d.Title, true), line(at+"where", d.Where, false), line(at+"note", d.Note, false)); err != nil {
			return err
		}
		if d.File != nil {
			if err := d.File.check(); err != nil {
				return err
			}
		}
	}
	return nil
}

func letterFault(r protocol.Reason, field, why string) error {
	return &protocol.Error{Reason: r, Op: "check letter", Field: field, Err: errors.New(why)}
}

func tooLong(field string, is, max int) error {
	return &protocol.Error{Reason: protocol.ReasonTooLarge, Op: "check letter", Field: field,
		Args: map[string]string{"field": field, "long": strconv.Itoa(is), "max": strconv.Itoa(max)}}
}

// SealLetter checks a letter and seals it to keys, of which it notes the prints.
func SealLetter(c Context, l Letter, to []PublicKey, random interface{ Read([]byte) (int, error) }) (*Envelope, error) {
	l.Keys = Prints(to)
	if err := l.Check(); err != nil {
		return nil, err
	}
	raw, err := protocol.Encode(&l)
	if err != nil {
		return nil, err
	}
	return Seal(c, raw, to, random)
}

// Letter decrypts and reads a letter. Fields that this version does not know are left
// alone. Errors are those of Open and Check.
func (e *Envelope) Letter(c Context, key ContentKey) (*Letter, error) {
	raw, err := e.Open(c, key)
	if err != nil {
		return nil, err
	}
	var l Letter
	if err := protocol.Decode(raw, &l); err != nil {
		return nil, err
	}
	if err := l.Check(); err != nil {
		return nil, err
	}
	return &l, nil
}

func sortPrints(p []Print) { slices.SortFunc(p, comparePrints) }

// Holds reports whether the letter was sealed to a key.
func (l *Letter) Holds(k PublicKey) bool {
	want := k.Print()
	return slices.ContainsFunc(l.Keys, func(p Print) bool { return bytes.Equal(p[:], want[:]) })
}
