package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"omsbox/mailer"
	"omsbox/modem/simulator"
	"omsbox/oms"
	"omsbox/store"
	"omsbox/web"
)

var backups = flag.Int("backups", 4, "how many backups TestBackupUnderLoad makes and restores")

// wired is omsbox as a process with a simulated network and a mailbox of its own.
type wired struct {
	*service
	mailbox *mailer.Mailbox
	relay   string
}

// wire puts a network and a mailbox round a service. All boxes have the same SIM: it moves with the box.
func wire(t testing.TB) *wired {
	t.Helper()
	w := &wired{service: newService(t), mailbox: mailer.NewMailbox(slog.New(slog.DiscardHandler))}
	w.sim = simulator.New(simulator.Options{SubmitDelay: 8 * time.Millisecond, ReportDelay: 5 * time.Millisecond})
	ctx, cancel := context.WithCancel(context.Background())
	port, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	post, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	var behind sync.WaitGroup
	behind.Go(func() { w.sim.Serve(ctx, port) })
	behind.Go(func() { w.mailbox.Serve(ctx, post) })
	t.Cleanup(func() {
		cancel()
		behind.Wait()
		w.sim.Close()
	})
	w.modem, w.relay = "tcp://"+port.Addr().String(), "smtp://"+post.Addr().String()
	return w
}

// left are the segments that the network took, each by its recipient and text.
func (w *wired) left() map[string]int {
	left := map[string]int{}
	for _, s := range w.sim.Submitted() {
		left[s.To+" "+s.Text]++
	}
	return left
}

// letters are the texts of the replies that were mailed, and the subjects of other mails.
func (w *wired) letters() map[string]int {
	letters := map[string]int{}
	for _, m := range w.mailbox.Mails() {
		what := strings.TrimSpace(m.Text)
		for _, h := range m.Headers {
			if strings.EqualFold(h.Name, "Subject") && !strings.HasPrefix(what, "reply ") {
				what = h.Value
			}
		}
		letters[what]++
	}
	return letters
}

func (w *wired) omsbox(t testing.TB, args ...string) string {
	t.Helper()
	verb := 1
	if args[0] == "held" && len(args) > 1 {
		verb = 2
	}
	args = append(append(append([]string{}, args[:verb]...), "-data", w.data), args[verb:]...)
	out, status := omsbox(t, "", args...)
	if status != 0 {
		t.Fatalf("omsbox %v: %s", args, out)
	}
	return out
}

// TestBackupUnderLoad makes backups of a box that is at work, restores each, and compares what the network and the
// mailbox get of the old box and of the restored one: nothing twice, and after a person releases something, that alone.
func TestBackupUnderLoad(t *testing.T) {
	t.Parallel()
	old := wire(t)
	setup, err := store.Create(t.Context(), old.data, slog.New(slog.DiscardHandler), cheap)
	check(t, err)
	_, err = setup.AddUser(t.Context(), store.User{Login: "ann", Mail: "ann@example.org"}, "secret")
	check(t, err)
	settings := map[string]string{"mail.relay": "smtp://127.0.0.1:1", "mail.catch-all": "ann", "oms.wait": "0"}
	for key, value := range settings {
		check(t, setup.Set(t.Context(), key, value))
	}
	check(t, setup.Close())
	ended := old.start(t)
	old.answers(t)

	var going atomic.Bool
	going.Store(true)
	var people sync.WaitGroup
	var handed atomic.Int64
	for writer := range 3 {
		people.Go(func() {
			for i := 0; going.Load(); i++ {
				text := fmt.Sprintf("text %d of %d. ", i, writer) + strings.Repeat("x", 200*(i%2))
				request := oms.DeliverRequest("ann", "secret", text, phoneNumber(i%20), phoneNumber(20+i%20))
				deliver(t, "http://"+old.http+web.OMSPath, request)
				handed.Add(2)
				time.Sleep(time.Duration(rand.IntN(60)) * time.Millisecond)
			}
		})
	}
	people.Go(func() {
		for i := 0; going.Load() && i < 150; i++ { // the mailbox keeps no more than 200
			check(t, old.sim.Phone(phoneNumber(i%20)).Send(fmt.Sprintf("reply %d.", i)))
			time.Sleep(25 * time.Millisecond)
		}
	})
	soon(t, "the first texts", func() bool { return old.sim.Count() > 10 })
	dir := t.TempDir()
	var files []string
	for i := range *backups {
		file := filepath.Join(dir, fmt.Sprintf("%d.backup", i))
		old.omsbox(t, "backup", file)
		files = append(files, file)
		time.Sleep(time.Duration(rand.IntN(300)) * time.Millisecond)
	}
	going.Store(false)
	people.Wait()
	old.omsbox(t, "set", "mail.relay", old.relay) // until now mails waited, and were in the backups
	beside, err := store.Open(t.Context(), old.data, slog.New(slog.DiscardHandler))
	check(t, err)
	for deadline := time.Now().Add(5 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		b, err := beside.Backlog(t.Context())
		check(t, err)
		if b.Queued+b.Sending+b.MailQueued == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the old box does not come to an end")
		}
	}
	check(t, beside.Close())
	old.interrupt(t)
	<-ended

	left, letters := old.left(), old.letters()
	var all compared
	for _, file := range files {
		r := compare(t, file, left, letters)
		all.held += r.held
		all.mails += r.mails
		all.twice += r.twice
		all.mailedTwice += r.mailedTwice
		all.released += r.released
	}
	t.Logf("%d texts to phones, %d backups; held %d texts and %d mails; sent twice %d, mailed twice %d; a person released %d",
		handed.Load(), len(files), all.held, all.mails, all.twice, all.mailedTwice, all.released)
	if all.held == 0 || all.mails == 0 {
		t.Error("the backups had nothing in their queues: nothing was tried")
	}
}

// answers waits until a service answers.
func (w *wired) answers(t testing.TB) {
	t.Helper()
	soon(t, "the service", func() bool {
		conn, err := net.Dial("tcp", w.http)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
}

// compared is what came of one backup.
type compared struct{ held, mails, twice, mailedTwice, released int }

// compare restores a backup, starts it, and has a person release one message.
func compare(t *testing.T, file string, left, letters map[string]int) (c compared) {
	t.Helper()
	box := wire(t)
	box.data = filepath.Join(t.TempDir(), "restored")
	box.omsbox(t, "restore", file)
	box.omsbox(t, "set", "mail.relay", box.relay)
	beside, err := store.Open(t.Context(), box.data, slog.New(slog.DiscardHandler))
	check(t, err)
	defer beside.Close()
	ended := box.start(t)
	defer func() {
		box.interrupt(t)
		<-ended
	}()
	box.answers(t)
	const fresh = "written at the restored box"
	deliver(t, "http://"+box.http+web.OMSPath, oms.DeliverRequest("ann", "secret", fresh, phoneNumber(0)))
	soon(t, "a new text at the restored box", func() bool { return len(box.sim.Phone(phoneNumber(0)).Inbox()) > 0 })
	check(t, box.sim.Phone(phoneNumber(0)).Send("a new reply"))
	soon(t, "a mail with a new reply", func() bool { return box.letters()["a new reply"] > 0 })

	again := func() (texts, mails int) {
		for what := range box.left() {
			if left[what] > 0 {
				texts++
			}
		}
		for what := range box.letters() {
			if letters[what] > 0 && strings.HasPrefix(what, "reply ") {
				mails++
			}
		}
		return texts, mails
	}
	if c.twice, c.mailedTwice = again(); c.twice+c.mailedTwice > 0 {
		t.Errorf("before anybody releases them, %d segments and %d mails leave a second time", c.twice, c.mailedTwice)
	}
	r, err := beside.Restored(t.Context())
	check(t, err)
	c.held, c.mails = r.Texts, r.Mails
	if status := box.omsbox(t, "get", "status"); r.Holds() != strings.Contains(status, "held since the restore") {
		t.Errorf("with %d texts and %d mails held, the status is %s", r.Texts, r.Mails, status)
	}
	texts, err := beside.HeldTexts(t.Context(), 1)
	check(t, err)
	if len(texts) == 0 {
		return c
	}
	wanted := box.segments(t, texts[0].Message)
	before := box.sim.Count()
	box.omsbox(t, "held", "send", fmt.Sprint(texts[0].Message))
	soon(t, "what a person releases", func() bool { return box.sim.Count() >= before+wanted })
	deliver(t, "http://"+box.http+web.OMSPath, oms.DeliverRequest("ann", "secret", "and another", phoneNumber(0)))
	soon(t, "what comes after it", func() bool {
		return len(box.sim.Phone(phoneNumber(0)).Inbox()) > 1 && box.sim.Count() >= before+wanted+1
	})
	if got := box.sim.Count() - before - 1; got != wanted {
		t.Errorf("a person releases %d segments, and %d leave", wanted, got)
	}
	c.released = wanted
	if out := box.omsbox(t, "held", "drop", "all"); !strings.Contains(out, "cancelled") {
		t.Errorf("got %s", out)
	}
	if now, err := beside.Restored(t.Context()); err != nil || now.Holds() {
		t.Errorf("after all was dropped %+v is held (%v)", now, err)
	}
	if texts, mails := again(); texts > wanted || mails > 0 { // what the person released may well have been sent
		t.Errorf("%d segments leave a second time, %d of which a person released; and %d mails", texts, wanted, mails)
		c.twice, c.mailedTwice = texts-wanted, mails
	}
	return c
}

// segments are those that are held of a message.
func (w *wired) segments(t testing.TB, message int64) int {
	t.Helper()
	s, err := store.Open(t.Context(), w.data, slog.New(slog.DiscardHandler))
	check(t, err)
	defer s.Close()
	deliveries, err := s.Deliveries(t.Context(), message)
	check(t, err)
	parts, err := s.Text(t.Context(), message)
	check(t, err)
	waiting := 0
	for _, d := range deliveries {
		if d.State == store.Scheduled {
			waiting += s.Coding().Segments(parts[0])
		}
	}
	return waiting
}
