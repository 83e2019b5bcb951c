package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// comment says in /etc/passwd whose user it is: one that install made.
const comment = "texting appliance"

// account is the user that the service runs as.
type account struct {
	uid, gid int
	made     bool // now
}

func (u account) words(groups []string) string {
	text := name + ", as it was"
	if u.made {
		text = name + ", made for the service"
	}
	if len(groups) == 0 {
		return text + "; this computer knows no group for serial ports, so a modem may be out of its reach"
	}
	return text + "; may use serial ports (" + strings.Join(groups, ", ") + ")"
}

// serialGroups are the groups that own this computer's serial ports, and those that usually do:
// dialout on Debian and Fedora, uucp on Arch.
func serialGroups(dev string) []string {
	var groups []string
	add := func(g *user.Group, err error) {
		// root may do all anyway, and whoever is in tty may write on everybody's terminal.
		if err == nil && g.Gid != "0" && g.Name != "tty" && !slices.Contains(groups, g.Name) {
			groups = append(groups, g.Name)
		}
	}
	for _, usual := range []string{"dialout", "uucp"} {
		add(user.LookupGroup(usual))
	}
	for _, pattern := range []string{"ttyUSB*", "ttyACM*", "ttyAMA*", "ttyS*"} {
		ports, _ := filepath.Glob(filepath.Join(dev, pattern)) // the pattern is right
		for _, port := range ports {
			info, err := os.Stat(port)
			if err != nil {
				continue
			}
			if stat, ok := info.Sys().(*syscall.Stat_t); ok && info.Mode().Perm()&0o060 == 0o060 {
				add(user.LookupGroupId(strconv.Itoa(int(stat.Gid))))
			}
		}
	}
	return groups
}

// makeAccount makes the user and its group, where they are not there, and puts it into groups.
func makeAccount(ctx context.Context, home string, groups []string) (account, error) {
	var u account
	_, err := user.Lookup(name)
	var unknown user.UnknownUserError
	switch {
	case errors.As(err, &unknown):
		u.made = true
		err = addUser(ctx, home, groups)
	case err == nil && len(groups) > 0:
		err = joinGroups(ctx, groups)
	}
	if err != nil {
		return u, err
	}
	entry, err := user.Lookup(name)
	if err != nil {
		return u, err
	}
	group, err := user.LookupGroup(name)
	if err != nil {
		return u, fmt.Errorf("%w: the user %s, who was there before, has no group of that name: sudo groupadd --system %s", err, name, name)
	}
	if u.uid, err = strconv.Atoi(entry.Uid); err != nil {
		return u, err
	}
	u.gid, err = strconv.Atoi(group.Gid)
	return u, err
}

// addUser makes a system user that nobody can sign in as.
func addUser(ctx context.Context, home string, groups []string) error {
	shell := "/bin/false"
	for _, path := range []string{"/usr/sbin/nologin", "/sbin/nologin", "/usr/bin/nologin"} {
		if _, err := os.Stat(path); err == nil {
			shell = path
			break
		}
	}
	_, err := user.LookupGroup(name)
	grouped := err == nil
	if _, err := exec.LookPath("useradd"); err == nil {
		args := []string{"--system", "--home-dir", home, "--no-create-home", "--shell", shell, "--comment", comment, "--user-group", name}
		if grouped {
			args[len(args)-2] = "--gid=" + name
		}
		if len(groups) > 0 {
			args = append([]string{"--groups", strings.Join(groups, ",")}, args...)
		}
		return run(ctx, "useradd", args...)
	}
	if !grouped { // BusyBox
		if err := run(ctx, "addgroup", "-S", name); err != nil {
			return err
		}
	}
	if err := run(ctx, "adduser", "-S", "-D", "-H", "-h", home, "-s", shell, "-g", comment, "-G", name, name); err != nil {
		return err
	}
	return joinGroups(ctx, groups)
}

// joinGroups puts the user into groups, so that it has them outside of the service too.
func joinGroups(ctx context.Context, groups []string) error {
	if _, err := exec.LookPath("usermod"); err == nil {
		return run(ctx, "usermod", "--append", "--groups", strings.Join(groups, ","), name)
	}
	for _, g := range groups {
		if err := run(ctx, "addgroup", name, g); err != nil {
			return err
		}
	}
	return nil
}

// forget removes the user, unless it is somebody else's that has the same name.
func (systemd) forget(ctx context.Context) error {
	entry, err := user.Lookup(name)
	if err != nil || entry.Name != comment {
		return nil
	}
	for _, program := range []string{"userdel", "deluser"} {
		if _, err := exec.LookPath(program); err == nil {
			return run(ctx, program, name)
		}
	}
	return nil
}
