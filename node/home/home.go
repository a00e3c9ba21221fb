// Package home owns the directory of one node: its settings, its keys, its papers and
// the lock that keeps a second process out. It never reads or writes the ledger's
// content, opens no connection and says no sentence to a person.
//
// Every file is written beside its place, synced and renamed, so that after a crash
// each holds either what it held or what was written, never a part.
package home

import (
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/dure-net/dure/protocol"
)

// Names inside the directory.
const (
	configFile     = "config.toml"
	nodeKeyFile    = "node.key"
	tokenFile      = "api.token"
	accessFile     = "access.json"
	searchesFile   = "searches.json"
	certFile       = "tls.crt"
	certKeyFile    = "tls.key"
	socketFile     = "api.sock"
	memberFile     = "member.json"
	foundingFile   = "federation.cbor"
	inceptionFile  = "inception.cbor"
	governingFile  = "governing.cbor"
	pendingFile    = "join.cbor"
	addressFile    = "addresses.json"
	runFile        = "run.json"
	lockFile       = "lock"
	ledgerDir      = "ledger"
	indexDir       = "index"
	attachmentsDir = "attachments"
	dirMode        = 0o700
	secretMode     = 0o600
	plainMode      = 0o644
	maxPaper       = protocol.MaxFoundingBytes // no other file but the address book is as large
	maxConfigBytes = 64 << 10
)

// Options are what tests replace. The zero value is the real world.
type Options struct {
	Now    func() time.Time         // nil: time.Now
	Random io.Reader                // nil: crypto/rand
	Getenv func(name string) string // nil: os.Getenv
}

func (o Options) filled() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	return o
}

// Home is the directory of one node. Its methods are safe for concurrent use.
type Home struct {
	dir  string
	opts Options
	node protocol.PrivateKey // zero while sealed

	sealed string // the encrypted key file, until Unseal has opened it

	mu sync.Mutex // guards every write below dir by this process
}

// Create makes a home in dir, with a fresh node key and API token, for the member
// that facts describe. The directory may exist and may hold a config.toml; where a
// home is complete already it is left alone: ReasonHomeExists. A home of which a
// crash left a part is completed, and its node key kept.
func Create(dir string, facts protocol.MemberFacts, o Options) (*Home, error) {
	return CreateWithKey(dir, facts, protocol.PrivateKey{}, o)
}

// CreateWithKey is Create for a node whose key is known: a restored one. The zero key
// stands for a fresh one. ReasonHomeExists also where another node key lies there.
func CreateWithKey(dir string, facts protocol.MemberFacts, node protocol.PrivateKey, o Options) (*Home, error) {
	return create(dir, facts, node, nil, o)
}

// create is CreateWithKey with the text of the settings file, where there is none yet;
// nil is one with all defaults.
func create(dir string, facts protocol.MemberFacts, node protocol.PrivateKey, settings []byte, o Options) (*Home, error) {
	if err := facts.Check("member"); err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, protocol.Fail(protocol.ReasonHomeUnwritable, "create home", err)
	}
	h := &Home{dir: dir, opts: o.filled()}
	release, err := h.claim("create home")
	if err != nil {
		return nil, err
	}
	defer release()
	if err := h.createSecrets(node); err != nil {
		return nil, err
	}
	if _, err := os.Lstat(h.path(configFile)); errors.Is(err, fs.ErrNotExist) && len(settings) > 0 {
		if err := h.write(configFile, settings, plainMode); err != nil {
			return nil, err
		}
	} else if errors.Is(err, fs.ErrNotExist) {
		if err := h.SaveConfig(Default()); err != nil {
			return nil, err
		}
	}
	// Last: its presence is what makes the directory a home.
	if err := h.SaveMember(facts); err != nil {
		return nil, err
	}
	return h, nil
}

// Prepare makes what a home has before its member's facts are known: the node's key,
// the API token and standard settings. Create completes it, and Open finds no home
// until then. A second call finds what the first one made. ReasonHomeExists where a
// home is complete.
func Prepare(dir string, o Options) (*Home, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, protocol.Fail(protocol.ReasonHomeUnwritable, "prepare home", err)
	}
	h := &Home{dir: dir, opts: o.filled()}
	release, err := h.claim("prepare home")
	if err != nil {
		return nil, err
	}
	defer release()
	return h, h.createSecrets(protocol.PrivateKey{})
}

// claim makes the directory and locks it, while no home is there.
func (h *Home) claim(op string) (release func(), err error) {
	if err := os.MkdirAll(h.dir, dirMode); err != nil {
		return nil, h.writeError(op, h.dir, err)
	}
	// Before the lock, to say the right thing of a home that runs; again under it.
	if err := h.checkVacant(); err != nil {
		return nil, err
	}
	if release, err = h.Lock(); err != nil {
		return nil, err
	}
	if err := h.checkVacant(); err != nil {
		release()
		return nil, err
	}
	return release, nil
}

// Abandon deletes the node key that Prepare made, and what it has signed: the next
// Prepare makes another. For a key that has been shown to others for the wrong member: no
// key may be of two. ReasonHomeExists where the home is complete.
func (h *Home) Abandon() error {
	release, err := h.Lock()
	if err != nil {
		return err
	}
	defer release()
	if err := h.checkVacant(); err != nil {
		return err
	}
	for _, name := range []string{inceptionFile, governingFile, nodeKeyFile} {
		if err := os.Remove(h.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return h.writeError("abandon home", h.path(name), err)
		}
	}
	return nil
}

func (h *Home) checkVacant() error {
	switch _, err := os.Lstat(h.path(memberFile)); {
	case err == nil:
		return &protocol.Error{Reason: protocol.ReasonHomeExists, Op: "create home", Args: map[string]string{"path": h.dir}}
	case errors.Is(err, fs.ErrNotExist):
		return nil
	default:
		return h.writeError("create home", h.dir, err)
	}
}

// Open opens the home in dir: ReasonNoHome where nothing is set up, ReasonConfig where
// a secret can be read by other users, ReasonDamaged where a file is not what was
// written, ReasonTooNew where a newer dure wrote it. It takes no lock and reads no
// settings (Home.Settings does).
func Open(dir string, o Options) (*Home, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, &protocol.Error{Reason: protocol.ReasonNoHome, Op: "open home", Args: map[string]string{"path": dir}, Err: err}
	}
	h := &Home{dir: dir, opts: o.filled()}
	if _, err := os.Stat(h.path(memberFile)); err != nil {
		if errors.Is(err, fs.ErrPermission) {
			return nil, h.writeError("open home", dir, err)
		}
		return nil, &protocol.Error{Reason: protocol.ReasonNoHome, Op: "open home", Args: map[string]string{"path": dir}, Err: err}
	}
	if _, err := h.Member(); err != nil {
		return nil, err
	}
	if h.node, err = h.readNodeKey(); err != nil && !h.Sealed() {
		return nil, err
	}
	return h, nil
}

// Dir is the absolute path of the home.
func (h *Home) Dir() string { return h.dir }

// LedgerDir is where the ledger of this node lies. Home never looks inside.
func (h *Home) LedgerDir() string { return h.path(ledgerDir) }

// IndexDir is where the index lies: made from the ledger, and made anew when it is gone.
func (h *Home) IndexDir() string { return h.path(indexDir) }

// AttachmentsDir is where files of records lie. Home never looks inside.
func (h *Home) AttachmentsDir() string { return h.path(attachmentsDir) }

// ConfigPath is where the settings lie, for messages.
func (h *Home) ConfigPath() string { return h.path(configFile) }

// TokenPath is where the API token lies, for messages.
func (h *Home) TokenPath() string { return h.path(tokenFile) }

func (h *Home) path(name string) string { return filepath.Join(h.dir, name) }
