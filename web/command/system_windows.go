package command

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/kardianos/service"
	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc/mgr"
)

// The service is LocalService, which has less rights than most: Windows lets everybody open serial
// ports and listen on any TCP port, so it needs no more.
const (
	serviceUser      = `NT AUTHORITY\LocalService`
	serviceUserWords = "LocalService"
)

// privileged says whether this process has an administrator's rights.
func privileged() bool { return windows.GetCurrentProcessToken().IsElevated() }

// isHome says whether a directory is somebody's profile.
func isHome(dir string) bool {
	public := os.Getenv("PUBLIC") // C:\Users\Public
	return public != "" && strings.EqualFold(filepath.Dir(dir), filepath.Dir(public))
}

func (library) program() string {
	return filepath.Join(cmp.Or(os.Getenv("ProgramFiles"), `C:\Program Files`), name, name+".exe")
}

func (library) log() string { return "the Event Viewer: Windows Logs, Application, source " + name }

func (library) restart() string { return "net start " + name }

// installed reads what the service is started with.
func (library) installed() ([]string, error) {
	manager, err := mgr.Connect()
	if err != nil {
		return nil, err
	}
	defer manager.Disconnect()
	s, err := manager.OpenService(name)
	if errors.Is(err, windows.ERROR_SERVICE_DOES_NOT_EXIST) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer s.Close()
	config, err := s.Config()
	if err != nil {
		return nil, err
	}
	words, err := windows.DecomposeCommandLine(config.BinaryPathName)
	if err != nil || len(words) < 2 || words[1] != "serve" {
		return nil, errUnit
	}
	return words[2:], nil
}

// giveData lets the service, the system and administrators use the data directory, and nobody else:
// what lies in ProgramData, all users may read otherwise.
func giveData(dir string) error {
	// Security Descriptor Definition Language: inherited by all in it (OICI); FA is full access, and
	// 0x1301bf to read, write and delete.
	sd, err := windows.SecurityDescriptorFromString("D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;0x1301bf;;;LS)")
	if err != nil {
		return err
	}
	list, _, err := sd.DACL()
	if err != nil {
		return err
	}
	return windows.SetNamedSecurityInfo(dir, windows.SE_FILE_OBJECT,
		windows.DACL_SECURITY_INFORMATION|windows.PROTECTED_DACL_SECURITY_INFORMATION, nil, nil, list, nil)
}

// openFirewall lets other computers reach the program: Windows asks nobody when a service listens.
func openFirewall(program string) error {
	if err := closeFirewall(); err != nil && !errors.As(err, new(*exec.ExitError)) { // there was none
		return err
	}
	return netsh("add", "rule", "name="+name, "dir=in", "action=allow", "protocol=TCP", "program="+program)
}

func closeFirewall() error { return netsh("delete", "rule", "name="+name) }

func netsh(verb string, args ...string) error {
	out, err := exec.Command("netsh", append([]string{"advfirewall", "firewall", verb}, args...)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("netsh: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

// removeProgram removes the program. If it is this very one, Windows does so at its next start.
func removeProgram(path string) error {
	err := os.Remove(path)
	if err == nil || errors.Is(err, os.ErrNotExist) {
		return err
	}
	from, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return err
	}
	return windows.MoveFileEx(from, nil, windows.MOVEFILE_DELAY_UNTIL_REBOOT)
}

// Serve runs the appliance until ctx ends. Where the Service Control Manager started this program,
// it answers that one, and what would be said on standard error goes to the event log.
func Serve(ctx context.Context, run func(context.Context) error) error {
	if service.Interactive() {
		return run(ctx)
	}
	p := &program{run: run}
	p.ctx, p.cancel = context.WithCancel(ctx)
	s, err := service.New(p, &service.Config{Name: name})
	if err != nil {
		return err
	}
	log, err := s.SystemLogger(nil)
	if err != nil {
		return err
	}
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	p.log, os.Stderr = log, write
	go func() { // it ends with the process, as its last words are awaited by nobody else
		for lines := bufio.NewReaderSize(read, 16<<10); ; {
			part, err := lines.ReadSlice('\n') // of a longer line, a part at a time: who writes must never wait
			line := strings.TrimRight(string(part), "\r\n")
			switch {
			case line == "":
			case strings.Contains(line, "level=ERROR"):
				log.Error(line)
			case strings.Contains(line, "level=WARN"):
				log.Warning(line)
			default:
				log.Info(line)
			}
			if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
				return
			}
		}
	}()
	return s.Run()
}

// program is the appliance as the Service Control Manager sees it.
type program struct {
	run    func(context.Context) error
	log    service.Logger
	ctx    context.Context
	cancel context.CancelFunc
	done   chan struct{}
}

func (p *program) Start(service.Service) error {
	p.done = make(chan struct{})
	go func() {
		defer close(p.done)
		if err := p.run(p.ctx); err != nil && p.ctx.Err() == nil {
			p.log.Error(err)
			// Only who ends without a word to the Service Control Manager is started again.
			os.Exit(1)
		}
	}()
	return nil
}

func (p *program) Stop(service.Service) error {
	p.cancel()
	<-p.done
	return nil
}
