package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/backup"
	"github.com/dure-net/dure/node/home"
	"github.com/dure-net/dure/node/restore"
	"github.com/dure-net/dure/protocol"
)

// backupAnswer is what `dure backup --json` prints.
type backupAnswer struct {
	api.BackupReport
	File      string   `json:"file"`
	Size      uint64   `json:"size"` // of the file
	Encrypted bool     `json:"encrypted"`
	Deleted   []string `json:"deleted"` // older backups beyond --keep
}

func (a *app) backupCommand() *cobra.Command {
	var keep int
	var encrypt bool
	var passphraseFile string
	var recipients []string
	c := a.command("backup FILE|DIRECTORY|-", between(1, 1), backupAnswer{}, func(ctx context.Context, arguments []string) error {
		seal, err := a.seal(encrypt, passphraseFile, recipients)
		if err != nil {
			return err
		}
		if keep < 0 {
			return misuse("usage.bad_value", args{"flag": "--keep", "value": keep})
		}
		return a.with(ctx, func(s *session) error { return a.backUp(ctx, s, arguments[0], seal, keep) })
	})
	c.Example = "dure backup /media/usb/dure.backup\ndure backup /media/usb --keep 14 --recipient age1…"
	f := c.Flags()
	f.IntVar(&keep, "keep", 0, a.say("flag.backup.keep", nil)) // another command has a --keep of its own
	_ = f.SetAnnotation("keep", placeholder, []string{"N"})
	a.switchFlag(f, &encrypt, "encrypt")
	a.textFlag(f, &passphraseFile, "passphrase-file", "FILE", "")
	a.listFlag(f, &recipients, "recipient", "AGE1…")
	c.AddCommand(a.backupCheckCommand())
	return c
}

// backUp makes one backup and says what it holds.
func (a *app) backUp(ctx context.Context, s *session, file string, seal backup.Seal, keep int) error {
	out := backupAnswer{File: file, Encrypted: !seal.Plain(), Deleted: []string{}}
	step, done := a.progress("cli.progress.backup")
	content := func(w io.Writer) error {
		return restore.Checked(ctx, w, func(w io.Writer) (err error) {
			out.BackupReport, err = s.Backup(ctx, w, step)
			return err
		})
	}
	dir, dated := file, false
	if info, err := os.Stat(file); file != "-" && err == nil && info.IsDir() {
		dated = true
		me, err := s.home.Member()
		if err != nil {
			return err
		}
		out.File = filepath.Join(dir, backup.Name(me.Handle, a.now(), seal))
	} else if keep > 0 {
		return misuse("usage.keep_directory", nil)
	}
	var err error
	if file == "-" {
		counted := &countedWriter{w: a.out}
		err = seal.Through(counted, content)
		out.Size = counted.n
	} else {
		var size int64
		size, err = backup.Write(ctx, out.File, seal, content)
		out.Size = uint64(size)
	}
	done()
	switch {
	case protocol.ReasonOf(err) == protocol.ReasonConflict:
		return &complaint{reason: protocol.ReasonConflict, key: "cli.backup.exists", args: args{"file": out.File}, err: err}
	case protocol.ReasonOf(err) == protocol.ReasonHomeUnwritable:
		return &complaint{reason: protocol.ReasonHomeUnwritable, key: "cli.usage.cannot_write", args: args{"file": out.File}, err: err}
	case err != nil:
		return err
	}
	if file != "-" {
		_ = s.home.SaveBackedUp(home.BackedUp{At: a.now().UTC(), File: absolute(out.File), Entries: out.Entries, Bytes: out.Size, Sealed: out.Encrypted}) // a convenience
	}
	if dated && keep > 0 {
		deleted, err := backup.Prune(dir, out.Handle, filepath.Base(out.File), keep, a.now())
		if err != nil {
			return err
		}
		out.Deleted = append(out.Deleted, deleted...)
	}
	if err := a.report(file, out, func() {
		a.note("cli.backup.done", args{"count": out.Entries, "bytes": a.book.Bytes(a.lang, out.Size), "file": out.File})
		if len(out.Deleted) > 0 {
			a.note("cli.backup.deleted", args{"count": len(out.Deleted)})
		}
		if out.Encrypted {
			a.note("cli.backup.encrypted", nil)
		}
		a.note("cli.backup.keys", nil)
		if out.Damaged > 0 {
			a.warn("cli.backup.damaged", args{"count": out.Damaged})
		}
	}); err != nil {
		return err
	}
	if out.Damaged > 0 {
		return problems{}
	}
	return nil
}

func absolute(name string) string {
	if abs, err := filepath.Abs(name); err == nil {
		return abs
	}
	return name
}

type countedWriter struct {
	w io.Writer
	n uint64
}

func (c *countedWriter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += uint64(n)
	return n, err
}

// seal is for whom a backup is encrypted, by the flags.
func (a *app) seal(encrypt bool, passphraseFile string, recipients []string) (backup.Seal, error) {
	switch {
	case len(recipients) > 0 && (encrypt || passphraseFile != ""):
		return backup.Seal{}, misuse("usage.one_encryption", nil)
	case len(recipients) > 0:
		seal, err := backup.Recipients(recipients...)
		if err != nil {
			return seal, &complaint{reason: protocol.ReasonUsage, key: "cli.usage.bad_recipient", args: args{"value": strings.Join(recipients, ", ")}, err: err}
		}
		return seal, nil
	case !encrypt && passphraseFile == "":
		return backup.Seal{}, nil
	}
	secret, err := a.backupPassphrase(passphraseFile, true)
	if err != nil {
		return backup.Seal{}, err
	}
	return backup.Passphrase(secret)
}

// leastPassphrase is the shortest passphrase that a backup is encrypted with: whoever has the file may guess for years.
const leastPassphrase = 12

// backupPassphrase reads the passphrase of a backup from a file, or asks for it; twice where it is a new one.
func (a *app) backupPassphrase(file string, fresh bool) (string, error) {
	return a.passphrase("cli.passphrase.ask", file, fresh)
}

func (a *app) passphrase(question, file string, fresh bool) (string, error) {
	secret := ""
	switch {
	case file != "":
		raw, err := a.readInput(file)
		if err != nil {
			return "", err
		}
		secret, _, _ = strings.Cut(string(raw), "\n")
		secret = strings.TrimSuffix(secret, "\r")
	case !terminal(a.in):
		return "", misuse("usage.passphrase_needed", nil)
	default:
		var err error
		if secret, err = a.askUnseen(question, nil); err != nil {
			return "", err
		}
		if fresh {
			again, err := a.askUnseen("cli.passphrase.again", nil)
			if err != nil {
				return "", err
			}
			if again != secret {
				return "", misuse("usage.passphrase_differs", nil)
			}
		}
	}
	if fresh && len([]rune(secret)) < leastPassphrase {
		return "", misuse("usage.passphrase_short", args{"count": leastPassphrase})
	}
	if secret == "" {
		return "", misuse("usage.passphrase_needed", nil)
	}
	return secret, nil
}

// openBackup opens a backup that a person names, decrypted. The caller closes it.
func (a *app) openBackup(name, passphraseFile, identityFile string) (*restore.File, io.Closer, bool, error) {
	r, err := a.openFile(name)
	if err != nil {
		return nil, nil, false, err
	}
	f, sealed, err := a.readBackup(r, name, passphraseFile, identityFile)
	if err != nil {
		_ = r.Close()
		return nil, nil, sealed, err
	}
	return f, r, sealed, nil
}

func (a *app) readBackup(r io.Reader, name, passphraseFile, identityFile string) (f *restore.File, sealed bool, err error) {
	how, whole, err := backup.Look(r)
	if err != nil {
		return nil, false, err
	}
	var key backup.Key
	switch {
	case how == backup.NotSealed:
	case identityFile != "":
		raw, err := a.readInput(identityFile)
		if err != nil {
			return nil, true, err
		}
		key, err = backup.IdentityKey(raw)
		clear(raw)
		if err != nil {
			return nil, true, &complaint{reason: protocol.ReasonUsage, key: "cli.usage.bad_identity", args: args{"file": identityFile}, err: err}
		}
	case how == backup.ToRecipients:
		return nil, true, misuse("usage.identity_needed", args{"file": name})
	default:
		secret, err := a.backupPassphrase(passphraseFile, false)
		if err != nil {
			return nil, true, err
		}
		if key, err = backup.PassphraseKey(secret); err != nil {
			return nil, true, err
		}
	}
	plain, err := backup.Open(whole, key)
	if err == nil {
		f, err = restore.Open(plain)
	}
	return f, how != backup.NotSealed, a.badBackup(name, err)
}

// badBackup says what is wrong with a file that was to be a backup.
func (a *app) badBackup(name string, err error) error {
	switch protocol.ReasonOf(err) {
	case protocol.ReasonForbidden:
		return &complaint{reason: protocol.ReasonForbidden, key: "cli.backup.wrong_key", args: args{"file": name}, err: err}
	case protocol.ReasonMalformed, protocol.ReasonNonCanonical, protocol.ReasonTooLarge:
		return &complaint{reason: protocol.ReasonMalformed, key: "cli.backup.none", args: args{"file": name}, err: err}
	case protocol.ReasonDamaged, protocol.ReasonBadHash, protocol.ReasonBrokenChain, protocol.ReasonBadSignature, protocol.ReasonGap:
		return &complaint{reason: protocol.ReasonDamaged, key: "cli.backup.broken", args: args{"file": name}, err: err}
	}
	return err
}

// checkedBackup is what `dure backup check --json` prints.
type checkedBackup struct {
	api.BackupReport
	OK        bool              `json:"ok"`
	Names     map[string]string `json:"names"` // of the federation
	Encrypted bool              `json:"encrypted"`
	Restores  bool              `json:"restores"` // a new home can be made of it
}

func (a *app) backupCheckCommand() *cobra.Command {
	var passphraseFile, identityFile string
	c := a.command("check FILE|-", between(1, 1), nil, func(ctx context.Context, arguments []string) error {
		f, closer, sealed, err := a.openBackup(arguments[0], passphraseFile, identityFile)
		if err != nil {
			return err
		}
		defer closer.Close()
		step, done := a.progress("cli.progress.check")
		report, err := f.Check(ctx, step)
		done()
		if err != nil {
			return a.badBackup(arguments[0], err)
		}
		_, whose := f.Member()
		out := checkedBackup{BackupReport: report, OK: report.Damaged == 0, Names: f.Names(), Encrypted: sealed, Restores: whose && len(f.Names()) > 0}
		return a.answer(out, func() {
			a.line("cli.backup.whole", args{"count": out.Entries, "bodies": a.contents(out.Bodies), "file": arguments[0]})
			if out.Restores {
				a.line("cli.backup.from", args{"time": out.At.Local(), "member": out.Handle, "federation": a.name(out.Names, out.Federation)})
			}
			a.line("cli.verify.root", args{"root": out.Root})
		})
	})
	a.outputs["backup check"] = checkedBackup{}
	c.Short, c.Long = a.say("help.backup.check", nil), a.say("help.backup.check.long", nil)
	f := c.Flags()
	a.textFlag(f, &passphraseFile, "passphrase-file", "FILE", "")
	a.textFlag(f, &identityFile, "identity", "FILE", "")
	return c
}

// restoredAnswer is what `dure restore --json` prints.
type restoredAnswer struct {
	api.BackupReport
	Home     string `json:"home"`
	Made     bool   `json:"made"` // the home was made of the backup
	Node     string `json:"node"`
	NewKey   bool   `json:"new_key"`             // the node has another key than the one that made the backup
	SetAside string `json:"set_aside,omitempty"` // where the ledger lies that was there before
}

func (a *app) restoreCommand() *cobra.Command {
	var passphraseFile, identityFile, wordsFile string
	var setAside bool
	c := a.command("restore FILE|-", between(1, 1), restoredAnswer{}, func(ctx context.Context, arguments []string) error {
		dir, err := home.Dir(a.homeFlag)
		if err != nil {
			return err
		}
		f, closer, _, err := a.openBackup(arguments[0], passphraseFile, identityFile)
		if err != nil {
			return err
		}
		defer closer.Close()
		o := restore.Options{Home: dir, SetAside: setAside}
		needed, err := f.NeedsRoot(dir)
		if err != nil {
			return err
		}
		if needed {
			if o.Root, err = a.root(wordsFile); err != nil {
				return err
			}
		}
		step, done := a.progress("cli.progress.restore")
		r, err := f.Restore(ctx, o, step)
		done()
		switch reason := protocol.ReasonOf(err); {
		case reason == protocol.ReasonHomeExists:
			return &complaint{reason: protocol.ReasonConflict, key: "cli.restore.not_empty", args: args{"path": filepath.Join(dir, "ledger")}, err: err}
		case reason == protocol.ReasonNoHome:
			return &complaint{reason: protocol.ReasonNoHome, key: "cli.restore.no_papers", args: args{"path": dir}, err: err}
		case err != nil:
			return a.badBackup(arguments[0], err)
		}
		out := restoredAnswer{BackupReport: r.BackupReport, Home: r.Home.Dir(), Made: r.Made, Node: r.Home.Node().Public().String(), NewKey: needed, SetAside: r.SetAside}
		return a.answer(out, func() {
			a.line("cli.restore.done", args{"count": out.Entries, "time": out.At.Local()})
			if out.Made {
				a.line("cli.restore.made", args{"path": out.Home, "member": out.Handle})
			}
			if out.SetAside != "" {
				a.line("cli.restore.set_aside", args{"path": out.SetAside})
			}
			a.note("cli.restore.next", nil)
			if out.NewKey {
				a.note("cli.restore.new_key", nil)
			}
		})
	})
	f := c.Flags()
	a.textFlag(f, &wordsFile, "words-file", "FILE", "")
	a.textFlag(f, &passphraseFile, "passphrase-file", "FILE", "")
	a.textFlag(f, &identityFile, "identity", "FILE", "")
	a.switchFlag(f, &setAside, "set-aside")
	return c
}
