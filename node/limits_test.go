package node

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/dure-net/dure/node/api"
)

var update = flag.Bool("update", false, "write the tables of limits into protocol/SPEC.md")

// table is the limits of some scopes as SPEC.md has them.
func table(scopes ...string) string {
	text := "| | | why | beyond |\n| --- | --- | --- | --- |\n"
	for _, l := range Limits() {
		if slices.Contains(scopes, l.Scope) {
			text += fmt.Sprintf("| `%s` | %s | %s | %s |\n", l.Name, strings.TrimSpace(figure(l.Value, l.Unit)), l.Why, l.Beyond)
		}
	}
	return text
}

// figure writes a value as people read it.
func figure(v int64, unit string) string {
	if strings.HasPrefix(unit, "bytes") {
		for _, u := range []struct {
			name string
			size int64
		}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
			if v >= u.size && v%u.size == 0 {
				return strconv.FormatInt(v/u.size, 10) + " " + u.name + strings.TrimPrefix(unit, "bytes")
			}
		}
	}
	digits := strconv.FormatInt(v, 10)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits + " " + unit
}

// SPEC.md has the limits that the programs have. go test ./node -run TestLimits -update
// writes them.
func TestLimits_SpecHasThem(t *testing.T) {
	path := filepath.Join("..", "protocol", "SPEC.md")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := string(raw)
	for name, scopes := range map[string][]string{"federation": {"federation", "sealed"}, "node": {"replication", "ledger", "mesh"}, "api": {"index", "private", "searches", "api"}} {
		from, to := "<!-- limits: "+name+" -->\n", "<!-- end -->"
		before, rest, ok := strings.Cut(want, from)
		if !ok {
			t.Fatalf("SPEC.md has no place for the limits of the %s", name)
		}
		_, after, _ := strings.Cut(rest, to)
		want = before + from + table(scopes...) + to + after
	}
	if want == string(raw) {
		return
	}
	if !*update {
		t.Fatal("the limits in SPEC.md are not those of the programs; run with -update and read the difference")
	}
	if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Every number that a package gives a name to is listed, under that name, or it is said
// here why it is no limit.
func TestLimits_NoneIsLeftOut(t *testing.T) {
	no := map[string]bool{}
	for _, name := range strings.Fields(`
		protocol.Version
		sealed.encapsulatedBytes sealed.publicKeyBytes sealed.contentKeyBytes sealed.tagBytes sealed.lengthBytes sealed.version
		replication.MaxSkew replication.certifyAfter replication.certifySpread replication.rangeLines replication.portionBytes replication.designateAfter
		replication.recoverAgain replication.recoverAlone replication.recoverFetch replication.lookEvery replication.eraseAfter replication.eraseAgain
		mesh.DefaultPort mesh.MaxMessageBytes mesh.maxListenAddrs mesh.Graylist mesh.scorePeriod
		mesh.deliveryWeight
	`) { // versions, ports, names of limits listed elsewhere, fractions, and how long to wait before looking again
		no[name] = true
	}
	field, _ := reflect.TypeFor[api.Limit]().FieldByName("Scope")
	scopes := strings.Split(field.Tag.Get("enum"), ",") // what the document promises to callers
	listed := map[string]bool{}
	for _, l := range Limits() {
		if !slices.Contains(scopes, l.Scope) {
			t.Errorf("%s.%s: the API's document knows no such scope", l.Scope, l.Name)
		}
		scope := l.Scope
		if scope == "federation" {
			scope = "protocol"
		}
		if listed[scope+"."+l.Name] {
			t.Errorf("%s.%s is listed twice", scope, l.Name)
		}
		if l.Why == "" {
			t.Errorf("%s.%s does not say why", scope, l.Name)
		}
		listed[scope+"."+l.Name] = true
	}
	sources := map[string]string{
		"protocol": "../protocol/limits.go", "replication": "../replication/[bcghjpqrstw]*.go", "ledger": "../replication/ledger/config.go",
		"sealed":  "../protocol/sealed/bounds.go",
		"private": "private/bounds.go", "searches": "searches/doc.go",
		"mesh": "../replication/mesh/[ls][ic][mo]*.go", "api": "api/limits.go",
	}
	for scope, pattern := range sources {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, path := range files {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			for _, name := range numbers(t, path) {
				if name = scope + "." + name; !listed[name] && !no[name] {
					t.Errorf("%s of %s is not listed among the limits", name, path)
				}
			}
		}
	}
	row := regexp.MustCompile(`b\("(\w+)", (.+?), (?:"|bytes|count|seconds|ms)`)
	for _, path := range []string{"../protocol/bounds.go", "../replication/bounds.go", "../replication/ledger/bounds.go", "../replication/mesh/bounds.go", "api/limits.go"} {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range row.FindAllStringSubmatch(string(raw), -1) {
			if !regexp.MustCompile(`\b` + m[1] + `\b`).MatchString(m[2]) {
				t.Errorf("%s: %s is given as %s", path, m[1], m[2])
			}
		}
	}
}

// numbers are the names of a file's constants that are no text.
func numbers(t *testing.T, path string) (names []string) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range file.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		for _, s := range g.Specs {
			v := s.(*ast.ValueSpec)
			if v.Type != nil || len(v.Values) != len(v.Names) {
				continue
			}
			for i, name := range v.Names {
				if lit, ok := v.Values[i].(*ast.BasicLit); !ok || lit.Kind != token.STRING {
					names = append(names, name.Name)
				}
			}
		}
	}
	return names
}
