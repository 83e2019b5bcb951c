package store

import (
	"errors"
	"fmt"
)

var (
	// ErrLocked: another process serves from the data directory.
	ErrLocked = errors.New("the data directory is in use")
	// ErrNoDatabase: the data directory holds no database yet.
	ErrNoDatabase = errors.New("no omsbox database")
	// ErrEmpty: the file of the database is there and holds nothing.
	ErrEmpty = errors.New("the database is empty")
	// ErrForeign: the file of the database is another program's.
	ErrForeign = errors.New("not a database of omsbox")
	// ErrStorage: the disk or the database refuses what is to be stored. Nothing of it is stored.
	ErrStorage = errors.New("nothing can be stored")
	// ErrNewer: the database was written by a newer omsbox.
	ErrNewer = errors.New("the database is newer than this program")
	// ErrClosed: the store was closed before the change could be made.
	ErrClosed = errors.New("the store is closed")
	// ErrNotFound: there is no such record.
	ErrNotFound = errors.New("not found")
	// ErrSeveral: several records fit, and none is guessed.
	ErrSeveral = errors.New("several fit")
	// ErrCredentials: no such user, or not that user's password; which of them is not told.
	ErrCredentials = errors.New("unknown user or wrong password")
	// ErrDisabled: the password is right but the account was disabled.
	ErrDisabled = errors.New("the account is disabled")
	// ErrExpired: the password is right but the account's time is over. It is an ErrDisabled.
	ErrExpired = fmt.Errorf("%w: it has expired", ErrDisabled)
	// ErrAppPassword: the password is right, but an administrator's own is for the pages alone.
	ErrAppPassword = errors.New("an administrator's programs sign in with an app password")
	// ErrBusy: too many sign-ins wait already; the same may work in a moment.
	ErrBusy = errors.New("too many sign-ins at once, try again in a moment")
	// ErrNotices: the user has had as many reminders and rule notifications sent today as may be (oms.notices).
	ErrNotices = errors.New("the limit of notifications for today is reached")
	// ErrNumber: not a phone number that a text can be sent to.
	ErrNumber = errors.New("not a phone number")
	// ErrDenied: a phone number that no text may be sent to. See Denied.
	ErrDenied = errors.New("no text is sent to that number")
	// ErrTaken: the name is that of another.
	ErrTaken = errors.New("the name is taken")
	// ErrInvalid: a value that a record or a setting cannot have.
	ErrInvalid = errors.New("invalid")
)
