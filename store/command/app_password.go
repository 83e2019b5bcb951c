package command

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"omsbox/store"
)

// UserAppPassword makes a password for one program of a user and shows it, once.
func UserAppPassword(ctx context.Context, flags *flag.FlagSet, args []string) error {
	name := flags.String("name", "", "what it is for: the `name` of a program or computer")
	return beside(ctx, flags, args, 1, 1, func(s *store.Store) error {
		login := flags.Arg(0)
		password, err := s.AddAppPassword(ctx, login, *name)
		return done(err, `%[1]s

Type it, with or without the hyphens, where Outlook or a mail program asks for the password of
%[2]s. One for each program is best: any can be ended without the others. It is not shown again.
`+"`%[3]s` lists them, and\n`%[4]s` ends one.", password, login,
			typed(s, "user app-password list", login), typed(s, "user app-password revoke", login+" NAME"))
	})
}

// UserAppPasswordList lists the app passwords of a user.
func UserAppPasswordList(ctx context.Context, flags *flag.FlagSet, args []string) error {
	return beside(ctx, flags, args, 1, 1, func(s *store.Store) error {
		passwords, err := s.AppPasswords(ctx, flags.Arg(0))
		if err != nil {
			return err
		}
		if len(passwords) == 0 {
			fmt.Printf("%[1]s has no app password: `%[2]s` makes one\n", flags.Arg(0), typed(s, "user app-password", flags.Arg(0)))
			return nil
		}
		table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "NUMBER\tNAME\tMADE\tLAST USED, TO THE HOUR")
		for _, p := range passwords {
			used := "never"
			if !p.Used.IsZero() {
				used = p.Used.Local().Format("2006-01-02 15:04")
			}
			fmt.Fprintf(table, "%d\t%s\t%s\t%s\n", p.ID, p.Name, p.Created.Local().Format(time.DateOnly), used)
		}
		return table.Flush()
	})
}

// UserAppPasswordRevoke ends an app password of a user, by its name or its number.
func UserAppPasswordRevoke(ctx context.Context, flags *flag.FlagSet, args []string) error {
	return beside(ctx, flags, args, 2, 20, func(s *store.Store) error {
		login, asked := flags.Arg(0), strings.Join(flags.Args()[1:], " ") // a name of some words needs no quotes
		passwords, err := s.AppPasswords(ctx, login)
		if err != nil {
			return err
		}
		for _, p := range passwords { // no name is a number
			if strings.EqualFold(p.Name, asked) || strconv.FormatInt(p.ID, 10) == asked {
				return done(s.RevokeAppPassword(ctx, login, p.ID), "app password %q of %s is ended", p.Name, login)
			}
		}
		return fmt.Errorf("%w: %s has no app password %q; `%s` shows them", store.ErrNotFound, login, asked, typed(s, "user app-password list", login))
	})
}
