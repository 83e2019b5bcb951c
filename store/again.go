package store

// note writes down what the answer to a message says beside what becomes of its deliveries. Most say
// nothing.
func (t *tx) note(r Result) error {
	if r.Over == nil && r.Update.IsZero() {
		return nil
	}
	var over Over
	if r.Over != nil {
		over = *r.Over
	}
	_, err := t.exec(`UPDATE messages SET over_most = nullif(?, 0), over_monthly = ?, service_update = nullif(?, 0) WHERE id = ?`,
		over.Most, over.Monthly, ms(r.Update), r.ID)
	return err
}

// again gives a repeated request what the answer said that got lost, whatever the limits are by now: it
// is the same answer, so it counts as no other that tells of a change.
func (t *tx) again(m Message, r *Result) error {
	var over Over
	var queued int
	var update, seen int64
	err := t.row(`SELECT ifnull(over_most, 0), ifnull(over_monthly, 0), (SELECT count(*) FROM deliveries WHERE message_id = m.id), ifnull(service_update, 0),
			ifnull((SELECT seen FROM service_clients c WHERE c.user_id = m.user_id AND c.service = m.service), 0)
		FROM messages m WHERE id = ?`, []any{r.ID}, &over.Most, &over.Monthly, &queued, &update, &seen)
	if err != nil {
		return err
	}
	if over.Most > 0 && queued < len(m.To) {
		over.To = m.To[queued:] // the last ones are left out
		r.Over = &over
	}
	if update > seen { // else the client has looked meanwhile
		r.Update = fromMS(update)
	}
	return nil
}
