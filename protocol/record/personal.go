package record

import (
	"maps"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// PersonalCode says what a text seems to hold. Append only.
type PersonalCode string

const (
	PersonalEmail    PersonalCode = "email"        // an e-mail address, or a private one where an office's is expected
	PersonalPhone    PersonalCode = "phone"        // a telephone number
	PersonalNational PersonalCode = "national"     // a number that a state gives to a person
	PersonalPosition PersonalCode = "position"     // a picture that tells where it was taken
	PersonalAccount  PersonalCode = "bank_account" // an international bank account number
)

// Personal is something in a record that looks like data of a private person. It is a
// pattern's guess and no fault: the writer decides. Records are read by every member for
// ever, and what was copied, printed or kept by a member that has left cannot be erased.
type Personal struct {
	Field string       `json:"field"` // path, as of a Fault
	Code  PersonalCode `json:"code"`
	Found string       `json:"found"` // the words in question; for the writer's eyes, never for a log
}

// maxPersonal bounds what is told of one record.
const maxPersonal = 20

// FindPersonal looks through all texts of a record for what should not be published
// openly: e-mail addresses, telephone numbers, national numbers whose check digits are
// right, and bank accounts. Fields that ask for an office's address are searched for
// addresses of providers that serve private persons. The slice is the caller's.
func FindPersonal(r Record) []Personal {
	content, err := generic(r)
	if err != nil {
		return nil
	}
	var out []Personal
	look(&out, "", content)
	return out[:min(len(out), maxPersonal)]
}

func look(out *[]Personal, path string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			inner := name
			if path != "" {
				inner = path + "." + name
			}
			look(out, inner, v[name])
		}
	case []any:
		for i, one := range v {
			look(out, path+"["+strconv.Itoa(i)+"]", one)
		}
	case string:
		lookText(out, path, v)
	}
}

// offices are fields that hold an office's address by their own rules.
var offices = []string{"contact.email", "contact.form", "web"}

func lookText(out *[]Personal, path, text string) {
	found := func(code PersonalCode, what string) {
		*out = append(*out, Personal{path, code, strings.TrimSpace(what)})
	}
	if slices.Contains(offices, path) {
		if _, domain, ok := strings.Cut(text, "@"); ok && slices.Contains(privateProviders, strings.ToLower(domain)) {
			found(PersonalEmail, text)
		}
		return
	}
	for _, m := range emailIn.FindAllString(text, -1) {
		found(PersonalEmail, m)
	}
	for _, n := range nationals {
		for _, m := range n.form.FindAllString(text, -1) {
			if n.right(plainNumber(m)) {
				found(PersonalNational, m)
				text = strings.ReplaceAll(text, m, " ") // it is no telephone number as well
			}
		}
	}
	for _, m := range ibanIn.FindAllString(text, -1) {
		if isIBAN(plainNumber(m)) {
			found(PersonalAccount, m)
			text = strings.ReplaceAll(text, m, " ")
		}
	}
	for _, m := range phoneIn.FindAllString(text, -1) {
		if n := len(digitsOf(m)); n >= 9 && n <= 15 && !dateIn.MatchString(m) {
			found(PersonalPhone, m)
		}
	}
}

// privateProviders are mail services of private persons that members' staff are known
// to use where an office address is missing; others are not recognised.
var privateProviders = []string{
	"gmail.com", "googlemail.com", "yahoo.com", "yahoo.fr", "yahoo.es", "yahoo.co.jp", "hotmail.com", "hotmail.fr", "hotmail.es", "outlook.com",
	"live.com", "icloud.com", "me.com", "naver.com", "hanmail.net", "daum.net", "kakao.com", "nate.com", "orange.fr", "free.fr", "laposte.net",
	"proton.me", "protonmail.com", "gmx.com", "gmx.net", "web.de", "qq.com", "163.com",
}

var (
	emailIn = regexp.MustCompile(`[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24}`)
	// A number as people write it: it begins with + or 0, or an area in brackets.
	phoneIn = regexp.MustCompile(`(?:\+|\(?\b0)[0-9(][0-9 ().\-/\x{2010}-\x{2015}\x{a0}\x{202f}]{6,22}[0-9]`)
	dateIn  = regexp.MustCompile(`^0?[0-9]{1,2}[./-][0-9]{1,2}[./-](19|20)[0-9]{2}`)
	ibanIn  = regexp.MustCompile(`\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b`)
)

// national is a form of numbers given to persons, with the check that tells them from
// other numbers of the same form.
type national struct {
	form  *regexp.Regexp
	right func(plain string) bool
}

var nationals = []national{
	// Korea, resident registration number: date of birth, and the first digit after it says century and sex.
	// Numbers given since October 2020 have no check digit.
	{regexp.MustCompile(`\b[0-9]{6} ?- ?[1-8][0-9]{6}\b`), func(n string) bool { return isDate(n[2:4], n[4:6]) }},
	// France, numéro d'inscription au répertoire: 13 digits and a key, 97 less the number modulo 97.
	{regexp.MustCompile(`\b[12] ?[0-9]{2} ?[0-9]{2} ?[0-9][0-9AB] ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}\b`), isNIR},
	// Spain, DNI and NIE: a letter computed from the number modulo 23.
	{regexp.MustCompile(`\b[0-9XYZ][0-9]{7} ?-? ?[A-HJ-NP-TV-Z]\b`), isDNI},
	// Canada, social insurance number: Luhn. Written in groups, or any nine digits would do.
	{regexp.MustCompile(`\b[1-9][0-9]{2}[ -][0-9]{3}[ -][0-9]{3}\b`), isLuhn},
	// Italy, codice fiscale.
	{regexp.MustCompile(`\b[A-Z]{6}[0-9]{2}[A-EHLMPRST][0-9]{2}[A-Z][0-9]{3}[A-Z]\b`), func(string) bool { return true }},
	// Mexico, CURP.
	{regexp.MustCompile(`\b[A-Z]{4}[0-9]{6}[HMX][A-Z]{5}[A-Z0-9][0-9]\b`), func(n string) bool { return isDate(n[6:8], n[8:10]) }},
	// Brazil, CPF: two check digits.
	{regexp.MustCompile(`\b[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}\b`), isCPF},
	// Senegal, national identification number: sex, and 12 digits or more, in its usual grouping.
	{regexp.MustCompile(`\b[12] [0-9]{3} [0-9]{4} [0-9]{5}\b`), func(string) bool { return true }},
	// United Kingdom, national insurance number.
	{regexp.MustCompile(`\b[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]\b`), func(string) bool { return true }},
}

// plainNumber leaves digits and letters.
func plainNumber(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' {
			return r
		}
		return -1
	}, s)
}

func digitsOf(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}

func isDate(month, day string) bool {
	m, err1 := strconv.Atoi(month)
	d, err2 := strconv.Atoi(day)
	return err1 == nil && err2 == nil && m >= 1 && m <= 12 && d >= 1 && d <= 31
}

func isNIR(n string) bool {
	// Corsican departments 2A and 2B count as 19 and 18.
	body := strings.NewReplacer("2A", "19", "2B", "18").Replace(n[:13])
	number, err1 := strconv.ParseInt(body, 10, 64)
	key, err2 := strconv.ParseInt(n[13:], 10, 64)
	return err1 == nil && err2 == nil && 97-number%97 == key
}

func isDNI(n string) bool {
	number := strings.NewReplacer("X", "0", "Y", "1", "Z", "2").Replace(n[:1]) + n[1:8]
	v, err := strconv.Atoi(number)
	return err == nil && "TRWAGMYFPDXBNJZSQVHLCKE"[v%23] == n[8]
}

func isLuhn(n string) bool {
	sum := 0
	for i := range len(n) {
		d := int(n[len(n)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

func isCPF(n string) bool {
	check := func(of string) byte {
		sum := 0
		for i := range len(of) {
			sum += int(of[i]-'0') * (len(of) + 1 - i)
		}
		d := sum * 10 % 11 % 10
		return byte('0' + d)
	}
	return check(n[:9]) == n[9] && check(n[:10]) == n[10] && strings.Count(n, n[:1]) != 11
}

// isIBAN checks ISO 13616: the first four characters moved to the end, letters counted
// from 10, modulo 97 is 1.
func isIBAN(n string) bool {
	if len(n) < 15 || len(n) > 34 {
		return false
	}
	var b strings.Builder
	for _, r := range n[4:] + n[:4] {
		if r >= 'A' {
			b.WriteString(strconv.Itoa(int(r-'A') + 10))
		} else {
			b.WriteRune(r)
		}
	}
	v, ok := new(big.Int).SetString(b.String(), 10)
	return ok && new(big.Int).Mod(v, big.NewInt(97)).Int64() == 1
}
