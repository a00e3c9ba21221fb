package access

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/dure-net/dure/protocol"
)

// Prefix is how every token of this package begins, so that nobody takes it for anything
// else and a scanner for leaked secrets can find it.
const Prefix = "dure-access-"

const secretBytes = 32

var letters = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Shelf keeps the one file of a Store. home.Home and tests implement it.
type Shelf interface {
	// Access is what SaveAccess wrote last; nil where nothing was.
	Access() ([]byte, error)
	// SaveAccess replaces it durably: after a crash it is the old content or the new.
	SaveAccess(raw []byte) error
}

// Token is what is known of one token: everything but the token.
type Token struct {
	ID      string    `json:"id" doc:"short name to revoke it by; no secret"`
	Name    string    `json:"name" doc:"what it is for"`
	User    string    `json:"user,omitempty" doc:"whose it is; its rights are at most those of the user's role"`
	Scopes  []string  `json:"scopes" doc:"read, write, govern, keep"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"`
	Revoked time.Time `json:"revoked,omitzero"`
	Used    time.Time `json:"used,omitzero" doc:"when it was last used since this node was started"`
	State   string    `json:"state" enum:"live,expired,revoked"`
}

// States of a token.
const (
	StateLive    = "live"
	StateExpired = "expired"
	StateRevoked = "revoked"
)

// Request asks for a token.
type Request struct {
	Name    string   `json:"name" doc:"what it is for, at most 64 characters"`
	Scopes  []string `json:"scopes" doc:"read, write, govern, keep; every token can read"`
	User    string   `json:"user,omitempty" doc:"whose it is"`
	Seconds int64    `json:"seconds,omitempty" doc:"how long it lives; 90 days when left out"`
}

// User is a person, or a post, that asks this node.
type User struct {
	Name    string    `json:"name"`
	Role    Role      `json:"role" enum:"reader,clerk,delegate,keeper"`
	Created time.Time `json:"created,omitzero"`
}

// Grant is what a caller may do, and as whom. Name goes into the log.
type Grant struct {
	ID     string // of the token; "" for the owner and for nobody
	Name   string // of the token, or "owner", or ""
	User   string
	Scopes Set
}

// Owner is the grant of whoever holds the home.
func Owner() Grant { return Grant{Name: "owner", Scopes: All()} }

// kept is one token in the file.
type kept struct {
	ID      string    `json:"id"`
	Hash    []byte    `json:"sha256"`
	Name    string    `json:"name"`
	User    string    `json:"user,omitempty"`
	Scopes  Set       `json:"scopes"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"`
	Revoked time.Time `json:"revoked,omitzero"`
}

type file struct {
	Version int    `json:"version"`
	Tokens  []kept `json:"tokens"`
	Users   []User `json:"users"`
}

const fileVersion = 1

// Store is the tokens and users of one node. Every change is durable before it counts.
// Safe for concurrent use.
type Store struct {
	shelf Shelf
	now   func() time.Time

	mu     sync.RWMutex // guards the rest
	file   file
	byHash map[[sha256.Size]byte]int // places in file.Tokens
	used   map[string]time.Time      // by id
}

// Load reads the file of a shelf. One that cannot be read is ReasonDamaged: nobody but
// the owner is let in then, and nothing is overwritten.
func Load(shelf Shelf, now func() time.Time) (*Store, error) {
	s := &Store{shelf: shelf, now: now, used: map[string]time.Time{}}
	raw, err := shelf.Access()
	if err != nil {
		return nil, err
	}
	f := file{Version: fileVersion}
	if raw != nil {
		d := json.NewDecoder(bytes.NewReader(raw))
		d.DisallowUnknownFields()
		err := d.Decode(&f)
		if err == nil {
			if _, more := d.Token(); more != io.EOF {
				err = errors.New("bytes after the end")
			}
		}
		if err == nil {
			err = f.check()
		}
		if err != nil {
			return nil, protocol.Fail(protocol.ReasonDamaged, "read tokens and users", err)
		}
	}
	s.put(f)
	return s, nil
}

func (f file) check() error {
	switch {
	case f.Version != fileVersion:
		return errors.New("of another version")
	case len(f.Tokens) > MaxTokens || len(f.Users) > MaxUsers:
		return errors.New("more than dure ever writes")
	}
	for _, t := range f.Tokens {
		if len(t.Hash) != sha256.Size || t.ID == "" {
			return errors.New("a token without name or hash")
		}
	}
	for _, u := range f.Users {
		if u.Role.Set() == 0 {
			return errors.New("a user without role")
		}
	}
	return nil
}

// put makes a file the present one. The caller holds mu, or nobody else knows s.
func (s *Store) put(f file) {
	s.file = f
	s.byHash = make(map[[sha256.Size]byte]int, len(f.Tokens))
	for i, t := range f.Tokens {
		s.byHash[[sha256.Size]byte(t.Hash)] = i
	}
}

// change writes a changed copy of the file, and makes it the present one once it is durable.
func (s *Store) change(do func(*file) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := file{Version: fileVersion, Tokens: slices.Clone(s.file.Tokens), Users: slices.Clone(s.file.Users)}
	if err := do(&next); err != nil {
		return err
	}
	old := s.now().Add(-keptEnded)
	next.Tokens = slices.DeleteFunc(next.Tokens, func(t kept) bool {
		return t.Expires.Before(old) || !t.Revoked.IsZero() && t.Revoked.Before(old)
	})
	raw, err := json.MarshalIndent(next, "", " ")
	if err != nil {
		return protocol.Fail(protocol.ReasonInternal, "write tokens and users", err)
	}
	if err := s.shelf.SaveAccess(append(raw, '\n')); err != nil {
		return err
	}
	s.put(next)
	return nil
}

// Check is what a token allows now. One that is not known is ReasonForbidden with Field
// "token". Of one that is known and has ended, Args has its name as "token", and
// "token_expired" or "token_revoked" (when), or "token_user" (who is gone).
func (s *Store) Check(token string) (Grant, error) {
	sum := sha256.Sum256([]byte(token))
	s.mu.RLock()
	i, known := s.byHash[sum]
	var t kept
	role, userKnown := Role(""), false
	if known {
		t = s.file.Tokens[i]
		role, userKnown = s.role(t.User)
	}
	s.mu.RUnlock()
	refused := &protocol.Error{Reason: protocol.ReasonForbidden, Op: "check token", Field: "token"}
	now := s.now()
	switch {
	case !known:
		return Grant{}, refused
	case t.state(now) == StateRevoked:
		refused.Args = map[string]string{"token": t.Name, "token_revoked": t.Revoked.Format(time.RFC3339)}
		return Grant{}, refused
	case t.state(now) == StateExpired:
		refused.Args = map[string]string{"token": t.Name, "token_expired": t.Expires.Format(time.RFC3339)}
		return Grant{}, refused
	case t.User != "" && !userKnown:
		refused.Args = map[string]string{"token": t.Name, "token_user": t.User}
		return Grant{}, refused
	}
	g := Grant{ID: t.ID, Name: t.Name, User: t.User, Scopes: t.Scopes}
	if t.User != "" {
		g.Scopes &= role.Set()
	}
	s.mu.Lock()
	s.used[t.ID] = now
	s.mu.Unlock()
	return g, nil
}

// role is a user's role. The caller holds mu.
func (s *Store) role(name string) (Role, bool) {
	for _, u := range s.file.Users {
		if u.Name == name {
			return u.Role, true
		}
	}
	return "", false
}

func (t kept) state(now time.Time) string {
	switch {
	case !t.Revoked.IsZero():
		return StateRevoked
	case !now.Before(t.Expires):
		return StateExpired
	}
	return StateLive
}

func (t kept) told(now, used time.Time) Token {
	return Token{ID: t.ID, Name: t.Name, User: t.User, Scopes: t.Scopes.Names(), Created: t.Created, Expires: t.Expires,
		Revoked: t.Revoked, Used: used, State: t.state(now)}
}

// Tokens lists all tokens, the newest first, with those that ended lately. The slice is
// the caller's.
func (s *Store) Tokens() []Token {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := []Token{}
	for _, t := range slices.Backward(s.file.Tokens) {
		out = append(out, t.told(s.now(), s.used[t.ID]))
	}
	return out
}

// Issue makes a token. It is told here once and never again. random is crypto/rand where nil.
func (s *Store) Issue(r Request, random io.Reader) (secret string, t Token, err error) {
	if r.Name, err = checkName(r.Name); err != nil {
		return "", Token{}, err
	}
	scopes, err := ParseSet(r.Scopes...)
	if err != nil {
		return "", Token{}, err
	}
	life := DefaultLife
	if r.Seconds != 0 {
		life = time.Duration(min(max(r.Seconds, -1), int64(MaxLife/time.Second)+1)) * time.Second
	}
	if life <= 0 || life > MaxLife {
		return "", Token{}, &protocol.Error{Reason: protocol.ReasonUsage, Op: "make token",
			Args: map[string]string{"token_life": "732"}, Err: errors.New("a token lives at most two years")}
	}
	if random == nil {
		random = rand.Reader
	}
	raw := make([]byte, secretBytes+5)
	if _, err := io.ReadFull(random, raw); err != nil {
		return "", Token{}, protocol.Fail(protocol.ReasonInternal, "read randomness", err)
	}
	secret = Prefix + letters.EncodeToString(raw[:secretBytes])
	sum := sha256.Sum256([]byte(secret))
	now := s.now().UTC().Truncate(time.Second)
	made := kept{ID: letters.EncodeToString(raw[secretBytes:]), Hash: sum[:], Name: r.Name, User: r.User, Scopes: scopes, Created: now, Expires: now.Add(life)}
	err = s.change(func(f *file) error {
		live := 0
		for _, t := range f.Tokens {
			if t.state(now) == StateLive {
				live++
			}
		}
		if r.User != "" && !slices.ContainsFunc(f.Users, func(u User) bool { return u.Name == r.User }) {
			return &protocol.Error{Reason: protocol.ReasonNotFound, Op: "make token", Args: map[string]string{"user": r.User}}
		}
		if live >= MaxTokens {
			return &protocol.Error{Reason: protocol.ReasonConflict, Op: "make token", Args: map[string]string{"tokens": "256"}}
		}
		for len(f.Tokens) >= MaxTokens { // an ended one makes room
			i := slices.IndexFunc(f.Tokens, func(t kept) bool { return t.state(now) != StateLive })
			f.Tokens = slices.Delete(f.Tokens, i, i+1)
		}
		f.Tokens = append(f.Tokens, made)
		return nil
	})
	if err != nil {
		return "", Token{}, err
	}
	return secret, made.told(now, time.Time{}), nil
}

// Revoke ends a token by its id, or by its name where only one live token has it. One that
// has ended already stays as it is. Absent is ReasonNotFound, several is ReasonAmbiguous.
func (s *Store) Revoke(name string) (Token, error) {
	var ended kept
	now := s.now().UTC().Truncate(time.Second)
	err := s.change(func(f *file) error {
		found := -1
		for i, t := range f.Tokens {
			if t.ID == name {
				found = i
				break
			}
			if t.Name == name && t.state(now) == StateLive {
				if found >= 0 {
					return &protocol.Error{Reason: protocol.ReasonAmbiguous, Op: "revoke token", Args: map[string]string{"token": name}}
				}
				found = i
			}
		}
		if found < 0 {
			return &protocol.Error{Reason: protocol.ReasonNotFound, Op: "revoke token", Args: map[string]string{"token": name}}
		}
		if f.Tokens[found].state(now) == StateLive {
			f.Tokens[found].Revoked = now
		}
		ended = f.Tokens[found]
		return nil
	})
	return ended.told(now, time.Time{}), err
}

// Users lists all users by name. The slice is the caller's.
func (s *Store) Users() []User {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := append([]User{}, s.file.Users...)
	slices.SortFunc(out, func(a, b User) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// User finds one by name; false where there is none.
func (s *Store) User(name string) (User, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	i := slices.IndexFunc(s.file.Users, func(u User) bool { return u.Name == name })
	if i < 0 {
		return User{}, false
	}
	return s.file.Users[i], true
}

// SetUser adds a user, or gives one another role: their tokens follow at once.
func (s *Store) SetUser(u User) (User, error) {
	var err error
	if u.Name, err = checkName(u.Name); err != nil {
		return User{}, err
	}
	if u.Role.Set() == 0 {
		return User{}, &protocol.Error{Reason: protocol.ReasonUsage, Op: "set user", Field: "role",
			Args: map[string]string{"value": bounded(string(u.Role)), "want": strings.Join(Roles(), ", ")}, Err: errors.New("no such role")}
	}
	u.Created = s.now().UTC().Truncate(time.Second)
	return u, s.change(func(f *file) error {
		if i := slices.IndexFunc(f.Users, func(o User) bool { return o.Name == u.Name }); i >= 0 {
			u.Created = f.Users[i].Created
			f.Users[i] = u
			return nil
		}
		if len(f.Users) >= MaxUsers {
			return &protocol.Error{Reason: protocol.ReasonConflict, Op: "set user", Args: map[string]string{"users": "128"}}
		}
		f.Users = append(f.Users, u)
		return nil
	})
}

// RemoveUser removes a user and revokes their tokens. Absent is ReasonNotFound.
func (s *Store) RemoveUser(name string) error {
	now := s.now().UTC().Truncate(time.Second)
	return s.change(func(f *file) error {
		i := slices.IndexFunc(f.Users, func(u User) bool { return u.Name == name })
		if i < 0 {
			return &protocol.Error{Reason: protocol.ReasonNotFound, Op: "remove user", Args: map[string]string{"user": name}}
		}
		f.Users = slices.Delete(f.Users, i, i+1)
		for j := range f.Tokens {
			if f.Tokens[j].User == name && f.Tokens[j].state(now) == StateLive {
				f.Tokens[j].Revoked = now
			}
		}
		return nil
	})
}

// checkName takes what people call a token or a user: printable and short, so that it can
// stand in a line of a log.
func checkName(name string) (string, error) {
	name = strings.TrimSpace(name)
	if name == "" || !utf8.ValidString(name) || utf8.RuneCountInString(name) > MaxName || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return "", &protocol.Error{Reason: protocol.ReasonUsage, Op: "read name", Args: map[string]string{"token_name": "64"},
			Err: errors.New("a name has 1 to 64 printable characters")}
	}
	return name, nil
}
