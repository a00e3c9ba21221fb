package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/dure-net/dure/node/access"
)

// Why is why something is erased. It stays readable for ever: nothing belongs into it
// that is to be forgotten.
type Why struct {
	Code   string            `json:"code,omitempty" enum:"personal_data,mistake,rights,law,other" doc:"in one word"`
	Reason map[string]string `json:"reason,omitempty" doc:"in the owner's words, by language; it is never erased itself"`
}

// ErasedBy says by whose word a content is gone.
type ErasedBy struct {
	Why
	Member string    `json:"member,omitempty" doc:"handle of the owner that erased it; absent where an act did"`
	Act    uint64    `json:"act,omitempty" doc:"number of the act that erased it; absent where the owner did"`
	Time   time.Time `json:"time,omitzero" doc:"when its author says it was erased"`
	Entry  string    `json:"entry,omitempty" doc:"CID of the owner's erasure"`
}

// Erasure is how far the erasure of a record is. A node that has not answered may be
// offline; one that has left the federation is not listed, and cannot be made to answer.
type Erasure struct {
	Record string        `json:"record" doc:"CID of the record"`
	Number string        `json:"number,omitempty"`
	Erased bool          `json:"erased" doc:"false: the content stands, and nothing below is told"`
	By     *ErasedBy     `json:"by,omitempty"`
	Bodies int           `json:"bodies" doc:"versions, and withdrawals, whose content goes"`
	Gone   int           `json:"gone" doc:"nodes that have said that all of it is gone from their disks"`
	Nodes  []ErasureNode `json:"nodes" doc:"every node of the members, by member"`

	Sealed bool `json:"-"` // it was for chosen members: not for callers without a token
}

// ErasureNode is what one node has said.
type ErasureNode struct {
	Node   string            `json:"node" doc:"public key"`
	Member string            `json:"member" doc:"handle"`
	Names  map[string]string `json:"names,omitempty" doc:"the member's names by language"`
	Gone   bool              `json:"gone"`
	Time   time.Time         `json:"time,omitzero" doc:"when it said so, by its own clock; absent while it has not"`
	Self   bool              `json:"self,omitempty" doc:"it is this node"`
}

// erasures registers the erasure of a record and its progress.
func (s *server) erasures() {
	type named = oneID
	defer s.idIs("as for get-record", "/records/{id}/erasure")
	route(s, get(access.Open, "get-erasure", "/records/{id}/erasure", "By whose word a record's content is gone, and which nodes have dropped it"),
		func(ctx context.Context, in *named) (*answer[Erasure], error) {
			e, err := s.backend.Erasure(ctx, in.ID)
			if err == nil && e.Sealed && !sees(ctx) {
				e, err = Erasure{}, notThere(in.ID)
			}
			if e.Nodes == nil {
				e.Nodes = []ErasureNode{}
			}
			return &answer[Erasure]{e}, err
		})

	type erasing struct {
		Keyed
		ID   string `path:"id" maxLength:"120"`
		Body *Why
	}
	routeAs(s, post(access.Write, "erase-record", "/records/{id}/erasure",
		"Erase the content of an own record for good, with all its versions; copies that others made cannot be recalled", http.StatusCreated),
		func(ctx context.Context, in *erasing) (*created, error) {
			var why Why
			if in.Body != nil {
				why = *in.Body
			}
			body, err := json.Marshal(why)
			if err != nil {
				return nil, err
			}
			return s.write(ctx, in.Keyed, "erase "+in.ID, body, func([]byte) (Receipt, error) {
				return s.backend.Erase(ctx, in.ID, why)
			})
		})
}
