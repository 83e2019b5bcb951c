//go:build unix

package command

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// owner is the user whose data directory it is, and the groups of that user.
type owner struct {
	uid, gid int
	groups   []int
}

// stranger returns the owner of a directory where root runs this process and the directory is another's.
func stranger(dir string) (o owner, ok bool) {
	info, err := os.Stat(dir)
	if err != nil || os.Geteuid() != 0 {
		return o, false // what is wrong with the directory is told by who opens the database
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || stat.Uid == 0 {
		return o, false
	}
	o = owner{uid: int(stat.Uid), gid: int(stat.Gid), groups: []int{int(stat.Gid)}}
	if u, err := user.LookupId(strconv.FormatUint(uint64(stat.Uid), 10)); err == nil {
		ids, _ := u.GroupIds()
		for _, id := range ids {
			if n, err := strconv.Atoi(id); err == nil {
				o.groups = append(o.groups, n)
			}
		}
	}
	return o, true
}

// becomeOwner makes a process of root's one of the user whose data directory that is, for good. What
// that user may put into the directory, a link to another's file for one, is then followed with no
// more rights than he has himself.
func becomeOwner(dir string) error {
	o, is := stranger(dir)
	if !is {
		return nil
	}
	if err := errors.Join(syscall.Setgroups(o.groups), syscall.Setgid(o.gid), syscall.Setuid(o.uid)); err != nil {
		return fmt.Errorf("become the owner of %s: %w", dir, err)
	}
	return nil
}

// AsOwner does what becomeOwner does for as long as do takes: then root goes on, with a file of its own for one.
func AsOwner(dir string, do func() error) (err error) {
	o, is := stranger(dir)
	if !is {
		return do()
	}
	groups, err := os.Getgroups()
	if err != nil {
		return err
	}
	gid := os.Getegid()
	defer func() {
		if back := errors.Join(syscall.Setreuid(-1, 0), syscall.Setregid(-1, gid), syscall.Setgroups(groups)); back != nil {
			err = errors.Join(err, fmt.Errorf("be root again: %w", back))
		}
	}()
	err = errors.Join(syscall.Setgroups(o.groups), syscall.Setregid(-1, o.gid), syscall.Setreuid(-1, o.uid))
	if err != nil {
		return fmt.Errorf("become the owner of %s: %w", dir, err)
	}
	return do()
}
