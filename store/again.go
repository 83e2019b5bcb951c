package store

// note writes down what the answer to a message says beside what becomes of its deliveries. Most say
// nothing.
func (t *tx) note(r Result) error {
	if r.Over == nil {
		return nil
	}
	_, err := t.exec(`UPDATE messages SET over_most = ?, over_monthly = ? WHERE id = ?`, r.Over.Most, r.Over.Monthly, r.ID)
	return err
}

// again gives a repeated request what the answer said that got lost, whatever the limits
// are by now.
func (t *tx) again(m Message, r *Result) error {
	var over Over
	var queued int
	err := t.row(`SELECT ifnull(over_most, 0), ifnull(over_monthly, 0), (SELECT count(*) FROM deliveries WHERE message_id = m.id)
		FROM messages m WHERE id = ?`, []any{r.ID}, &over.Most, &over.Monthly, &queued)
	if err != nil {
		return err
	}
	if over.Most > 0 && queued < len(m.To) {
		over.To = m.To[queued:] // the last ones are left out
		r.Over = &over
	}
	return nil
}
