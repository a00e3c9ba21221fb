package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/dure-net/dure/protocol"
)

const (
	mediaSSE    = "text/event-stream"
	mediaNDJSON = "application/x-ndjson"
)

// stream registers the events of the ledger: server-sent events, or one JSON object a
// line for those who ask for it. A reader resumes exactly after the last sequence it
// saw, because the ledger itself is the buffer.
func (s *server) stream() {
	op := get("stream", "/stream", "Everything that happens, from a local sequence on")
	op.Parameters = []*huma.Param{
		{Name: "since", In: "query", Description: "begin after this local sequence; absent means from now on, 0 means from the beginning",
			Schema: &huma.Schema{Type: huma.TypeInteger, Format: "int64"}},
		{Name: "Last-Event-ID", In: "header", Description: "as since, and wins over it; browsers send it on their own",
			Schema: &huma.Schema{Type: huma.TypeString}},
	}
	event := s.api.OpenAPI().Components.Schemas.Schema(typeOf[Event](), true, "")
	op.Responses = map[string]*huma.Response{"200": {
		Description: "events in order without gaps; comments in between say that the connection lives",
		Content:     map[string]*huma.MediaType{mediaSSE: {Schema: event}, mediaNDJSON: {Schema: event}}}}
	s.raw(op, s.serveStream)
}

func (s *server) serveStream(w http.ResponseWriter, r *http.Request) error {
	since, err := s.since(r)
	if err != nil {
		return err
	}
	select {
	case s.streams <- struct{}{}:
		defer func() { <-s.streams }()
	default:
		return protocol.Fail(protocol.ReasonBusy, "open stream", errors.New("too many streams"))
	}
	out := &eventWriter{w: w, rc: http.NewResponseController(w), lines: strings.Contains(r.Header.Get("Accept"), mediaNDJSON)}
	out.begin()

	ctx, cancel := context.WithCancel(r.Context())
	events := make(chan watched, eventQueue) // closed by the goroutine below, which this function joins
	defer func() {
		cancel()
		for range events {
		}
	}()
	go func() {
		defer close(events)
		for e, err := range s.backend.Watch(ctx, since) {
			select {
			case events <- watched{e, err}:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
		}
	}()

	beat := time.NewTicker(s.interval)
	defer beat.Stop()
	for {
		select {
		case next, ok := <-events:
			if !ok {
				return nil
			}
			if next.err != nil {
				lang := s.phrases.Match(r.Header.Get("Accept-Language"))
				out.problem(s.problem(lang, fail(next.err)))
				return nil
			}
			if out.event(next.event) != nil {
				return nil
			}
		case <-beat.C:
			if out.heartbeat() != nil {
				return nil
			}
		}
		if len(events) == 0 && out.flush() != nil {
			return nil
		}
	}
}

type watched struct {
	event Event
	err   error
}

// since is where to begin: after Last-Event-ID, else after ?since=, else now.
func (s *server) since(r *http.Request) (uint64, error) {
	text, field := r.Header.Get("Last-Event-ID"), "header.Last-Event-ID"
	if text == "" {
		if !r.URL.Query().Has("since") {
			status, err := s.backend.Status(r.Context())
			return status.Ledger.Seq, err
		}
		text, field = r.URL.Query().Get("since"), "query.since"
	}
	since, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return 0, &protocol.Error{Reason: protocol.ReasonUsage, Op: "open stream", Field: field, Err: err}
	}
	return since, nil
}

// eventWriter writes one stream. Every write has a deadline: a reader that stalls is
// cut, and resumes where it stopped.
type eventWriter struct {
	w     http.ResponseWriter
	rc    *http.ResponseController
	lines bool
}

func (o *eventWriter) begin() {
	h := o.w.Header()
	h.Set("Content-Type", mediaSSE)
	if o.lines {
		h.Set("Content-Type", mediaNDJSON)
	}
	h.Set("X-Accel-Buffering", "no") // proxies that buffer would hold events back
	_ = o.rc.SetReadDeadline(time.Time{})
	o.w.WriteHeader(http.StatusOK)
	if !o.lines {
		_ = o.write(": dure\nretry: 1000\n\n")
	}
	_ = o.flush()
}

func (o *eventWriter) event(e Event) error {
	data := mustJSON(e)
	if o.lines {
		return o.write(string(data) + "\n")
	}
	return o.write("id: " + strconv.FormatUint(e.Seq, 10) + "\nevent: " + string(e.Type) + "\ndata: " + string(data) + "\n\n")
}

// problem ends a stream that cannot go on. It has no id: the reader resumes after the
// last event it saw.
func (o *eventWriter) problem(p *Problem) {
	data := mustJSON(p)
	if o.lines {
		_ = o.write(`{"type":"problem","problem":` + string(data) + "}\n")
	} else {
		_ = o.write("event: problem\ndata: " + string(data) + "\n\n")
	}
	_ = o.flush()
}

func (o *eventWriter) heartbeat() error {
	if o.lines {
		return o.write("\n")
	}
	return o.write(": still here\n\n")
}

func (o *eventWriter) write(text string) error {
	_ = o.rc.SetWriteDeadline(time.Now().Add(writeTimeout)) // not every writer has deadlines; those of tests do without
	_, err := io.WriteString(o.w, text)
	return err
}

func (o *eventWriter) flush() error { return o.rc.Flush() }

func mustJSON(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic("dure: internal error: " + err.Error())
	}
	return data
}
