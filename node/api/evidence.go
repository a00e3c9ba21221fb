package api

import (
	"context"
	"net/url"
	"time"

	"github.com/dure-net/dure/node/access"
)

// Fork is a node that signed two histories: proven, checked here, and never believed on
// somebody's word.
type Fork struct {
	ID       string       `json:"id" doc:"the chain of entries that has two histories, named by its first entry"`
	Member   string       `json:"member" doc:"handle of the member whose node it is"`
	Node     string       `json:"node" doc:"public key of the node"`
	Own      bool         `json:"own,omitempty" doc:"it is this member's node"`
	Seq      uint64       `json:"seq" doc:"the first entry that there are two of; those before stand"`
	State    string       `json:"state" enum:"open,contradictory,settled" doc:"open: nobody has chosen; contradictory: the root key has chosen more than one, and only an act can settle it"`
	Stands   uint64       `json:"stands" doc:"so many entries of the chain count here now"`
	By       string       `json:"by,omitempty" enum:"root,act" doc:"settled: by whom"`
	Act      uint64       `json:"act,omitempty" doc:"settled by act: its number"`
	Branches []ForkBranch `json:"branches" doc:"the histories, under the same letters on every node"`
	Proofs   []string     `json:"proofs" doc:"entries that prove it; several nodes may have"`
}

// Conditions of a fork.
const (
	ForkOpen          = "open"
	ForkContradictory = "contradictory"
	ForkSettled       = "settled"
)

// ForkBranch is one of the histories.
type ForkBranch struct {
	Name    string       `json:"name" doc:"a, b, …"`
	Held    bool         `json:"held" doc:"this node holds it"`
	Entries uint64       `json:"entries" doc:"entries beyond the fork that this node holds"`
	Count   uint64       `json:"count,omitempty" doc:"entries from the beginning of the chain to its end"`
	First   string       `json:"first" doc:"the entry at the fork"`
	Head    string       `json:"head,omitempty" doc:"the last entry that this node holds"`
	From    time.Time    `json:"from,omitzero" doc:"when the first was written, as its author says"`
	Until   time.Time    `json:"until,omitzero" doc:"when the last was written, as its author says"`
	Chosen  bool         `json:"chosen,omitempty" doc:"it counts"`
	Stands  uint64       `json:"stands,omitempty" doc:"chosen: so many entries of it count"`
	Records []ForkRecord `json:"records,omitempty" doc:"the first records written in it"`
}

// ForkRecord is something that was written in a branch.
type ForkRecord struct {
	ID     string    `json:"id"`
	Number string    `json:"number,omitempty" doc:"short number, as its author gave it"`
	Type   string    `json:"type"`
	Title  string    `json:"title,omitempty" doc:"in its original language; empty where the content is not here"`
	Time   time.Time `json:"time" doc:"as its author says"`
}

// Forks implements Reader.
func (c *Client) Forks(ctx context.Context) ([]Fork, error) {
	var list struct{ Items []Fork }
	err := c.get(ctx, "/evidence", &list)
	return list.Items, err
}

// Fork implements Reader.
func (c *Client) Fork(ctx context.Context, id string) (out Fork, err error) {
	return out, c.get(ctx, "/evidence/"+url.PathEscape(id), &out)
}

// evidence registers what is proven against nodes.
func (s *server) evidence() {
	type forks struct {
		Items []Fork `json:"items"`
	}
	route(s, get(access.Open, "list-evidence", "/evidence", "Nodes that signed two histories, with proof"),
		func(ctx context.Context, _ *struct{}) (*answer[forks], error) {
			all, err := s.backend.Forks(ctx)
			if all == nil {
				all = []Fork{}
			}
			return &answer[forks]{forks{all}}, err
		})
	type named = oneID
	defer s.idIs("CID of the chain of entries, a part of it of at least 8 characters, or the handle of the member", "/evidence/{id}")
	route(s, get(access.Open, "get-evidence", "/evidence/{id}", "One node that signed two histories, and what it wrote in each"),
		func(ctx context.Context, in *named) (*answer[Fork], error) {
			f, err := s.backend.Fork(ctx, in.ID)
			return &answer[Fork]{f}, err
		})
}
