package main

import (
	"context"
	"os"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dure-net/dure/node/home"
)

// serviceText is what `dure service --json` prints.
type serviceText struct {
	System string `json:"system"` // systemd, launchd or windows
	File   string `json:"file"`   // where the text belongs; empty for commands to be run
	Text   string `json:"text"`
}

// The texts are settings of the systems they are for; nothing in them is a sentence for people. What is said to people
// stands in the catalogue. PROGRAM and HOME are replaced.
const (
	systemdUnit = `[Unit]
Description=dure
After=network-online.target
Wants=network-online.target

[Service]
ExecStart=PROGRAM start --home HOME
User=dure
Group=dure
StateDirectory=dure
Restart=on-failure
RestartSec=5
RestartPreventExitStatus=18
TimeoutStopSec=30
KillSignal=SIGTERM
NoNewPrivileges=true
ProtectSystem=strict
ProtectHome=true
PrivateTmp=true
ReadWritePaths=HOME
MemoryMax=1G
LimitNOFILE=65536

[Install]
WantedBy=multi-user.target
`
	launchdPlist = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key><string>net.dure.node</string>
  <key>ProgramArguments</key>
  <array><string>PROGRAM</string><string>start</string><string>--home</string><string>HOME</string></array>
  <key>RunAtLoad</key><true/>
  <key>KeepAlive</key><dict><key>SuccessfulExit</key><false/></dict>
  <key>StandardErrorPath</key><string>HOME/dure.log</string>
  <key>ExitTimeOut</key><integer>30</integer>
</dict>
</plist>
`
	windowsCommands = `sc.exe create dure binPath= "\"PROGRAM\" start --home \"HOME\"" start= auto DisplayName= "dure"
sc.exe failure dure reset= 86400 actions= restart/5000/restart/5000/restart/60000
sc.exe start dure
`
)

func (a *app) serviceCommand() *cobra.Command {
	var system string
	c := a.command("service [--for systemd|launchd|windows]", between(0, 0), serviceText{}, func(context.Context, []string) error {
		if system == "" {
			system = map[string]string{"darwin": "launchd", "windows": "windows"}[runtime.GOOS]
			if system == "" {
				system = "systemd"
			}
		}
		out := serviceText{System: system}
		switch system {
		case "systemd":
			out.File, out.Text = "/etc/systemd/system/dure.service", systemdUnit
		case "launchd":
			out.File, out.Text = "/Library/LaunchDaemons/net.dure.node.plist", launchdPlist
		case "windows":
			out.Text = windowsCommands
		default:
			return misuse("usage.unknown_system", args{"value": system})
		}
		program, err := os.Executable()
		if err != nil {
			return err
		}
		dir, err := home.Dir(a.homeFlag)
		if err != nil {
			return err
		}
		out.Text = strings.NewReplacer("PROGRAM", program, "HOME", dir).Replace(out.Text)
		return a.answer(out, func() {
			a.note("cli.service."+system, args{"file": out.File})
			_, _ = a.out.Write([]byte(out.Text))
		})
	})
	a.textFlag(c.Flags(), &system, "for", "SYSTEM", "")
	return c
}
