package modem

import (
	"fmt"
	"strings"
	"time"
)

// resync brings question and answer into step after an answer that did not come: it waits a while
// for a late answer to AT+CMGS, abandons an unfinished PDU and asks for something that only its own answer can look like, so that whatever
// comes before that belongs to the past. mr is the TP-MR of a late answer to AT+CMGS among it,
// -1 where there was none.
func (w *wire) resync(grace, within time.Duration) (mr int, err error) {
	lines := make(chan string, 256)
	w.mu.Lock()
	question, answer := "+CSQ", "+CSQ:"
	if w.cmd == question {
		question, answer = "+CREG?", "+CREG:"
	}
	w.forget()
	w.barrier, w.stray = lines, false
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		w.barrier = nil
		w.mu.Unlock()
	}()
	mr = -1
	if grace > 0 {
		answered := func(line string) bool { return strings.HasPrefix(line, "+CMGS:") || finalResult(line) != "" }
		if mr, err = w.await(lines, mr, grace, answered); err != nil {
			return mr, err
		}
	}
	const tries = 3
	for try := range tries {
		if _, err := w.put([]byte("\x1b\r")); err != nil {
			return mr, err
		}
		if mr, err = w.await(lines, mr, 100*time.Millisecond, nil); err != nil {
			return mr, err
		}
		if _, err := w.put([]byte("AT" + question + "\r")); err != nil {
			return mr, err
		}
		answered, done := false, false
		mr, err = w.await(lines, mr, within/tries, func(line string) bool {
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
