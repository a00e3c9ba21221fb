package replication

import (
	"bufio"
	"context"
	"errors"
	"io"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/replication/mesh"
)

// maxFileAskBytes bounds a question for a file: an id and sixteen places take some 80
// bytes. Beyond: the stream is reset.
const maxFileAskBytes = 1 << 10

// ServeFiles answers one node that asks for files of records. What the
// entry does not name, or names no longer, or not for that node, is answered as if it were
// not here: its bytes may lie on the disk a moment longer than the body that named it.
func (of handler) ServeFiles(ctx context.Context, from protocol.PublicKey, s mesh.Stream) {
	r := of.replica
	if err := r.serveFiles(ctx, from, s); err != nil {
		r.log.Debug("a node's asking for files ended early", "node", from.Short(), "err", err)
		_ = s.Reset()
	}
}

func (r *Replica) serveFiles(ctx context.Context, from protocol.PublicKey, s mesh.Stream) error {
	br := bufio.NewReaderSize(s, maxFileAskBytes)
	turn := r.turnOf(from)
	for {
		_ = s.SetDeadline(time.Now().Add(idleTime))
		var ask protocol.FileAsk
		err := protocol.ReadFrame(br, maxFileAskBytes, &ask)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := turn.asks.Wait(ctx); err != nil {
			return err
		}
		if r.cfg.Depot == nil || !r.cfg.Names(from, ask.Entry, ask.File) {
			err = r.sendFile(s, protocol.FileSent{End: true})
		} else if len(ask.Chunks) == 0 {
			err = r.sendManifest(s, ask.File)
		} else {
			err = turn.stream(ctx, func() error { return r.sendChunks(ctx, s, ask) })
		}
		if err != nil {
			return err
		}
	}
}

func (r *Replica) sendFile(s mesh.Stream, sent protocol.FileSent) error {
	_ = s.SetDeadline(time.Now().Add(frameTime))
	return protocol.WriteFrame(s, &sent)
}

func (r *Replica) sendManifest(s mesh.Stream, id protocol.CID) error {
	_, raw, err := r.cfg.Depot.Manifest(id)
	if err != nil {
		return r.sendFile(s, protocol.FileSent{End: true})
	}
	return r.sendFile(s, protocol.FileSent{Manifest: raw})
}

// sendChunks sends those that are here, in the order asked.
func (r *Replica) sendChunks(ctx context.Context, s mesh.Stream, ask protocol.FileAsk) error {
	for _, i := range ask.Chunks {
		if err := ctx.Err(); err != nil {
			return err
		}
		chunk, err := r.cfg.Depot.Chunk(ask.File, int(i))
		if err != nil {
			continue // missing, or found damaged and listed by the depot
		}
		if err := r.sendFile(s, protocol.FileSent{Number: i, Data: chunk}); err != nil {
			return err
		}
	}
	return r.sendFile(s, protocol.FileSent{End: true})
}
