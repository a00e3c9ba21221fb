package access

import (
	"errors"
	"slices"
	"strings"

	"github.com/dure-net/dure/protocol"
)

// Scope is one right. Append only: the numbers are stored, the strings are an interface.
type Scope uint8

const (
	Open   Scope = 0 // what is open data where the node is public; everywhere else like Read
	Read   Scope = 1 // ask for whatever this node can show
	Write  Scope = 2 // publish and change records in the member's name
	Govern Scope = 3 // take part in decisions, invite, speak about nodes
	Keep   Scope = 4 // look after the copy on this disk, and after tokens and users
)

var scopeNames = [...]string{"open", "read", "write", "govern", "keep"}

func (s Scope) String() string {
	if int(s) < len(scopeNames) {
		return scopeNames[s]
	}
	return "none"
}

// Set is some scopes. The zero Set allows nothing.
type Set uint8

// Of is the set of some scopes. Whoever may do anything may read.
func Of(scopes ...Scope) Set {
	var s Set
	for _, one := range scopes {
		s |= 1 << one
	}
	if s > 1<<Open {
		s |= 1<<Read | 1<<Open
	}
	return s
}

// All is the owner's set.
func All() Set { return Of(Open, Read, Write, Govern, Keep) }

// Anyone is the set of a caller without token on a public node.
func Anyone() Set { return 1 << Open }

// Has reports whether the set allows what asks for a scope.
func (s Set) Has(one Scope) bool { return s&(1<<one) != 0 }

// Names are the scopes as people write them, without open. The slice is the caller's.
func (s Set) Names() []string {
	names := []string{}
	for i, name := range scopeNames[1:] {
		if s.Has(Scope(i + 1)) {
			names = append(names, name)
		}
	}
	return names
}

func (s Set) String() string { return strings.Join(s.Names(), ",") }

// MarshalText writes the set as "read,write".
func (s Set) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (s *Set) UnmarshalText(text []byte) error {
	read, err := ParseSet(strings.Split(string(text), ",")...)
	if err == nil {
		*s = read
	}
	return err
}

// ParseSet reads scopes by name. No name, and a name that is none, is ReasonUsage with
// Field "scope".
func ParseSet(names ...string) (Set, error) {
	var scopes []Scope
	for _, name := range names {
		i := slices.Index(scopeNames[1:], strings.TrimSpace(name))
		if i < 0 {
			return 0, &protocol.Error{Reason: protocol.ReasonUsage, Op: "read scopes", Field: "scope",
				Args: map[string]string{"value": bounded(name), "want": strings.Join(scopeNames[1:], ", ")}, Err: errors.New("no such scope")}
		}
		scopes = append(scopes, Scope(i+1))
	}
	if len(scopes) == 0 {
		return 0, &protocol.Error{Reason: protocol.ReasonUsage, Op: "read scopes", Field: "scope",
			Args: map[string]string{"value": "", "want": strings.Join(scopeNames[1:], ", ")}, Err: errors.New("no scope")}
	}
	return Of(scopes...), nil
}

// Role is what a user is for. Append only; the strings are an interface.
type Role string

const (
	RoleReader   Role = "reader"   // reads
	RoleClerk    Role = "clerk"    // publishes too
	RoleDelegate Role = "delegate" // takes part in decisions too
	RoleKeeper   Role = "keeper"   // everything
)

// Roles lists all roles, the least first. The slice is the caller's.
func Roles() []string {
	return []string{string(RoleReader), string(RoleClerk), string(RoleDelegate), string(RoleKeeper)}
}

// Set is what a role allows at most; nothing for a role that is none.
func (r Role) Set() Set {
	switch r {
	case RoleReader:
		return Of(Read)
	case RoleClerk:
		return Of(Read, Write)
	case RoleDelegate:
		return Of(Read, Write, Govern)
	case RoleKeeper:
		return All()
	}
	return 0
}

func bounded(s string) string {
	if len(s) > 80 {
		return s[:80]
	}
	return s
}
