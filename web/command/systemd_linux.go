package command

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"omsbox/store"
)

const unitFile = "/etc/systemd/system/" + name + ".service"

// thisSystem is systemd where that runs (sd_booted(3)), else what the library knows.
func thisSystem() (system, error) {
	if info, err := os.Lstat("/run/systemd/system"); err == nil && info.IsDir() {
		return systemd{}, nil
	}
	return otherSystem()
}

// systemd starts services on most Linux systems.
type systemd struct{}

func (systemd) program() string { return "/usr/local/bin/" + name }

func (systemd) log() string { return "sudo journalctl -u " + name }

func (systemd) restart() string { return "sudo systemctl restart " + name }

func (systemd) installed() ([]string, error) {
	text, err := os.ReadFile(unitFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return flagsOf(string(text))
}

func (systemd) install(ctx context.Context, p plan, say func(what, text string)) error {
	groups := serialGroups("/dev")
	text, err := unit(p, groups)
	if err != nil {
		return err
	}
	u, err := makeAccount(ctx, p.data, groups)
	if err != nil {
		return err
	}
	say("user", u.words(groups))
	if err := u.give(p.data); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	say("data", p.data)
	if err := u.reach(ctx, p); err != nil {
		os.Remove(p.data) // if nothing was in it yet
		return err
	}
	if err := place(p.program, say); err != nil {
		return err
	}
	if err := replace(unitFile, 0o644, strings.NewReader(text)); err != nil {
		return err
	}
	say("service", unitFile)
	for _, verb := range [][]string{{"daemon-reload"}, {"enable", "--quiet", name}, {"restart", name}} {
		if err := run(ctx, "systemctl", verb...); err != nil {
			return err
		}
	}
	return nil
}

// give makes the data directory and gives all in it to the user of the service: who ran omsbox by
// hand before may have been root. That user may be at work in it meanwhile, so no link is followed,
// and nothing outside of it is reached.
func (u account) give(dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	data, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer data.Close()
	if err := data.Chmod(".", 0o700); err != nil {
		return err
	}
	return fs.WalkDir(data.FS(), ".", func(path string, _ fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && path != "." {
			return nil // a file that came and went: the service that is replaced runs yet
		}
		if err != nil {
			return err
		}
		if err := data.Lchown(path, u.uid, u.gid); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	})
}

// reach sees that the service will be able to use its data directory and the files that it is to read.
func (u account) reach(ctx context.Context, p plan) error {
	may := func(what, path string) bool {
		test := exec.CommandContext(ctx, "test", what, path)
		test.Dir = "/"
		test.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(u.uid), Gid: uint32(u.gid)}}
		var refused *exec.ExitError
		return !errors.As(test.Run(), &refused) // where there is no such program, the service itself will tell
	}
	if !may("-w", p.data) {
		return fmt.Errorf("the user %s cannot get to %s: a directory above it is closed to others. Choose another one "+
			"with -data, or leave -data out", name, p.data)
	}
	for _, path := range p.reads {
		if _, err := os.Stat(path); err != nil {
			return fmt.Errorf("-cert or -key: %w", err)
		}
		if !may("-r", path) {
			return fmt.Errorf("the user %s, whom the service runs as, may not read %s: let it, such as with: sudo setfacl "+
				"-m u:%s:r %s (and :x for the directories above it), or have who renews it put a copy where %s may read it",
				name, path, name, store.Quoted(path), name)
		}
	}
	return nil
}

// failing looks whether systemd waits to start the service again.
func (systemd) failing(ctx context.Context, since time.Time) (string, bool) {
	out, err := exec.CommandContext(ctx, "systemctl", "show", "--property=ActiveState,SubState", name).Output()
	state := string(out)
	last, _ := exec.CommandContext(ctx, "journalctl", "--unit="+name, "--since=@"+strconv.FormatInt(since.Unix(), 10),
		"--lines=8", "--output=cat", "--no-pager").Output()
	failed := err == nil && (strings.Contains(state, "SubState=auto-restart") || strings.Contains(state, "ActiveState=failed"))
	return strings.TrimSpace(string(last)), failed
}

func (systemd) uninstall(ctx context.Context, program string, say func(what, text string)) error {
	if _, err := os.Stat(unitFile); err == nil {
		if err := run(ctx, "systemctl", "disable", "--quiet", "--now", name); err != nil {
			return err
		}
		if err := os.Remove(unitFile); err != nil {
			return err
		}
		if err := run(ctx, "systemctl", "daemon-reload"); err != nil {
			return err
		}
		exec.CommandContext(ctx, "systemctl", "reset-failed", name).Run() // it complains where nothing had failed
		say("service", "stopped and removed")
	}
	err := os.Remove(program)
	if err == nil {
		say("program", program+" removed")
	} else if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return err
}

// run runs a program of the system; its error is what that one said.
func run(ctx context.Context, program string, args ...string) error {
	out, err := exec.CommandContext(ctx, program, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", program, strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
