package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The most that the limits of a service can be set to.
const (
	MostRecipients = 1000
	MostParts      = 100
)

// Limits are what one message may have at most, as a service tells its clients.
type Limits struct {
	Recipients   int
	Parts        int // texts that it is split into
	SummaryParts int // the same of a calendar summary
	SBCS, DBCS   int // characters of a text, as TooLong counts them
	Batch        int // messages that SharePoint may hand over at once

	MMSRecipients int
	MMSSize       int // octets
	MMSSlides     int
}

// Limits returns the limits of a service; "" is that of the box.
func (s *Store) Limits(service string) Limits {
	number := func(key string) int {
		n, _ := strconv.Atoi(s.ServiceSetting(key, service)) // it was checked when it was set
		return n
	}
	size, _ := parseSize(s.ServiceSetting("mms.size", service))
	return Limits{
		Recipients: number("oms.recipients"), Parts: number("oms.parts"), SummaryParts: number("oms.summary-parts"),
		SBCS: number("oms.sbcs"), DBCS: number("oms.dbcs"), Batch: number("oms.batch"),
		MMSRecipients: number("mms.recipients"), MMSSize: size, MMSSlides: number("mms.slides"),
	}
}

// ServiceNames returns what a service is called: for those whose Office speaks the language of its
// market, and for all others.
func (s *Store) ServiceNames(service string) (local, english string) {
	values := *s.values.Load()
	english = s.ServiceSetting("service.name", service)
	local = values["service.local-name/"+strings.ToLower(service)]
	if service == "" || local == "" && values["service.name/"+strings.ToLower(service)] == "" {
		local = s.Setting("service.local-name") // its own name would be less apt in another's language
	}
	return cmp.Or(local, english), english
}

// services is what is kept in memory of the services, beside their settings.
type services struct {
	changed map[string]int64 // when what clients keep of one changed last; under "" that of all
	named   map[string]bool  // that ever were one
	proof   Proof
}

func (s *Store) readServices(ctx context.Context) error {
	type change struct {
		name string
		at   int64
	}
	changes, err := list(ctx, s, func(r scanner) (c change, err error) {
		return c, r.Scan(&c.name, &c.at)
	}, `SELECT substr(name, 9), value FROM counters WHERE name = 'service' OR name LIKE 'service/%'`)
	if err != nil {
		return err
	}
	named, err := list(ctx, s, func(r scanner) (name string, err error) {
		return name, r.Scan(&name)
	}, `SELECT substr(name, 7) FROM counters WHERE name LIKE 'named/%'`)
	if err != nil {
		return err
	}
	known := services{changed: map[string]int64{}, named: map[string]bool{}}
	for _, c := range changes {
		known.changed[c.name] = c.at
	}
	for _, name := range named {
		known.named[name] = true
	}
	if known.proof, err = s.proof(ctx); err != nil {
		return err
	}
	s.services.Store(&known)
	return nil
}

// HasService says whether there is a service of that name, whatever its case; there always is that of
// the box, which is "".
func (s *Store) HasService(name string) bool {
	return name == "" || slices.ContainsFunc(words(s.Setting("services")), func(has string) bool {
		return len(has) == len(name) && strings.EqualFold(has, name) // other letters that fold to a to z are longer
	})
}

// HadService says whether there is a service of that name, or once was: the accounts of its clients
// outlive it, and are to be told.
func (s *Store) HadService(name string) bool {
	return s.HasService(name) || s.services.Load().named[strings.ToLower(name)]
}

// Ended says whether a service takes nothing any more: an administrator closed it (oms.closed), or took it
// out of the setting services. What was queued is sent all the same, and its own settings stay, for
// it to be as it was where it is named again.
func (s *Store) Ended(service string) bool {
	return !s.HasService(service) || s.ServiceSetting("oms.closed", service) == "yes"
}

// name remembers the names of services, those that are and those that the next value of the setting has.
func (t *tx) name(next string) error {
	var now string
	if err := t.row(`SELECT value FROM settings WHERE key = 'services'`, nil, &now); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	for _, name := range words(now + " " + next) {
		if _, err := t.exec(`INSERT INTO counters (name, value) VALUES (?, ?)
			ON CONFLICT (name) DO UPDATE SET value = excluded.value`, "named/"+name, ms(t.now)); err != nil {
			return err
		}
	}
	return nil
}

// Clients keep what GetServiceInfo told them. Once that has changed, the answers to a user's
// messages say so, until the user's client calls GetUserInfo, which it does together with
// GetServiceInfo. OMS guidelines part 3, serviceUpdate

// mostUpdates is how many answers tell of one change: a client may never look.
const mostUpdates = 5

// outdates dates the change of a setting that clients keep, where it is one. name is that in KEY/NAME.
func (t *tx) outdates(k Setting, name, value string) error {
	if !k.Cached {
		return nil
	}
	key := k.Key
	if name != "" {
		key += "/" + name
	} else {
		value = cmp.Or(value, k.Default)
	}
	var before string
	err := t.row(`SELECT value FROM settings WHERE key = ?`, []any{key}, &before)
	if errors.Is(err, sql.ErrNoRows) && name == "" {
		before = k.Default
	} else if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if before == value {
		return nil
	}
	return t.outdate(name)
}

// outdate dates a change of a service; "" of all.
func (t *tx) outdate(service string) error {
	counter := "service"
	if service != "" {
		counter += "/" + service
	}
	_, err := t.exec(`INSERT INTO counters (name, value) VALUES (?, ?)
		ON CONFLICT (name) DO UPDATE SET value = max(value + 1, excluded.value)`, counter, ms(t.now))
	return err
}

// changeOf returns when what clients keep of a service changed last; 0 never.
func (s *Store) changeOf(service string) int64 {
	known := s.services.Load()
	at := max(known.changed[""], known.changed[strings.ToLower(service)])
	if over := known.proof.over(); !over.IsZero() && !s.stamp().Before(over) {
		at = max(at, ms(over)) // nobody wrote that down
	}
	return at
}

// update returns the change of a service that the answer to a message is to tell its user of, and counts
// it as told; zero where there is none.
func (t *tx) update(m Message) (time.Time, error) {
	user, service := m.User, strings.ToLower(m.Service)
	change := t.writer.store.changeOf(service)
	if change == 0 || user == 0 || m.Source != SourceOMS { // no other answer tells of it
		return time.Time{}, nil
	}
	var seen, told int64
	var answers int
	err := t.row(`SELECT seen, told, answers FROM service_clients WHERE user_id = ? AND service = ?`, []any{user, service}, &seen, &told, &answers)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, err
	}
	if seen >= change || told == change && answers >= mostUpdates {
		return time.Time{}, nil
	}
	if told != change {
		answers = 0
	}
	_, err = t.exec(`INSERT INTO service_clients (user_id, service, seen, told, answers) VALUES (?1, ?2, 0, ?3, ?4)
		ON CONFLICT (user_id, service) DO UPDATE SET told = ?3, answers = ?4`, user, service, change, answers+1)
	return fromMS(change), err
}

// SawService records that a user's client has asked what a service is like now.
func (s *Store) SawService(ctx context.Context, user int64, service string) error {
	change := s.changeOf(service)
	if change == 0 {
		return nil
	}
	service = strings.ToLower(service)
	seen, err := one(ctx, s, func(r scanner) (at int64, err error) {
		return at, r.Scan(&at)
	}, `SELECT ifnull(max(seen), 0) FROM service_clients WHERE user_id = ? AND service = ?`, user, service)
	if err != nil || seen >= change {
		return err
	}
	return s.write(ctx, func(t *tx) error {
		_, err := t.exec(`INSERT INTO service_clients (user_id, service, seen, told, answers) VALUES (?1, ?2, ?3, 0, 0)
			ON CONFLICT (user_id, service) DO UPDATE SET seen = max(seen, ?3)`, user, service, change)
		return err
	})
}
