package store

import (
	"database/sql"
	"errors"
)

// The texts of one sender to one recipient leave in their order: each is behind the one before it
// until that is settled, also where that waits for another try. What is scheduled joins when its
// time has come.

// lastTo returns the last delivery of a sender to a recipient that is not settled, 0 where all are.
func (t *tx) lastTo(sender int64, number string) (id int64, err error) {
	err = t.row(`SELECT id FROM deliveries WHERE sender = ? AND recipient = ? AND settled IS NULL AND state <> 'scheduled' AND behind = 0 LIMIT 1`,
		[]any{sender, number}, &id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return id, err
}

// follow puts a delivery behind another one.
func (t *tx) follow(id, ahead int64) error {
	_, err := t.exec(`UPDATE deliveries SET behind = ? WHERE id = ?`, id, ahead)
	return err
}

// leaveChain lets go of the one behind a delivery: it stands in line now, or is behind the one that
// this one was behind.
func (t *tx) leaveChain(d *parcel) error {
	if d.ahead != 0 {
		_, err := t.exec(`UPDATE deliveries SET ahead = 0, behind = 0 WHERE id = ?`, d.id)
		if err == nil {
			_, err = t.exec(`UPDATE deliveries SET behind = ? WHERE id = ?`, d.behind, d.ahead)
		}
		if err != nil {
			return err
		}
	}
	if d.behind == 0 {
		return nil
	}
	var l lane
	var due, expires int64
	err := t.row(`UPDATE deliveries SET ahead = ?1, line = iif(?1 = 0, 1 + bulk, NULL) WHERE id = ?2 RETURNING 1 + bulk, route, sender, due, expires`,
		[]any{d.ahead, d.behind}, &l.line, &l.route, &l.sender, &due, &expires)
	if err != nil {
		return err
	}
	if d.ahead == 0 {
		t.enters(l, due, expires)
		t.ring(Outgoing)
	}
	d.ahead, d.behind = 0, 0
	return nil
}

// ripen queues what was scheduled: its time has come.
func (t *tx) ripen(d *parcel) error {
	ahead, err := t.lastTo(d.sender, d.number)
	if err != nil {
		return err
	}
	if ahead != 0 {
		d.ahead = ahead
		err = t.follow(d.id, ahead)
	} else {
		d.line = d.own()
	}
	if err != nil {
		return err
	}
	if _, err := t.exec(`UPDATE deliveries SET line = nullif(?, -1), ahead = ? WHERE id = ?`, d.line, d.ahead, d.id); err != nil {
		return err
	}
	if d.line >= 0 {
		t.enters(d.lane(), d.due, d.expires)
	}
	return t.become(d, Queued, "")
}
