package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dure-net/dure/node/home"
	"github.com/dure-net/dure/node/phrase"
)

func testApp(t *testing.T, lang string) *app {
	t.Helper()
	book, err := phrase.New()
	if err != nil {
		t.Fatal(err)
	}
	return &app{book: book, lang: lang, out: io.Discard, err: io.Discard, now: time.Now, outputs: map[string]any{}}
}

// groupsOfKeys are the first words of all keys: a text that begins so is a key.
var groupsOfKeys = []string{"cli", "help", "flag", "doctor", "exit", "field", "demo", "term", "error", "hint", "fault", "config", "change", "state", "date", "unit", "span", "ago", "why", "web", "api"}

// keysIn lists the texts in a file's code that are keys of the catalogue, and those that only begin one.
func keysIn(t *testing.T, file string) (keys, beginnings []string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch x := n.(type) {
		case *ast.ImportSpec, *ast.Field: // struct tags are no keys
			return false
		case *ast.CallExpr:
			// misuse("usage.…") stands for "cli.usage.…".
			if name, ok := x.Fun.(*ast.Ident); ok && name.Name == "misuse" && len(x.Args) > 0 {
				if lit, ok := x.Args[0].(*ast.BasicLit); ok {
					keys = append(keys, "cli."+unquote(lit))
				}
			}
		case *ast.BasicLit:
			text := unquote(x)
			group, rest, dotted := strings.Cut(text, ".")
			if x.Kind != token.STRING || !dotted || !slices.Contains(groupsOfKeys, group) || strings.ContainsAny(text, " /:{}%=") {
				return true
			}
			switch {
			case rest == "" || strings.HasSuffix(text, "."):
				beginnings = append(beginnings, text)
			case !strings.HasSuffix(rest, "toml") && !slices.Contains(home.Keys(), text):
				keys = append(keys, text)
			}
		}
		return true
	})
	return keys, beginnings
}

func unquote(lit *ast.BasicLit) string {
	text, err := strconv.Unquote(lit.Value)
	if err != nil {
		return ""
	}
	return text
}

func TestKeys_ThatCodeSaysExist(t *testing.T) {
	a := testApp(t, "en")
	all := a.book.Keys()
	for _, dir := range []string{".", "../../node", "../../node/api", "../../node/web", "../../node/phrase", "../../replication"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			keys, beginnings := keysIn(t, file)
			found += len(keys)
			for _, key := range keys {
				if !a.book.Has(key) {
					t.Errorf("%s says %q, which no catalogue has", filepath.Base(file), key)
				}
			}
			for _, begin := range beginnings {
				if !slices.ContainsFunc(all, func(key string) bool { return strings.HasPrefix(key, begin) }) {
					t.Errorf("%s begins keys with %q, and no catalogue has one", filepath.Base(file), begin)
				}
			}
		}
		if dir == "." && found < 100 {
			t.Errorf("only %d keys were found here", found)
		}
	}
}

// Keys of our own catalogues that nothing says are sentences forgotten after a change.
func TestKeys_OfTheCommandLineAreUsed(t *testing.T) {
	a := testApp(t, "en")
	used := map[string]bool{}
	var beginnings []string
	for _, pattern := range []string{"*.go", "../../node/phrase/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			keys, begin := keysIn(t, file)
			for _, key := range keys {
				used[key] = true
			}
			beginnings = append(beginnings, begin...)
		}
	}
	for _, key := range a.book.Keys() {
		group, _, _ := strings.Cut(key, ".")
		if group != "cli" && group != "demo" {
			continue
		}
		if used[key] || used[strings.TrimSuffix(key, ".hint")] ||
			slices.ContainsFunc(beginnings, func(begin string) bool { return begin != "cli." && strings.HasPrefix(key, begin) }) {
			continue
		}
		t.Errorf("nothing says %q", key)
	}
}

func TestHelp_EveryCommandAndFlagIsExplainedInFourLanguages(t *testing.T) {
	for _, lang := range phrase.Languages() {
		a := testApp(t, lang)
		var walk func(c *cobra.Command)
		walk = func(c *cobra.Command) {
			for what, text := range map[string]string{"short": c.Short, "long": c.Long} {
				if strings.HasPrefix(text, "help.") || what == "short" && text == "" {
					t.Errorf("%s: %s has no %s text: %q", lang, c.CommandPath(), what, text)
				}
			}
			c.Flags().VisitAll(func(f *pflag.Flag) {
				if f.Usage == "" || strings.HasPrefix(f.Usage, "flag.") {
					t.Errorf("%s: --%s of %s is not explained: %q", lang, f.Name, c.CommandPath(), f.Usage)
				}
			})
			for _, sub := range c.Commands() {
				walk(sub)
			}
		}
		walk(a.tree())
		for _, code := range exitCodes {
			if !a.book.Has("exit." + strconv.Itoa(code)) {
				t.Errorf("exit code %d is not explained", code)
			}
		}
	}
}

func TestDoctor_EveryCheckIsSaid(t *testing.T) {
	a := testApp(t, "en")
	codes := map[string]bool{}
	for _, c := range a.checks() {
		for _, need := range c.needs {
			if !codes[need] {
				t.Errorf("%s needs %s, which is not asked before it", c.code, need)
			}
		}
		codes[c.code] = true
		if !a.book.Has("doctor."+c.code+".ok") || !a.book.Has("doctor."+c.code) {
			t.Errorf("%s is not said", c.code)
		}
	}
	// Every way in which something can be wrong says its effect and its fix.
	for _, key := range a.book.Keys() {
		parts := strings.Split(key, ".")
		if parts[0] != "doctor" || len(parts) != 3 || parts[2] == allRight || !codes[parts[1]] {
			continue
		}
		for _, more := range []string{".effect", ".fix"} {
			if !a.book.Has(key + more) {
				t.Errorf("%s has no %s", key, more)
			}
		}
	}
}

func TestConfig_EveryFaultIsSaid(t *testing.T) {
	a := testApp(t, "en")
	for _, code := range home.FaultCodes() {
		if !a.book.Has("config." + string(code)) {
			t.Errorf("%q has no sentence", code)
		}
	}
}
