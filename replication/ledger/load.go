package ledger

import (
	"errors"
	"hash/maphash"
	"syscall"

	"github.com/dure-net/dure/protocol"
)

// load puts the store's files in order, opens it and reads it. A store that Badger does
// not open even then, or that makes no sense as a whole, is set aside, and a new one is
// begun in its place: what of the old one can be read comes back through Salvage, the
// rest from other nodes.
func (l *Ledger) load(dir string, z sizes, frozen bool) error {
	cfg := l.cfg
	m := &mender{home: cfg.Dir, dir: dir, z: z, log: cfg.Logger, now: cfg.Now(), wait: newPatience()}
	err := m.mend()
	if protocol.ReasonOf(err) == protocol.ReasonReadOnly {
		l.c.space.give(l.c.space.reserve)
		err = m.mend()
	}
	if err != nil {
		return err
	}
	for {
		err := l.read(dir, z, frozen, m.found.Files > 0)
		if protocol.ReasonOf(err) == protocol.ReasonReadOnly && !frozen {
			cfg.Logger.Warn("the disk became full while the ledger was opened: it is opened for reading alone until there is room", "err", err)
			if err := l.dropStore(); err != nil {
				return err
			}
			frozen = true
			continue
		}
		if protocol.ReasonOf(err) != protocol.ReasonDamaged || m.found.Whole || !damageAlone(err) {
			if err != nil {
				return err
			}
			break
		}
		cfg.Logger.Error("the store cannot be opened: it is set aside, and a new one is begun", "err", err)
		if err := l.dropStore(); err != nil {
			cfg.Logger.Warn("the damaged store was not closed in order", "err", err)
		}
		if err := m.setAsideWhole(); err != nil {
			return err
		}
	}
	l.opened.Mended = m.found
	l.salvage, err = findSalvage(cfg.Dir, m.tail, cfg.Logger)
	return err
}

// dropStore closes what read has opened, and forgets what it has read.
func (l *Ledger) dropStore() (err error) {
	if l.c.store != nil {
		err = l.c.store.shut()
	}
	l.c.store, l.c.state = nil, newState(maphash.Bytes(maphash.MakeSeed(), nil))
	return err
}

// read opens the store and reads it.
func (l *Ledger) read(dir string, z sizes, frozen, mended bool) (err error) {
	if l.c.store, err = openStore(dir, z, frozen, mended, l.c.space, l.cfg.Logger); err != nil {
		return err
	}
	if l.federation, err = l.c.store.identify(l.cfg.Federation, l.version); err != nil {
		return err
	}
	l.opened, err = rebuild(l.c.store, l.c.state, l.federation, l.c.marks.mark.Next, l.cfg.Progress)
	return err
}

// damageAlone says that an error is about the bytes of a store, and not about a machine
// that has no files or memory left to give, or lets nobody in.
func damageAlone(err error) bool {
	var machine syscall.Errno
	return !errors.As(err, &machine)
}
