package api

import (
	"context"
	"net/http"
	"net/url"

	"github.com/dure-net/dure/node/access"
)

// Warden says who may ask this node what. The owner's own token is not among its tokens:
// it lies in the home, and only a new one ends it.
type Warden interface {
	// Tokens lists all tokens, the newest first, with those that ended lately.
	Tokens(ctx context.Context) ([]access.Token, error)

	// IssueToken makes a token. It is told this once. A user that is none is ReasonNotFound.
	IssueToken(ctx context.Context, r access.Request) (IssuedToken, error)

	// RevokeToken ends one at once, by its id or by a name that only one live token has.
	RevokeToken(ctx context.Context, name string) (access.Token, error)

	// Users lists all users by name.
	Users(ctx context.Context) ([]access.User, error)

	// SetUser adds a user, or gives one another role, which their tokens follow at once.
	SetUser(ctx context.Context, u access.User) (access.User, error)

	// RemoveUser removes a user and revokes their tokens.
	RemoveUser(ctx context.Context, name string) error
}

// IssuedToken is a token as it is told once.
type IssuedToken struct {
	access.Token
	Secret string `json:"secret" doc:"the token itself; it is told here and never again"`
}

// Caller is how this node sees whoever asks.
type Caller struct {
	Name   string   `json:"name" doc:"of the token, or owner; empty for anybody"`
	User   string   `json:"user,omitempty"`
	Scopes []string `json:"scopes"`
}

func (s *server) tokens() {
	defer s.idIs("the id, or a name that only one live token has", "/tokens/{id}/revocation")
	route(s, get(access.Open, "get-caller", "/caller", "Who asks, and what for: to try a token"),
		func(ctx context.Context, _ *struct{}) (*answer[Caller], error) {
			who := callerOf(ctx)
			return &answer[Caller]{Caller{Name: who.Name, User: who.User, Scopes: who.Scopes.Names()}}, nil
		})

	type tokens struct {
		Items []access.Token `json:"items"`
	}
	route(s, get(access.Keep, "list-tokens", "/tokens", "Access tokens, without the tokens themselves"),
		func(ctx context.Context, _ *struct{}) (*answer[tokens], error) {
			all, err := s.backend.Tokens(ctx)
			return &answer[tokens]{tokens{all}}, err
		})
	op := post(access.Keep, "issue-token", "/tokens", "Make an access token; it is told once", http.StatusCreated)
	op.Description = "Nobody can give a right that their own token lacks."
	route(s, op, func(ctx context.Context, in *struct{ Body access.Request }) (*answer[IssuedToken], error) {
		wanted, err := access.ParseSet(in.Body.Scopes...)
		if err != nil {
			return nil, err
		}
		if err := s.mayGive(ctx, wanted); err != nil {
			return nil, err
		}
		t, err := s.backend.IssueToken(ctx, in.Body)
		return &answer[IssuedToken]{t}, err
	})
	route(s, post(access.Keep, "revoke-token", "/tokens/{id}/revocation", "End an access token at once", http.StatusOK),
		func(ctx context.Context, in *oneID) (*answer[access.Token], error) {
			t, err := s.backend.RevokeToken(ctx, in.ID)
			return &answer[access.Token]{t}, err
		})

	type users struct {
		Items []access.User `json:"items"`
	}
	route(s, get(access.Keep, "list-users", "/users", "Users of this node and their roles"),
		func(ctx context.Context, _ *struct{}) (*answer[users], error) {
			all, err := s.backend.Users(ctx)
			return &answer[users]{users{all}}, err
		})
	op = post(access.Keep, "set-user", "/users", "Add a user, or give one another role", http.StatusOK)
	op.Description = "A reader reads, a clerk publishes too, a delegate takes part in decisions too, a keeper does everything. Tokens of a user never do more than the role."
	route(s, op, func(ctx context.Context, in *struct {
		Body struct {
			Name string `json:"name" doc:"at most 64 characters"`
			Role string `json:"role" doc:"reader, clerk, delegate or keeper"`
		}
	}) (*answer[access.User], error) {
		role := access.Role(in.Body.Role)
		if err := s.mayGive(ctx, role.Set()); err != nil {
			return nil, err
		}
		u, err := s.backend.SetUser(ctx, access.User{Name: in.Body.Name, Role: role})
		return &answer[access.User]{u}, err
	})
	route(s, post(access.Keep, "remove-user", "/users/{name}/removal", "Remove a user and end their tokens", http.StatusOK),
		func(ctx context.Context, in *struct {
			Name string `path:"name" maxLength:"300"`
		}) (*answer[users], error) {
			if err := s.backend.RemoveUser(ctx, in.Name); err != nil {
				return nil, err
			}
			all, err := s.backend.Users(ctx)
			return &answer[users]{users{all}}, err
		})
}

// mayGive asks whether the caller has all that is to be given.
func (s *server) mayGive(ctx context.Context, wanted access.Set) error {
	for _, scope := range []access.Scope{access.Read, access.Write, access.Govern, access.Keep} {
		if wanted.Has(scope) {
			if err := s.may(ctx, scope); err != nil {
				return err
			}
		}
	}
	return nil
}

// Tokens implements Warden.
func (c *Client) Tokens(ctx context.Context) ([]access.Token, error) {
	return listed[access.Token](ctx, c, "/tokens")
}

// IssueToken implements Warden.
func (c *Client) IssueToken(ctx context.Context, r access.Request) (t IssuedToken, err error) {
	return t, c.post(ctx, "/tokens", r, &t)
}

// RevokeToken implements Warden.
func (c *Client) RevokeToken(ctx context.Context, name string) (t access.Token, err error) {
	return t, c.post(ctx, "/tokens/"+url.PathEscape(name)+"/revocation", struct{}{}, &t)
}

// Users implements Warden.
func (c *Client) Users(ctx context.Context) ([]access.User, error) {
	return listed[access.User](ctx, c, "/users")
}

// SetUser implements Warden.
func (c *Client) SetUser(ctx context.Context, u access.User) (out access.User, err error) {
	body := struct {
		Name string      `json:"name"`
		Role access.Role `json:"role"`
	}{u.Name, u.Role}
	return out, c.post(ctx, "/users", body, &out)
}

// RemoveUser implements Warden.
func (c *Client) RemoveUser(ctx context.Context, name string) error {
	var rest struct{ Items []access.User }
	return c.post(ctx, "/users/"+url.PathEscape(name)+"/removal", struct{}{}, &rest)
}

// Caller is how the node sees this client.
func (c *Client) Caller(ctx context.Context) (who Caller, err error) {
	return who, c.get(ctx, "/caller", &who)
}

// listed reads the items of a whole list.
func listed[T any](ctx context.Context, c *Client, path string) ([]T, error) {
	var list struct {
		Items []T `json:"items"`
	}
	return list.Items, c.get(ctx, path, &list)
}
