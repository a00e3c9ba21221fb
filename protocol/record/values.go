package record

import (
	"math/big"
	"regexp"
	"strings"
	"time"
)

// Day is a calendar day, YYYY-MM-DD, local to where it applies. Days compare as text.
type Day string

// Window is a span of whole days, both ends included: From ≤ To ≤ From + 10 years.
type Window struct {
	From Day `cbor:"from" json:"from"`
	To   Day `cbor:"to" json:"to"`
}

// Qty is a quantity: a decimal above 0 with at most 18 digits, 6 of them after the
// point, and a unit of the list "units".
type Qty struct {
	Value string `cbor:"value" json:"value"`
	Unit  string `cbor:"unit" json:"unit"`
}

// Money is an amount that is declared, never moved: a decimal as in Qty and an ISO
// 4217 code.
type Money struct {
	Value    string `cbor:"value" json:"value"`
	Currency string `cbor:"currency" json:"currency"`
}

// Place is where something is. Coordinates are decimal degrees as text, at most five
// decimals, both or none.
type Place struct {
	Country string `cbor:"country" json:"country"`
	Label   string `cbor:"label" json:"label"`
	Locode  string `cbor:"locode,omitempty" json:"locode,omitempty"`
	Lat     string `cbor:"lat,omitempty" json:"lat,omitempty"`
	Lon     string `cbor:"lon,omitempty" json:"lon,omitempty"`
}

var (
	decimalForm  = regexp.MustCompile(`^(0|[1-9][0-9]*)(\.[0-9]+)?$`)
	degreesForm  = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,2})(\.[0-9]{1,5})?$`)
	durationForm = regexp.MustCompile(`^P([1-9][0-9]{0,3}[YMWD]|T[1-9][0-9]{0,3}H)$`)
	locodeForm   = regexp.MustCompile(`^[A-Z]{2}[A-Z2-9]{3}$`)
	cpvForm      = regexp.MustCompile(`^[0-9]{8}$`)
	emailForm    = regexp.MustCompile(`^[A-Za-z0-9.!#$%&'*+/=?^_{|}~-]{1,64}@([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,63}$`)
	webForm      = regexp.MustCompile(`^https?://([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]{2,63}(:[0-9]{1,5})?([/?#][^\s"<>\\^{|}` + "`" + `]*)?$`)
)

// rational is the value of a decimal that decimalForm or degreesForm accepted.
func rational(s string) *big.Rat {
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		panic("dure: internal error: " + s + " passed as a decimal")
	}
	return r
}

// checkDecimal judges the digits of a quantity or an amount.
func (b *binder) checkDecimal(path, s string) bool {
	whole, fraction, _ := strings.Cut(s, ".")
	switch {
	case len(s) > maxDigits+1 || !decimalForm.MatchString(s) || len(whole)+len(fraction) > maxDigits || len(fraction) > maxDecimals:
		b.fault(path, FaultBadFormat, s, "format", "decimal")
	case rational(s).Sign() == 0:
		b.fault(path, FaultOutOfRange, s, "above", "0")
	default:
		return true
	}
	return false
}

// parseDay reads a day that exists in the calendar.
func parseDay(s string) (time.Time, bool) {
	t, err := time.Parse(time.DateOnly, s)
	return t, err == nil && len(s) == len(time.DateOnly)
}

// str takes a field that is text, unchecked; "" when absent or of another type.
func (o *object) str(name string, w want, typ, limit string) (string, bool) {
	v, ok := o.take(name, w, typ, limit)
	if !ok {
		return "", false
	}
	s, ok := v.(string)
	if !ok {
		o.wrong(o.at(name), v, "text")
	}
	return s, ok
}

// line takes one line of text that is in no particular language.
func (o *object) line(name string, w want, maxRunes int) string {
	s, ok := o.str(name, w, "line", "1 to "+itoa(maxRunes)+" characters")
	if ok {
		o.checkString(o.at(name), s, maxRunes, false)
	}
	return s
}

// form takes text of one form, called format in faults.
func (o *object) form(name string, w want, form *regexp.Regexp, format string, maxBytes int) string {
	s, ok := o.str(name, w, format, "")
	if ok && (len(s) > maxBytes || !form.MatchString(s)) {
		o.fault(o.at(name), FaultBadFormat, s, "format", format)
		return ""
	}
	return s
}

// day takes a calendar day; "" when absent or faulty.
func (o *object) day(name string, w want) Day {
	s, ok := o.str(name, w, "day", "")
	if !ok {
		return ""
	}
	t, ok := parseDay(s)
	if !ok {
		o.fault(o.at(name), FaultBadFormat, s, "format", "day")
		return ""
	}
	if y := t.Year(); y < minYear || y > maxYear {
		o.fault(o.at(name), FaultOutOfRange, s, "min", itoa(minYear), "max", itoa(maxYear))
		return ""
	}
	return Day(s)
}

// notAfter reports a later day that should not be later than limit, which stands at
// limitPath. Absent or faulty days are judged elsewhere.
func (o *object) notAfter(name string, d Day, limitPath string, limit Day) {
	if d != "" && limit != "" && d > limit {
		o.fault(o.at(name), FaultOrder, string(d), "before", limitPath, "limit", string(limit))
	}
}

// notBefore is the reverse of notAfter.
func (o *object) notBefore(name string, d Day, limitPath string, limit Day) {
	if d != "" && limit != "" && d < limit {
		o.fault(o.at(name), FaultOrder, string(d), "after", limitPath, "limit", string(limit))
	}
}

func (o *object) window(name string, w want) *Window {
	return sub(o, name, w, func(o *object) Window {
		win := Window{From: o.day("from", must), To: o.day("to", needs("not before from, at most 10 years after it"))}
		o.notBefore("to", win.To, o.at("from"), win.From)
		if from, ok := parseDay(string(win.From)); ok {
			o.notAfter("to", win.To, o.at("from"), Day(from.AddDate(maxWindowYears, 0, 0).Format(time.DateOnly)))
		}
		return win
	})
}

// needs is must with a rule for the schema document.
func needs(doc string) want { return want{must: true, doc: doc} }

func (o *object) qty(name string, w want, units List) *Qty {
	return sub(o, name, w, func(o *object) Qty {
		return Qty{Value: o.decimal("value"), Unit: o.code("unit", must, units)}
	})
}

func (o *object) money(name string, w want) *Money {
	return sub(o, name, w, func(o *object) Money {
		return Money{Value: o.decimal("value"), Currency: o.code("currency", must, Currencies)}
	})
}

func (o *object) decimal(name string) string {
	s, ok := o.str(name, must, "decimal", "above 0; at most 18 digits, 6 of them after the point")
	if !ok || !o.checkDecimal(o.at(name), s) {
		return ""
	}
	return s
}

// notMore reports a value above what it is a part of, or one in another unit.
func (o *object) notMore(name, unitField, value, unit, of, ofValue, ofUnit string) {
	switch {
	case unit == "" || ofUnit == "" || value == "" || ofValue == "":
	case unit != ofUnit:
		o.fault(join(o.at(name), unitField), FaultConflict, unit, "with", join(o.at(of), unitField))
	case rational(value).Cmp(rational(ofValue)) > 0:
		o.fault(join(o.at(name), "value"), FaultOutOfRange, value, "max", ofValue)
	}
}

func (o *object) place(name string, w want) *Place {
	return sub(o, name, w, func(o *object) Place {
		p := Place{Country: o.code("country", must, Countries), Label: o.line("label", must, maxLabel)}
		p.Locode = o.form("locode", want{doc: "UN/LOCODE of the same country"}, locodeForm, "locode", 5)
		if p.Locode != "" && p.Country != "" && !strings.HasPrefix(p.Locode, p.Country) {
			o.fault(o.at("locode"), FaultConflict, p.Locode, "with", o.at("country"))
		}
		p.Lat = o.degrees("lat", needed(o.has("lon"), "lon", "", "both or none"), 90)
		p.Lon = o.degrees("lon", needed(o.has("lat"), "lat", "", "both or none"), 180)
		return p
	})
}

func (o *object) degrees(name string, w want, limit int64) string {
	s, ok := o.str(name, w, "degrees", itoa(int(-limit))+" to "+itoa(int(limit))+", at most 5 decimals")
	if !ok {
		return ""
	}
	if len(s) > 5+maxDegrees || !degreesForm.MatchString(s) || s[0] == '-' && rational(s).Sign() == 0 {
		o.fault(o.at(name), FaultBadFormat, s, "format", "degrees")
		return ""
	}
	if new(big.Rat).Abs(rational(s)).Cmp(new(big.Rat).SetInt64(limit)) > 0 {
		o.fault(o.at(name), FaultOutOfRange, s, "min", itoa(int(-limit)), "max", itoa(int(limit)))
		return ""
	}
	return s
}

// Plus is the day that many days later; "" for what is no day.
func (d Day) Plus(days int) Day {
	t, ok := parseDay(string(d))
	if !ok {
		return ""
	}
	return Day(t.AddDate(0, 0, days).Format(time.DateOnly))
}

// DayOf is the day, in UTC, of a claimed time in Unix milliseconds.
func DayOf(ms int64) Day { return Day(time.UnixMilli(ms).UTC().Format(time.DateOnly)) }

// PlusMonths is the day that many months later, as the calendar has it; "" for what is no day.
func (d Day) PlusMonths(months int) Day {
	t, ok := parseDay(string(d))
	if !ok {
		return ""
	}
	return Day(t.AddDate(0, months, 0).Format(time.DateOnly))
}
