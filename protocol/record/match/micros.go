package match

import (
	"cmp"
	"math/bits"
	"strconv"
	"strings"
)

// micros is an amount in millionths. A decimal of record.Qty has at most 18 digits, six
// of them after the point: ten times the largest amount is below 2^128.
type micros struct{ hi, lo uint64 }

const (
	scale         = 1_000_000
	decimals      = 6
	maxWholeDigit = 18
)

// read is a decimal as an amount; nothing where it is none.
func read(s string) micros {
	whole, fraction, _ := strings.Cut(s, ".")
	if len(whole) > maxWholeDigit || len(fraction) > decimals {
		return micros{}
	}
	n, err := strconv.ParseUint(whole, 10, 64)
	if err != nil {
		return micros{}
	}
	var part uint64
	if fraction != "" {
		if part, err = strconv.ParseUint(fraction, 10, 64); err != nil {
			return micros{}
		}
		for range decimals - len(fraction) {
			part *= 10
		}
	}
	hi, lo := bits.Mul64(n, scale)
	lo, carry := bits.Add64(lo, part, 0)
	return micros{hi + carry, lo}
}

func (m micros) zero() bool { return m == micros{} }

func (m micros) cmp(other micros) int {
	return cmp.Or(cmp.Compare(m.hi, other.hi), cmp.Compare(m.lo, other.lo))
}

// times multiplies with a small number.
func (m micros) times(k uint64) micros {
	hi, lo := bits.Mul64(m.lo, k)
	return micros{hi + m.hi*k, lo}
}

// String writes the decimal without zeros at its end.
func (m micros) String() string {
	whole, part := bits.Div64(m.hi, m.lo, scale)
	if part == 0 {
		return strconv.FormatUint(whole, 10)
	}
	fraction := strconv.FormatUint(scale+part, 10)[1:]
	return strconv.FormatUint(whole, 10) + "." + strings.TrimRight(fraction, "0")
}
