package exchange

import (
	"math/big"
	"strings"
)

// decimals is how many digits after the point a quantity may have (record.Qty).
const decimals = 6

// amount is a decimal in millionths. The zero amount is ready for use; operations never change their operands.
type amount struct{ n *big.Int }

// parse reads a decimal as record.Qty has it; anything else counts as nothing.
func parse(s string) amount {
	whole, fraction, _ := strings.Cut(s, ".")
	if whole == "" || len(fraction) > decimals {
		return amount{}
	}
	n, ok := new(big.Int).SetString(whole+fraction+strings.Repeat("0", decimals-len(fraction)), 10)
	if !ok {
		return amount{}
	}
	return amount{n}
}

func (a amount) int() *big.Int {
	if a.n == nil {
		return new(big.Int)
	}
	return a.n
}

func (a amount) add(b amount) amount { return amount{new(big.Int).Add(a.int(), b.int())} }
func (a amount) sub(b amount) amount { return amount{new(big.Int).Sub(a.int(), b.int())} }
func (a amount) cmp(b amount) int    { return a.int().Cmp(b.int()) }
func (a amount) sign() int           { return a.int().Sign() }

// floor is the amount, and nothing where it is below nothing.
func (a amount) floor() amount {
	if a.sign() < 0 {
		return amount{}
	}
	return a
}

func least(a, b amount) amount {
	if b.cmp(a) < 0 {
		return b
	}
	return a
}

// String is the decimal without zeros at its end; "0" for nothing.
func (a amount) String() string {
	s, minus := a.int().String(), ""
	if s[0] == '-' {
		s, minus = s[1:], "-"
	}
	if len(s) <= decimals {
		s = strings.Repeat("0", decimals+1-len(s)) + s
	}
	whole, fraction := s[:len(s)-decimals], strings.TrimRight(s[len(s)-decimals:], "0")
	if fraction != "" {
		fraction = "." + fraction
	}
	return minus + whole + fraction
}

// Compare says which of two decimals, as record.Qty writes them, is larger.
func Compare(a, b string) int { return parse(a).cmp(parse(b)) }

// Difference is a less b, as a decimal; negative where b is more.
func Difference(a, b string) string { return parse(a).sub(parse(b)).String() }
