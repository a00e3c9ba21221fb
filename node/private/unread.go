package private

import (
	"context"
	"slices"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/sealed"
)

// MarkRead notes that letters were read on this node. It is this node's own note: nobody
// is told. It is durable when this returns.
func (r *Room) MarkRead(letters ...protocol.RecordID) error {
	if err := r.load(); err != nil {
		return err
	}
	r.mu.Lock()
	news := false
	for _, id := range letters {
		if m := markOf(id); !slices.Contains(r.notes.read, m) {
			r.notes.read, news = append(r.notes.read, m), true
		}
	}
	if beyond := len(r.notes.read) - maxRead; beyond > 0 {
		r.notes.read = slices.Delete(r.notes.read, 0, beyond)
	}
	r.counted = 0
	r.mu.Unlock()
	if !news {
		return nil
	}
	return r.save()
}

// IsRead reports whether a letter was read on this node, or is this member's own.
func (r *Room) IsRead(l *Letter) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return l.Own || slices.Contains(r.notes.read, markOf(l.Record))
}

// Unread counts the messages and particulars that nobody has read on this node, among the
// newest MaxPage letters.
func (r *Room) Unread(ctx context.Context) (int, error) {
	if err := r.load(); err != nil {
		return 0, err
	}
	r.mu.Lock()
	rises, known, n := r.rises, r.counted, r.unread
	r.mu.Unlock()
	if known == rises && known > 0 {
		return n, nil
	}
	page, err := r.List(ctx, Query{What: []sealed.What{sealed.WhatMessage, sealed.WhatParticulars}, Limit: MaxPage})
	if err != nil {
		return 0, err
	}
	n = 0
	for i := range page.Letters {
		if !r.IsRead(&page.Letters[i]) {
			n++
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counted, r.unread = rises, n
	return n, nil
}
