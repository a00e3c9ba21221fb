package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"unicode/utf8"
)

// readJSON decodes one JSON object into maps, slices, string, bool, json.Number and
// nil. What makes further reading senseless (not UTF-8, not JSON, too large, too
// deep) is the only fault then; keys said twice are faults beside the object.
func readJSON(raw []byte) (map[string]any, Faults) {
	if len(raw) > MaxInputBytes {
		return nil, Faults{{Code: FaultTooLarge, Args: args("size", strconv.Itoa(len(raw)), "max", strconv.Itoa(MaxInputBytes))}}
	}
	if !utf8.Valid(raw) {
		return nil, Faults{{Code: FaultBadFormat, Args: args("format", "utf8")}}
	}
	r := reader{dec: json.NewDecoder(bytes.NewReader(raw))}
	r.dec.UseNumber()
	v, err := r.value("", 0)
	if err == nil {
		if _, end := r.dec.Token(); end != io.EOF {
			err = errors.New("more than one value")
		}
	}
	if errors.Is(err, errTooDeep) {
		return nil, Faults{{Code: FaultTooDeep, Args: args("max", strconv.Itoa(MaxInputDepth))}}
	}
	if err != nil {
		line, column := position(raw, r.dec.InputOffset())
		return nil, Faults{{Code: FaultBadJSON, Args: args("line", strconv.Itoa(line), "column", strconv.Itoa(column))}}
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, Faults{{Code: FaultWrongType, Args: args("want", "object")}}
	}
	return m, r.faults
}

type reader struct {
	dec    *json.Decoder
	faults Faults
}

var errTooDeep = errors.New("nested too deep")

func (r *reader) value(path string, depth int) (any, error) {
	t, err := r.dec.Token()
	if err != nil {
		return nil, err
	}
	open, ok := t.(json.Delim)
	if !ok {
		return t, nil
	}
	if depth == MaxInputDepth {
		return nil, errTooDeep
	}
	if open == '[' {
		list := []any{}
		for r.dec.More() {
			v, err := r.value(index(path, len(list)), depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err = r.dec.Token()
		return list, err
	}
	m := map[string]any{}
	for r.dec.More() {
		k, err := r.dec.Token()
		if err != nil {
			return nil, err
		}
		key, ok := k.(string)
		if !ok {
			return nil, errors.New("a key that is not text")
		}
		at := join(path, key)
		v, err := r.value(at, depth+1)
		if err != nil {
			return nil, err
		}
		if _, twice := m[key]; twice {
			if len(r.faults) < MaxFaults {
				r.faults = append(r.faults, Fault{Field: at, Code: FaultDuplicate, Args: args("first", at)})
			}
			continue
		}
		m[key] = v
	}
	_, err = r.dec.Token()
	return m, err
}

// position is the line and column, both from 1, of the first character that cannot
// stand where it stands. The decoder's own offset is not exact inside values, so the
// whole is scanned once more; offset serves where that finds no fault.
func position(raw []byte, offset int64) (line, column int) {
	var whole json.RawMessage
	var syntax *json.SyntaxError
	if errors.As(json.Unmarshal(raw, &whole), &syntax) {
		offset = syntax.Offset - 1
	}
	offset = max(0, min(offset, int64(len(raw))))
	before := raw[:offset]
	line = 1 + bytes.Count(before, []byte("\n"))
	return line, 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
}

func join(path, name string) string {
	if path == "" {
		return clip(name)
	}
	return path + "." + clip(name)
}

func index(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

func args(pairs ...string) map[string]string {
	m := make(map[string]string, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			m[pairs[i]] = pairs[i+1]
		}
	}
	return m
}
