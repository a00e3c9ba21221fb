package api

import (
	"encoding/json"
	"testing"
)

type lacks struct {
	Names  []string            `json:"names"`
	Some   []string            `json:"some,omitempty"`
	Bytes  []byte              `json:"bytes"`
	Inner  []lacks             `json:"inner"`
	ByName map[string][]string `json:"by_name,omitempty"`
	At     *lacks              `json:"at,omitempty"`
	Any    any                 `json:"any"`
	hidden []string
}

func TestWhole_ListsAreNeverNull(t *testing.T) {
	given := lacks{Inner: []lacks{{Names: []string{"a"}}}, ByName: map[string][]string{"x": nil}, At: &lacks{}}
	raw, err := json.Marshal(whole(given))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"names":[],"bytes":null,"inner":[{"names":["a"],"bytes":null,"inner":[],"any":null}],"by_name":{"x":[]},"at":{"names":[],"bytes":null,"inner":[],"any":null},"any":null}`
	if string(raw) != want {
		t.Errorf("got %s, want %s", raw, want)
	}
	if given.Names != nil || given.Inner[0].Inner != nil || given.At.Names != nil || given.ByName["x"] != nil || given.hidden != nil {
		t.Error("what was given is changed")
	}
	if whole(nil) != nil || canLack(typeOf[Record]()) || !canLack(typeOf[Decisions]()) {
		t.Error("types are judged wrong")
	}
}
