package record

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/currency"
	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"
)

// Every code of every own list has a label in each of the four languages, and no two
// codes of a list share one.
func TestLabel_EveryCodeInFourLanguages(t *testing.T) {
	for list, rows := range tables {
		for _, lang := range LabelLanguages() {
			seen := map[string]string{}
			for _, c := range rows {
				label := Label(list, c.id, lang)
				if strings.TrimSpace(label) == "" || strings.TrimSpace(label) != label || !norm.NFC.IsNormalString(label) {
					t.Errorf("%s %s in %s: %q", list, c.id, lang, label)
				}
				if other, twice := seen[label]; twice {
					t.Errorf("%s in %s: %s and %s are both %q", list, lang, c.id, other, label)
				}
				seen[label] = c.id
			}
		}
	}
	for _, c := range skillNames {
		for _, lang := range LabelLanguages() {
			if c.label(lang) == "" {
				t.Errorf("skill %s has no label in %s", c.id, lang)
			}
		}
		if len(c.id) == 4 && !Has(Skills, c.id) {
			t.Errorf("a label for %s, which is no unit group", c.id)
		}
	}
	// Korean labels are Korean: an untranslated copy of the English one shows here.
	for list, rows := range tables {
		for _, c := range rows {
			if c.ko == c.en {
				t.Errorf("%s %s: the Korean label is the English one", list, c.id)
			}
		}
	}
}

func TestLabel_FallsBack(t *testing.T) {
	for _, c := range []struct {
		list           List
		id, lang, want string
	}{
		{Themes, "care", "ko-KR", "돌봄"},
		{Themes, "care", "fr-CA", "Soin et accompagnement"},
		{Themes, "care", "eu", "Care"},
		{Skills, "2164", "en", "Town and traffic planners"},
		{Skills, "2111", "en", "Professionals"},
		{Skills, "2357", "en", ""},
		{Skills, "2", "es", "Profesionales científicos e intelectuales"},
		{ModesOf("space"), "desk", "en", "Desk"},
		{ModesOf("finance"), "desk", "en", ""},
		{Themes, "carre", "en", ""},
		{"no_such_list", "care", "en", ""},
		{Skills, "", "en", ""},
	} {
		if got := Label(c.list, c.id, c.lang); got != c.want {
			t.Errorf("%s %s in %s: got %q, want %q", c.list, c.id, c.lang, got, c.want)
		}
	}
}

func TestLists_Sizes(t *testing.T) {
	for list, want := range map[List]int{
		Countries: 249, Skills: 436, Themes: 36, Goods: 22, Units: 24, Modes: 23, SDGs: 17, Sectors: 12, Stakeholders: 12,
		Colleges: 5, NoticeCategories: 8, TransferConditions: 10, ThemeGroups: 6, Licences: 4, ModesOf("personnel"): 8, ModesOf("material"): 4,
		ModesOf("knowledge"): 5, ModesOf("space"): 3, ModesOf("finance"): 3, RecordTypes: 7, RemarkTypes: 11, AdoptionResults: 4, EndorsementWays: 3, FlagReasons: 6,
	} {
		if got := len(Codes(list)); got != want {
			t.Errorf("%s has %d codes, want %d", list, got, want)
		}
	}
	for _, list := range Lists() {
		codes := Codes(list)
		if len(codes) == 0 {
			t.Errorf("%s is empty", list)
		}
		sorted := slices.Clone(codes)
		slices.Sort(sorted)
		if len(slices.Compact(sorted)) != len(codes) {
			t.Errorf("%s has a code twice", list)
		}
		for _, id := range codes {
			if !Has(list, id) {
				t.Errorf("%s does not have its own %q", list, id)
			}
		}
		for _, id := range []string{"", " ", "xx yy", "\n"} {
			if Has(list, id) {
				t.Errorf("%s has %q", list, id)
			}
		}
	}
	for _, theme := range Codes(Themes) {
		if !Has(ThemeGroups, Parent(Themes, theme)) {
			t.Errorf("%s has the parent %q", theme, Parent(Themes, theme))
		}
	}
	for _, mode := range Codes(Modes) {
		if !Has(ExchangeKinds, Parent(Modes, mode)) {
			t.Errorf("%s has the parent %q", mode, Parent(Modes, mode))
		}
	}
	if got, want := strings.Join(Codes(RecordTypes), " "), strings.Join(Types(), " "); got != want {
		t.Errorf("record types %s, kinds %s", got, want)
	}
	if got, want := strings.Join(Codes(RemarkTypes), " "), strings.Join(Remarks(), " "); got != want {
		t.Errorf("remark types %s, kinds %s", got, want)
	}
}

func TestCollege_OfEveryStakeholder(t *testing.T) {
	seen := map[string]int{}
	for _, id := range Codes(Stakeholders) {
		if !Has(Colleges, College(id)) {
			t.Errorf("%s belongs to no college", id)
		}
		seen[College(id)]++
	}
	if len(seen) != len(Codes(Colleges)) || College("king") != "" {
		t.Errorf("got %v", seen)
	}
}

// ISCO-08 has 31, 92, 84, 29, 40, 18, 66, 40, 33 and 3 unit groups in its major groups.
func TestLists_SkillsByMajorGroup(t *testing.T) {
	want := map[byte]int{'0': 3, '1': 31, '2': 92, '3': 84, '4': 29, '5': 40, '6': 18, '7': 66, '8': 40, '9': 33}
	got := map[byte]int{}
	for _, id := range Codes(Skills) {
		got[id[0]]++
	}
	for major, n := range want {
		if got[major] != n {
			t.Errorf("major group %c has %d unit groups, want %d", major, got[major], n)
		}
	}
}

// An independent list of countries and currencies knows every code of ours, except the
// currencies that are newer than it.
func TestLists_AgreeWithCLDR(t *testing.T) {
	for _, id := range Codes(Countries) {
		r, err := language.ParseRegion(id)
		if err != nil || !r.IsCountry() || r.Canonicalize().String() != id {
			t.Errorf("country %s: %v", id, err)
		}
	}
	// The reverse: every region that CLDR calls a country and ISO has assigned is ours.
	reserved := strings.Fields("AC CP CQ DG EA EZ IC TA UN XK AN CS FQ NT PC SU YU") // reserved, user-assigned, withdrawn
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			id := string([]rune{a, b})
			r, err := language.ParseRegion(id)
			if err == nil && r.IsCountry() && r.String() == id && r.Canonicalize().String() == id && !Has(Countries, id) && !slices.Contains(reserved, id) {
				t.Errorf("%s is missing", id)
			}
		}
	}
	newer := strings.Fields("MRU SLE VED VES XCG ZWG") // 2018, 2022, 2021, 2018, 2025, 2024
	for _, id := range Codes(Currencies) {
		if _, err := currency.ParseISO(id); err != nil && !slices.Contains(newer, id) {
			t.Errorf("currency %s: %v", id, err)
		}
	}
}

func TestNearest_FindsWhatWasMeant(t *testing.T) {
	for word, want := range map[string]string{
		"titel": "title", "Title": "title", "valid-until": "valid_until", "workinglanguages": "working_languages",
		"sumary": "summary", "x": "", "": "", "price": "", strings.Repeat("x", 65): "",
	} {
		if got := nearest(word, []string{"title", "summary", "valid_until", "working_languages"}); got != want {
			t.Errorf("%q: got %q, want %q", word, got, want)
		}
	}
}

func TestText_In(t *testing.T) {
	text := Text{"ko": "서울", "fr": "Séoul", "pt-BR": "Seul"}
	for _, c := range []struct {
		prefer    []string
		text, tag string
	}{
		{[]string{"fr"}, "Séoul", "fr"},
		{[]string{"fr-CA"}, "Séoul", "fr"},
		{[]string{"pt"}, "Seul", "pt-BR"},
		{[]string{"de", "fr"}, "Séoul", "fr"},
		{[]string{"de"}, "서울", "ko"},
		{nil, "서울", "ko"},
	} {
		if text, tag := text.In("ko", c.prefer...); text != c.text || tag != c.tag {
			t.Errorf("%v: got %q in %q", c.prefer, text, tag)
		}
	}
	if s, tag := (Text{}).In("ko"); s != "" || tag != "" {
		t.Errorf("an empty text said %q in %q", s, tag)
	}
	if s, tag := (Text{"fr": "a", "en": "b"}).In("ko"); s != "b" || tag != "en" {
		t.Errorf("without the original: %q in %q", s, tag)
	}
}

func TestClean_MakesTextThatPasses(t *testing.T) {
	in := "  \u1112\u1161\u11ab \r\n둘\r셋 "
	if got, want := Clean(in), "한 \n둘\n셋"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestFaultCodes_AreStable(t *testing.T) {
	want := "required not_allowed unknown_field wrong_type bad_json too_large too_deep too_long too_many too_few not_in_list restricted " +
		"duplicate bad_format out_of_range order conflict missing_language not_nfc control_character empty unsupported unknown_record unknown_file differs malformed more"
	var got []string
	for _, c := range FaultCodes() {
		got = append(got, string(c))
	}
	if strings.Join(got, " ") != want {
		t.Errorf("got %s", got)
	}
}
