package access_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dure-net/dure/node/access"
	"github.com/dure-net/dure/protocol"
)

// shelf keeps a file in memory; broken is the error of the next write.
type shelf struct {
	raw    []byte
	broken error
}

func (s *shelf) Access() ([]byte, error) { return s.raw, nil }
func (s *shelf) SaveAccess(raw []byte) error {
	if s.broken != nil {
		return s.broken
	}
	s.raw = bytes.Clone(raw)
	return nil
}

// day is a clock that tests move.
type day struct{ t time.Time }

func (d *day) now() time.Time        { return d.t }
func (d *day) pass(by time.Duration) { d.t = d.t.Add(by) }
func newDay() *day                   { return &day{time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)} }
func load(t *testing.T, s *shelf, d *day) *access.Store {
	t.Helper()
	store, err := access.Load(s, d.now)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func issue(t *testing.T, s *access.Store, r access.Request) (string, access.Token) {
	t.Helper()
	secret, token, err := s.Issue(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	return secret, token
}

func argOf(err error, name string) string {
	var e *protocol.Error
	if errors.As(err, &e) {
		return e.Args[name]
	}
	return ""
}

func TestStore_ATokenDoesWhatItWasMadeForUntilItEnds(t *testing.T) {
	d, sh := newDay(), &shelf{}
	s := load(t, sh, d)
	secret, token := issue(t, s, access.Request{Name: "website", Scopes: []string{"write"}, Seconds: 3600})
	if !strings.HasPrefix(secret, access.Prefix) || len(secret) != len(access.Prefix)+52 {
		t.Errorf("a token like %q", secret)
	}
	if bytes.Contains(sh.raw, []byte(secret[len(access.Prefix):])) {
		t.Error("the token itself lies in the file")
	}
	for range 2 { // the second after a restart
		who, err := s.Check(secret)
		if err != nil || who.Name != "website" || !who.Scopes.Has(access.Write) || !who.Scopes.Has(access.Read) || !who.Scopes.Has(access.Open) ||
			who.Scopes.Has(access.Govern) || who.Scopes.Has(access.Keep) {
			t.Fatalf("got %+v, %v", who, err)
		}
		s = load(t, sh, d)
	}
	for _, wrong := range []string{"", secret[:len(secret)-1], secret + "a", strings.ToUpper(secret), secret[len(access.Prefix):]} {
		if _, err := s.Check(wrong); protocol.ReasonOf(err) != protocol.ReasonForbidden || argOf(err, "token") != "" {
			t.Errorf("%q: got %v", wrong, err)
		}
	}
	d.pass(time.Hour)
	if _, err := s.Check(secret); protocol.ReasonOf(err) != protocol.ReasonForbidden || argOf(err, "token_expired") == "" || argOf(err, "token") != "website" {
		t.Errorf("after an hour: got %v", err)
	}
	if got := s.Tokens(); len(got) != 1 || got[0].State != access.StateExpired || got[0].ID != token.ID {
		t.Errorf("got %+v", got)
	}
	d.pass(31 * 24 * time.Hour)
	issue(t, s, access.Request{Name: "another", Scopes: []string{"read"}})
	if got := s.Tokens(); len(got) != 1 || got[0].Name != "another" {
		t.Errorf("an old token is still listed: %+v", got)
	}
}

func TestStore_ARevokedTokenEndsAtOnceAndForGood(t *testing.T) {
	d, sh := newDay(), &shelf{}
	s := load(t, sh, d)
	first, a := issue(t, s, access.Request{Name: "sync", Scopes: []string{"read"}})
	second, _ := issue(t, s, access.Request{Name: "sync", Scopes: []string{"read"}})
	if _, err := s.Revoke("sync"); protocol.ReasonOf(err) != protocol.ReasonAmbiguous {
		t.Errorf("two of one name: got %v", err)
	}
	if got, err := s.Revoke(a.ID); err != nil || got.State != access.StateRevoked {
		t.Fatalf("got %+v, %v", got, err)
	}
	for _, s := range []*access.Store{s, load(t, sh, d)} {
		if _, err := s.Check(first); argOf(err, "token_revoked") == "" {
			t.Errorf("got %v", err)
		}
		if _, err := s.Check(second); err != nil {
			t.Errorf("the other one ended too: %v", err)
		}
	}
	if _, err := s.Revoke("sync"); err != nil { // only one of that name lives now
		t.Error(err)
	}
	if _, err := s.Revoke("nothing"); protocol.ReasonOf(err) != protocol.ReasonNotFound {
		t.Errorf("got %v", err)
	}
}

func TestStore_TokensFollowTheirUsersRole(t *testing.T) {
	d, sh := newDay(), &shelf{}
	s := load(t, sh, d)
	if _, _, err := s.Issue(access.Request{Name: "x", Scopes: []string{"read"}, User: "mina"}, nil); protocol.ReasonOf(err) != protocol.ReasonNotFound {
		t.Errorf("a token for nobody: got %v", err)
	}
	if _, err := s.SetUser(access.User{Name: "mina", Role: access.RoleDelegate}); err != nil {
		t.Fatal(err)
	}
	secret, _ := issue(t, s, access.Request{Name: "laptop", Scopes: []string{"write", "govern", "keep"}, User: "mina"})
	if who, _ := s.Check(secret); who.User != "mina" || !who.Scopes.Has(access.Govern) || who.Scopes.Has(access.Keep) {
		t.Errorf("a delegate's token may %s", who.Scopes)
	}
	if _, err := s.SetUser(access.User{Name: "mina", Role: access.RoleReader}); err != nil {
		t.Fatal(err)
	}
	if who, _ := s.Check(secret); who.Scopes.String() != "read" {
		t.Errorf("a reader's token may %s", who.Scopes)
	}
	if err := s.RemoveUser("mina"); err != nil {
		t.Fatal(err)
	}
	if _, err := load(t, sh, d).Check(secret); argOf(err, "token_revoked") == "" {
		t.Errorf("the token of somebody who left: got %v", err)
	}
	// Whoever comes later under the same name does not get the old tokens.
	if _, err := s.SetUser(access.User{Name: "mina", Role: access.RoleKeeper}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Check(secret); err == nil {
		t.Error("an old token lives again")
	}
}

func TestStore_RefusesWhatItCannotKeep(t *testing.T) {
	d := newDay()
	s := load(t, &shelf{}, d)
	for what, r := range map[string]access.Request{
		"no name":           {Scopes: []string{"read"}},
		"a long name":       {Name: strings.Repeat("a", 65), Scopes: []string{"read"}},
		"a line break":      {Name: "a\nb", Scopes: []string{"read"}},
		"no scope":          {Name: "a"},
		"a scope of none":   {Name: "a", Scopes: []string{"admin"}},
		"open":              {Name: "a", Scopes: []string{"open"}},
		"a life of none":    {Name: "a", Scopes: []string{"read"}, Seconds: -5},
		"a life too long":   {Name: "a", Scopes: []string{"read"}, Seconds: 733 * 86400},
		"a life that wraps": {Name: "a", Scopes: []string{"read"}, Seconds: 1 << 62},
	} {
		if _, _, err := s.Issue(r, nil); protocol.ReasonOf(err) != protocol.ReasonUsage {
			t.Errorf("%s: got %v", what, err)
		}
	}
	if len(s.Tokens()) != 0 {
		t.Error("one of them was made")
	}
	for i := range access.MaxTokens {
		issue(t, s, access.Request{Name: fmt.Sprint(i), Scopes: []string{"read"}})
	}
	if _, _, err := s.Issue(access.Request{Name: "one more", Scopes: []string{"read"}}, nil); protocol.ReasonOf(err) != protocol.ReasonConflict {
		t.Errorf("got %v", err)
	}
	if _, err := s.Revoke("7"); err != nil {
		t.Fatal(err)
	}
	issue(t, s, access.Request{Name: "one more", Scopes: []string{"read"}})
}

// What is not on the disk does not count, and what cannot be read lets nobody in.
func TestStore_DiskFirst(t *testing.T) {
	d, sh := newDay(), &shelf{}
	s := load(t, sh, d)
	sh.broken = protocol.Fail(protocol.ReasonReadOnly, "test", nil)
	if _, _, err := s.Issue(access.Request{Name: "a", Scopes: []string{"read"}}, nil); protocol.ReasonOf(err) != protocol.ReasonReadOnly || len(s.Tokens()) != 0 {
		t.Errorf("got %v with %d tokens", err, len(s.Tokens()))
	}
	for what, text := range map[string]string{
		"no JSON": "{", "bytes behind": `{"version":1,"tokens":[],"users":[]}x`, "another version": `{"version":2}`, "an unknown name": `{"version":1,"more":1}`,
		"a short hash":    `{"version":1,"tokens":[{"id":"a","sha256":"AAAA","name":"a","scopes":"read"}]}`,
		"a scope of none": `{"version":1,"tokens":[{"id":"a","sha256":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","name":"a","scopes":"admin"}]}`,
		"a role of none":  `{"version":1,"users":[{"name":"a","role":"admin"}]}`,
	} {
		if _, err := access.Load(&shelf{raw: []byte(text)}, d.now); protocol.ReasonOf(err) != protocol.ReasonDamaged {
			t.Errorf("%s: got %v", what, err)
		}
	}
}
