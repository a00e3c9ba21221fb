package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
)

// child is one process of the demonstration. done is closed when it has ended.
type child struct {
	cmd  *exec.Cmd
	log  *os.File
	done chan struct{}
}

func (c *city) logFile() string { return filepath.Join(c.dir, "dure.log") }

// launch starts the city's node: this program again, on its home.
func (d *demo) launch(c *city) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	arguments := []string{"start", "--home", c.dir, "--json"}
	if d.noGossip {
		arguments = append(arguments, "--no-gossip")
	}
	if d.noCatchUp {
		arguments = append(arguments, "--no-catch-up")
	}
	log, err := os.OpenFile(c.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	cmd := exec.Command(program, arguments...)
	cmd.Stderr = log
	apart(cmd)
	if err := cmd.Start(); err != nil {
		_ = log.Close()
		return err
	}
	p := &child{cmd: cmd, log: log, done: make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		_ = log.Close()
		close(p.done)
	}()
	c.process = p
	return nil
}

// start launches all cities and waits until each answers, is ready and is connected with all others.
func (d *demo) start(ctx context.Context) error {
	d.begun = time.Now()
	d.a.onForce = d.kill
	for _, c := range d.cities {
		if err := d.launch(c); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	for _, c := range d.cities {
		if err := c.reach(ctx); err != nil {
			return err
		}
	}
	for _, c := range d.cities {
		for {
			s, err := c.api.Status(ctx)
			if connected, _, _, _ := nodesOf(s); err == nil && s.Node.State == api.StateReady && connected >= len(d.cities)-1 {
				break
			}
			if err := pause(ctx, err); err != nil {
				return d.stuck(err)
			}
		}
	}
	d.a.note("demo.started", args{"count": len(d.cities), "seconds": seconds(time.Since(d.begun))})
	return nil
}

// reach waits until the process says where it listens.
func (c *city) reach(ctx context.Context) error {
	for {
		run, ok, err := c.home.Running()
		if err != nil {
			return err
		}
		if ok {
			token, err := c.home.Token()
			if err != nil {
				return err
			}
			c.base, c.api = run.API, api.NewClient(run.API, token.Reveal())
			return nil
		}
		select {
		case <-c.process.done:
			return &complaint{reason: protocol.ReasonNotRunning, key: "demo.ended", args: args{"handle": c.Handle, "file": c.logFile()}}
		default:
		}
		if err := pause(ctx, nil); err != nil {
			return &complaint{reason: protocol.ReasonNotRunning, key: "demo.ended", args: args{"handle": c.Handle, "file": c.logFile()}, err: err}
		}
	}
}

// tell says that the ledgers are one, where they are, and what to try next.
func (d *demo) tell(root string, after time.Duration) {
	a := d.a
	out := demoSettled{Settled: true, Seconds: after.Seconds(), Root: root, Records: d.records}
	for _, c := range d.cities {
		out.Members = append(out.Members, demoMember{Handle: c.Handle, Home: c.dir, API: c.base, TokenFile: c.home.TokenPath(), PID: c.process.cmd.Process.Pid})
	}
	_ = a.answer(out, func() {
		a.line("demo.settled", args{"count": len(out.Members), "records": d.records, "seconds": seconds(after)})
		a.line("demo.root", args{"root": root})
		fmt.Fprintln(a.out)
		t := table{indent: 2}
		for i, c := range d.cities {
			where := c.base
			if token, err := c.home.Token(); err == nil {
				where = api.SignInLink(c.base, token.Reveal(), a.now())
			}
			t.row(c.Handle, a.name(c.Names, c.Handle), strconv.Itoa(out.Members[i].PID), where)
		}
		t.print(a.out)
		d.tellNext()
	})
}

// seconds writes a length of time with one decimal.
func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) }

// tellNext are commands to copy; each line of explanation is a sentence of the catalogue.
func (d *demo) tellNext() {
	a, first, last := d.a, d.cities[0], d.cities[len(d.cities)-1]
	program, err := os.Executable()
	if err != nil {
		program = "dure"
	}
	fmt.Fprintln(a.out)
	a.line("demo.next", nil)
	for _, step := range []struct{ key, command string }{
		{"demo.next.curl", fmt.Sprintf("curl -H \"Authorization: Bearer $(cat %s)\" %s/api/v1/status", first.home.TokenPath(), first.base)},
		{"demo.next.list", fmt.Sprintf("%s list requests --home %s", program, first.dir)},
		{"demo.next.stop", fmt.Sprintf("kill %d", last.process.cmd.Process.Pid)},
		{"demo.next.again", fmt.Sprintf("%s start --home %s", program, last.dir)},
	} {
		fmt.Fprintln(a.out, "  "+a.say(step.key, args{"name": a.name(last.Names, last.Handle)}))
		fmt.Fprintln(a.out, "    "+step.command)
	}
	fmt.Fprintln(a.out)
	a.line("demo.made_up", nil)
	a.line("demo.end", nil)
}

// watch waits for the interrupt, and says when a city stops meanwhile: stopping one is what people are invited to try.
func (d *demo) watch(ctx context.Context) {
	stopped := make(chan *city)
	var watching sync.WaitGroup
	for _, c := range d.cities {
		watching.Go(func() {
			select {
			case <-c.process.done:
			case <-ctx.Done():
				return
			}
			select {
			case stopped <- c:
			case <-ctx.Done():
			}
		})
	}
	defer watching.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case c := <-stopped:
			d.a.note("demo.stopped", args{"name": d.a.name(c.Names, c.Handle), "path": c.dir})
		}
	}
}

// patience is how long a city may take to end in order.
const patience = 10 * time.Second

// end stops every process that this demonstration started and removes what it wrote, unless the homes are to stay.
func (d *demo) end(err error) {
	for _, c := range d.cities {
		if c.process != nil {
			_ = terminate(c.process.cmd.Process)
		}
	}
	late := time.After(patience)
	for _, c := range d.cities {
		if c.process == nil {
			continue
		}
		select {
		case <-c.process.done:
		case <-late:
			_ = c.process.cmd.Process.Kill()
			<-c.process.done
		}
	}
	d.a.onForce = nil
	// A city that somebody started again by hand is not ours to end, nor its home to remove.
	for _, c := range d.cities {
		if c.home == nil {
			continue
		}
		if _, inUse, rerr := c.home.Running(); rerr == nil && inUse {
			d.a.warn("demo.in_use", args{"path": c.dir})
			return
		}
	}
	var told *complaint
	if d.keep || errors.As(err, &told) { // the logs say why it failed
		d.a.note("demo.kept", args{"path": d.dir})
		return
	}
	if rerr := os.RemoveAll(d.dir); rerr != nil {
		d.a.warn("demo.kept", args{"path": d.dir})
		return
	}
	d.a.note("demo.cleaned", nil)
}

// kill ends everything at once: the second interrupt.
func (d *demo) kill() {
	for _, c := range d.cities {
		if c.process != nil {
			_ = c.process.cmd.Process.Kill()
		}
	}
}
