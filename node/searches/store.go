package searches

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/base32"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/dure-net/dure/protocol"
)

// Shelf keeps the one file of a Store. home.Home and tests implement it.
type Shelf interface {
	// Searches is what SaveSearches wrote last; nil where nothing was.
	Searches() ([]byte, error)
	// SaveSearches replaces it durably: after a crash it is the old content or the new.
	SaveSearches(raw []byte) error
}

// Saved is one search. Its slices are not to be changed.
type Saved struct {
	ID      string // short, and no other search's of this node
	Owner   string // whose it is, as the caller names owners
	Name    string // no other search's of its owner
	Query   string // what it asks for, as the query of an address, in one spelling
	Created time.Time
	Looked  time.Time // when its owner looked last; zero: not yet
	Seen    []byte    // how far the owner had looked then, as the index says it
	Before  []byte    // and how far the time before
}

// kept is a search in the file; marks are named, since many are alike.
type kept struct {
	ID      string    `json:"id"`
	Owner   string    `json:"owner"`
	Name    string    `json:"name"`
	Query   string    `json:"query"`
	Created time.Time `json:"created"`
	Looked  time.Time `json:"looked,omitzero"`
	Seen    int       `json:"seen"`
	Before  int       `json:"before"`
}

type file struct {
	Version  int      `json:"version"`
	Searches []kept   `json:"searches"`
	Marks    [][]byte `json:"marks"` // by their places here
}

const fileVersion = 1

// Store is the saved searches of one node. Every change is durable before it counts. Safe
// for concurrent use.
type Store struct {
	shelf Shelf
	now   func() time.Time
	lives func(owner string) bool

	mu  sync.RWMutex // guards all
	all []Saved      // in the order in which they were saved
}

// Load reads the file of a shelf. Searches of owners that do not live (any more) are nobody's,
// and gone with the next change. A file that cannot be read is ReasonDamaged, with a
// Store of none.
func Load(shelf Shelf, now func() time.Time, lives func(owner string) bool) (*Store, error) {
	s := &Store{shelf: shelf, now: now, lives: lives}
	raw, err := shelf.Searches()
	if err != nil || raw == nil {
		return s, err
	}
	all, err := decode(raw)
	if err != nil {
		return s, protocol.Fail(protocol.ReasonDamaged, "read saved searches", err)
	}
	s.all = all
	return s, nil
}

func decode(raw []byte) ([]Saved, error) {
	var f file
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return nil, err
	}
	if _, more := d.Token(); more != io.EOF {
		return nil, errors.New("bytes after the end")
	}
	if f.Version != fileVersion || len(f.Searches) > MaxAll {
		return nil, errors.New("of another version")
	}
	var all []Saved
	for _, k := range f.Searches {
		if k.ID == "" || k.Owner == "" || k.Seen < 0 || k.Seen >= len(f.Marks) || k.Before < 0 || k.Before >= len(f.Marks) {
			return nil, errors.New("a search without owner or mark")
		}
		if _, err := checkName(k.Name); err != nil {
			return nil, err
		}
		all = append(all, Saved{k.ID, k.Owner, k.Name, k.Query, k.Created, k.Looked, f.Marks[k.Seen], f.Marks[k.Before]})
	}
	return all, nil
}

func encode(all []Saved) ([]byte, error) {
	f := file{Version: fileVersion, Searches: []kept{}, Marks: [][]byte{}}
	places := map[string]int{}
	place := func(mark []byte) int {
		at, known := places[string(mark)]
		if !known {
			at = len(f.Marks)
			places[string(mark)], f.Marks = at, append(f.Marks, mark)
		}
		return at
	}
	for _, s := range all {
		f.Searches = append(f.Searches, kept{s.ID, s.Owner, s.Name, s.Query, s.Created, s.Looked, place(s.Seen), place(s.Before)})
	}
	raw, err := json.Marshal(f)
	return append(raw, '\n'), err
}

// change writes a changed copy, without what nobody owns any more, and makes it the present
// one once it is durable.
func (s *Store) change(do func(all []Saved) ([]Saved, error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	next, err := do(slices.DeleteFunc(slices.Clone(s.all), func(one Saved) bool { return !s.lives(one.Owner) }))
	if err != nil {
		return err
	}
	raw, err := encode(next)
	if err != nil {
		return protocol.Fail(protocol.ReasonInternal, "write saved searches", err)
	}
	if err := s.shelf.SaveSearches(raw); err != nil {
		return err
	}
	s.all = next
	return nil
}

// Of lists the searches of an owner by name. The slice is the caller's.
func (s *Store) Of(owner string) []Saved {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []Saved
	for _, one := range s.all {
		if one.Owner == owner && s.lives(owner) {
			out = append(out, one)
		}
	}
	slices.SortFunc(out, func(a, b Saved) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// Find finds one of an owner's by its id or its name. Absent, and another owner's, is
// ReasonNotFound.
func (s *Store) Find(owner, ref string) (Saved, error) {
	all := s.Of(owner)
	if i := at(all, owner, ref); i >= 0 {
		return all[i], nil
	}
	return Saved{}, absent(ref)
}

// at is the place of an owner's search; -1 where there is none. An id comes before a name.
func at(all []Saved, owner, ref string) int {
	if i := slices.IndexFunc(all, func(one Saved) bool { return one.Owner == owner && one.ID == ref }); i >= 0 {
		return i
	}
	return slices.IndexFunc(all, func(one Saved) bool { return one.Owner == owner && one.Name == strings.TrimSpace(ref) })
}

func absent(ref string) error {
	if len(ref) > 4*MaxName {
		ref = ref[:4*MaxName]
	}
	return &protocol.Error{Reason: protocol.ReasonNotFound, Op: "find saved search", Args: map[string]string{"search": strings.ToValidUTF8(ref, "")}}
}

// Add saves a search, of which everything up to a mark has been seen. The same one again
// changes nothing; another one of its name is ReasonConflict, as is one too many.
func (s *Store) Add(owner, name, query string, seen []byte) (Saved, error) {
	name, err := checkName(name)
	if err != nil {
		return Saved{}, err
	}
	if len(query) > maxQuery {
		return Saved{}, protocol.Fail(protocol.ReasonTooLarge, "save search", errors.New("it asks for too much"))
	}
	made := Saved{ID: newID(), Owner: owner, Name: name, Query: query, Created: s.now().UTC().Truncate(time.Second), Seen: seen, Before: seen}
	refuse := func(word, value string) error {
		return &protocol.Error{Reason: protocol.ReasonConflict, Op: "save search", Args: map[string]string{word: value}}
	}
	s.mu.RLock()
	same := slices.IndexFunc(s.all, func(one Saved) bool { return one.Owner == owner && one.Name == name })
	if same >= 0 {
		made = s.all[same]
	}
	s.mu.RUnlock()
	if same >= 0 {
		if made.Query == query {
			return made, nil
		}
		return Saved{}, refuse("search_taken", name)
	}
	return made, s.change(func(all []Saved) ([]Saved, error) {
		own := 0
		for _, one := range all {
			if one.Owner == owner {
				own++
				if one.Name == name {
					return nil, refuse("search_taken", name)
				}
			}
		}
		switch {
		case own >= MaxOwn:
			return nil, refuse("searches_own", strconv.Itoa(MaxOwn))
		case len(all) >= MaxAll:
			return nil, refuse("searches_all", strconv.Itoa(MaxAll))
		}
		return append(all, made), nil
	})
}

// See notes how far the owner has looked, by a mark; some says that something was new.
func (s *Store) See(owner, id string, seen []byte, some bool) (out Saved, err error) {
	return out, s.change(func(all []Saved) ([]Saved, error) {
		i := at(all, owner, id)
		if i < 0 {
			return nil, absent(id)
		}
		one := &all[i]
		if some {
			one.Before = one.Seen
		}
		one.Seen = seen
		one.Looked = s.now().UTC().Truncate(time.Second)
		out = *one
		return all, nil
	})
}

// Remove forgets one of an owner's, by its id or its name.
func (s *Store) Remove(owner, ref string) (out Saved, err error) {
	return out, s.change(func(all []Saved) ([]Saved, error) {
		i := at(all, owner, ref)
		if i < 0 {
			return nil, absent(ref)
		}
		out = all[i]
		return slices.Delete(all, i, i+1), nil
	})
}

// Forget writes down that the searches of owners who do not live any more are gone; where
// there are none it does nothing.
func (s *Store) Forget() error {
	s.mu.RLock()
	some := slices.ContainsFunc(s.all, func(one Saved) bool { return !s.lives(one.Owner) })
	s.mu.RUnlock()
	if !some {
		return nil
	}
	return s.change(func(all []Saved) ([]Saved, error) { return all, nil })
}

var letters = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

func newID() string {
	var raw [10]byte
	_, _ = rand.Read(raw[:]) // never fails
	return letters.EncodeToString(raw[:])
}

// checkName takes what people call a search: printable and short.
func checkName(name string) (string, error) {
	name = strings.TrimSpace(name)
	if name == "" || !utf8.ValidString(name) || utf8.RuneCountInString(name) > MaxName || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return "", &protocol.Error{Reason: protocol.ReasonUsage, Op: "save search", Args: map[string]string{"search_name": strconv.Itoa(MaxName)},
			Err: errors.New("a name has 1 to 64 printable characters")}
	}
	return name, nil
}
