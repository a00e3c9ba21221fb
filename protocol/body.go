package protocol

import (
	"errors"
	"fmt"
)

// Salt makes the hash of a body unguessable once its bytes are erased.
type Salt [16]byte

// EncodeBody writes a body block: {"data": content, "salt": salt}.
// The slice is the caller's. Beyond MaxBodyBytes: ReasonTooLarge.
func EncodeBody(salt Salt, content any) ([]byte, error) {
	raw, err := Encode(struct {
		Data any  `cbor:"data"`
		Salt Salt `cbor:"salt"`
	}{content, salt})
	if err != nil {
		return nil, err
	}
	if len(raw) > MaxBodyBytes {
		return nil, Fail(ReasonTooLarge, "encode body", fmt.Errorf("body has %d bytes, the limit is %d", len(raw), MaxBodyBytes))
	}
	return raw, nil
}

// OpenBody reads a body's content into a struct; unknown fields are left alone, and so
// a T that is signed on its own must be re-encoded before it is passed on.
func OpenBody[T any](raw []byte) (T, error) {
	var body struct {
		Data T    `cbor:"data"`
		Salt Salt `cbor:"salt"`
	}
	if len(raw) > MaxBodyBytes {
		return body.Data, Fail(ReasonTooLarge, "open body", nil)
	}
	if err := Decode(raw, &body); err != nil {
		var zero T
		return zero, err
	}
	if b, ok := any(&body.Data).(bounded); ok {
		if err := b.bounds(); err != nil {
			var zero T
			return zero, err
		}
	}
	return body.Data, nil
}

// BodyContent reads a body's content generically. The map is the caller's.
func BodyContent(raw []byte) (map[string]any, error) {
	if len(raw) > MaxBodyBytes {
		return nil, Fail(ReasonTooLarge, "open body", nil)
	}
	v, err := DecodeGeneric(raw)
	if err != nil {
		return nil, err
	}
	if m, ok := v.(map[string]any); ok {
		if data, ok := m["data"].(map[string]any); ok {
			if salt, ok := m["salt"].([]byte); ok && len(salt) == len(Salt{}) {
				return data, nil
			}
		}
	}
	return nil, Fail(ReasonMalformed, "open body", errors.New(`want {"data": …, "salt": 16 bytes}`))
}
