package record

import (
	"slices"
	"testing"

	"github.com/dure-net/dure/protocol"
)

// None of the numbers is anybody's: check digits were computed for made-up digits, or
// are those of the authorities' own published examples.
func TestFindPersonal_Patterns(t *testing.T) {
	for _, c := range []struct {
		text string
		want []PersonalCode
	}{
		{"Write to someone@gmail.com before May.", []PersonalCode{PersonalEmail}},
		{"문의: 010-1234-5678", []PersonalCode{PersonalPhone}},
		{"Call +82 2 1234 5678 or (02) 123 45 67 89", []PersonalCode{PersonalPhone, PersonalPhone}},
		{"Tél. 01 23 45 67 89, +33 (0)1 23 45 67 89", []PersonalCode{PersonalPhone, PersonalPhone}},
		{"주민등록번호 900101-1234567", []PersonalCode{PersonalNational}},
		{"991399-1234567 is no date", nil},
		{"NIR 2 55 08 14 168 025 38", []PersonalCode{PersonalNational}},
		{"NIR 2 55 08 14 168 025 39", []PersonalCode{PersonalPhone}}, // the key is wrong; some of it could be dialled
		{"DNI 12345678Z", []PersonalCode{PersonalNational}},
		{"lot 12345678A", nil},
		{"NIE X1234567L", []PersonalCode{PersonalNational}},
		{"SIN 046-454-286 begins with 0 and is nobody's", []PersonalCode{PersonalPhone}},
		{"SIN 130-692-544", []PersonalCode{PersonalNational}},
		{"CPF 529.982.247-25", []PersonalCode{PersonalNational}},
		{"CPF 111.111.111-11", nil},
		{"IBAN FR14 2004 1010 0505 0001 3M02 606", []PersonalCode{PersonalAccount}},
		{"IBAN FR15 2004 1010 5505 1001 3M02 606", nil},
		{"From 2027-03-01 to 2027-05-28, 1,200,000 won, 30 places, 2019-2024", nil},
		{"01.03.2027 - 05.04.2027", nil},
		{"ISO 8601, article 12, 24/7, 100 % of 0.75, room 0123", nil},
		{"서울특별시 중구 세종대로 110, 04524", nil},
	} {
		r, faults := change(t, protocol.KindRequest, "body", map[string]any{"en": c.text})
		if len(faults) > 0 {
			t.Fatalf("%q: %v", c.text, faults)
		}
		var got []PersonalCode
		for _, p := range FindPersonal(r) {
			if p.Field != "body.en" || p.Found == "" {
				t.Errorf("%q: %+v", c.text, p)
			}
			got = append(got, p.Code)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%q: got %v, want %v; %+v", c.text, got, c.want, FindPersonal(r))
		}
	}
}

// An office's address is what a profile asks for; a private provider's is not.
func TestFindPersonal_OfficeContacts(t *testing.T) {
	r, _ := change(t, protocol.KindProfile, "contact/email", "sse@seoul.example")
	if found := FindPersonal(r); len(found) != 0 {
		t.Errorf("an office address: %+v", found)
	}
	r, _ = change(t, protocol.KindProfile, "contact/email", "somebody@naver.com")
	if found := FindPersonal(r); len(found) != 1 || found[0].Field != "contact.email" {
		t.Errorf("a private address: %+v", found)
	}
}

// The sample records name offices and places, and nobody.
func TestFindPersonal_SampleRecordsHaveNone(t *testing.T) {
	for _, raw := range sampleBodies(t) {
		r, err := ParseAny(raw, anyRef)
		if err != nil {
			t.Fatal(err)
		}
		if found := FindPersonal(r); len(found) > 0 {
			t.Errorf("%.80s: %+v", raw, found)
		}
	}
}

func FuzzFindPersonal(f *testing.F) {
	f.Add("+82 10-1234-5678 X1234567L")
	f.Fuzz(func(t *testing.T, text string) {
		var out []Personal
		lookText(&out, "body.en", text)
		lookText(&out, "contact.email", text)
	})
}
