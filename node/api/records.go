package api

import (
	"encoding/json"
	"slices"
	"time"
)

// Bounds of the interface. Unlike those of package protocol they bind only this node.
const (
	MinPrefix    = 8   // shortest CID prefix taken for a record; shorter ones collide
	DefaultLimit = 50  // records of a page when the caller names no number
	MaxLimit     = 200 // records of a page; beyond: 422
)

// RecordState is what can be said of a record's content. Append only.
type RecordState string

const (
	RecordPublished RecordState = "published"
	RecordWithdrawn RecordState = "withdrawn"
	RecordErased    RecordState = "erased"  // the content was erased for good
	RecordWanted    RecordState = "wanted"  // the content is on its way
	RecordInvalid   RecordState = "invalid" // the content says nothing this node understands
)

// RecordPage is one page of records.
type RecordPage struct {
	Items      []Record `json:"items"`
	AsOf       string   `json:"as_of,omitempty" doc:"the day on which standing was judged"`
	NextCursor string   `json:"next_cursor" doc:"empty on the last page; opaque"`
	Relaxed    bool     `json:"relaxed,omitempty" doc:"nothing has the words as they were typed; these have them in other forms"`
	Unranked   bool     `json:"unranked,omitempty" doc:"so many records have the words that these are the newest, not the most relevant"`
}

// Record is the current version of one record.
type Record struct {
	ID        string            `json:"id" doc:"CID of the record's first entry"`
	Number    string            `json:"number,omitempty" doc:"short number to cite, as kr-seoul-41"`
	Given     string            `json:"given,omitempty" doc:"the short number that it was given and that another record has; this one is cited by the beginning of its id"`
	Type      string            `json:"type" doc:"profile, project, experience, offer, request, notice or collection"`
	Member    string            `json:"member" doc:"handle of the owner"`
	Names     map[string]string `json:"names,omitempty" doc:"the owner's names by language"`
	Owner     string            `json:"owner,omitempty" doc:"suspended or removed, where the member is; its record stands and is marked"`
	Lang      string            `json:"lang,omitempty" doc:"language the record was written in"`
	State     RecordState       `json:"state" enum:"published,withdrawn,erased,wanted,invalid"`
	Time      time.Time         `json:"time" doc:"when the owner says the current version was written"`
	Seq       uint64            `json:"seq" doc:"local sequence of the current version on this node"`
	Revisions int               `json:"revisions" doc:"versions after the first"`
	Entry     string            `json:"entry" doc:"CID of the current version's signed header"`
	Body      string            `json:"body,omitempty" doc:"CID of the current version's body"`
	Feed      string            `json:"feed" doc:"CID of the chain of entries that holds the current version"`
	FeedSeq   uint64            `json:"feed_seq" doc:"place in that chain"`
	Content   map[string]any    `json:"content,omitempty" doc:"the record's fields; absent where the content is not at hand"`
	Reason    map[string]string `json:"reason,omitempty" doc:"why it was withdrawn, by language"`
	Flag      *Flagged          `json:"flag,omitempty" doc:"the secretariat has folded it away, with the reason; its content is here all the same"`
	For       []string          `json:"for,omitempty" doc:"handles of the members that it is for; absent where everybody reads it"`
	Erased    *ErasedBy         `json:"erased,omitempty" doc:"by whose word the content is gone; only where state is erased"`

	Standing string `json:"standing,omitempty" doc:"in lists: open where somebody could answer it on as_of; else what keeps them from it: paused, closed or expired, or the state"`

	Stock *Stock `json:"stock,omitempty" doc:"of one offer or request on which an agreement draws: what is left of it"`
}

// StandingOn is "open" where somebody could answer the record on a day, YYYY-MM-DD; else what
// keeps them from it: paused, closed or expired, or the State where the content does not
// speak.
func (r Record) StandingOn(day string) string {
	if r.State != RecordPublished {
		return string(r.State)
	}
	if state, _ := r.Content["state"].(string); state != "" && state != "published" {
		return state
	}
	if until, _ := r.Content["valid_until"].(string); until != "" && until < day {
		return "expired"
	}
	return "open"
}

// Judge says of each record of the page how it stands on a day.
func (p *RecordPage) Judge(day string) {
	p.AsOf = day
	for i, r := range p.Items {
		p.Items[i].Standing = r.StandingOn(day)
	}
}

// citedLetters are the letters of an id that people cite: the head that all ids share,
// and 40 bits.
const citedLetters = 15

// Cited is how people name the record: its number, or else the beginning of its id.
func (r Record) Cited() string {
	if r.Number != "" {
		return r.Number
	}
	return r.ID[:min(len(r.ID), citedLetters)]
}

// Flagged says why the secretariat has folded a record away.
type Flagged struct {
	Member string            `json:"member" doc:"who holds the office"`
	Reason string            `json:"reason" doc:"mistaken, abusive, personal_data, duplicate, unlawful or other"`
	Text   map[string]string `json:"text" doc:"the reason in words, by language"`
	Lang   string            `json:"lang"`
	Time   time.Time         `json:"time" doc:"as claimed by it"`
}

// Draft is what a member wants to publish. Raw is the record as JSON, as posted:
// {"type":"request","lang":"ko",…}. Type repeats its type.
type Draft struct {
	Type string
	Raw  json.RawMessage
	Of   string // the record to revise, named as in Reader.Record; empty for a new one
	Dry  bool   // judge it and write nothing

	// Version, where it is not empty, is the entry that the revision was made from: a newer
	// one is ReasonConflict with its CID in Args "superseded".
	Version string

	// For are the members that an offer or a request is for: nobody else reads it, or learns
	// that it is one. Nil: every member reads it.
	For []string
}

// Receipt says that an entry is durable on this node.
type Receipt struct {
	ID      string `json:"id" doc:"CID of the new entry"`
	Record  string `json:"record" doc:"CID of the record; the same as id for a new record"`
	Number  string `json:"number" doc:"short number to cite, as kr-seoul-41"`
	Seq     uint64 `json:"seq" doc:"local sequence"`
	Feed    string `json:"feed" doc:"CID of the chain of entries it was written to"`
	FeedSeq uint64 `json:"feed_seq" doc:"place in that chain"`

	Held *Held `json:"held,omitempty" doc:"which other nodes hold it; only where Prefer asked to wait for that"`

	Dry      bool       `json:"dry_run,omitempty" doc:"nothing was written, and every other field but warnings is empty"`
	Warnings []Personal `json:"warnings,omitempty" doc:"what looks like data of private persons"`
}

// Held is how far an entry has come.
type Held struct {
	Wanted int      `json:"wanted" doc:"other nodes that were to hold it"`
	Nodes  int      `json:"nodes" doc:"other nodes that have told this one that they hold it"`
	By     []string `json:"by" doc:"handles of the members whose nodes those are"`
}

// Personal is something in a record that looks like data of a private person: a guess,
// and no fault.
type Personal struct {
	Field string `json:"field" doc:"path in the record"`
	Code  string `json:"code" doc:"email, phone, national or bank_account"`
	Found string `json:"found" doc:"the words in question"`
}

// Codec says how a block's bytes are to be read.
type Codec string

const (
	CodecDagCBOR Codec = "dag-cbor"
	CodecRaw     Codec = "raw"
)

// Block is exact bytes; whoever hashes them gets the CID.
type Block struct {
	CID   string
	Codec Codec
	Data  []byte // the caller's

	Erasable bool // it may be erased one day: nobody keeps it without asking again
	Sealed   bool // it is of what members write to chosen others: not for callers without a token
}

// EventType is what happened. Append only; the strings are an interface.
type EventType string

const (
	EventRecord     EventType = "record"     // a new record
	EventRevision   EventType = "revision"   // a new version of one
	EventWithdrawal EventType = "withdrawal" // one was withdrawn
	EventErasure    EventType = "erasure"    // the content of one was erased by its owner
	EventAct        EventType = "act"        // a decision became final
	EventMember     EventType = "member"     // somebody joined, left or changed nodes
	EventEntry      EventType = "entry"      // anything else in the ledger
	EventSetAside   EventType = "set_aside"  // an entry stopped counting: another history of a node that signed two was chosen
	EventReset      EventType = "reset"      // the asked sequence is not of this store: list anew, go on after Seq
)

// eventTypes lists the types of events that can be asked for.
func eventTypes() []string {
	var names []string
	for _, t := range []EventType{EventRecord, EventRevision, EventWithdrawal, EventErasure, EventAct, EventMember, EventEntry, EventSetAside} {
		names = append(names, string(t))
	}
	return names
}

// Event is one thing that happened to the copy on this disk.
type Event struct {
	Seq        uint64    `json:"seq" doc:"local sequence; rises, and may skip numbers"`
	Type       EventType `json:"type" enum:"record,revision,withdrawal,erasure,act,member,entry,set_aside,reset"`
	ID         string    `json:"id,omitempty" doc:"CID of the entry"`
	Record     string    `json:"record,omitempty" doc:"CID of the record"`
	Number     string    `json:"number,omitempty"`
	RecordType string    `json:"record_type,omitempty"`
	Member     string    `json:"member,omitempty"`
	Via        string    `json:"via,omitempty" doc:"how it came: local, gossip, catchup or import"`
	Time       time.Time `json:"time,omitzero" doc:"when its author says it was written"`
}

// PlainContent is content with all texts by language typed alike: what came over HTTP and a
// body read here differ in that. The map is the caller's.
func PlainContent(content map[string]any) map[string]any {
	out := make(map[string]any, len(content))
	for name, value := range content {
		out[name] = plainValue(value)
	}
	return out
}

func plainValue(value any) any {
	switch v := value.(type) {
	case map[string]string:
		out := make(map[string]any, len(v))
		for k, s := range v {
			out[k] = s
		}
		return out
	case map[string]any:
		return PlainContent(v)
	case []any:
		out := slices.Clone(v)
		for i := range out {
			out[i] = plainValue(out[i])
		}
		return out
	}
	return value
}
