package modem

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"
	"unicode/utf8"

	"omsbox/modem/sms"
	"omsbox/store/condition"
)

// USSD asks the network by a code such as *100# and returns what it says.
func USSD(ctx context.Context, open func(context.Context) (io.ReadWriteCloser, error), code string, out io.Writer, log *slog.Logger) error {
	port, err := open(ctx)
	if err != nil {
		return err
	}
	s := NewSession(port, DefaultPatience(), log)
	defer s.Close()
	if err := Prepare(ctx, s); err != nil {
		return err
	}
	text, err := s.USSD(ctx, code)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, text)
	return err
}

// ussdForm is one of the ways in which modems want USSD strings, and give them. 3GPP TS 27.007 7.15
type ussdForm struct {
	charset string // AT+CSCS
	write   func(code string) string
	packed  bool // hexadecimal answers hold packed septets
}

// ussdForms are all of them, in the order in which a modem of a maker is to be asked.
func ussdForms(maker string) []ussdForm {
	plain := ussdForm{"GSM", func(code string) string { return code }, false}
	ucs2 := ussdForm{"UCS2", func(code string) string { return fmt.Sprintf("%X", sms.EncodeUCS2(code)) }, false}
	packed := ussdForm{"GSM", func(code string) string { return fmt.Sprintf("%X", sms.EncodeUSSD(code)) }, true}
	if strings.Contains(strings.ToLower(maker), "huawei") {
		return []ussdForm{packed, plain, ucs2} // its sticks take any text, and send nonsense
	}
	return []ussdForm{plain, ucs2, packed}
}

// USSD asks the network by a code such as *100# and returns what it says. A menu is shown and left
// again. 3GPP TS 22.090
func (s *Session) USSD(ctx context.Context, code string) (string, error) {
	if code == "" || len(code) > 160 || strings.Trim(code, "0123456789*#+") != "" {
		return "", fmt.Errorf("%q is no USSD code: write it as *100#", code)
	}
	select {
	case s.asking <- struct{}{}:
	case <-ctx.Done():
		return "", ctx.Err()
	case <-s.wire.closed:
		return "", ErrGone
	}
	defer func() { <-s.asking }()
	maker, err := s.Command(ctx, "+CGMI")
	if err != nil && over(err) {
		return "", err
	}
	var refused *CommandError
	for _, form := range ussdForms(strings.Join(maker, " ")) {
		var text string
		if text, err = s.ask(ctx, form, code); !errors.As(err, &refused) {
			return text, err
		}
	}
	return "", fmt.Errorf("the modem does not pass the code on: %w", err)
}

func (s *Session) ask(ctx context.Context, form ussdForm, code string) (string, error) {
	if _, err := s.Command(ctx, fmt.Sprintf("+CSCS=%q", form.charset)); err != nil && over(err) {
		return "", err
	}
	if form.charset != "GSM" {
		defer s.Command(context.WithoutCancel(ctx), `+CSCS="GSM"`)
	}
	answers, done := s.wire.listenUSSD()
	defer done()
	deadline := time.NewTimer(s.patience.USSD)
	defer deadline.Stop()
	if _, err := s.within(ctx, fmt.Sprintf(`+CUSD=1,"%s",15`, form.write(code)), s.patience.USSD); err != nil && !errors.Is(err, ErrSlow) {
		return "", err
	}
	select {
	case answer := <-answers:
		if strings.HasPrefix(answer, "+CUSD: 1") || strings.HasPrefix(answer, "+CUSD:1") {
			s.Command(context.WithoutCancel(ctx), "+CUSD=2") // a menu that nobody chooses from
		}
		return form.read(answer)
	case <-s.wire.closed:
		return "", ErrGone
	case <-deadline.C:
		s.Command(context.WithoutCancel(ctx), "+CUSD=2")
		return "", fmt.Errorf("the network did not answer to %s within %v", code, s.patience.USSD)
	case <-ctx.Done():
		s.Command(context.WithoutCancel(ctx), "+CUSD=2")
		return "", ctx.Err()
	}
}

// listenUSSD passes on what the network says to a code, until done is called.
func (w *wire) listenUSSD() (answers <-chan string, done func()) {
	c := make(chan string, 4)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ussd, w.words = c, ""
	return c, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.ussd = nil
	}
}

// ends are the ways in which the network ends a dialogue without a word. 3GPP TS 27.007 7.15
var ends = map[string]string{
	"0": "the network answered nothing",
	"1": "the network asks back, and says nothing",
	"2": "the network ended the dialogue",
	"3": "another program answered the network",
	"4": "the network does not know this code",
	"5": "the network did not answer in time",
}

// read returns the text of a +CUSD: <m>[,<str>[,<dcs>]].
func (f ussdForm) read(answer string) (string, error) {
	rest := strings.TrimSpace(strings.TrimPrefix(answer, "+CUSD:"))
	m, rest, _ := strings.Cut(rest, ",")
	first, last := strings.IndexByte(rest, '"'), strings.LastIndexByte(rest, '"')
	if first < 0 || last == first {
		if words, ok := ends[strings.TrimSpace(m)]; ok {
			return "", errors.New(words)
		}
		return "", errors.New("the network's answer cannot be read")
	}
	text := f.decode(rest[first+1:last], code(strings.Trim(rest[last+1:], ", ")))
	if text = strings.TrimSpace(condition.Lines(text)); text == "" {
		return "", errors.New(ends["0"])
	}
	return text, nil
}

// decode reads a text that may stand in hexadecimal, as the modem or the network likes it. dcs is
// the coding that the network names, -1 where it names none. 3GPP TS 23.038 5
func (f ussdForm) decode(text string, dcs int) string {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) < 2 {
		return text
	}
	switch {
	case f.charset == "UCS2", dcs >= 0 && sms.USSDIsUCS2(byte(dcs)):
		if len(raw)%2 == 0 {
			return sms.DecodeUCS2(raw)
		}
	case f.packed:
		return sms.DecodeUSSD(raw)
	case len(raw) >= 4 && raw[0] == 0 && len(raw)%2 == 0:
		return sms.DecodeUCS2(raw) // no code begins so, and no number
	case strings.ContainsAny(text, "ABCDEF"):
		// A word in hexadecimal letters alone is less likely than septets or octets that read well.
		for _, read := range []func([]byte) string{sms.DecodeUSSD, func(b []byte) string { return string(b) }} {
			if words := read(raw); readable7(words) {
				return words
			}
		}
	}
	return text
}

// readable7 says whether a text consists of what people read.
func readable7(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool {
		return r < ' ' && r != '\n' && r != '\r' || r == utf8.RuneError || r > 0x7E && r < 0xA0
	}) && strings.ContainsAny(text, " .,:")
}
