package store

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"omsbox/modem/sms"
	"omsbox/store/condition"
)

var clockNoon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// box opens the store of a directory with a clock that a test moves.
func box(t *testing.T, dir string, c *SteppedClock) *Store {
	t.Helper()
	s, err := Create(t.Context(), dir, slog.New(slog.DiscardHandler), c.Option())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// ticks has the writer look at the clock, as it does by itself twice a second.
func (s *Store) ticks(t *testing.T) {
	t.Helper()
	if err := s.looks(); err != nil {
		t.Fatal(err)
	}
}

func (s *Store) looks() error {
	return s.write(context.Background(), func(tx *tx) error {
		if mark := s.clock.tick(s); mark != nil {
			if err := mark(tx); err != nil {
				return err
			}
		}
		if alarm := s.clock.alarm(s); alarm != nil {
			return alarm(tx)
		}
		return nil
	})
}

func (s *Store) gets(t *testing.T, from string, dated time.Time) {
	t.Helper()
	tpdus, err := sms.Deliver{From: from, Text: "hello", SCTS: dated}.TPDUs(1)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Receive(t.Context(), "imsi", tpdus[0]); err != nil {
		t.Fatal(err)
	}
}

// A leap far ahead at a start is doubted as one while the service runs is: neither is believed for going on evenly.
func TestAClockThatIsFarAhead(t *testing.T) {
	t.Parallel()
	for _, atStart := range []bool{true, false} {
		for _, c := range []struct {
			name  string
			leap  time.Duration
			doubt bool // at first
			then  func(*testing.T, *Store, *SteppedClock)
			still condition.Code
		}{
			{"a year, and nobody says more", 365 * day, true, func(*testing.T, *Store, *SteppedClock) {}, condition.ClockFarAhead},
			{"a year, and it goes on evenly", 365 * day, true, func(t *testing.T, s *Store, c *SteppedClock) {
				for range 10 {
					c.Pass(steadyFor)
					s.ticks(t)
				}
			}, condition.ClockFarAhead},
			{"a year, and a time server agrees", 365 * day, true, func(t *testing.T, s *Store, c *SteppedClock) { c.Confirm() }, ""},
			{"a year, and a text agrees", 365 * day, true, func(t *testing.T, s *Store, c *SteppedClock) {
				s.gets(t, "+447911123456", c.Now().Add(-3*time.Second).Truncate(time.Second))
			}, ""},
			{"a year, and a report agrees", 365 * day, true, func(t *testing.T, s *Store, c *SteppedClock) {
				tpdu, err := sms.StatusReport{MR: 5, To: "+447911123456", SCTS: clockNoon, Discharge: c.Now().Truncate(time.Second)}.TPDU()
				if err != nil {
					t.Fatal(err)
				}
				if err := s.Receive(t.Context(), "imsi", tpdu); err != nil {
					t.Fatal(err)
				}
			}, ""},
			{"a year, and a text is of the year before", 365 * day, true, func(t *testing.T, s *Store, c *SteppedClock) {
				s.gets(t, "+447911123456", c.Now().Add(-365*day))
			}, condition.ClockFarAhead},
			{"a year, and a person says that it is right", 365 * day, true, func(t *testing.T, s *Store, c *SteppedClock) {
				if at, err := s.TrustClock(t.Context()); err != nil || !at.Equal(c.Now()) {
					t.Fatal(at, err)
				}
			}, ""},
			{"three weeks of being switched off", 21 * day, false, func(*testing.T, *Store, *SteppedClock) {}, ""},
		} {
			if !atStart && !c.doubt {
				continue // that is TestTheClock
			}
			t.Run(fmt.Sprintf("%s, at the start: %t", c.name, atStart), func(t *testing.T) {
				dir, clock := t.TempDir(), NewSteppedClock(clockNoon)
				s := box(t, dir, clock)
				id, _, err := s.Enqueue(t.Context(), Message{Source: SourceCommand, Parts: []string{"hello"}, To: []Recipient{{Number: "+447911123456"}}})
				if err != nil {
					t.Fatal(err)
				}
				s.ticks(t)
				if atStart {
					s.Close()
					clock.Shift(c.leap)
					s = box(t, dir, clock)
				} else {
					clock.Shift(c.leap)
				}
				s.ticks(t)
				if got := s.ClockDoubt().Code; (got == condition.ClockFarAhead) != c.doubt {
					t.Errorf("it is said: %q", got)
				}
				if by := s.stamp().Sub(clockNoon); c.doubt && by.Abs() > time.Minute {
					t.Errorf("rows are dated %v later", by)
				}
				if d, err := s.Deliveries(t.Context(), id); c.doubt && (err != nil || d[0].State != Queued) {
					t.Errorf("the text is %s, %v", d[0].State, err)
				}
				c.then(t, s, clock)
				s.ticks(t)
				s.ticks(t)
				if got := s.ClockDoubt(); got.Code != c.still {
					t.Errorf("afterwards it is said: %q, want %q", got.Row(), c.still)
				}
			})
		}
	}
}

// Two senders whose texts are dated far ahead of the clock are believed before the clock is.
func TestAClockThatTextsAreAheadOf(t *testing.T) {
	t.Parallel()
	month := 30 * day
	for _, c := range []struct {
		name  string
		texts func(*testing.T, *Store)
		want  condition.Code
	}{
		{"of one sender", func(t *testing.T, s *Store) {
			s.gets(t, "+447911123456", clockNoon.Add(month))
			s.gets(t, "+447911123456", clockNoon.Add(month+time.Hour))
		}, ""},
		{"of two senders", func(t *testing.T, s *Store) {
			s.gets(t, "+447911123456", clockNoon.Add(month))
			s.gets(t, "+447911123457", clockNoon.Add(month+time.Hour))
		}, condition.ClockBehindTexts},
		{"within what zones may do", func(t *testing.T, s *Store) {
			s.gets(t, "+447911123456", clockNoon.Add(14*time.Hour))
			s.gets(t, "+447911123457", clockNoon.Add(26*time.Hour))
		}, ""},
		{"of two senders, and one that agrees", func(t *testing.T, s *Store) {
			s.gets(t, "+447911123456", clockNoon.Add(month))
			s.gets(t, "+447911123457", clockNoon.Add(month+time.Hour))
			s.gets(t, "+447911123458", clockNoon)
		}, ""},
		{"after one that agrees", func(t *testing.T, s *Store) {
			s.gets(t, "+447911123458", clockNoon)
			s.gets(t, "+447911123456", clockNoon.Add(month))
			s.gets(t, "+447911123457", clockNoon.Add(month+time.Hour))
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			clock := NewSteppedClock(clockNoon)
			s := box(t, t.TempDir(), clock)
			c.texts(t, s)
			s.ticks(t)
			if got := s.ClockDoubt(); got.Code != c.want {
				t.Errorf("it is said: %q", got.Row())
			}
			if c.want == "" {
				return
			}
			if words := s.ClockProblem(); !strings.Contains(words, "30 days") {
				t.Errorf("it is said that %s", words)
			}
			clock.Shift(month + 2*time.Hour) // somebody sets it
			s.ticks(t)
			s.gets(t, "+447911123456", clock.Now())
			s.ticks(t)
			if got := s.ClockDoubt(); !got.IsZero() {
				t.Errorf("after it was set: %s", got.Words())
			}
		})
	}
}

// A doubt is told to other processes, by the log, and after a while by mail; its end too.
func TestADoubtOfTheClockIsTold(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	clock := NewSteppedClock(clockNoon)
	dir := t.TempDir()
	s, err := Create(t.Context(), dir, slog.New(slog.NewTextHandler(&log, nil)), clock.Option())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	beside, err := Open(t.Context(), dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer beside.Close()
	alarms := func() string {
		open, err := s.Alarms(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, a := range open {
			all = append(all, string(a.Condition.Code))
		}
		return strings.Join(all, " ")
	}
	s.ticks(t)
	if problem := beside.ClockProblem(); problem != "" {
		t.Errorf("another process says %s", problem)
	}
	clock.Shift(-48 * time.Hour)
	s.ticks(t)
	if status, err := beside.Status(t.Context()); err != nil || !strings.Contains(status, "clock        PROBLEM: this computer's clock is 48h behind") {
		t.Errorf("another process: %v\n%s", err, status)
	}
	if h := beside.CheckClock(); h.OK || !strings.Contains(h.Text, "48h behind") {
		t.Errorf("the doctor says %+v", h)
	}
	if got := alarms(); got != "" {
		t.Errorf("at once there is the alarm %s", got)
	}
	clock.Pass(5*time.Minute - time.Second)
	s.ticks(t)
	if got := alarms(); got != "" {
		t.Errorf("before five minutes are over there is the alarm %s", got)
	}
	clock.Pass(time.Second)
	s.ticks(t)
	if got := alarms(); got != "clock-behind" {
		t.Errorf("after a while the alarms are %q", got)
	}
	if _, err := s.TrustClock(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.ticks(t)
	if problem := beside.ClockProblem(); problem != "" {
		t.Errorf("at last another process says %s", problem)
	}
	if got := alarms(); got != "" {
		t.Errorf("at last there is the alarm %s", got)
	}
	s.Close()
	for _, want := range []string{"the clock is not believed", "behind the latest time", "the clock is believed again"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %q:\n%s", want, log.String())
		}
	}
}

// What a command beside the service says of the clock is in force in the service at once.
func TestAPersonsWordReachesTheService(t *testing.T) {
	t.Parallel()
	dir, clock := t.TempDir(), NewSteppedClock(clockNoon)
	s := box(t, dir, clock)
	s.ticks(t)
	clock.Shift(-48 * time.Hour)
	s.ticks(t)
	beside, err := Open(t.Context(), dir, slog.New(slog.DiscardHandler), clock.Option())
	if err != nil {
		t.Fatal(err)
	}
	defer beside.Close()
	bell := s.Subscribe(Outgoing)
	defer bell.Close()
	if _, err := beside.TrustClock(t.Context()); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); !s.ClockTrusted(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the service still says %s", s.ClockProblem())
		}
	}
	if got := s.stamp(); !got.Equal(clock.Now()) {
		t.Errorf("rows are dated %v, and it is %v", got, clock.Now())
	}
	beside.Close()
	s.Close()
	if again := box(t, dir, clock); !again.ClockTrusted() {
		t.Errorf("after the next start: %s", again.ClockProblem())
	}
}

// No column in which a time can be is forgotten: each column of integers is named here or in moments.
func TestAClockThatWasAheadLeavesNoPoison(t *testing.T) {
	t.Parallel()
	const noMoments = `alarms: id | app_passwords: id user_id | conversations: user_id delivery | counters: value |
		deliveries: id message_id user_id sender line bulk ahead behind due expires attempts retries pending doubtful ref notice held |
		errands: id | front: id | health: ok | incoming: id class pid port completes replaces sent user_id cut objects told_with |
		incoming_segments: id ref total seq data port sent kept repeats incoming_id open |
		mails: id user_id incoming_id message_id alarm_id over attempts retries held doubts waited | message_parts: message_id part |
		messages: id user_id answer over_most over_monthly | modems: signal | pins: state | proofs: |
		reports: id mr status segment_id | segments: id delivery_id part mr | service_clients: user_id answers |
		sessions: id user_id | sims: swept | told: mail_id delivery_id | traffic: id user_id delivery_id incoming_id mail_id |
		restored: id delivery incoming segment mails counted | usage: day segments | user_usage: user_id day segments notices | users: id admin disabled expires`
	known := map[string]bool{}
	for line := range strings.SplitSeq(noMoments, "|") {
		table, columns, _ := strings.Cut(strings.TrimSpace(line), ":")
		for _, column := range strings.Fields(columns) {
			known[table+"."+column] = true
		}
	}
	clock := NewSteppedClock(clockNoon)
	s := box(t, t.TempDir(), clock)
	type column struct{ table, name string }
	columns, err := list(t.Context(), s, func(r scanner) (c column, err error) { return c, r.Scan(&c.table, &c.name) },
		`SELECT t.name, c.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c WHERE t.type = 'table' AND c.type = 'INTEGER' AND t.name NOT LIKE 'sqlite_%' ORDER BY 1, 2`)
	if err != nil || len(columns) < 100 {
		t.Fatal(len(columns), err)
	}
	moment := map[column]bool{}
	for table, names := range moments {
		for _, name := range names {
			moment[column{table, name}] = true
		}
	}
	for _, c := range columns {
		if moment[c] == known[c.table+"."+c.name] {
			t.Errorf("is %s.%s a time at which something happened? Then lowerMark must put it right (moments); else this test must say that it is none", c.table, c.name)
		}
		delete(moment, c)
	}
	for c := range moment {
		t.Errorf("there is no column %s.%s", c.table, c.name)
	}
	// What the columns hold that are in moments is put right; so are the dates in counters.
	ahead := 3653 * day
	early, late := ms(clockNoon)-5000, ms(clockNoon.Add(ahead))-7000
	err = s.write(t.Context(), func(tx *tx) error {
		for _, statement := range []string{
			`INSERT INTO alarms (kind, about, text, raised, cleared) VALUES ('a', 'b', 'c', ?1, ?2)`,
			`INSERT INTO traffic (at, event, number, detail) VALUES (?1, '', '', ''), (?2, '', '', '')`,
			`INSERT INTO counters (name, value) VALUES ('service', ?2), ('service/x', ?2), ('named/x', ?2), ('radio', ?1), ('other', ?2)`,
			`INSERT INTO sims (id, iccid, swept, balance, asked, met) VALUES ('x', '', 0, '', ?2, ?1)`,
		} {
			if _, err := tx.exec(statement, early, late); err != nil {
				return err
			}
		}
		if err := tx.lowerMark(ahead); err != nil {
			return err
		}
		times := func(query string) (text string) {
			if err := tx.row(query, nil, &text); err != nil {
				t.Error(err)
			}
			return text
		}
		right := ms(clockNoon) - 7000
		for query, want := range map[string]string{
			`SELECT raised || ' ' || cleared FROM alarms`:           fmt.Sprint(early, " ", right),
			`SELECT group_concat(at, ' ' ORDER BY id) FROM traffic`: fmt.Sprint(early, " ", right),
			`SELECT asked || ' ' || met FROM sims`:                  fmt.Sprint(right, " ", early),
			`SELECT group_concat(value, ' ' ORDER BY name) FROM counters WHERE name IN ('radio', 'service', 'service/x', 'named/x')`: fmt.Sprint(right, " ", early, " ", right, " ", right),
			`SELECT value || '' FROM counters WHERE name = 'other'`:                                                                  fmt.Sprint(late),
		} {
			if got := times(query); got != want {
				t.Errorf("%s: %s, want %s", query, got, want)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Where the clock is not believed, a mail is dated as the text that it carries.
func TestAMailCarriesTheTextsOwnTime(t *testing.T) {
	t.Parallel()
	dated := clockNoon.Add(90 * time.Second)
	for _, c := range []struct {
		name  string
		shift time.Duration
		want  time.Time
	}{
		{"the clock is believed", 0, clockNoon},
		{"the clock is not believed", -48 * time.Hour, dated},
	} {
		t.Run(c.name, func(t *testing.T) {
			clock := NewSteppedClock(clockNoon)
			s := box(t, t.TempDir(), clock)
			ann, err := s.AddUser(t.Context(), User{Login: "ann", Mail: "ann@example.org"}, "secret of ann")
			if err != nil {
				t.Fatal(err)
			}
			s.ticks(t)
			clock.Shift(c.shift)
			s.gets(t, "+447911123456", dated)
			in, err := s.Unrouted(t.Context())
			if err != nil || len(in) != 1 {
				t.Fatal(in, err)
			}
			if err := s.Mailed(t.Context(), in[0].ID, ann.ID); err != nil {
				t.Fatal(err)
			}
			m, err := s.ClaimMail(t.Context())
			if err != nil || m == nil || !m.Created.Equal(c.want) {
				t.Errorf("the mail is %+v, %v; want it of %v", m, err, c.want)
			}
		})
	}
}
