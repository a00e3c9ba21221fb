package api

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/dure-net/dure/node/access"
)

// Life of a sign-in key and of a browser's session, and how many used keys and ended
// sessions are remembered. A key lives an hour so that the link printed at start still works
// after a coffee; beyond maxUsedKeys live used keys, further sign-ins wait for old ones to
// expire; beyond maxEnded, the ended session that would expire first is forgotten.
const (
	keyLife     = time.Hour
	sessionLife = 7 * 24 * time.Hour
	maxUsedKeys = 4096
	maxEnded    = 4096
)

// SignInLink is a link to base ("http://127.0.0.1:7710") that signs a browser in as the
// owner. It works once, within an hour, on the process that runs when it is made. Whoever
// holds the token can make one; the link does not reveal the token.
func SignInLink(base, token string, now time.Time) string { return signInLink(base, token, "", now) }

// SignInLinkFor is such a link for a user, who may do then what the role allows.
func SignInLinkFor(base, token string, u access.User, now time.Time) string {
	return signInLink(base, token, personOf(u), now)
}

func signInLink(base, token, person string, now time.Time) string {
	stem := strconv.FormatInt(now.UnixMilli(), 36) + "." + nonce() + "." + person
	return strings.TrimSuffix(base, "/") + "/?key=" + url.QueryEscape(stem+"."+mac(token, "sign-in", stem))
}

func nonce() string {
	var n [12]byte
	_, _ = rand.Read(n[:]) // crypto/rand never fails
	return base64.RawURLEncoding.EncodeToString(n[:])
}

// personOf names a user so that one who is removed, and another one of that name, are two.
func personOf(u access.User) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(u.Created.Unix(), 36) + " " + u.Name))
}

// Sessions lets browsers in by one-time keys and remembers them by a cookie. Both are
// made from the token by HMAC-SHA-256, so the browser never holds the token, and a new
// token ends all sessions. A session is the owner's, or a user's; what a user may do is
// looked up at every request, so that a change of role, or a removal, counts at once. Safe
// for concurrent use.
type Sessions struct {
	token   string
	cookie  string
	now     func() time.Time
	started time.Time
	users   *access.Store // nil: there are none

	mu    sync.Mutex           // guards the rest
	used  map[string]time.Time // used keys, until they expire
	ended map[string]time.Time // sessions that were signed out, until they expire
}

// NewSessions starts with no key used and no session ended: a session that was signed out
// and kept by somebody all the same counts again after a restart, until it expires. Keys made
// before now are not taken, because their use by an earlier process is not remembered.
func NewSessions(token string, now func() time.Time, users *access.Store) *Sessions {
	sum := mac(token, "cookie", "")
	return &Sessions{token: token, now: now, started: now().Truncate(time.Millisecond), users: users, used: map[string]time.Time{}, ended: map[string]time.Time{},
		// Cookies do not tell ports apart; several nodes on one machine need names of their own.
		cookie: "dure_" + hex.EncodeToString([]byte(sum[:6]))}
}

// SignIn spends a key. It returns the cookie of a fresh session, or false for a key that is
// wrong, expired or used, or whose user is gone. secure says that the browser came by TLS.
func (s *Sessions) SignIn(key string, secure bool) (*http.Cookie, bool) {
	parts := strings.Split(key, ".")
	if len(parts) != 4 || !hmac.Equal([]byte(parts[3]), []byte(mac(s.token, "sign-in", strings.Join(parts[:3], ".")))) {
		return nil, false
	}
	ms, err := strconv.ParseInt(parts[0], 36, 64)
	made, now := time.UnixMilli(ms), s.now()
	if err != nil || made.Before(s.started) || made.After(now.Add(time.Minute)) || now.Sub(made) > keyLife {
		return nil, false
	}
	if _, ok := s.grant(parts[2]); !ok {
		return nil, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, until := range s.used {
		if now.After(until) {
			delete(s.used, k)
		}
	}
	if _, spent := s.used[parts[1]]; spent || len(s.used) >= maxUsedKeys {
		return nil, false
	}
	s.used[parts[1]] = made.Add(keyLife)
	stem := strconv.FormatInt(now.Add(sessionLife).Unix(), 36) + "." + nonce() + "." + parts[2]
	return &http.Cookie{Name: s.cookie, Value: stem + "." + mac(s.token, "session", stem), Path: "/",
		MaxAge: int(sessionLife / time.Second), HttpOnly: true, Secure: secure, SameSite: http.SameSiteStrictMode}, true
}

// grant is what a person may do now; "" is the owner.
func (s *Sessions) grant(person string) (access.Grant, bool) {
	if person == "" {
		return access.Owner(), true
	}
	raw, err := base64.RawURLEncoding.DecodeString(person)
	_, name, ok := strings.Cut(string(raw), " ")
	if err != nil || !ok || s.users == nil {
		return access.Grant{}, false
	}
	u, ok := s.users.User(name)
	if !ok || personOf(u) != person {
		return access.Grant{}, false
	}
	return access.Grant{Name: "page", User: u.Name, Scopes: u.Role.Set()}, true
}

// Who is signed in by a request, and until when; false for nobody.
func (s *Sessions) Who(r *http.Request) (who access.Grant, until time.Time, ok bool) {
	session := s.current(r)
	if session == "" {
		return access.Grant{}, time.Time{}, false
	}
	parts := strings.Split(session, ".")
	unix, _ := strconv.ParseInt(parts[0], 36, 64) // read before
	who, ok = s.grant(parts[2])
	return who, time.Unix(unix, 0), ok
}

// LinkFor is a link that signs a user in.
func (s *Sessions) LinkFor(base string, u access.User) string {
	return SignInLinkFor(base, s.token, u, s.now())
}

// End ends a request's session, and returns the cookie that ends it in its browser.
func (s *Sessions) End(r *http.Request) *http.Cookie {
	if session := s.current(r); session != "" {
		unix, _ := strconv.ParseInt(session[:strings.Index(session, ".")], 36, 64) // read before
		s.mu.Lock()
		now, first := s.now(), ""
		for k, until := range s.ended {
			if now.After(until) {
				delete(s.ended, k)
			} else if first == "" || until.Before(s.ended[first]) {
				first = k
			}
		}
		if len(s.ended) >= maxEnded {
			delete(s.ended, first)
		}
		s.ended[session] = time.Unix(unix, 0)
		s.mu.Unlock()
	}
	return &http.Cookie{Name: s.cookie, Path: "/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteStrictMode}
}

// Valid reports whether the request carries a live session.
func (s *Sessions) Valid(r *http.Request) bool { return s.current(r) != "" }

// FormToken binds a form to the session it was shown in. Empty without a session.
func (s *Sessions) FormToken(r *http.Request, form string) string {
	session := s.current(r)
	if session == "" {
		return ""
	}
	return mac(s.token, "form", form+"\x00"+session)
}

// FormValid reports whether token was made by FormToken for this session and form.
func (s *Sessions) FormValid(r *http.Request, form, token string) bool {
	want := s.FormToken(r, form)
	return want != "" && hmac.Equal([]byte(want), []byte(token))
}

func (s *Sessions) current(r *http.Request) string {
	for _, c := range r.CookiesNamed(s.cookie) {
		parts := strings.Split(c.Value, ".")
		if len(parts) != 4 || !hmac.Equal([]byte(parts[3]), []byte(mac(s.token, "session", strings.Join(parts[:3], ".")))) {
			continue
		}
		s.mu.Lock()
		_, over := s.ended[c.Value]
		s.mu.Unlock()
		if unix, err := strconv.ParseInt(parts[0], 36, 64); err != nil || over || s.now().Unix() >= unix {
			continue
		}
		if _, ok := s.grant(parts[2]); ok {
			return c.Value
		}
	}
	return ""
}

// mac is HMAC-SHA-256 over a purpose and a value, in URL-safe base64.
func mac(token, purpose, value string) string {
	m := hmac.New(sha256.New, []byte(token))
	m.Write([]byte("dure/" + purpose + "/1\x00" + value))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}
