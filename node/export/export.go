// Package export owns how records are written for other programs: one JSON object a line,
// a table for Excel, JSON-LD with schema.org and ValueFlows, GeoJSON. It never reads a
// store, opens no connection and asks nobody for a context: what the terms mean stands in
// every document.
//
// What is written depends on the records and the day alone, and on nothing of the node that
// writes: two nodes whose ledger roots are equal, and neither of which waits for a body,
// write the same bytes.
package export

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
)

// Head is what a document says of itself.
type Head struct {
	Federation string            // CID of the founding act
	Names      map[string]string // of the federation
	Root       string            // ledger root of what is written
	AsOf       string            // day on which validity was judged, YYYY-MM-DD
	Lang       string            // language of texts in formats that hold one; "": the record's own
}

// Record is one record as it is written: nothing of it is this node's alone.
type Record struct {
	ID        string            `json:"id"`
	Number    string            `json:"number,omitempty"`
	Type      string            `json:"type"`
	Member    string            `json:"member"`
	Names     map[string]string `json:"names,omitempty"`
	Owner     string            `json:"owner,omitempty"`
	Lang      string            `json:"lang,omitempty"`
	State     string            `json:"state"`    // as in api.Record
	Standing  string            `json:"standing"` // see api.Record.StandingOn
	Time      time.Time         `json:"time"`
	Revisions int               `json:"revisions"`
	Entry     string            `json:"entry"`
	Body      string            `json:"body,omitempty"`
	Feed      string            `json:"feed"`
	FeedSeq   uint64            `json:"feed_seq"`
	Content   map[string]any    `json:"content,omitempty"`
	Reason    map[string]string `json:"reason,omitempty"`
}

// Of takes from a record what does not depend on the node, and judges it on a day.
func Of(r api.Record, asOf string) Record {
	out := Record{ID: r.ID, Number: r.Number, Type: r.Type, Member: r.Member, Names: r.Names, Owner: r.Owner, Lang: r.Lang,
		State: string(r.State), Time: r.Time.UTC(), Revisions: r.Revisions, Entry: r.Entry, Body: r.Body, Feed: r.Feed, FeedSeq: r.FeedSeq,
		Content: r.Content, Reason: r.Reason}
	out.Standing = r.StandingOn(asOf)
	return out
}

// Writer writes one document. After an error what was written is no document.
type Writer interface {
	// Add writes a record; false where the format has no place for it.
	Add(r Record) (bool, error)
	// Close writes the end. It does not close what is written to.
	Close() error
}

// Formats are the names of all formats that New knows. The slice is the caller's.
func Formats() []string { return []string{"ndjson", "csv", "jsonld", "geojson"} }

// Media is the media type of a format; "" for one that is none.
func Media(format string) string {
	switch format {
	case "ndjson":
		return "application/x-ndjson"
	case "csv":
		return "text/csv; charset=utf-8"
	case "jsonld":
		return "application/ld+json"
	case "geojson":
		return "application/geo+json"
	}
	return ""
}

// New begins a document. A format that is none is ReasonUsage with Field "format".
func New(format string, w io.Writer, h Head) (Writer, error) {
	out := bufio.NewWriterSize(w, 64<<10)
	switch format {
	case "ndjson":
		return &lines{out}, nil
	case "csv":
		return newTable(out, h)
	case "jsonld":
		return newGraph(out, h)
	case "geojson":
		return newMap(out, h)
	}
	return nil, &protocol.Error{Reason: protocol.ReasonUsage, Op: "export", Field: "format",
		Args: map[string]string{"value": format, "want": "car, " + strings.Join(Formats(), ", ")}, Err: errors.New("no such format")}
}

// lines is NDJSON: a record a line.
type lines struct{ out *bufio.Writer }

func (l *lines) Add(r Record) (bool, error) {
	raw, err := compact(r)
	if err != nil {
		return false, err
	}
	_, err = l.out.Write(append(raw, '\n'))
	return true, err
}

func (l *lines) Close() error { return l.out.Flush() }

// list is a JSON document whose last member is a list: begin, elements, end.
type list struct {
	out  *bufio.Writer
	any  bool
	tail string
}

// newList writes the members of head and begins the list under name.
func newList(out *bufio.Writer, head map[string]any, name string) (*list, error) {
	raw, err := compact(head) // keys in order
	if err != nil {
		return nil, err
	}
	begin := strings.TrimSuffix(string(raw), "}")
	if len(head) > 0 {
		begin += ","
	}
	_, err = out.WriteString(begin + `"` + name + `":[`)
	return &list{out: out, tail: "\n]}\n"}, err
}

func (l *list) add(v any) error {
	raw, err := compact(v)
	if err != nil {
		return err
	}
	if l.any {
		_ = l.out.WriteByte(',') // bufio keeps the error for Flush
	}
	l.any = true
	_ = l.out.WriteByte('\n')
	_, err = l.out.Write(raw)
	return err
}

func (l *list) Close() error {
	_, _ = l.out.WriteString(l.tail)
	return l.out.Flush()
}

// compact is JSON in one line, with letters as they are, but those that would end the
// script of a page into which somebody pastes it.
func compact(v any) ([]byte, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, protocol.Fail(protocol.ReasonInternal, "export", err)
	}
	return raw, nil
}

// text is a text by language in one of them: the wished one, the record's own, English,
// the first by tag.
func text(v any, wish, own string) (value, lang string) {
	m, _ := v.(map[string]any)
	for _, tag := range []string{wish, own, "en"} {
		if s, ok := m[tag].(string); ok && tag != "" {
			return s, tag
		}
	}
	for tag := range m {
		if s, ok := m[tag].(string); ok && (lang == "" || tag < lang) {
			value, lang = s, tag
		}
	}
	return value, lang
}

func str(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case nil:
		return ""
	}
	raw, _ := compact(v)
	return strings.Trim(string(raw), `"`)
}

// in reads a member of an object; nil where there is none.
func in(v any, name string) any {
	m, _ := v.(map[string]any)
	return m[name]
}
