package sheet

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/unicode"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

func label(path string) string { return path }

const table = `number,type,lang,kind,mode,title.ko,title.en,summary.ko,themes,skills,effort.value,effort.unit,window.from,window.to,delivery,working_languages,return,valid_until,safeguards
# 번호,종류,,,,,,,,,,,,,,,,,
,요청,ko,인적 교류,강사,돌봄 강사,"Trainer, care","첫 줄
둘째 줄",돌봄; 교육,2356,10,일,2027. 3. 2.,2027년 5월 28일,원격,한국어; en,무상,2027/2/26,예
kr-seoul-7,request,ko,personnel,trainer,이미,,올림,care,2356,1,DAY,2027-03-02,2027-05-28,remote,ko,gift,2027-02-26,

,request,ko,personnel,trainer,무술,,설명,care,2356,열,DAY,02/03/2027,2027-05-28,remote,ko,gift,2027-02-26,maybe
`

func parsed(t *testing.T, r Row) record.Record {
	t.Helper()
	rec, err := record.Parse(r.Kind, r.JSON)
	if err != nil {
		t.Fatalf("line %d: %v\n%s", r.Line, err, r.JSON)
	}
	return rec
}

func TestRead_CodesWordsAndDays(t *testing.T) {
	got, err := Read([]byte(table), "ko")
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Rows) != 3 {
		t.Fatalf("%d rows", len(got.Rows))
	}
	l := parsed(t, got.Rows[0]).(*record.Listing)
	if l.Exchange != "personnel" || l.Mode != "trainer" || !slices.Equal(l.Themes, []string{"care", "education"}) || l.Effort.Value != "10" || l.Effort.Unit != "DAY" ||
		l.Window.From != "2027-03-02" || l.Window.To != "2027-05-28" || l.ValidUntil != "2027-02-26" || l.Delivery != "remote" ||
		!slices.Equal(l.WorkingLanguages, []string{"ko", "en"}) || !l.Safeguards || l.Summary["ko"] != "첫 줄\n둘째 줄" || l.Title["en"] != "Trainer, care" {
		t.Errorf("%s", got.Rows[0].JSON)
	}
	if got.Rows[0].Line != 3 || got.Rows[1].Number != "kr-seoul-7" {
		t.Errorf("line %d, number %q", got.Rows[0].Line, got.Rows[1].Number)
	}
	// A cell that cannot be read is a fault of its row, and the other rows stand.
	if f := got.Rows[2].Faults; len(f) != 1 || f[0].Field != "safeguards" || got.Rows[2].Line != 7 {
		t.Errorf("faults %+v in line %d", f, got.Rows[2].Line)
	}
}

// What Excel saves in Korea, France and everywhere reads the same.
func TestRead_WhatSpreadsheetsSave(t *testing.T) {
	encode := func(raw []byte, err error) []byte {
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	semicolons := strings.NewReplacer(",", ";", ";", ",").Replace
	short := "number,type,lang,title.ko,summary.ko\r\n,request,ko,소식,설명\r\n"
	western := "number;type;lang;title.fr;summary.fr\r\n;demande;fr;Été à Sète;Œuvre\r\n"
	tabs := strings.ReplaceAll(short, ",", "\t")
	for name, c := range map[string]struct {
		raw  []byte
		lang string
		want string
	}{
		"UTF-8":              {[]byte(short), "ko", "소식"},
		"UTF-8 with a mark":  {[]byte(mark + short), "ko", "소식"},
		"UTF-16 with tabs":   {encode(unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().Bytes([]byte(tabs))), "en", "소식"},
		"Korean code page":   {encode(korean.EUCKR.NewEncoder().Bytes([]byte(short))), "ko", "소식"},
		"Western code page":  {encode(charmap.Windows1252.NewEncoder().Bytes([]byte(western))), "fr", "Été à Sète"},
		"semicolons":         {[]byte(semicolons(short)), "ko", "소식"},
		"decomposed letters": {[]byte("number,type,lang,title.fr\n,offre,fr,E\u0301te\u0301\n"), "fr", "Été"},
	} {
		got, err := Read(c.raw, c.lang)
		if err != nil || len(got.Rows) != 1 {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !bytes.Contains(got.Rows[0].JSON, []byte(c.want)) {
			t.Errorf("%s: %s %v", name, got.Rows[0].JSON, got.Rows[0].Faults)
		}
	}
}

func TestRead_Refusals(t *testing.T) {
	for name, c := range map[string]struct {
		raw  string
		want protocol.Reason
		arg  string
	}{
		"nothing":           {"", protocol.ReasonMalformed, ""},
		"a picture":         {"\x89PNG\r\n\x1a\n\x00\x00", protocol.ReasonMalformed, ""},
		"no type":           {"title.ko\n글\n", protocol.ReasonMalformed, "type"},
		"an unknown column": {"type,titel.ko\nrequest,글\n", protocol.ReasonMalformed, "titel.ko"},
		"too many rows":     {"type\n" + strings.Repeat("request\n", MaxRows+1), protocol.ReasonTooLarge, ""},
		"too large":         {strings.Repeat("x", MaxBytes+1), protocol.ReasonTooLarge, ""},
	} {
		_, err := Read([]byte(c.raw), "en")
		if got := protocol.ReasonOf(err); got != c.want {
			t.Errorf("%s: got %v", name, err)
		}
		if e, ok := err.(*protocol.Error); c.arg != "" && (!ok || e.Args["column"] != c.arg) {
			t.Errorf("%s: got %v, want column %s", name, err, c.arg)
		}
	}
}

// The empty table reads back as one row of its type, with a column for every field that
// a form asks for.
func TestTemplate_ReadsBack(t *testing.T) {
	for _, kind := range []protocol.Kind{protocol.KindOffer, protocol.KindRequest, protocol.KindNotice, protocol.KindProject, protocol.KindExperience} {
		raw, err := Template(kind, []string{"ko", "en"}, ';', label)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(raw, []byte(mark)) {
			t.Error("Excel would take it for another encoding")
		}
		got, err := Read(raw, "ko")
		if err != nil || len(got.Rows) != 1 || got.Rows[0].Kind != kind || len(got.Rows[0].Faults) > 0 {
			t.Fatalf("%s: %v %+v", kind, err, got)
		}
		_, perr := record.Parse(kind, got.Rows[0].JSON)
		for _, f := range record.FaultsOf(perr) {
			if f.Code != record.FaultRequired && f.Code != record.FaultTooFew {
				t.Errorf("%s: an empty row is wrong in %s: %s", kind, f.Field, f.Code)
			}
		}
	}
}

// What was published gets its number, and nothing else of the table changes.
func TestFilled_KeepsTheTable(t *testing.T) {
	first, err := Read([]byte(table), "ko")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := first.Filled(map[int]string{3: "kr-seoul-8"})
	if err != nil {
		t.Fatal(err)
	}
	again, err := Read(raw, "ko")
	if err != nil || len(again.Rows) != 3 {
		t.Fatal(err)
	}
	for i, row := range again.Rows {
		want := first.Rows[i]
		if i == 0 {
			want.Number = "kr-seoul-8"
		}
		if row.Number != want.Number || !bytes.Equal(row.JSON, want.JSON) {
			t.Errorf("row %d: %q %s", i, row.Number, row.JSON)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(table), "ko")
	f.Add([]byte("type\tlang\n"), "fr")
	f.Fuzz(func(t *testing.T, raw []byte, lang string) {
		got, err := Read(raw, lang)
		if err != nil {
			return
		}
		numbers := map[int]string{}
		for _, r := range got.Rows {
			if r.JSON != nil && !json.Valid(r.JSON) {
				t.Errorf("no JSON: %q", r.JSON)
			}
			numbers[r.Line] = "kr-seoul-1"
		}
		_, _ = got.Filled(numbers)
	})
}
