package modem

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// longestLine bounds a line from the modem: the longest of the standard, a PDU in hexadecimal, has about 360 characters.
	longestLine = 4096
	// mostHeads bounds the two-line URCs whose second lines are awaited.
	mostHeads = 8
	// secondWithin is how long the second line of a URC is awaited.
	secondWithin = 5 * time.Second
	// lateWithin is how long the information is awaited that comes after its OK.
	lateWithin = 500 * time.Millisecond
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
	inbox  *inbox // what comes unasked
	lines  feed   // what the library reads
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
	opened   bool        // ">" came: the modem may wait for a PDU
	promised bool        // the whole PDU of the command was written, or may have been
	owes     bool        // the command asks for information, and none came yet
	unnamed  bool        // this modem tells no TP-MR
	held     *time.Timer // not nil while an OK is held back, since information may follow it
	listing  string      // the head of a listed message, whose PDU is the next line of the answer
	heads    []head      // of two-line URCs
	stray    bool        // a late "+CMGS:" went by, whose OK is to be ignored too
	barrier  chan string // not nil while lines go to resync
	after    chan string // not nil where what is said after the answer is wanted
	ussd     chan string // not nil while the network's answer to a USSD code is awaited
	words    string      // a "+CUSD:" whose text goes on in the next line
	wordsAt  time.Time

	asked  string // the question of a resync, which may be echoed
	echoed bool   // the command in flight was, or the last one
	silent bool   // the modem does not echo, as it was told
	doubt  string // why it is not known how the modem is set up; "" it is
	signs  int    // that it is not, so far
}

// urc is an unsolicited result code: its line, and the PDU that follows it where one does.
type urc struct {
	line string
	pdu  string
	sim  string // through which it came, where that is not the present one
	past bool   // it came in a session that is over
	came time.Time
}

// head is the first line of a URC whose second is awaited.
type head struct {
	line  string
	at    time.Time
	fresh bool // no other line came since
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

func newWire(port io.ReadWriteCloser, log *slog.Logger, p Patience, r *ring, in *inbox) *wire {
	w := &wire{
		port: port, log: log, ring: r, inbox: in,
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
	pdu, withheld := w.sending(p)
	if withheld {
		return len(p), nil
	}
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

// sending learns from what the library writes which command is in flight. It reports whether p is a
// PDU, and whether that must not leave: its command has ended, or the modem may take it for a text.
func (w *wire) sending(p []byte) (pdu, withheld bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	text := string(p)
	switch {
	case strings.HasPrefix(text, "\x1b"):
		w.forget()
	case strings.HasPrefix(text, "AT"):
		w.forget()
		line := strings.TrimRight(text, "\r\n")
		w.stray, w.opened, w.echoed = false, false, false
		w.cmd, w.echo, w.promised = commandID(line[2:]), line, false
		if w.cmd == "" {
			w.cmd = "AT"
		}
		w.owes = strings.HasSuffix(line, "?") && !strings.HasSuffix(line, "=?")
		if strings.HasSuffix(text, "\r") { // only a command that is followed by a PDU ends so
			w.owes = !w.unnamed
			w.prompt = time.AfterFunc(w.promptWithin, w.promptOver)
		}
	case strings.HasSuffix(text, "\x1a"):
		if w.doubt != "" {
			w.endWith(noPrompt)
		}
		if w.cmd != "+CMGS" {
			return true, true
		}
		w.echo, w.promised = strings.TrimSuffix(text, "\x1a"), true
		return true, false
	}
	return false, false
}

// forget ends the command in flight. w.mu is held.
func (w *wire) forget() {
	w.cmd, w.echo, w.listing, w.owes = "", "", "", false
	if w.prompt != nil {
		w.prompt.Stop()
		w.prompt = nil
	}
	if w.held != nil {
		w.held.Stop()
		w.held = nil
	}
}

// endWith ends AT+CMGS before its PDU leaves, with what stands in the place of an error code. w.mu is held.
func (w *wire) endWith(reason string) {
	if w.cmd == "+CMGS" {
		w.forget()
		w.lines.put("+CMS ERROR: " + reason + "\r\n")
	}
}

// noPrompt stands in the place of an error code when the prompt did not come.
const noPrompt = "no prompt"

// promptOver ends a command whose prompt did not come in time.
func (w *wire) promptOver() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.prompt != nil {
		w.endWith(noPrompt)
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

// waiting reports whether the modem may wait for a PDU that did not leave.
func (w *wire) waiting() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.opened && !w.promised
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
		if len(b) > 0 && b[0] == '>' && w.takePrompt(refused(b[1:])) {
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

// refused reports whether what came together with a prompt is an error: then the command has ended.
func refused(behind []byte) bool {
	line, _, whole := bytes.Cut(bytes.TrimLeft(behind, " \r\n\x00"), []byte("\r"))
	result := finalResult(string(bytes.TrimSpace(line)))
	return whole && result != "" && result != "OK"
}

// takePrompt hands a prompt to the library, if one is awaited; over says that it comes to nothing.
func (w *wire) takePrompt(over bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.prompt == nil {
		return false
	}
	w.trace("<-", ">")
	switch w.opened = true; {
	case over: // the error follows
	case w.doubt != "":
		w.endWith(noPrompt)
	default:
		w.prompt.Stop()
		w.prompt = nil
		w.lines.put(">")
	}
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
	if w.completes(line) || w.isEcho(line) {
		return
	}
	w.judge(line)
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
	case result == "" && strings.HasPrefix(line, "+CUSD:"):
		if w.words, w.wordsAt = line, time.Now(); !unfinished(line) {
			w.answerUSSD()
		}
	case result == "" && isURC(line, w.expected()):
		if hasPDU(line) {
			w.heads = append(w.heads[max(0, len(w.heads)+1-mostHeads):], head{line: line, at: time.Now(), fresh: true})
			return
		}
		w.unsolicited(urc{line: line, pdu: reportInWords(line), came: time.Now()})
	case w.barrier != nil:
		select {
		case w.barrier <- line:
		default: // far more than an answer
		}
	case w.cmd == "":
		// An answer to nothing: too late, or noise.
	default:
		w.answer(line, result)
	}
}

// answer passes a line of the answer to the command in flight on. An OK is held back for a moment
// where the information that was asked for has not come: with some modems that follows it.
// w.mu is held.
func (w *wire) answer(line, result string) {
	cmd := w.cmd
	switch {
	case result == "OK" && w.owes:
		if w.held == nil {
			w.held = time.AfterFunc(lateWithin, w.release)
		}
		return
	case result != "":
		w.forget()
		w.lines.put(result + "\r\n")
		return
	case cmd == "+CMGS" && w.held != nil && !strings.HasPrefix(line, "+CMGS:"):
		return // noise
	}
	w.listing = ""
	if strings.HasPrefix(line, "+CMGL:") || strings.HasPrefix(line, "+CMGR:") {
		w.listing = line
	}
	w.owes = w.owes && cmd == "+CMGS" && !strings.HasPrefix(line, "+CMGS:")
	w.lines.put(line + "\r\n")
	if w.held != nil {
		w.forget()
		w.lines.put("OK\r\n")
	}
}

// release passes an OK on that was held back in vain.
func (w *wire) release() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.held == nil {
		return
	}
	w.unnamed = w.unnamed || w.cmd == "+CMGS"
	w.forget()
	w.lines.put("OK\r\n")
}

// completes reports whether a line is the PDU of a URC whose first line came before, perhaps with
// others in between. It takes the first that the line fits; any, where it follows at once and nothing
// else can be meant. w.mu is held.
func (w *wire) completes(line string) bool {
	w.heads = slices.DeleteFunc(w.heads, func(h head) bool { return time.Since(h.at) >= secondWithin })
	if len(w.heads) == 0 {
		return false
	}
	if isPDU(line) && (w.listing == "" || !fits(w.listing, line)) {
		at := slices.IndexFunc(w.heads, func(h head) bool { return fits(h.line, line) })
		number := strings.Trim(line, "0123456789") == "" && w.cmd != "" && w.cmd != "+CMGS" // such as an ICCID
		if at < 0 && w.listing == "" && !number {
			at = slices.IndexFunc(w.heads, func(h head) bool { return h.fresh })
		}
		if at >= 0 {
			w.unsolicited(urc{line: w.heads[at].line, pdu: line, came: w.heads[at].at})
			w.heads = slices.Delete(w.heads, at, at+1)
			return true
		}
	}
	for i := range w.heads {
		w.heads[i].fresh = w.heads[i].fresh && hasPDU(line)
	}
	return false
}

// fits reports whether a PDU has the length that its head names.
func fits(head, pdu string) bool {
	_, whole := unfold(pdu, code(head[strings.LastIndexAny(head, ",:")+1:]))
	return whole
}

// isEcho reports whether a line is what was just written. That of a command, from a modem that does
// not echo, tells that the modem forgot how it was set up. w.mu is held.
func (w *wire) isEcho(line string) bool {
	switch {
	case w.barrier != nil && w.asked != "":
		if line != w.asked {
			return false
		}
	case w.cmd == "" || line != w.echo && strings.TrimSuffix(line, "\x1a") != w.echo:
		return false
	}
	if strings.HasPrefix(line, "AT") {
		if w.echoed = true; w.silent {
			w.suspect("it echoes again what it is told")
		}
	}
	return true
}

// judge looks for signs in a line that the modem is not set up any more as it was. w.mu is held.
func (w *wire) judge(line string) {
	switch {
	case restarts(line), strings.HasPrefix(line, "+CFUN:") && w.cmd != "+CFUN":
		if w.doubt != "" || w.inbox.believes(line) {
			w.suspect("it started by itself")
		}
	case inWords(line):
		w.suspect("it is in text mode")
	}
}

// suspect notes that it is not known any more how the modem is set up: no PDU is given to it, and
// nothing is deleted from it, until it was set up again. w.mu is held.
func (w *wire) suspect(why string) {
	w.lapses.Add(1)
	w.signs++
	if w.doubt == "" {
		w.doubt = why
	}
	w.inbox.poke()
}

// suspected is suspect for others than the reader.
func (w *wire) suspected(why string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.suspect(why)
}

// doubted returns errAnew, with the reason, while it is not known how the modem is set up.
func (w *wire) doubted() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.doubt == "" {
		return nil
	}
	return fmt.Errorf("%w: %s", errAnew, w.doubt)
}

// setUp begins to set the modem up. It returns a mark for settled.
func (w *wire) setUp() (mark int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.doubt, w.silent = "", false
	return w.signs
}

// settled ends the doubt, and reports so, where no sign came since the mark.
func (w *wire) settled(mark int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.signs != mark {
		return false
	}
	w.doubt, w.silent = "", !w.echoed
	return true
}

// continues reports whether a line belongs to a "+CUSD:" that began before. Its closing quote may never
// come: then what is clearly something else ends it. w.mu is held.
func (w *wire) continues(line string) bool {
	const (
		longest = 2000 // characters: the network's words are 182 at most, and some modems write them in hexadecimal
		within  = 2 * time.Second
	)
	if w.words == "" {
		return false
	}
	if time.Since(w.wordsAt) > within || len(w.words)+len(line) > longest || w.speaks(line) {
		w.answerUSSD() // the end is missing; this line is something else
		return false
	}
	w.trace("<-", fmt.Sprintf("<%d characters>", len(line)))
	if w.words += "\n" + line; !unfinished(w.words) {
		w.answerUSSD()
	}
	return true
}

// speaks reports whether a line is the modem's own rather than one of the network's words: a result
// code with a name, or the final result of the command in flight. w.mu is held.
func (w *wire) speaks(line string) bool {
	if result := finalResult(line); result != "" {
		unnamed := result == "OK" && w.cmd == "+CMGS" && w.owes // the TP-MR comes before it
		return strings.HasPrefix(line, "+CM") || w.barrier != nil || w.cmd != "" && !unnamed
	}
	name, _, named := strings.Cut(line, ":")
	if !named || len(name) < 3 || !strings.ContainsRune("+^*$%#", rune(name[0])) || name[1] < 'A' || name[1] > 'Z' {
		return false
	}
	return strings.Trim(name[1:], "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == ""
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

// unsolicited passes a URC to the receiver, if it is one that somebody heeds; noise is not let in.
func (w *wire) unsolicited(u urc) {
	if !isHeeded(u.line) {
		return
	}
	switch many, full := w.inbox.put(u); {
	case full:
		w.log.Error("more comes in than can be kept: what is not in the modem's storage is lost", "urc", mask(u.line))
	case many:
		w.log.Warn("much comes in at once: it is stored one after the other", "waiting", manyDirect)
	}
}
