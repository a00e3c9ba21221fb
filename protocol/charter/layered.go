package charter

import (
	"iter"
	"maps"
)

// layered is a map that can be shared with a reader and written on: what the reader
// holds does not change, and a write after sharing copies only the small upper layer.
// A federation's feeds are added one by one, each followed by a new State, and copying
// all of them each time would make that quadratic.
type layered[K comparable, V any] struct {
	lower, upper map[K]V
	shared       bool
}

// layerShare is the share of the lower layer, as a divisor, beyond which the upper is
// merged into it; layerMin the size below which it is not worth it.
const (
	layerShare = 64
	layerMin   = 128
)

// share returns a copy that later writes do not change.
func (m *layered[K, V]) share() layered[K, V] {
	m.shared = true
	return *m
}

// after returns a copy to be written on where m itself is not any more.
func (m layered[K, V]) after() layered[K, V] {
	m.shared = true
	return m
}

func (m *layered[K, V]) set(k K, v V) {
	if m.shared || m.upper == nil {
		if len(m.upper) >= layerMin && len(m.upper)*layerShare >= len(m.lower) {
			lower := maps.Clone(m.lower)
			if lower == nil {
				lower = make(map[K]V, len(m.upper))
			}
			maps.Copy(lower, m.upper)
			m.lower, m.upper = lower, nil
		}
		m.upper, m.shared = maps.Clone(m.upper), false
		if m.upper == nil {
			m.upper = map[K]V{}
		}
	}
	m.upper[k] = v
}

func (m layered[K, V]) get(k K) (V, bool) {
	if v, ok := m.upper[k]; ok {
		return v, true
	}
	v, ok := m.lower[k]
	return v, ok
}

// all yields every pair once, in no order.
func (m layered[K, V]) all() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for k, v := range m.upper {
			if !yield(k, v) {
				return
			}
		}
		for k, v := range m.lower {
			if _, newer := m.upper[k]; !newer && !yield(k, v) {
				return
			}
		}
	}
}

// keys yields every key once, in no order.
func (m layered[K, V]) keys() iter.Seq[K] {
	return func(yield func(K) bool) {
		for k := range m.all() {
			if !yield(k) {
				return
			}
		}
	}
}
