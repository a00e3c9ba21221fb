//go:build linux

package ordeal

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dure-net/dure/node/api"
)

// reader follows a member's stream as a program would that is written to the documents and
// not to the Go client: it opens it again after the last sequence it saw, however it ended.
type reader struct {
	m     *member
	lines bool          // NDJSON; else server-sent events
	seen  []api.Event   // read once follow has returned
	after atomic.Uint64 // the last sequence seen
	opens int
}

// follow reads until ctx ends. An error is something that no killed node says.
func (r *reader) follow(ctx context.Context) error {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for ctx.Err() == nil {
		if err := r.open(ctx, client); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

// open reads one connection to its end.
func (r *reader) open(ctx context.Context, client *http.Client) error {
	after := strconv.FormatUint(r.after.Load(), 10)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+r.m.api+"/api/v1/stream?since="+after, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+r.m.token)
	if r.lines {
		req.Header.Set("Accept", "application/x-ndjson")
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil // the node is down
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusServiceUnavailable {
		return nil // it is starting
	}
	if resp.StatusCode != http.StatusOK {
		said, _ := io.ReadAll(resp.Body)
		return fmt.Errorf("the stream is refused: %s %s", resp.Status, said)
	}
	r.opens++
	in := bufio.NewReader(resp.Body)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return nil // a line that was cut short is no event
		}
		data, ok := strings.CutPrefix(line, "data: ")
		if r.lines {
			data, ok = line, len(line) > 1
		}
		if !ok {
			continue
		}
		var e api.Event
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			return fmt.Errorf("after %s: %q: %w", after, data, err)
		}
		if e.Seq == 0 {
			return nil // a problem, as for a reader that a busy machine has made slow
		}
		r.seen = append(r.seen, e)
		r.after.Store(e.Seq)
	}
}

// Readers of a node that is killed again and again while it is written to hear of every
// record, of each once, and in order, as a reader does who begins when all is over.
func TestKill_StreamsMissNothing(t *testing.T) {
	f := found(t, layout{members: 1})
	f.start()
	m := f.members[0]
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	var reading sync.WaitGroup
	follow := func(r *reader) *reader {
		reading.Go(func() {
			if err := r.follow(ctx); err != nil {
				t.Error(err)
				cancel()
			}
		})
		return r
	}
	readers := []*reader{follow(&reader{m: m}), follow(&reader{m: m, lines: true})}
	p := &press{m: m}
	for round := range times(t, "DURE_KILLS", 2) {
		stop := p.run()
		for goal := p.count() + 25; p.count() < goal && ctx.Err() == nil; {
			time.Sleep(time.Millisecond)
		}
		m.kill()
		stop()
		m.spawn()
		m.awaitReady(time.Minute)
		if ctx.Err() != nil {
			t.Fatalf("round %d: it did not go on\n%s", round, m.lastWords())
		}
	}
	final, err := m.publish(request(0))
	if err != nil {
		t.Fatal(err)
	}
	readers = append(readers, follow(&reader{m: m}))
	for _, r := range readers {
		for r.after.Load() < final.Seq && ctx.Err() == nil {
			time.Sleep(5 * time.Millisecond)
		}
	}
	if ctx.Err() != nil {
		t.Errorf("a reader did not come to the end\n%s", m.lastWords())
	}
	cancel()
	reading.Wait()

	whole := readers[2]
	for i, r := range readers {
		told := map[string]int{}
		for j, e := range r.seen {
			told[e.ID]++
			if j > 0 && e.Seq <= r.seen[j-1].Seq {
				t.Errorf("reader %d: %d after %d", i, e.Seq, r.seen[j-1].Seq)
			}
			if j < len(whole.seen) && (e.Seq != whole.seen[j].Seq || e.ID != whole.seen[j].ID || e.Type != whole.seen[j].Type) {
				t.Fatalf("reader %d was told %+v where one who begins now is told %+v", i, e, whole.seen[j])
			}
		}
		for _, a := range append(p.acked, final) {
			if told[a.ID] != 1 {
				t.Errorf("reader %d was told %d times of %s", i, told[a.ID], a.Number)
			}
		}
	}
	t.Logf("%d records acknowledged, %d and %d connections", len(p.acked), readers[0].opens, readers[1].opens)
}
