package node

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/dure-net/dure/node/access"
	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/index"
	"github.com/dure-net/dure/node/searches"
	"github.com/dure-net/dure/protocol"
)

// Owners of saved searches: the node's own, a user, who is told from a later one of that
// name by when they were added, and a token that is no user's.
const (
	ownerSelf  = "owner"
	ownerUser  = "user "
	ownerToken = "token "
)

func userOwner(u access.User) string {
	return ownerUser + strconv.FormatInt(u.Created.Unix(), 36) + " " + u.Name
}

// searcher is whose saved searches are meant where somebody asks.
func (n *Node) searcher(ctx context.Context) (string, error) {
	who, known := api.Asking(ctx)
	switch {
	case !known || who.ID == "" && who.User == "" && who.Scopes.Has(access.Keep):
		return ownerSelf, nil
	case who.User != "":
		if u, ok := n.access.User(who.User); ok {
			return userOwner(u), nil
		}
	case who.ID != "":
		return ownerToken + who.ID, nil
	}
	return "", protocol.Fail(protocol.ReasonForbidden, "find saved searches", nil)
}

// searcherLives reports whether an owner of saved searches is there still.
func (n *Node) searcherLives(owner string) bool {
	if owner == ownerSelf {
		return true
	}
	if id, ok := strings.CutPrefix(owner, ownerToken); ok {
		return slices.ContainsFunc(n.access.Tokens(), func(t access.Token) bool { return t.ID == id && t.State == access.StateLive })
	}
	_, name, _ := strings.Cut(strings.TrimPrefix(owner, ownerUser), " ")
	u, ok := n.access.User(name)
	return ok && userOwner(u) == owner
}

// loadSearches reads what was saved. A file that cannot be read keeps no node from starting:
// it is set aside.
func (n *Node) loadSearches() (err error) {
	n.saved, err = searches.Load(n.home, n.opts.Now, n.searcherLives)
	if protocol.ReasonOf(err) != protocol.ReasonDamaged {
		if err == nil {
			n.forgetSearches() // a crash may have come between
		}
		return err
	}
	aside, serr := n.home.SetSearchesAside()
	n.log.Warn("the saved searches cannot be read and are begun anew", "err", err, "aside", aside, "kept", serr == nil)
	return nil
}

// forgetSearches takes the searches of owners who are gone out of the home. They are nobody's
// at once; where this fails they go with the next change.
func (n *Node) forgetSearches() {
	if err := n.saved.Forget(); err != nil {
		n.log.Warn("saved searches of a user or a token that is gone were not taken out of the home yet", "err", err)
	}
}

func (n *Node) forked() index.Forked {
	var out index.Forked
	for _, f := range n.replica.Custody().Forks() {
		if out == nil {
			out = index.Forked{}
		}
		if at, known := out[f.Feed]; !known || f.Seq < at {
			out[f.Feed] = f.Seq
		}
	}
	return out
}

// listsWhole reports up to which local number lists tell what is here, and whether that is
// all of it: nothing is to be folded, and little enough to be computed that who looks now
// remembers each.
func (n *Node) listsWhole() (upto uint64, whole bool) {
	p := n.follower.Progress()
	return p.Applied, !p.Building && !p.Owed && p.Due <= dueWhile
}

const dueWhile = 32

// awaitLists waits a moment for lists to tell all that is here now, as they mostly do.
func (n *Node) awaitLists(ctx context.Context) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, indexPatience)
	defer cancel()
	newest := history{n}.Newest()
	for {
		n.follower.Await(ctx, newest, indexPatience)
		n.follower.AwaitFolds(ctx)
		upto, whole := n.listsWhole()
		if whole && upto >= newest {
			return upto, nil
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return 0, &protocol.Error{Reason: protocol.ReasonBusy, Op: "look for what is new",
				Args: map[string]string{"indexed": strconv.FormatUint(upto, 10), "entries": strconv.FormatUint(newest, 10)}}
		}
	}
}

// looks are the marks of the latest looks at saved searches, until somebody says that what
// they told was seen: what came to be told since is in them as not seen. Safe for concurrent use.
type looks struct {
	mu   sync.Mutex // guards all below
	ring [looksKept]look
	next int
}

type look struct {
	search string // its id
	upto   uint64
	before string // the mark that it follows
	mark   []byte
}

// looksKept is how many looks are remembered. An older one is made out anew.
const looksKept = 64

func (l *looks) keep(one look) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ring[l.next] = one
	l.next = (l.next + 1) % looksKept
}

func (l *looks) find(search string, upto uint64, before []byte) ([]byte, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, one := range l.ring {
		if one.search == search && one.upto == upto && one.before == string(before) {
			return one.mark, true
		}
	}
	return nil, false
}

// mark is how far the owner of a search has looked who sees all up to a local number.
func (n *Node) mark(one searches.Saved, forks index.Forked, upto uint64) ([]byte, error) {
	before, err := index.ParseSeen(one.Seen)
	if err != nil {
		return nil, err
	}
	seen, err := n.index.See(before, forks, upto)
	if err != nil {
		return nil, err
	}
	return seen.MarshalBinary()
}

// news asks a saved search for what is new since a mark.
func (n *Node) news(one searches.Saved, mark []byte, forks index.Forked, upto uint64) (index.News, error) {
	q, err := api.ParseSelection(one.Query)
	if err != nil {
		return index.News{}, err
	}
	s, err := indexSearch(q.StillOpen(string(n.desk.Today())))
	if err != nil {
		return index.News{}, err
	}
	seen, err := index.ParseSeen(mark)
	if err != nil {
		return index.News{}, err
	}
	return n.index.Fresh(s, seen, forks, upto, api.MaxNews)
}

// shownSearch is a saved search as it is told, and what is new to it.
func (n *Node) shownSearch(one searches.Saved, forks index.Forked, upto uint64, whole bool) (api.SavedSearch, index.News, error) {
	q, err := api.ParseSelection(one.Query)
	if err != nil {
		return api.SavedSearch{}, index.News{}, err
	}
	news, err := n.news(one, one.Seen, forks, upto)
	out := api.SavedSearch{ID: one.ID, Name: one.Name, Filter: api.FilterOf(q), Href: "/api/v1/search?" + one.Query, Created: one.Created, Looked: one.Looked,
		New: len(news.Hits), More: news.More, Partial: !whole}
	if whole {
		out.Upto = upto
	}
	return out, news, err
}

// SavedSearches implements api.Saver.
func (n *Node) SavedSearches(ctx context.Context) ([]api.SavedSearch, error) {
	owner, err := n.searcher(ctx)
	if err != nil {
		return nil, err
	}
	out, forks := []api.SavedSearch{}, n.forked()
	upto, whole := n.listsWhole()
	for _, one := range n.saved.Of(owner) {
		shown, _, err := n.shownSearch(one, forks, upto, whole)
		if err != nil {
			return nil, err
		}
		out = append(out, shown)
	}
	return out, nil
}

// searchesWithNews are the saved searches of who asks to which something is new.
func (n *Node) searchesWithNews(ctx context.Context) ([]api.SavedSearch, error) {
	if _, err := n.searcher(ctx); err != nil {
		return nil, nil // nobody who could have any
	}
	all, err := n.SavedSearches(ctx)
	return slices.DeleteFunc(all, func(s api.SavedSearch) bool { return s.New == 0 }), err
}

// SaveSearch implements api.Saver.
func (n *Node) SaveSearch(ctx context.Context, name string, q api.RecordQuery) (api.SavedSearch, error) {
	owner, err := n.searcher(ctx)
	if err != nil {
		return api.SavedSearch{}, err
	}
	query := q.Selection()
	if _, err := api.ParseSelection(query); err != nil {
		return api.SavedSearch{}, err
	}
	upto, err := n.awaitLists(ctx)
	if err != nil {
		return api.SavedSearch{}, err
	}
	forks := n.forked()
	mark, err := n.mark(searches.Saved{}, forks, upto)
	if err == nil { // what the index refuses is refused now, and not when the search is looked at
		_, err = n.news(searches.Saved{Query: query}, mark, forks, upto)
	}
	if err != nil {
		return api.SavedSearch{}, err
	}
	one, err := n.saved.Add(owner, name, query, mark)
	if err != nil {
		return api.SavedSearch{}, err
	}
	shown, _, err := n.shownSearch(one, forks, upto, true)
	return shown, err
}

// SavedSearch implements api.Saver.
func (n *Node) SavedSearch(ctx context.Context, ref string) (api.SearchNews, error) {
	owner, err := n.searcher(ctx)
	if err != nil {
		return api.SearchNews{}, err
	}
	one, err := n.saved.Find(owner, ref)
	if err != nil {
		return api.SearchNews{}, err
	}
	forks := n.forked()
	upto, err := n.awaitLists(ctx)
	whole := err == nil
	if whole { // before anything is looked for: what comes to be told meanwhile is not seen by it
		mark, err := n.mark(one, forks, upto)
		if err != nil {
			return api.SearchNews{}, err
		}
		n.looks.keep(look{one.ID, upto, string(one.Seen), mark})
	} else {
		upto, _ = n.listsWhole()
	}
	shown, fresh, err := n.shownSearch(one, forks, upto, whole)
	if err != nil {
		return api.SearchNews{}, err
	}
	out := api.SearchNews{SavedSearch: shown}
	if out.Items, err = n.foundAll(fresh.Hits); err != nil {
		return api.SearchNews{}, err
	}
	before, err := n.news(one, one.Before, forks, upto)
	if err != nil {
		return api.SearchNews{}, err
	}
	out.Earlier, err = n.foundAll(slices.DeleteFunc(before.Hits, func(h index.Hit) bool {
		return slices.ContainsFunc(fresh.Hits, func(f index.Hit) bool {
			return f.Kind == h.Kind && f.Name == h.Name && f.Row.Record == h.Row.Record
		})
	}))
	return out, err
}

func (n *Node) foundAll(hits []index.Hit) ([]api.Found, error) {
	out, charter := []api.Found{}, n.replica.State()
	for _, h := range hits {
		f, ok, err := n.found(charter, h)
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, f)
		}
	}
	return out, nil
}

// SeeSearch implements api.Saver.
func (n *Node) SeeSearch(ctx context.Context, ref string, upto uint64) (api.SavedSearch, error) {
	owner, err := n.searcher(ctx)
	if err != nil {
		return api.SavedSearch{}, err
	}
	one, err := n.saved.Find(owner, ref)
	if err != nil {
		return api.SavedSearch{}, err
	}
	now, err := n.awaitLists(ctx)
	if err != nil {
		return api.SavedSearch{}, err
	}
	if upto == 0 || upto > now {
		return api.SavedSearch{}, &protocol.Error{Reason: protocol.ReasonUsage, Op: "see search", Field: "upto", Err: errors.New("nothing was told up to there")}
	}
	forks := n.forked()
	mark, known := n.looks.find(one.ID, upto, one.Seen)
	if !known {
		if mark, err = n.mark(one, forks, upto); err != nil {
			return api.SavedSearch{}, err
		}
	}
	fresh, err := n.news(one, one.Seen, forks, upto)
	if err != nil {
		return api.SavedSearch{}, err
	}
	if one, err = n.saved.See(owner, one.ID, mark, len(fresh.Hits) > 0); err != nil {
		return api.SavedSearch{}, err
	}
	shown, _, err := n.shownSearch(one, forks, now, true)
	return shown, err
}

// RemoveSearch implements api.Saver.
func (n *Node) RemoveSearch(ctx context.Context, ref string) error {
	owner, err := n.searcher(ctx)
	if err == nil {
		_, err = n.saved.Remove(owner, ref)
	}
	return err
}
