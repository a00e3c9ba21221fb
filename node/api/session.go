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
)

// Life of a sign-in key and of a browser's session, and how many used keys are
// remembered. A key lives an hour so that the link printed at start still works after
// a coffee; beyond maxUsedKeys live used keys, further sign-ins wait for old ones to
// expire.
const (
	keyLife     = time.Hour
	sessionLife = 7 * 24 * time.Hour
	maxUsedKeys = 4096
)

// SignInLink is a link to base ("http://127.0.0.1:7710") that signs a browser in. It
// works once, within an hour, on the process that runs when it is made. Whoever holds
// the token can make one; the link does not reveal the token.
func SignInLink(base, token string, now time.Time) string {
	var nonce [12]byte
	_, _ = rand.Read(nonce[:]) // crypto/rand never fails
	stem := strconv.FormatInt(now.UnixMilli(), 36) + "." + base64.RawURLEncoding.EncodeToString(nonce[:])
	return strings.TrimSuffix(base, "/") + "/?key=" + url.QueryEscape(stem+"."+mac(token, "sign-in", stem))
}

// Sessions lets browsers in by one-time keys and remembers them by a cookie. Both are
// made from the token by HMAC-SHA-256, so the browser never holds the token, and a new
// token ends all sessions. Safe for concurrent use.
type Sessions struct {
	token   string
	cookie  string
	now     func() time.Time
	started time.Time

	mu   sync.Mutex           // guards used
	used map[string]time.Time // used keys, until they expire
}

// NewSessions starts with no key used. Keys made before now are not taken: their use
// by an earlier process is not remembered.
func NewSessions(token string, now func() time.Time) *Sessions {
	sum := mac(token, "cookie", "")
	return &Sessions{token: token, now: now, started: now().Truncate(time.Millisecond), used: map[string]time.Time{},
		// Cookies do not tell ports apart; several nodes on one machine need names of their own.
		cookie: "dure_" + hex.EncodeToString([]byte(sum[:6]))}
}

// SignIn spends a key. It reports false for a key that is wrong, expired or used.
func (s *Sessions) SignIn(key string) bool {
	stamp, rest, ok := strings.Cut(key, ".")
	nonce, sum, ok2 := strings.Cut(rest, ".")
	if !ok || !ok2 || !hmac.Equal([]byte(sum), []byte(mac(s.token, "sign-in", stamp+"."+nonce))) {
		return false
	}
	ms, err := strconv.ParseInt(stamp, 36, 64)
	made, now := time.UnixMilli(ms), s.now()
	if err != nil || made.Before(s.started) || made.After(now.Add(time.Minute)) || now.Sub(made) > keyLife {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, until := range s.used {
		if now.After(until) {
			delete(s.used, k)
		}
	}
	if _, spent := s.used[nonce]; spent || len(s.used) >= maxUsedKeys {
		return false
	}
	s.used[nonce] = made.Add(keyLife)
	return true
}

// Cookie is a fresh session. secure says that the browser came by TLS.
func (s *Sessions) Cookie(secure bool) *http.Cookie {
	until := strconv.FormatInt(s.now().Add(sessionLife).Unix(), 36)
	return &http.Cookie{Name: s.cookie, Value: until + "." + mac(s.token, "session", until), Path: "/",
		MaxAge: int(sessionLife / time.Second), HttpOnly: true, Secure: secure, SameSite: http.SameSiteStrictMode}
}

// End is the cookie that ends a session in its browser.
func (s *Sessions) End() *http.Cookie {
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
		until, sum, ok := strings.Cut(c.Value, ".")
		if !ok || !hmac.Equal([]byte(sum), []byte(mac(s.token, "session", until))) {
			continue
		}
		if unix, err := strconv.ParseInt(until, 36, 64); err == nil && s.now().Unix() < unix {
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
