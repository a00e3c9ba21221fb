package home

import (
	"errors"
	"io/fs"
	"os"

	"github.com/dure-net/dure/protocol"
)

// maxSearchesBytes bounds the file of saved searches: as many as a node keeps, each with a
// mark of its own for three thousand chains of entries.
const maxSearchesBytes = 64 << 20

// Searches is what SaveSearches wrote last: the searches that people of this node have
// saved. nil where nothing was written; ReasonConfig where others can read the file.
func (h *Home) Searches() ([]byte, error) {
	path := h.path(searchesFile)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && loose(info) {
		return nil, looseMode(searchesFile, path, info)
	}
	var raw []byte
	if err == nil {
		raw, err = readBounded(path, maxSearchesBytes)
	}
	if err != nil {
		return nil, h.readError("read saved searches", searchesFile, err)
	}
	return raw, nil
}

// SaveSearches replaces the file durably.
func (h *Home) SaveSearches(raw []byte) error {
	if len(raw) > maxSearchesBytes {
		return protocol.Fail(protocol.ReasonTooLarge, "write saved searches", nil)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.write(searchesFile, raw, secretMode)
}

// SetSearchesAside gives a file of saved searches that cannot be read another name, which it
// returns, so that it keeps nobody from a start and is not overwritten.
func (h *Home) SetSearchesAside() (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	path := h.path(searchesFile)
	aside := path + "-until-" + h.opts.Now().UTC().Format("20060102T150405Z")
	if err := os.Rename(path, aside); err != nil {
		return "", h.writeError("set saved searches aside", path, err)
	}
	if err := syncDir(aside); err != nil {
		return "", h.writeError("set saved searches aside", path, err)
	}
	return aside, nil
}
