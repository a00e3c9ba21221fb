package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/dure-net/dure/node"
	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/home"
	"github.com/dure-net/dure/node/sample"
	"github.com/dure-net/dure/protocol"
)

const (
	// preparedMark is the file that says that a home of the made-up federation is complete: nobody ran it before.
	preparedMark = "prepared"

	// Ports inside every container; docker-compose.yml gives them to this machine under other numbers.
	containerPort    = 4710
	containerAPIPort = 7710
)

// prepareCommand is for docker-compose.yml and for nobody to type: it writes the homes of the cities, with their records,
// below DIR, each into a directory of its own by the city's handle. Where they are already it changes nothing.
func (a *app) prepareCommand() *cobra.Command {
	c := a.command("prepare DIR", between(1, 1), nil, func(ctx context.Context, arguments []string) error {
		dir, err := filepath.Abs(arguments[0])
		if err != nil {
			return err
		}
		ready, err := preparedAlready(dir)
		if err != nil {
			return err
		}
		if !ready {
			if err := a.prepareHomes(ctx, dir); err != nil {
				return err
			}
		}
		a.line("demo.homes", args{"count": len(running), "path": dir})
		return nil
	})
	c.Hidden = true
	return c
}

// preparedAlready reports whether the homes are complete. Homes of which some are missing are not written anew: somebody
// may have used the others.
func preparedAlready(dir string) (bool, error) {
	marked, missing := false, false
	for _, handle := range running {
		if _, err := os.Stat(filepath.Join(dir, handle, preparedMark)); err == nil {
			marked = true
		} else if !errors.Is(err, fs.ErrNotExist) {
			return false, err
		}
		switch _, err := home.Open(filepath.Join(dir, handle), home.Options{}); protocol.ReasonOf(err) {
		case protocol.ReasonNone:
		case protocol.ReasonNoHome:
			missing = true
		default:
			return false, err
		}
	}
	if marked && missing {
		return false, &complaint{reason: protocol.ReasonConflict, key: "demo.homes_missing", args: args{"path": dir}}
	}
	return marked, nil
}

// prepareHomes writes the homes and marks them last. Without a mark they are what a crash left: they go first.
func (a *app) prepareHomes(ctx context.Context, dir string) error {
	for _, handle := range running {
		if err := empty(filepath.Join(dir, handle)); err != nil {
			return err
		}
	}
	d := &demo{a: a, dir: dir, ids: map[string]string{}}
	if err := d.prepare(ctx, len(running)); err != nil {
		return err
	}
	var err error
	if d.dir, err = os.MkdirTemp("", "dure-prepare-"); err != nil { // DIR itself may be read-only: volumes lie below it
		return err
	}
	defer os.RemoveAll(d.dir)
	for _, c := range d.cities {
		if err := c.home.SaveConfig(containerConfig(c.Handle)); err != nil {
			return err
		}
	}
	isProject := func(r sample.Record) bool { return r.Type == "project" }
	for _, c := range d.cities {
		if err := d.fillOffline(ctx, c, isProject); err != nil {
			return err
		}
	}
	if err := d.importOffline(ctx, d.cities[0]); err != nil {
		return err
	}
	for _, c := range d.cities {
		if err := d.fillOffline(ctx, c, func(r sample.Record) bool { return !isProject(r) }); err != nil {
			return err
		}
	}
	for _, c := range d.cities {
		if err := os.WriteFile(filepath.Join(c.dir, preparedMark), nil, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// empty removes what is in a directory, and leaves the directory: it may be where a volume begins.
func empty(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// containerConfig is the settings of a city in a container: the others are known by the names of their services.
func containerConfig(handle string) home.Config {
	var c home.Config
	for _, other := range running {
		if other == handle {
			continue
		}
		name := nodeName(demoKey("node", other).Public())
		c.Peers = append(c.Peers, fmt.Sprintf("/dns4/%s/udp/%d/quic-v1/p2p/%s", other, containerPort, name),
			fmt.Sprintf("/dns4/%s/tcp/%d/p2p/%s", other, containerPort, name))
	}
	off := false
	c.MDNS = &off // names are known, and multicast does not cross every bridge
	c.API.Listen = fmt.Sprintf("0.0.0.0:%d", containerAPIPort)
	c.API.Container = true
	// As which the node's own commands, run inside the container, call it.
	c.API.Hosts = []string{fmt.Sprintf("0.0.0.0:%d", containerAPIPort), fmt.Sprintf("[::]:%d", containerAPIPort)}
	return c
}

// offline opens a city's home without network for one task.
func (d *demo) offline(ctx context.Context, c *city, task func(api.Backend) error) error {
	n, err := node.Open(ctx, c.home, node.Options{Phrases: d.a.book, Version: version().Version})
	if err != nil {
		return err
	}
	return errors.Join(task(n), n.Close())
}

// fillOffline publishes a city's records of a kind into its own ledger.
func (d *demo) fillOffline(ctx context.Context, c *city, of func(sample.Record) bool) error {
	return d.offline(ctx, c, func(b api.Backend) error {
		for _, r := range c.drafts {
			if !of(r) {
				continue
			}
			resolved, err := r.Resolve(d.ids)
			if err != nil {
				return err
			}
			receipt, err := b.Publish(ctx, api.Draft{Type: r.Type, Raw: resolved.JSON})
			if err != nil {
				return err
			}
			d.ids[r.Ref] = receipt.Record
		}
		return nil
	})
}

// importOffline gives the records of the members that do not run to one city, in waves as bringOthers does; catching up
// carries them to the others.
func (d *demo) importOffline(ctx context.Context, c *city) error {
	return d.offline(ctx, c, func(b api.Backend) error {
		for len(d.absent) > 0 {
			var ready []string
			for _, handle := range sortedKeys(d.absent) {
				if d.namesOnlyKnown(handle) {
					ready = append(ready, handle)
				}
			}
			if len(ready) == 0 {
				panic("dure: internal error: sample records name one another in a circle")
			}
			var bundle bytes.Buffer // forty records
			if err := d.writeOthers(ctx, &bundle, ready); err != nil {
				return err
			}
			if _, err := b.Import(ctx, &bundle, nil); err != nil {
				return err
			}
			for _, handle := range ready {
				for i, r := range d.absent[handle] {
					stands, err := b.Record(ctx, handle+"-"+strconv.Itoa(i+1))
					if err != nil {
						return err
					}
					d.ids[r.Ref] = stands.ID
				}
				delete(d.absent, handle)
			}
		}
		return nil
	})
}
