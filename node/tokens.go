package node

import (
	"context"
	"crypto/tls"
	"errors"
	"net"

	"github.com/dure-net/dure/node/access"
	"github.com/dure-net/dure/node/api"
)

// Tokens implements api.Warden.
func (n *Node) Tokens(context.Context) ([]access.Token, error) { return n.access.Tokens(), nil }

// IssueToken implements api.Warden.
func (n *Node) IssueToken(_ context.Context, r access.Request) (api.IssuedToken, error) {
	secret, t, err := n.access.Issue(r, n.opts.Random)
	if err == nil {
		n.log.Info("an access token was made", "token", t.ID, "name", t.Name, "user", t.User, "scopes", t.Scopes, "expires", t.Expires)
	}
	return api.IssuedToken{Token: t, Secret: secret}, err
}

// RevokeToken implements api.Warden.
func (n *Node) RevokeToken(_ context.Context, name string) (access.Token, error) {
	t, err := n.access.Revoke(name)
	if err == nil {
		n.log.Info("an access token was revoked", "token", t.ID, "name", t.Name)
		n.forgetSearches()
	}
	return t, err
}

// Users implements api.Warden.
func (n *Node) Users(context.Context) ([]access.User, error) { return n.access.Users(), nil }

// SetUser implements api.Warden.
func (n *Node) SetUser(_ context.Context, u access.User) (access.User, error) {
	u, err := n.access.SetUser(u)
	if err == nil {
		n.log.Info("a user was set", "user", u.Name, "role", u.Role)
	}
	return u, err
}

// RemoveUser implements api.Warden.
func (n *Node) RemoveUser(_ context.Context, name string) error {
	err := n.access.RemoveUser(name)
	if err == nil {
		n.log.Info("a user was removed", "user", name)
		n.forgetSearches()
	}
	return err
}

// listen opens the address of the local interface, with TLS where the home has a
// certificate, and the owner's socket. The socket is a convenience: nil where there can be none.
func (n *Node) listen() (address, socket net.Listener, err error) {
	c := n.conf.API
	if address, err = api.Listen(c.Listen, c.Container || c.BehindProxy || c.TLS); err != nil {
		return nil, nil, err
	}
	if c.TLS {
		conf, err := api.TLS(n.home.CertificatePaths())
		if err != nil {
			return nil, nil, errors.Join(err, address.Close())
		}
		address = tls.NewListener(address, conf)
	}
	if socket, err = api.ListenSocket(n.home.SocketPath(), n.log); err != nil {
		n.log.Warn("the owner's socket cannot be opened; programs use the address and the token", "error", err)
		return address, nil, nil
	}
	return address, socket, nil
}
