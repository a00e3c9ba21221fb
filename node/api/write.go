package api

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/dure-net/dure/node/access"
	"github.com/dure-net/dure/protocol"
)

// created is the answer to a write of an entry.
type created struct {
	Status   int
	Location string `header:"Location"`
	Replayed string `header:"Idempotent-Replay" doc:"true where this repeats the answer of an earlier request of the same key"`
	Applied  string `header:"Preference-Applied" doc:"what of Prefer was followed"`
	Body     Receipt
}

// Keyed is embedded by the input of every write of an entry. It is exported because huma
// sees only exported fields, embedded ones too.
type Keyed struct {
	Key    string `header:"Idempotency-Key" doc:"repeat a request of the same key safely; kept in memory for a day, so not beyond a restart of the node"`
	Prefer string `header:"Prefer" maxLength:"100" doc:"as 'wait=10, replicas=2': answer when so many other nodes have told that they hold it (201), or after so many seconds (202, and how many do). At most 25 seconds; one node where replicas is left out"`
}

// write runs one write under its idempotency key, and waits for other nodes where that is
// preferred. raw is copied: huma takes its buffer back when the answer is sent.
func (s *server) write(ctx context.Context, k Keyed, target string, raw []byte, do func(raw []byte) (Receipt, error)) (*created, error) {
	wait, nodes, err := preferred(k.Prefer)
	if err != nil {
		return nil, err
	}
	raw = bytes.Clone(raw)
	receipt, replayed, err := s.memory.Do(ctx, k.Key, target, raw, func() (Receipt, error) { return do(raw) })
	if err != nil {
		return nil, err
	}
	out := &created{Status: http.StatusCreated, Location: base + "/records/" + receipt.Record, Body: receipt}
	if replayed {
		out.Replayed = "true"
	}
	if wait == 0 {
		return out, nil
	}
	patience, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	held, err := s.backend.AwaitHeld(patience, receipt, nodes)
	if err != nil {
		return nil, err
	}
	out.Body.Held = &held
	out.Applied = "wait=" + strconv.Itoa(int(wait/time.Second)) + ", replicas=" + strconv.Itoa(nodes)
	if held.Nodes < nodes {
		out.Status = http.StatusAccepted // it is durable here, and on its way
	}
	return out, nil
}

// preferred reads Prefer (RFC 7240): wait, in seconds, and how many replicas. Preferences
// that nobody knows are passed over, as the RFC asks; a value that is none is ReasonUsage.
func preferred(header string) (wait time.Duration, nodes int, err error) {
	for part := range strings.FieldsFuncSeq(header, func(r rune) bool { return r == ',' || r == ';' }) {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		name, value = strings.ToLower(strings.TrimSpace(name)), strings.Trim(strings.TrimSpace(value), `"`)
		if name != "wait" && name != "replicas" {
			continue
		}
		n, perr := strconv.ParseUint(value, 10, 16)
		if perr != nil || n == 0 {
			return 0, 0, &protocol.Error{Reason: protocol.ReasonUsage, Op: "read Prefer", Field: "header.Prefer", Err: errors.New("not a number above zero")}
		}
		if name == "wait" {
			wait = min(time.Duration(n)*time.Second, maxPreferWait)
		} else {
			nodes = int(n)
		}
	}
	switch {
	case nodes > 0 && wait == 0:
		wait = preferWait
	case wait > 0 && nodes == 0:
		nodes = 1
	}
	return wait, nodes, nil
}

// holders registers who holds what this node wrote.
func (s *server) holders() {
	type asking struct {
		Feed   string `query:"feed" required:"true" maxLength:"100" doc:"as in the receipt of a write"`
		Seq    uint64 `query:"seq" required:"true" doc:"feed_seq of the receipt"`
		Prefer string `header:"Prefer" maxLength:"100" doc:"as for a write; without it the answer is what is known now"`
	}
	route(s, get(access.Read, "list-holders", "/held", "Which other nodes have told that they hold an entry that this node wrote"),
		func(ctx context.Context, in *asking) (*answer[Held], error) {
			wait, nodes, err := preferred(in.Prefer)
			if err != nil {
				return nil, err
			}
			patience, cancel := context.WithTimeout(ctx, wait)
			defer cancel()
			held, err := s.backend.AwaitHeld(patience, Receipt{Feed: in.Feed, FeedSeq: in.Seq}, nodes)
			if held.By == nil {
				held.By = []string{}
			}
			return &answer[Held]{held}, err
		})
}

// AwaitHeld implements Publisher.
func (c *Client) AwaitHeld(ctx context.Context, r Receipt, nodes int) (held Held, err error) {
	q := url.Values{"feed": {r.Feed}, "seq": {strconv.FormatUint(r.FeedSeq, 10)}}
	for {
		wait := maxPreferWait
		if until, ok := ctx.Deadline(); ok {
			wait = max(time.Second, min(wait, time.Until(until)))
		}
		prefer := "wait=" + strconv.Itoa(int(wait/time.Second)) + ", replicas=" + strconv.Itoa(max(nodes, 1))
		resp, err := c.do(ctx, http.MethodGet, "/held?"+q.Encode(), http.Header{"Prefer": {prefer}}, nil)
		if err == nil {
			err = c.decode(ctx, resp, &held)
		}
		if ctx.Err() != nil {
			return held, nil // what is known so far
		}
		if err != nil || held.Nodes >= nodes {
			return held, err
		}
	}
}
