package modem

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// longestLine bounds a line from the modem: the longest of the standard, a PDU in hexadecimal, has about 360 characters.
	longestLine = 4096
	// mostURCs bounds the unsolicited result codes that wait for the receiver.
	mostURCs = 1024
	// mostUnread bounds what waits to be read by the AT library, in bytes.
	mostUnread = 1 << 20
)

// wire lies between the port and the AT library and makes the library fit for a line that is
// never quiet. It takes unsolicited result codes out before the library sees them, gives writes a
// deadline, knows whether a PDU has left, ends a wait for a prompt, turns vendors' final results
// into those the library knows, and can bring question and answer into step again.
type wire struct {
	port   io.ReadWriteCloser
	log    *slog.Logger
	ring   *ring
	urcs   chan urc
	lines  feed // what the library reads
	writes chan writing
	closed chan struct{}
	once   sync.Once
	ended  sync.WaitGroup // of the reader
	stuck  atomic.Bool    // the port did not take what was written
	lapses atomic.Int64   // how often the modem may have restarted: an answer was missing, or it said so

	writeWithin  time.Duration
	promptWithin time.Duration

	mu       sync.Mutex
	cmd      string      // the command in flight, such as "+CMGS"; "" while none is
	echo     string      // what the modem may echo of it
	prompt   *time.Timer // not nil while ">" is awaited
	promised bool        // the whole PDU of the command was written, or may have been
	head     string      // first line of a two-line URC whose second is awaited
	headAt   time.Time
	stray    bool        // a late "+CMGS:" went by, whose OK is to be ignored too
	barrier  chan string // not nil while lines go to resync
	after    chan string // not nil where what is said after the answer is wanted
	ussd     chan string // not nil while the network's answer to a USSD code is awaited
	words    string      // a "+CUSD:" whose text goes on in the next line
	wordsAt  time.Time
}

// urc is an unsolicited result code: its line, and the PDU that follows it where one does.
type urc struct {
	line string
	pdu  string
}

type writing struct {
	data []byte
	done chan written
}

type written struct {
	n   int
	err error
}

var errSlowWrite = errors.New("the modem does not take what is written to it")

func newWire(port io.ReadWriteCloser, log *slog.Logger, p Patience, r *ring) *wire {
	w := &wire{
		port: port, log: log, ring: r,
		urcs:        make(chan urc, mostURCs),
		writes:      make(chan writing),
		closed:      make(chan struct{}),
		writeWithin: p.Write, promptWithin: p.Prompt,
	}
	w.lines.ready = sync.NewCond(&w.lines.mu)
	w.ended.Add(1)
	go w.read()
	go w.write()
	return w
}

// Close closes the port, which ends both goroutines. A write that even this does not wake, as some
// drivers have it, is left behind with its port; the reader is waited for by Session.Close.
func (w *wire) Close() error {
	var err error
	w.once.Do(func() {
		close(w.closed)
		err = w.port.Close()
		w.lines.close()
	})
	return err
}

// Read gives the library the lines that belong to its command.
func (w *wire) Read(p []byte) (int, error) { return w.lines.read(p) }

// Write takes what the library sends: a command line, a PDU with its Ctrl-Z, or an escape. It
// returns in time whatever the port does.
func (w *wire) Write(p []byte) (int, error) {
	pdu := w.sending(p)
	n, err := w.put(p)
	if pdu && err != nil && n < len(p) {
		w.mu.Lock()
		w.promised = false // the Ctrl-Z that makes the modem send it was not among them
		w.mu.Unlock()
	}
	return n, err
}

func (w *wire) put(p []byte) (int, error) {
	w.trace("->", string(p))
	timer := time.NewTimer(w.writeWithin)
	defer timer.Stop()
	job := writing{data: bytes.Clone(p), done: make(chan written, 1)}
	select {
	case w.writes <- job:
	case <-w.closed:
		return 0, ErrGone
	case <-timer.C:
		w.stuck.Store(true)
		w.Close()
		return 0, errSlowWrite
	}
	select {
	case r := <-job.done:
		return r.n, r.err
	case <-timer.C:
		w.stuck.Store(true)
		w.Close()
		return len(p), errSlowWrite // how much of it left is not known
	}
}

// write is the goroutine that may block in the port.
func (w *wire) write() {
	for {
		select {
		case job := <-w.writes:
			n, err := w.port.Write(job.data)
			job.done <- written{n, err}
		case <-w.closed:
			return
		}
	}
}

// sending learns from what the library writes which command is in flight. It says whether p is a PDU.
func (w *wire) sending(p []byte) (pdu bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	text := string(p)
	switch {
	case strings.HasPrefix(text, "\x1b"):
		w.forget()
	case strings.HasPrefix(text, "AT"):
		w.forget()
		line := strings.TrimRight(text, "\r\n")
		w.stray = false
		w.cmd, w.echo, w.promised = commandID(line[2:]), line, false
		if w.cmd == "" {
			w.cmd = "AT"
		}
		if strings.HasSuffix(text, "\r") { // only a command that is followed by a PDU ends so
			w.prompt = time.AfterFunc(w.promptWithin, w.promptOver)
		}
	case strings.HasSuffix(text, "\x1a"):
		w.echo, w.promised = strings.TrimSuffix(text, "\x1a"), true
		return true
	}
	return false
}

// forget ends the command in flight. w.mu is held.
func (w *wire) forget() {
	w.cmd, w.echo = "", ""
	if w.prompt != nil {
		w.prompt.Stop()
		w.prompt = nil
	}
}

// noPrompt stands in the place of an error code when the prompt did not come.
const noPrompt = "no prompt"

// promptOver ends a command whose prompt did not come in time.
func (w *wire) promptOver() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.prompt != nil {
		w.forget()
		w.lines.put("+CMS ERROR: " + noPrompt + "\r\n")
	}
}

// begin forgets what left before: the next question is about a new PDU. listen keeps what the modem
// says after its answer for overhear.
func (w *wire) begin(listen bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.promised, w.after = false, nil
	if listen {
		w.after = make(chan string, 256)
	}
}

// left says whether the PDU of the last command left, or may have.
func (w *wire) left() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.promised
}

// read is the goroutine that takes lines and prompts out of the bytes that arrive.
func (w *wire) read() {
	defer w.ended.Done()
	defer w.Close()
	var pending []byte
	chunk := make([]byte, 4096)
	idle := 0
	for {
		n, err := w.port.Read(chunk)
		pending = w.split(append(pending, chunk[:n]...))
		switch {
		case err != nil:
			return
		case n > 0:
			idle = 0
		default:
			// A port with a read timeout returns nothing and no error. Should it do so
			// at once, this must not become a busy loop.
			if idle++; idle > 10 {
				select {
				case <-w.closed:
					return
				case <-time.After(10 * time.Millisecond):
				}
			}
		}
	}
}

// split handles what is complete of b and returns the rest.
func (w *wire) split(b []byte) []byte {
	for {
		b = bytes.TrimLeft(b, "\r\n\x00")
		if len(b) > 0 && b[0] == '>' && w.takePrompt() {
			b = bytes.TrimLeft(b[1:], " ")
			continue
		}
		end := bytes.IndexAny(b, "\r\n")
		if end < 0 {
			if len(b) > longestLine {
				return nil // no modem talks like that
			}
			return b
		}
		w.line(string(bytes.TrimSpace(b[:end])))
		b = b[end:]
	}
}

// takePrompt hands a prompt to the library, if one is awaited.
func (w *wire) takePrompt() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.prompt == nil {
		return false
	}
	w.trace("<-", ">")
	w.prompt.Stop()
	w.prompt = nil
	w.lines.put(">")
	return true
}

// line decides whom a line is for.
func (w *wire) line(line string) {
	if line == "" {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.continues(line) {
		return
	}
	w.trace("<-", line)
	if w.head != "" {
		head := w.head
		w.head = ""
		if isPDU(line) && time.Since(w.headAt) < 5*time.Second {
			w.unsolicited(urc{line: head, pdu: line})
			return
		}
		// The second line never came; this one is something else.
	}
	if w.cmd != "" && (line == w.echo || strings.TrimSuffix(line, "\x1a") == w.echo) {
		return
	}
	result := finalResult(line)
	early := w.cmd == "+CMGS" && w.prompt != nil // nothing was handed over yet
	switch {
	case progress(line):
	case w.after != nil && w.barrier == nil && w.cmd == "" && !(result == "" && isURC(line, "+CMGS")):
		select {
		case w.after <- line:
		default: // far more than an answer
		}
	case w.barrier == nil && strings.HasPrefix(line, "+CMGS:") && (w.cmd != "+CMGS" || early):
		// The answer to an earlier segment. Its OK follows.
		w.stray = true
		w.unsolicited(urc{line: line})
	case result == "OK" && (w.stray || early):
		w.stray = false
	case result == "" && strings.HasPrefix(line, "+CUSD:") && w.cmd != "+CUSD?":
		if w.words, w.wordsAt = line, time.Now(); !unfinished(line) {
			w.answerUSSD()
		}
	case result == "" && isURC(line, w.expected()):
		if hasPDU(line) {
			w.head, w.headAt = line, time.Now()
			return
		}
		w.unsolicited(urc{line: line})
	case w.barrier != nil:
		select {
		case w.barrier <- line:
		default: // far more than an answer
		}
	case w.cmd == "":
		// An answer to nothing: too late, or noise.
	case result != "":
		w.forget()
		w.lines.put(result + "\r\n")
	default:
		w.lines.put(line + "\r\n")
	}
}

// continues says whether a line belongs to a "+CUSD:" that began before. w.mu is held.
func (w *wire) continues(line string) bool {
	const (
		longest = 2000 // characters: the network's words are 182 at most, and some modems write them in hexadecimal
		within  = 2 * time.Second
	)
	if w.words == "" {
		return false
	}
	if time.Since(w.wordsAt) > within || len(w.words)+len(line) > longest {
		w.answerUSSD() // the end is missing; this line is something else
		return false
	}
	w.trace("<-", fmt.Sprintf("<%d characters>", len(line)))
	if w.words += "\n" + line; !unfinished(w.words) {
		w.answerUSSD()
	}
	return true
}

// unfinished says whether a text in quotes goes on in the next line.
func unfinished(line string) bool { return strings.Count(line, `"`) == 1 }

// answerUSSD passes what the network said on to who asked. w.mu is held.
func (w *wire) answerUSSD() {
	select {
	case w.ussd <- w.words: // never, where nobody waits
	default:
	}
	w.words = ""
}

// expected is the command whose answer may come now. w.mu is held.
func (w *wire) expected() string {
	if w.barrier != nil {
		return "any"
	}
	return w.cmd
}

// unsolicited passes a URC to the receiver, if it is one that somebody heeds. The queue is long
// enough for all that a modem can announce in the time of a commit; noise is not let into it.
func (w *wire) unsolicited(u urc) {
	if !isHeeded(u.line) {
		return
	}
	if restarts(u.line) {
		w.lapses.Add(1)
	}
	select {
	case w.urcs <- u:
	default:
		w.log.Warn("the modem says more than can be handled", "urc", mask(u.line))
	}
}
