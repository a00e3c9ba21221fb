// Package record owns what entries say: the bodies of member profiles, projects,
// experiences, offers, requests, notices and collections, and of what members say about
// one another's records, their code lists with labels in four
// languages, and the validation that reports every fault of a record at once. It never
// decides who may write a record, whether it has expired, or where it is stored.
package record

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"

	"github.com/dure-net/dure/protocol"
)

// Record is the body of one record: *Profile, *Project, *Experience, *Listing (offers
// and requests), *Notice, *Collection or *Withdrawal; or of one entry of an agreement
// (AgreementKinds); or of a remark about a record: *Question, *Reply, *Translation,
// *Adoption, *Endorsement, *Partnership, *Update, *Acknowledgement, *Flag, *Submission or
// *Recall. A revision has the same body as the record.
// Fields of a record that came from Parse or FromBody are valid; who changes them or
// builds a record by hand calls Validate before encoding.
type Record interface {
	// Kind is the header kind under which the body is written.
	Kind() protocol.Kind
	// Head is what lists show. It never fails, whatever the record holds.
	Head() Head
	// Refs lists the records that the body names, in the order of the schema and without
	// repetition: what a header may name too. Files (FilesOf) are not among them: a header
	// outlives the erasure of its body, and the id of a file is a hash of it. The slice is
	// the caller's.
	Refs() []protocol.CID
	// Content is what protocol.EncodeBody takes: the record itself.
	Content() any
}

var (
	_ Record = (*Profile)(nil)
	_ Record = (*Project)(nil)
	_ Record = (*Experience)(nil)
	_ Record = (*Listing)(nil)
	_ Record = (*Notice)(nil)
	_ Record = (*Collection)(nil)
	_ Record = (*Withdrawal)(nil)

	_ Record = (*Proposal)(nil)
	_ Record = (*Acceptance)(nil)
	_ Record = (*Confirmation)(nil)
	_ Record = (*Decline)(nil)
	_ Record = (*Retraction)(nil)
	_ Record = (*Fulfilment)(nil)
	_ Record = (*Cancellation)(nil)
	_ Record = (*Dispute)(nil)
	_ Record = (*Mediation)(nil)
	_ Record = (*Completion)(nil)
	_ Record = (*Feedback)(nil)

	_ Record = (*Question)(nil)
	_ Record = (*Reply)(nil)
	_ Record = (*Translation)(nil)
	_ Record = (*Adoption)(nil)
	_ Record = (*Endorsement)(nil)
	_ Record = (*Partnership)(nil)
	_ Record = (*Update)(nil)
	_ Record = (*Acknowledgement)(nil)
	_ Record = (*Flag)(nil)
	_ Record = (*Submission)(nil)
	_ Record = (*Recall)(nil)
)

// Base is what every body begins with.
type Base struct {
	Type    string   `cbor:"type" json:"type"`                           // the name of the kind
	Lang    string   `cbor:"lang" json:"lang"`                           // the language of the original; every text has it
	Machine []string `cbor:"machine,omitempty" json:"machine,omitempty"` // languages whose texts were produced by machine
}

// Types lists the names of the record types, in order of their kinds: the values of
// the field "type". The slice is the caller's.
func Types() []string {
	var names []string
	for _, k := range recordKinds {
		names = append(names, k.String())
	}
	return names
}

var recordKinds = []protocol.Kind{
	protocol.KindProfile, protocol.KindProject, protocol.KindExperience, protocol.KindOffer, protocol.KindRequest, protocol.KindNotice,
	protocol.KindCollection,
}

// Remarks lists the names of the remark types, in order of their kinds. The slice is the caller's.
func Remarks() []string {
	var names []string
	for _, k := range remarkKinds {
		names = append(names, k.String())
	}
	return names
}

var remarkKinds = []protocol.Kind{
	protocol.KindQuestion, protocol.KindReply, protocol.KindTranslation, protocol.KindAdoption, protocol.KindEndorsement,
	protocol.KindPartnership, protocol.KindUpdate, protocol.KindAcknowledgement, protocol.KindFlag, protocol.KindSubmission,
	protocol.KindRecall,
}

// AgreementKinds are the kinds by which agreements are made, kept and ended, in order. A proposal begins a thread; the
// others speak of one. The slice is the caller's.
func AgreementKinds() []protocol.Kind {
	return []protocol.Kind{
		protocol.KindProposal, protocol.KindAcceptance, protocol.KindConfirmation, protocol.KindDecline, protocol.KindRetraction, protocol.KindFulfilment,
		protocol.KindCancellation, protocol.KindDispute, protocol.KindMediation, protocol.KindCompletion, protocol.KindFeedback,
	}
}

// binders has the schema of each kind.
func binderOf(kind protocol.Kind) func(*object) Record {
	switch kind {
	case protocol.KindWithdraw:
		return bindWithdrawal
	case protocol.KindProfile:
		return bindProfile
	case protocol.KindProject:
		return bindProject
	case protocol.KindExperience:
		return bindExperience
	case protocol.KindOffer:
		return func(o *object) Record { return bindListing(o, protocol.KindOffer) }
	case protocol.KindRequest:
		return func(o *object) Record { return bindListing(o, protocol.KindRequest) }
	case protocol.KindNotice:
		return bindNotice
	case protocol.KindProposal:
		return bindProposal
	case protocol.KindAcceptance:
		return bindAcceptance
	case protocol.KindConfirmation:
		return bindConfirmation
	case protocol.KindDecline:
		return bindDecline
	case protocol.KindRetraction:
		return bindRetraction
	case protocol.KindFulfilment:
		return bindFulfilment
	case protocol.KindCancellation:
		return bindCancellation
	case protocol.KindDispute:
		return bindDispute
	case protocol.KindMediation:
		return bindMediation
	case protocol.KindCompletion:
		return bindCompletion
	case protocol.KindFeedback:
		return bindFeedback
	case protocol.KindCollection:
		return bindCollection
	case protocol.KindQuestion:
		return bindQuestion
	case protocol.KindReply:
		return bindReply
	case protocol.KindTranslation:
		return bindTranslation
	case protocol.KindAdoption:
		return bindAdoption
	case protocol.KindEndorsement:
		return bindEndorsement
	case protocol.KindPartnership:
		return bindPartnership
	case protocol.KindUpdate:
		return bindUpdate
	case protocol.KindAcknowledgement:
		return bindAcknowledgement
	case protocol.KindFlag:
		return bindFlag
	case protocol.KindSubmission:
		return bindSubmission
	case protocol.KindRecall:
		return bindRecall
	}
	return nil
}

// Parse reads a record or a remark of the given kind (one of Types or Remarks, or KindWithdraw) from JSON
// that a person or a program wrote. Every fault is reported at once: the error is a
// *protocol.Error of ReasonInvalid around Faults (see FaultsOf), and the record is nil.
// Parse repairs nothing; an empty list counts as absent.
func Parse(kind protocol.Kind, raw []byte) (Record, error) { return ParseWith(kind, raw, nil) }

// ParseWith is Parse with a resolver for references that are not CIDs: short numbers,
// prefixes, the refs of a sample file. The resolver reports whether it knows the name;
// where it does not, the fault is unknown_record.
func ParseWith(kind protocol.Kind, raw []byte, resolve func(name string) (protocol.RecordID, bool)) (Record, error) {
	m, twice := readJSON(raw)
	if m == nil {
		return nil, twice.err("parse record")
	}
	r, faults := bind(kind, m, &binder{resolve: resolve, faults: twice, count: len(twice)})
	if err := faults.err("parse record"); err != nil {
		return nil, err
	}
	return r, nil
}

// ParseAny is ParseWith for JSON whose own field "type" says what it is.
func ParseAny(raw []byte, resolve func(name string) (protocol.RecordID, bool)) (Record, error) {
	m, twice := readJSON(raw)
	if m == nil {
		return nil, twice.err("parse record")
	}
	b := &binder{resolve: resolve, faults: twice, count: len(twice)}
	name := (&object{binder: b, m: m}).code("type", must, RecordTypes)
	kind, ok := protocol.ParseKind(name)
	if !ok {
		return nil, b.faults.err("parse record")
	}
	r, faults := bind(kind, m, b)
	if err := faults.err("parse record"); err != nil {
		return nil, err
	}
	return r, nil
}

// FromBody reads a body block of the ledger. Bytes that are no canonical body are a
// *protocol.Error as protocol.BodyContent gives; a body with faults is ReasonInvalid
// around Faults. Fields that this version does not know are tolerated and left out of
// the record; the block keeps them.
func FromBody(kind protocol.Kind, raw []byte) (Record, error) {
	content, err := protocol.BodyContent(raw)
	if err != nil {
		return nil, err
	}
	return FromData(kind, content)
}

// FromData is FromBody of a body that is open already (protocol.BodyContent). The record
// may share slices and maps with the data.
func FromData(kind protocol.Kind, data map[string]any) (Record, error) {
	r, faults := bind(kind, data, &binder{body: true})
	if err := faults.err("read body"); err != nil {
		return nil, err
	}
	return r, nil
}

// FromContent reads the content of a record as programs are given it: JSON made of a body,
// with links as text. Fields that this version does not know are tolerated, as by FromBody.
func FromContent(kind protocol.Kind, content map[string]any) (Record, error) {
	raw, err := json.Marshal(content)
	if err != nil {
		return nil, protocol.Fail(protocol.ReasonMalformed, "read content", err)
	}
	m, twice := readJSON(raw)
	if m == nil {
		return nil, twice.err("read content")
	}
	r, faults := bind(kind, m, &binder{newer: true, faults: twice, count: len(twice)})
	if err := faults.err("read content"); err != nil {
		return nil, err
	}
	return r, nil
}

// Validate reports all faults of a record built or changed in code; nil when valid.
func Validate(r Record) Faults {
	content, err := generic(r)
	if err != nil {
		return Faults{{Code: FaultMalformed}}
	}
	_, faults := bind(r.Kind(), content, &binder{body: true})
	return faults
}

// Encode writes the body block of a valid record. The slice is the caller's. An
// invalid record is ReasonInvalid around Faults.
func Encode(salt protocol.Salt, r Record) ([]byte, error) {
	if err := Validate(r).err("encode record"); err != nil {
		return nil, err
	}
	return protocol.EncodeBody(salt, r.Content())
}

// generic is a record as BodyContent gives it.
func generic(r Record) (map[string]any, error) {
	raw, err := protocol.Encode(r.Content())
	if err != nil {
		return nil, err
	}
	v, err := protocol.DecodeGeneric(raw)
	if err != nil {
		return nil, err
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("not a map")
	}
	return m, nil
}

// bind runs the schema of kind over m and then the rules for the record as a whole.
func bind(kind protocol.Kind, m map[string]any, b *binder) (Record, Faults) {
	schema := binderOf(kind)
	if schema == nil {
		return nil, Faults{{Field: "type", Code: FaultNotInList, Value: kind.String(), Args: args("list", string(RecordTypes), "allowed", joinCodes(Types()))}}
	}
	b.spoken = map[string]bool{}
	o := &object{binder: b, m: m}
	r := schema(o)
	o.done()
	if len(b.faults) > 0 {
		return nil, b.faults
	}
	raw, err := protocol.Encode(r.Content())
	if err != nil {
		b.fault("", FaultMalformed, "")
	} else if size := len(raw) + bodyFrame; size > protocol.MaxBodyBytes {
		b.fault("", FaultTooLarge, "", "size", strconv.Itoa(size), "max", strconv.Itoa(protocol.MaxBodyBytes))
	}
	return r, b.faults
}

// bodyFrame is what EncodeBody adds to the content: a map of two, its keys and the salt.
const bodyFrame = 1 + 5 + 5 + 1 + len(protocol.Salt{})

// base takes the fields that every body begins with.
func (o *object) base(kind protocol.Kind) Base {
	b := Base{Type: kind.String()}
	if s, ok := o.str("type", must, "code", `"`+kind.String()+`"`); ok && s != b.Type {
		o.fault(o.at("type"), FaultNotInList, s, "list", string(RecordTypes), "allowed", b.Type)
	}
	if s, ok := o.str("lang", must, "language", "the language of the original"); ok && o.checkTag(o.at("lang"), s) {
		b.Lang, o.lang = s, s
	}
	return b
}

// machine takes the languages that a machine wrote. It comes last, when all texts are
// read: only languages that occur can be named, and never the original's.
func (o *object) machine() []string {
	return o.strings("machine", may, "language", 0, protocol.MaxLanguages, "languages of texts produced by machine; not lang", func(path, tag string) {
		switch {
		case !o.checkTag(path, tag):
		case tag == o.lang:
			o.fault(path, FaultConflict, tag, "with", o.at("lang"))
		case !o.spoken[tag]:
			o.fault(path, FaultNotInList, tag, "list", "machine", "allowed", joinCodes(slices.Sorted(maps.Keys(o.spoken))))
		}
	})
}

// links gathers references, skipping absent and repeated ones.
func links(ids ...*protocol.CID) []protocol.CID {
	var out []protocol.CID
	for _, id := range ids {
		if id != nil && !id.IsZero() && !slices.Contains(out, *id) {
			out = append(out, *id)
		}
	}
	return out
}

func pointers(ids []protocol.CID) []*protocol.CID {
	var out []*protocol.CID
	for i := range ids {
		out = append(out, &ids[i])
	}
	return out
}
