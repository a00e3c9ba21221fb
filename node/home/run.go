package home

import (
	"errors"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/dure-net/dure/protocol"
)

// Run is what a running node tells of itself in its home.
type Run struct {
	API     string    `json:"api"` // base address of the local API: "http://127.0.0.1:7710"
	PID     int       `json:"pid"`
	Started time.Time `json:"started"`
}

// SaveRun says that this process runs the home and where its API is; the caller holds
// the lock. PID and Started are filled in where zero. stopped takes it back; what a
// killed process leaves is recognised by Running.
func (h *Home) SaveRun(r Run) (stopped func() error, err error) {
	if r.PID == 0 {
		r.PID = os.Getpid()
	}
	if r.Started.IsZero() {
		r.Started = h.opts.Now().UTC().Truncate(time.Second)
	}
	raw, err := encodeJSON(r)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.write(runFile, raw, plainMode); err != nil {
		return nil, err
	}
	return sync.OnceValue(func() error {
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.remove(runFile)
	}), nil
}

// Running tells of the process that runs this home; false where none does. A file
// left by a killed process does not count: the lock must be held too.
func (h *Home) Running() (Run, bool, error) {
	raw, err := readBounded(h.path(runFile), 4096)
	if errors.Is(err, fs.ErrNotExist) {
		return Run{}, false, nil
	}
	var r Run
	if err == nil {
		err = decodeJSON(raw, &r)
	}
	if err != nil {
		return Run{}, false, h.readError("read running state", runFile, err)
	}
	held, err := h.locked()
	if err != nil || !held {
		return Run{}, false, err
	}
	// An offline command may hold the lock beside what a killed process left.
	f, err := os.Open(h.path(lockFile))
	if err != nil {
		return Run{}, false, h.readError("look at lock", lockFile, err)
	}
	defer f.Close()
	if by := readHolder(f); by.PID != r.PID {
		return Run{}, false, nil
	}
	return r, true, nil
}

// NotRunning is the error for commands that need the running node of this home.
func (h *Home) NotRunning() error {
	return &protocol.Error{Reason: protocol.ReasonNotRunning, Op: "find running node", Args: map[string]string{"path": h.dir}}
}
