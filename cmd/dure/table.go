package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/rivo/uniseg"
)

// table aligns columns by what a terminal shows: Hangul takes two places, which text/tabwriter does not know.
type table struct {
	indent int
	rows   [][]string
}

func (t *table) row(cells ...string) { t.rows = append(t.rows, cells) }

// print writes the rows, two spaces between columns, and nothing behind the last cell.
func (t *table) print(w io.Writer) {
	var widths []int
	for _, row := range t.rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], width(cell))
		}
	}
	for _, row := range t.rows {
		var b strings.Builder
		b.WriteString(strings.Repeat(" ", t.indent))
		for i, cell := range row {
			b.WriteString(cell)
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", widths[i]-width(cell)+2))
			}
		}
		fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
	}
}

// width is how many places the text takes, colour codes aside: East Asian letters are wide
// and ambiguous ones narrow, whatever the locale of the process, since output must not differ
// between a terminal and a script.
func width(text string) int {
	for {
		from := strings.Index(text, "\x1b[")
		if from < 0 {
			return uniseg.StringWidth(text)
		}
		to := strings.IndexByte(text[from:], 'm')
		if to < 0 {
			return uniseg.StringWidth(text)
		}
		text = text[:from] + text[from+to+1:]
	}
}

// cut shortens a text to so many places, with an ellipsis.
func cut(text string, places int) string {
	if uniseg.StringWidth(text) <= places {
		return text
	}
	kept, taken := 0, width("…")
	for letters := uniseg.NewGraphemes(text); letters.Next(); {
		if taken += letters.Width(); taken > places {
			break
		}
		_, kept = letters.Positions()
	}
	return text[:kept] + "…"
}
