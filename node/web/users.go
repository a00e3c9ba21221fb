package web

import (
	"net/http"

	"github.com/dure-net/dure/node/access"
	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// usersView is the page of who uses this node, in which role.
type usersView struct {
	Token          string
	Users          []userLine
	Roles          []option
	Name           string // typed
	Link, For      string // a link that was just made, and whose it is
	Sentence, Hint string
}

type userLine struct {
	Name  string
	Since string
	Roles []option
}

const usersForm = "users"

// May reports whether who is signed in may do what asks for a scope.
func (v *view) May(scope string) bool {
	want, err := access.ParseSet(scope)
	return err == nil && v.Who.Scopes&want == want
}

// Signed says who is signed in, and in which role.
func (v *view) Signed() string {
	if v.Who.User == "" {
		return v.T("web.who.owner")
	}
	return v.T("web.who.user", "name", v.Who.User, "role", v.T("term.role."+v.role()))
}

// role is the name of the least role that allows what who is signed in may do.
func (v *view) role() string {
	for _, name := range access.Roles() {
		if access.Role(name).Set() == v.Who.Scopes {
			return name
		}
	}
	return string(access.RoleReader)
}

// acting is members for what asks for more than reading.
func (s *site) acting(scope access.Scope, f pageFunc) http.HandlerFunc {
	return s.members(allowed(scope, f))
}

// allowed runs f for those whose role has a scope; the others are told who may.
func allowed(scope access.Scope, f pageFunc) pageFunc {
	return func(w http.ResponseWriter, r *http.Request, v *view) error {
		if !v.Who.Scopes.Has(scope) {
			return &protocol.Error{Reason: protocol.ReasonForbidden, Op: "answer request", Field: "scope", Args: map[string]string{"scope": scope.String(), "has": v.Who.Scopes.String()}}
		}
		return f(w, r, v)
	}
}

func (v *view) roles(chosen access.Role) (out []option) {
	for _, name := range access.Roles() {
		out = append(out, option{name, v.T("web.role." + name), name == string(chosen)})
	}
	return out
}

func (s *site) showUsers(w http.ResponseWriter, r *http.Request, v *view) error {
	return s.renderUsers(w, r, v, usersView{Roles: v.roles(access.RoleClerk)}, http.StatusOK)
}

func (s *site) renderUsers(w http.ResponseWriter, r *http.Request, v *view, out usersView, status int) error {
	all, err := s.backend.Users(r.Context())
	if err != nil {
		return err
	}
	out.Token = s.sessions.FormToken(r, usersForm)
	for _, u := range all {
		out.Users = append(out.Users, userLine{Name: u.Name, Since: v.moment(u.Created).Words, Roles: v.roles(u.Role)})
	}
	v.Title, v.Here, v.Data, v.Path = v.T("web.users.title"), "users", out, "/users"
	s.render(w, v, status, "users")
	return nil
}

// changeUsers adds a user, gives one another role, removes one, or makes a link that signs one in.
func (s *site) changeUsers(w http.ResponseWriter, r *http.Request, v *view) error {
	if err := r.ParseForm(); err != nil {
		return protocol.Fail(protocol.ReasonTooLarge, "read form", err)
	}
	if !s.sessions.FormValid(r, usersForm, r.PostForm.Get("token")) {
		return protocol.Fail(protocol.ReasonForbidden, "read form", nil)
	}
	name, role := record.Clean(r.PostForm.Get("name")), access.Role(r.PostForm.Get("role"))
	var err error
	switch r.PostForm.Get("do") {
	case "set":
		_, err = s.backend.SetUser(r.Context(), access.User{Name: name, Role: role})
	case "remove":
		err = s.backend.RemoveUser(r.Context(), name)
	case "link":
		return s.showLink(w, r, v, name)
	default:
		err = &protocol.Error{Reason: protocol.ReasonUsage, Op: "set user", Field: "do"}
	}
	if status := api.StatusOf(protocol.ReasonOf(err)); err != nil {
		if status == http.StatusInternalServerError {
			return err
		}
		out := usersView{Roles: v.roles(role), Name: name}
		out.Sentence, out.Hint = v.book.Error(v.Lang, err)
		return s.renderUsers(w, r, v, out, status)
	}
	http.Redirect(w, r, "/users", http.StatusSeeOther)
	return nil
}

// showLink shows a link that signs a user in once. It is told here and never again.
func (s *site) showLink(w http.ResponseWriter, r *http.Request, v *view, name string) error {
	all, err := s.backend.Users(r.Context())
	if err != nil {
		return err
	}
	scheme := "http://"
	if s.secure {
		scheme = "https://"
	}
	for _, u := range all {
		if u.Name == name {
			return s.renderUsers(w, r, v, usersView{Roles: v.roles(access.RoleClerk), For: u.Name, Link: s.sessions.LinkFor(scheme+r.Host, u)}, http.StatusOK)
		}
	}
	return &protocol.Error{Reason: protocol.ReasonNotFound, Op: "make link", Args: map[string]string{"user": name}}
}
