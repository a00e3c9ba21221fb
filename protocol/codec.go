package protocol

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/fxamacker/cbor/v2"
)

// The one byte form: DAG-CBOR narrowed to maps with text keys, arrays, text, byte
// strings, integers, booleans and links. No floats, no null, no other tags. A value
// that is absent is left out, so one meaning has one spelling and one CID.

var encoder, decoder = modes()

func modes() (cbor.EncMode, cbor.DecMode) {
	enc, err := cbor.EncOptions{
		Sort:          cbor.SortLengthFirst,
		IndefLength:   cbor.IndefLengthForbidden,
		NilContainers: cbor.NilContainerAsEmpty, // an empty list has one spelling, and it is not null
		BigIntConvert: cbor.BigIntConvertReject,
		NaNConvert:    cbor.NaNConvertReject,
		InfConvert:    cbor.InfConvertReject,
	}.EncMode()
	if err != nil {
		panic("dure: internal error: " + err.Error())
	}
	dec, err := cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		MaxNestedLevels:   2*MaxDepth + 2, // it counts tags too; checkCanonical holds the real bound
		MaxArrayElements:  MaxElements,
		MaxMapPairs:       MaxPairs,
		UTF8:              cbor.UTF8RejectInvalid,
		FieldNameMatching: cbor.FieldNameMatchingCaseSensitive,
		DefaultMapType:    mapType,
	}.DecMode()
	if err != nil {
		panic("dure: internal error: " + err.Error())
	}
	return enc, dec
}

// Encode writes v in the one canonical form. It fails, with ReasonMalformed, for
// values outside the profile (floats, null, undefined CIDs). The slice is the caller's.
func Encode(v any) ([]byte, error) {
	b, err := encoder.Marshal(v)
	if err != nil {
		return nil, Fail(ReasonMalformed, "encode", err)
	}
	if err := checkCanonical(b); err != nil {
		return nil, Fail(ReasonMalformed, "encode", err)
	}
	return b, nil
}

// Decode reads canonical bytes into a struct. Fields that the struct does not know
// are left alone: newer nodes' blocks still verify here, because the bytes are what
// is hashed and served. Everything else must round-trip exactly: non-canonical bytes
// are ReasonNonCanonical, anything else that is wrong ReasonMalformed; on error into
// may hold part of the value and must not be used.
func Decode(raw []byte, into any) error {
	if _, err := decodeKnown(raw, into); err != nil {
		return err
	}
	return nil
}

// DecodeWhole is Decode for what must not say more than its reader understands, above
// all because a signature is checked over the fields that the reader knows: a field
// unknown to it is ReasonTooNew. Anybody could have added that field.
func DecodeWhole(raw []byte, into any) error {
	whole, err := decodeKnown(raw, into)
	if err == nil && !whole {
		err = Fail(ReasonTooNew, "decode", errors.New("it says more than this node understands"))
	}
	return err
}

// decodeKnown is Decode, and reports whether raw holds only what into knows.
func decodeKnown(raw []byte, into any) (whole bool, err error) {
	if err := checkCanonical(raw); err != nil {
		return false, err
	}
	if err := decoder.Unmarshal(raw, into); err != nil {
		return false, Fail(ReasonMalformed, "decode", err)
	}
	again, err := encoder.Marshal(into)
	if err != nil {
		return false, Fail(ReasonMalformed, "decode", err)
	}
	if bytes.Equal(again, raw) {
		return true, nil
	}
	generic, err := DecodeGeneric(raw)
	if err != nil {
		return false, err
	}
	m, ok := generic.(map[string]any)
	if !ok {
		return false, Fail(ReasonNonCanonical, "decode", errors.New("a known field is spelled in another way"))
	}
	known, err := DecodeGeneric(again)
	if err != nil {
		return false, err
	}
	if !contains(m, known) {
		return false, Fail(ReasonNonCanonical, "decode", errors.New("a known field is spelled in another way"))
	}
	return false, knownKeysOnly(m, into)
}

// DecodeGeneric reads canonical bytes into maps, slices, strings, []byte, uint64,
// int64, bool and CID, and is the whole check of the canonical form: walk, decode,
// encode again, compare. The value is the caller's.
func DecodeGeneric(raw []byte) (any, error) {
	if err := checkCanonical(raw); err != nil {
		return nil, err
	}
	var v any
	if err := decoder.Unmarshal(raw, &v); err != nil {
		return nil, Fail(ReasonMalformed, "decode", err)
	}
	v, err := profile(v)
	if err != nil {
		return nil, Fail(ReasonMalformed, "decode", err)
	}
	again, err := encoder.Marshal(v)
	if err != nil {
		return nil, Fail(ReasonMalformed, "decode", err)
	}
	if !bytes.Equal(again, raw) {
		return nil, Fail(ReasonNonCanonical, "decode", nil)
	}
	return v, nil
}

// profile refuses what the profile leaves out and turns links into CIDs.
func profile(v any) (any, error) {
	switch v := v.(type) {
	case uint64, int64, bool, []byte:
		return v, nil
	case string:
		if !utf8.ValidString(v) {
			return nil, errors.New("text is not UTF-8")
		}
		return v, nil
	case []any:
		for i := range v {
			e, err := profile(v[i])
			if err != nil {
				return nil, err
			}
			v[i] = e
		}
		return v, nil
	case map[string]any:
		for k := range v {
			e, err := profile(v[k])
			if err != nil {
				return nil, err
			}
			v[k] = e
		}
		return v, nil
	case cbor.Tag:
		content, ok := v.Content.([]byte)
		if v.Number != 42 || !ok || len(content) != cidBytes+1 || content[0] != 0 {
			return nil, fmt.Errorf("tag %d is not a link of this profile", v.Number)
		}
		return CastCID(content[1:])
	}
	return nil, fmt.Errorf("a value of type %T is outside the profile", v)
}
