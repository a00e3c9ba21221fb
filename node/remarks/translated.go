package remarks

import (
	"encoding/json"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
	"github.com/dure-net/dure/protocol/record/remark"
)

// Translated puts a translation that some member added in the place of what a record does
// not say in a language: a person's before a machine's, then the newest, and none of words
// that the record has changed since. What the owner says in the language itself stays. It
// returns the content to show and whose translation that is; nil where nothing was
// translated, and the content as it came. It never changes the content given.
func Translated(kind protocol.Kind, content map[string]any, all []remark.Translation, lang string) (map[string]any, *remark.Translation) {
	var best *remark.Translation
	for i := range all {
		one := &all[i]
		if one.Outdated || one.Lang != lang || len(one.Texts) == 0 {
			continue
		}
		if best == nil || best.ByMachine && !one.ByMachine || best.ByMachine == one.ByMachine && one.Time.After(best.Time) {
			best = one
		}
	}
	if best == nil || content == nil {
		return content, nil
	}
	raw, err := json.Marshal(content)
	var shown map[string]any
	if err != nil || json.Unmarshal(raw, &shown) != nil {
		return content, nil
	}
	if len(record.Translate(kind, shown, &record.Translation{Lang: lang, Texts: best.Texts})) == 0 {
		return content, nil
	}
	return shown, best
}
