package api_test

import (
	"io"
	"net/http"
	"testing"
)

// asker asks one address again and again, over kept connections.
type asker struct {
	client http.Client
	req    *http.Request
}

func newAsker(b *testing.B, url, token string) *asker {
	req, err := http.NewRequest("GET", url, nil)
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	return &asker{http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}, req}
}

func (a *asker) once(b *testing.B) []byte {
	resp, err := a.client.Do(a.req)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 {
		b.Fatal(resp.Status, err)
	}
	return raw
}

func bareHandler(body []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body)
	})
}
