package ledger

import (
	"io/fs"
	"path/filepath"
)

// DiskBytes is what the ledger's directory takes on the disk, holes in files
// apart; files that vanish while it looks are left out.
func (l *Ledger) DiskBytes() (total uint64) {
	_ = filepath.WalkDir(l.cfg.Dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil
		}
		if info, err := d.Info(); err == nil {
			total += allocated(info)
		}
		return nil
	})
	return total
}
