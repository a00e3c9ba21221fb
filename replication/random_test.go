package replication

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
	"github.com/dure-net/dure/replication/mesh/meshtest"
)

// The random scenario: five to nine nodes live for a while, and a few things at a time go
// wrong. When all that can be mended is mended, everybody must hold the same, and the
// witness must have seen no promise broken. To add a fault, add a line to faults.

// fault is one thing that goes wrong. strike makes it so and returns what mends it; nil
// if it could not strike now. Its effect is counted by felt, in strike or later, so that
// a fault that does nothing shows as one.
type fault struct {
	name   string
	strike func(s *story) (mend func())
	effect string // under which it is felt, where that is another name: on the network faults meet
}

// story is one random scenario under way.
type story struct {
	*world
	saved   map[*actor][]*saved
	mends   []func()
	decided map[string]bool // of whom something was decided already
	struck  map[string]bool // the faults that did, by name
}

func nothing() {}

func faults() []fault {
	return []fault{
		{"full partition", func(s *story) func() {
			cut := 1 + s.dice.IntN(len(s.nodes)-1)
			nodes := s.shuffled()
			s.partition(nodes[:cut], nodes[cut:])
			return s.net.Heal
		}, ""},
		{"three-way partition", func(s *story) func() {
			nodes := s.shuffled()
			n := len(nodes)
			s.partition(nodes[:n/3], nodes[n/3:2*n/3], nodes[2*n/3:])
			return s.net.Heal
		}, "full partition"},
		{"some lines cut", func(s *story) func() { // who reaches whom is not transitive
			for range 1 + s.dice.IntN(2*len(s.nodes)) {
				if a, b := s.pick(), s.pick(); a != b {
					s.oneWayLoss(a, b)
					s.oneWayLoss(b, a)
				}
			}
			return s.net.Heal
		}, "cut lines"},
		{"one-way loss", func(s *story) func() {
			for range 1 + s.dice.IntN(len(s.nodes)) {
				if a, b := s.pick(), s.pick(); a != b {
					s.oneWayLoss(a, b)
				}
			}
			return s.net.Heal
		}, "cut lines"},
		{"packet loss", func(s *story) func() {
			s.net.Loss(0.02 + s.dice.Float64()*0.25)
			return func() { s.net.Loss(0) }
		}, ""},
		{"long delays", func(s *story) func() {
			s.net.Latency(50*time.Millisecond, time.Duration(100+s.dice.IntN(700))*time.Millisecond)
			s.felt("long delays", 1)
			return func() { s.net.Latency(5*time.Millisecond, 20*time.Millisecond) }
		}, ""},
		{"packets overtake", func(s *story) func() {
			s.net.Jitter(time.Duration(1+s.dice.IntN(100)) * time.Millisecond)
			return func() { s.net.Jitter(0) }
		}, ""},
		{"packets doubled", func(s *story) func() {
			s.net.Duplicate(s.dice.Float64() * 0.5)
			return func() { s.net.Duplicate(0) }
		}, ""},
		{"narrow line", func(s *story) func() {
			a := s.pick()
			a.slowLink(meshtest.Line{Rate: 32_000 << s.dice.IntN(5), Delay: time.Duration(s.dice.IntN(400)) * time.Millisecond, Loss: s.dice.Float64() * 0.05})
			return func() { a.slowLink(meshtest.Line{}) }
		}, ""},
		{"flapping line", func(s *story) func() {
			a := s.pick()
			for range 3 {
				s.net.Down(a.n)
				s.live(time.Duration(200+s.dice.IntN(1500)) * time.Millisecond)
				s.net.Up(a.n)
				s.live(time.Duration(200+s.dice.IntN(1500)) * time.Millisecond)
			}
			s.felt("flapping line", 3)
			return nothing
		}, ""},
		{"crash while writing", func(s *story) func() {
			a := s.victim()
			if a == nil {
				return nil
			}
			a.slowDisk(time.Duration(s.dice.IntN(20)) * time.Millisecond)
			go a.publishMany(20, "while it dies")
			time.Sleep(time.Duration(s.dice.IntN(100)) * time.Millisecond)
			a.crash()
			a.slowDisk(0)
			s.felt("crash while writing", 1)
			return s.again(a)
		}, ""},
		{"power cut", func(s *story) func() {
			var hit []*actor
			for _, a := range s.honest() {
				if s.dice.IntN(2) == 0 {
					hit = append(hit, a)
					go a.publishMany(5, "as the light goes out")
				}
			}
			time.Sleep(time.Duration(s.dice.IntN(20)) * time.Millisecond)
			s.powerCut(hit...)
			s.felt("power cut", len(hit))
			back := func() {
				for _, a := range hit {
					s.again(a)()
				}
			}
			if len(s.honest()) == 0 { // the whole country
				time.Sleep(time.Duration(s.dice.IntN(60)) * time.Second)
				back()
			}
			return back
		}, ""},
		{"stopped for a while", func(s *story) func() {
			a := s.victim()
			if a == nil {
				return nil
			}
			a.halt()
			s.felt("stopped for a while", 1)
			return s.again(a)
		}, ""},
		{"store put back, mark kept", func(s *story) func() { return s.restored("store put back, mark kept", storeAlone, false, nothing) }, ""},
		{"all files put back", func(s *story) func() { return s.restored("all files put back", allFiles, false, nothing) }, ""},
		{"machine put back", func(s *story) func() { return s.restored("machine put back", wholeMachine, false, nothing) }, ""},
		{"restored from backup", func(s *story) func() { return s.restored("restored from backup", allFiles, true, nothing) }, ""},
		{"restored while alone", func(s *story) func() {
			return s.restored("restored while alone", putBack(s.dice.IntN(2)), s.dice.IntN(2) == 0, func() {
				time.Sleep(time.Duration(s.dice.IntN(20)) * time.Second)
			})
		}, ""},
		{"store emptied", func(s *story) func() {
			a := s.victim()
			if a == nil {
				return nil
			}
			a.halt()
			a.emptied()
			s.felt("store emptied", 1)
			return s.again(a)
		}, ""},
		{"cloned machine", func(s *story) func() {
			a := s.victim()
			if a == nil || len(s.nodes) > 10 {
				return nil
			}
			b := a.clone()
			b.start()
			_, _ = a.tryPublish("by the one")
			_, _ = b.tryPublish("by the other")
			s.felt("cloned machine", 1)
			if s.dice.IntN(2) == 0 {
				return nothing // both go on
			}
			return func() {
				if b.stop != nil {
					time.Sleep(5 * time.Second) // it lets others know what it holds
				}
			}
		}, ""},
		{"clock years ahead", func(s *story) func() { return s.clock("clock years ahead", 1+s.dice.IntN(30)) }, ""},
		{"clock years behind", func(s *story) func() { return s.clock("clock years behind", -1-s.dice.IntN(20)) }, ""},
		{"clock set back and forth", func(s *story) func() {
			a := s.pick()
			for range 4 {
				a.setClock(time.Duration(s.dice.IntN(2000)-1000) * time.Hour)
				s.live(time.Second)
			}
			s.felt("clock set back and forth", 4)
			return nothing
		}, ""},
		{"slow disk", func(s *story) func() {
			a := s.pick()
			a.slowDisk(time.Duration(10+s.dice.IntN(300)) * time.Millisecond)
			s.felt("slow disk", 1)
			return func() { a.slowDisk(0) }
		}, ""},
		{"full disk", func(s *story) func() {
			a := s.victim()
			if a == nil {
				return nil
			}
			a.fullDisk(true)
			if _, err := a.tryPublish("no room"); protocol.ReasonOf(err) == protocol.ReasonReadOnly {
				s.felt("full disk", 1)
			}
			return func() { a.fullDisk(false) }
		}, ""},
		{"burst of records", func(s *story) func() {
			a := s.pick()
			a.publishMany(150, "in a burst")
			s.felt("burst of records", 1)
			return nothing
		}, ""},
		{"record erased", func(s *story) func() {
			if s.pick().tryErase() == nil {
				s.felt("record erased", 1)
			}
			return nothing
		}, ""},
		{"member joins", func(s *story) func() {
			if len(s.nodes) > 9 {
				return nil
			}
			a := s.newcomer()
			a.start()
			return s.decide("member joins", a.handle, admit(*a.facts()))
		}, ""},
		{"member suspended", func(s *story) func() {
			a := s.ordinary()
			if a == nil {
				return nil
			}
			return s.decide("member suspended", a.handle, charter.Change{What: charter.ChangeSuspend, Member: a.handle})
		}, ""},
		{"member removed", func(s *story) func() {
			a := s.ordinary()
			if a == nil || len(s.agreeing()) < 5 {
				return nil
			}
			by := s.honest()[0]
			return s.decide("member removed", a.handle, charter.Change{What: charter.ChangeRemove, Member: a.handle, Stands: by.replica.Feeds().Stands(a.handle, protocol.PublicKey{})})
		}, ""},
		{"rival decisions", func(s *story) func() {
			tabled := 0
			for _, a := range s.honest() {
				if s.dice.IntN(3) == 0 {
					if _, err := a.propose(charter.Change{What: charter.ChangeAppoint, Member: a.handle, Office: protocol.OfficeHostCity}); err == nil {
						tabled++
					}
				}
			}
			if tabled > 1 {
				s.felt("rival decisions", tabled)
			}
			return nothing
		}, ""},
	}
}

// provoke has hostile members behave in a few new ways.
func (s *story) provoke() {
	for _, a := range s.nodes {
		if a.hostile != nil {
			all := behaviours()
			s.dice.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			a.hostile.behave(all[:1+s.dice.IntN(5)]...)
		}
	}
}

func (s *story) shuffled() []*actor {
	nodes := slices.Clone(s.nodes)
	s.dice.Shuffle(len(nodes), func(i, j int) { nodes[i], nodes[j] = nodes[j], nodes[i] })
	return nodes
}

// honest lists the running honest nodes; there is always one.
func (s *story) honest() []*actor {
	return slices.DeleteFunc(s.running(), func(a *actor) bool { return a.hostile != nil })
}

func (s *story) pick() *actor {
	nodes := s.honest()
	return nodes[s.dice.IntN(len(nodes))]
}

// victim is a running honest node that can be taken away; nil while too few run.
func (s *story) victim() *actor {
	if len(s.honest()) < 3 {
		return nil
	}
	return s.pick()
}

// ordinary is a member outside the committee of whom nothing was decided yet.
func (s *story) ordinary() *actor {
	for _, a := range s.shuffled() {
		if a.n >= 3 && a.n < len(s.founding.Founders) && !s.decided[a.handle] {
			return a
		}
	}
	return nil
}

// again starts a node that was stopped.
func (s *story) again(a *actor) func() {
	return func() {
		if a.stop == nil {
			a.start()
		}
	}
}

// restored puts a node back to something that was saved of it earlier, and starts it.
// before is done with the node cut off from everybody.
func (s *story) restored(name string, how putBack, command bool, alone func()) func() {
	var choice []*saved
	var who *actor
	for _, a := range s.shuffled() {
		if a.hostile != nil || a.stop == nil || len(s.honest()) < 3 {
			continue
		}
		choice = slices.DeleteFunc(slices.Clone(s.saved[a]), func(b *saved) bool { return (b.car != nil) != command })
		if len(choice) > 0 {
			who = a
			break
		}
	}
	if who == nil {
		return nil
	}
	b := choice[s.dice.IntN(len(choice))]
	who.halt()
	who.fullDisk(false) // a new one
	who.put(b, how)
	isolated := s.dice.IntN(2) == 0 || name == "restored while alone"
	if isolated {
		s.net.Isolate(who.n)
	}
	who.start()
	if c, _ := who.replica.Condition(); c == Recovering || how == wholeMachine && !command {
		s.felt(name, 1)
	}
	_, _ = who.tryPublish("right after it was restored")
	if isolated {
		alone()
		s.net.Heal()
	}
	return nothing
}

func (s *story) clock(name string, years int) func() {
	s.pick().setClock(time.Duration(years) * 365 * 24 * time.Hour)
	s.felt(name, 1)
	return nothing // nobody sets it right
}

// decide has somebody of the committee table a change; the ballots follow as it lives.
func (s *story) decide(name, handle string, c charter.Change) func() {
	before := uint64(0)
	for _, a := range s.honest() {
		if _, err := a.propose(c); a.n < 3 && err == nil {
			s.decided[handle], before = true, a.replica.State().Act().Number
			s.live(2 * time.Second)
			if a.stop != nil && a.replica.State().Act().Number > before {
				s.felt(name, 1)
			}
			return nothing
		}
	}
	return nil
}

// live lets people work for so long: they publish, answer and take backups.
func (s *story) live(d time.Duration) {
	for began := time.Now(); time.Since(began) < d; {
		a := s.pick()
		switch s.dice.IntN(8) {
		case 0:
			s.ballots()
		case 3:
			for _, b := range s.nodes {
				if b.hostile != nil && b.stop != nil {
					_, _ = b.tryPublish("bait")
				}
			}
		case 1:
			s.saved[a] = append(s.saved[a], a.backup())
		case 2:
			s.saved[a] = append(s.saved[a], a.copied())
		default:
			_, _ = a.tryPublish("day by day")
		}
		time.Sleep(time.Duration(100+s.dice.IntN(500)) * time.Millisecond)
	}
}

// rest mends what can be mended and waits until all is the same everywhere.
func (s *story) rest() time.Duration {
	s.t.Helper()
	s.note("all is mended")
	for _, mend := range s.mends {
		mend()
	}
	s.mends = nil
	s.heal()
	began := time.Now()
	for _, a := range s.nodes {
		a.slowDisk(0)
		a.fullDisk(false)
		s.again(a)()
		if a.hostile != nil {
			a.hostile.behave()
		}
	}
	s.settle(3 * time.Minute)
	for _, a := range s.agreeing() {
		for c, why := a.replica.Condition(); c != Ready; c, why = a.replica.Condition() {
			if time.Since(began) > allowed(5*time.Minute) {
				s.t.Fatalf("seed %d: %s is still %s (%s):\n%s", s.seed, a.handle, c, why, s.difference())
			}
			time.Sleep(time.Second)
		}
	}
	s.settle(3 * time.Minute)
	return time.Since(began)
}

// tally adds up what many scenarios felt.
type tally struct {
	mu     sync.Mutex // guards all below
	felt   map[string]int
	seeds  map[string]int
	did    map[behaviour]int
	fired  map[string]int // faults that struck and were felt in one scenario
	played int
	took   []time.Duration
}

func (y *tally) add(s *story) {
	fates := s.net.Fates()
	s.felt("full partition", int(fates[meshtest.Parted]))
	s.felt("cut lines", int(fates[meshtest.CutOff]))
	s.felt("packet loss", int(fates[meshtest.LostByChance]))
	s.felt("packets overtake", int(fates[meshtest.Overtaken]))
	s.felt("packets doubled", int(fates[meshtest.Doubled]))
	s.felt("narrow line", int(fates[meshtest.Delayed]+fates[meshtest.Crowded]))
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.felt == nil {
		y.felt, y.seeds, y.did, y.fired = map[string]int{}, map[string]int{}, map[behaviour]int{}, map[string]int{}
	}
	y.played++
	for name, n := range s.witness.faults {
		y.felt[name] += n
		y.seeds[name]++
	}
	for _, f := range faults() {
		if s.struck[f.name] && s.witness.faults[cmp.Or(f.effect, f.name)] > 0 {
			y.fired[f.name]++
		}
	}
	for _, a := range s.nodes {
		if a.hostile != nil {
			for b, n := range a.hostile.shown() {
				y.did[b] += n
			}
		}
	}
}

// enough is how many scenarios show every kind of fault: of a kind that strikes in one of
// twenty, 200 would leave none out once in thirty thousand runs.
const enough = 200

// missing lists the faults and the hostile behaviours that never fired. A scenario that
// names a fault which does nothing shows nothing.
func (y *tally) missing() (names []string) {
	for _, f := range faults() {
		if y.fired[f.name] == 0 {
			names = append(names, f.name)
		}
	}
	for _, b := range behaviours() {
		if y.did[b] == 0 {
			names = append(names, "hostile: "+string(b))
		}
	}
	return names
}

func (y *tally) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d scenarios\n%-28s %10s %10s\n", y.played, "fault", "scenarios", "effects")
	for _, name := range slices.Sorted(maps.Keys(y.felt)) {
		fmt.Fprintf(&b, "%-28s %10d %10d\n", name, y.seeds[name], y.felt[name])
	}
	for _, name := range slices.Sorted(maps.Keys(y.did)) {
		fmt.Fprintf(&b, "hostile: %-36s %10d\n", name, y.did[name])
	}
	if len(y.took) > 0 {
		slices.Sort(y.took)
		fmt.Fprintf(&b, "the same everywhere after %s (median), %s (99 of 100), %s (longest)\n", y.took[len(y.took)/2], y.took[len(y.took)*99/100], y.took[len(y.took)-1])
	}
	return b.String()
}

func TestScenario_Random(t *testing.T) {
	var sum tally
	t.Cleanup(func() { // when all seeds have been played
		t.Log("\n" + sum.String())
		if none := sum.missing(); sum.played >= enough && len(none) > 0 {
			t.Errorf("%d scenarios, and these never fired: %s", sum.played, strings.Join(none, ", "))
		}
	})
	scenario(t, 6, func(t *testing.T, w *world) {
		s := &story{world: w, saved: map[*actor][]*saved{}, decided: map[string]bool{}, struck: map[string]bool{}}
		w.found(5 + w.dice.IntN(5))
		w.net.Latency(5*time.Millisecond, 20*time.Millisecond)
		if w.dice.IntN(3) == 0 {
			w.nodes[3+w.dice.IntN(len(w.nodes)-3)].turnHostile()
		}
		w.startAll()
		if w.dice.IntN(4) > 0 {
			w.settle(time.Minute)
		}
		all := faults()
		var longest time.Duration
		for range 2 {
			for range 2 + w.dice.IntN(3) {
				s.provoke()
				f := all[w.dice.IntN(len(all))]
				s.note("%s", f.name)
				if mend := f.strike(s); mend != nil {
					s.struck[f.name] = true
					s.mends = append(s.mends, mend)
				}
				s.live(time.Duration(1+w.dice.IntN(4)) * time.Second)
				if len(s.mends) > 0 && w.dice.IntN(3) == 0 {
					i := w.dice.IntN(len(s.mends))
					s.mends[i]()
					s.mends = slices.Delete(s.mends, i, i+1)
				}
			}
			longest = max(longest, s.rest())
		}
		for _, a := range w.agreeing() {
			a.publish("all is well with " + a.handle)
		}
		w.settle(time.Minute)
		w.sameEverywhere()
		sum.add(s)
		sum.mu.Lock()
		sum.took = append(sum.took, longest)
		sum.mu.Unlock()
	})
}

// A kind of fault that never fires, or is never felt, is named.
func TestTally_NamesWhatNeverFired(t *testing.T) {
	y := tally{fired: map[string]int{}, did: map[behaviour]int{}}
	for _, f := range faults() {
		y.fired[f.name] = 1
	}
	for _, b := range behaviours() {
		y.did[b] = 1
	}
	if none := y.missing(); len(none) > 0 {
		t.Fatalf("%q are missing where all fired", none)
	}
	delete(y.fired, "power cut")
	delete(y.did, behaviours()[0])
	if got, want := y.missing(), []string{"power cut", "hostile: " + string(behaviours()[0])}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
