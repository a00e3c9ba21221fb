// Package sample owns the made-up demonstration federation: twenty members that exist
// and forty records that were invented for them. It never signs, publishes or reads a
// clock; whoever shows these records says that they are made up (About).
package sample

import (
	_ "embed"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dure-net/dure/protocol"
)

// Anchor is the day that the dates of the records are written around; a demonstration
// shifts it to the day it runs on.
const Anchor = "2026-12-15"

// Member is one member of the demonstration federation.
type Member struct {
	Handle  string            `json:"handle"`
	Kind    string            `json:"kind"` // city, region or organisation
	OrgType string            `json:"org_type"`
	Country string            `json:"country"`
	Names   map[string]string `json:"names"` // BCP-47 tag to name; always with ko and en
	Place   string            `json:"place"`
	Lat     string            `json:"lat"` // decimal degrees
	Lon     string            `json:"lon"`
	Locode  string            `json:"locode"`
	City    string            `json:"city"` // for an organisation: its city's handle, where that is one of the members
}

// Record is one record to publish: the body as record.Parse reads it, and whose it is.
type Record struct {
	Ref    string // "P1": how other sample records name it
	Member string // handle of the owner
	Type   string // project, offer, request, experience
	JSON   []byte // the body; references in it are refs until Resolve
}

var (
	//go:embed records.json
	recordsFile []byte
	//go:embed members.json
	membersFile []byte
)

// About says in ko, en, fr and es that the records are made up. The map is the caller's.
func About() map[string]string {
	var file struct {
		About map[string]string `json:"about"`
	}
	read(recordsFile, &file)
	return file.About
}

// Members lists the twenty members that own records. The slice is the caller's.
func Members() []Member {
	var file struct {
		Members []Member `json:"members"`
	}
	read(membersFile, &file)
	return file.Members
}

// Records lists the forty records, each after the records it refers to: projects come
// first. The slice is the caller's.
func Records() []Record {
	var file struct {
		Records []map[string]json.RawMessage `json:"records"`
	}
	read(recordsFile, &file)
	out := make([]Record, 0, len(file.Records))
	for _, body := range file.Records {
		var r Record
		for name, into := range map[string]*string{"ref": &r.Ref, "member": &r.Member, "type": &r.Type} {
			read(body[name], into)
		}
		for _, envelope := range []string{"illustrative", "ref", "member"} {
			delete(body, envelope)
		}
		r.JSON = write(body)
		out = append(out, r)
	}
	slices.SortStableFunc(out, func(a, b Record) int { return rank(a) - rank(b) })
	return out
}

func rank(r Record) int {
	if r.Type == "project" {
		return 0
	}
	return 1
}

// DaysTo is how many whole days lie between Anchor and day (YYYY-MM-DD); negative for
// earlier days. The error tells of a day that does not exist.
func DaysTo(day string) (int, error) {
	to, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return 0, &protocol.Error{Reason: protocol.ReasonUsage, Op: "shift sample dates", Field: "day", Err: err}
	}
	return int(to.Sub(anchor()).Hours() / 24), nil
}

func anchor() time.Time {
	t, err := time.Parse(time.DateOnly, Anchor)
	if err != nil {
		panic("dure: internal error: " + err.Error())
	}
	return t
}

// dated are the fields that hold days, wherever they stand.
var dated = []string{"from", "to", "starts", "ends", "valid_from", "valid_until"}

// Shift moves every date of the record by whole days. r itself is unchanged.
func (r Record) Shift(days int) Record {
	var body map[string]any
	read(r.JSON, &body)
	shift(body, days)
	r.JSON = write(body)
	return r
}

func shift(v any, days int) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			shift(e, days)
		}
	case map[string]any:
		for name, e := range v {
			if s, ok := e.(string); ok && slices.Contains(dated, name) {
				if t, err := time.Parse(time.DateOnly, s); err == nil {
					v[name] = t.AddDate(0, 0, days).Format(time.DateOnly)
				}
				continue
			}
			shift(e, days)
		}
	}
}

// referring are the fields that hold refs of other sample records.
var referring = []string{"project", "continues", "link"}

// Refs lists the refs of other sample records that this one names, sorted; nil where
// it names none.
func (r Record) Refs() []string {
	var body map[string]any
	read(r.JSON, &body)
	var out []string
	for _, name := range referring {
		if ref, ok := body[name].(string); ok {
			out = append(out, ref)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Resolve puts record ids (base32 CIDs) in place of refs. ids maps refs to ids; refs
// that it lacks are an error naming them. r itself is unchanged.
func (r Record) Resolve(ids map[string]string) (Record, error) {
	var body map[string]any
	read(r.JSON, &body)
	missing := map[string]bool{}
	for _, name := range referring {
		ref, ok := body[name].(string)
		if !ok {
			continue
		}
		id, known := ids[ref]
		if !known {
			missing[ref] = true
			continue
		}
		body[name] = id
	}
	if len(missing) > 0 {
		return Record{}, &protocol.Error{Reason: protocol.ReasonNotFound, Op: "resolve sample record", ID: r.Ref,
			Args: map[string]string{"missing": strings.Join(slices.Sorted(maps.Keys(missing)), ", ")}}
	}
	r.JSON = write(body)
	return r, nil
}

// read decodes bytes that are part of this package.
func read(raw []byte, into any) {
	if err := json.Unmarshal(raw, into); err != nil {
		panic("dure: internal error: sample data: " + err.Error())
	}
}

func write(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		panic("dure: internal error: sample data: " + err.Error())
	}
	return raw
}
