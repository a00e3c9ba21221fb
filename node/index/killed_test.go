package index

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dure-net/dure/protocol"
)

// chronicle is what two members with two nodes each wrote: records with words, revised,
// withdrawn, erased, written at once on two nodes. The same seed gives the same entries.
func chronicle(t testing.TB, seed uint64, n int) *world {
	w := newWorld(t)
	rng := rand.New(rand.NewPCG(seed, 13))
	for _, handle := range []string{"kr-seoul", "kr-seoul", "fr-paris", "fr-paris"} {
		w.writer(handle)
	}
	all := sentences(t)
	texts := make([]any, len(all))
	for i, d := range all {
		d.body = all[rng.IntN(len(all))].title + "\n" + all[rng.IntN(len(all))].title
		texts[i] = d.content(t)
	}
	var firsts []protocol.Entry
	for range n {
		f, text := w.feeds[rng.IntN(len(w.feeds))], texts[rng.IntN(len(texts))]
		if len(firsts) == 0 || rng.IntN(3) > 0 {
			firsts = append(firsts, f.write(w.body(protocol.Header{Kind: protocol.KindNotice, Number: uint64(1 + rng.IntN(n))}, text)))
			continue
		}
		of := firsts[rng.IntN(len(firsts))]
		switch rng.IntN(8) {
		case 0:
			f.withdraw(of)
		case 1:
			f.erase(of)
		default:
			f.write(w.body(protocol.Header{Kind: of.Kind(), Of: of.ID(), Refs: []protocol.CID{of.ID()}}, text))
		}
	}
	return w
}

// replies is all that an index says to every question of the tests: the list of all, what
// became of each record, facets, and words from every text there is, in every order.
func replies(t testing.TB, x *Index) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(answers(t, x))
	asked := []Query{{Sort: SortClosing}, {Member: "kr-seoul"}, {Where: []Condition{{FacetState, []string{"erased"}}}},
		{Types: []string{"notice"}, Where: []Condition{{FacetLang, []string{"ko", "en"}}, {FacetCategory, []string{"news"}}}}}
	for i, d := range sentences(t) {
		words := []rune(d.title)
		q := Query{Text: string(words[i%4 : min(i%4+6, len(words))])}
		if i%3 == 0 {
			q.Where = []Condition{{FacetMember, []string{"fr-paris"}}}
		}
		if i%5 == 0 {
			q.Sort = SortRelevance
		}
		asked = append(asked, q)
	}
	for _, q := range asked {
		p, err := x.Page(q)
		q.Sort = ""
		f, ferr := x.Facets(q)
		fmt.Fprintf(&b, "%+v: %+v %v %+v %v\n", q, p, err, f, ferr)
	}
	return b.String()
}

// The child of TestFollower_Killed: builds an index of most of what was written, or goes
// on with one, and then takes in the rest one by one, telling how far it is.
func followUntilKilled(t *testing.T, dir string, w *world) {
	items := w.items()
	l := w.log(items[:len(items)*4/5])
	x, err := Open(Config{Dir: dir, Source: w, unsealed: true})
	if err != nil {
		t.Fatal(err)
	}
	f := NewFollower(x, l, l.folds, "origin")
	if _, applied, _, err := x.followed(); err != nil {
		t.Fatal(err)
	} else if applied > l.Newest() {
		l = w.log(items[:applied])
		f = NewFollower(x, l, l.folds, "origin")
	}
	go func() { _ = f.Run(context.Background()) }()
	f.Unsettle()
	for {
		at := f.Progress()
		fmt.Println("at", at.Applied, at.Due)
		if next := l.Newest() + 1; at.Applied+1 >= next && at.Due == 0 {
			if next > uint64(len(items)) {
				break
			}
			l.append(items[next-1])
		}
		f.Await(context.Background(), at.Applied+1, 5*time.Millisecond)
	}
	fmt.Println("whole")
	select {} // until it is killed
}

// A process that is killed at any moment of building an index, or of taking in what comes,
// leaves one that goes on where it was: nothing that was told is missing, nothing is told
// twice, and every answer is that of an index built at once. DURE_KILLS says how often.
func TestFollower_Killed(t *testing.T) {
	const killed = "DURE_TEST_INDEX_KILLED"
	w := chronicle(t, 4, 4500) // more than putOffBeyond
	if dir := os.Getenv(killed); dir != "" {
		followUntilKilled(t, dir, w)
	}
	kills := 5
	if n, err := strconv.Atoi(os.Getenv("DURE_KILLS")); err == nil && n > 0 {
		kills = n
	}
	l := w.log(w.items())
	want := ""
	followed(t, t.TempDir(), l, func(x *Index, f *Follower) {
		whole(t, l, f)
		want = replies(t, x)
	})
	rng := rand.New(rand.NewPCG(1, uint64(time.Now().UnixNano())))
	stages := map[string]int{}
	for dir, left := t.TempDir(), 0; kills > 0; kills-- {
		if left == 0 {
			dir, left = t.TempDir(), 1+rng.IntN(4)
		}
		left--
		told, stage := killedOnce(t, killed+"="+dir, rng)
		stages[stage]++
		if kills > 1 && left > 0 && rng.IntN(2) == 0 {
			continue // and killed again before anybody looks
		}
		followed(t, dir, l, func(x *Index, f *Follower) {
			_, applied, _, err := x.followed()
			if err != nil || applied < told || applied > l.Newest() {
				t.Fatalf("the index goes on at %d of %d, and was at %d: %v", applied, l.Newest(), told, err)
			}
			whole(t, l, f)
			if got := replies(t, x); got != want {
				t.Fatalf("killed while %s, at %d: got\n%s\nwant\n%s", stage, told, got, want)
			}
		})
		left = 0
	}
	t.Logf("killed %v", stages)
}

// killedOnce runs the child, and kills it after it has come some way, or none.
func killedOnce(t *testing.T, env string, rng *rand.Rand) (told uint64, stage string) {
	t.Helper()
	c := exec.Command(os.Args[0], "-test.run=^TestFollower_Killed$")
	c.Env = append(os.Environ(), env)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	after := rng.IntN(60)
	if rng.IntN(2) == 0 {
		after = rng.IntN(6)
	}
	stage = "opening it"
	read := func() {
		var due int
		if n, _ := fmt.Sscanf(lines.Text(), "at %d %d", &told, &due); n == 2 {
			stage = "taking in what comes"
			if due > 0 || told == 0 {
				stage = "building it"
			}
		}
	}
	for range after {
		if !lines.Scan() || lines.Text() == "whole" {
			break
		}
		read()
	}
	time.Sleep(time.Duration(rng.IntN(3000)) * time.Microsecond)
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
		read()
	}
	_ = c.Wait() // it was killed
	return told, stage
}
