package modem

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"omsbox/modem/sms"
)

// Bench sends a text through a device by itself, to try a modem that nothing else uses: no row is
// written, no reply is taken. It says on out what the modem answers to each segment.
func Bench(ctx context.Context, open func(context.Context) (io.ReadWriteCloser, error), number, text string, out io.Writer, log *slog.Logger) error {
	tpdus, err := sms.Submit{To: number, Text: text, Ref: uint16(time.Now().UnixNano())}.TPDUs()
	if err != nil {
		return err
	}
	port, err := open(ctx)
	if err != nil {
		return err
	}
	s := NewSession(port, DefaultPatience(), log)
	defer s.Close()
	if err := Prepare(ctx, s); err != nil {
		return err
	}
	for i, tpdu := range tpdus {
		began := time.Now()
		mr, err := s.Submit(ctx, sms.JoinPDU("", tpdu), len(tpdu))
		if err != nil {
			return fmt.Errorf("segment %d of %d: %w", i+1, len(tpdus), err)
		}
		fmt.Fprintf(out, "segment %d of %d: taken by the network after %v, reference %d\n", i+1, len(tpdus), time.Since(began).Round(time.Millisecond), mr)
	}
	return nil
}
