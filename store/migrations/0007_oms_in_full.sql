-- The counters 'named/NAME' say of which names there ever was a service, and when the setting services
-- was last changed from or to one with it: the clients of one that is gone are told so.
INSERT INTO counters (name, value) SELECT 'named/' || service, max(created) FROM messages WHERE service <> '' GROUP BY service;
