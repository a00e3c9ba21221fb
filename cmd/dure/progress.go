package main

import (
	"fmt"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/dure-net/dure/node/api"
)

// Progress shows on standard error: as a bar on a terminal, elsewhere as a line now and then, so that a log does not
// fill. Nothing shows with --quiet or --json, nor of what is done at once.
const (
	barAfter  = 500 * time.Millisecond
	lineEvery = 10 * time.Second
)

// progress returns what a long task calls as it goes, and what its end calls. key names what is being done.
func (a *app) progress(key string) (step func(api.Progress), done func()) {
	if a.quiet || a.json {
		return func(api.Progress) {}, func() {}
	}
	if terminal(a.err) {
		return a.bar(key)
	}
	last := a.now()
	return func(p api.Progress) {
		if now := a.now(); now.Sub(last) >= lineEvery {
			last = now
			a.note("cli.progress.line", a.progressed(key, p))
		}
	}, func() {}
}

func (a *app) progressed(key string, p api.Progress) args {
	total := a.say("cli.progress.unknown", nil)
	if p.Total > 0 {
		total = a.amount(p.Unit, p.Total)
	}
	return args{"what": a.say(key, nil), "done": a.amount(p.Unit, p.Done), "total": total}
}

func (a *app) amount(unit string, n uint64) string {
	if unit == "bytes" {
		return a.book.Bytes(a.lang, n)
	}
	return a.book.Number(a.lang, int64(n))
}

func (a *app) bar(key string) (func(api.Progress), func()) {
	begun := a.now()
	var bar *progressbar.ProgressBar
	return func(p api.Progress) {
			if bar == nil {
				if a.now().Sub(begun) < barAfter {
					return
				}
				total := int64(p.Total)
				if total == 0 {
					total = -1
				}
				bar = progressbar.NewOptions64(total, progressbar.OptionSetWriter(a.err), progressbar.OptionSetDescription(a.say(key, nil)),
					progressbar.OptionShowCount(), progressbar.OptionSetWidth(30), progressbar.OptionThrottle(100*time.Millisecond),
					progressbar.OptionClearOnFinish(), progressbar.OptionShowBytes(p.Unit == "bytes"))
			}
			_ = bar.Set64(int64(p.Done))
		}, func() {
			if bar != nil {
				_ = bar.Finish()
				fmt.Fprint(a.err, "\r")
			}
		}
}
