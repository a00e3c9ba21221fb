package protocol

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"
)

func spec(t *testing.T) string {
	t.Helper()
	raw, err := os.ReadFile("SPEC.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// SPEC.md names every limit, reason, kind, tag and vector file that there is.
func TestSpec_NamesEverything(t *testing.T) {
	text := spec(t)
	want := []string{tagEntry, tagStatement, tagCard, tagApplyRoot, tagApplySeed, tagHealth, "dure/answer/1\x00"}
	for i := range want {
		want[i] = "`" + strings.TrimSuffix(want[i], "\x00") + "`"
	}
	file, err := parser.ParseFile(token.NewFileSet(), "limits.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok {
			for _, name := range v.Names {
				want = append(want, "`"+name.Name+"`")
			}
		}
		return true
	})
	for _, name := range []string{"MaxAsk", "MaxLines", "MaxFollow", "MaxHealthBytes", "RangePrintBytes", "MaxChunksAsked"} {
		want = append(want, "`"+name+"`")
	}
	for _, r := range Reasons() {
		if r != ReasonNone && r < ReasonPortInUse {
			want = append(want, "`"+r.String()+"`")
		}
	}
	for k := range kindNames {
		want = append(want, "`"+k.String()+"`")
	}
	files, err := os.ReadDir("testdata/vectors")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		want = append(want, "`"+f.Name()+"`")
	}
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("SPEC.md does not name %s", w)
		}
	}
}

// The byte counts that SPEC.md gives as examples are those of the frames.
func TestSpec_ByteCounts(t *testing.T) {
	text := spec(t)
	next := uint64(1) << 61
	feed := Sum([]byte("a feed"))
	line := Standing{Feed: feed, Count: 500, Head: Sum([]byte("its head"))}.ToLine()
	for _, c := range []struct {
		frame any
		row   string
		bytes int
	}{
		{&Hello{}, "Hello of a stranger", 38},
		{&Hello{Since: next}, "Hello to a node met before", 49},
		{&Offer{Next: next}, "Offer, roots equal", 13},
		{&Offer{Next: next, Differ: true, Lines: []Line{line}}, "Offer of one line", 97},
		{&Ask{Runs: []RunAsk{{Feed: line.Feed, From: 499}}}, "Ask for one run", 47},
		{&Sent{End: true}, "Sent, the end", 5},
	} {
		var b bytes.Buffer
		if err := WriteFrame(&b, c.frame); err != nil {
			t.Fatal(err)
		}
		if b.Len() != c.bytes {
			t.Errorf("%s: %d bytes, want %d", c.row, b.Len(), c.bytes)
		}
		if row := "| " + c.row + " | "; !strings.Contains(text, row+strconv.Itoa(c.bytes)+" |") {
			t.Errorf("SPEC.md does not say %q %d", c.row, c.bytes)
		}
	}
}
