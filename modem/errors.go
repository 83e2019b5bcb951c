package modem

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"omsbox/store"
	"omsbox/store/condition"
)

// CommandError is an error that the modem answered.
type CommandError struct {
	Command string // such as "+CMGS"
	Kind    string // "CMS", "CME", or "" for a bare ERROR
	Code    int    // -1 where the modem told none, or words that nobody knows
	Detail  string // as the modem wrote it
	Left    bool   // it came after the PDU had left
}

func (e *CommandError) Error() string {
	c, known := e.cause()
	switch {
	case known:
		return fmt.Sprintf("%s (%s %d)", c.text, e.Kind, e.Code)
	case e.Kind == "":
		return "the modem refused AT" + e.Command
	case c.meaning != saysNothing:
		return fmt.Sprintf("the network refused the message (%s %d)", e.Kind, e.Code)
	}
	return fmt.Sprintf("the modem refused AT%s (%s %s)", e.Command, e.Kind, condition.OneLine(e.Detail))
}

// Outcome is what the error means for the segment that met it.
func (e *CommandError) Outcome() store.Outcome {
	if !e.Left {
		// The PDU stayed here. The network knows nothing of the segment, and cannot have refused it.
		return store.Deferred
	}
	switch c, _ := e.cause(); c.meaning {
	case nothingLeft, refusedForNow:
		return store.Deferred
	case refusedForGood:
		return store.Refused
	}
	return store.Doubtful
}

// cause returns what is known of the error's code; false, and a meaning of saysNothing, where nothing is.
func (e *CommandError) cause() (cause, bool) {
	switch e.Kind {
	case "CMS":
		if c, ok := cmsCauses[e.Code]; ok {
			return c, true
		}
		return cause{meaning: reservedCMS(e.Code)}, false
	case "CME":
		c, ok := cmeCauses[e.Code]
		return c, ok
	}
	return cause{}, false
}

// uncovered reports whether there is no network. 27.005 3.2.5, 27.007 9.2
func (e *CommandError) uncovered() bool {
	return e.Kind == "CMS" && e.Code == 331 || e.Kind == "CME" && (e.Code == 30 || e.Code == 32 || e.Code == 54)
}

// bars reports whether the network refuses the SIM, and perhaps only for this number: the SIM is barred,
// has no subscription for texts, or no credit. 24.011 E.2, 23.040 9.2.3.22
func (e *CommandError) bars() bool {
	return e.Left && e.Kind == "CMS" && slices.Contains([]int{8, 21, 30, 50, 69, 193}, e.Code)
}

// unreadable reports whether the modem could make nothing of a PDU. 27.005 3.2.5, 27.007 9.2
func (e *CommandError) unreadable() bool {
	return e.Kind == "CMS" && (e.Code == 304 || e.Code == 305) || e.Kind == "CME" && e.Code == 50
}

// ill reports whether the error may come from an ill modem: it could make nothing of a PDU, or its answer
// says nothing of what became of the PDU. A network that kept silent makes no modem ill.
func (e *CommandError) ill() bool {
	c, _ := e.cause()
	timeout := e.Kind == "CMS" && e.Code == 332 || e.Kind == "CME" && e.Code == 31
	return e.unreadable() || c.meaning == saysNothing && !timeout
}

// fromNetwork reports whether the network answered: the modem did its work. 24.011 E.2, 23.040 9.2.3.22
func (e *CommandError) fromNetwork() bool {
	c, _ := e.cause()
	return e.Left && e.Kind == "CMS" && (c.meaning == refusedForNow || c.meaning == refusedForGood)
}

// identify returns the code that a modem told, as a number or in the words of the specification, and the
// table that the code stands in: some modems write +CMS ERROR before words of the other table. Code -1
// where nobody knows the words.
func identify(kind, told string) (string, int) {
	if n, err := strconv.Atoi(strings.TrimSpace(told)); err == nil && n >= 0 {
		return kind, n
	}
	other := map[string]string{"CMS": "CME", "CME": "CMS"}[kind]
	for _, k := range []string{kind, other} {
		table := cmsCauses
		if k == "CME" {
			table = cmeCauses
		}
		for code, c := range table {
			if slices.ContainsFunc(c.words, func(w string) bool { return sameWords(w, told) }) {
				return k, code
			}
		}
	}
	return kind, -1
}

// sameWords reports whether two spellings are the same words. Modems differ in capitals and in
// punctuation, and write (U)SIM, USIM or SIM.
func sameWords(a, b string) bool {
	plain := func(text string) string {
		text = strings.ReplaceAll(strings.ToLower(text), "(u)sim", "sim")
		text = strings.ReplaceAll(text, "usim", "sim")
		return strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
				return r
			}
			return -1
		}, text)
	}
	return plain(a) == plain(b)
}

// verdict is how an attempt to send a segment ended.
func verdict(a store.Attempt, mr int, err error) store.Verdict {
	v := store.Verdict{Attempt: a, MR: mr}
	var refused *CommandError
	switch {
	case err == nil:
		v.Outcome = store.Accepted
		return v
	case errors.As(err, &refused):
		v.Outcome = refused.Outcome()
	case errors.Is(err, ErrUnanswered):
		v.Outcome = store.Doubtful
	default:
		v.Outcome = store.Unsent
	}
	v.Reason = err.Error()
	return v
}

// cannot logs what the store refused.
func (m *Modem) cannot(what string, err error, args ...any) {
	m.log.Log(context.Background(), store.LogLevel(err), what, append(args, "err", err)...)
}
