package compose

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// cities are the services that are nodes, in the order of their ports.
var cities = []string{"kr-seoul", "ca-montreal", "es-bilbao", "sn-dakar", "mx-mexico-city"}

func load(t *testing.T, env ...string) *types.Project {
	t.Helper()
	o, err := cli.NewProjectOptions([]string{"../../../docker-compose.yml"}, cli.WithName("dure"), cli.WithEnv(env))
	if err != nil {
		t.Fatal(err)
	}
	p, err := o.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestFile_Services(t *testing.T) {
	p := load(t)
	if got, want := len(p.Services), len(cities)+1; got != want {
		t.Fatalf("%d services, want %d", got, want)
	}
	for i, name := range cities {
		s, err := p.GetService(name)
		if err != nil {
			t.Fatal(err)
		}
		if on, ok := s.DependsOn["setup"]; !ok || on.Condition != types.ServiceConditionCompletedSuccessfully {
			t.Errorf("%s does not wait until its home is written: %v", name, s.DependsOn)
		}
		if h := s.HealthCheck; h == nil || !slices.Equal([]string(h.Test), []string{"CMD", "/dure", "probe"}) {
			t.Errorf("%s has no health check by dure probe: %+v", name, h)
		}
		if len(s.Volumes) != 1 || s.Volumes[0].Type != types.VolumeTypeVolume || s.Volumes[0].Source != name || s.Volumes[0].Target != "/data" {
			t.Errorf("%s does not have a volume of its own at /data: %+v", name, s.Volumes)
		}
		if len(s.Ports) != 1 || s.Ports[0].HostIP != "127.0.0.1" || s.Ports[0].Published != fmt.Sprint(7711+i) || s.Ports[0].Target != 7710 {
			t.Errorf("%s is not published on 127.0.0.1:%d alone: %+v", name, 7711+i, s.Ports)
		}
		if s.StopGracePeriod == nil || s.StopGracePeriod.String() != "20s" {
			t.Errorf("%s may be ended before it has closed its ledger: %v", name, s.StopGracePeriod)
		}
	}
	setup, err := p.GetService("setup")
	if err != nil {
		t.Fatal(err)
	}
	var homes []string
	for _, v := range setup.Volumes {
		if v.Target != "/cities/"+v.Source {
			t.Errorf("setup writes volume %s at %s", v.Source, v.Target)
		}
		homes = append(homes, v.Source)
	}
	if !slices.Equal(homes, cities) || len(setup.Ports) != 0 || setup.NetworkMode != "none" {
		t.Errorf("setup: volumes %v, ports %v, network %q", homes, setup.Ports, setup.NetworkMode)
	}
	if len(p.Volumes) != len(cities) {
		t.Errorf("%d volumes, want %d", len(p.Volumes), len(cities))
	}
}

// TestFile_Confined holds what no service may have, and that nothing is pulled but the build's base.
func TestFile_Confined(t *testing.T) {
	for name, s := range load(t).Services {
		if s.Privileged || len(s.CapAdd) > 0 || len(s.Devices) > 0 || s.Pid != "" || s.Ipc != "" || s.NetworkMode == "host" {
			t.Errorf("%s may do more than a node needs", name)
		}
		if !s.ReadOnly || !slices.Contains(s.CapDrop, "ALL") || !slices.Contains(s.SecurityOpt, "no-new-privileges:true") || s.MemLimit <= 0 {
			t.Errorf("%s is not confined: read_only %v, cap_drop %v, security_opt %v, mem_limit %d", name, s.ReadOnly, s.CapDrop, s.SecurityOpt, s.MemLimit)
		}
		if s.User != "" {
			t.Errorf("%s runs as %s instead of the image's user", name, s.User)
		}
		for _, v := range s.Volumes {
			if v.Type != types.VolumeTypeVolume {
				t.Errorf("%s sees %s of this machine", name, v.Source)
			}
		}
		if s.Build == nil || s.Build.Dockerfile != "cmd/dure/Dockerfile" || !strings.HasPrefix(s.Image, "dure-") {
			t.Errorf("%s is not built here: image %q", name, s.Image)
		}
	}
}

// TestFile_Variables: nothing has to be set, and GO_IMAGE names another base.
func TestFile_Variables(t *testing.T) {
	for want, p := range map[string]*types.Project{"golang:1.26": load(t), "my-go": load(t, "GO_IMAGE=my-go")} {
		for name, s := range p.Services {
			if s.Build == nil {
				t.Fatalf("%s is not built here", name)
			}
			if got := s.Build.Args["GO_IMAGE"]; got == nil || *got != want {
				t.Errorf("%s is built on %v, want %s", name, got, want)
			}
		}
	}
}

// TestFile_Dockerfile holds what compose cannot say: the image is empty but for the program, and its user a number.
func TestFile_Dockerfile(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	stages, user := map[string]bool{"scratch": true, "${GO_IMAGE}": true}, ""
	for line := range strings.Lines(string(raw)) {
		f := strings.Fields(line)
		switch {
		case strings.HasPrefix(line, "# syntax="):
			t.Error("the syntax line would pull an image")
		case len(f) >= 2 && f[0] == "FROM":
			if !stages[f[1]] {
				t.Errorf("%s is pulled", f[1])
			}
			if len(f) == 4 {
				stages[f[3]] = true
			}
		case len(f) >= 2 && f[0] == "USER":
			user = f[1]
		case len(f) >= 2 && f[0] == "RUN" && !strings.HasPrefix(f[1], "["):
			t.Errorf("needs a shell: %s", line)
		}
	}
	if user != "65532:65532" {
		t.Errorf("user %q: Kubernetes and others check for a number that is not 0", user)
	}
}
