package main

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/phrase"
	"github.com/dure-net/dure/protocol"
)

// groups of commands, in the order of the help.
const (
	groupBegin  = "begin"  // a node, a federation
	groupShare  = "share"  // records
	groupAgree  = "agree"  // agreements
	groupDecide = "decide" // membership and decisions
	groupSay    = "say"    // about one another's records
	groupWatch  = "watch"  // how things are
	groupKeep   = "keep"   // copies and checks
)

// execute runs the command line and returns the exit code.
func (a *app) execute(ctx context.Context, arguments []string) int {
	root := a.tree()
	root.SetArgs(arguments)
	// Cobra writes nothing by itself: errors are ours, help goes through help.go.
	root.SetOut(a.out)
	root.SetErr(a.err)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	a.complain(err)
	return exitCode(err)
}

// tree is the whole command line.
func (a *app) tree() *cobra.Command {
	cobra.EnableCommandSorting = false // the order below is the order in which people need them
	root := &cobra.Command{
		Use: "dure", Short: a.say("help.dure", nil), Long: a.say("help.dure.long", nil),
		SuggestionsMinimumDistance: 2, SilenceErrors: true, SilenceUsage: true, DisableFlagsInUseLine: true,
		Args: a.noSuchCommand,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
		PersistentPreRunE: func(c *cobra.Command, _ []string) error {
			_, a.called, _ = strings.Cut(c.CommandPath(), " ")
			return a.checkGlobals()
		},
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.SetHelpFunc(a.help)
	root.SetHelpCommand(a.helpCommand())
	root.SetFlagErrorFunc(a.flagError)
	root.SetUsageFunc(func(*cobra.Command) error { return nil })

	for _, id := range []string{groupBegin, groupShare, groupAgree, groupSay, groupDecide, groupWatch, groupKeep} {
		root.AddGroup(&cobra.Group{ID: id, Title: a.say("help.group."+id, nil)})
	}
	add := func(group string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	add(groupBegin, a.demoCommand(), a.initCommand(), a.cardCommand(), a.foundCommand(), a.joinCommand(), a.startCommand(), a.serviceCommand(), a.openCommand(), a.tokenCommand(), a.userCommand())
	add(groupShare, a.guidedCommand(protocol.KindOffer), a.guidedCommand(protocol.KindRequest), a.guidedCommand(protocol.KindProject), a.guidedCommand(protocol.KindExperience), a.publishCommand(), a.templateCommand(), a.reviseCommand(), a.historyCommand(), a.attachCommand(), a.fetchCommand(), a.printCommand(), a.archiveCommand(), a.withdrawCommand(), a.eraseCommand(), a.listCommand(), a.searchCommand(), a.searchesCommand(), a.showCommand(), a.matchesCommand(), a.pauseCommand(), a.resumeCommand(), a.extendCommand(), a.closeCommand(), a.reopenCommand(), a.watchCommand())
	add(groupAgree, append([]*cobra.Command{a.inboxCommand(), a.agreementsCommand(), a.agreementCommand()}, a.deedCommands()...)...)
	add(groupSay, a.askCommand(), a.replyCommand(), a.translateCommand(), a.adoptCommand(), a.endorseCommand(), a.partnerCommand(), a.updateCommand(), a.acknowledgeCommand(), a.answerCommand(), a.recallCommand(), a.flagCommand(), a.unflagCommand(), a.messageCommand(), a.messagesCommand(), a.recipientsCommand())
	add(groupDecide, a.inviteCommand(), a.membersCommand(), a.nodesCommand(), a.evidenceCommand(), a.settleCommand(), a.decideCommand(), a.decisionsCommand(), a.approveCommand())
	add(groupWatch, a.statusCommand(), a.doctorCommand(), a.probeCommand(), a.pathsCommand(), a.configCommand(), a.versionCommand())
	add(groupKeep, a.checkCommand(), a.schemaCommand(), a.verifyCommand(), a.scrubCommand(), a.exportCommand(), a.importCommand(), a.backupCommand(), a.restoreCommand(), a.migrateCommand())
	root.AddCommand(a.completionCommand(), a.prepareCommand(), a.exitCodesTopic(), a.jsonTopic())
	add(groupBegin, a.recoverCommand(), a.keyCommand(), a.recoverySheetCommand())
	add(groupDecide, a.objectCommand())

	f := root.PersistentFlags()
	f.SortFlags = false
	a.textFlag(f, &a.homeFlag, "home", "DIR", "")
	a.textFlag(f, &a.langFlag, "lang", "ko|en|fr|es", "")
	a.switchFlag(f, &a.json, "json")
	a.switchFlag(f, &a.quiet, "quiet")
	f.Lookup("quiet").Shorthand = "q"
	a.switchFlag(f, &a.noColor, "no-color")
	a.helpFlags(root)
	return root
}

func (a *app) checkGlobals() error {
	if a.langFlag != "" && !phrase.Speaks(a.langFlag) {
		return misuse("usage.language", args{"value": a.langFlag})
	}
	return nil
}

// helpFlags gives every command --help with our words, before cobra adds its own.
func (a *app) helpFlags(c *cobra.Command) {
	c.Flags().BoolP("help", "h", false, a.say("flag.help", nil))
	for _, sub := range c.Commands() {
		a.helpFlags(sub)
	}
}

// command makes a command: its name is the first word of use, its texts are "help.<path>", "help.<path>.long", and
// output, unless nil, is a value of the type that --json prints.
func (a *app) command(use string, takes cobra.PositionalArgs, output any, run func(ctx context.Context, arguments []string) error) *cobra.Command {
	name, _, _ := strings.Cut(use, " ")
	c := &cobra.Command{
		Use: use, Short: a.say("help."+name, nil), Args: takes, DisableFlagsInUseLine: true,
		RunE: func(c *cobra.Command, arguments []string) error { return run(c.Context(), arguments) },
	}
	if long := "help." + name + ".long"; a.book.Has(long) {
		c.Long = a.say(long, nil)
	}
	if output != nil {
		a.outputs[name] = output
	}
	c.Flags().SortFlags = false
	return c
}

// topic is a page of help that is no command.
func (a *app) topic(name string) *cobra.Command {
	return &cobra.Command{Use: name, Short: a.say("help."+name, nil)}
}

// between allows that many arguments; max -1 is any number.
func between(min, max int) cobra.PositionalArgs {
	return func(c *cobra.Command, arguments []string) error {
		switch {
		case len(arguments) < min:
			return misuse("usage.missing_argument", args{"usage": c.UseLine()})
		case max >= 0 && len(arguments) > max:
			return misuse("usage.extra_argument", args{"value": arguments[max], "usage": c.UseLine()})
		}
		return nil
	}
}

func (a *app) noSuchCommand(c *cobra.Command, arguments []string) error {
	if len(arguments) == 0 {
		return nil
	}
	if _, decided := changeWords(&api.Change{})[arguments[0]]; decided {
		return misuse("usage.unknown_command.decision", args{"value": arguments[0]})
	}
	if near := c.SuggestionsFor(arguments[0]); len(near) > 0 {
		return misuse("usage.unknown_command.near", args{"value": arguments[0], "near": near[0]})
	}
	return misuse("usage.unknown_command", args{"value": arguments[0]})
}

// flagError turns what pflag found into a sentence.
func (a *app) flagError(c *cobra.Command, err error) error {
	help := args{"command": c.CommandPath()}
	var unknown *pflag.NotExistError
	var missing *pflag.ValueRequiredError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown):
		help["flag"] = dashed(unknown.GetSpecifiedName(), unknown.GetSpecifiedShortnames())
		return misuse("usage.unknown_flag", help)
	case errors.As(err, &missing):
		help["flag"] = dashed(missing.GetSpecifiedName(), missing.GetSpecifiedShortnames())
		return misuse("usage.flag_value", help)
	case errors.As(err, &invalid):
		help["flag"], help["value"] = "--"+invalid.GetFlag().Name, invalid.GetValue()
		return misuse("usage.bad_value", help)
	}
	return misuse("usage.flags", help)
}

func dashed(name, shorthands string) string {
	if shorthands != "" {
		return "-" + name
	}
	return "--" + name
}

// placeholder is the annotation under which help finds what stands for a flag's value.
const placeholder = "placeholder"

func (a *app) textFlag(f *pflag.FlagSet, p *string, name, value, standard string) {
	f.StringVar(p, name, standard, a.say("flag."+name, nil))
	_ = f.SetAnnotation(name, placeholder, []string{value})
}

func (a *app) listFlag(f *pflag.FlagSet, p *[]string, name, value string) {
	f.StringArrayVar(p, name, nil, a.say("flag."+name, nil))
	_ = f.SetAnnotation(name, placeholder, []string{value})
}

func (a *app) numberFlag(f *pflag.FlagSet, p *int, name string, standard int) {
	f.IntVar(p, name, standard, a.say("flag."+name, nil))
	_ = f.SetAnnotation(name, placeholder, []string{"N"})
}

func (a *app) switchFlag(f *pflag.FlagSet, p *bool, name string) {
	f.BoolVar(p, name, *p, a.say("flag."+name, nil))
}
