package charter

import (
	"testing"

	"github.com/dure-net/dure/protocol"
)

// What an entry says by office is judged by the act that its header names.
func TestHeld_AsOfTheActThatIsNamed(t *testing.T) {
	w := newWorld(t, 3, nil)
	const office = protocol.OfficeSecretariat
	founding := w.state().Act()
	w.enact(Change{What: ChangeAppoint, Office: office, Member: "city-b"})
	given := w.state().Act()
	w.enact(Change{What: ChangeSuspend, Member: "city-b"})
	suspended := w.state().Act()
	w.enact(Change{What: ChangeReinstate, Member: "city-b"})
	w.enact(Change{What: ChangeEndOffice, Office: office, Member: "city-b"})
	ended := w.state().Act()
	s := w.state()
	for _, c := range []struct {
		name   string
		at     protocol.ActRef
		handle string
		want   bool
	}{
		{"before it was given", founding, "city-b", false},
		{"since it was given", given, "city-b", true},
		{"somebody else", given, "city-a", false},
		{"nobody", given, "city-x", false},
		{"suspended", suspended, "city-b", false},
		{"ended", ended, "city-b", false},
		{"an act that is not here", protocol.ActRef{Number: 9, ID: protocol.Sum([]byte("x"))}, "city-b", false},
		{"another act of that number", protocol.ActRef{Number: given.Number, ID: protocol.Sum([]byte("x"))}, "city-b", false},
		{"another founding act", protocol.ActRef{ID: protocol.Sum([]byte("x"))}, "city-b", false},
	} {
		if got := s.Held(c.at, office, c.handle); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	if !s.Held(founding, protocol.OfficeSteering, "city-a") {
		t.Error("offices of the founding act count from it on")
	}
}

func TestUnflag_ByAct(t *testing.T) {
	w := newWorld(t, 3, nil)
	record := protocol.Sum([]byte("record"))
	before := w.state().Digest()
	w.enact(Change{What: ChangeUnflag, Entry: record, Why: protocol.Text{"en": "It is a fair offer."}})
	w.enact(Change{What: ChangeUnflag, Entry: record}) // flagged again meanwhile
	got := w.state().Unflaggings()
	if len(got) != 2 || got[0].Entry != record || got[0].Act.Number != 1 || got[0].Why["en"] == "" || got[1].Act.Number != 2 {
		t.Errorf("got %+v", got)
	}
	if w.state().Digest() == before {
		t.Error("the state's digest does not show it")
	}
	if _, err := NewDecision(w.state(), Draft{By: ByElectors, Title: title("x"), Changes: []Change{{What: ChangeUnflag, Member: "city-a"}}}); err == nil {
		t.Error("a record is named, never a member")
	}
}
