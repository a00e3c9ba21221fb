package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/home"
	"github.com/dure-net/dure/protocol"
)

// keyState is what the commands print that change how the node key lies on the disk.
type keyState struct {
	Home      string `json:"home"`
	Encrypted bool   `json:"encrypted"`
}

// Where a passphrase is looked for, before a person is asked: a file that DURE_PASSPHRASE_FILE names (- is standard
// input), and the credential that systemd's LoadCredential gives a service.
const (
	passphraseVariable   = "DURE_PASSPHRASE_FILE"
	credentialsVariable  = "CREDENTIALS_DIRECTORY"
	passphraseCredential = "dure-passphrase"
)

// unseal opens the node key of a home, where it is encrypted.
func (a *app) unseal(h *home.Home) error {
	if !h.Sealed() {
		return nil
	}
	file := os.Getenv(passphraseVariable)
	if dir := os.Getenv(credentialsVariable); file == "" && dir != "" {
		if path := filepath.Join(dir, passphraseCredential); exists(path) {
			file = path
		}
	}
	if file == "" && !terminal(a.in) {
		return &complaint{reason: protocol.ReasonForbidden, key: "cli.key.needed"}
	}
	for range triesBack {
		var secret string
		var err error
		if file != "" {
			secret, err = a.passphrase("cli.key.ask", file, false)
		} else {
			secret, err = a.askUnseen("cli.key.ask", nil)
		}
		if err != nil {
			return err
		}
		err = h.Unseal(secret)
		var e *protocol.Error
		switch {
		case err == nil:
			return nil
		case !errors.As(err, &e) || e.Field != home.FieldPassphrase:
			return err
		case file != "":
			return &complaint{reason: protocol.ReasonForbidden, key: "cli.key.wrong_file", args: args{"file": file}, err: err}
		}
		a.warn("cli.key.wrong", nil)
	}
	return &complaint{reason: protocol.ReasonForbidden, key: "cli.key.wrong"}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func (a *app) keyCommand() *cobra.Command {
	c := &cobra.Command{Use: "key encrypt|decrypt|change|rotate", Short: a.say("help.key", nil), Long: a.say("help.key.long", nil), DisableFlagsInUseLine: true,
		Args: between(0, 0), RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	for _, name := range []string{"encrypt", "decrypt", "change"} {
		c.AddCommand(a.sealCommand(name))
		a.outputs["key "+name] = keyState{}
	}
	c.AddCommand(a.rotateCommand())
	a.outputs["key rotate"] = api.Recipient{}
	return c
}

func (a *app) sealCommand(name string) *cobra.Command {
	var file string
	c := a.command(name, between(0, 0), nil, func(context.Context, []string) error {
		h, err := a.openHome()
		if err != nil {
			return err
		}
		sealed, err := h.SealedOnDisk()
		if err != nil {
			return err
		}
		if sealed != (name != "encrypt") {
			key := "cli.key.plain_already"
			if sealed {
				key = "cli.key.encrypted_already"
			}
			return &complaint{reason: protocol.ReasonConflict, key: key}
		}
		if err := a.unseal(h); err != nil {
			return err
		}
		secret := ""
		if name != "decrypt" {
			if file == "" {
				a.note("cli.key.forgotten", nil)
			}
			if secret, err = a.passphrase("cli.key.new", file, true); err != nil {
				return err
			}
		}
		if err := h.Seal(secret); err != nil {
			return err
		}
		return a.answer(keyState{Home: h.Dir(), Encrypted: secret != ""}, func() {
			if secret == "" {
				a.line("cli.key.decrypted", nil)
				return
			}
			a.line("cli.key.encrypted", nil)
			a.note("cli.key.next", nil)
		})
	})
	if name != "decrypt" {
		a.textFlag(c.Flags(), &file, "passphrase-file", "FILE", "")
	}
	return c
}
