package api

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/dure-net/dure/protocol"
)

// CursorAfter is the opaque cursor of the page after the record of local sequence seq,
// bound to the query's filters. It is for backends; callers pass cursors on unread.
func (q RecordQuery) CursorAfter(seq uint64) string {
	raw := binary.BigEndian.AppendUint64([]byte{1}, seq)
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint32(raw, q.filters()))
}

// Before is the local sequence below which the query's page begins, and false for the
// first page. A cursor that is not ours, or of another query, is ReasonUsage.
func (q RecordQuery) Before() (seq uint64, ok bool, err error) {
	if q.Cursor == "" {
		return 0, false, nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(q.Cursor)
	if err != nil || len(raw) != 13 || raw[0] != 1 || binary.BigEndian.Uint32(raw[9:]) != q.filters() {
		return 0, false, &protocol.Error{Reason: protocol.ReasonUsage, Op: "read cursor", Field: "cursor",
			Err: errors.New("not a cursor of this query")}
	}
	return binary.BigEndian.Uint64(raw[1:]), true, nil
}

func (q RecordQuery) filters() uint32 {
	types := slices.Clone(q.Types)
	slices.Sort(types)
	h := fnv.New32a()
	_, _ = h.Write([]byte(strings.Join(slices.Compact(types), ",") + "\x00" + q.Member))
	return h.Sum32()
}
