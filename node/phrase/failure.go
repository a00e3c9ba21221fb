package phrase

import (
	"context"
	"errors"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// Error turns an error into what happened and what to do next. The reason of the outermost protocol.Error chooses the
// sentence "error.<reason>" and the next step "hint.<reason>", its Args fill them. A sentence may have variants,
// "<key>.<word>", that take other arguments: the one that says most with the arguments at hand is chosen. Developers'
// text (Op, Err) never shows here.
//
// Arguments written as RFC 3339 become local times, day strings local dates, and long identifiers are shortened.
func (b *Book) Error(lang string, err error) (sentence, hint string) {
	if err == nil {
		return "", ""
	}
	reason, args := protocol.ReasonOf(err), map[string]string{}
	var e *protocol.Error
	switch {
	case errors.As(err, &e):
		for name, value := range e.Args {
			args[name] = value
		}
		for name, value := range map[string]string{"id": e.ID, "field": e.Field} {
			if _, given := args[name]; !given && value != "" {
				args[name] = value
			}
		}
	case errors.Is(err, context.Canceled):
		reason = protocol.ReasonCanceled
	case errors.Is(err, context.DeadlineExceeded):
		reason = protocol.ReasonUnreachable
	}
	return b.Reason(lang, reason, args)
}

// Reason is Error for a reason and its arguments without an error around them.
func (b *Book) Reason(lang string, reason protocol.Reason, args map[string]string) (sentence, hint string) {
	if code := args["remark"]; code != "" || args["offices"] != "" { // words of ours
		args = maps.Clone(args)
		if label := record.Label(record.RemarkTypes, code, lang); label != "" {
			args["remark"] = label
		}
		if codes := args["offices"]; codes != "" {
			var names []string
			for office := range strings.SplitSeq(codes, ",") {
				names = append(names, b.word(lang, "term.office."+office, office))
			}
			args["offices"] = strings.Join(names, ", ")
		}
	}
	data := b.data(lang, args)
	what := b.fullestKey("error."+reason.String(), "", data)
	next := b.fullestKey("hint."+reason.String(), "hint"+strings.TrimPrefix(what, "error"), data)
	sentence, hint = b.Say(lang, what, data), b.Say(lang, next, data)
	if key := "config." + args["code"]; reason == protocol.ReasonConfig && b.Has(key) {
		sentence = b.Setting(lang, args["code"], args)
	}
	return sentence, hint
}

// Fault says one fault of a record in a sentence; the field's path is not part of it.
func (b *Book) Fault(lang string, f record.Fault) string {
	args := map[string]string{}
	for name, value := range map[string]string{"field": f.Field, "value": f.Value} {
		if value != "" {
			args[name] = value
		}
	}
	for name, value := range f.Args {
		switch name {
		case "want", "format": // a word of ours
			value = b.word(lang, "fault."+name+"."+value, value)
		case "lang":
			value = b.Language(lang, value)
		case "allowed": // a list as programs write it
			value = strings.ReplaceAll(value, ",", ", ")
		}
		args[name] = value
	}
	return b.fullest(lang, "fault."+string(f.Code), args)
}

// Setting says one fault of the settings: code is a home.FaultCode, args its Args.
func (b *Book) Setting(lang, code string, args map[string]string) string {
	return b.fullest(lang, "config."+code, args)
}

// Change says one change of charter, membership or office: kind as in api.Change, args its fields by their JSON names.
func (b *Book) Change(lang, kind string, args map[string]string) string {
	words := map[string]string{}
	for name, value := range args {
		switch name {
		case "office", "category":
			value = b.word(lang, "term."+name+"."+value, value)
		}
		if value != "" {
			words[name] = value
		}
	}
	return b.fullest(lang, "change."+kind, words)
}

// Alert words something that people should know: the sentence of alert.<code>, with its
// values and the names of whom it is about. The code itself where there is no sentence.
func (b *Book) Alert(lang, code string, args map[string]string) string {
	if !b.Has("alert." + code) {
		return code
	}
	return b.fullest(lang, "alert."+code, args)
}

// Wait says what waits for a member in an agreement: code and args as in api.Wait.
func (b *Book) Wait(lang, code string, args map[string]string) string {
	return b.fullest(lang, "wait."+code, args)
}

// words puts codes, separated by commas, into words.
func (b *Book) words(lang, group, codes string) string {
	list := strings.Split(codes, ", ")
	for i, code := range list {
		list[i] = b.word(lang, "term."+group+"."+code, code)
	}
	return strings.Join(list, ", ")
}

// word is the sentence of key, or otherwise where there is none.
func (b *Book) word(lang, key, otherwise string) string {
	if !b.Has(key) {
		return otherwise
	}
	return b.Say(lang, key, nil)
}

// fullest says key or the variant of it that takes the most arguments, all of them at hand.
func (b *Book) fullest(lang, key string, args map[string]string) string {
	data := b.data(lang, args)
	return b.Say(lang, b.fullestKey(key, "", data), data)
}

// data are arguments as sentences take them.
func (b *Book) data(lang string, args map[string]string) map[string]any {
	data := make(map[string]any, len(args))
	for name, value := range args {
		switch name {
		case "why": // a charter.Why
			data[name] = b.word(lang, "why."+value, value)
		case "deed", "instead": // what is done about agreements
			data[name] = b.words(lang, "deed", value)
		case "phase":
			data[name] = b.words(lang, "phase", value)
		case "unit_code":
			data[name] = b.unit(lang, value)
		case "free", "floor": // bytes of a disk
			data[name] = b.amount(lang, value)
		default:
			data[name] = b.value(lang, value)
		}
	}
	return data
}

// fullestKey is key or the variant of it that takes the most arguments, all of them in data. Before key itself, and
// before those that take as many, it is paired where that is one of them: a hint goes with its sentence.
func (b *Book) fullestKey(key, paired string, data map[string]any) string {
	best, most := key, -1
	for _, candidate := range b.variants[key] {
		takes, all := b.placeholders[candidate], true
		for _, name := range takes {
			if _, ok := data[name]; !ok {
				all = false
			}
		}
		if all && (len(takes) > most || candidate == paired && (len(takes) == most || best == key)) {
			best, most = candidate, len(takes)
		}
	}
	return best
}

// unit is a unit of quantities as people call it; a currency is its code.
func (b *Book) unit(lang, code string) string {
	if label := record.Label(record.Units, code, lang); label != "" {
		return label
	}
	return code
}

// amount writes a number of bytes.
func (b *Book) amount(lang, text string) string {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return text
	}
	return b.Bytes(lang, n)
}

// value writes one argument for people.
func (b *Book) value(lang, text string) string {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return b.Time(lang, t)
	}
	if d, err := time.ParseDuration(text); err == nil && strings.ContainsAny(text, "hms") {
		return b.Duration(lang, d)
	}
	if len(text) == len(day) {
		return b.Day(lang, text)
	}
	if strings.HasPrefix(text, "baf") && len(text) > 50 {
		return "…" + text[len(text)-8:]
	}
	return text
}

const day = time.DateOnly
