package home

import (
	"bytes"
	"io"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/dure-net/dure/protocol"
)

// A look at whether a home runs takes a shared lock for a moment, which makes a start
// at that very moment fail once; a command on a stopped node takes it for as long as it
// reads the ledger. So a start tries again for this long before it says that another
// process is there.
const (
	lockPatience = 1500 * time.Millisecond
	lockPause    = 15 * time.Millisecond
)

// holder is what the lock file says of who holds it.
type holder struct {
	PID     int       `json:"pid"`
	Started time.Time `json:"started"`
}

// Lock keeps every other process, and every other Home of this one, from locking the
// same directory until release is called (at most once counts; it never fails) or the
// process ends, however it ends. Where another holds it: ReasonHomeLocked with Args
// path and, where known, pid and started (RFC 3339), after lockPatience.
func (h *Home) Lock() (release func(), err error) {
	path := h.path(lockFile)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, plainMode)
	if err != nil {
		return nil, h.writeError("lock home", path, err)
	}
	for deadline := time.Now().Add(lockPatience); ; time.Sleep(lockPause) {
		ok, err := tryLock(f, true)
		if err != nil {
			f.Close()
			return nil, h.writeError("lock home", path, err)
		}
		if ok {
			break
		}
		if time.Now().After(deadline) {
			by := readHolder(f)
			f.Close()
			return nil, lockedError(h.dir, by)
		}
	}
	// Nobody runs now: what a killed process said of itself is void.
	if err := os.Remove(h.path(runFile)); err != nil && !os.IsNotExist(err) {
		f.Close()
		return nil, h.writeError("lock home", h.path(runFile), err)
	}
	raw, err := encodeJSON(holder{PID: os.Getpid(), Started: h.opts.Now().UTC().Truncate(time.Second)})
	if err == nil {
		err = writeHolder(f, raw)
	}
	if err != nil && !isFull(err) { // on a full disk the lock holds all the same, and only does not say whose it is
		f.Close()
		return nil, h.writeError("lock home", path, err)
	}
	return sync.OnceFunc(func() {
		// The file stays: removing it would let two processes lock two files of one name.
		_ = writeHolder(f, nil)
		f.Close()
	}), nil
}

// holderBytes is the length of the lock file. It is written in place, so that a full disk
// has the block for it.
const holderBytes = 256

func writeHolder(f *os.File, raw []byte) error {
	padded := bytes.Repeat([]byte{' '}, max(holderBytes, len(raw)))
	copy(padded, raw)
	_, err := f.WriteAt(padded, 0)
	return err
}

func lockedError(dir string, by holder) error {
	args := map[string]string{"path": dir}
	if by.PID > 0 {
		args["pid"], args["started"] = strconv.Itoa(by.PID), by.Started.Format(time.RFC3339)
	}
	return &protocol.Error{Reason: protocol.ReasonHomeLocked, Op: "lock home", Args: args}
}

// readHolder reads who holds the lock; zero where it does not say.
func readHolder(f *os.File) (by holder) {
	raw, err := io.ReadAll(io.NewSectionReader(f, 0, 4096))
	if err != nil || decodeJSON(raw, &by) != nil {
		return holder{}
	}
	return by
}

// locked reports whether somebody holds the lock now, this process included.
func (h *Home) locked() (bool, error) {
	f, err := os.Open(h.path(lockFile))
	if os.IsNotExist(err) {
		return false, nil
	}
	if err != nil {
		return false, h.readError("look at lock", lockFile, err)
	}
	defer f.Close()
	free, err := tryLock(f, false)
	if err != nil {
		return false, h.readError("look at lock", lockFile, err)
	}
	return !free, nil
}
