//go:build linux

package ordeal

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dure-net/dure/node/api"
)

// sightings is when each record could first be read at each of some members.
type sightings struct {
	mu   sync.Mutex // guards seen
	seen map[string]map[*member]time.Time
	bell chan struct{} // rung when something was seen; capacity 1, never closed
}

// watch follows a member's stream and reads every record it names, until ctx ends.
func (s *sightings) watch(ctx context.Context, m *member, ready chan<- error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+m.api+"/api/v1/stream", nil)
	if err != nil {
		ready <- err
		return
	}
	req.Header.Set("Authorization", "Bearer "+m.token)
	req.Header.Set("Accept", "application/x-ndjson")
	patient := &http.Client{Transport: m.client.Transport}
	resp, err := patient.Do(req)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = refusal{resp.StatusCode, resp.Status}
	}
	ready <- err
	if err != nil {
		return
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if strings.TrimSpace(lines.Text()) == "" {
			continue
		}
		var e api.Event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			m.t.Errorf("%s: %q: %v", m.handle, lines.Text(), err)
			return
		}
		if e.Record == "" {
			continue
		}
		if r, err := m.record(e.Record); err != nil || r.State != api.RecordPublished {
			m.t.Errorf("%s: told of %s and cannot read it: %v", m.handle, e.Record, err)
			return
		}
		s.mu.Lock()
		if s.seen[e.Record] == nil {
			s.seen[e.Record] = map[*member]time.Time{}
		}
		s.seen[e.Record][m] = time.Now()
		s.mu.Unlock()
		select {
		case s.bell <- struct{}{}:
		default:
		}
	}
}

func (s *sightings) of(id string) map[*member]time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[*member]time.Time{}
	for m, at := range s.seen[id] {
		out[m] = at
	}
	return out
}

// One of ten nodes publishes, at an even pace; how long until the record can be read at
// each of the nine others.
func TestPace_PublishedToReadable(t *testing.T) {
	const nodes, every = 10, 50 * time.Millisecond
	n := times(t, "DURE_PUBLICATIONS", 60)
	f := found(t, layout{members: nodes})
	f.start()
	f.settle(30*time.Second, nodes)
	ctx, cancel := context.WithCancel(t.Context())
	var watchers sync.WaitGroup
	defer watchers.Wait()
	defer cancel()
	s := &sightings{seen: map[string]map[*member]time.Time{}, bell: make(chan struct{}, 1)}
	ready := make(chan error, nodes)
	for _, m := range f.members[1:] {
		watchers.Go(func() { s.watch(ctx, m, ready) })
	}
	for range f.members[1:] {
		if err := <-ready; err != nil {
			t.Fatal(err)
		}
	}
	type publication struct {
		id          string
		sent, acked time.Time
	}
	var all []publication
	tick := time.NewTicker(every)
	defer tick.Stop()
	const warming = 5 // the first ones find connections unopened and pages unread
	for i := range n + warming {
		<-tick.C
		sent := time.Now()
		r, err := f.members[0].publish(request(i))
		if err != nil {
			t.Fatal(err)
		}
		if i >= warming {
			all = append(all, publication{r.Record, sent, time.Now()})
		}
	}
	var whole, spread, acks []time.Duration
	deadline := time.After(bar(20*time.Second, patience))
	for i, p := range all {
		for len(s.of(p.id)) < nodes-1 {
			select {
			case <-s.bell:
			case <-deadline:
				for _, m := range f.members[1:] {
					if _, told := s.of(p.id)[m]; !told {
						r, err := m.record(p.id)
						t.Errorf("%s has not told of %s, record %d; asked for it: %q, %v\n%s", m.handle, p.id, i, r.Number, err, m.lastWords())
					}
				}
				t.FailNow()
			}
		}
		acks = append(acks, p.acked.Sub(p.sent))
		for _, at := range s.of(p.id) {
			whole, spread = append(whole, at.Sub(p.sent)), append(spread, at.Sub(p.acked))
		}
	}
	t.Logf("%d records, one every %v; acknowledged: p50 %v, p99 %v", n, every, quantile(acks, 50), quantile(acks, 99))
	t.Logf("readable at nine others: p50 %v, p99 %v, at most %v after it was posted; p99 %v after it was acknowledged",
		quantile(whole, 50), quantile(whole, 99), quantile(whole, 100), quantile(spread, 99))
	if limit := bar(50*time.Millisecond, patience); quantile(whole, 99) > limit {
		t.Errorf("p99 is %v, the bound is %v", quantile(whole, 99), limit)
	}
}

// quantile is the smallest value that percent of all do not exceed.
func quantile(all []time.Duration, percent int) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[max(0, (len(sorted)*percent+99)/100-1)]
}
