package api

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/dure-net/dure/node/access"
)

// Chain is one chain of entries that a node has written, as far as it stands here.
type Chain struct {
	Feed    string    `json:"feed" doc:"the chain, named by its first entry"`
	Node    string    `json:"node" doc:"public key of the node that writes it"`
	Root    string    `json:"root" doc:"public root key that added the node"`
	Entries uint64    `json:"entries" doc:"so many of its first entries stand here"`
	Head    string    `json:"head,omitempty" doc:"the last of them"`
	Last    time.Time `json:"last,omitzero" doc:"when that was written, as its author says"`
	Begun   time.Time `json:"begun,omitzero" doc:"when its first entry was written, as its author says"`
	Open    bool      `json:"open,omitempty" doc:"nothing ends it: its node may go on writing in it"`
}

// ChainQuery chooses chains: those of a member, and of these those of one node where
// Node is set. With Until, a day, they are listed as far as they were written by the
// end of it (UTC), as their author says.
type ChainQuery struct {
	Member string
	Node   string
	Until  string
}

// Statement is something that only a member's root key can say, signed where the key
// is: the node carries it and never sees the key. Bytes are the signed statement in
// the form that entries carry it in (protocol.Statement, canonical DAG-CBOR).
type Statement struct {
	Bytes []byte `json:"statement" doc:"a signed root statement, base64"`
}

// Said is a statement that stands in the ledger.
type Said struct {
	What   string `json:"what" doc:"add, cut, govern, settle or object"`
	Member string `json:"member" doc:"handle of the member whose root key says it"`
	Node   string `json:"node,omitempty" doc:"the node it is about"`
	Number uint64 `json:"number,omitempty" doc:"govern: number of the designation"`
	Entry  string `json:"entry,omitempty" doc:"the entry that carries it; empty where it was said before"`
}

// Chains implements Governor.
func (c *Client) Chains(ctx context.Context, q ChainQuery) ([]Chain, error) {
	v := url.Values{"member": {q.Member}}
	if q.Node != "" {
		v.Set("node", q.Node)
	}
	if q.Until != "" {
		v.Set("until", q.Until)
	}
	var list struct{ Items []Chain }
	err := c.get(ctx, "/chains?"+v.Encode(), &list)
	return list.Items, err
}

// Say implements Governor.
func (c *Client) Say(ctx context.Context, s Statement) (said Said, err error) {
	return said, c.post(ctx, "/statements", s, &said)
}

// statements registers what a member's root key has to do with its nodes.
func (s *server) statements() {
	type asked struct {
		Member string `query:"member" required:"true" maxLength:"40" doc:"handle of the owner"`
		Node   string `query:"node" maxLength:"60" doc:"public key of one node"`
		Until  string `query:"until" maxLength:"10" doc:"YYYY-MM-DD: as far as they were written by the end of that day"`
	}
	type chains struct {
		Items []Chain `json:"items"`
	}
	route(s, get(access.Read, "list-chains", "/chains", "Chains of entries of a member, as far as they stand here"),
		func(ctx context.Context, in *asked) (*answer[chains], error) {
			all, err := s.backend.Chains(ctx, ChainQuery{Member: in.Member, Node: in.Node, Until: in.Until})
			if all == nil {
				all = []Chain{}
			}
			return &answer[chains]{chains{all}}, err
		})
	route(s, post(access.Govern, "say", "/statements", "Publish a statement signed by a member's root key", http.StatusCreated),
		func(ctx context.Context, in *struct{ Body Statement }) (*answer[Said], error) {
			said, err := s.backend.Say(ctx, in.Body)
			return &answer[Said]{said}, err
		})
}
