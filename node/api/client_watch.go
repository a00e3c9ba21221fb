package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/dure-net/dure/protocol"
)

// Watch implements Reader. A connection that breaks, or is silent for three heartbeats,
// is opened again after the last event seen; a node that stays away for a minute ends
// the sequence with ReasonNotRunning, as does one that was never there.
func (c *Client) Watch(ctx context.Context, since uint64) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		last, met := since, false
		wait, giveUp := 100*time.Millisecond, time.Time{}
		for ctx.Err() == nil {
			err := c.follow(ctx, last, func(e Event) bool {
				last, met = e.Seq, true
				return yield(e, nil)
			}, func() { met, wait, giveUp = true, 100*time.Millisecond, time.Time{} })
			switch {
			case errors.Is(err, errStopped) || ctx.Err() != nil:
				return
			case protocol.ReasonOf(err) != protocol.ReasonNotRunning && protocol.ReasonOf(err) != protocol.ReasonBusy || !met:
				yield(Event{}, err)
				return
			}
			if giveUp.IsZero() {
				giveUp = time.Now().Add(c.retry)
			} else if time.Now().After(giveUp) {
				yield(Event{}, err)
				return
			}
			select {
			case <-time.After(wait):
			case <-ctx.Done():
				return
			}
			wait = min(2*wait, 3*time.Second)
		}
	}
}

var errStopped = errors.New("the caller has seen enough")

// follow reads one connection until it breaks. It never returns nil.
func (c *Client) follow(ctx context.Context, since uint64, give func(Event) bool, opened func()) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	resp, err := c.do(ctx, http.MethodGet, "/stream", http.Header{
		"Accept": {mediaSSE}, "Last-Event-ID": {strconv.FormatUint(since, 10)}}, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	opened()
	silence := time.AfterFunc(3*heartbeat, cancel)
	defer silence.Stop()
	return readEvents(resp.Body, func() { silence.Reset(3 * heartbeat) }, give)
}

// readEvents parses server-sent events as this server writes them: one data line each.
func readEvents(r io.Reader, alive func(), give func(Event) bool) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 8<<10), maxLineBytes)
	var kind, data string
	for lines.Scan() {
		alive()
		line := lines.Text()
		if name, value, ok := strings.Cut(line, ":"); ok && name != "" {
			value = strings.TrimPrefix(value, " ")
			switch name {
			case "event":
				kind = value
			case "data":
				data = value
			}
			continue
		}
		if line != "" || data == "" {
			continue
		}
		if kind == "problem" {
			var p Problem
			if err := json.Unmarshal([]byte(data), &p); err != nil {
				return protocol.Fail(protocol.ReasonMalformed, "read event", err)
			}
			return p.err()
		}
		var e Event
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			return protocol.Fail(protocol.ReasonMalformed, "read event", err)
		}
		if !give(e) {
			return errStopped
		}
		kind, data = "", ""
	}
	err := lines.Err()
	if err == nil {
		err = io.ErrUnexpectedEOF
	}
	return protocol.Fail(protocol.ReasonNotRunning, "follow events", err)
}
