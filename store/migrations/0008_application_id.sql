-- The database says whose it is: 'omsb', at octets 68 to 71 of the file. The program keeps that number as
-- applicationID, and recognises the databases of earlier schemas, which have 0 there, by their tables.
PRAGMA application_id = 0x6F6D7362;
