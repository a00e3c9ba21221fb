package charter

import (
	"maps"
	"testing"
)

func TestLayered_ReadersKeepWhatTheyHold(t *testing.T) {
	var m layered[int, int]
	model := map[int]int{}
	type kept struct {
		seen layered[int, int]
		want map[int]int
	}
	var readers []kept
	for i := range 3000 {
		k, v := i*7%1000, i
		m.set(k, v)
		model[k] = v
		if i%3 == 0 {
			m.share()
		}
		if i%100 == 0 {
			readers = append(readers, kept{m.share(), maps.Clone(model)})
		}
	}
	if len(m.lower) == 0 {
		t.Fatal("the layers were never merged")
	}
	for i, r := range append(readers, kept{m, model}) {
		if got := maps.Collect(r.seen.all()); !maps.Equal(got, r.want) {
			t.Fatalf("reader %d: %d pairs, want %d", i, len(got), len(r.want))
		}
		n := 0
		for k := range r.seen.keys() {
			if v, ok := r.seen.get(k); !ok || v != r.want[k] {
				t.Fatalf("reader %d: %d is %d, want %d", i, k, v, r.want[k])
			}
			n++
		}
		if n != len(r.want) {
			t.Fatalf("reader %d: %d keys, want %d", i, n, len(r.want))
		}
	}
}
