package searches

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dure-net/dure/protocol"
)

// shelf is a file that may refuse to be written.
type shelf struct {
	raw  []byte
	full bool
}

func (s *shelf) Searches() ([]byte, error) { return s.raw, nil }
func (s *shelf) SaveSearches(raw []byte) error {
	if s.full {
		return protocol.Fail(protocol.ReasonReadOnly, "write", errors.New("full"))
	}
	s.raw = raw
	return nil
}

func clock() time.Time { return time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC) }

func load(t *testing.T, s *shelf, gone ...string) *Store {
	t.Helper()
	store, err := Load(s, clock, func(owner string) bool { return !strings.Contains(strings.Join(gone, ","), owner) })
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func refused(t *testing.T, err error, want protocol.Reason, word string) {
	t.Helper()
	var e *protocol.Error
	if !errors.As(err, &e) || e.Reason != want || e.Args[word] == "" {
		t.Errorf("got %v, want %v with %q", err, want, word)
	}
}

func TestStore_KeepsWhatWasSaved(t *testing.T) {
	file := &shelf{}
	s := load(t, file)
	made, err := s.Add("owner", " 돌봄 ", "q=care", []byte{1})
	if err != nil || made.Name != "돌봄" || made.ID == "" {
		t.Fatal(made, err)
	}
	if again, err := s.Add("owner", "돌봄", "q=care", []byte{2}); err != nil || again.ID != made.ID || again.Seen[0] != 1 {
		t.Errorf("the same again: got %+v, %v", again, err)
	}
	_, err = s.Add("owner", "돌봄", "q=other", []byte{2})
	refused(t, err, protocol.ReasonConflict, "search_taken")
	if _, err := s.Add("user 1 Mina", "돌봄", "q=other", []byte{1}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.See("owner", made.ID, []byte{7}, true); err != nil {
		t.Fatal(err)
	}
	if _, err := s.See("owner", "돌봄", []byte{8}, false); err != nil {
		t.Fatal(err)
	}

	s = load(t, file) // after a restart
	got, err := s.Find("owner", "돌봄")
	if err != nil || got.ID != made.ID || got.Query != "q=care" || got.Seen[0] != 8 || got.Before[0] != 1 || got.Looked.IsZero() {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, ref := range []string{made.ID, "nothing"} {
		_, err = s.Find("user 1 Mina", ref)
		refused(t, err, protocol.ReasonNotFound, "search")
	}
	_, err = s.Remove("user 1 Mina", made.ID)
	refused(t, err, protocol.ReasonNotFound, "search")
	if _, err := s.Remove("owner", "돌봄"); err != nil || len(s.Of("owner")) != 0 || len(s.Of("user 1 Mina")) != 1 {
		t.Errorf("got %+v, %v", s.Of("owner"), err)
	}
}

func TestStore_IsBounded(t *testing.T) {
	s := load(t, &shelf{})
	for i := range MaxAll {
		if _, err := s.Add(fmt.Sprint("user ", i/MaxOwn), fmt.Sprint("search ", i), "", nil); err != nil {
			t.Fatal(i, err)
		}
	}
	_, err := s.Add("user 0", "one more", "", nil)
	refused(t, err, protocol.ReasonConflict, "searches_own")
	_, err = s.Add("user x", "one more", "", nil)
	refused(t, err, protocol.ReasonConflict, "searches_all")
	for _, name := range []string{"", " ", "a\nb", strings.Repeat("가", MaxName+1), "\xff"} {
		_, err = s.Add("user x", name, "", nil)
		refused(t, err, protocol.ReasonUsage, "search_name")
	}
	if _, err := s.Add("user x", "long", strings.Repeat("x", maxQuery+1), nil); protocol.ReasonOf(err) != protocol.ReasonTooLarge {
		t.Error(err)
	}
}

func TestStore_SearchesGoWithTheirOwner(t *testing.T) {
	file := &shelf{}
	s := load(t, file)
	for _, owner := range []string{"owner", "user 1 Mina"} {
		if _, err := s.Add(owner, "care", "q=care", nil); err != nil {
			t.Fatal(err)
		}
	}
	s = load(t, file, "user 1 Mina")
	if got := s.Of("user 1 Mina"); len(got) != 0 {
		t.Errorf("got %+v", got)
	}
	if err := s.Forget(); err != nil {
		t.Fatal(err)
	}
	s = load(t, file) // whoever has that name later
	if len(s.Of("user 1 Mina")) != 0 || len(s.Of("owner")) != 1 {
		t.Errorf("got %+v and %+v", s.Of("user 1 Mina"), s.Of("owner"))
	}
}

func TestStore_NothingCountsThatIsNotDurable(t *testing.T) {
	file := &shelf{full: true}
	s := load(t, file)
	if _, err := s.Add("owner", "care", "", nil); protocol.ReasonOf(err) != protocol.ReasonReadOnly || len(s.Of("owner")) != 0 {
		t.Errorf("got %v and %+v", err, s.Of("owner"))
	}
	for _, raw := range []string{"{", `{"version":2,"searches":[],"marks":[]}`, `{"version":1,"searches":[{"id":"a","owner":"owner","name":"x","query":"","created":"2026-11-23T09:00:00Z","seen":0,"before":0}],"marks":[]}`,
		`{"version":1,"searches":[],"marks":[]} 1`, `{"version":1,"searches":[],"marks":[],"more":1}`} {
		if s, err := Load(&shelf{raw: []byte(raw)}, clock, nil); protocol.ReasonOf(err) != protocol.ReasonDamaged || s == nil {
			t.Errorf("%s: got %v", raw, err)
		}
	}
}
