package mailer

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/emersion/go-smtp"

	"omsbox/store"
)

// Limits of the submission listener.
const (
	submissionMail       = 1 << 20  // octets of one mail
	submissionLine       = 16 << 10 // octets of one line: a SASL response may have 12288. RFC 4954 4
	submissionRecipients = 50
	submissionOpen       = 64 // connections in all
	submissionFromOne    = 16 // connections from one address
	submissionErrors     = 10 // refusals on one connection
	submissionReads      = 2  // mails that are taken apart at once: each takes some megabytes
)

// Submission takes mail from the mail programs of users who have signed in (RFC 6409), and makes
// texts of it: a mail to +447911123456@DOMAIN goes to that phone. It passes no mail on.
type Submission struct {
	// Patience is how long a client may take over a command, and over a whole mail. One that has not
	// signed in is sent away after a fifth of it, any other after six times as much.
	// RFC 5321 4.5.3.2.7
	Patience time.Duration
	// Hush is how long a client is listened to before it is greeted: one that begins with TLS speaks
	// first (RFC 8314 3.3), one that wants STARTTLS waits.
	Hush time.Duration

	store *store.Store
	log   *slog.Logger
	tls   *tls.Config
	reads chan struct{} // one in it for each mail that is taken apart
}

// NewSubmission returns a Submission that queues texts in s. encryption is for STARTTLS and for clients
// that begin with TLS; where it is nil, only programs on this very computer may sign in. The fields
// may be changed before Run.
func NewSubmission(s *store.Store, log *slog.Logger, encryption *tls.Config) *Submission {
	return &Submission{Patience: 5 * time.Minute, Hush: 500 * time.Millisecond,
		store: s, log: log.With("part", "submission"), tls: encryption, reads: make(chan struct{}, submissionReads)}
}

// Run takes mail on l until ctx ends, and closes l. A mail that is coming in then gets a little time,
// so that it need not be sent again.
func (s *Submission) Run(ctx context.Context, l net.Listener) error {
	work, done := context.WithCancel(context.WithoutCancel(ctx))
	defer done()
	g := openGate(ctx, l, s)
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return s.open(work, c), nil
	}))
	server.Domain = s.store.MailDomain()
	server.AllowInsecureAuth = true // clientConn encrypts, and a client says where a password may be sent
	server.MaxMessageBytes, server.MaxLineLength, server.MaxRecipients = submissionMail, submissionLine, submissionRecipients
	server.ReadTimeout, server.WriteTimeout = s.Patience, s.Patience
	server.EnableSMTPUTF8 = true
	server.ErrorLog = serverLog{s.log}
	err := server.Serve(g)
	g.stop()
	late := time.AfterFunc(2*grace, func() {
		done()
		g.closeAll()
	})
	server.Shutdown(context.Background()) // waits for the sessions
	late.Stop()
	g.wait()
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("mail submission: %w", err)
}

// serverLog is what smtp.Server complains to: of clients that it does not understand, as any port on
// the Internet has them, and of its own panics.
type serverLog struct{ log *slog.Logger }

// Printf writes a complaint.
func (l serverLog) Printf(format string, v ...any) {
	level := slog.LevelDebug
	if strings.HasPrefix(format, "panic") {
		level = slog.LevelError
	}
	l.log.Log(context.Background(), level, fmt.Sprintf(format, v...))
}

// Println writes a complaint.
func (l serverLog) Println(v ...any) { l.log.Debug(fmt.Sprint(v...)) }
