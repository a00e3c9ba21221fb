package protocol

import (
	"errors"
	"fmt"
	"io"

	"github.com/multiformats/go-varint"
)

// Stream protocols and topics. Topic names stand under the federation's id, and are
// told to nobody but members.
const (
	ProtocolSync = "/dure/sync/1" // catch-up, between members
	ProtocolJoin = "/dure/join/1" // the one protocol open to outsiders
)

// TopicEntries carries whole entries, TopicHealth signed short-lived health messages.
func TopicEntries(f FederationID) string { return "/dure/1/" + f.String() + "/entries" }
func TopicHealth(f FederationID) string  { return "/dure/1/" + f.String() + "/health" }

// Message is what travels on the entries topic: one whole entry.
type Message struct {
	Header []byte `cbor:"h"`
	Body   []byte `cbor:"b,omitempty"`
}

// DecodeMessage reads a gossip message. It checks sizes, form and that the body is
// the one the header names: a right header with a wrong body is ReasonBadHash.
func DecodeMessage(raw []byte) (Entry, []byte, error) {
	if len(raw) > MaxMessageBytes {
		return Entry{}, nil, Fail(ReasonTooLarge, "decode message", nil)
	}
	var m Message
	if err := Decode(raw, &m); err != nil {
		return Entry{}, nil, err
	}
	e, err := DecodeEntry(m.Header)
	if err != nil {
		return Entry{}, nil, err
	}
	if err := e.CheckBody(m.Body); err != nil {
		return Entry{}, nil, err
	}
	return e, m.Body, nil
}

// EncodeMessage is the inverse of DecodeMessage; a nil body is left out.
func EncodeMessage(e Entry, body []byte) ([]byte, error) {
	return Encode(&Message{Header: e.raw, Body: body})
}

// CheckBody reports whether body is the block that the header names. No body is
// right only where the header names none.
func (e Entry) CheckBody(body []byte) error {
	if e.h.Body.IsZero() {
		if len(body) != 0 {
			return Fail(ReasonBadHash, "check body", errors.New("the header names no body"))
		}
		return nil
	}
	if uint64(len(body)) != e.h.Size || !e.h.Body.Matches(body) {
		return &Error{Reason: ReasonBadHash, Op: "check body", ID: e.h.Body.String()}
	}
	return nil
}

// WriteFrame writes one frame: unsigned varint length, then the canonical encoding.
func WriteFrame(w io.Writer, v any) error {
	raw, err := Encode(v)
	if err != nil {
		return err
	}
	if len(raw) > MaxFrameBytes {
		return Fail(ReasonTooLarge, "write frame", fmt.Errorf("%d bytes", len(raw)))
	}
	buf := make([]byte, 0, len(raw)+varint.MaxLenUvarint63)
	buf = append(buf, varint.ToUvarint(uint64(len(raw)))...)
	if _, err := w.Write(append(buf, raw...)); err != nil {
		return Fail(ReasonUnreachable, "write frame", err)
	}
	return nil
}

// FrameReader is what frames are read from.
type FrameReader interface {
	io.Reader
	io.ByteReader
}

// ReadFrame reads one frame of at most max bytes (MaxFrameBytes if max is larger)
// into a struct. It returns io.EOF, unwrapped, at the end of the stream before a
// frame begins. Memory is taken only after the length was checked.
func ReadFrame(r FrameReader, max int, into any) error {
	n, err := varint.ReadUvarint(r)
	if errors.Is(err, io.EOF) {
		return io.EOF
	}
	if err != nil {
		if errors.Is(err, varint.ErrNotMinimal) || errors.Is(err, varint.ErrOverflow) {
			return Fail(ReasonNonCanonical, "read frame", err)
		}
		return Fail(ReasonUnreachable, "read frame", err)
	}
	if n > uint64(min(max, MaxFrameBytes)) {
		return Fail(ReasonTooLarge, "read frame", fmt.Errorf("%d bytes, the limit is %d", n, min(max, MaxFrameBytes)))
	}
	raw := make([]byte, n)
	if _, err := io.ReadFull(r, raw); err != nil {
		return Fail(ReasonUnreachable, "read frame", err)
	}
	return Decode(raw, into)
}
