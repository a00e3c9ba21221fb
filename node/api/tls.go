package api

import (
	"crypto/tls"
	"os"
	"sync"
	"time"

	"github.com/dure-net/dure/protocol"
)

// certificates reads a certificate and its key from two files, and again when one of them
// has changed: a renewed certificate needs no restart. While the files cannot be read the
// last good one stays. Safe for concurrent use.
type certificates struct {
	cert, key string

	mu     sync.Mutex // guards the rest
	loaded *tls.Certificate
	stamp  [2]time.Time
	looked time.Time
}

// TLS is the configuration of an interface with a certificate of its own. A pair that
// cannot be read or does not fit is ReasonConfig.
func TLS(cert, key string) (*tls.Config, error) {
	c := &certificates{cert: cert, key: key}
	if _, err := c.get(nil); err != nil {
		return nil, &protocol.Error{Reason: protocol.ReasonConfig, Op: "read certificate", Field: "api.listen",
			Args: map[string]string{"code": "bad_certificate", "cert": cert, "key": key}, Err: err}
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get, NextProtos: []string{"http/1.1"}}, nil
}

func (c *certificates) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.loaded != nil && time.Since(c.looked) < certificateAge {
		return c.loaded, nil
	}
	c.looked = time.Now()
	var stamp [2]time.Time
	for i, name := range []string{c.cert, c.key} {
		if info, err := os.Stat(name); err == nil {
			stamp[i] = info.ModTime()
		}
	}
	if c.loaded != nil && stamp == c.stamp {
		return c.loaded, nil
	}
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	switch {
	case err == nil:
		c.loaded, c.stamp = &pair, stamp
	case c.loaded == nil:
		return nil, err
	}
	return c.loaded, nil
}
