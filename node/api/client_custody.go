package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/dure-net/dure/protocol"
)

// Verify implements Keeper.
func (c *Client) Verify(ctx context.Context, progress func(Progress)) (VerifyReport, error) {
	return follow[VerifyReport](ctx, c, "/verify", progress)
}

// Scrub implements Keeper.
func (c *Client) Scrub(ctx context.Context, again bool, progress func(Progress)) (ScrubReport, error) {
	path := "/scrub"
	if again {
		path += "?again=true"
	}
	return follow[ScrubReport](ctx, c, path, progress)
}

// follow asks for a long task and reads its lines.
func follow[T any](ctx context.Context, c *Client, path string, progress func(Progress)) (none T, err error) {
	resp, err := c.do(ctx, http.MethodPost, path, http.Header{"Accept": {mediaNDJSON}}, nil)
	if err != nil {
		return none, err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(make([]byte, 0, 8<<10), maxLineBytes)
	for lines.Scan() {
		var line taskLine[T]
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return none, c.lost(ctx, err)
		}
		switch {
		case line.Problem != nil:
			return none, line.Problem.err()
		case line.Report != nil:
			return *line.Report, nil
		case line.Progress != nil && progress != nil:
			progress(*line.Progress)
		}
	}
	err = lines.Err()
	if err == nil {
		err = io.ErrUnexpectedEOF
	}
	return none, c.lost(ctx, err)
}

// Export implements Keeper. progress counts bytes received.
func (c *Client) Export(ctx context.Context, w io.Writer, progress func(Progress)) (report ExportReport, err error) {
	return report, c.download(ctx, "/export", "export", w, progress, &report)
}

// Backup implements Keeper. progress counts bytes received.
func (c *Client) Backup(ctx context.Context, w io.Writer, progress func(Progress)) (report BackupReport, err error) {
	return report, c.download(ctx, "/backup", "backup", w, progress, &report)
}

// Import implements Keeper. progress counts bytes sent.
func (c *Client) Import(ctx context.Context, r io.Reader, progress func(Progress)) (report ImportReport, err error) {
	source := &counted{r: r, step: "import", progress: progress}
	resp, err := c.do(ctx, http.MethodPost, "/import", http.Header{"Content-Type": {mediaCAR}}, source)
	if source.err != nil {
		if resp != nil {
			resp.Body.Close()
		}
		return ImportReport{}, protocol.Fail(protocol.ReasonUsage, "read bundle", source.err)
	}
	if err != nil {
		return ImportReport{}, err
	}
	return report, c.decode(ctx, resp, &report)
}

// ExportRecords implements Keeper. progress counts bytes received.
func (c *Client) ExportRecords(ctx context.Context, w io.Writer, q ExportQuery, progress func(Progress)) (report ExportReport, err error) {
	v := url.Values{"format": {q.Format}}
	for name, value := range map[string]string{"as_of": q.AsOf, "lang": q.Lang, "member": q.Member, "record": q.Record, "type": strings.Join(q.Types, ",")} {
		if value != "" {
			v.Set(name, value)
		}
	}
	return report, c.download(ctx, "/export?"+v.Encode(), "export", w, progress, &report)
}

func (c *Client) download(ctx context.Context, path, step string, w io.Writer, progress func(Progress), report any) error {
	resp, err := c.do(ctx, http.MethodGet, path, nil, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	source := &counted{r: resp.Body, step: step, progress: progress}
	if _, err := io.Copy(w, source); err != nil {
		if source.err != nil {
			return c.lost(ctx, source.err)
		}
		return protocol.Fail(protocol.ReasonHomeUnwritable, "write "+step, err)
	}
	if err := json.Unmarshal([]byte(resp.Trailer.Get(reportHeader)), report); err != nil {
		return c.lost(ctx, errors.Join(io.ErrUnexpectedEOF, err))
	}
	return nil
}

// counted tells how many bytes passed, and remembers why reading stopped.
type counted struct {
	r        io.Reader
	step     string
	progress func(Progress)
	done     uint64
	err      error
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.done += uint64(n)
	if err != nil && err != io.EOF {
		c.err = err
	}
	if c.progress != nil && n > 0 {
		c.progress(Progress{Step: c.step, Done: c.done, Unit: "bytes"})
	}
	return n, err
}
