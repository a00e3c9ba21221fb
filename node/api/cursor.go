package api

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/fnv"
	"slices"

	"github.com/dure-net/dure/protocol"
)

// Mark is where a page of records ended. Seq is the local sequence of its last record, or
// in other orders what a backend needs to go on.
type Mark struct {
	Seq     uint64
	Key     int64
	Relaxed bool
}

// cursorBytes is a version, a mark and the hash of the query.
const cursorBytes = 1 + 8 + 8 + 1 + 4

// CursorAfter is the opaque cursor of the page after a mark, bound to the query's filters
// and order. It is for backends; callers pass cursors on unread.
func (q RecordQuery) CursorAfter(m Mark) string {
	raw := binary.BigEndian.AppendUint64([]byte{2}, m.Seq)
	raw = binary.BigEndian.AppendUint64(raw, uint64(m.Key))
	relaxed := byte(0)
	if m.Relaxed {
		relaxed = 1
	}
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint32(append(raw, relaxed), q.filters()))
}

// After is the mark after which the query's page begins, and false for the first page. A
// cursor that is not ours, or of another query, is ReasonUsage.
func (q RecordQuery) After() (m Mark, ok bool, err error) {
	if q.Cursor == "" {
		return m, false, nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(q.Cursor)
	if err != nil || len(raw) != cursorBytes || raw[0] != 2 || raw[17] > 1 || binary.BigEndian.Uint32(raw[18:]) != q.filters() {
		return m, false, &protocol.Error{Reason: protocol.ReasonUsage, Op: "read cursor", Field: "cursor",
			Err: errors.New("not a cursor of this query")}
	}
	m = Mark{binary.BigEndian.Uint64(raw[1:]), int64(binary.BigEndian.Uint64(raw[9:])), raw[17] == 1}
	if m.Key < 0 {
		return Mark{}, false, &protocol.Error{Reason: protocol.ReasonUsage, Op: "read cursor", Field: "cursor", Err: errors.New("not a cursor of ours")}
	}
	return m, true, nil
}

func (q RecordQuery) filters() uint32 {
	sorted := func(list []string) []string {
		list = slices.Clone(list)
		slices.Sort(list)
		return slices.Compact(list)
	}
	q.Types, q.Limit, q.Cursor = sorted(q.Types), 0, ""
	where := make(map[string][]string, len(q.Where))
	for name, values := range q.Where {
		where[name] = sorted(values)
	}
	q.Where = where
	h := fnv.New32a()
	_, _ = h.Write([]byte(q.Values().Encode()))
	return h.Sum32()
}
