package home

import (
	"errors"
	"strconv"
	"strings"

	"github.com/dure-net/dure/protocol"
)

// FaultCode says what is wrong with one setting. The strings are an interface:
// node/phrase keeps a sentence for each under "config.<code>". Append only.
type FaultCode string

const (
	FaultSyntax      FaultCode = "syntax"       // not TOML at all; Line
	FaultUnknownKey  FaultCode = "unknown_key"  // no such setting; Line, Near
	FaultWrongType   FaultCode = "wrong_type"   // text where a number belongs and the like; Want
	FaultNotOneOf    FaultCode = "not_one_of"   // Want lists what may stand there
	FaultBadAddress  FaultCode = "bad_address"  // not an address of the form in Want
	FaultNotLoopback FaultCode = "not_loopback" // the API would listen for other machines, and no switch says so
	FaultTooSmall    FaultCode = "too_small"    // Want is the least
	FaultTooMany     FaultCode = "too_many"     // Want is the most
	FaultConflict    FaultCode = "conflict"     // excludes the setting in Want
	FaultLooseMode   FaultCode = "loose_mode"   // Key is a file, Value its mode, Want the mode it needs
	FaultNoPlace     FaultCode = "no_place"     // no directory for the home can be named
)

// FaultCodes lists every code. The slice is the caller's.
func FaultCodes() []FaultCode {
	return []FaultCode{FaultSyntax, FaultUnknownKey, FaultWrongType, FaultNotOneOf, FaultBadAddress, FaultNotLoopback,
		FaultTooSmall, FaultTooMany, FaultConflict, FaultLooseMode, FaultNoPlace}
}

// Fault is one thing wrong with the settings or with a secret's file.
type Fault struct {
	Key   string // the setting as it is written in config.toml: "api.listen"; or a file name
	Code  FaultCode
	Value string // what stands there, at most 80 characters
	Want  string
	Near  string // the setting probably meant
	From  string // where it was said: a path, "DURE_API_LISTEN" or "--api.listen"
	Line  int    // in From, from 1; 0 where unknown
}

// args fill the catalogue's sentence for ReasonConfig.
func (f Fault) args() map[string]string {
	a := map[string]string{"key": f.Key, "code": string(f.Code)}
	for k, v := range map[string]string{"value": f.Value, "want": f.Want, "near": f.Near, "from": f.From} {
		if v != "" {
			a[k] = v
		}
	}
	if f.Line > 0 {
		a["line"] = strconv.Itoa(f.Line)
	}
	return a
}

// Args are the values for the catalogue's sentence of this fault: key, code and, where
// they are known, value, want, near, from and line. The map is the caller's.
func (f Fault) Args() map[string]string { return f.args() }

func (f Fault) String() string {
	var b strings.Builder
	if f.From != "" {
		b.WriteString(f.From)
		if f.Line > 0 {
			b.WriteString(":" + strconv.Itoa(f.Line))
		}
		b.WriteString(": ")
	}
	b.WriteString(f.Key + ": " + string(f.Code))
	if f.Value != "" {
		b.WriteString(" " + strconv.Quote(f.Value))
	}
	if f.Want != "" {
		b.WriteString(", want " + f.Want)
	}
	if f.Near != "" {
		b.WriteString(", perhaps " + f.Near)
	}
	return b.String()
}

// Faults are all faults found at once.
type Faults []Fault

func (f Faults) Error() string {
	texts := make([]string, len(f))
	for i, one := range f {
		texts[i] = one.String()
	}
	return strings.Join(texts, "; ")
}

// err is nil without faults, else a ReasonConfig error whose Args are the first fault's
// and whose chain holds all of them.
func (f Faults) err(op string) error {
	if len(f) == 0 {
		return nil
	}
	return &protocol.Error{Reason: protocol.ReasonConfig, Op: op, Field: f[0].Key, Args: f[0].args(), Err: f}
}

// FaultsOf finds the faults in an error's chain; nil where there are none.
func FaultsOf(err error) Faults {
	var f Faults
	if errors.As(err, &f) {
		return f
	}
	return nil
}

func clip(s string) string {
	n := 0
	for i := range s {
		if n == 80 {
			return s[:i] + "…"
		}
		n++
	}
	return s
}
