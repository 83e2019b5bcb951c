//go:build load

package oms_test

import (
	"crypto/sha256"
	"database/sql"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"omsbox/store"
)

// The load that OMS guidelines part 2 (Performance and Capacity Considerations) have a service tried
// with: users who send one text each 30 minutes, and expect the answer within 3 seconds.
//
//	go test -tags load -run TestLoad ./oms -v                                                a few seconds of each kind
//	go test -tags load -run TestLoad/normal -timeout 13h ./oms -v -args -load.for 12h    as the guidelines want it
var (
	loadFor     = flag.Duration("load.for", 20*time.Second, "how long each kind lasts")
	loadUsers   = flag.Int("load.users", 5000, "how many users there are")
	loadTimes   = flag.Float64("load.times", 100, "how many times the guidelines' load that is")
	loadClients = flag.Int("load.clients", 256, "how many of them may be waiting for an answer at once")
)

const (
	loadEvery  = 30 * time.Minute
	loadAnswer = 3 * time.Second
)

// TestLoad fails where a text is not taken, or an answer takes longer than the guidelines have it.
func TestLoad(t *testing.T) {
	usual := *loadTimes * float64(*loadUsers) / loadEvery.Seconds()
	for _, kind := range []struct {
		name string
		rate func(done float64) float64 // texts a second, when that share of the time is over; 0: as many as go
	}{
		// The response time over a continual period.
		{"normal", func(float64) float64 { return usual }},
		// Business hours: up to three times as much in the middle.
		{"peak", func(done float64) float64 { return usual * (1 + 2*(1-2*max(done-0.5, 0.5-done))) }},
		// A high volume in a very short time.
		{"stress", func(float64) float64 { return 0 }},
	} {
		t.Run(kind.name, func(t *testing.T) { load(t, kind.rate) })
	}
}

// populate adds so many users, each with an app password, and returns what begins a message of each. They are
// written straight into the database: to derive the keys of their own passwords would take minutes.
func (b *box) populate(t *testing.T, n int) []message {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(b.Dir(), store.File)+"?_pragma=busy_timeout(10000)")
	check(t, err)
	defer db.Close()
	tx, err := db.Begin()
	check(t, err)
	users := make([]message, n)
	for i := range users {
		m := &users[i]
		m.login = fmt.Sprint("user", i)
		m.password = strings.NewReplacer("0", "a", "1", "b").Replace(fmt.Sprintf("%020d", i)) // of the letters that app passwords have
		digest := sha256.Sum256([]byte(m.password))
		added, err := tx.Exec(`INSERT INTO users (login, password, phone, mail, alias, admin, disabled, created) SELECT ?1, password, '', '', ?1, 0, 0, 0 FROM users WHERE login = 'myname'`, m.login)
		check(t, err)
		id, err := added.LastInsertId()
		check(t, err)
		_, err = tx.Exec(`INSERT INTO app_passwords (user_id, name, digest, created) VALUES (?, 'Outlook', ?, 0)`, id, digest[:])
		check(t, err)
	}
	check(t, tx.Commit())
	return users
}

func load(t *testing.T, rate func(float64) float64) {
	b := newBox(t)
	users := b.populate(t, *loadUsers)
	server := httptest.NewServer(b.handler)
	defer server.Close()
	type answer struct {
		at, took time.Duration
		err      error
	}
	answers, turns := make(chan answer, *loadClients), make(chan int64)
	start := time.Now()
	var clients sync.WaitGroup
	for range *loadClients {
		l := call(t, server.Listener.Addr().String())
		clients.Go(func() {
			var broken error
			for n := range turns {
				begun := time.Now()
				if broken == nil {
					l.as(users[rand.IntN(len(users))])
					broken = l.send(n)
					answers <- answer{begun.Sub(start), time.Since(begun), broken}
				}
			}
		})
	}
	go func() {
		next := start
		for n := int64(1); time.Since(start) < *loadFor; n++ {
			if r := rate(time.Since(start).Seconds() / loadFor.Seconds()); r > 0 {
				next = next.Add(time.Duration(rand.ExpFloat64() / r * float64(time.Second))) // people do not keep step
				time.Sleep(time.Until(next))
			}
			turns <- n
		}
		close(turns)
		clients.Wait()
		close(answers)
	}()
	const rows = 10
	took := make([][]time.Duration, rows)
	for a := range answers {
		if a.err != nil {
			t.Error(a.err)
		}
		row := min(rows-1, int(a.at*rows / *loadFor))
		took[row] = append(took[row], a.took)
	}
	fmt.Fprintf(os.Stdout, "%8s %10s %10s %10s %10s\n", "from", "texts/s", "median", "p99", "longest")
	for i, row := range took {
		if len(row) == 0 {
			continue
		}
		slices.Sort(row)
		fmt.Fprintf(os.Stdout, "%8v %10.0f %10v %10v %10v\n", (*loadFor * time.Duration(i) / rows).Round(time.Millisecond),
			float64(len(row)*rows)/loadFor.Seconds(),
			row[len(row)/2].Round(time.Microsecond), row[len(row)*99/100].Round(time.Microsecond), row[len(row)-1].Round(time.Microsecond))
		if longest := row[len(row)-1]; longest > loadAnswer {
			t.Errorf("an answer took %v", longest)
		}
	}
}
