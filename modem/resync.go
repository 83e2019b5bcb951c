package modem

import (
	"fmt"
	"strings"
	"time"
)

// escape abandons a PDU that is half written, and ends a half line. Ctrl-Z would send such a PDU.
const escape = "\x1b\r"

// readable makes a modem answer as everything here expects it: at all, in words, and without
// echo, whatever another program left it in. ITU-T V.250 6.2
const readable = "ATQ0V1E0\r"

// resync brings question and answer into step after an answer that did not come: it waits a while
// for a late answer to AT+CMGS, abandons an unfinished PDU, says prelude, and asks for something
// that only its own answer can look like, so that whatever comes before that belongs to the past.
// mr is the TP-MR of a late answer to AT+CMGS among it, -1 where there was none.
func (w *wire) resync(grace, within time.Duration, prelude string) (mr int, err error) {
	w.mu.Lock()
	questions := []string{"+CSQ", "+CMEE?", "+CSQ"} // a SIM that is locked may bar the first
	if w.cmd == questions[0] {
		questions[0] = "+CREG?"
	}
	w.mu.Unlock()
	lines, done := w.divert()
	defer done()
	mr = -1
	if grace > 0 {
		answered := func(line string) bool { return strings.HasPrefix(line, "+CMGS:") || finalResult(line) != "" }
		if mr, err = w.await(lines, mr, grace, answered); err != nil {
			return mr, err
		}
	}
	for try, question := range questions {
		for _, before := range []string{escape, prelude} {
			if before == "" {
				continue
			}
			if _, err := w.put([]byte(before)); err != nil {
				return mr, err
			}
			if mr, err = w.await(lines, mr, 100*time.Millisecond, nil); err != nil {
				return mr, err
			}
		}
		w.mu.Lock()
		w.asked = "AT" + question
		w.mu.Unlock()
		answer := commandID(question) + ":"
		if _, err := w.put([]byte("AT" + question + "\r")); err != nil {
			return mr, err
		}
		answered, done := false, false
		mr, err = w.await(lines, mr, within/time.Duration(len(questions)), func(line string) bool {
			answered = answered || strings.HasPrefix(line, answer)
			done = answered && finalResult(line) != ""
			return done
		})
		if err != nil {
			return mr, err
		}
		if done {
			return mr, nil
		}
		w.log.Debug("the modem did not answer", "try", try+1)
	}
	return mr, ErrSilent
}

// divert takes all lines but unsolicited ones away from the command in flight, which is over, until
// done is called.
func (w *wire) divert() (lines <-chan string, done func()) {
	c := make(chan string, 256)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.forget()
	w.barrier, w.stray = c, false
	return c, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.barrier, w.asked = nil, ""
	}
}

// shout writes a command line to a modem that may not answer any more, and says with what final
// result it did, "" where it did not. Question and answer are out of step afterwards.
func (w *wire) shout(line string, within time.Duration) (result string, err error) {
	lines, done := w.divert()
	defer done()
	if _, err := w.put([]byte(escape)); err != nil {
		return "", err
	}
	if _, err = w.await(lines, -1, 100*time.Millisecond, nil); err != nil {
		return "", err
	}
	if _, err := w.put([]byte("AT" + line + "\r")); err != nil {
		return "", err
	}
	_, err = w.await(lines, -1, within, func(line string) bool {
		result = finalResult(line)
		return result != ""
	})
	return result, err
}

// overhear returns what the modem says after an answer that begin asked to listen behind, for a
// while or up to a final result.
func (w *wire) overhear(within time.Duration) (said []string, err error) {
	w.mu.Lock()
	lines := w.after
	w.mu.Unlock()
	_, err = w.await(lines, -1, within, func(line string) bool {
		said = append(said, line)
		return finalResult(line) != ""
	})
	return said, err
}

// await reads lines until enough says so, or for a while where nothing says so.
func (w *wire) await(lines <-chan string, mr int, within time.Duration, enough func(string) bool) (int, error) {
	timer := time.NewTimer(within)
	defer timer.Stop()
	for {
		select {
		case line := <-lines:
			var late int
			if n, _ := fmt.Sscanf(line, "+CMGS: %d", &late); n == 1 {
				mr = late
			}
			if enough != nil && enough(line) {
				return mr, nil
			}
		case <-timer.C:
			return mr, nil
		case <-w.closed:
			return mr, ErrGone
		}
	}
}
