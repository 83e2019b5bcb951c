package condition

import (
	"strings"
	"unicode"
)

// OneLine returns foreign text as a line may hold it: what ends a line, moves a cursor, rings a bell or turns
// the direction of writing is a space. Modems, networks, relays and settings say such things; rows and what is
// shown hold none of it. The joiners that Persian, Indian scripts and emoji need stay.
func OneLine(text string) string {
	const joiner, nonJoiner = '\u200d', '\u200c'
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) || r == joiner || r == nonJoiner {
			return r
		}
		return ' '
	}, text))
}

// Lines is OneLine for text of several lines, such as a menu of the network.
func Lines(text string) string {
	lines := strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(OneLine("." + line)[1:], " ") // it keeps how far it is indented
	}
	return strings.Join(lines, "\n")
}
