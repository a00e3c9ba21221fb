package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/home"
	"github.com/dure-net/dure/protocol"
)

// preparedNode is what `dure nodes key --json` prints.
type preparedNode struct {
	Home string `json:"home"`
	Node string `json:"node"`
}

// addedNode is what `dure nodes add --json` prints.
type addedNode struct {
	Said  []api.Said `json:"said"`
	Added string     `json:"added"`          // the root key's word, for the new machine
	Line  string     `json:"line,omitempty"` // whom the new machine may ask; absent where this node has no address now
}

// nodeKeyCommand shows the key of a machine that is to be added: the 24 words are typed elsewhere.
func (a *app) nodeKeyCommand() *cobra.Command {
	c := a.command("key", between(0, 0), nil, func(context.Context, []string) error {
		dir, err := home.Dir(a.homeFlag)
		if err != nil {
			return err
		}
		h, err := home.Prepare(dir, home.Options{})
		if err != nil {
			return err
		}
		node := h.Node().Public().String()
		return a.answer(preparedNode{Home: h.Dir(), Node: node}, func() {
			a.plain(node)
			a.note("cli.nodes.key_next", args{"node": node})
		})
	})
	c.Short, c.Long = a.say("help.nodes.key", nil), a.say("help.nodes.key.long", nil)
	a.outputs["nodes key"] = preparedNode{}
	return c
}

// addCommand signs the addition of a node of another machine. The root key never comes there.
func (a *app) addCommand() *cobra.Command {
	var wordsFile string
	c := a.command("add KEY", between(1, 1), nil, func(ctx context.Context, arguments []string) error {
		key, err := protocol.ParsePublicKey(strings.TrimSpace(arguments[0]))
		if err != nil {
			return misuse("usage.bad_node_key", args{"value": arguments[0]})
		}
		return a.with(ctx, func(s *session) error {
			k, err := a.kin(ctx, s, "")
			if err != nil {
				return err
			}
			a.note("cli.nodes.add_means", args{"node": short(key.String()), "member": k.member.Handle})
			root, err := k.root(wordsFile)
			if err != nil {
				return err
			}
			out, err := k.add(ctx, root, key)
			if err != nil {
				return err
			}
			return a.answer(out, func() { a.sayAdded(s, k, key, out) })
		})
	})
	a.outputs["nodes add"] = addedNode{}
	c.Example = "dure nodes add edk3v7qa2fz6n4…"
	a.textFlag(c.Flags(), &wordsFile, "words-file", "FILE", "")
	return c
}

func (k *kin) add(ctx context.Context, root protocol.PrivateKey, node protocol.PublicKey) (addedNode, error) {
	_, federation, _, err := k.s.home.Founding()
	if err != nil {
		return addedNode{}, err
	}
	st, err := protocol.Addition(federation, protocol.PublicKey{}, node, protocol.Signature{}).Sign(root)
	if err != nil {
		return addedNode{}, err
	}
	said, err := k.say(ctx, root, st)
	if err != nil {
		return addedNode{}, err
	}
	out := addedNode{Said: []api.Said{said}}
	if out.Added, err = st.AdditionLine(); err != nil {
		return out, err
	}
	switch inv, err := k.s.Invite(ctx, api.InviteRequest{Handle: k.member.Handle, Known: true}); protocol.ReasonOf(err) {
	case protocol.ReasonNone:
		out.Line = inv.Line
	case protocol.ReasonNotRunning: // any other member's line does as well
	default:
		return out, err
	}
	return out, nil
}

func (a *app) sayAdded(s *session, k *kin, node protocol.PublicKey, out addedNode) {
	a.note("cli.nodes.add_done", args{"node": short(node.String()), "member": k.member.Handle})
	line := out.Line
	if line == "" {
		line = a.say("cli.nodes.add_line", nil)
		a.note("cli.nodes.add_ask", args{"member": k.member.Handle})
	}
	a.plain("dure recover --added " + out.Added + " " + line)
	a.saySpreads(s)
}
