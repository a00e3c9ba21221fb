package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"
	"golang.org/x/text/unicode/norm"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

func (a *app) attachCommand() *cobra.Command {
	var yes bool
	c := a.command("attach ID FILE...", between(1, 1+record.MaxAttachments+1), api.Receipt{}, func(ctx context.Context, arguments []string) error {
		ref, files := arguments[0], arguments[1:]
		if len(files) == 0 {
			return misuse("attach.none", nil)
		}
		return a.with(ctx, func(s *session) error {
			r, err := s.Record(ctx, ref)
			if err != nil {
				return err
			}
			if st, err := s.Status(ctx); err == nil && st.Member.Handle != r.Member { // before anything is sent
				return &protocol.Error{Reason: protocol.ReasonNotOwner, Op: "attach", ID: r.ID, Args: map[string]string{"member": r.Member, "number": r.Number}}
			}
			if r.Content == nil {
				return &complaint{reason: protocol.ReasonWanted, key: "cli.attach.no_content"}
			}
			content := api.PlainContent(r.Content)
			going, err := a.attach(ctx, s, content, files, yes)
			if err != nil || !going {
				return err
			}
			raw, err := json.Marshal(content)
			if err != nil {
				return err
			}
			receipt, err := s.Publish(ctx, api.Draft{Type: r.Type, Raw: raw, Of: ref})
			if err != nil {
				return err
			}
			return a.receipt(s, receipt, "cli.attach.done")
		})
	})
	c.Example = "dure attach kr-seoul-41 사진.jpg report.pdf"
	a.switchFlag(c.Flags(), &yes, "yes")
	return c
}

// attach brings files to the node and names them in a record's content. Where a picture
// tells where it was taken, whoever sits at the terminal is asked first; it returns false
// where the answer is no.
func (a *app) attach(ctx context.Context, s *session, content map[string]any, names []string, yes bool) (bool, error) {
	kindName, _ := content["type"].(string)
	if kind, ok := protocol.ParseKind(kindName); !ok || !record.HasFiles(kind) {
		return false, &complaint{reason: protocol.ReasonUsage, key: "cli.attach.unfit", args: args{"type": a.word("type", kindName)}}
	}
	list, _ := content["attachments"].([]any)
	if count := len(list) + len(names); count > record.MaxAttachments {
		return false, misuse("attach.too_many", args{"max": record.MaxAttachments, "count": count})
	}
	lang, _ := content["lang"].(string)
	told := false
	for _, name := range names {
		up, err := a.upload(ctx, s.Upload, name)
		if err != nil {
			return false, err
		}
		a.note("cli.attach.file", args{"name": up.Name, "kind": a.code(record.MediaTypes, up.MediaType), "bytes": a.book.Bytes(a.lang, up.Bytes)})
		for _, w := range up.Warnings {
			told = true
			a.note("cli.attach.position", args{"name": up.Name, "sentence": a.say("personal."+w.Code, args{"found": w.Found})})
		}
		list = append(list, map[string]any{"id": up.ID, "media_type": up.MediaType, "bytes": up.Bytes, "title": map[string]any{lang: titleOf(up.Name)}})
	}
	if told {
		a.note("personal.what", nil)
		a.note("personal.private", nil)
		if !yes && a.interactive() && !a.agrees("cli.attach.ask") {
			a.note("cli.publish.not", nil)
			return false, nil
		}
	}
	content["attachments"] = list
	return true, nil
}

// upload brings one file to the node in one of its ways. What is wrong with it is said with
// its name.
func (a *app) upload(ctx context.Context, bring func(context.Context, string, io.Reader) (api.Upload, error), name string) (api.Upload, error) {
	f, err := os.Open(name)
	if err == nil {
		var info os.FileInfo
		if info, err = f.Stat(); err == nil && !info.Mode().IsRegular() {
			err = errors.New("not a file")
		}
		if err != nil {
			_ = f.Close()
		} else if info.Size() > protocol.MaxAttachmentBytes {
			_ = f.Close()
			return api.Upload{}, a.tooLarge(name, nil)
		}
	}
	if err != nil {
		return api.Upload{}, &complaint{reason: protocol.ReasonUsage, key: "cli.usage.cannot_read", args: args{"file": name}, err: err}
	}
	defer f.Close()
	up, err := bring(ctx, norm.NFC.String(filepath.Base(name)), f)
	var e *protocol.Error
	switch reason := protocol.ReasonOf(err); {
	case err == nil:
	case reason == protocol.ReasonTooLarge:
		err = a.tooLarge(name, err)
	case reason == protocol.ReasonMalformed:
		err = &complaint{reason: reason, key: "cli.attach.empty", args: args{"file": name}, err: err}
	case reason == protocol.ReasonInvalid && errors.As(err, &e) && e.Args["refused"] != "":
		err = &complaint{reason: reason, key: "cli.attach.kind", args: args{"file": name, "refused": e.Args["refused"]}, err: err}
	}
	return up, err
}

func (a *app) tooLarge(name string, err error) error {
	return &complaint{reason: protocol.ReasonTooLarge, key: "cli.attach.large", args: args{"file": name, "max": a.book.Bytes(a.lang, protocol.MaxAttachmentBytes)}, err: err}
}

// maxTitleRunes is how long a title of a record may be.
const maxTitleRunes = 120

// titleOf makes the title of a file of its name: what is too long is cut before its ending.
func titleOf(name string) string {
	runes := []rune(name)
	if len(runes) <= maxTitleRunes {
		return name
	}
	ending := []rune(filepath.Ext(name))
	return string(runes[:max(0, maxTitleRunes-len(ending))]) + string(ending)
}

// fetched is what --json prints of a file that was saved.
type fetched struct {
	api.Attachment
	File string `json:"file"` // where it is
}

func (a *app) fetchCommand() *cobra.Command {
	var output string
	c := a.command("fetch ID [N]", between(1, 2), fetched{}, func(ctx context.Context, arguments []string) error {
		n := 0
		if len(arguments) > 1 {
			var err error
			if n, err = strconv.Atoi(arguments[1]); err != nil || n < 1 {
				return misuse("fetch.number", args{"value": arguments[1]})
			}
		}
		return a.with(ctx, func(s *session) error { return a.fetch(ctx, s, arguments[0], n, output) })
	})
	c.Example = "dure fetch kr-seoul-41 1 -o report.pdf"
	c.Flags().StringVarP(&output, "output", "o", "", a.say("flag.output", nil))
	_ = c.Flags().SetAnnotation("output", placeholder, []string{"FILE|-"})
	return c
}

func (a *app) fetch(ctx context.Context, s *session, ref string, n int, output string) error {
	all, err := s.Attachments(ctx, ref)
	switch {
	case err != nil:
		return err
	case len(all) == 0:
		return &complaint{reason: protocol.ReasonNotFound, key: "cli.fetch.none"}
	case n == 0 && len(all) > 1:
		return a.answer(all, func() {
			a.files(all)
			a.note("cli.fetch.which", args{"id": ref})
		})
	case n > len(all):
		return &complaint{reason: protocol.ReasonNotFound, key: "cli.fetch.no_such", args: args{"n": n, "count": len(all)}}
	}
	file := all[max(n, 1)-1]
	if output == "" {
		output = file.Name
		if _, err := os.Lstat(output); err == nil {
			return misuse("fetch.exists", args{"file": output})
		}
	}
	step, done := a.progress("cli.progress.fetch")
	err = a.writeFile(output, func(w io.Writer) error {
		f, err := s.Attachment(ctx, ref, file.Number)
		if err != nil {
			return err
		}
		defer f.Close()
		var check protocol.Chunker
		done := uint64(0)
		for buffer := make([]byte, protocol.ChunkBytes); ; {
			got, err := f.Read(buffer)
			if got > 0 {
				_, _ = check.Write(buffer[:got])
				done += uint64(got)
				if _, err := w.Write(buffer[:got]); err != nil {
					return &complaint{reason: protocol.ReasonHomeUnwritable, key: "cli.usage.cannot_write", args: args{"file": output}, err: err}
				}
				step(api.Progress{Step: "fetch", Done: done, Total: file.Bytes, Unit: "bytes"})
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return err
			}
		}
		if file.Private {
			return nil // its id is that of the encrypted form, which the node has checked
		}
		if _, _, is, err := check.End(); err != nil || is.String() != file.ID {
			return &protocol.Error{Reason: protocol.ReasonBadHash, Op: "fetch file", ID: file.ID, Err: err}
		}
		return nil
	})
	done()
	switch reason := reasonOf(err); {
	case err == nil:
	case reason == protocol.ReasonWanted && !s.running:
		return &complaint{reason: reason, key: "cli.fetch.offline", err: err}
	case reason == protocol.ReasonWanted:
		return &complaint{reason: protocol.ReasonWanted, key: "cli.fetch.wanted", err: err}
	default:
		return err
	}
	return a.report(output, fetched{file, output}, func() {
		if output == "-" {
			return
		}
		a.note("cli.fetch.done", args{"name": file.Name, "file": output, "bytes": a.book.Bytes(a.lang, file.Bytes)})
	})
}

// files lists the files of a record.
func (a *app) files(all []api.Attachment) {
	t := table{indent: 2}
	for _, f := range all {
		t.row(strconv.Itoa(f.Number), f.Name, a.code(record.MediaTypes, f.MediaType), a.book.Bytes(a.lang, f.Bytes), a.say("term.file."+string(f.State), nil))
	}
	t.print(a.out)
}
