package ledger

import (
	"sync"

	"github.com/dure-net/dure/protocol"
)

// committer is the one writer. Two goroutines share the work: gather takes jobs from
// the queue, checks them against what is stored and on its way, and builds a
// transaction; commit writes it, syncs, moves the mark and makes it visible. While one
// group syncs, the next one is gathered, so a slow disk makes groups larger and not
// the queue longer.
type committer struct {
	store *store
	state *state
	space space
	marks *markFile // written by commit alone

	queue  chan *job      // never closed; bounded by maxQueue, Submit blocks beyond
	stop   chan struct{}  // closed by close
	gate   sync.RWMutex   // held for reading from the look at stop to the place in the queue
	groups chan *group    // closed by gather; unbuffered: handing over means that commit is idle
	joined sync.WaitGroup // gather and commit

	// gather's own: how things will stand when all groups are on the disk.
	next    uint64 // local number
	entries uint64
	mark    Mark
}

func (c *committer) start() {
	c.queue = make(chan *job, maxQueue)
	c.stop = make(chan struct{})
	c.groups = make(chan *group)
	c.next, c.entries, c.mark = c.state.next, c.state.entries, c.marks.mark
	c.joined.Add(2)
	go c.gather()
	go c.commit()
}

// close lets what was submitted go in and joins the goroutines.
func (c *committer) close() {
	close(c.stop)
	c.joined.Wait()
}

func (c *committer) stopped() bool {
	select {
	case <-c.stop:
		return true
	default:
		return false
	}
}

func (c *committer) gather() {
	defer c.joined.Done()
	defer close(c.groups)
	g := newGroup()
	for {
		var j *job
		switch {
		case g.empty():
			select {
			case j = <-c.queue:
			case <-c.stop:
				c.drain(g)
				return
			}
		default:
			select {
			case j = <-c.queue: // what waits already comes along
			default:
				select {
				case j = <-c.queue:
				case c.groups <- g:
					g = newGroup()
					continue
				}
			}
		}
		g = c.take(g, j)
	}
}

// drain takes what is still in the queue after stop.
func (c *committer) drain(g *group) {
	c.gate.Lock() // who came before stop is in the queue now, who comes after sees it
	c.gate.Unlock()
	for {
		select {
		case j := <-c.queue:
			g = c.take(g, j)
		default:
			c.hand(g)
			return
		}
	}
}

// take adds a job to the group, handing the group over first if the two do not fit.
func (c *committer) take(g *group, j *job) *group {
	if j.erase != nil || j.repair != nil {
		c.hand(g)
		c.settle()
		j.commit.finish(c.alone(j))
		return newGroup()
	}
	if c.crosses(j) {
		c.hand(g)
		c.settle()
		g = newGroup()
		if err := c.apart(j); err != nil {
			j.commit.finish(err)
			return g
		}
	}
	if !g.fits(j, c.store.z.group) {
		c.hand(g)
		g = newGroup()
	}
	if g.empty() {
		if err := c.room(); err != nil {
			j.commit.finish(err)
			return g
		}
	}
	if err := c.add(g, j); err != nil {
		j.commit.finish(err)
	}
	return g
}

// room says whether there is room to write, and has a store that was opened without any
// written again. While it is frozen nothing is on its way to the disk.
func (c *committer) room() error {
	if err := c.space.enough(); err != nil {
		return err
	}
	if c.store.frozen {
		if err := c.store.thaw(); err != nil {
			return err
		}
		c.store.tell()
	}
	return c.store.ready()
}

// alone runs a job that wants the store for itself.
func (c *committer) alone(j *job) error {
	if err := c.sound(); err != nil {
		return err
	}
	if j.repair != nil {
		return j.repair(c)
	}
	return c.erase(j.erase, j.force)
}

// apart runs what of a job must be on the disk before the rest of it finds its place.
func (c *committer) apart(j *job) error {
	if err := c.sound(); err != nil {
		return err
	}
	return c.cross(j)
}

// sound says whether the store can be written now.
func (c *committer) sound() error {
	c.state.mu.RLock()
	err := c.state.failed
	c.state.mu.RUnlock()
	if err != nil {
		return err
	}
	return c.room()
}

func (c *committer) hand(g *group) {
	if !g.empty() {
		c.groups <- g
	}
}

// settle returns when all groups handed over are on the disk and visible.
func (c *committer) settle() {
	g := &group{settled: make(chan struct{})}
	c.groups <- g
	<-g.settled
}

func (c *committer) commit() {
	defer c.joined.Done()
	for g := range c.groups {
		if g.settled != nil {
			close(g.settled)
			continue
		}
		err := c.write(g)
		if err == nil {
			c.publish(g)
		} else {
			c.fail(err)
		}
		number := g.first
		for i, j := range g.jobs {
			if err == nil && j.OnCommit != nil {
				first := number
				switch {
				case j.first > 0:
					first = j.first
				case g.changed[i] == 0:
					first = 0
				}
				j.OnCommit(first)
			}
			number += g.changed[i]
			j.commit.finish(err)
		}
	}
}

// write is the transaction, and then the mark.
func (c *committer) write(g *group) error {
	c.state.mu.RLock()
	err := c.state.failed
	c.state.mu.RUnlock()
	if err != nil {
		return err
	}
	if err := g.seal(); err != nil {
		return protocol.Fail(protocol.ReasonInternal, "write ledger", err)
	}
	if err := c.store.send(g.txn); err != nil {
		return err
	}
	if g.mark != nil {
		g.mark.Next = g.next
		return c.marks.set(*g.mark)
	}
	return nil
}

// fail ends all writing: what is on the disk is not known any more without a restart.
func (c *committer) fail(err error) {
	c.state.mu.Lock()
	defer c.state.mu.Unlock()
	if c.state.failed == nil {
		c.state.failed = &protocol.Error{Reason: protocol.ReasonOf(err), Op: "write ledger", Err: err,
			Hint: "the ledger takes no more writes until the node is started again"}
	}
}

// publish makes a group visible.
func (c *committer) publish(g *group) {
	s := c.state
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range g.runs {
		f := r.feed
		if f.count == 0 {
			s.visible++
		}
		if s.byID[f.id] == f {
			s.entries += r.first + uint64(r.count) - f.count
		}
		f.runs = append(f.runs, r.first)
		f.count = r.first + uint64(r.count)
		f.head = r.last
		f.bytes += r.bytes
		s.bytes += r.bytes
	}
	for _, p := range g.gained {
		s.unwant(p)
	}
	for _, p := range g.repaired {
		delete(s.damaged, p)
	}
	s.next = g.next
	s.wake()
}
