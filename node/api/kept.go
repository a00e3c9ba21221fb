package api

import (
	"container/list"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/dure-net/dure/node/access"
)

// larder keeps the answers to GETs that were declared with lasting, for whoever asks the
// same. It stands behind everything that is asked of each request (the Host, who asks and
// what they may do, rates, the number of the request, the log) and saves only the making of
// the bytes. An answer is kept for as long as the epoch and the day are those it was made
// in, and for keptFor at most: what a disk lost, or got back, is no change of the ledger.
// Safe for concurrent use.
type larder struct {
	epoch func() uint64
	now   func() time.Time

	mu     sync.Mutex // guards the rest
	of     era        // in which all that is kept was made
	asked  map[question]*list.Element
	order  *list.List // of *kept, the last used first
	weighs int        // bytes of all that is kept
}

// era is when an answer was made, as far as answers depend on it. Days are told apart in
// the node's own time and in UTC: both are asked for.
type era struct {
	epoch    uint64
	day, utc int
}

// question is all of a request that the answer depends on. Two callers with the same scopes
// are told the same.
type question struct {
	uri, accept, language string
	scopes                access.Set
}

type kept struct {
	question
	finished
	until time.Time
}

// keptOverhead is about what a kept answer weighs beside its bytes and its question.
const keptOverhead = 1 << 10

func (k *kept) weight() int {
	return len(k.body) + len(k.uri) + len(k.accept) + len(k.language) + keptOverhead
}

func newLarder(epoch func() uint64, now func() time.Time) *larder {
	return &larder{epoch: epoch, now: now, asked: map[question]*list.Element{}, order: list.New()}
}

// lastingKey is where an operation says that its answers may be kept.
const lastingKey = "lasting"

// lasting declares that the answers of an operation follow from the copy on this disk, the
// day, the caller's scopes, the address and the headers Accept and Accept-Language, and
// from nothing else: they may be kept until one of these changes.
func lasting(op huma.Operation) huma.Operation {
	op.Metadata[lastingKey] = true
	return op
}

func isLasting(op *huma.Operation) bool { return op.Metadata[lastingKey] == true }

func questionOf(r *http.Request) question {
	return question{uri: r.URL.RequestURI(), accept: strings.Join(r.Header.Values("Accept"), ","),
		language: strings.Join(r.Header.Values("Accept-Language"), ","), scopes: callerOf(r.Context()).Scopes}
}

// present is the era that begins an answer. It is asked before anything is read, so that
// what changes meanwhile makes the answer one of an era that has passed.
func (l *larder) present() era {
	now := l.now()
	return era{l.epoch(), now.YearDay(), now.UTC().YearDay()}
}

// find is the answer to a question that was made in an era, if it is kept.
func (l *larder) find(q question, in era) (finished, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	el, ok := l.asked[q]
	if !ok || l.of != in {
		return finished{}, false
	}
	k := el.Value.(*kept)
	if !l.now().Before(k.until) {
		l.drop(el)
		return finished{}, false
	}
	l.order.MoveToFront(el)
	return k.finished, true
}

// keep keeps an answer that was begun in an era, unless that has passed. The bytes are the larder's from
// then on, and nobody changes them.
func (l *larder) keep(q question, in era, f finished) {
	k := &kept{question: q, finished: f, until: l.now().Add(keptFor)}
	if k.weight() > maxKeptAnswer || l.present() != in {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of != in {
		if in.epoch < l.of.epoch {
			return
		}
		l.of, l.weighs = in, 0
		clear(l.asked)
		l.order.Init()
	}
	if el, ok := l.asked[q]; ok {
		l.drop(el)
	}
	l.asked[q] = l.order.PushFront(k)
	l.weighs += k.weight()
	for l.weighs > maxKeptBytes {
		l.drop(l.order.Back())
	}
}

// drop forgets one answer. The caller holds mu.
func (l *larder) drop(el *list.Element) {
	k := el.Value.(*kept)
	delete(l.asked, k.question)
	l.order.Remove(el)
	l.weighs -= k.weight()
}

// finished is a whole answer of status 200.
type finished struct {
	header http.Header // what the operation set, with the entity tag and the length
	tag    string      // without W/ and quotation marks
	body   []byte
}

// send answers with it, or with 304 where the caller holds it. The header's values are
// shared between answers and never changed.
func (f finished) send(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	held := matches(r.Header.Get("If-None-Match"), f.tag)
	for name, values := range f.header {
		if !held || name != "Content-Type" && name != "Content-Length" {
			h[name] = values
		}
	}
	if held {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(f.body) // the reader is gone; nobody is left to tell
}

// finish gives an answer its tag and its length. The header is changed.
func finish(header http.Header, tag string, weak bool, body []byte) finished {
	quoted := `"` + tag + `"`
	if weak {
		quoted = "W/" + quoted
	}
	header.Set("ETag", quoted)
	header.Set("Content-Length", strconv.Itoa(len(body)))
	return finished{header, tag, body}
}
