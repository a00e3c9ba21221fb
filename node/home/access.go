package home

import (
	"errors"
	"io/fs"
	"os"

	"github.com/dure-net/dure/protocol"
)

// maxAccessBytes bounds the file of tokens and users; package access never writes a
// larger one.
const maxAccessBytes = 256 << 10

// Access is what SaveAccess wrote last: the tokens, as hashes, and users of the local
// interface. nil where nothing was written; ReasonConfig where others can read the file.
func (h *Home) Access() ([]byte, error) {
	path := h.path(accessFile)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && loose(info) {
		return nil, looseMode(accessFile, path, info)
	}
	var raw []byte
	if err == nil {
		raw, err = readBounded(path, maxAccessBytes)
	}
	if err != nil {
		return nil, h.readError("read tokens and users", accessFile, err)
	}
	return raw, nil
}

// SaveAccess replaces the file durably.
func (h *Home) SaveAccess(raw []byte) error {
	if len(raw) > maxAccessBytes {
		return protocol.Fail(protocol.ReasonTooLarge, "write tokens and users", nil)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.write(accessFile, raw, secretMode)
}

// HasCertificate reports whether the owner has laid a certificate and its key, tls.crt and
// tls.key, into the home; links to where a renewal puts them will do. The local interface
// speaks TLS then.
func (h *Home) HasCertificate() bool {
	_, err := os.Stat(h.path(certFile))
	_, kerr := os.Stat(h.path(certKeyFile))
	return err == nil && kerr == nil
}

// CertificatePaths are where certificate and key lie.
func (h *Home) CertificatePaths() (cert, key string) { return h.path(certFile), h.path(certKeyFile) }

// SocketPath is where the running node listens for its owner, who needs no token there.
func (h *Home) SocketPath() string { return h.path(socketFile) }
