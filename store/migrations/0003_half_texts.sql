-- What may have arrived in part: a phone waits for the rest under that reference.
CREATE INDEX deliveries_half ON deliveries(recipient, id)
	WHERE ref IS NOT NULL AND (settled IS NULL OR state = 'failed' OR state = 'expired' OR state = 'unconfirmed');
