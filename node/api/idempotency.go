package api

import (
	"container/list"
	"context"
	"crypto/sha256"
	"net/http"
	"sync"
	"time"

	"github.com/dure-net/dure/protocol"
)

// Once answers a repeated write with the answer of the first. It holds only what
// succeeded, in this process: after a restart a repeated key writes again. Safe for
// concurrent use.
type Once struct {
	now func() time.Time

	mu    sync.Mutex // guards the rest
	byKey map[string]*list.Element
	order *list.List // of *remembered, most recently used first
}

type remembered struct {
	key     string
	request [32]byte
	done    chan struct{} // closed by whoever runs the write
	ok      bool          // receipt is valid; set before done is closed
	receipt Receipt
	until   time.Time
}

// NewOnce remembers nothing yet.
func NewOnce(now func() time.Time) *Once {
	return &Once{now: now, byKey: map[string]*list.Element{}, order: list.New()}
}

// Do runs write unless key was used before: then it gives that receipt and true. A
// write that fails is forgotten, so that it can be tried again. Two requests of one key
// at once run one write. A key used for another request is 422. A key is its caller's
// own (Account): another caller's is another key.
func (m *Once) Do(ctx context.Context, key, target string, body []byte, write func() (Receipt, error)) (Receipt, bool, error) {
	if key == "" {
		receipt, err := write()
		return receipt, false, err
	}
	if len(key) > maxKeyBytes {
		return Receipt{}, false, refuse(protocol.ReasonUsage, http.StatusBadRequest, "api.problem.idempotency_key")
	}
	key = Account(ctx) + "\x00" + key
	request := sha256.Sum256(append([]byte(target+"\x00"), body...))
	for {
		entry, mine := m.claim(key, request)
		if entry.request != request {
			return Receipt{}, false, refuse(protocol.ReasonConflict, http.StatusUnprocessableEntity, "api.problem.idempotency")
		}
		if mine {
			return m.run(entry, write)
		}
		select {
		case <-entry.done:
			if entry.ok {
				return entry.receipt, true, nil
			}
		case <-ctx.Done():
			return Receipt{}, false, protocol.Fail(protocol.ReasonCanceled, "wait for the first request", ctx.Err())
		}
	}
}

func (m *Once) run(entry *remembered, write func() (Receipt, error)) (Receipt, bool, error) {
	defer func() {
		if !entry.ok {
			m.forget(entry)
		}
		close(entry.done)
	}()
	receipt, err := write()
	entry.receipt, entry.ok = receipt, err == nil
	return receipt, false, err
}

func (m *Once) claim(key string, request [32]byte) (entry *remembered, mine bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if el, ok := m.byKey[key]; ok {
		entry = el.Value.(*remembered)
		if m.now().Before(entry.until) {
			m.order.MoveToFront(el)
			return entry, false
		}
		m.drop(el)
	}
	entry = &remembered{key: key, request: request, done: make(chan struct{}), until: m.now().Add(rememberFor)}
	m.byKey[key] = m.order.PushFront(entry)
	for m.order.Len() > maxRemembered {
		m.drop(m.order.Back())
	}
	return entry, true
}

func (m *Once) forget(entry *remembered) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if el, ok := m.byKey[entry.key]; ok && el.Value == any(entry) {
		m.drop(el)
	}
}

func (m *Once) drop(el *list.Element) {
	delete(m.byKey, el.Value.(*remembered).key)
	m.order.Remove(el)
}
