package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/dure-net/dure/node/home"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// complaint is an error of the command line itself: its sentence is "cli.<key>", its next step "cli.<key>.hint" or,
// where there is none, the reason's.
type complaint struct {
	reason protocol.Reason
	key    string
	args   args
	err    error
}

func (c *complaint) Error() string { return c.key }
func (c *complaint) Unwrap() error { return c.err }

func misuse(key string, values args) error {
	return &complaint{reason: protocol.ReasonUsage, key: "cli." + key, args: values}
}

func reasonOf(err error) protocol.Reason {
	var c *complaint
	var e *protocol.Error
	switch {
	case errors.As(err, &c):
		return c.reason
	case errors.As(err, &e): // says more than the deadline that may stand below it
		return e.Reason
	case errors.Is(err, context.Canceled):
		return protocol.ReasonCanceled
	case errors.Is(err, context.DeadlineExceeded):
		return protocol.ReasonUnreachable
	}
	return protocol.ReasonOf(err)
}

// errorJSON is what --json prints on standard error: {"error":{…}}.
type errorJSON struct {
	Code        string       `json:"code"`    // a protocol.Reason
	Message     string       `json:"message"` // in the language of the call
	Hint        string       `json:"hint"`
	Detail      string       `json:"detail,omitempty"` // for developers, in English
	FieldErrors []fieldError `json:"field_errors"`
}

type fieldError struct {
	Field   string `json:"field"`
	Code    string `json:"code"`
	Message string `json:"message"`
	Value   string `json:"value,omitempty"`
}

// explain turns an error into words.
func (a *app) explain(err error) errorJSON {
	e := errorJSON{Code: reasonOf(err).String(), FieldErrors: []fieldError{}}
	e.Message, e.Hint = a.book.Error(a.lang, err)
	var c *complaint
	if errors.As(err, &c) {
		e.Message = a.say(c.key, c.args)
		if hint := c.key + ".hint"; a.book.Has(hint) {
			e.Hint = a.say(hint, c.args)
		} else if c.reason == protocol.ReasonUsage && a.called != "" {
			e.Hint = a.say("cli.usage.help", args{"command": a.called})
		} else {
			_, e.Hint = a.book.Reason(a.lang, c.reason, nil)
		}
	}
	for _, f := range record.FaultsOf(err) {
		e.FieldErrors = append(e.FieldErrors, fieldError{Field: f.Field, Code: string(f.Code), Message: a.book.Fault(a.lang, f), Value: f.Value})
	}
	if faults := home.FaultsOf(err); len(faults) > 1 || len(faults) == 1 && a.json {
		for _, f := range faults {
			e.FieldErrors = append(e.FieldErrors, fieldError{Field: f.Key, Code: string(f.Code), Message: a.book.Setting(a.lang, string(f.Code), f.Args()), Value: f.Value})
		}
	}
	switch reasonOf(err) {
	case protocol.ReasonInternal, protocol.ReasonMalformed, protocol.ReasonDamaged, protocol.ReasonNonCanonical, protocol.ReasonConfig:
		if e.Detail = err.Error(); c != nil { // its own text is the key of its sentence
			e.Detail = ""
			if c.err != nil {
				e.Detail = c.err.Error()
			}
		}
	}
	return e
}

// complain shows an error: the sentence, everything to correct, then the next step.
func (a *app) complain(err error) {
	if errors.As(err, &problems{}) {
		return // the command has said what it found
	}
	e := a.explain(err)
	if a.json {
		a.out = a.err
		_ = a.printJSON(map[string]errorJSON{"error": e})
		return
	}
	fmt.Fprintln(a.err, a.say("cli.error", args{"sentence": e.Message}))
	t := table{indent: 2}
	for _, f := range e.FieldErrors {
		t.row(f.Field, f.Message)
	}
	t.print(a.err)
	if len(e.FieldErrors) == 0 && e.Detail != "" && e.Code != protocol.ReasonConfig.String() {
		fmt.Fprintln(a.err, a.say("cli.detail", args{"text": e.Detail}))
	}
	if e.Hint != "" {
		fmt.Fprintln(a.err, a.say("cli.hint", args{"sentence": e.Hint}))
	}
}
