package restore

import (
	"context"
	"errors"
	"io"
)

// errChecked ends the writing of a backup that was found wrong while it was written.
var errChecked = errors.New("the backup is not whole")

// Checked passes on what write writes, and reads it as a backup at the same time: an
// error of either ends both.
func Checked(ctx context.Context, w io.Writer, write func(io.Writer) error) error {
	r, pipe := io.Pipe()
	checked := make(chan error, 1) // room for the one answer
	go func() {
		f, err := Open(r)
		if err == nil {
			_, err = f.Check(ctx, nil)
		}
		_ = r.CloseWithError(errChecked)
		checked <- err
	}()
	err := write(io.MultiWriter(w, pipe))
	_ = pipe.CloseWithError(err) // nil is the end of the file
	if cerr := <-checked; err == nil || errors.Is(err, errChecked) {
		return cerr
	}
	return err
}
