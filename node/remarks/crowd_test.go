package remarks

import (
	"testing"

	"github.com/dure-net/dure/node/index"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record/remark"
)

// One member that remarks without end crowds out nobody, and itself only in that kind.
func TestBounded_WhatOneMemberWritesInMasses(t *testing.T) {
	var places []index.Place
	for seq := range uint64(3 * remark.MaxSaid) {
		places = append(places, index.Place{Member: "xx-loud", Kind: protocol.KindEndorsement, FeedSeq: seq})
	}
	places = append(places, index.Place{Member: "xx-loud", Kind: protocol.KindFlag}, index.Place{Member: "kr-seoul", Kind: protocol.KindEndorsement})
	got := bounded(places)
	if len(got) != remark.MaxSaid+2 {
		t.Fatalf("%d are read, want %d", len(got), remark.MaxSaid+2)
	}
	if last := got[remark.MaxSaid-1]; last.Member != "xx-loud" || last.FeedSeq != remark.MaxSaid-1 {
		t.Errorf("the first ones are not kept: %+v", last)
	}
	if got[remark.MaxSaid].Kind != protocol.KindFlag || got[remark.MaxSaid+1].Member != "kr-seoul" {
		t.Errorf("another kind, or another member's, was crowded out: %+v", got[remark.MaxSaid:])
	}
}

// A page of a listing for chosen members offers no form whose words everybody would read.
func TestMay_NothingAboutWhatIsForChosenMembers(t *testing.T) {
	if may := (Room{}).May(index.Row{Kind: protocol.KindSealed, Member: "kr-seoul"}, remark.View{}, "ca-montreal"); len(may) != 0 {
		t.Errorf("it may say %v", may)
	}
}
