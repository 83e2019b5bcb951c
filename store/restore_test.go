package store_test

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"omsbox/modem/sms"
	"omsbox/store"
)

// backup copies the database of s to a file.
func backup(t testing.TB, s *store.Store) (file string, made time.Time) {
	t.Helper()
	c, err := s.Copy(t.Context())
	check(t, err)
	file = filepath.Join(t.TempDir(), "copy")
	to, err := os.Create(file)
	check(t, err)
	n, err := io.Copy(to, c)
	check(t, err)
	check(t, to.Close())
	if n != c.Size {
		t.Errorf("the copy has %d octets, and says %d", n, c.Size)
	}
	check(t, c.Close())
	return file, c.Made
}

// restoreIn restores a copy into dir.
func restoreIn(t testing.TB, dir, file string, made time.Time) (store.Restored, error) {
	t.Helper()
	return store.Restore(t.Context(), dir, quiet(), func(root *os.Root) (time.Time, error) {
		text, err := os.ReadFile(file)
		check(t, err)
		return made, root.WriteFile(store.File, text, 0o600)
	})
}

// restored restores a backup of s and opens it.
func restored(t testing.TB, s *store.Store, options ...store.Option) (*store.Store, store.Restored) {
	t.Helper()
	file, made := backup(t, s)
	dir := filepath.Join(t.TempDir(), "restored")
	r, err := restoreIn(t, dir, file, made)
	check(t, err)
	return openIn(t, dir, options...), r
}

// treated says of each table what a restore does to it. "kept" means: as the backup has it.
var treated = map[string]string{
	"users":             "kept: also whoever was added, disabled or given a new password since is as then, which restore tells",
	"app_passwords":     "kept: also those that were ended since are valid again, which restore tells",
	"sessions":          "deleted: one that was ended since would be valid again",
	"settings":          "kept",
	"counters":          "kept; clock becomes as late as the backup at least; service is dated now, so that clients of OMS look again",
	"messages":          "kept; an answer that was owed is lost. A request repeated within ten minutes is known again, and held with the first",
	"message_parts":     "kept",
	"deliveries":        "queued and scheduled are held; of which a part had left, unconfirmed; a new reference begins anywhere",
	"segments":          "kept; handed, and the rest of a text of which a part had left: unconfirmed. Reports need the right time too",
	"usage":             "filled up to the limits that are set, for each day since the backup",
	"user_usage":        "filled up to the limits that are set, for each day since the backup",
	"reports":           "kept",
	"incoming":          "kept; mails about it are held",
	"incoming_segments": "kept: a TPDU that comes again is known; mails of what is only in the backup are held",
	"conversations":     "kept",
	"mails":             "queued and being handed over are held",
	"told":              "kept",
	"traffic":           "kept, and a line says that it was restored",
	"sims":              "kept",
	"pins":              "kept: a wrong PIN is given once more at most, and the last try never",
	"alarms":            "those that are open are cleared without a mail: what is still wrong is raised again; one tells what is held",
	"modems":            "kept and down, until the service says which it has",
	"health":            "deleted: it is that of the old box",
	"errands":           "deleted: whoever asked has given up",
	"front":             "kept, to warn where the address of the box becomes another",
	"proofs":            "kept",
	"service_clients":   "kept",
	"restored":          "one row: this restore",
}

func TestARestoreKnowsEveryTable(t *testing.T) {
	t.Parallel()
	s := open(t)
	db, err := sql.Open("sqlite", filepath.Join(s.Dir(), store.File))
	check(t, err)
	defer db.Close()
	rows, err := db.Query(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`)
	check(t, err)
	defer rows.Close()
	found := map[string]bool{}
	for rows.Next() {
		var name string
		check(t, rows.Scan(&name))
		found[name] = true
		if treated[name] == "" {
			t.Errorf("what does a restore do to the table %s? Decide it in Store.Restore, and write it down here", name)
		}
	}
	check(t, rows.Err())
	for name := range treated {
		if !found[name] {
			t.Errorf("there is no table %s any more", name)
		}
	}
}

func TestWhatWasQueuedIsHeldAfterARestore(t *testing.T) {
	t.Parallel()
	s := open(t)
	ann := addUser(t, s, "ann")
	enqueue(t, s, ann.ID, "gone", number)
	settle(t, s, *claim(t, s, nil), store.Accepted)
	first := enqueue(t, s, ann.ID, "first", number)
	settle(t, s, *claim(t, s, nil), store.Deferred) // it waits for another try
	// A text of two segments, of which one has left.
	begun := enqueue(t, s, ann.ID, strings.Repeat("x", 200), "+447911000002")
	half := claim(t, s, nil)
	settle(t, s, *half, store.Accepted)
	// One that is with a modem.
	handed := enqueue(t, s, ann.ID, "handed", "+447911000003")
	if _, err := s.Claim(t.Context(), "other", nil); err != nil {
		t.Fatal(err)
	}
	second := enqueue(t, s, ann.ID, "second, behind it", number)
	later, _, err := s.Enqueue(t.Context(), store.Message{User: ann.ID, Source: store.SourceOMS, Parts: []string{"later"},
		Scheduled: time.Now().Add(time.Hour), To: []store.Recipient{{Number: number, Typed: number}}})
	check(t, err)

	b, r := restored(t, s)
	if got := state(t, b, begun); got != store.Unconfirmed {
		t.Errorf("of the text of which a part had left became %s, want unconfirmed", got)
	}
	if got := state(t, b, handed); got != store.Unconfirmed {
		t.Errorf("the text that was with a modem is %s, want unconfirmed", got)
	}
	if a := next(t, b); a != nil {
		t.Errorf("%+v leaves by itself", a)
	}
	if _, waits, err := b.Due(t.Context(), "imsi"); waits || err != nil {
		t.Errorf("something waits for the modem (%v)", err)
	}
	held, err := b.HeldTexts(t.Context(), 100)
	check(t, err)
	for _, h := range held {
		if h.Message != later && !h.Scheduled.IsZero() {
			t.Errorf("message %d, which was queued, is said to be for %v", h.Message, h.Scheduled)
		}
	}
	if len(held) < 3 || held[len(held)-1].Message != later || held[len(held)-1].Scheduled.IsZero() || r.Texts < 3 {
		t.Errorf("held are %+v, restore says %+v", held, r)
	}
	backlog, err := b.Backlog(t.Context())
	check(t, err)
	if backlog.Queued != 0 || backlog.Scheduled != 0 || backlog.MailQueued != 1 { // the alarm that tells
		t.Errorf("the backlog is %+v", backlog)
	}
	waiting, _, err := b.Waiting(t.Context(), ann.ID, 10, 10, 10)
	check(t, err)
	if len(waiting) == 0 || !waiting[0].Held || !waiting[0].Scheduled.IsZero() {
		t.Errorf("ann sees %+v", waiting)
	}

	status, err := b.Status(t.Context())
	check(t, err)
	health := b.CheckHeld(t.Context())
	if !strings.Contains(status, "omsbox held send") || len(health) != 1 || health[0].OK || !strings.Contains(health[0].Text, "omsbox held send") {
		t.Errorf("doctor says %+v, the status is %s", health, status)
	}

	// A new text to the same number does not wait for a person.
	fresh := enqueue(t, b, ann.ID, "fresh", number)
	a := next(t, b)
	if a == nil || message(t, b, a.Delivery) != fresh {
		t.Fatalf("of the new text goes %+v", a)
	}
	settle(t, b, *a, store.Accepted)

	// What a person releases goes, and nothing else.
	if n, err := b.SendHeld(t.Context(), second); n != 1 || err != nil {
		t.Errorf("released %d, %v", n, err)
	}
	a = next(t, b)
	if a == nil || message(t, b, a.Delivery) != second {
		t.Fatalf("of the released one goes %+v", a)
	}
	settle(t, b, *a, store.Accepted)
	if a := next(t, b); a != nil {
		t.Errorf("%+v goes too", a)
	}
	if _, err := b.SendHeld(t.Context(), second); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("released twice: %v", err)
	}
	if n, err := b.DropHeld(t.Context(), first); n != 1 || err != nil || state(t, b, first) != store.Cancelled {
		t.Errorf("dropped %d, %v", n, err)
	}
	_, err = b.SendHeld(t.Context())
	check(t, err)
	if got := state(t, b, later); got != store.Scheduled {
		t.Errorf("what was scheduled is %s", got)
	}
	if wait, waits, err := b.Due(t.Context(), "imsi"); err != nil || !waits {
		t.Errorf("what was scheduled does not wait for its time: %v %v %v", wait, waits, err)
	}
	// Those who wrote what is in doubt are told once a person says so: the old box may have told them another thing.
	if n, err := b.SendHeldMails(t.Context()); n != 2 || err != nil {
		t.Errorf("released %d mails, %v", n, err)
	}
	alarms, err := b.Alarms(t.Context())
	check(t, err)
	if now, err := b.Restored(t.Context()); err != nil || now.Holds() || len(alarms) != 0 || len(b.CheckHeld(t.Context())) != 0 {
		t.Errorf("still held: %+v, alarms %+v (%v)", now, alarms, err)
	}
}

// message returns the message of a delivery, by the traffic log.
func message(t testing.TB, s *store.Store, delivery int64) int64 {
	t.Helper()
	lines, err := s.Lines(t.Context(), 1000)
	check(t, err)
	i := slices.IndexFunc(lines, func(l store.Line) bool { return l.Delivery == delivery && l.Message != 0 })
	if i < 0 {
		t.Fatalf("delivery %d is of no message", delivery)
	}
	return lines[i].Message
}

// next takes the next segment; nil where none may leave.
func next(t testing.TB, s *store.Store) *store.Attempt {
	t.Helper()
	a, err := s.Claim(t.Context(), "imsi", nil)
	check(t, err)
	return a
}

// receive stores a text that comes in, and returns its number.
func receive(t testing.TB, s *store.Store, from, text string) int64 {
	t.Helper()
	check(t, s.Receive(t.Context(), "imsi", deliver(t, from, text, 0)[0]))
	all := unrouted(t, s)
	return all[len(all)-1].ID
}

func settle(t testing.TB, s *store.Store, a store.Attempt, outcome store.Outcome) {
	t.Helper()
	check(t, s.Settle(t.Context(), store.Verdict{Attempt: a, Outcome: outcome, MR: -1}))
}

func TestMailsAreHeldAfterARestore(t *testing.T) {
	t.Parallel()
	s := open(t)
	addUser(t, s, "ann")
	queued := receive(t, s, "+447911000001", "queued")
	check(t, s.Mailed(t.Context(), queued, 1))
	check(t, s.Raise(t.Context(), "modem", "stick", "it is silent"))
	unrouted := receive(t, s, "+447911000002", "not routed yet")

	b, r := restored(t, s)
	if r.Mails != 2 {
		t.Errorf("%d mails are held, want 2", r.Mails)
	}
	alarms, err := b.Alarms(t.Context())
	check(t, err)
	if len(alarms) != 1 || alarms[0].Kind != "restored" {
		t.Errorf("the alarms are %+v", alarms)
	}
	m := claimMail(t, b)
	if m == nil || m.Kind != store.AlarmMail {
		t.Fatalf("%+v is mailed", m)
	}
	check(t, b.MailSent(t.Context(), m.ID))
	// What had come in and was not routed: the old box will have mailed it.
	check(t, b.Mailed(t.Context(), unrouted, 1))
	if m := claimMail(t, b); m != nil {
		t.Errorf("%+v is mailed", m)
	}
	// What comes in now is new.
	check(t, b.Mailed(t.Context(), receive(t, b, "+447911000003", "new"), 1))
	if m := claimMail(t, b); m == nil || m.Kind != store.Reply {
		t.Errorf("of the new text %+v is mailed", m)
	} else {
		check(t, b.MailSent(t.Context(), m.ID))
	}
	if n, err := b.SendHeldMails(t.Context()); n != 3 || err != nil {
		t.Errorf("released %d mails, %v", n, err)
	}
	over := 0
	for range 4 { // the released ones, and that the alarm of the restore is over
		m := claimMail(t, b)
		if m == nil {
			t.Fatal("a released mail does not go")
		}
		if m.Over {
			over++
		}
		check(t, b.MailSent(t.Context(), m.ID))
	}
	if m := claimMail(t, b); over != 1 || m != nil {
		t.Errorf("%d mails tell that the alarm is over, and then %+v goes", over, m)
	}
}

func claimMail(t testing.TB, s *store.Store) *store.Mail {
	t.Helper()
	m, err := s.ClaimMail(t.Context())
	check(t, err)
	return m
}

func TestARestoreGivesNoLimitTwice(t *testing.T) {
	t.Parallel()
	s := open(t)
	ann := addUser(t, s, "ann")
	bob := addUser(t, s, "bob")
	check(t, s.Set(t.Context(), "user.daily/ann", "5"))
	check(t, s.Set(t.Context(), "sim.daily", "7"))
	enqueue(t, s, ann.ID, "one", number)
	settle(t, s, *claim(t, s, nil), store.Accepted)

	b, _ := restored(t, s)
	_, _, err := b.Enqueue(t.Context(), store.Message{User: ann.ID, Source: store.SourceOMS, Parts: []string{"two"}, To: []store.Recipient{{Number: number, Typed: number}}})
	if over := (*store.Over)(nil); !errors.As(err, &over) {
		t.Errorf("a second text of ann on the same day: %v", err)
	}
	enqueue(t, b, bob.ID, "bob has no limit", number)
	if a := next(t, b); a != nil {
		t.Errorf("%+v leaves beyond what the SIM may send on that day", a)
	}
	// A person knows better.
	check(t, b.Set(t.Context(), "user.daily/ann", "6"))
	check(t, b.Set(t.Context(), "sim.daily", "8"))
	enqueue(t, b, ann.ID, "two", number)
	if a := next(t, b); a == nil {
		t.Error("nothing leaves though the limit was raised")
	}
}

func TestARestoredBoxChoosesOtherReferences(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 200)
	s := open(t)
	same := 0
	enqueue(t, s, 0, long, number)
	file, made := backup(t, s)
	enqueue(t, s, 0, long, number)
	next := reference(t, s)
	const boxes = 6
	for range boxes {
		dir := filepath.Join(t.TempDir(), "restored")
		_, err := restoreIn(t, dir, file, made)
		check(t, err)
		b := openIn(t, dir)
		enqueue(t, b, 0, long, number)
		if reference(t, b) == next {
			same++
		}
	}
	if same == boxes {
		t.Errorf("each of %d restored boxes uses the reference %d that the old one used after the backup", boxes, next)
	}
}

// reference is the last concatenation reference that was given.
func reference(t testing.TB, s *store.Store) (ref int) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(s.Dir(), store.File))
	check(t, err)
	defer db.Close()
	check(t, db.QueryRow(`SELECT ref FROM deliveries WHERE ref IS NOT NULL ORDER BY id DESC LIMIT 1`).Scan(&ref))
	return ref & 0xFF
}

func TestARestoreIsWholeOrNothing(t *testing.T) {
	t.Parallel()
	s := open(t)
	addUser(t, s, "ann")
	file, made := backup(t, s)
	text, err := os.ReadFile(file)
	check(t, err)
	names := func(dir string) (all []string) {
		entries, err := os.ReadDir(dir)
		check(t, err)
		for _, e := range entries {
			all = append(all, e.Name())
		}
		return all
	}
	into := func(dir string, content []byte) error {
		_, err := store.Restore(t.Context(), dir, quiet(), func(root *os.Root) (time.Time, error) {
			check(t, root.Mkdir("ca", 0o700))
			check(t, root.WriteFile("ca/root.pem", []byte("secret"), 0o600))
			return made, root.WriteFile(store.File, content, 0o600)
		})
		return err
	}
	t.Run("a damaged database", func(t *testing.T) {
		dir := t.TempDir()
		bad := slices.Clone(text)
		for i := 4096; i < len(bad); i++ {
			bad[i] ^= 0x55
		}
		if err := into(dir, bad); err == nil {
			t.Error("it was restored")
		}
		if got := names(dir); !slices.Equal(got, []string{"lock"}) {
			t.Errorf("left behind is %v", got)
		}
	})
	t.Run("no database at all", func(t *testing.T) {
		dir := t.TempDir()
		if err := into(dir, []byte("this is none")); err == nil {
			t.Error("it was restored")
		}
	})
	t.Run("a newer database", func(t *testing.T) {
		newer := filepath.Join(t.TempDir(), "newer")
		check(t, os.WriteFile(newer, text, 0o600))
		db, err := sql.Open("sqlite", newer)
		check(t, err)
		_, err = db.Exec(`PRAGMA user_version = 1000`)
		check(t, err)
		check(t, db.Close())
		content, err := os.ReadFile(newer)
		check(t, err)
		dir := t.TempDir()
		if err := into(dir, content); !errors.Is(err, store.ErrNewer) {
			t.Errorf("got %v", err)
		}
		if got := names(dir); !slices.Equal(got, []string{"lock"}) {
			t.Errorf("left behind is %v", got)
		}
	})
	t.Run("into what is not empty", func(t *testing.T) {
		dir := t.TempDir()
		check(t, os.WriteFile(filepath.Join(dir, "letter"), nil, 0o600))
		if err := into(dir, text); err == nil || !strings.Contains(err.Error(), "letter") {
			t.Errorf("got %v", err)
		}
		if got := names(dir); !slices.Equal(got, []string{"letter", "lock"}) {
			t.Errorf("there is %v", got)
		}
	})
	t.Run("into what is served from", func(t *testing.T) {
		if err := into(s.Dir(), text); !errors.Is(err, store.ErrLocked) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("killed in between", func(t *testing.T) {
		dir := t.TempDir()
		check(t, os.MkdirAll(filepath.Join(dir, "restoring", "ca"), 0o700))
		check(t, os.Mkdir(filepath.Join(dir, "ca"), 0o700))
		check(t, os.WriteFile(filepath.Join(dir, "ca", "root.pem"), []byte("other"), 0o600))
		if s, err := store.Create(context.Background(), dir, quiet()); err == nil {
			s.Close()
			t.Error("a service starts from the half of a backup")
		}
		check(t, into(dir, text)) // it begins again
		got, err := os.ReadFile(filepath.Join(dir, "ca", "root.pem"))
		check(t, err)
		if string(got) != "secret" {
			t.Errorf("the root is %q", got)
		}
		openIn(t, dir)
		if got := names(dir); slices.Contains(got, "restoring") {
			t.Errorf("there is %v", got)
		}
	})
	t.Run("modes", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "made")
		check(t, into(dir, text))
		for path, want := range map[string]os.FileMode{"": 0o700, "ca": 0o700, "ca/root.pem": 0o600, store.File: 0o600} {
			info, err := os.Stat(filepath.Join(dir, path))
			check(t, err)
			if got := info.Mode().Perm(); got != want {
				t.Errorf("%q has mode %o, want %o", path, got, want)
			}
		}
	})
}

func TestACopyIsOneMomentUnderLoad(t *testing.T) {
	t.Parallel()
	s := open(t)
	ann := addUser(t, s, "ann")
	stop := make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		for {
			select {
			case <-stop:
				ended <- nil
				return
			default:
			}
			if _, _, err := s.Enqueue(context.Background(), store.Message{User: ann.ID, Source: store.SourceOMS, Parts: []string{"a", "b"},
				To: []store.Recipient{{Number: number, Typed: number}, {Number: "+447911000009", Typed: "x"}}}); err != nil {
				ended <- err
				return
			}
		}
	}()
	for range 5 {
		file, _ := backup(t, s)
		db, err := sql.Open("sqlite", file)
		check(t, err)
		var words string
		check(t, db.QueryRow(`PRAGMA integrity_check(1)`).Scan(&words))
		var torn, messages int
		check(t, db.QueryRow(`SELECT count(*), (SELECT count(*) FROM messages) FROM messages m WHERE (SELECT count(*) FROM deliveries WHERE message_id = m.id) <> 2
			OR (SELECT count(*) FROM segments s JOIN deliveries d ON d.id = s.delivery_id WHERE d.message_id = m.id) <> 4`).Scan(&torn, &messages))
		check(t, db.Close())
		if words != "ok" || torn != 0 {
			t.Errorf("of %d messages %d are torn; %s", messages, torn, words)
		}
	}
	close(stop)
	check(t, <-ended)
	if left, _ := filepath.Glob(filepath.Join(s.Dir(), "backup.db*")); len(left) != 0 {
		t.Errorf("left behind is %v", left)
	}
}

func TestABackupOfAnOlderProgramIsRestored(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("migrations/*.sql")
	check(t, err)
	from := t.TempDir()
	older(t, from, files[:1], `INSERT INTO users (login, password, phone, mail, alias, admin, disabled, created) VALUES ('ann', '', '', '', 'ann', 0, 0, 1);
		INSERT INTO messages (user_id, source, client, source_type, answer, created) VALUES (1, 'oms', '', '', 1, 7);
		INSERT INTO deliveries (message_id, sender, recipient, typed, state, bulk, line, route, ahead, behind, due, expires, attempts, retries, reason, sim, notice, updated)
			VALUES (1, 1, '+447911123456', '', 'queued', 0, 1, '', 0, 0, 7, 8, 0, 0, '', '', 0, 7);
		INSERT INTO segments (delivery_id, part, tpdu, state, sim) VALUES (1, 1, x'00', 'pending', '')`)
	dir := t.TempDir()
	r, err := restoreIn(t, dir, filepath.Join(from, store.File), time.Now())
	check(t, err)
	if r.Texts != 1 || r.Late != 1 {
		t.Errorf("held are %+v", r)
	}
	b := openIn(t, dir)
	if _, err := b.UserByLogin(t.Context(), "ann"); err != nil {
		t.Error(err)
	}
	// What is too late is not sent, and who wrote it is told.
	if _, err := b.SendHeld(t.Context()); err != nil {
		t.Fatal(err)
	}
	if a := next(t, b); a != nil || state(t, b, 1) != store.Expired {
		t.Errorf("%+v leaves, and it is %s", a, state(t, b, 1))
	}
}

func TestPartsOfATextFromBeforeTheBackup(t *testing.T) {
	t.Parallel()
	s := open(t)
	addUser(t, s, "ann")
	cut := deliver(t, "+447911000001", strings.Repeat("a", 300), 1)
	rest := deliver(t, "+447911000002", strings.Repeat("b", 300), 2)
	check(t, s.Receive(t.Context(), "imsi", cut[0]))
	check(t, s.Receive(t.Context(), "imsi", rest[0]))
	check(t, s.Set(t.Context(), "sms.incomplete", "1m"))
	file, made := backup(t, s)
	dir := filepath.Join(t.TempDir(), "restored")
	_, err := restoreIn(t, dir, file, made)
	check(t, err)
	now := time.Now()
	b, err := store.Create(t.Context(), dir, quiet(), store.WithClock(func() time.Time { return now }))
	check(t, err)
	defer b.Close()
	mailed := func() int {
		t.Helper()
		n := 0
		for _, in := range unrouted(t, b) {
			check(t, b.Mailed(t.Context(), in.ID, 1))
		}
		for m := claimMail(t, b); m != nil; m = claimMail(t, b) {
			check(t, b.MailSent(t.Context(), m.ID))
			if m.Kind == store.Reply {
				n++
			}
		}
		return n
	}
	// Its rest comes now: the old box cannot have mailed it whole.
	check(t, b.Receive(t.Context(), "imsi", rest[1]))
	if n := mailed(); n != 1 {
		t.Errorf("of the text whose rest comes now %d are mailed", n)
	}
	// What the backup alone has of the other may have been made whole by the old box.
	now = now.Add(10 * time.Minute)
	_, _, err = b.Overdue(t.Context())
	check(t, err)
	if n := mailed(); n != 0 {
		t.Errorf("of the text whose rest the old box may have got %d are mailed", n)
	}
	if r, err := b.Restored(t.Context()); err != nil || r.Mails != 1 {
		t.Errorf("held are %+v (%v)", r, err)
	}
}

func TestAReportAboutATextOfTheOldBox(t *testing.T) {
	t.Parallel()
	s := open(t)
	ann := addUser(t, s, "ann")
	id := enqueue(t, s, ann.ID, "before the backup", number)
	check(t, s.Settle(t.Context(), store.Verdict{Attempt: *claim(t, s, nil), Outcome: store.Accepted, MR: 7}))
	b, _ := restored(t, s)
	arrive := func(at time.Time, status byte) {
		t.Helper()
		tpdu, err := sms.StatusReport{MR: 7, To: number, SCTS: at, Discharge: at, Status: status}.TPDU()
		check(t, err)
		check(t, b.Report(t.Context(), "imsi", tpdu))
	}
	arrive(time.Now().Add(3*time.Hour+6*time.Minute), 0x41) // of one that the old box sent later under the same TP-MR
	if got := state(t, b, id); got != store.Sent {
		t.Errorf("it is %s by the report about another text", got)
	}
	arrive(time.Now(), 0)
	if got := state(t, b, id); got != store.Delivered {
		t.Errorf("it is %s after its own report", got)
	}
}

func TestTheDaysSinceABackupAreCountedOnceTheClockIsRight(t *testing.T) {
	t.Parallel()
	right := time.Date(2031, 5, 20, 12, 0, 0, 0, time.Local)
	s, err := store.Create(t.Context(), t.TempDir(), quiet(), store.WithClock(func() time.Time { return right.AddDate(0, 0, -3) }))
	check(t, err)
	ann, err := s.AddUser(t.Context(), store.User{Login: "ann"}, "secret of ann")
	check(t, err)
	check(t, s.Set(t.Context(), "user.daily", "5"))
	file, made := backup(t, s)
	check(t, s.Close())
	dir := filepath.Join(t.TempDir(), "restored")
	text, err := os.ReadFile(file)
	check(t, err)
	_, err = store.Restore(t.Context(), dir, quiet(), func(root *os.Root) (time.Time, error) {
		return made, root.WriteFile(store.File, text, 0o600)
	}, store.WithClock(func() time.Time { return time.Date(1970, 1, 1, 0, 0, 9, 0, time.UTC) })) // as a Raspberry Pi starts
	check(t, err)
	b, err := store.Create(t.Context(), dir, quiet(), store.WithClock(func() time.Time { return right }))
	check(t, err)
	defer b.Close()
	if !b.ClockTrusted() {
		t.Fatal("the clock is not believed yet")
	}
	m := store.Message{User: ann.ID, Source: store.SourceOMS, Parts: []string{"one"}, To: []store.Recipient{{Number: number, Typed: number}}}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		_, _, err := b.Enqueue(t.Context(), m)
		if over := (*store.Over)(nil); errors.As(err, &over) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("on the day of the restore ann may send what the old box may have sent: %v", err)
		}
		check(t, err)
	}
}
