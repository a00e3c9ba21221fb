package main

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/term"
	"golang.org/x/text/unicode/norm"

	"github.com/dure-net/dure/node/home"
	"github.com/dure-net/dure/protocol"
)

// maxInput bounds what is read from a file or a pipe that a person names; records are bounded far below it.
const maxInput = 1 << 20

// readInput reads a file, or standard input for "-".
func (a *app) readInput(name string) ([]byte, error) {
	var r io.Reader = a.in
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, &complaint{reason: protocol.ReasonUsage, key: "cli.usage.cannot_read", args: args{"file": name}, err: err}
		}
		defer f.Close()
		r = f
	}
	raw, err := io.ReadAll(io.LimitReader(r, maxInput+1))
	if err != nil {
		return nil, &complaint{reason: protocol.ReasonUsage, key: "cli.usage.cannot_read", args: args{"file": name}, err: err}
	}
	if len(raw) > maxInput {
		return nil, misuse("usage.file_too_large", args{"file": name, "max": maxInput})
	}
	return raw, nil
}

// root is the member's root key, from the recovery words in file, or asked for on the terminal. It is never kept.
func (a *app) root(file string) (protocol.PrivateKey, error) {
	if file != "" {
		raw, err := a.readInput(file)
		if err != nil {
			return protocol.PrivateKey{}, err
		}
		return home.RootFromWords(string(raw))
	}
	if !terminal(a.in) {
		return protocol.PrivateKey{}, misuse("usage.words_needed", nil)
	}
	text, err := a.askUnseen("cli.words.ask", nil)
	if err != nil {
		return protocol.PrivateKey{}, err
	}
	return home.RootFromWords(text)
}

func wordsOfAnother() error {
	return &protocol.Error{Reason: protocol.ReasonWrongWords, Op: "check root key", Field: home.WordsOther}
}

// askUnseen is ask on a terminal that does not show what is typed.
func (a *app) askUnseen(key string, values args) (string, error) {
	a.asking.Store(true)
	defer a.asking.Store(false)
	// An interrupt ends the process at once while something is asked: then the terminal is put back there.
	if state, err := term.GetState(int(a.in.Fd())); err == nil {
		a.unseen.Store(state)
		defer a.unseen.Store(nil)
	}
	fmt.Fprint(a.err, a.say(key, values)+" ")
	line, err := term.ReadPassword(int(a.in.Fd()))
	fmt.Fprintln(a.err)
	if err != nil {
		return "", protocol.Fail(protocol.ReasonCanceled, "ask", err)
	}
	return strings.TrimSpace(string(line)), nil
}

// ask shows a question on standard error and reads one line.
func (a *app) ask(key string, values args) (string, error) { return a.askText(a.say(key, values)) }

// askText is ask for a question in words.
func (a *app) askText(question string) (string, error) {
	a.asking.Store(true)
	defer a.asking.Store(false)
	fmt.Fprint(a.err, question+" ")
	line, err := bufio.NewReader(io.LimitReader(a.in, maxInput)).ReadString('\n')
	if err != nil && (line == "" || !errors.Is(err, io.EOF)) {
		return "", protocol.Fail(protocol.ReasonCanceled, "ask", err)
	}
	return strings.TrimSpace(line), nil
}

// agrees asks a question that is answered by yes, in any of the languages; anything else
// is no.
func (a *app) agrees(key string) bool {
	said, err := a.ask(key, nil)
	if err != nil {
		return false
	}
	return slices.Contains([]string{"y", "yes", "예", "네", "o", "oui", "s", "si", "sí"}, strings.ToLower(said))
}

// showWords writes the words down, numbered, four in a row, and asks two of them back.
func (a *app) showWords(words []string) error {
	a.warn("cli.words.show", nil)
	fmt.Fprintln(a.err)
	t := table{indent: 2}
	const columns = 4
	for row := 0; row < len(words); row += columns {
		var cells []string
		for i := row; i < min(row+columns, len(words)); i++ {
			cells = append(cells, fmt.Sprintf("%2d. %s", i+1, words[i]))
		}
		t.row(cells...)
	}
	t.print(a.err)
	fmt.Fprintln(a.err)
	if _, err := a.ask("cli.words.written", nil); err != nil {
		return err
	}
	for _, place := range twoPlaces(len(words)) {
		if err := a.askBack(words, place); err != nil {
			return err
		}
	}
	return nil
}

// triesBack is how often one word may be asked back: a typing error is not the end.
const triesBack = 3

func (a *app) askBack(words []string, place int) error {
	for range triesBack {
		answer, err := a.ask("cli.words.back", args{"number": place + 1})
		if err != nil {
			return err
		}
		if sameWord(answer, words[place]) {
			return nil
		}
		a.warn("cli.words.not_this", args{"number": place + 1})
	}
	return &protocol.Error{Reason: protocol.ReasonWrongWords, Op: "ask words back", Args: map[string]string{"position": strconv.Itoa(place + 1)}}
}

func sameWord(a, b string) bool {
	return strings.EqualFold(norm.NFKD.String(strings.TrimSpace(a)), norm.NFKD.String(b))
}

// twoPlaces chooses two different places at random.
func twoPlaces(n int) [2]int {
	pick := func(n int) int {
		v, err := rand.Int(rand.Reader, big.NewInt(int64(n)))
		if err != nil {
			panic("dure: internal error: " + err.Error()) // crypto/rand never fails
		}
		return int(v.Int64())
	}
	first := pick(n)
	second := (first + 1 + pick(n-1)) % n
	return [2]int{min(first, second), max(first, second)}
}

// writeWords writes the words to a new file that only its owner can read.
func writeWords(name string, words []string) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return misuse("usage.words_file_exists", args{"file": name})
	}
	if err != nil {
		return &complaint{reason: protocol.ReasonHomeUnwritable, key: "cli.usage.cannot_write", args: args{"file": name}, err: err}
	}
	_, err = f.WriteString(strings.Join(words, " ") + "\n")
	if synced := f.Sync(); err == nil {
		err = synced
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return &complaint{reason: protocol.ReasonHomeUnwritable, key: "cli.usage.cannot_write", args: args{"file": name}, err: err}
	}
	return nil
}
