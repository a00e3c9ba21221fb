package protocol

import (
	"bytes"
	"errors"
	"fmt"
)

// ForkEvidence proves that one node key signed two histories: two runs of headers
// from one predecessor, whose first headers differ, each ending in a validly signed
// header. It is checked locally, never believed. The fork's id is (feed, seq); any
// valid evidence proves it, and the lowest seq of a feed rules.
type ForkEvidence struct {
	Inception []byte   `cbor:"init"` // the feed's first header
	Left      [][]byte `cbor:"left"`
	Right     [][]byte `cbor:"right"`
}

// Fork is a proven fork.
type Fork struct {
	Feed FeedID
	Seq  uint64
	Node PublicKey
	Root PublicKey
}

// Verify checks the evidence. The same entry twice, another author, an unsigned
// branch, another federation: all are refused. Branches are in order of their first
// header's CID, so that one pair of branches has one spelling.
func (ev ForkEvidence) Verify(federation FederationID) (Fork, error) {
	bad := func(why string) (Fork, error) {
		return Fork{}, Fail(ReasonMalformed, "verify fork evidence", errors.New(why))
	}
	init, err := DecodeEntry(ev.Inception)
	if err != nil {
		return Fork{}, err
	}
	if init.Seq() != 0 {
		return bad("it does not bring the feed's inception")
	}
	if err := init.VerifyInception(federation); err != nil {
		return Fork{}, err
	}
	left, err := decodeRun(ev.Left)
	if err != nil {
		return Fork{}, err
	}
	right, err := decodeRun(ev.Right)
	if err != nil {
		return Fork{}, err
	}
	a, b := left[0], right[0]
	switch {
	case a.Feed() != init.ID() || b.Feed() != init.ID() || a.Seq() == 0:
		return bad("a branch belongs to another feed")
	case a.Seq() != b.Seq() || a.h.Prev != b.h.Prev:
		return bad("the branches do not begin at one predecessor")
	case a.ID() == b.ID():
		return bad("the branches begin with the same entry")
	case bytes.Compare(a.id.Bytes(), b.id.Bytes()) > 0:
		return bad("the branches are not in order")
	}
	for _, run := range [2][]Entry{left, right} {
		for i := 1; i < len(run); i++ {
			if err := run[i].Follows(run[i-1]); err != nil {
				return Fork{}, err
			}
		}
		if err := run[len(run)-1].Verify(federation, init.h.Init.Node); err != nil {
			return Fork{}, err
		}
	}
	return Fork{Feed: init.ID(), Seq: a.Seq(), Node: init.h.Init.Node, Root: init.h.Init.Root}, nil
}

// NewForkEvidence puts the branches in order. It does not verify.
func NewForkEvidence(inception Entry, left, right []Entry) ForkEvidence {
	if len(left) > 0 && len(right) > 0 && bytes.Compare(left[0].id.Bytes(), right[0].id.Bytes()) > 0 {
		left, right = right, left
	}
	ev := ForkEvidence{Inception: inception.raw}
	for _, e := range left {
		ev.Left = append(ev.Left, e.raw)
	}
	for _, e := range right {
		ev.Right = append(ev.Right, e.raw)
	}
	return ev
}

func decodeRun(raws [][]byte) ([]Entry, error) {
	if len(raws) == 0 || len(raws) > MaxPage {
		return nil, Fail(ReasonMalformed, "decode run", fmt.Errorf("%d entries, want 1 to %d", len(raws), MaxPage))
	}
	run := make([]Entry, len(raws))
	for i, raw := range raws {
		e, err := DecodeEntry(raw)
		if err != nil {
			return nil, err
		}
		run[i] = e
	}
	return run, nil
}
