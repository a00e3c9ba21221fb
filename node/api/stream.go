package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/dure-net/dure/node/access"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

const (
	mediaSSE    = "text/event-stream"
	mediaNDJSON = "application/x-ndjson"
)

// stream registers the events of the ledger: server-sent events, or one JSON object a
// line for those who ask for it. A reader resumes exactly after the last sequence it
// saw, because the ledger itself is the buffer.
func (s *server) stream() {
	op := get(access.Read, "stream", "/stream", "Everything that happens, from a local sequence on")
	op.Parameters = []*huma.Param{
		{Name: "since", In: "query", Description: "begin after this local sequence; absent means from now on, 0 means from the beginning",
			Schema: &huma.Schema{Type: huma.TypeInteger, Format: "int64"}},
		{Name: "Last-Event-ID", In: "header", Description: "as since, and wins over it; browsers send it on their own",
			Schema: &huma.Schema{Type: huma.TypeString}},
		filter("type", "events of these types only, separated by commas: record, revision, withdrawal, erasure, act, member, entry, set_aside; reset always comes"),
		filter("member", "events of entries that these members wrote, by handle, separated by commas"),
		filter("kind", "events of records of these types, separated by commas: offer, request and so on; others are left out"),
	}
	op.Description = "As server-sent events, or as one JSON object a line where Accept is application/x-ndjson. Where a stream begins: without since, after the newest " +
		"event; at 0, from the first; at a number in between, exactly after it, whether or not an event of that number exists or passes the filters; beyond the newest " +
		"(a number of another store, or of before a restore), with one event reset whose seq is the newest, and on from there: list anew. The ledger itself is the buffer, " +
		"so no number is too old. A comment (in NDJSON an empty line) comes every 15 seconds; with it comes the id up to " +
		"which the filters have been applied. Where a reader lets one " +
		"message wait for more than 10 seconds, the stream ends: its last message is a problem with the code busy, whose args.resume (and in server-sent events its id) is the " +
		"sequence to go on after. A reader that takes nothing for 30 seconds is cut without a word: it resumes after the last sequence it saw."
	event := s.api.OpenAPI().Components.Schemas.Schema(typeOf[Event](), true, "")
	op.Responses = map[string]*huma.Response{"200": {
		Description: "events in order without gaps; comments in between say that the connection lives",
		Content:     map[string]*huma.MediaType{mediaSSE: {Schema: event}, mediaNDJSON: {Schema: event}}}}
	s.raw(op, s.serveStream)
}

func filter(name, doc string) *huma.Param {
	return &huma.Param{Name: name, In: "query", Description: doc, Schema: &huma.Schema{Type: huma.TypeString}}
}

// sieve lets events through that pass every filter.
type sieve struct{ types, members, kinds []string }

// sieveOf reads the filters. A type of events or records that is none is ReasonUsage.
func sieveOf(r *http.Request) (f sieve, err error) {
	v := r.URL.Query()
	split := func(name string) []string {
		if v.Get(name) == "" {
			return nil
		}
		return strings.Split(v.Get(name), ",")
	}
	f = sieve{split("type"), split("member"), split("kind")}
	for name, c := range map[string]struct{ given, known []string }{"type": {f.types, eventTypes()}, "kind": {f.kinds, record.Types()}} {
		for _, one := range c.given {
			if !slices.Contains(c.known, one) {
				return f, &protocol.Error{Reason: protocol.ReasonUsage, Op: "open stream", Args: map[string]string{"value": clip(one), "want": strings.Join(c.known, ", ")},
					Err: errors.New("not a " + name)}
			}
		}
	}
	return f, nil
}

func (f sieve) passes(e Event) bool {
	in := func(list []string, one string) bool { return list == nil || slices.Contains(list, one) }
	return e.Type == EventReset || in(f.types, string(e.Type)) && in(f.members, e.Member) && in(f.kinds, e.RecordType)
}

func (s *server) serveStream(w http.ResponseWriter, r *http.Request) error {
	sieve, err := sieveOf(r)
	if err != nil {
		return err
	}
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
	out := &eventWriter{w: w, rc: http.NewResponseController(w), now: s.now, lines: strings.Contains(r.Header.Get("Accept"), mediaNDJSON)}
	out.begin(since)

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
			if next.err == nil {
				next.err = s.stillReads(r)
			}
			if next.err != nil {
				lang := s.phrases.Match(r.Header.Get("Accept-Language"))
				out.problem(s.problem(r.Context(), lang, fail(next.err)))
				return nil
			}
			out.seq = next.event.Seq
			if sieve.passes(next.event) && out.event(next.event) != nil {
				return nil
			}
		case <-beat.C:
			if s.stillReads(r) != nil || out.heartbeat() != nil {
				return nil
			}
		}
		if len(events) == 0 && out.flush() != nil {
			return nil
		}
		if out.slow {
			out.problem(s.problem(r.Context(), s.phrases.Match(r.Header.Get("Accept-Language")), behind(out.seq)))
			return nil
		}
	}
}

// behind is what a reader is told whose stream ends because it takes too long.
func behind(seq uint64) *failure {
	f := refuse(protocol.ReasonBusy, http.StatusServiceUnavailable, "api.problem.behind")
	f.err = &protocol.Error{Reason: protocol.ReasonBusy, Op: "send events", Args: map[string]string{resumeArg: strconv.FormatUint(seq, 10)}}
	return f
}

// resumeArg names the sequence after which a reader goes on.
const resumeArg = "resume"

// stillReads asks again what the caller may do: a token ends at once, also for streams that it
// opened before.
func (s *server) stillReads(r *http.Request) error {
	who, err := s.identify(r)
	if err != nil {
		return err
	}
	return s.may(context.WithValue(r.Context(), callerKey{}, who), access.Read)
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
	now   func() time.Time
	lines bool
	slow  bool   // a write waited for longer than slowReader
	seq   uint64 // of the last event that was looked at, let through or not
}

func (o *eventWriter) begin(since uint64) {
	h := o.w.Header()
	h.Set("Content-Type", mediaSSE)
	if o.lines {
		h.Set("Content-Type", mediaNDJSON)
	}
	h.Set("Dure-Since", strconv.FormatUint(since, 10)) // where it begins, for those who named no number
	h.Set("X-Accel-Buffering", "no")                   // proxies that buffer would hold events back
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

// problem ends a stream that cannot go on. It has an id only where it says after which
// sequence to resume; else the reader resumes after the last event it saw.
func (o *eventWriter) problem(p *Problem) {
	data := mustJSON(p)
	if o.lines {
		_ = o.write(`{"type":"problem","problem":` + string(data) + "}\n")
	} else {
		id := ""
		if seq := p.Args[resumeArg]; seq != "" {
			id = "id: " + seq + "\n"
		}
		_ = o.write(id + "event: problem\ndata: " + string(data) + "\n\n")
	}
	_ = o.flush()
}

func (o *eventWriter) heartbeat() error {
	if o.lines {
		return o.write("\n")
	}
	if o.seq == 0 {
		return o.write(": still here\n\n")
	}
	// With an id and without data a browser remembers the id and tells nobody: it resumes
	// after what the filters have passed over.
	return o.write(": still here\nid: " + strconv.FormatUint(o.seq, 10) + "\n\n")
}

func (o *eventWriter) write(text string) error {
	_ = o.rc.SetWriteDeadline(time.Now().Add(writeTimeout)) // not every writer has deadlines; those of tests do without
	return o.timed(func() error {
		_, err := io.WriteString(o.w, text)
		return err
	})
}

func (o *eventWriter) flush() error { return o.timed(o.rc.Flush) }

func (o *eventWriter) timed(do func() error) error {
	began := o.now()
	err := do()
	o.slow = o.slow || o.now().Sub(began) > slowReader
	return err
}

func mustJSON(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic("dure: internal error: " + err.Error())
	}
	return data
}
