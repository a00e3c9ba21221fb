package node

import (
	"strconv"
	"sync"
	"time"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
)

// uploads bounds what the holders of tokens put here and no record names yet, each for
// itself: a program does not fill the disk for everybody. Who brought a file is known until
// the node is started anew; until when it may wait is known to the disk. The owner, and
// people at the pages, are not counted.
type uploads struct {
	mu    sync.Mutex              // guards the rest
	by    map[protocol.CID]string // account of whoever brought a file that no record names
	under map[string]uint64       // uploads under way, by account
}

func newUploads() *uploads {
	return &uploads{by: map[protocol.CID]string{}, under: map[string]uint64{}}
}

// begin admits an upload of an account, and counts it as the largest file until done is
// called. ReasonBusy with Args "unnamed" where its share is used up.
func (s *shelf) begin(account string) (done func(), err error) {
	if account == "" {
		return func() {}, nil
	}
	u := s.uploads
	u.mu.Lock()
	defer u.mu.Unlock()
	waiting := map[protocol.CID]bool{}
	var files, bytes uint64
	for _, h := range s.depot.List() {
		if !h.Fresh || u.by[h.ID] == "" {
			continue
		}
		if waiting[h.ID] = true; u.by[h.ID] == account {
			files, bytes = files+1, bytes+h.Bytes
		}
	}
	if len(u.under) == 0 { // those that were named or have gone; one that is brought right now is not listed yet
		for id := range u.by {
			if !waiting[id] {
				delete(u.by, id)
			}
		}
	}
	under := u.under[account]
	if files+under >= api.MaxUnnamedFiles || bytes+(under+1)*protocol.MaxAttachmentBytes > api.MaxUnnamedBytes {
		return nil, &protocol.Error{Reason: protocol.ReasonBusy, Op: "upload file", Args: map[string]string{"unnamed": strconv.Itoa(int(api.UnnamedFor / time.Hour))}}
	}
	u.under[account]++
	return func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		if u.under[account]--; u.under[account] == 0 {
			delete(u.under, account)
		}
	}, nil
}

// brought notes whose a file is. It is called before the file is kept.
func (s *shelf) brought(account string, id protocol.CID) {
	if account == "" {
		return
	}
	s.uploads.mu.Lock()
	defer s.uploads.mu.Unlock()
	if s.uploads.by[id] == "" {
		s.uploads.by[id] = account
	}
}
