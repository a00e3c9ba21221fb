package index

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"syscall"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/dure-net/dure/protocol"
)

// bg is for questions to SQLite: a context that can end would cost each of them a goroutine.
var bg = context.Background()

const fileName = "index.sqlite"

// path is where the file lies, with its directory made.
func path(dir string) (string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", &protocol.Error{Reason: protocol.ReasonHomeUnwritable, Op: "open index", ID: dir, Args: map[string]string{"path": dir}, Err: err}
	}
	return filepath.Join(dir, fileName), nil
}

// conn is one connection to the file with what it has prepared. One goroutine at a time
// uses it.
type conn struct {
	db    *sql.DB // of this connection alone
	c     *sql.Conn
	stmts map[string]*sql.Stmt
}

// close closes what was prepared first: SQLite would wait for it without a word.
func (c *conn) close() error {
	var errs []error
	for _, st := range c.stmts {
		errs = append(errs, st.Close())
	}
	return errors.Join(append(errs, c.c.Close(), c.db.Close())...)
}

// stmt is a prepared question; it stays prepared for the next time.
func (c *conn) stmt(text string) (*sql.Stmt, error) {
	if st := c.stmts[text]; st != nil {
		return st, nil
	}
	if len(c.stmts) >= maxPrepared {
		for old, st := range c.stmts {
			_ = st.Close()
			delete(c.stmts, old)
			break
		}
	}
	st, err := c.c.PrepareContext(bg, text)
	if err == nil {
		c.stmts[text] = st
	}
	return st, err
}

func (c *conn) exec(text string, args ...any) error {
	st, err := c.stmt(text)
	if err == nil {
		_, err = st.Exec(args...)
	}
	return err
}

// each asks and calls do for every answer.
func (c *conn) each(text string, args []any, do func(scan func(...any) error) error) error {
	st, err := c.stmt(text)
	if err != nil {
		return err
	}
	rows, err := st.Query(args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := do(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// one reads one answer; false where there is none.
func (c *conn) one(text string, args []any, into ...any) (bool, error) {
	st, err := c.stmt(text)
	if err != nil {
		return false, err
	}
	switch err := st.QueryRow(args...).Scan(into...); {
	case errors.Is(err, sql.ErrNoRows):
		return false, nil
	case err != nil:
		return false, err
	}
	return true, nil
}

// connect opens a connection. Commits are synced at checkpoints only: what a power cut
// takes is taken in again from the ledger.
func (x *Index) connect(cache int, pragmas ...string) (*conn, error) {
	path := filepath.ToSlash(x.path)
	q := url.Values{"_pragma": append([]string{"busy_timeout(10000)", fmt.Sprintf("cache_size(-%d)", cache>>10), "temp_store(memory)", "mmap_size(0)"}, pragmas...)}
	if x.memory != "" {
		path = x.memory
		q.Set("vfs", "memdb")
	}
	dsn := "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	c, err := db.Conn(bg)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &conn{db: db, c: c, stmts: map[string]*sql.Stmt{}}, nil
}

// open opens the file, once more after removing it where it cannot be used.
func (x *Index) open() error {
	err := x.tryOpen()
	if err != nil && spoilt(err) {
		x.log.Warn("the index cannot be used and is built anew", "err", err)
		_ = x.shut()
		if err = x.remove(); err == nil {
			err = x.tryOpen()
		}
	}
	if err != nil {
		_ = x.shut()
		return failed("open index", err)
	}
	return nil
}

var errOther = errors.New("it was made by another version")

// spoilt reports whether a new file would help.
func spoilt(err error) bool {
	var e *sqlite.Error
	if errors.As(err, &e) {
		switch e.Code() & 0xff {
		case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_FORMAT:
			return true
		}
	}
	return errors.Is(err, errOther)
}

// noRoom reports whether the disk is what keeps the file from being used.
func noRoom(err error) bool {
	var e *sqlite.Error
	if errors.As(err, &e) {
		switch e.Code() & 0xff {
		case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN:
			return true
		}
	}
	return errors.Is(err, syscall.ENOSPC)
}

func (x *Index) tryOpen() (err error) {
	if x.w, err = x.openWriter(); err != nil {
		return err
	}
	x.reads = make(chan *conn, readers)
	for range readers {
		c, err := x.connect(readerCache, "query_only(1)")
		if err != nil {
			return err
		}
		x.reads <- c
	}
	x.keeper, err = x.connect(keeperCache, "busy_timeout(0)") // what is in use is left for the next time
	return err
}

// shut closes all connections, the writer last: it brings SQLite's log into the file.
// Nobody reads or writes.
func (x *Index) shut() error {
	var errs []error
	if x.reads != nil {
		close(x.reads)
		for c := range x.reads {
			errs = append(errs, c.close())
		}
	}
	if x.keeper != nil {
		errs = append(errs, x.keeper.close())
	}
	if x.w != nil {
		errs = append(errs, x.w.close())
	}
	x.reads, x.keeper, x.w = nil, nil, nil
	return errors.Join(errs...)
}

// remove deletes the file and what SQLite keeps beside it.
func (x *Index) remove() error {
	if x.memory != "" {
		return nil // it went with its last connection
	}
	var errs []error
	for _, end := range []string{"", "-wal", "-shm", "-journal", sealEnd} {
		if err := os.Remove(x.path + end); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// renew empties the index: it is built from the beginning of the ledger again.
func (x *Index) renew() error {
	x.writing.Lock()
	defer x.writing.Unlock()
	x.mu.Lock()
	defer x.mu.Unlock()
	if err := errors.Join(x.shut(), x.remove()); err != nil {
		return failed("renew index", err)
	}
	return x.open()
}

// read runs one reading on one state of the index.
func (x *Index) read(op string, do func(*conn) error) error {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if x.reads == nil {
		return protocol.Fail(protocol.ReasonNotRunning, op, errors.New("the index is closed"))
	}
	c := <-x.reads
	defer func() { x.reads <- c }()
	err := c.exec("BEGIN")
	if err == nil {
		err = do(c)
		if rerr := c.exec("ROLLBACK"); err == nil {
			err = rerr
		}
	}
	return failed(op, err)
}

// failed gives errors of SQLite the form of ours.
func failed(op string, err error) error {
	var known *protocol.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	return protocol.Fail(protocol.ReasonInternal, op, err)
}
