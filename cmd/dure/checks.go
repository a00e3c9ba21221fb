package main

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/dure-net/dure/node"
	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/home"
	"github.com/dure-net/dure/protocol"
)

// checks are the questions of the doctor. A check that needs another is skipped while that one is not in order: one
// cause is told once, not with all that follows from it.
func (a *app) checks() []check {
	return []check{
		{"home", nil, a.checkHome},
		{"secrets", []string{"home"}, checkSecrets},
		{"settings", []string{"secrets"}, a.checkSettings},
		{"writable", []string{"home"}, checkWritable},
		{"space", []string{"settings"}, a.checkSpace},
		{"filesystem", []string{"home"}, checkFilesystem},
		{"federation", []string{"secrets"}, a.checkFederation},
		{"running", []string{"settings", "federation"}, a.checkRunning},
		{"ports", []string{"settings"}, checkPorts},
		{"state", []string{"running"}, a.checkState},
		{"store", []string{"running"}, checkStore},
		{"members", []string{"running"}, checkMembers},
		{"clock", []string{"running"}, a.checkClock},
		{"behind", []string{"members"}, checkBehind},
		{"direct", []string{"members"}, checkDirect},
		{"others", []string{"members"}, a.checkOthers},
		{"damage", []string{"running"}, a.checkDamage},
		{"backup", []string{"settings"}, a.checkBackup},
		{"alerts", []string{"running"}, a.checkAlerts},
	}
}

func (a *app) checkHome(_ context.Context, p *patient) (string, args) {
	_, err := home.Open(p.dir, home.Options{})
	switch protocol.ReasonOf(err) {
	case protocol.ReasonNoHome:
		return "none", args{"path": p.dir}
	case protocol.ReasonTooNew:
		return "too_new", args{"path": p.dir}
	case protocol.ReasonDamaged:
		return "damaged", args{"path": p.dir}
	}
	return allRight, args{"path": p.dir}
}

func checkSecrets(_ context.Context, p *patient) (string, args) {
	h, err := home.Open(p.dir, home.Options{})
	if err == nil {
		p.home = h
		_, err = h.Token()
	}
	if err == nil {
		return allRight, nil
	}
	for _, f := range home.FaultsOf(err) {
		if f.Code == home.FaultLooseMode {
			return "loose", args{"file": f.From, "mode": f.Value}
		}
	}
	return "unreadable", args{"path": p.dir}
}

func (a *app) checkSettings(_ context.Context, p *patient) (string, args) {
	settings, err := p.home.Settings(nil)
	if err != nil {
		sentence, _ := a.book.Error(a.lang, err)
		return "wrong", args{"sentence": sentence, "file": p.home.ConfigPath()}
	}
	p.settings = settings
	return allRight, args{"file": p.home.ConfigPath()}
}

func checkWritable(_ context.Context, p *patient) (string, args) {
	f, err := os.CreateTemp(p.dir, ".doctor-*")
	if errors.Is(err, syscall.ENOSPC) {
		return allRight, nil // that is the next check's to say: giving the directory to another account mends no full disk
	}
	if err != nil {
		return "not", args{"path": p.dir}
	}
	_, err = f.Write([]byte{0})
	if synced := f.Sync(); err == nil {
		err = synced
	}
	_ = f.Close()
	_ = os.Remove(f.Name())
	if err != nil && !errors.Is(err, syscall.ENOSPC) {
		return "not", args{"path": p.dir}
	}
	return allRight, nil
}

// roomToSpare is how many times the floor should be free: at the floor itself the node stops accepting.
const roomToSpare = 2

func (a *app) checkSpace(_ context.Context, p *patient) (string, args) {
	free, total, err := diskBytes(p.dir)
	floor := p.settings.Config.Storage.FloorBytes
	if floor == 0 {
		floor = node.FloorFor(total)
	}
	values := args{"free": a.book.Bytes(a.lang, free), "floor": a.book.Bytes(a.lang, floor)}
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		return allRight, args{"free": a.say("cli.progress.unknown", nil), "floor": values["floor"]}
	case err != nil:
		return "unreadable", args{"path": p.dir}
	case free < floor:
		return "full", values
	case free < roomToSpare*floor:
		return "low", values
	}
	return allRight, values
}

func checkFilesystem(_ context.Context, p *patient) (string, args) {
	name, remote := filesystem(p.dir)
	if remote {
		return "remote", args{"name": name}
	}
	return allRight, nil
}

func (a *app) checkFederation(_ context.Context, p *patient) (string, args) {
	act, _, _, err := p.home.Founding()
	switch {
	case protocol.ReasonOf(err) == protocol.ReasonNotFederated:
		return "none", nil
	case err != nil:
		return "damaged", nil
	}
	return allRight, args{"name": a.name(act.Names, "")}
}

// askTime bounds one question to the running node.
const askTime = 5 * time.Second

func (a *app) checkRunning(ctx context.Context, p *patient) (string, args) {
	run, ok, err := p.home.Running()
	if err != nil || !ok {
		return "not", nil
	}
	p.run = run
	token, err := p.home.Token()
	if err != nil {
		return "silent", args{"api": run.API}
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	c := api.NewClient(run.API, token.Reveal()) // by its address, which others use
	if cert, _ := p.home.CertificatePaths(); strings.HasPrefix(run.API, "https:") {
		if err := c.Trust(cert); err != nil {
			return "silent", args{"api": run.API}
		}
	}
	defer c.Close()
	if p.status, err = c.Status(ctx); err != nil {
		return "silent", args{"api": run.API}
	}
	if page, err := c.Records(ctx, api.RecordQuery{Limit: api.MaxLimit}); err == nil {
		p.newest = page.Items
	}
	return allRight, args{"api": run.API, "started": run.Started.Local()}
}

// listener is one address on which a node listens.
type listener struct{ network, host, port string }

func (l listener) loopback() bool {
	ip := net.ParseIP(l.host)
	return ip != nil && ip.IsLoopback()
}

// listeners reads the two forms of multiaddr that are listened on; others are left out.
func listeners(multiaddrs []string) []listener {
	var out []listener
	for _, text := range multiaddrs {
		parts := strings.Split(strings.TrimPrefix(text, "/"), "/")
		if len(parts) >= 4 && (parts[0] == "ip4" || parts[0] == "ip6") && (parts[2] == "udp" || parts[2] == "tcp") {
			out = append(out, listener{network: parts[2], host: parts[1], port: parts[3]})
		}
	}
	return out
}

// checkPorts tries the ports while the node does not run; while it does, it holds them itself.
func checkPorts(_ context.Context, p *patient) (string, args) {
	if p.run.API != "" {
		addresses := listeners(p.status.Node.Addresses)
		if len(addresses) == 0 {
			return "none", nil
		}
		return allRight, nil
	}
	taken := func(err error, where string) (string, args) {
		if errors.Is(err, fs.ErrPermission) {
			return "forbidden", args{"address": where}
		}
		return "taken", args{"address": where}
	}
	for _, l := range listeners(p.settings.Config.Listen) {
		where := net.JoinHostPort(l.host, l.port)
		if l.network == "udp" {
			c, err := net.ListenPacket("udp", where)
			if err != nil {
				return taken(err, where)
			}
			_ = c.Close()
			continue
		}
		c, err := net.Listen("tcp", where)
		if err != nil {
			return taken(err, where)
		}
		_ = c.Close()
	}
	if c, err := net.Listen("tcp", p.settings.Config.API.Listen); err != nil {
		return taken(err, p.settings.Config.API.Listen)
	} else {
		_ = c.Close()
	}
	return allRight, nil
}

func (a *app) checkState(_ context.Context, p *patient) (string, args) {
	n := p.status.Node
	if n.State == api.StateReady {
		return allRight, nil
	}
	values := args{"why": "", "since": n.Since.Local(), "progress": ""}
	if a.book.Has(n.Reason) {
		values["why"] = a.say(n.Reason, nil)
	}
	if rec := p.status.Recovery; rec != nil && rec.Seen > 0 {
		values["progress"] = a.say("cli.status.recovery", args{"count": rec.Needed, "seen": rec.Seen, "done": rec.CaughtUp})
	} else if rec != nil {
		values["progress"] = a.say("cli.status.recovery_nobody", nil)
	}
	switch n.State {
	case api.StateJoining, api.StateReadOnly, api.StateEnded:
		return string(n.State), values
	}
	return string(api.StateRecovering), values
}

// checkStore tells of damage among the ledger's files: the disk that did it is still the same.
func checkStore(_ context.Context, p *patient) (string, args) {
	m := p.status.Storage.Mended
	switch {
	case m == nil:
		return allRight, nil
	case m.Whole:
		return "rebuilt", args{"path": m.Aside}
	}
	return "mended", args{"number": m.Files, "path": m.Aside}
}

func checkMembers(_ context.Context, p *patient) (string, args) {
	connected, _, others, _ := nodesOf(p.status)
	switch {
	case len(p.status.Members) <= 1:
		return allRight, args{"reached": 0, "count": 0}
	case connected == 0:
		return "nobody", args{"count": len(p.status.Members) - 1}
	}
	return allRight, args{"reached": connected, "count": others}
}

// clockTolerance is how far two clocks may differ before it is worth a word: what a message travels, and a minute by
// which nobody is misled.
const clockTolerance = 2 * time.Minute

// checkClock compares this clock with those of the nodes that spoke last. Of two clocks that differ a node cannot know
// which one is wrong; where most others agree against this one, it is this one. Where nobody has spoken yet, records
// from the future tell.
func (a *app) checkClock(_ context.Context, p *patient) (string, args) {
	var offsets []time.Duration
	worst, who := time.Duration(0), ""
	for _, m := range p.status.Members {
		for _, n := range m.Nodes {
			if n.Self || n.ClockAhead == nil || !n.Connected {
				continue
			}
			ahead := time.Duration(*n.ClockAhead) * time.Second
			offsets = append(offsets, ahead)
			if ahead.Abs() > worst.Abs() {
				worst, who = ahead, a.name(m.Names, m.Handle)
			}
		}
	}
	now := a.now()
	if len(offsets) == 0 {
		for _, r := range p.newest {
			if ahead := r.Time.Sub(now); ahead > worst {
				worst, who = ahead, r.Member
			}
		}
		if worst > protocol.MaxAhead {
			return "ahead", args{"member": who, "offset": worst}
		}
		return allRight, args{"time": now.Local()}
	}
	slices.Sort(offsets)
	// The lower one of two in the middle: with two others that disagree nobody is outvoted.
	switch middle := offsets[(len(offsets)-1)/2]; {
	case len(offsets) > 1 && middle > clockTolerance, len(offsets) > 1 && offsets[len(offsets)/2] < -clockTolerance:
		return "own", args{"offset": offsets[len(offsets)/2].Abs(), "time": now.Local()}
	case worst.Abs() > clockTolerance:
		return "other", args{"member": who, "offset": worst.Abs()}
	}
	return allRight, args{"time": now.Local()}
}

func checkBehind(_ context.Context, p *patient) (string, args) {
	_, _, _, behind := nodesOf(p.status)
	switch {
	case behind > 0:
		return "entries", args{"count": behind}
	case p.status.Ledger.Wanted > 0:
		return "wanted", args{"count": p.status.Ledger.Wanted}
	}
	return allRight, args{"count": p.status.Ledger.Entries}
}

func checkDirect(_ context.Context, p *patient) (string, args) {
	connected, relayed, _, _ := nodesOf(p.status)
	if connected > 0 && relayed == connected {
		return "relayed", args{"count": relayed}
	}
	return allRight, nil
}

// checkOthers tells which members are behind. That is for them to mend, so it is no problem of this node.
func (a *app) checkOthers(_ context.Context, p *patient) (string, args) {
	var behind []string
	for _, m := range p.status.Members {
		for _, n := range m.Nodes {
			if !n.Self && n.Connected && n.Behind != nil && *n.Behind > 0 {
				behind = append(behind, a.say("cli.status.behind_one", args{"member": a.name(m.Names, m.Handle), "count": *n.Behind}))
			}
		}
	}
	if len(behind) > 0 {
		return "ok.behind", args{"text": strings.Join(behind, " ")}
	}
	return allRight, nil
}

// scrubLate is by how many times a pass of the scrub may take longer than the settings say.
const scrubLate = 2

// checkDamage asks what is damaged on this disk, and whether it is being looked for.
func (a *app) checkDamage(_ context.Context, p *patient) (string, args) {
	s, days := p.status.Scrub, uint64(node.ScrubDays)
	late := a.now().Add(-scrubLate * time.Duration(days) * 24 * time.Hour)
	switch {
	case p.status.Ledger.Damaged > 0:
		return "found", args{"count": p.status.Ledger.Damaged}
	case s.LastEnded == nil && s.Begun != nil && s.Begun.Before(late), s.LastEnded != nil && s.LastEnded.Before(late):
		return "late", args{"days": days}
	case s.LastEnded != nil:
		return "ok.ended", args{"time": s.LastEnded.Local()}
	}
	return allRight, args{"days": days}
}

// backupStale is how old a backup that a person made may be, backupMissed a daily one.
const (
	backupStale  = 31 * 24 * time.Hour
	backupMissed = 3 * 24 * time.Hour
)

// checkBackup asks when the last backup was made. It needs no running node.
func (a *app) checkBackup(_ context.Context, p *patient) (string, args) {
	b, made := p.home.BackedUp()
	age := a.now().Sub(b.At)
	dir := p.settings.Config.Backup.Dir
	switch {
	case p.status.Backups.Failed != "":
		sentence, _ := a.book.Reason(a.lang, protocol.ParseReason(p.status.Backups.Failed), nil)
		return "failed", args{"path": p.status.Backups.Dir, "sentence": sentence}
	case dir != "" && made && age > backupMissed:
		return "missed", args{"time": b.At.Local(), "path": dir}
	case made && age > backupStale:
		return "old", args{"time": b.At.Local(), "file": b.File}
	case made:
		return allRight, args{"time": b.At.Local(), "file": b.File}
	}
	return "ok.none", nil
}

// checkAlerts passes on what the node warns of and no other check asks.
func (a *app) checkAlerts(_ context.Context, p *patient) (string, args) {
	var said []string
	for _, alert := range p.status.Alerts {
		switch alert.Code {
		case "damaged", "backup_failed", "backup_old":
			continue // said by their own checks
		}
		if alert.Level == api.AlertWarn {
			said = append(said, a.alertText(p.status, alert))
		}
	}
	if len(said) > 0 {
		return "some", args{"text": strings.Join(said, " ")}
	}
	return allRight, nil
}
