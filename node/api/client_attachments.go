package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/dure-net/dure/protocol"
)

// Upload implements Filer.
func (c *Client) Upload(ctx context.Context, name string, r io.Reader) (Upload, error) {
	return c.upload(ctx, url.Values{"name": {name}}, r)
}

// Enclose implements Correspondent.
func (c *Client) Enclose(ctx context.Context, name string, r io.Reader) (Upload, error) {
	return c.upload(ctx, url.Values{"name": {name}, "private": {"true"}}, r)
}

func (c *Client) upload(ctx context.Context, asked url.Values, r io.Reader) (up Upload, err error) {
	source := &counted{r: r, step: "upload", progress: nil}
	resp, err := c.do(ctx, http.MethodPost, "/attachments?"+asked.Encode(), http.Header{"Content-Type": {mediaOctets}}, source)
	if source.err != nil && !errors.Is(source.err, io.EOF) {
		if resp != nil {
			resp.Body.Close()
		}
		return Upload{}, protocol.Fail(protocol.ReasonUsage, "read file", source.err)
	}
	if err != nil {
		return Upload{}, err
	}
	return up, c.decode(ctx, resp, &up)
}

// Attachments implements Filer.
func (c *Client) Attachments(ctx context.Context, ref string) ([]Attachment, error) {
	var list struct{ Items []Attachment }
	err := c.get(ctx, "/records/"+url.PathEscape(ref)+"/attachments", &list)
	return list.Items, err
}

// Entries implements Filer.
func (c *Client) Entries(ctx context.Context, ref string) ([]string, error) {
	var list struct{ Items []string }
	err := c.get(ctx, "/records/"+url.PathEscape(ref)+"/entries", &list)
	return list.Items, err
}

// Attachment implements Filer. A connection that breaks is taken up again where it broke,
// a few times.
func (c *Client) Attachment(ctx context.Context, ref string, n int) (*File, error) {
	all, err := c.Attachments(ctx, ref)
	if err != nil {
		return nil, err
	}
	if n < 1 || n > len(all) {
		return nil, &protocol.Error{Reason: protocol.ReasonNotFound, Op: "open file", ID: ref}
	}
	a := all[n-1]
	r := &clientFile{c: c, ctx: ctx, path: "/records/" + url.PathEscape(ref) + "/attachments/" + strconv.Itoa(n), size: int64(a.Bytes)}
	if err := r.open(); err != nil {
		return nil, err
	}
	return &File{Attachment: a, ReadSeekCloser: r}, nil
}

// clientFile reads a file of the node, beginning anew where the connection breaks.
type clientFile struct {
	c      *Client
	ctx    context.Context // of one reader
	path   string
	size   int64
	at     int64
	body   io.ReadCloser // nil: not open
	broken int           // times in a row without a byte
}

// reopenAtMost is how often in a row a connection may break before a byte came.
const reopenAtMost = 3

func (f *clientFile) open() error {
	header := http.Header{}
	if f.at > 0 {
		header.Set("Range", fmt.Sprintf("bytes=%d-", f.at))
	}
	resp, err := f.c.do(f.ctx, http.MethodGet, f.path, header, nil)
	if err != nil {
		return err
	}
	if f.at > 0 && resp.StatusCode != http.StatusPartialContent {
		resp.Body.Close()
		return f.c.lost(f.ctx, errors.New("the node does not send parts of files"))
	}
	f.body = resp.Body
	return nil
}

func (f *clientFile) Read(p []byte) (int, error) {
	for f.at < f.size {
		if f.body == nil {
			if err := f.open(); err != nil {
				return 0, err
			}
		}
		n, err := f.body.Read(p)
		f.at += int64(n)
		if err != nil {
			_ = f.Close()
		}
		if n > 0 {
			f.broken = 0
			return n, nil
		}
		if err != nil {
			if f.broken++; f.ctx.Err() != nil || f.broken > reopenAtMost {
				return 0, f.c.lost(f.ctx, err)
			}
		}
	}
	return 0, io.EOF
}

func (f *clientFile) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += f.at
	case io.SeekEnd:
		offset += f.size
	}
	if offset < 0 {
		return f.at, protocol.Fail(protocol.ReasonUsage, "read file", errors.New("a place before the beginning"))
	}
	if offset != f.at {
		_ = f.Close()
	}
	f.at = offset
	return offset, nil
}

func (f *clientFile) Close() error {
	if f.body == nil {
		return nil
	}
	err := f.body.Close()
	f.body = nil
	return err
}
