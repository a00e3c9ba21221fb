package api

import (
	"container/list"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/dure-net/dure/protocol"
)

// public bounds what callers without a token take of a node that lets them read: so many
// requests a second from one address, and so many from all of them together.
type public struct {
	proxied bool
	judging chan struct{} // one place per caller whose matches are being judged
	now     func() time.Time
	all     *rate.Limiter

	mu    sync.Mutex // guards the rest
	by    map[string]*list.Element
	order *list.List // of *visitor, the last seen first
}

type visitor struct {
	from string
	rate *rate.Limiter
}

func newPublic(proxied bool, now func() time.Time) *public {
	return &public{proxied: proxied, judging: make(chan struct{}, maxPublicJudged), now: now, all: rate.NewLimiter(publicRate, publicBurst), by: map[string]*list.Element{}, order: list.New()}
}

// admit is nil, or 429 with the time after which to ask again.
func (p *public) admit(r *http.Request) error {
	now := p.now()
	mine := p.visitor(from(r, p.proxied)).rate.ReserveN(now, 1)
	wait := mine.DelayFrom(now)
	if wait == 0 {
		if all := p.all.ReserveN(now, 1); all.DelayFrom(now) > 0 {
			wait = all.DelayFrom(now)
			all.CancelAt(now)
		}
	}
	if wait == 0 {
		return nil
	}
	mine.CancelAt(now)
	f := refuse(protocol.ReasonBusy, http.StatusTooManyRequests, "api.problem.rate")
	f.header = http.Header{"Retry-After": {seconds(wait)}}
	return f
}

// judge gives a caller without token a place to have all listings judged, until done is called.
// Where all are taken it is 429: nobody waits, and whoever has a token never meets them.
func (p *public) judge() (done func(), err error) {
	select {
	case p.judging <- struct{}{}:
		return func() { <-p.judging }, nil
	default:
		f := refuse(protocol.ReasonBusy, http.StatusTooManyRequests, "api.problem.rate")
		f.header = http.Header{"Retry-After": {seconds(judgedAgain)}}
		return nil, f
	}
}

func (p *public) visitor(from string) *visitor {
	p.mu.Lock()
	defer p.mu.Unlock()
	if el, ok := p.by[from]; ok {
		p.order.MoveToFront(el)
		return el.Value.(*visitor)
	}
	if p.order.Len() >= maxVisitors {
		oldest := p.order.Back()
		delete(p.by, oldest.Value.(*visitor).from)
		p.order.Remove(oldest)
	}
	v := &visitor{from: from, rate: rate.NewLimiter(visitorRate, visitorBurst)}
	p.by[from] = p.order.PushFront(v)
	return v
}

// from is the network a request comes from: an IPv4 address, or the /64 of an IPv6 one, of
// which one household has 2^64. Behind a proxy it is what the proxy itself added last.
func from(r *http.Request, proxied bool) string {
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	if proxied {
		list := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
		if last := strings.TrimSpace(list[len(list)-1]); last != "" {
			host = last
		}
	}
	ip := net.ParseIP(host)
	if ip == nil {
		return "unknown"
	}
	if four := ip.To4(); four != nil {
		return four.String()
	}
	return ip.Mask(net.CIDRMask(64, 128)).String()
}
