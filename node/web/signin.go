package web

import (
	"net/http"
)

// frontDoor is the first page. With a one-time key it signs the browser in.
func (s *site) frontDoor(w http.ResponseWriter, r *http.Request) {
	key := r.URL.Query().Get("key")
	if key == "" || r.Method != http.MethodGet {
		s.members(s.showHome)(w, r)
		return
	}
	s.page(func(w http.ResponseWriter, r *http.Request, v *view) error {
		cookie, ok := s.sessions.SignIn(key, s.secure)
		if !ok {
			if s.sessions.Valid(r) { // an old link, opened again
				http.Redirect(w, r, "/", http.StatusSeeOther)
				return nil
			}
			v.Data = signIn{Spent: true}
			v.Title = v.T("web.signin.title")
			s.render(w, v, http.StatusUnauthorized, "signin")
			return nil
		}
		http.SetCookie(w, cookie)
		// A page rather than a redirect: a browser that came by a link in another program's
		// page would not send a SameSite=Strict cookie along with the redirect.
		v.Title = v.T("web.signedin.title")
		s.render(w, v, http.StatusOK, "signedin")
		return nil
	})(w, r)
}

type signIn struct {
	Spent bool // a key was given that does not count
}

func (s *site) showSignIn(w http.ResponseWriter, r *http.Request, v *view) error {
	if s.sessions.Valid(r) {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return nil
	}
	status := http.StatusUnauthorized
	if r.URL.Path == "/sign-in" {
		status = http.StatusOK
	}
	v.Data = signIn{}
	v.Title = v.T("web.signin.title")
	s.render(w, v, status, "signin")
	return nil
}

func (s *site) signOut(w http.ResponseWriter, r *http.Request) {
	http.SetCookie(w, s.sessions.End(r))
	http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
}
