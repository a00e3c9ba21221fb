package sample_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dure-net/dure/node/sample"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

func TestMembers_OwnEveryRecord(t *testing.T) {
	members := map[string]sample.Member{}
	for _, m := range sample.Members() {
		members[m.Handle] = m
		if err := protocol.CheckHandle(m.Handle); err != nil {
			t.Errorf("handle %q: %v", m.Handle, err)
		}
		if m.Names["ko"] == "" || m.Names["en"] == "" || m.Place == "" || !record.Has(record.Countries, m.Country) || !record.Has(record.MemberKinds, m.Kind) {
			t.Errorf("%s is incomplete: %+v", m.Handle, m)
		}
		if (m.Kind == "organisation") != (m.OrgType != "") || m.OrgType != "" && !record.Has(record.OrgTypes, m.OrgType) {
			t.Errorf("%s: kind %q with org_type %q", m.Handle, m.Kind, m.OrgType)
		}
	}
	if len(members) != 20 {
		t.Errorf("got %d members, want 20", len(members))
	}
	for _, m := range members {
		if m.City != "" && (m.Kind != "organisation" || members[m.City].Kind != "city" || members[m.City].Place != m.Place) {
			t.Errorf("%s has the city %q", m.Handle, m.City)
		}
	}
	if members["kr-sen"].City != "kr-seoul" || members["ca-chantier"].City != "ca-montreal" {
		t.Error("organisations of Seoul and Montréal have lost their city")
	}
	owners := map[string]bool{}
	for _, r := range sample.Records() {
		owners[r.Member] = true
		if _, ok := members[r.Member]; !ok {
			t.Errorf("%s belongs to %q, which is no member", r.Ref, r.Member)
		}
		var body struct{ Partners []string }
		if err := json.Unmarshal(r.JSON, &body); err != nil {
			t.Fatal(err)
		}
		for _, p := range body.Partners {
			if _, ok := members[p]; !ok {
				t.Errorf("%s names the partner %q, which is no member", r.Ref, p)
			}
		}
	}
	if len(owners) != len(members) {
		t.Errorf("%d of %d members own records", len(owners), len(members))
	}
}

// publish resolves the records in order, as a demonstration would, and parses each.
func publish(t *testing.T, days int) []record.Record {
	t.Helper()
	ids := map[string]string{}
	var out []record.Record
	for _, r := range sample.Records() {
		if days != 0 {
			r = r.Shift(days)
		}
		for _, ref := range r.Refs() {
			if ids[ref] == "" {
				t.Fatalf("%s names %s, which comes later or never", r.Ref, ref)
			}
		}
		resolved, err := r.Resolve(ids)
		if err != nil {
			t.Fatal(err)
		}
		kind, ok := protocol.ParseKind(r.Type)
		if !ok {
			t.Fatalf("%s has the type %q", r.Ref, r.Type)
		}
		rec, err := record.Parse(kind, resolved.JSON)
		if err != nil {
			t.Fatalf("%s shifted by %d days: %v", r.Ref, days, err)
		}
		body, err := record.Encode(protocol.Salt{}, rec)
		if err != nil {
			t.Fatal(err)
		}
		ids[r.Ref] = protocol.Sum(body).String()
		out = append(out, rec)
	}
	return out
}

func TestRecords_Validate(t *testing.T) {
	byType := map[string]int{}
	for _, rec := range publish(t, 0) {
		byType[rec.Kind().String()]++
	}
	if diff := cmp.Diff(map[string]int{"project": 8, "offer": 13, "request": 13, "experience": 6}, byType); diff != "" {
		t.Error(diff)
	}
}

func TestRecord_ShiftKeepsValidity(t *testing.T) {
	// A leap day on either side, a year, most of a decade, and every day of a month.
	days := []int{-3660, -1461, -366, -365, 365, 366, 1461, 3660, 9999}
	for d := -31; d <= 31; d += 2 {
		days = append(days, d)
	}
	for _, d := range days {
		publish(t, d)
	}
}

func TestRecord_ShiftMovesEveryDate(t *testing.T) {
	n, err := sample.DaysTo("2027-01-15")
	if err != nil || n != 31 {
		t.Fatalf("got %d days, %v", n, err)
	}
	if n, err := sample.DaysTo(sample.Anchor); n != 0 || err != nil {
		t.Errorf("the anchor is %d days from itself, %v", n, err)
	}
	if _, err := sample.DaysTo("2027-02-30"); protocol.ReasonOf(err) != protocol.ReasonUsage {
		t.Errorf("a day that does not exist: %v", err)
	}
	before := publish(t, 0)
	for i, after := range publish(t, 31) {
		b, a := before[i].Head(), after.Head()
		for name, pair := range map[string][2]record.Day{"from": {b.From, a.From}, "to": {b.To, a.To}, "valid_until": {b.ValidUntil, a.ValidUntil}} {
			if pair[0] == "" {
				continue
			}
			from, err1 := sample.DaysTo(string(pair[0]))
			to, err2 := sample.DaysTo(string(pair[1]))
			if err1 != nil || err2 != nil || to-from != 31 {
				t.Errorf("record %d: %s went from %s to %s", i, name, pair[0], pair[1])
			}
		}
	}
	for _, r := range sample.Records() {
		if diff := cmp.Diff(string(r.Shift(0).JSON), string(r.Shift(31).Shift(-31).JSON)); diff != "" {
			t.Errorf("%s there and back:\n%s", r.Ref, diff)
		}
	}
}

func TestRecord_ResolveNamesWhatIsMissing(t *testing.T) {
	for _, r := range sample.Records() {
		if len(r.Refs()) == 0 {
			continue
		}
		_, err := r.Resolve(nil)
		if protocol.ReasonOf(err) != protocol.ReasonNotFound {
			t.Errorf("%s without ids: %v", r.Ref, err)
		}
		return
	}
	t.Fatal("no record names another")
}

func TestAbout_InFourLanguages(t *testing.T) {
	about := sample.About()
	for _, lang := range []string{"ko", "en", "fr", "es"} {
		if strings.TrimSpace(about[lang]) == "" {
			t.Errorf("nothing in %s", lang)
		}
	}
}
