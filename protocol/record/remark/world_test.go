package remark

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// world is some members, each with a chain of entries, and a record that they speak of.
type world struct {
	t     *testing.T
	about Subject
	said  []Said
	seqs  map[string]uint64
	now   time.Time
	act   uint64
	chair string // holds the secretariat
	until uint64 // up to this act; 0: for ever
	lifts []uint64
	asOf  record.Day
}

func newWorld(t *testing.T, kind protocol.Kind, body string) *world {
	w := &world{t: t, seqs: map[string]uint64{}, now: time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC), chair: "int-office", asOf: "2026-12-01"}
	w.about = Subject{Record: id("record"), Kind: kind, Owner: "kr-seoul", Current: id("record"), Time: w.now.UnixMilli(), Body: w.parse(kind, body),
		Versions: map[protocol.EntryID]record.Record{}}
	w.about.Versions[w.about.Current] = w.about.Body
	return w
}

func id(name string) protocol.CID { return protocol.Sum([]byte(name)) }

func (w *world) parse(kind protocol.Kind, body string) record.Record {
	w.t.Helper()
	r, err := record.Parse(kind, []byte(body))
	if err != nil {
		w.t.Fatalf("%s: %v", body, record.FaultsOf(err))
	}
	return r
}

// says has a member write a remark; a member's name may end in "/2" for its second node.
// Without fields its text is not here; "-" is a remark of no fields.
func (w *world) says(who string, kind protocol.Kind, fields string, refs ...protocol.CID) protocol.EntryID {
	w.t.Helper()
	member := who
	if i := len(who) - 2; i > 0 && who[i] == '/' {
		member = who[:i]
	}
	w.seqs[who]++
	w.now = w.now.Add(time.Minute)
	s := Said{Entry: id(fmt.Sprint(who, w.seqs[who])), Feed: id(who), Seq: w.seqs[who], Member: member, Kind: kind, Time: w.now.UnixMilli(),
		Act: protocol.ActRef{Number: w.act}, Of: w.about.Record, Refs: refs}
	switch fields {
	case "":
	case "-":
		s.Body = w.parse(kind, `{"type":"`+kind.String()+`","lang":"en"}`)
	default:
		s.Body = w.parse(kind, `{"type":"`+kind.String()+`","lang":"en",`+fields+`}`)
	}
	w.said = append(w.said, s)
	return s.Entry
}

func (w *world) charter() Charter {
	return Charter{Lifts: w.lifts,
		Holds: func(at protocol.ActRef, office protocol.Office, member string) bool {
			return office == protocol.OfficeSecretariat && member == w.chair && (w.until == 0 || at.Number <= w.until)
		},
		Members: []Member{{"ca-montreal", "CA", "public", true}, {"fr-youth", "FR", "youth", false}, {"kr-seoul", "KR", "public", true}, {"sn-dakar", "SN", "public", true}}}
}

func (w *world) view() View { return Fold(w.about, w.said, w.charter(), w.asOf) }

// revise gives the record another version.
func (w *world) revise(body string) {
	w.t.Helper()
	w.about.Current, w.about.Body = id("revision"), w.parse(w.about.Kind, body)
	w.about.Versions[w.about.Current] = w.about.Body
}

func (w *world) why(entry protocol.EntryID) Why {
	for _, a := range w.view().Aside {
		if a.ID == entry.String() {
			return a.Why
		}
	}
	return ""
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

const (
	experience = `{"type":"experience","lang":"en","title":{"en":"Reading rooms"},"period":{"from":"2019-03-01","to":"2024-12-31"},"place":{"country":"KR","label":"Seoul"},
		"problem":{"en":"P"},"approach":{"en":"A"},"lessons":{"en":"L"},"themes":["care"],"licence":"CC-BY-4.0"}`
	project = `{"type":"project","lang":"en","title":{"en":"Care"},"summary":{"en":"S"},"status":"active","themes":["care"],"place":{"country":"KR","label":"Seoul"},
		"starts":"2026-09-01","partners":["sn-dakar","ca-montreal"],"goals":[{"text":{"en":"Five"},"target":{"value":"5","unit":"C62"}}]}`
	offer = `{"type":"offer","lang":"en","kind":"personnel","mode":"mentoring","title":{"en":"T"},"summary":{"en":"S"},"themes":["care"],"effort":{"value":"10","unit":"DAY"},
		"window":{"from":"2027-01-01","to":"2027-02-01"},"delivery":"remote","working_languages":["en"],"return":"gift","valid_until":"2027-01-31"}`
	call   = `{"type":"notice","lang":"en","category":"call","title":{"en":"T"},"body":{"en":"B"},"valid_until":"2027-01-31","deadline":"2026-12-20"}`
	notice = `{"type":"notice","lang":"en","category":"news","title":{"en":"T"},"body":{"en":"B"},"valid_until":"2027-01-31","ack_wanted":true%s}`
)
