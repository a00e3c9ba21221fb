package meshtest

import "time"

// Line is a host's own way to the network: what a house at the end of a long wire has.
// The zero Line is no bound at all.
type Line struct {
	Rate  int           // bits a second in each direction; 0 = unbounded
	Delay time.Duration // each way, on top of the network's latency
	Loss  float64       // of the packets in each direction, on top of the network's
	Queue time.Duration // how long a packet may wait for its turn; beyond, it is lost. 0 = half a second
}

// Fate says why a packet did not arrive as it was sent.
type Fate string

const (
	LostByChance Fate = "lost by chance"
	Parted       Fate = "parted"    // the hosts are in different parts of a partition
	CutOff       Fate = "cut off"   // one-way cut
	Shielded     Fate = "shielded"  // stopped by a firewall
	Crowded      Fate = "crowded"   // the line's queue was full
	Delayed      Fate = "delayed"   // waited for its turn on a line
	Dark         Fate = "dark"      // a host was down
	Doubled      Fate = "doubled"   // arrived twice
	Nowhere      Fate = "nowhere"   // nobody has that address
	Overtaken    Fate = "overtaken" // arrived after a packet that was sent later
)

// way is one direction of a line.
type way struct{ free time.Time }

// SetLine puts a host behind a line; the zero Line takes it away.
func (n *Network) SetLine(host int, l Line) {
	if l.Queue == 0 {
		l.Queue = 500 * time.Millisecond
	}
	n.change(func() {
		if l.Rate == 0 && l.Delay == 0 && l.Loss == 0 {
			delete(n.lines, host)
			return
		}
		n.lines[host] = &access{Line: l}
	})
}

type access struct {
	Line
	up, down way
}

// Down takes a host off the network, as when its power fails: it neither sends nor
// receives, and what is under way to it is lost. Up brings it back.
func (n *Network) Down(host int) { n.change(func() { n.down[host] = true }) }
func (n *Network) Up(host int)   { n.change(func() { delete(n.down, host) }) }

// Duplicate makes every packet arrive twice with probability p, from now on.
func (n *Network) Duplicate(p float64) { n.change(func() { n.double = p }) }

// Jitter adds up to d to each packet's delay, so that packets overtake one another.
func (n *Network) Jitter(d time.Duration) { n.change(func() { n.jitter = d }) }

// Fates counts, since the start, the packets that did not arrive as they were sent.
// The map is the caller's.
func (n *Network) Fates() map[Fate]uint64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	out := make(map[Fate]uint64, len(n.fates))
	for f, c := range n.fates {
		out[f] = c
	}
	return out
}

// Received is how many bytes reached a host.
func (n *Network) Received(host int) uint64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.received[host]
}

// turn is when a packet of so many bytes has passed one direction of a line that it
// reaches at the given time; false if the queue is full. mu is held.
func (n *Network) turn(a *access, w *way, at time.Time, bytes int) (time.Time, bool) {
	if a.Loss > 0 && n.dice.Float64() < a.Loss {
		n.fates[LostByChance]++
		return at, false
	}
	if a.Rate > 0 {
		if wait := w.free.Sub(at); wait > a.Queue {
			n.fates[Crowded]++
			return at, false
		} else if wait > 0 {
			n.fates[Delayed]++
			at = w.free
		}
		at = at.Add(time.Duration(float64(bytes+headerBytes) * 8 / float64(a.Rate) * float64(time.Second)))
		w.free = at
	}
	return at.Add(a.Delay), true
}

// headerBytes is what IPv4 and UDP add to a packet.
const headerBytes = 28
