package apitest

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/searches"
)

// searchShelf keeps saved searches in memory.
type searchShelf struct{ raw []byte }

func (s *searchShelf) Searches() ([]byte, error)     { return s.raw, nil }
func (s *searchShelf) SaveSearches(raw []byte) error { s.raw = raw; return nil }

// newSearches is a real store of saved searches that lies in memory.
func newSearches(now func() time.Time) *searches.Store {
	s, err := searches.Load(&searchShelf{}, now, func(string) bool { return true })
	if err != nil {
		panic(err)
	}
	return s
}

// searcher is whoever asks.
func searcher(ctx context.Context) string {
	who, _ := api.Asking(ctx)
	return "of " + who.User + " " + who.ID
}

// SavedSearches implements api.Saver. New are records alone.
func (b *Backend) SavedSearches(ctx context.Context) ([]api.SavedSearch, error) {
	if err := b.see("SavedSearches", nil); err != nil {
		return nil, err
	}
	var out []api.SavedSearch
	for _, one := range b.saved.Of(searcher(ctx)) {
		news, err := b.news(one)
		if err != nil {
			return nil, err
		}
		out = append(out, news.SavedSearch)
	}
	return out, nil
}

func (b *Backend) news(one searches.Saved) (api.SearchNews, error) {
	q, err := api.ParseSelection(one.Query)
	if err != nil {
		return api.SearchNews{}, err
	}
	b.mu.Lock()
	upto := b.seq()
	b.mu.Unlock()
	out := api.SearchNews{SavedSearch: api.SavedSearch{ID: one.ID, Name: one.Name, Filter: api.FilterOf(q), Href: "/api/v1/search?" + one.Query, Created: one.Created, Looked: one.Looked, Upto: upto}}
	seen, before := number(one.Seen), number(one.Before)
	for _, f := range b.all(q) {
		if f.Seq > seen {
			out.Items = append(out.Items, f)
		} else if f.Seq > before {
			out.Earlier = append(out.Earlier, f)
		}
	}
	out.New = len(out.Items)
	return out, nil
}

func number(mark []byte) uint64 {
	n, _ := strconv.ParseUint(string(mark), 10, 64)
	return n
}

// SaveSearch implements api.Saver.
func (b *Backend) SaveSearch(ctx context.Context, name string, q api.RecordQuery) (api.SavedSearch, error) {
	if err := b.see("SaveSearch", q); err != nil {
		return api.SavedSearch{}, err
	}
	b.mu.Lock()
	upto := b.seq()
	b.mu.Unlock()
	one, err := b.saved.Add(searcher(ctx), name, q.Selection(), strconv.AppendUint(nil, upto, 10))
	if err != nil {
		return api.SavedSearch{}, err
	}
	news, err := b.news(one)
	return news.SavedSearch, err
}

// SavedSearch implements api.Saver.
func (b *Backend) SavedSearch(ctx context.Context, ref string) (api.SearchNews, error) {
	if err := b.see("SavedSearch", ref); err != nil {
		return api.SearchNews{}, err
	}
	one, err := b.saved.Find(searcher(ctx), ref)
	if err != nil {
		return api.SearchNews{}, err
	}
	return b.news(one)
}

// SeeSearch implements api.Saver.
func (b *Backend) SeeSearch(ctx context.Context, ref string, upto uint64) (api.SavedSearch, error) {
	if err := b.see("SeeSearch", upto); err != nil {
		return api.SavedSearch{}, err
	}
	one, err := b.saved.Find(searcher(ctx), ref)
	if err != nil {
		return api.SavedSearch{}, err
	}
	before, err := b.news(one)
	if err == nil {
		one, err = b.saved.See(searcher(ctx), one.ID, strconv.AppendUint(nil, upto, 10), before.New > 0)
	}
	if err != nil {
		return api.SavedSearch{}, err
	}
	news, err := b.news(one)
	return news.SavedSearch, err
}

// RemoveSearch implements api.Saver.
func (b *Backend) RemoveSearch(ctx context.Context, ref string) error {
	if err := b.see("RemoveSearch", ref); err != nil {
		return err
	}
	_, err := b.saved.Remove(searcher(ctx), ref)
	return err
}

// searchesWithNews are the saved searches of who asks to which something is new.
func (b *Backend) searchesWithNews(ctx context.Context) ([]api.SavedSearch, error) {
	all, err := b.SavedSearches(ctx)
	return slices.DeleteFunc(all, func(s api.SavedSearch) bool { return s.New == 0 }), err
}
