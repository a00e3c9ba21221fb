package apitest

import (
	"context"
	"time"

	"github.com/dure-net/dure/node/access"
	"github.com/dure-net/dure/node/api"
)

// shelf keeps tokens and users in memory.
type shelf struct{ raw []byte }

func (s *shelf) Access() ([]byte, error)     { return s.raw, nil }
func (s *shelf) SaveAccess(raw []byte) error { s.raw = raw; return nil }

// newAccess is a real store of tokens and users that lies in memory.
func newAccess(now func() time.Time) *access.Store {
	s, err := access.Load(&shelf{}, now)
	if err != nil {
		panic(err)
	}
	return s
}

// Tokens implements api.Warden.
func (b *Backend) Tokens(context.Context) ([]access.Token, error) {
	return b.Access.Tokens(), b.see("Tokens", nil)
}

// IssueToken implements api.Warden.
func (b *Backend) IssueToken(_ context.Context, r access.Request) (api.IssuedToken, error) {
	if err := b.see("IssueToken", r); err != nil {
		return api.IssuedToken{}, err
	}
	secret, t, err := b.Access.Issue(r, nil)
	return api.IssuedToken{Token: t, Secret: secret}, err
}

// RevokeToken implements api.Warden.
func (b *Backend) RevokeToken(_ context.Context, name string) (access.Token, error) {
	if err := b.see("RevokeToken", name); err != nil {
		return access.Token{}, err
	}
	return b.Access.Revoke(name)
}

// Users implements api.Warden.
func (b *Backend) Users(context.Context) ([]access.User, error) {
	return b.Access.Users(), b.see("Users", nil)
}

// SetUser implements api.Warden.
func (b *Backend) SetUser(_ context.Context, u access.User) (access.User, error) {
	if err := b.see("SetUser", u); err != nil {
		return access.User{}, err
	}
	return b.Access.SetUser(u)
}

// RemoveUser implements api.Warden.
func (b *Backend) RemoveUser(_ context.Context, name string) error {
	if err := b.see("RemoveUser", name); err != nil {
		return err
	}
	return b.Access.RemoveUser(name)
}
