package modem

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

// LevelTrace is the level of the process log that shows the AT dialogue, with PDUs masked.
const LevelTrace = slog.LevelDebug - 4

// ring holds the last lines of a modem's dialogue, masked, so that what led to an error can be
// read where nobody had asked for a trace.
type ring struct {
	mu    sync.Mutex
	lines [200]spoken
	next  int       // place of the next line
	fresh int       // lines that were not written out yet
	wrote time.Time // when lines were written out last
}

// spoken is a line of the dialogue.
type spoken struct {
	at   time.Time
	text string
}

func (r *ring) add(text string) {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines[r.next] = spoken{now, text}
	r.next = (r.next + 1) % len(r.lines)
	r.fresh = min(r.fresh+1, len(r.lines))
}

// take returns the lines that were not taken yet, the oldest first; none before rest is over since
// the last time.
func (r *ring) take(rest time.Duration) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fresh == 0 || !r.wrote.IsZero() && time.Since(r.wrote) < rest {
		return nil
	}
	lines := make([]string, 0, r.fresh)
	for i := len(r.lines) - r.fresh; i < len(r.lines); i++ {
		l := r.lines[(r.next+i)%len(r.lines)]
		lines = append(lines, l.at.Format("15:04:05.000 ")+l.text)
	}
	r.fresh, r.wrote = 0, time.Now()
	return lines
}

// explain writes what was said before an error to the process log, once in a burst of errors.
func (m *Modem) explain(why error) {
	if lines := m.ring.take(m.Patience.Trace); len(lines) > 0 {
		m.log.Warn("what was said with the modem before, texts masked", "err", why, "dialogue", strings.Join(lines, "\n"))
	}
}

// trace keeps the dialogue, and shows it to who asks for it, without people's texts.
func (w *wire) trace(direction, text string) {
	text = direction + " " + mask(strings.TrimRight(text, "\r\n"))
	w.ring.add(text)
	if w.log.Enabled(context.Background(), LevelTrace) {
		w.log.Log(context.Background(), LevelTrace, text)
	}
}

// plain are the commands whose quoted parameters tell nothing of people: storages, character sets,
// operators, cells.
var plain = []string{"+CMTI", "+CDSI", "+CPMS", "+CSCS", "+COPS", "+CREG", "+CGREG", "+CEREG", "+C5GREG", "+QPINC"}

// mask hides what a line tells of people: PDUs, phone numbers and names, IMSI and IMEI, PINs, and
// what the network says in words.
func mask(line string) string {
	if at := strings.IndexByte(line, '"'); at >= 0 && !slices.ContainsFunc(plain, func(name string) bool { return strings.Contains(line, name) }) {
		end := strings.LastIndexByte(line, '"')
		if end == at { // it goes on in the next line
			end = len(line) - 1
		}
		line = fmt.Sprintf("%s<%d characters>%s", line[:at], end+1-at, line[end+1:])
	}
	const long = 7 // hexadecimal digits in a row
	var b strings.Builder
	from := 0 // of what is not in b yet
	for at := 0; at < len(line); {
		end := at
		for end < len(line) && hexDigit(line[end]) {
			end++
		}
		if end-at >= long {
			fmt.Fprintf(&b, "%s<%d digits>", line[from:at], end-at)
			from = end
		}
		at = end + 1
	}
	if from == 0 {
		return line
	}
	b.WriteString(line[from:])
	return b.String()
}

func hexDigit(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'F' || c >= 'a' && c <= 'f'
}
