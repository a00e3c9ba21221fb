package compose

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// project is one start of the compose file under a name of its own.
type project struct {
	t       *testing.T
	name    string
	compose []string // the command: docker compose, or docker-compose
	file    string   // docker-compose.yml, with ports and image names of its own
	goImage string
	ids     map[string]string // of containers, by city; once they run
}

// root is where the module begins.
const root = "../../.."

// open finds an engine and a compose command, or skips.
func open(t *testing.T) *project {
	t.Helper()
	if testing.Short() {
		t.Skip("skipped: containers take a while")
	}
	p := &project{t: t, name: fmt.Sprintf("dure-test-%d", os.Getpid())}
	if _, err := p.try(10*time.Second, nil, "docker", "version", "--format", "{{.Server.Version}}"); err != nil {
		t.Skipf("skipped: no Docker engine answers here: %v", err)
	}
	for _, c := range [][]string{{"docker", "compose"}, {"docker-compose"}} {
		if _, err := p.try(20*time.Second, nil, append(c, "version")...); err == nil {
			p.compose = c
			break
		}
	}
	if p.compose == nil {
		t.Skip("skipped: there is neither docker compose nor docker-compose here")
	}
	raw, err := os.ReadFile(filepath.Join(root, "docker-compose.yml"))
	if err != nil {
		t.Fatal(err)
	}
	// The ports and images that people use are left alone: demonstrations may run beside this.
	text := string(raw)
	for i := range cities {
		text = p.swap(text, fmt.Sprintf("127.0.0.1:%d:7710", 7711+i), "127.0.0.1::7710")
	}
	text = p.swap(text, ":compose\n", ":"+p.name+"\n")
	p.file = filepath.Join(t.TempDir(), "docker-compose.yml")
	if err := os.WriteFile(p.file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p.goImage = os.Getenv("GO_IMAGE")
	t.Cleanup(p.close)
	if p.goImage == "" {
		p.makeGoImage()
	}
	return p
}

func (p *project) swap(text, old, new string) string {
	p.t.Helper()
	if !strings.Contains(text, old) {
		p.t.Fatalf("docker-compose.yml has no %q any more", old)
	}
	return strings.ReplaceAll(text, old, new)
}

// close removes everything that the project made, whatever became of it.
func (p *project) close() {
	if p.t.Failed() {
		out, _ := p.try(30*time.Second, nil, p.args("logs", "--tail", "40")...)
		p.t.Logf("logs:\n%s", out)
	}
	if out, err := p.try(2*time.Minute, nil, p.args("down", "--volumes", "--remove-orphans", "--timeout", "5")...); err != nil {
		p.t.Errorf("the containers could not be removed: %v\n%s", err, out)
	}
	for _, image := range p.images() {
		if out, err := p.try(time.Minute, nil, "docker", "image", "rm", "--force", image); err != nil {
			p.t.Logf("an image is left: %v %s", err, out)
		}
	}
}

// images are those that the project made: the two that it named, and what the build stage left without a name.
func (p *project) images() []string {
	wanted := []string{"dure-node:" + p.name, "dure-setup:" + p.name}
	if p.goImage != os.Getenv("GO_IMAGE") {
		wanted = append(wanted, p.goImage)
	}
	const first = "{{index .RootFS.Layers 0}}"
	base, err := p.try(20*time.Second, nil, "docker", "image", "inspect", "--format", first, p.goImage)
	var out []string
	for _, name := range wanted {
		if _, err := p.try(20*time.Second, nil, "docker", "image", "inspect", name); err == nil {
			out = append(out, name)
		}
	}
	nameless, lerr := p.try(20*time.Second, nil, "docker", "image", "ls", "--quiet", "--filter", "dangling=true")
	if err != nil || lerr != nil || p.goImage == os.Getenv("GO_IMAGE") {
		return out
	}
	for id := range strings.FieldsSeq(nameless) {
		if layer, err := p.try(20*time.Second, nil, "docker", "image", "inspect", "--format", first, id); err == nil && layer == base {
			out = append(out, id)
		}
	}
	return out
}

func (p *project) args(rest ...string) []string {
	return append(append([]string(nil), p.compose...), append([]string{"--project-name", p.name, "--project-directory", root, "--file", p.file}, rest...)...)
}

// try runs a command to its end and returns what it wrote to standard output.
func (p *project) try(limit time.Duration, in io.Reader, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdin = in
	cmd.Env = append(os.Environ(), "GO_IMAGE="+p.goImage)
	cmd.WaitDelay = 5 * time.Second
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		text := strings.TrimSpace(said.String())
		err = fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, text[max(0, len(text)-2000):])
	}
	return strings.TrimSpace(string(out)), err
}

func (p *project) run(limit time.Duration, args ...string) string {
	p.t.Helper()
	out, err := p.try(limit, nil, args...)
	if err != nil {
		p.t.Fatal(err)
	}
	return out
}

// containers finds the cities' containers by the labels that compose gives them.
func (p *project) containers() {
	p.t.Helper()
	p.ids = map[string]string{}
	out := p.run(2*time.Minute, "docker", "ps", "--filter", "label=com.docker.compose.project="+p.name,
		"--format", `{{.Label "com.docker.compose.service"}} {{.ID}}`)
	for line := range strings.Lines(out) {
		if f := strings.Fields(line); len(f) == 2 {
			p.ids[f[0]] = f[1]
		}
	}
	for _, city := range cities {
		if p.ids[city] == "" {
			p.t.Fatalf("%s does not run: %q", city, out)
		}
	}
}

// dure runs a command of dure inside a city's container.
func (p *project) dure(city string, in io.Reader, args ...string) (string, error) {
	return p.try(2*time.Minute, in, append([]string{"docker", "exec", "--interactive", p.ids[city], "/dure"}, args...)...)
}

// makeGoImage imports an image that holds the stand-in for go and the binary: nothing is pulled.
func (p *project) makeGoImage() {
	p.t.Helper()
	dir := p.t.TempDir()
	files := map[string]string{"usr/local/go/bin/go": "./cmd/dure/compose/testdata/go", "prebuilt/dure": "./cmd/dure"}
	var image bytes.Buffer
	w := tar.NewWriter(&image)
	for name, source := range files {
		path := filepath.Join(dir, filepath.Base(name))
		cmd := exec.Command("go", "build", "-ldflags", "-s -w", "-o", path, source)
		cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			p.t.Fatalf("building %s: %v\n%s", source, err, out)
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			p.t.Fatal(err)
		}
		err = errors.Join(w.WriteHeader(&tar.Header{Name: name, Mode: int64(fs.FileMode(0o755)), Size: int64(len(raw)), Typeflag: tar.TypeReg}))
		if _, werr := w.Write(raw); errors.Join(err, werr) != nil {
			p.t.Fatal(err, werr)
		}
	}
	if err := w.Close(); err != nil {
		p.t.Fatal(err)
	}
	p.goImage = "dure-go:" + p.name
	if _, err := p.try(time.Minute, &image, "docker", "import", "--change", "ENV PATH=/usr/local/go/bin", "-", p.goImage); err != nil {
		p.t.Fatal(err)
	}
}
