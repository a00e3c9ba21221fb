package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/term"

	"github.com/dure-net/dure/node/home"
	"github.com/dure-net/dure/node/phrase"
)

// app is one call of dure: where it reads and writes, in which language, and the flags that every command takes.
type app struct {
	book *phrase.Book
	lang string

	in       *os.File
	out, err io.Writer
	now      func() time.Time
	exit     func(code int) // ends the process at once: the second interrupt

	homeFlag string
	langFlag string
	json     bool
	quiet    bool
	noColor  bool
	called   string // the command, such as "backup check", once its arguments are in order

	asking  atomic.Bool                // a question waits for its answer
	unseen  atomic.Pointer[term.State] // the terminal as it was before a question that does not show what is typed
	onForce func()                     // what the second interrupt ends besides this process; set before the work that needs it

	outputs map[string]any // by command path: a value of the type that --json prints
}

func newApp(args []string) (*app, error) {
	book, err := phrase.New()
	if err != nil {
		return nil, err
	}
	a := &app{book: book, in: os.Stdin, out: os.Stdout, err: os.Stderr, now: time.Now, exit: os.Exit, outputs: map[string]any{}}
	a.lang = a.chooseLanguage(early(args, "lang"), early(args, "home"))
	a.json = earlySwitch(args, "json")
	return a, nil
}

// early finds the value of a global flag before flags are parsed: help texts and errors of parsing are in the chosen
// language already.
func early(args []string, name string) string {
	value := ""
	for i, arg := range args {
		if arg == "--" {
			break
		}
		if v, ok := strings.CutPrefix(arg, "--"+name+"="); ok {
			value = v
		} else if arg == "--"+name && i+1 < len(args) {
			value = args[i+1]
		}
	}
	return value
}

// earlySwitch is early for a switch: an error of parsing is told in JSON too.
func earlySwitch(args []string, name string) bool {
	for _, arg := range args {
		if arg == "--" {
			return false
		}
		if arg == "--"+name || arg == "--"+name+"=true" {
			return true
		}
	}
	return false
}

// chooseLanguage: flag > DURE_LANG > the home's settings > the system's language > English.
func (a *app) chooseLanguage(flag, homeFlag string) string {
	for _, wish := range []string{flag, os.Getenv(home.EnvName("lang"))} {
		if wish != "" {
			return a.book.Match(wish)
		}
	}
	if dir, err := home.Dir(homeFlag); err == nil {
		if h, err := home.Open(dir, home.Options{}); err == nil {
			if c, err := h.ReadConfigFile(); err == nil && c.Lang != "" {
				return a.book.Match(c.Lang)
			}
		}
	}
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if wish := os.Getenv(name); wish != "" {
			return a.book.Match(wish)
		}
	}
	return a.book.Match("")
}

// oneInterrupt is how long signals that follow one another count as one: wrappers such as timeout(1), and terminals,
// deliver a single wish to a process and to its group.
const oneInterrupt = 300 * time.Millisecond

// interruptible is a context that the first interrupt ends; a second one ends the process at once.
func (a *app) interruptible() (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2) // two are enough: the second ends the process
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		var first time.Time
		for {
			select {
			case <-signals:
			case <-done:
				return
			}
			switch {
			case a.asking.Load():
				if state := a.unseen.Load(); state != nil {
					_ = term.Restore(int(a.in.Fd()), state)
				}
				a.exit(exitInterrupted) // a person at a question has nothing to be ended in order
			case first.IsZero():
				first = time.Now()
				cancel()
			case time.Since(first) > oneInterrupt:
				if a.onForce != nil {
					a.onForce()
				}
				a.exit(exitInterrupted)
			}
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		cancel()
	}
}

// args are the values of a sentence.
type args = map[string]any

// say is a sentence in the language of this call.
func (a *app) say(key string, values args) string { return a.book.Say(a.lang, key, values) }

// word is the term of a code, or the code itself where there is none.
func (a *app) word(group, code string) string {
	if key := "term." + group + "." + code; a.book.Has(key) {
		return a.say(key, nil)
	}
	return code
}

// line writes a sentence to standard output.
func (a *app) line(key string, values args) { fmt.Fprintln(a.out, a.say(key, values)) }

// note writes a sentence to standard error, unless --quiet: what helps a person and is not the answer.
func (a *app) note(key string, values args) {
	if !a.quiet {
		fmt.Fprintln(a.err, a.say(key, values))
	}
}

// warn writes a sentence to standard error, even with --quiet.
func (a *app) warn(key string, values args) { fmt.Fprintln(a.err, a.say(key, values)) }

// answer prints v as one JSON document with --json, and as text otherwise.
func (a *app) answer(v any, text func()) error {
	if !a.json {
		text()
		return nil
	}
	return a.printJSON(v)
}

func (a *app) printJSON(v any) error {
	e := json.NewEncoder(a.out)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// name is the best name for a reader of this language.
func (a *app) name(names map[string]string, otherwise string) string {
	if value, _ := phrase.Pick(a.lang, names); value != "" {
		return value
	}
	return otherwise
}

// terminal reports whether w is a terminal.
func terminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// The few colours that mean something; the word beside them always says the same.
const (
	red    = "31"
	green  = "32"
	yellow = "33"
	bold   = "1"
)

func (a *app) paint(colour, text string) string {
	if a.noColor || os.Getenv("NO_COLOR") != "" || !terminal(a.out) {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

// plain writes data to standard output: numbers, lines to paste.
func (a *app) plain(fields ...string) { fmt.Fprintln(a.out, strings.Join(fields, "  ")) }
