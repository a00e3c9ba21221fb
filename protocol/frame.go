package protocol

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/multiformats/go-varint"
)

// Message is what travels on the entries topic: one whole entry.
type Message struct {
	Header []byte `cbor:"h"`
	Body   []byte `cbor:"b,omitempty"`
}

// DecodeMessage reads a gossip message. It checks sizes, form and that the body is
// the one the header names: a right header with a wrong body is ReasonBadHash. A
// message has no further fields (ReasonTooNew), so that one entry is one message;
// what a later version adds needs another topic. The results share raw's memory or
// are copies; do not change them.
func DecodeMessage(raw []byte) (Entry, []byte, error) {
	if len(raw) > MaxMessageBytes {
		return Entry{}, nil, Fail(ReasonTooLarge, "decode message", nil)
	}
	var m Message
	if err := DecodeWhole(raw, &m); err != nil {
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
	const room = varint.MaxLenUvarint63 // for the length, before the frame
	var buf []byte
	if s, ok := v.(*Sent); ok && s != nil && !slices.ContainsFunc(s.Entries, CID.IsZero) {
		buf = appendSent(make([]byte, room, room+s.size()), s)
	} else {
		raw, err := Encode(v)
		if err != nil {
			return err
		}
		buf = append(make([]byte, room, room+len(raw)), raw...)
	}
	n := uint64(len(buf) - room)
	if n > MaxFrameBytes {
		return Fail(ReasonTooLarge, "write frame", fmt.Errorf("%d bytes", n))
	}
	buf = buf[room-varint.UvarintSize(n):]
	varint.PutUvarint(buf, n)
	if _, err := w.Write(buf); err != nil {
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
// frame begins. Memory is taken only after the length was checked. The frames of this
// package are also held to their own bounds: more than MaxAsk questions, MaxLines
// lines or MaxPage headers are ReasonTooLarge.
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
	if limit := uint64(min(max, MaxFrameBytes)); n > limit {
		return Fail(ReasonTooLarge, "read frame", fmt.Errorf("%d bytes, the limit is %d", n, limit))
	}
	raw := make([]byte, n)
	if _, err := io.ReadFull(r, raw); err != nil {
		return Fail(ReasonUnreachable, "read frame", err)
	}
	if s, ok := into.(*Sent); ok {
		if *s = (Sent{}); readSent(raw, s) {
			return s.bounds()
		}
		*s = Sent{}
	}
	if err := Decode(raw, into); err != nil {
		return err
	}
	if b, ok := into.(bounded); ok {
		return b.bounds()
	}
	return nil
}

// bounded is what has bounds beyond its bytes.
type bounded interface{ bounds() error }

func within(what string, n, limit int) error {
	if n > limit {
		return &Error{Reason: ReasonTooLarge, Op: "check bounds", Field: what, Err: fmt.Errorf("%d, the limit is %d", n, limit)}
	}
	return nil
}

func checkAddresses(addresses []string) error {
	if err := within("addrs", len(addresses), MaxAddresses); err != nil {
		return err
	}
	for _, a := range addresses {
		if err := within("addrs", len(a), MaxAddressBytes); err != nil {
			return err
		}
	}
	return nil
}
