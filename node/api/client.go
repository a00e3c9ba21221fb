package api

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/dure-net/dure/protocol"
)

// Client asks a running node. It is a Backend: errors carry the Reason that the node
// gave, with record.Faults where content had faults; a node that does not answer is
// ReasonNotRunning. Safe for concurrent use; Close lets idle connections go.
type Client struct {
	base  string
	token string
	http  *http.Client
	retry time.Duration // how long Watch tries to reach a node that went away
}

var _ Backend = (*Client)(nil)

// NewClient speaks to the node at base ("http://127.0.0.1:7710") with its token. It
// connects when first asked, and never through a proxy.
func NewClient(base, token string) *Client {
	return newClient(base, token, (&net.Dialer{Timeout: dialTimeout}).DialContext)
}

// NewSocketClient speaks to the node over the socket of its owner, without a token.
func NewSocketClient(path string) *Client {
	dial := &net.Dialer{Timeout: dialTimeout}
	return newClient("http://dure", "", func(ctx context.Context, _, _ string) (net.Conn, error) {
		return dial.DialContext(ctx, "unix", path)
	})
}

// Trust makes the client take exactly the certificate in a PEM file for the node's, under
// whatever name it is called, and no other: a node on this machine is called by its
// address, for which nobody is given a certificate. Before the first question only.
func (c *Client) Trust(file string) error {
	raw, err := os.ReadFile(file)
	block, _ := pem.Decode(raw)
	if err != nil || block == nil {
		return &protocol.Error{Reason: protocol.ReasonConfig, Op: "read certificate", Args: map[string]string{"code": "bad_certificate", "cert": file}, Err: err}
	}
	c.http.Transport.(*http.Transport).TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12,
		InsecureSkipVerify: true, // the comparison below takes its place
		VerifyConnection: func(s tls.ConnectionState) error {
			if len(s.PeerCertificates) == 0 || !bytes.Equal(s.PeerCertificates[0].Raw, block.Bytes) {
				return errors.New("another certificate than the one in " + file)
			}
			return nil
		}}
	return nil
}

func newClient(base, token string, dial func(ctx context.Context, network, address string) (net.Conn, error)) *Client {
	return &Client{
		base: strings.TrimSuffix(base, "/"), token: strings.TrimSpace(token), retry: 60 * time.Second,
		http: &http.Client{
			Transport: &http.Transport{
				Proxy:               nil,
				DialContext:         dial,
				MaxIdleConns:        16,
				MaxIdleConnsPerHost: 16,
				IdleConnTimeout:     idleTimeout / 2, // before the server's own, so that no request meets a closing connection
				DisableCompression:  true,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// Close closes idle connections. The client can be used again.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Status implements Reader.
func (c *Client) Status(ctx context.Context) (s Status, err error) {
	return s, c.get(ctx, "/status", &s)
}

// Limits are the bounds of the node.
func (c *Client) Limits(ctx context.Context) ([]Limit, error) {
	var out struct {
		Items []Limit `json:"items"`
	}
	return out.Items, c.get(ctx, "/limits", &out)
}

// Records implements Reader.
func (c *Client) Records(ctx context.Context, q RecordQuery) (page RecordPage, err error) {
	return page, c.get(ctx, "/records?"+q.Values().Encode(), &page)
}

// Facets implements Reader.
func (c *Client) Facets(ctx context.Context, q RecordQuery) (f Facets, err error) {
	q.Limit, q.Cursor, q.Sort = 0, "", ""
	return f, c.get(ctx, "/facets?"+q.Values().Encode(), &f)
}

// Record implements Reader.
func (c *Client) Record(ctx context.Context, ref string) (rec Record, err error) {
	return rec, c.get(ctx, "/records/"+url.PathEscape(ref), &rec)
}

// Block implements Reader. It checks the bytes against the CID.
func (c *Client) Block(ctx context.Context, cid string) (Block, error) {
	name, err := protocol.ParseCID(cid)
	if err != nil {
		return Block{}, err
	}
	resp, err := c.do(ctx, http.MethodGet, "/blocks/"+cid, nil, nil)
	if err != nil {
		return Block{}, err
	}
	defer resp.Body.Close()
	data, err := readAll(resp.Body)
	if err != nil {
		return Block{}, c.lost(ctx, err)
	}
	if !name.Matches(data) {
		return Block{}, &protocol.Error{Reason: protocol.ReasonBadHash, Op: "read block", ID: cid}
	}
	b := Block{CID: cid, Codec: CodecDagCBOR, Data: data}
	if resp.Header.Get("Content-Type") == mediaRaw {
		b.Codec = CodecRaw
	}
	return b, nil
}

// Members implements Reader.
func (c *Client) Members(ctx context.Context) ([]Member, error) {
	var list struct{ Items []Member }
	err := c.get(ctx, "/members", &list)
	return list.Items, err
}

// Publish implements Publisher. A connection lost while waiting is tried once more
// under the same idempotency key, so that one call writes at most one entry while the
// node runs.
func (c *Client) Publish(ctx context.Context, d Draft) (Receipt, error) {
	path := "/records"
	if d.Of != "" {
		path += "/" + url.PathEscape(d.Of) + "/revisions"
	}
	if d.Dry {
		path += "?dry_run=true"
	}
	raw, err := withFor(d)
	if err != nil {
		return Receipt{}, err
	}
	if d.Version != "" {
		return c.write(ctx, path, raw, "If-Match", strconv.Quote(d.Version))
	}
	return c.write(ctx, path, raw)
}

// Withdraw implements Publisher, with the promise of Publish.
func (c *Client) Withdraw(ctx context.Context, ref string, reason map[string]string) (Receipt, error) {
	body, err := json.Marshal(withdrawal{reason})
	if err != nil {
		return Receipt{}, protocol.Fail(protocol.ReasonMalformed, "withdraw record", err)
	}
	return c.write(ctx, "/records/"+url.PathEscape(ref)+"/withdrawal", body)
}

// Erase implements Publisher, with the promise of Publish.
func (c *Client) Erase(ctx context.Context, ref string, why Why) (Receipt, error) {
	body, err := json.Marshal(why)
	if err != nil {
		return Receipt{}, protocol.Fail(protocol.ReasonMalformed, "erase record", err)
	}
	return c.write(ctx, "/records/"+url.PathEscape(ref)+"/erasure", body)
}

// Erasure implements Reader.
func (c *Client) Erasure(ctx context.Context, ref string) (e Erasure, err error) {
	return e, c.get(ctx, "/records/"+url.PathEscape(ref)+"/erasure", &e)
}

func (c *Client) write(ctx context.Context, path string, body []byte, header ...string) (receipt Receipt, err error) {
	var nonce [18]byte
	_, _ = rand.Read(nonce[:]) // crypto/rand never fails
	key := http.Header{"Idempotency-Key": {base64.RawURLEncoding.EncodeToString(nonce[:])}, "Content-Type": {"application/json"}}
	for i := 0; i+1 < len(header); i += 2 {
		key.Set(header[i], header[i+1])
	}
	for attempt := 0; ; attempt++ {
		var resp *http.Response
		resp, err = c.do(ctx, http.MethodPost, path, key, bytes.NewReader(body))
		if err == nil {
			err = c.decode(ctx, resp, &receipt)
		}
		var refused *net.OpError
		broken := protocol.ReasonOf(err) == protocol.ReasonNotRunning && !(errors.As(err, &refused) && refused.Op == "dial")
		if !broken || attempt > 0 {
			return receipt, err
		}
	}
}

// Decisions implements Governor.
func (c *Client) Decisions(ctx context.Context) (d Decisions, err error) {
	return d, c.get(ctx, "/decisions", &d)
}

// Decision implements Governor.
func (c *Client) Decision(ctx context.Context, id string) (f Fate, err error) {
	return f, c.get(ctx, "/decisions/"+url.PathEscape(id), &f)
}

// Decide implements Governor.
func (c *Client) Decide(ctx context.Context, p Proposal) (d Decision, err error) {
	return d, c.post(ctx, "/decisions", p, &d)
}

// Answer implements Governor.
func (c *Client) Answer(ctx context.Context, a AnswerRequest) (d Decision, err error) {
	return d, c.post(ctx, "/decisions/"+strconv.FormatUint(a.Number, 10)+"/answers", a, &d)
}

// Invite implements Governor.
func (c *Client) Invite(ctx context.Context, r InviteRequest) (i Invitation, err error) {
	return i, c.post(ctx, "/invitations", r, &i)
}

func (c *Client) get(ctx context.Context, path string, into any) error {
	resp, err := c.do(ctx, http.MethodGet, path, http.Header{"Accept": {"application/json"}}, nil)
	if err != nil {
		return err
	}
	return c.decode(ctx, resp, into)
}

func (c *Client) post(ctx context.Context, path string, body, into any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return protocol.Fail(protocol.ReasonMalformed, "ask node", err)
	}
	resp, err := c.do(ctx, http.MethodPost, path, http.Header{"Content-Type": {"application/json"}}, bytes.NewReader(raw))
	if err != nil {
		return err
	}
	return c.decode(ctx, resp, into)
}

// do sends one request. The caller closes the body of a good answer; problems come back
// as errors.
func (c *Client) do(ctx context.Context, method, path string, header http.Header, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+base+path, body)
	if err != nil {
		return nil, &protocol.Error{Reason: protocol.ReasonConfig, Op: "ask node", Args: map[string]string{"address": c.base}, Err: err}
	}
	for k, v := range header {
		req.Header[k] = v
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.lost(ctx, err)
	}
	if resp.StatusCode/100 == 2 {
		return resp, nil
	}
	defer resp.Body.Close()
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	raw, err := readAll(resp.Body)
	var p Problem
	if err != nil || media != "application/problem+json" || json.Unmarshal(raw, &p) != nil {
		return nil, c.lost(ctx, errors.New("something else answers there: "+resp.Status))
	}
	return nil, p.err()
}

// lost is what it means that no proper answer came: the caller gave up, or no node of
// ours is there.
func (c *Client) lost(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return protocol.Fail(protocol.ReasonCanceled, "ask node", ctx.Err())
	}
	var e *protocol.Error
	if errors.As(err, &e) {
		return err
	}
	return &protocol.Error{Reason: protocol.ReasonNotRunning, Op: "ask node", ID: c.base,
		Args: map[string]string{"address": c.base}, Err: err}
}

func (c *Client) decode(ctx context.Context, resp *http.Response, into any) error {
	defer resp.Body.Close()
	raw, err := readAll(resp.Body)
	if err != nil {
		return c.lost(ctx, err)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return c.lost(ctx, err)
	}
	return nil
}

func readAll(r io.Reader) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxAnswerBytes+1))
	if err == nil && len(raw) > maxAnswerBytes {
		return nil, protocol.Fail(protocol.ReasonTooLarge, "read answer", nil)
	}
	return raw, err
}
