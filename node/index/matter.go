package index

import (
	"crypto/sha256"
	"encoding/json"
	"slices"
	"time"

	"github.com/dure-net/dure/node/index/token"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// MatterKind is a kind of matter. The numbers are in the file, and the order is that of
// lists: append only, or raise schemaVersion.
type MatterKind uint8

const (
	MatterMember    MatterKind = 1
	MatterAgreement MatterKind = 2
	MatterAct       MatterKind = 3 // also a decision that is no act yet
)

var matterNames = map[MatterKind]string{MatterMember: "member", MatterAgreement: "agreement", MatterAct: "act"}

// String is the stable name of the kind.
func (k MatterKind) String() string { return matterNames[k] }

// MatterKinds lists all kinds. The slice is the caller's.
func MatterKinds() []MatterKind { return []MatterKind{MatterMember, MatterAgreement, MatterAct} }

// ParseMatterKind is the inverse of String.
func ParseMatterKind(name string) (MatterKind, bool) {
	for k, n := range matterNames {
		if n == name {
			return k, true
		}
	}
	return 0, false
}

// Matter is what no single entry says and many together do: a member, an agreement, a
// decision or act. The index keeps what finds it, and not what it is: whoever shows one
// asks the fold that it comes from, so that nothing is shown that does not stand any more.
type Matter struct {
	Kind MatterKind
	Name string // by which its fold knows it, unique in its kind: a handle, a CID

	By     protocol.EntryID // the entry that brought it about; undefined: it was always there
	Time   time.Time        // claimed; zero: unknown. The order of lists
	Closes record.Day       // after which it is over; "": never

	Titles []string // words of most weight
	Words  []string // other words

	Members  []string // handles of those it is about
	Country  string
	State    string
	Category []string
	Langs    []string
	Themes   []string
}

// Folds are what members, decisions and agreements follow from. They are asked by the
// Follower, and answer from memory and the disk, never waiting for the index.
type Folds interface {
	// Charter is all members and decisions as they stand.
	Charter() []Matter

	// Today is the day on which agreements are judged.
	Today() record.Day

	// Agreement is the one that a proposal belongs to; false where none stands.
	Agreement(proposal protocol.EntryID) (Matter, bool)
}

type nothing struct{}

func (nothing) Today() record.Day                         { return "" }
func (nothing) Charter() []Matter                         { return nil }
func (nothing) Agreement(protocol.EntryID) (Matter, bool) { return Matter{}, false }

// facets are the values that a matter is found by, in order.
func (m *Matter) facets() []termKey {
	out := []termKey{{FacetType, m.Kind.String()}}
	add := func(f Facet, values ...string) {
		for _, v := range values {
			if k := (termKey{f, v}); v != "" && len(v) <= maxValue && !slices.Contains(out, k) {
				out = append(out, k)
			}
		}
	}
	add(FacetMember, m.Members...)
	add(FacetCountry, m.Country)
	add(FacetState, m.State)
	add(FacetCategory, m.Category...)
	add(FacetLang, m.Langs...)
	add(FacetTheme, m.Themes...)
	return out
}

// sum tells whether two say the same.
func (m *Matter) sum() ([]byte, error) {
	raw, err := json.Marshal(m)
	sum := sha256.Sum256(raw)
	return sum[:16], err
}

func tokens(texts []string) string {
	out := []byte{}
	for _, t := range texts {
		out = token.Append(out, t)
	}
	return string(out)
}
