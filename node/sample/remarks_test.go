package sample

import (
	"slices"
	"testing"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
	"github.com/dure-net/dure/protocol/record/remark"
)

// Every remark is what a member may say about a record of another one, or reply on its own.
func TestRemarks(t *testing.T) {
	said := map[string]Remark{}
	for _, r := range Remarks() {
		i := slices.IndexFunc(Records(), func(one Record) bool { return one.Ref == r.About })
		kind, ok := protocol.ParseKind(r.Type)
		if i < 0 || !ok {
			t.Fatalf("%s is about %q, of type %q", r.Ref, r.About, r.Type)
		}
		about := Records()[i]
		on, _ := protocol.ParseKind(about.Type)
		if own := about.Member == r.Member; own != (r.Answers != "") || !remark.Fits(kind, on, "") || r.Answers != "" && said[r.Answers].About != r.About {
			t.Errorf("%s of %s does not fit %s of %s", r.Ref, r.Member, about.Ref, about.Member)
		}
		if kind != protocol.KindTranslation { // it lacks the version that it is of
			if _, err := record.ParseWith(kind, r.JSON, func(string) (protocol.RecordID, bool) { return protocol.RecordID{}, false }); err != nil {
				t.Errorf("%s: %v", r.Ref, err)
			}
		}
		said[r.Ref] = r
	}
	if len(said) < 5 {
		t.Errorf("%d remarks", len(said))
	}
}
