package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/dure-net/dure/node/home"
	"github.com/dure-net/dure/protocol"
)

// versionAnswer is what `dure version --json` prints.
type versionAnswer struct {
	Version  string `json:"version"`
	Protocol int    `json:"protocol"`
	Go       string `json:"go"`
	System   string `json:"system"`
	Revision string `json:"revision,omitempty"`
}

// build is set by the linker for releases: -X main.build=1.2.3.
var build string

// version reads what this program was built from.
func version() versionAnswer {
	v := versionAnswer{Version: build, Protocol: protocol.Version, Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if ok && v.Version == "" && info.Main.Version != "(devel)" {
		v.Version = info.Main.Version
	}
	if v.Version == "" {
		v.Version = "0.0.0-dev"
	}
	if ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				v.Revision = s.Value
			}
		}
	}
	return v
}

func (a *app) versionCommand() *cobra.Command {
	return a.command("version", between(0, 0), versionAnswer{}, func(context.Context, []string) error {
		v := version()
		return a.answer(v, func() { fmt.Fprintf(a.out, "dure %s (%s, %s)\n", v.Version, v.System, v.Go) })
	})
}

// pathsAnswer is what `dure paths --json` prints.
type pathsAnswer struct {
	Home   string `json:"home"`
	Config string `json:"config"`
	Token  string `json:"token"`
	Ledger string `json:"ledger"`
	Exists bool   `json:"exists"`
}

func (a *app) pathsCommand() *cobra.Command {
	return a.command("paths", between(0, 0), pathsAnswer{}, func(context.Context, []string) error {
		dir, err := home.Dir(a.homeFlag)
		if err != nil {
			return err
		}
		out := pathsAnswer{Home: dir}
		h, err := home.Open(dir, home.Options{})
		if err == nil {
			out.Config, out.Token, out.Ledger, out.Exists = h.ConfigPath(), h.TokenPath(), h.LedgerDir(), true
		} else if protocol.ReasonOf(err) != protocol.ReasonNoHome {
			return err
		}
		return a.answer(out, func() {
			t := table{}
			for _, row := range [][2]string{{"cli.paths.home", out.Home}, {"cli.paths.config", out.Config}, {"cli.paths.token", out.Token}, {"cli.paths.ledger", out.Ledger}} {
				if row[1] != "" {
					t.row(a.say(row[0], nil), row[1])
				}
			}
			t.print(a.out)
			if !out.Exists {
				a.note("cli.paths.none", nil)
			}
		})
	})
}

// settingAnswer is one setting in force.
type settingAnswer struct {
	Name   string      `json:"name"`
	Value  string      `json:"value"`
	Origin home.Origin `json:"origin"`
}

func (a *app) configCommand() *cobra.Command {
	check := a.command("check", between(0, 0), nil, func(context.Context, []string) error {
		h, err := a.openHome()
		if err != nil {
			return err
		}
		settings, err := h.Settings(nil)
		if err != nil {
			return err
		}
		out := []settingAnswer{}
		for _, name := range home.Keys() {
			out = append(out, settingAnswer{name, settings.Config.Text(name), settings.Origins[name]})
		}
		return a.answer(map[string][]settingAnswer{"settings": out}, func() {
			t := table{}
			for _, s := range out {
				t.row(s.Name, s.Value, a.say("cli.config.from."+string(s.Origin), nil))
			}
			t.print(a.out)
			a.note("cli.config.ok", args{"file": h.ConfigPath()})
		})
	})
	a.outputs["config check"] = map[string][]settingAnswer{}
	c := &cobra.Command{Use: "config check", Short: a.say("help.config", nil), DisableFlagsInUseLine: true, Args: between(0, 0),
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	c.AddCommand(check)
	return c
}

func (a *app) completionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "completion bash|zsh|fish|powershell", Short: a.say("help.completion", nil), Long: a.say("help.completion.long", nil),
		Args: between(1, 1), ValidArgs: []string{"bash", "zsh", "fish", "powershell"}, DisableFlagsInUseLine: true,
		Example: "dure completion bash > /etc/bash_completion.d/dure",
		RunE: func(c *cobra.Command, arguments []string) error {
			switch arguments[0] {
			case "bash":
				return c.Root().GenBashCompletionV2(os.Stdout, true)
			case "zsh":
				return c.Root().GenZshCompletion(os.Stdout)
			case "fish":
				return c.Root().GenFishCompletion(os.Stdout, true)
			case "powershell":
				return c.Root().GenPowerShellCompletionWithDesc(os.Stdout)
			}
			return misuse("usage.unknown_shell", args{"value": arguments[0]})
		},
	}
}
