package main

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/enrol"
	"github.com/dure-net/dure/node/home"
	"github.com/dure-net/dure/node/sample"
	"github.com/dure-net/dure/protocol"
)

// demoSettled is the one line of `dure demo --json`.
type demoSettled struct {
	Settled bool         `json:"settled"`
	Seconds float64      `json:"seconds"` // from the first process to the equal ledgers, holding every record, that then stayed as they were
	Root    string       `json:"root"`
	Records int          `json:"records"`
	Members []demoMember `json:"members"`
}

// demoMember is a member that runs.
type demoMember struct {
	Handle    string `json:"handle"`
	Home      string `json:"home"`
	API       string `json:"api"`
	TokenFile string `json:"token_file"`
	PID       int    `json:"pid"`
}

// demo is one demonstration.
type demo struct {
	a         *app
	dir       string
	keep      bool // --home was given: the homes stay
	noGossip  bool
	noCatchUp bool
	cities    []*city
	seed      enrol.Seed                 // as the homes were prepared from it
	absent    map[string][]sample.Record // records of the members that do not run
	ids       map[string]string          // of published records, by their refs
	records   int                        // of all members together
	begun     time.Time
	since     time.Duration // from begun to the state that then stayed
}

// city is one member that runs as a process of its own.
type city struct {
	sample.Member
	dir     string
	home    *home.Home
	process *child
	api     *api.Client
	base    string
	drafts  []sample.Record
}

// settleTime is how long a demonstration may take to settle before it says that something is wrong. On an idle machine
// it takes a few seconds.
const settleTime = 2 * time.Minute

func (a *app) demoCommand() *cobra.Command {
	var members int
	var noGossip, noCatchUp bool
	c := a.command("demo", between(0, 0), demoSettled{}, func(ctx context.Context, _ []string) error {
		if most := len(sample.Members()); members < 1 || members > most {
			return misuse("usage.demo_members", args{"max": most})
		}
		if noGossip && noCatchUp {
			return misuse("usage.nothing_carries", nil)
		}
		return a.demo(ctx, members, noGossip, noCatchUp)
	})
	c.Example = "dure demo\ndure demo --members 3 --json\ndure demo --home ./demo"
	f := c.Flags()
	a.numberFlag(f, &members, "members", 5)
	a.switchFlag(f, &noGossip, "no-gossip")
	a.switchFlag(f, &noCatchUp, "no-catch-up")
	return c
}

func (a *app) demo(ctx context.Context, members int, noGossip, noCatchUp bool) (err error) {
	d := &demo{a: a, noGossip: noGossip, noCatchUp: noCatchUp, keep: a.homeFlag != "", ids: map[string]string{}}
	if err := d.place(); err != nil {
		return err
	}
	defer func() { d.end(err) }()
	a.note("demo.made_up", nil)
	if err := d.prepare(ctx, members); err != nil {
		return err
	}
	if err := d.start(ctx); err != nil {
		return err
	}
	root, err := d.fill(ctx)
	if err != nil {
		return err
	}
	d.tell(root, d.since)
	d.watch(ctx)
	return nil
}

// place makes the directory of the demonstration: a temporary one, or the empty one that --home names.
func (d *demo) place() (err error) {
	if !d.keep {
		d.dir, err = os.MkdirTemp("", "dure-demo-")
		return err
	}
	if d.dir, err = filepath.Abs(d.a.homeFlag); err != nil {
		return err
	}
	if entries, err := os.ReadDir(d.dir); err == nil && len(entries) > 0 {
		return misuse("usage.demo_home", args{"path": d.dir})
	}
	if err := os.MkdirAll(d.dir, 0o700); err != nil {
		return &protocol.Error{Reason: protocol.ReasonHomeUnwritable, Op: "demo", Args: map[string]string{"path": d.dir}, Err: err}
	}
	return nil
}

// fill has every member publish its records, lets the ledgers become one, then shows that what is published at each is
// read at all others. The last record of each member is kept back for that.
func (d *demo) fill(ctx context.Context) (root string, err error) {
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	d.a.note("demo.publishing", args{"count": d.records})
	// Projects first, as other members' records name them; then the members that do not run; then the rest.
	if err := d.publishAll(ctx, func(r sample.Record) bool { return r.Type == "project" }); err != nil {
		return "", err
	}
	if err := d.bringOthers(ctx); err != nil {
		return "", err
	}
	if err := d.publishAll(ctx, func(r sample.Record) bool { return r.Type != "project" }); err != nil {
		return "", err
	}
	if _, err := d.settle(ctx, d.records-len(d.cities)); err != nil {
		return "", err
	}
	for _, c := range d.cities {
		if err := d.readBack(ctx, c); err != nil {
			return "", err
		}
	}
	if err := d.remark(ctx); err != nil {
		return "", err
	}
	return d.rest(ctx)
}

// quiet is how long the common ledger must stay as it is before the demonstration speaks of it: nodes write down their
// own addresses a moment after their start, and a root that changes while it is read would only confuse.
const quiet = 2 * time.Second

// rest waits until the ledgers are one, hold every record and stay as they are.
func (d *demo) rest(ctx context.Context) (string, error) {
	root := ""
	for {
		now, err := d.settle(ctx, d.records)
		if err != nil {
			return "", err
		}
		if now != root {
			root, d.since = now, time.Since(d.begun)
		}
		if time.Since(d.begun)-d.since >= quiet {
			return root, nil
		}
		if err := pause(ctx, nil); err != nil {
			return "", d.stuck(err)
		}
	}
}

// publishAll publishes what the cities have of a kind, all but the last record of each.
func (d *demo) publishAll(ctx context.Context, of func(sample.Record) bool) error {
	for _, c := range d.cities {
		for _, r := range c.drafts[:len(c.drafts)-1] {
			if !of(r) {
				continue
			}
			if _, err := d.publish(ctx, c, r); err != nil {
				return err
			}
		}
	}
	return nil
}

// readBack publishes the record that c kept back and reads it at all others.
func (d *demo) readBack(ctx context.Context, c *city) error {
	begun := time.Now()
	receipt, err := d.publish(ctx, c, c.drafts[len(c.drafts)-1])
	if err != nil {
		return err
	}
	for _, other := range d.cities {
		for other != c {
			r, err := other.api.Record(ctx, receipt.Record)
			if err == nil && r.State == api.RecordPublished {
				break
			}
			if err := pause(ctx, err); err != nil {
				return d.stuck(err)
			}
		}
	}
	if len(d.cities) > 1 {
		d.a.note("demo.read_back", args{"number": receipt.Number, "member": d.a.name(c.Names, c.Handle), "count": len(d.cities) - 1,
			"milliseconds": time.Since(begun).Milliseconds()})
	}
	return nil
}

// publish publishes a record at its owner’s node over its API, as any program would.
func (d *demo) publish(ctx context.Context, c *city, r sample.Record) (api.Receipt, error) {
	resolved, err := r.Resolve(d.ids)
	if err != nil {
		return api.Receipt{}, err
	}
	for {
		receipt, err := c.api.Publish(ctx, api.Draft{Type: r.Type, Raw: resolved.JSON})
		if reason := protocol.ReasonOf(err); reason != protocol.ReasonJoining && reason != protocol.ReasonBusy {
			if err == nil {
				d.ids[r.Ref] = receipt.Record
			}
			return receipt, err
		}
		if err := pause(ctx, err); err != nil {
			return api.Receipt{}, err
		}
	}
}

// pollEvery is how often the demonstration looks.
const pollEvery = 25 * time.Millisecond

// pause waits a moment for what may still come: only what may still come is waited for.
func pause(ctx context.Context, err error) error {
	switch protocol.ReasonOf(err) {
	case protocol.ReasonNone, protocol.ReasonNotFound, protocol.ReasonWanted, protocol.ReasonJoining, protocol.ReasonBusy, protocol.ReasonNotRunning:
	default:
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(pollEvery):
		return nil
	}
}

// settle waits until all ledgers are one, nothing is wanted and every node lists the records.
func (d *demo) settle(ctx context.Context, records int) (root string, err error) {
	for {
		root, err := d.settled(ctx, records)
		if err == nil && root != "" {
			return root, nil
		}
		if err := pause(ctx, err); err != nil {
			return "", d.stuck(err)
		}
	}
}

// settled is the common ledger root, or nothing as long as there is none.
func (d *demo) settled(ctx context.Context, records int) (string, error) {
	root := ""
	for _, c := range d.cities {
		s, err := c.api.Status(ctx)
		if err != nil {
			return "", err
		}
		if root == "" {
			root = s.Ledger.Root
		}
		if s.Ledger.Wanted > 0 || s.Ledger.Root != root || s.Node.State != api.StateReady {
			return "", nil
		}
	}
	for _, c := range d.cities {
		page, err := c.api.Records(ctx, api.RecordQuery{Limit: api.MaxLimit})
		if err != nil || len(page.Items) < records {
			return "", err
		}
	}
	return root, nil
}

// stuck says how far each node came.
func (d *demo) stuck(err error) error {
	if protocol.ReasonOf(err) == protocol.ReasonCanceled || err == context.Canceled {
		return err
	}
	for _, c := range d.cities {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		s, serr := c.api.Status(ctx)
		cancel()
		if serr != nil {
			d.a.warn("demo.silent", args{"handle": c.Handle, "file": c.logFile()})
			continue
		}
		d.a.warn("demo.far", args{"handle": c.Handle, "root": short(s.Ledger.Root), "entries": s.Ledger.Entries, "wanted": s.Ledger.Wanted,
			"state": d.a.word("node", string(s.Node.State))})
	}
	return &complaint{reason: protocol.ReasonUnreachable, key: "demo.not_settled", args: args{"seconds": strconv.Itoa(int(settleTime / time.Second))}, err: err}
}
