package index

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dure-net/dure/protocol"
)

func TestView_Content(t *testing.T) {
	w := newWorld(t)
	seoul := w.writer("kr-seoul")
	project := protocol.Sum([]byte("project"))
	first := seoul.write(w.body(protocol.Header{Kind: protocol.KindNotice, Number: 1}, notice("첫 공지")))
	later := notice("고친 공지")
	seoul.write(w.body(protocol.Header{Kind: protocol.KindNotice, Of: first.ID(), Refs: []protocol.CID{first.ID()}}, later))
	x := w.index()
	v, err := x.View(mustRow(t, x, "kr-seoul-1"))
	if err != nil {
		t.Fatal(err)
	}
	if v.State != StatePublished || v.Lang != "ko" || v.Head.Title["ko"] != "고친 공지" || v.Revisions != 1 || v.Faults != nil || v.Reason != nil {
		t.Errorf("got %+v", v)
	}
	if v.Body != seoul.entries[2].Header().Body || !v.Time.Equal(time.UnixMilli(2)) {
		t.Errorf("body %v, time %v", v.Body, v.Time)
	}
	want := map[string]any{"type": "notice", "lang": "ko", "title": map[string]any{"ko": "고친 공지"}, "body": map[string]any{"ko": "본문"}, "category": "news", "valid_until": "2027-12-31"}
	if diff := cmp.Diff(want, v.Content); diff != "" {
		t.Error(diff)
	}

	// Fields that only newer nodes know are shown too, as JSON can hold them.
	newer := map[string]any{"type": "notice", "lang": "ko", "title": map[string]string{"ko": "제목"}, "body": map[string]string{"ko": "본문"}, "category": "news", "valid_until": "2027-12-31",
		"x_link": project, "x_bytes": []byte{0xff, 0}, "x_list": []any{project, int64(-5), uint64(7), map[string]any{"deep": []byte{1}}}}
	seoul.write(w.body(protocol.Header{Kind: protocol.KindNotice, Number: 2}, newer))
	x = w.index()
	if v, err = x.View(mustRow(t, x, "kr-seoul-2")); err != nil || v.State != StatePublished {
		t.Fatalf("%+v, %v", v, err)
	}
	got, err := json.Marshal(v.Content)
	if err != nil {
		t.Fatal(err)
	}
	if s := `{"body":{"ko":"본문"},"category":"news","lang":"ko","title":{"ko":"제목"},"type":"notice","valid_until":"2027-12-31","x_bytes":"/wA=","x_link":"` + project.String() +
		`","x_list":["` + project.String() + `",-5,7,{"deep":"AQ=="}]}`; string(got) != s {
		t.Errorf("got  %s\nwant %s", got, s)
	}
}

func TestView_States(t *testing.T) {
	w := newWorld(t)
	seoul := w.writer("kr-seoul")
	reason := map[string]any{"type": "withdraw", "lang": "ko", "reason": map[string]string{"ko": "계획이 바뀜"}}
	cases := []struct {
		want    State
		content bool
		reason  string
		faults  bool
		write   func(number uint64) protocol.Entry
		then    func(e protocol.Entry)
	}{
		{want: StatePublished, content: true},
		{want: StateWanted, then: func(e protocol.Entry) { w.errs[e.ID()] = protocol.Fail(protocol.ReasonWanted, "read body", nil) }},
		{want: StateWanted, then: func(e protocol.Entry) { w.errs[e.ID()] = protocol.Fail(protocol.ReasonDamaged, "read body", nil) }},
		{want: StateErased, then: func(e protocol.Entry) { w.errs[e.ID()] = protocol.Fail(protocol.ReasonErased, "read body", nil) }},
		{want: StateErased, then: func(e protocol.Entry) { seoul.erase(e) }}, // the bytes still lie there
		{want: StateErased, then: func(e protocol.Entry) { seoul.withdraw(e); seoul.erase(e) }},
		{want: StateWithdrawn, content: true, then: func(e protocol.Entry) { seoul.withdraw(e) }},
		{want: StateWithdrawn, content: true, reason: "계획이 바뀜", then: func(e protocol.Entry) {
			seoul.write(w.body(protocol.Header{Kind: protocol.KindWithdraw, Of: e.ID()}, reason))
		}},
		{want: StateWithdrawn, then: func(e protocol.Entry) {
			wd := seoul.write(w.body(protocol.Header{Kind: protocol.KindWithdraw, Of: e.ID()}, reason))
			for _, id := range []protocol.EntryID{e.ID(), wd.ID()} {
				w.errs[id] = protocol.Fail(protocol.ReasonWanted, "read body", nil)
			}
		}},
		{want: StateWithdrawn, content: true, then: func(e protocol.Entry) {
			wd := seoul.write(protocol.Header{Kind: protocol.KindWithdraw, Of: e.ID(), Body: protocol.Sum([]byte("bad")), Size: 3})
			w.bodies[wd.Header().Body] = []byte("bad")
		}},
		{want: StateInvalid, write: func(n uint64) protocol.Entry {
			return seoul.write(protocol.Header{Kind: protocol.KindNotice, Number: n})
		}},
		{want: StateInvalid, faults: true, write: func(n uint64) protocol.Entry {
			return seoul.write(w.body(protocol.Header{Kind: protocol.KindNotice, Number: n}, map[string]any{"type": "notice", "lang": "ko"}))
		}},
		{want: StateInvalid, faults: true, write: func(n uint64) protocol.Entry {
			return seoul.write(w.body(protocol.Header{Kind: protocol.KindOffer, Number: n}, notice("공지")))
		}},
		{want: StateInvalid, write: func(n uint64) protocol.Entry {
			w.bodies[protocol.Sum([]byte("junk"))] = []byte("junk")
			return seoul.write(protocol.Header{Kind: protocol.KindNotice, Number: n, Body: protocol.Sum([]byte("junk")), Size: 4})
		}},
	}
	for i, c := range cases {
		if c.write == nil {
			c.write = func(n uint64) protocol.Entry {
				return seoul.write(w.body(protocol.Header{Kind: protocol.KindNotice, Number: n}, notice("공지")))
			}
		}
		e := c.write(uint64(i + 1))
		if c.then != nil {
			c.then(e)
		}
		x := w.index()
		row, ok := x.Record(e.ID())
		if !ok {
			t.Fatal("the record is not there")
		}
		v, err := x.View(row)
		if err != nil {
			t.Errorf("case %d: %v", i, err)
			continue
		}
		if v.State != c.want || (v.Content != nil) != c.content || v.Reason["ko"] != c.reason || (len(v.Faults) > 0) != c.faults || (v.Lang == "ko") != c.content {
			t.Errorf("case %d: got %+v", i, v)
		}
	}
}

func TestView_SourceFails(t *testing.T) {
	w := newWorld(t)
	seoul := w.writer("kr-seoul")
	e := seoul.write(w.body(protocol.Header{Kind: protocol.KindNotice, Number: 1}, notice("공지")))
	x := w.index()
	row := mustRow(t, x, "kr-seoul-1")
	broken := errors.New("disk gone")
	w.errs[e.ID()] = broken
	if _, err := x.View(row); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	delete(w.errs, e.ID())
	for _, reason := range []protocol.Reason{protocol.ReasonDamaged, protocol.ReasonInternal} {
		w.broken = protocol.Fail(reason, "read entry", nil)
		v, err := x.View(row)
		if reason == protocol.ReasonDamaged && (err != nil || v.State != StateWanted || v.Content != nil || v.Row != row) {
			t.Errorf("a damaged entry: %+v, %v", v, err)
		}
		if reason == protocol.ReasonInternal && protocol.ReasonOf(err) != reason {
			t.Errorf("got %v", err)
		}
	}
}
