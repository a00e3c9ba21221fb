package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
)

// strictJSON is huma's format, but it reads only what has one meaning: what programs
// read differently (a key twice, text that is not Unicode) is refused, never repaired.
func strictJSON() huma.Format {
	f := huma.DefaultJSONFormat
	read := f.Unmarshal
	f.Unmarshal = func(raw []byte, v any) error {
		if err := unambiguous(raw); err != nil {
			return err
		}
		return read(raw, v)
	}
	return f
}

func unambiguous(raw []byte) error {
	if !utf8.Valid(raw) || loneSurrogate(raw) {
		return errors.New("text that is not Unicode")
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	type level struct {
		keys map[string]bool // nil in a list
		key  bool            // a key comes next
	}
	var open []level
	for {
		token, err := d.Token()
		if err != nil {
			return nil // its end, or what the reader after this one finds wrong with it
		}
		top := len(open) - 1
		if delim, ok := token.(json.Delim); ok && (delim == '}' || delim == ']') {
			open = open[:top]
			continue
		}
		if top >= 0 && open[top].keys != nil {
			if open[top].key {
				key, _ := token.(string)
				if open[top].keys[key] {
					return errors.New("one key twice")
				}
				open[top].keys[key], open[top].key = true, false
				continue
			}
			open[top].key = true
		}
		switch token {
		case json.Delim('{'):
			open = append(open, level{keys: map[string]bool{}, key: true})
		case json.Delim('['):
			open = append(open, level{})
		}
		if len(open) > maxJSONDepth {
			return errors.New("nested too deep")
		}
	}
}

// loneSurrogate finds an escape that is half of a character. Readers replace it, each
// by what it likes.
func loneSurrogate(raw []byte) bool {
	escape := func(at int) (rune, bool) {
		if at+6 > len(raw) || raw[at] != '\\' || raw[at+1] != 'u' {
			return 0, false
		}
		n, err := strconv.ParseUint(string(raw[at+2:at+6]), 16, 32)
		return rune(n), err == nil
	}
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			continue
		}
		r, ok := escape(i)
		switch {
		case !ok:
			i++ // the escaped character
		case utf16.IsSurrogate(r):
			low, _ := escape(i + 6)
			if utf16.DecodeRune(r, low) == utf8.RuneError {
				return true
			}
			i += 11
		default:
			i += 5
		}
	}
	return false
}
