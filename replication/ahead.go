package replication

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/semaphore"

	"github.com/dure-net/dure/protocol"
)

// bytesAhead bounds what one session has read, decoded and hashed and the door has not
// judged yet, in bytes of headers and bodies; a single frame always fits. Beyond, reading
// from the stream pauses, and with it the other side.
const bytesAhead = 2 << 20

// ahead is the pages of one answer to a question for runs: while the door judges one
// page, the next ones are read, decoded and hashed.
type ahead struct {
	pages  chan decoded // closed after the last one or an error
	room   *semaphore.Weighted
	cancel context.CancelFunc
	joined sync.WaitGroup
}

// decoded is a page whose bodies are the ones that its headers name, or why there is none.
type decoded struct {
	page  protocol.Page
	bytes int64 // given back to room by whoever took the page
	err   error
}

// readAhead begins to read an answer. It must be closed; whoever closes it before its end
// gives the stream up.
func (s *session) readAhead(ctx context.Context) *ahead {
	ctx, cancel := context.WithCancel(ctx)
	a := &ahead{pages: make(chan decoded, 64), room: semaphore.NewWeighted(bytesAhead), cancel: cancel}
	a.joined.Go(func() {
		defer close(a.pages)
		for {
			page, err := s.page()
			if err == nil && len(page.Entries) == 0 {
				return
			}
			t := decoded{page: page, bytes: min(weight(page), bytesAhead), err: err}
			if a.room.Acquire(ctx, t.bytes) != nil {
				return
			}
			select {
			case a.pages <- t:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
		}
	})
	return a
}

// close ends the reading and joins it. s is reset unless the answer was read to its end.
func (a *ahead) close(s *session, ended bool) {
	a.cancel()
	if !ended {
		_ = s.s.Reset()
	}
	a.joined.Wait()
}

// page reads the next page of an answer; an empty one is its end.
func (s *session) page() (protocol.Page, error) {
	var sent protocol.Sent
	if err := s.read(&sent); err != nil {
		return protocol.Page{}, err
	}
	if sent.End {
		return protocol.Page{}, nil
	}
	page, err := decodePage(sent)
	if err != nil {
		return protocol.Page{}, err
	}
	s.r.checkBodies(page)
	return page, nil
}

func weight(p protocol.Page) (n int64) {
	for i := range p.Entries {
		n += int64(len(p.Entries[i].Bytes()) + len(p.Bodies[i]))
	}
	return n
}

func decodePage(sent protocol.Sent) (protocol.Page, error) {
	if len(sent.Headers) == 0 || len(sent.Headers) > protocol.MaxPage || len(sent.Bodies) != len(sent.Headers) {
		return protocol.Page{}, protocol.Fail(protocol.ReasonMalformed, "read page", fmt.Errorf("%d headers, %d bodies", len(sent.Headers), len(sent.Bodies)))
	}
	entries, err := protocol.DecodeEntries(sent.Headers)
	if err != nil {
		return protocol.Page{}, err
	}
	p := protocol.Page{Entries: entries, Bodies: sent.Bodies}
	for i := range entries {
		if entries[i].Feed() != entries[0].Feed() {
			return protocol.Page{}, protocol.Fail(protocol.ReasonMalformed, "read page", errors.New("entries of two feeds"))
		}
		if len(sent.Bodies[i]) == 0 {
			p.Bodies[i] = nil
		}
	}
	return p, nil
}
