package modem

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/warthog618/modem/at"
)

var (
	// ErrSilent: the modem does not answer any more.
	ErrSilent = errors.New("the modem does not answer")
	// ErrSlow: the modem answers, but not to this command in time.
	ErrSlow = errors.New("the modem did not answer to this in time")
	// ErrGone: the port was closed or unplugged.
	ErrGone = errors.New("the modem's port is gone")
	// ErrUnsent: the segment certainly did not leave.
	ErrUnsent = errors.New("the modem did not take the message")
	// ErrUnanswered: the segment left and its answer did not come. It may have been sent.
	ErrUnanswered = errors.New("the modem took the message and did not say what became of it")
)

// Session is one dialogue with a modem over one opening of its port. It is used up by the first
// doubt that resync cannot settle; whoever owns it closes it and makes another. Its methods may be
// called from any goroutine: one command is in flight at a time, in the order of the calls.
type Session struct {
	wire     *wire
	at       *at.AT
	patience Patience
	turn     chan struct{} // holds one token: whoever has it talks
	asking   chan struct{} // holds one token: one USSD dialogue at a time
	askew    bool          // an answer is missing; held with the turn
	inPDU    time.Time     // when the modem was in PDU mode for certain; held with the turn
	useful   atomic.Bool   // a segment was sent, or a text or report stored
	owed     time.Time     // until then the answer to a segment that was given up may still come
}

// NewSession starts a dialogue over an open port, which the session closes in the end.
func NewSession(port io.ReadWriteCloser, patience Patience, log *slog.Logger) *Session {
	return newSession(port, patience, log, new(ring), newInbox())
}

// newSession keeps the last lines of the dialogue in a ring that outlives it, and what comes unasked in
// an inbox that does so too.
func newSession(port io.ReadWriteCloser, patience Patience, log *slog.Logger, r *ring, in *inbox) *Session {
	w := newWire(port, log, patience, r, in)
	return &Session{wire: w, at: at.New(w), patience: patience, turn: make(chan struct{}, 1), asking: make(chan struct{}, 1)}
}

// Close closes the port and waits until nothing of the session runs any more.
func (s *Session) Close() error {
	err := s.wire.Close()
	<-s.at.Closed()
	s.wire.ended.Wait()
	return err
}

// Command sends AT and line, and returns the lines of the answer that begin with the command's own
// name, without it, or all of them for a command that answers without. An error that the modem
// answers is a *CommandError.
func (s *Session) Command(ctx context.Context, line string) ([]string, error) {
	return s.within(ctx, line, s.patience.Command)
}

// within is Command for one that takes longer, as those do that the network answers.
func (s *Session) within(ctx context.Context, line string, d time.Duration) ([]string, error) {
	info, err := s.lines(ctx, line, d)
	return own(info, commandID(line)), err
}

// lines sends AT and line, and returns the whole answer; with an error what came before it.
func (s *Session) lines(ctx context.Context, line string, within time.Duration) ([]string, error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	defer s.end()
	return s.exchange(ctx, line, within)
}

// errLapsed: the modem may have restarted, so that it means something else by the question.
var errLapsed = errors.New("the modem may have restarted meanwhile")

// unlapsed is Command for one that relies on what the modem was told since there were so many lapses.
func (s *Session) unlapsed(ctx context.Context, lapses int64, line string) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer s.end()
	if s.askew || s.wire.lapses.Load() != lapses || s.wire.doubted() != nil {
		return errLapsed
	}
	_, err := s.exchange(ctx, line, s.patience.Command)
	return err
}

// errLate: the modem has given up on the acknowledgement.
var errLate = errors.New("it came too late")

// acknowledge tells the modem that what it passed on at a time is stored. The time counts when the command is
// written: other commands, and what brings question and answer into step, may take long before that.
// 3GPP TS 27.005 3.4.4
func (s *Session) acknowledge(ctx context.Context, came time.Time) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer s.end()
	defer s.bounded(ctx)()
	if s.askew {
		if err := s.resync(""); err != nil {
			return err
		}
	}
	if time.Since(came) >= s.patience.Acknowledge {
		return errLate
	}
	_, err := s.exchange(ctx, "+CNMA", s.patience.Command)
	return err
}

// exchange is lines for who has the turn.
func (s *Session) exchange(ctx context.Context, line string, within time.Duration) ([]string, error) {
	defer s.bounded(ctx)()
	if s.askew {
		if err := s.resync(""); err != nil {
			return nil, err
		}
	}
	info, err := s.at.Command(line, at.WithTimeout(within))
	if errors.Is(err, at.ErrDeadlineExceeded) {
		s.askew = true
		if err := s.resync(""); err != nil {
			return nil, fmt.Errorf("AT%s: %w", line, err)
		}
		return nil, fmt.Errorf("AT%s: %w", line, ErrSlow)
	}
	return info, s.failure(line, err)
}

// Submit hands a SMS-SUBMIT TPDU to the network and returns the TP-MR that the modem gave it, -1
// where it told none. Errors: *CommandError, ErrUnsent, ErrUnanswered; ErrSilent or ErrGone beside
// them where the session is of no more use.
// 3GPP TS 27.005 4.3
func (s *Session) Submit(ctx context.Context, pdu string, octets int) (mr int, err error) {
	if err := s.begin(ctx); err != nil {
		return -1, fmt.Errorf("%w: %w", ErrUnsent, err)
	}
	defer s.end()
	defer s.bounded(ctx)()
	if s.askew {
		if err := s.resync(""); err != nil {
			return -1, fmt.Errorf("%w: %w", ErrUnsent, err)
		}
	}
	if err := s.ensurePDU(ctx); err != nil {
		return -1, fmt.Errorf("%w: %w", ErrUnsent, err)
	}
	owed := time.Now().Before(s.owed)
	s.wire.begin(owed)
	defer s.wire.begin(false)
	line := "+CMGS=" + strconv.Itoa(octets)
	info, err := s.at.SMSCommand(line, pdu, at.WithTimeout(s.patience.Submit))
	left := s.wire.left()
	var refused at.CMSError
	switch {
	case err == nil && left:
		s.useful.Store(true)
		if mr = reference(info); owed {
			return s.second(mr, nil)
		}
		return mr, nil
	case err == nil:
		s.askew = true // that was the answer to something else
		return -1, fmt.Errorf("%w: it did not wait for it", ErrUnsent)
	case errors.As(err, &refused) && string(refused) == noPrompt:
		s.askew = true
		if doubt := s.wire.doubted(); doubt != nil {
			return -1, fmt.Errorf("%w: %w", ErrUnsent, doubt)
		}
		return -1, fmt.Errorf("%w: it did not ask for it", ErrUnsent)
	case answered(err):
		s.askew = s.askew || s.wire.waiting() // it asked, and refused before it heard anything
		switch {
		case owed && left:
			return s.second(-1, s.refusal(err, left))
		case owed:
			s.askew = true // it may be the answer to the earlier segment
			return -1, fmt.Errorf("%w: %w", ErrUnsent, errUnclear)
		}
		return -1, s.refusal(err, left)
	case !left:
		s.askew = true
		if errors.Is(err, at.ErrDeadlineExceeded) {
			return -1, fmt.Errorf("%w: it kept silent", ErrUnsent)
		}
		return -1, fmt.Errorf("%w: %w", ErrUnsent, s.failure(line, err))
	}
	if mr = reference(info); mr >= 0 {
		s.askew = true // only its OK is missing
		return mr, nil
	}
	// It left, and no answer came: the answer gets a last chance before anything else is asked.
	s.wire.lapses.Add(1)
	late, err := s.wire.resync(s.patience.Grace, s.patience.Resync, "")
	s.askew = err != nil
	switch {
	case late >= 0:
		return late, nil
	case err != nil:
		return -1, fmt.Errorf("%w: %w", ErrUnanswered, err)
	}
	s.owed = time.Now().Add(s.patience.Submit)
	return -1, ErrUnanswered
}

// modeHolds is how long a modem is taken to be still in the mode that it was in.
const modeHolds = 2 * time.Second

// ensurePDU makes sure that the modem is in PDU mode, unless it was a moment ago: in text mode it would
// take the length for a number, and the PDU for a text to that number. Some fall into text mode and
// say nothing, or another program at another port chooses it. The turn is held.
// 3GPP TS 27.005 3.2.3
func (s *Session) ensurePDU(ctx context.Context) error {
	if err := s.wire.doubted(); err != nil {
		return err
	}
	if !s.inPDU.IsZero() && time.Since(s.inPDU) < modeHolds {
		return nil
	}
	mode, err := s.askMode(ctx)
	switch {
	case err != nil:
		return err
	case mode == "1":
		s.wire.suspected("it is in text mode")
		return s.wire.doubted()
	case mode == "": // it does not say
		if _, err := s.exchange(ctx, "+CMGF=0", s.patience.Command); err != nil {
			return err
		}
	}
	s.inPDU = time.Now()
	return nil
}

// askMode asks in which mode the modem is: "0" is PDU mode, "1" text mode, "" that it does not say. The
// turn is held.
func (s *Session) askMode(ctx context.Context) (string, error) {
	info, err := s.exchange(ctx, "+CMGF?", s.patience.Command)
	if err != nil && (over(err) || ctx.Err() != nil) {
		return "", err
	}
	if info = own(info, "+CMGF"); err != nil || len(info) == 0 || info[0] != "0" && info[0] != "1" {
		return "", nil
	}
	return info[0], nil
}

// remainPDU is ensurePDU whatever is known of the mode.
func (s *Session) remainPDU(ctx context.Context) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer s.end()
	s.inPDU = time.Time{}
	return s.ensurePDU(ctx)
}

// errUnclear: the modem answered, and to which segment is not known.
var errUnclear = errors.New("the modem answered to an earlier message")

// second judges an answer to AT+CMGS that may be the late one to an earlier segment: if another
// answer follows soon, that is the one to this segment. If none does, success is this one's, as it
// mostly is; but a refusal may have been the earlier one's, and then this one was taken perhaps.
// Only the first answer after a doubt is judged so, since those behind it wait meanwhile.
func (s *Session) second(first int, refused error) (mr int, err error) {
	s.owed = time.Time{}
	lines, err := s.wire.overhear(s.patience.Grace)
	result := ""
	for _, line := range lines {
		if result = finalResult(line); result != "" {
			break
		}
	}
	switch {
	case err != nil || result == "": // nothing more, or the session ends
		if refused != nil {
			return -1, fmt.Errorf("%w: %w", ErrUnanswered, errUnclear)
		}
		return first, nil
	case first >= 0:
		s.late(first)
	}
	if code, ok := strings.CutPrefix(result, "+CMS ERROR:"); ok {
		return -1, s.refusal(at.CMSError(strings.TrimSpace(code)), true)
	}
	if code, ok := strings.CutPrefix(result, "+CME ERROR:"); ok {
		return -1, s.refusal(at.CMEError(strings.TrimSpace(code)), true)
	}
	if result != "OK" {
		return -1, s.refusal(at.ErrError, true)
	}
	return reference(lines), nil
}

// refusal is the error that the modem answered to AT+CMGS; left says whether the PDU had left.
func (s *Session) refusal(err error, left bool) error {
	failure := s.failure("+CMGS", err)
	var e *CommandError
	if errors.As(failure, &e) {
		e.Left = left
	}
	return failure
}

// late tells whoever waits no longer that a segment was taken after all.
func (s *Session) late(mr int) { s.wire.unsolicited(urc{line: fmt.Sprintf("+CMGS: %d", mr)}) }

// reference returns the TP-MR of the answer to AT+CMGS, -1 where it holds none.
func reference(info []string) int {
	mr := -1
	for _, v := range own(info, "+CMGS") {
		number, _, _ := strings.Cut(v, ",") // a time stamp may follow
		if n, err := strconv.Atoi(strings.TrimSpace(number)); err == nil {
			mr = n & 0xff
		}
	}
	return mr
}

// Resync brings question and answer into step, whatever was on the line before and whatever form
// of answers the modem was left in. ErrSilent: it does not answer; it may later.
func (s *Session) Resync(ctx context.Context) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer s.end()
	defer s.bounded(ctx)()
	return s.resync(readable)
}

func (s *Session) resync(prelude string) error {
	s.wire.lapses.Add(1)
	late, err := s.wire.resync(0, s.patience.Resync, prelude)
	s.askew = err != nil
	if late >= 0 {
		s.owed = time.Time{}
		s.late(late)
	}
	return err
}

// shout writes a command to a modem that may not hear it, and returns its final result, "" where
// none came.
func (s *Session) shout(ctx context.Context, line string, within time.Duration) (result string, err error) {
	if err := s.begin(ctx); err != nil {
		return "", err
	}
	defer s.end()
	s.askew = true
	return s.wire.shout(line, within)
}

// begin waits for the turn to talk.
func (s *Session) begin(ctx context.Context) error {
	select {
	case <-s.wire.closed:
		return ErrGone
	default:
	}
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-s.wire.closed:
		return ErrGone
	}
}

func (s *Session) end() { <-s.turn }

// bounded lets the command in flight finish after ctx ends, but not for long: then the port is
// closed. It returns what calls that off.
func (s *Session) bounded(ctx context.Context) func() {
	over := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(s.patience.Stop)
		defer timer.Stop()
		select {
		case <-timer.C:
			s.wire.Close()
		case <-over:
		}
	})
	return func() {
		stop()
		close(over)
	}
}

// failure turns what the library returns into this package's errors.
func (s *Session) failure(line string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, at.ErrClosed), !answered(err):
		return ErrGone
	}
	e := &CommandError{Command: commandID(line)}
	var cms at.CMSError
	var cme at.CMEError
	switch {
	case errors.As(err, &cms):
		e.Kind, e.Code = identify("CMS", string(cms))
		e.Detail = string(cms)
	case errors.As(err, &cme):
		e.Kind, e.Code = identify("CME", string(cme))
		e.Detail = string(cme)
	default:
		e.Code = -1
	}
	return e
}

// answered says whether an error of the library is the modem's own answer.
func answered(err error) bool {
	var cms at.CMSError
	var cme at.CMEError
	return errors.Is(err, at.ErrError) || errors.As(err, &cms) || errors.As(err, &cme)
}

func code(text string) int {
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil {
		return -1
	}
	return n
}

// own picks the lines of an answer that carry its command's name, and takes the name off; all
// lines where none does.
func own(info []string, id string) []string {
	var named, plain []string
	names := append([]string{id + ":"}, others[id]...)
	for _, line := range info {
		plain = append(plain, line)
		for _, name := range names {
			if rest, ok := strings.CutPrefix(line, name); ok {
				named = append(named, strings.TrimSpace(rest))
				break
			}
		}
	}
	if named != nil {
		return named
	}
	return plain
}
