package private

import (
	"errors"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/sealed"
)

// Files are the files that go with the letter of an entry, and the handles of the members
// that may have them: its author and whom it is for. None where the letter is for others,
// is erased or does not count. An error says that it is not known now: whoever would drop
// what no letter names must not.
func (r *Room) Files(entry protocol.EntryID) (files []sealed.File, parties []string, err error) {
	r.mu.Lock()
	it, whole := r.byEntry[entry], r.whole
	r.mu.Unlock()
	switch {
	case it == nil && !whole:
		return nil, nil, protocol.Fail(protocol.ReasonBusy, "read letter", errors.New("letters are still being listed"))
	case it == nil || it.kind != protocol.KindSealed:
		return nil, nil, nil
	}
	env, c, key, author, err := r.envelope(it)
	if errors.Is(err, errElse) { // a rewrap that came meanwhile may open it
		r.takeRewraps()
		env, c, key, author, err = r.envelope(it)
	}
	switch {
	case errors.Is(err, errElse) || errors.Is(err, errAbsent) || errors.Is(err, errErased):
		return nil, nil, nil
	case err != nil:
		return nil, nil, err
	}
	l, err := env.Letter(c, key)
	if err != nil {
		return nil, nil, nil // it says nothing here
	}
	for _, d := range l.Files() {
		files = append(files, *d.File)
	}
	return files, append([]string{author}, l.To...), nil
}
