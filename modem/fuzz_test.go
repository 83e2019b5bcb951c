package modem_test

import (
	"bytes"
	"context"
	"io"
	"testing"
	"time"

	"omsbox/modem"
)

// tape is a port that says what was recorded, in pieces of any size, once something is written to it.
type tape struct {
	said  *bytes.Reader
	piece int
	asked chan struct{}
}

func (p *tape) Read(b []byte) (int, error) {
	<-p.asked
	return p.said.Read(b[:min(len(b), p.piece)])
}

func (p *tape) Write(b []byte) (int, error) {
	select {
	case <-p.asked:
	default:
		close(p.asked)
	}
	return len(b), nil
}

func (p *tape) Close() error {
	p.Write(nil)
	p.said.Seek(0, io.SeekEnd)
	return nil
}

// Whatever a modem says, a question ends, and so does the session.
func FuzzModem(f *testing.F) {
	for _, said := range []string{
		"\r\n+CSQ: 20,99\r\n\r\nOK\r\n", "\r\n> ", "\r\n>\r\n\r\n+CMGS: 7\r\n\r\nOK\r\n", "+CDS: 25\r\n07911326040000F0", "+CMT: ,24\r\n00\r\nRING\r\n",
		"AT+CSQ\r\r\nERROR\r\n", "+CMS ERROR: no prompt\r\n", "\r\n+CMGL: 1,0,,24\r\n0001000B911326880736F40000\r\n+CMGL: 2\r\n", "NO CARRIER\r\n",
	} {
		f.Add([]byte(said), byte(3))
	}
	patience := modem.Patience{Write: time.Second, Command: 20 * time.Millisecond, Prompt: 10 * time.Millisecond, Submit: 20 * time.Millisecond,
		List: 20 * time.Millisecond, Grace: 5 * time.Millisecond, Resync: 15 * time.Millisecond, Stop: time.Second, Sweep: time.Second}
	f.Fuzz(func(t *testing.T, said []byte, piece byte) {
		s := modem.NewSession(&tape{bytes.NewReader(said), 1 + int(piece), make(chan struct{})}, patience, quiet())
		s.Command(context.Background(), "+CSQ")
		mr, err := s.Submit(context.Background(), "0001000B911326880736F40000", 12)
		if err == nil && (mr < -1 || mr > 255) {
			t.Errorf("TP-MR is %d", mr)
		}
		s.Close()
	})
}
