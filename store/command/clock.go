package command

import (
	"context"
	"flag"
	"fmt"

	"omsbox/store"
)

// ClockTrust takes a person's word that the clock of this computer is right. A service that runs hears of it at once.
func ClockTrust(ctx context.Context, flags *flag.FlagSet, args []string) error {
	return beside(ctx, flags, args, 0, 0, func(s *store.Store) error {
		doubt := s.ClockProblem()
		at, err := s.TrustClock(ctx)
		if err != nil {
			return err
		}
		fmt.Printf("the clock reads %s, and is believed from now on\n",
			at.Local().Format("Monday 2 January 2006 15:04:05 MST"))
		if doubt == "" {
			fmt.Println("it was believed before")
		}
		return nil
	})
}
