package command

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/kardianos/service"

	"omsbox/store"
)

// library starts services on what systems there are beside systemd: Windows, launchd, OpenRC and others.
type library struct{}

func otherSystem() (system, error) {
	if service.ChosenSystem() == nil {
		return nil, errors.New("this computer has nothing that starts services, or nothing that omsbox knows: have " +
			"`omsbox serve` started in whatever way it starts other programs")
	}
	return library{}, nil
}

func (l library) service(p plan) (service.Service, error) {
	args := append([]string{"serve"}, p.args...)
	if dataOf(p.args) == store.SystemData() {
		args = append(args, "-data="+p.data) // which no other system tells, as systemd does
	}
	return service.New(nothing{}, &service.Config{
		Name:             name,
		DisplayName:      name,
		Description:      "Texting appliance: texts from Outlook, mail and browser through a modem",
		Executable:       p.program,
		Arguments:        args,
		UserName:         serviceUser,
		WorkingDirectory: p.data,
		Option: service.KeyValue{
			// The library's own names; each system takes those that it knows.
			"OnFailure": "restart", "OnFailureDelayDuration": "5s", "OnFailureResetPeriod": 24 * 60 * 60, // Windows
			"RunAtLoad": true, "KeepAlive": true, // launchd
		},
	})
}

// nothing is the program to a service that is only looked after here, and run elsewhere.
type nothing struct{}

func (nothing) Start(service.Service) error { return nil }
func (nothing) Stop(service.Service) error  { return nil }

func (l library) install(_ context.Context, p plan, say func(what, text string)) error {
	s, err := l.service(p)
	if err != nil {
		return err
	}
	if _, err := remove(s); err != nil { // what is in use, Windows does not let replace
		return err
	}
	if err := place(p.program, say); err != nil {
		return err
	}
	if err := os.MkdirAll(p.data, 0o700); err != nil {
		return err
	}
	if err := giveData(p.data); err != nil {
		return err
	}
	say("data", p.data)
	if err := s.Install(); err != nil {
		return err
	}
	if err := openFirewall(p.program); err != nil {
		say("firewall", "no rule could be made, so other computers may not reach this one: "+err.Error())
	}
	say("service", s.Platform()+": "+name+", which runs as "+serviceUserWords)
	return s.Start()
}

// remove stops a service and removes it, and says whether it was there.
func remove(s service.Service) (found bool, err error) {
	status, err := s.Status()
	if errors.Is(err, service.ErrNotInstalled) {
		return false, nil
	}
	if err == nil && status == service.StatusRunning {
		if err := s.Stop(); err != nil {
			return true, err
		}
	}
	err = s.Uninstall()
	if errors.Is(err, fs.ErrNotExist) { // not all systems tell by the status that it is not installed
		return false, nil
	}
	return true, err
}

// failing: other systems keep what a service said last, each in a place of its own.
func (l library) failing(context.Context, time.Time) (string, bool) {
	return "(see " + l.log() + ")", false
}

func (l library) uninstall(_ context.Context, program string, say func(what, text string)) error {
	s, err := l.service(plan{program: program, data: store.SystemData()})
	if err != nil {
		return err
	}
	found, err := remove(s)
	if err != nil {
		return err
	}
	if found {
		say("service", "stopped and removed")
	}
	if err := closeFirewall(); err != nil {
		say("firewall", "its rule could not be removed: "+err.Error())
	}
	err = removeProgram(program)
	if err == nil {
		say("program", program+" removed")
	} else if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return err
}

// forget: the service has no user of its own here.
func (l library) forget(context.Context) error { return nil }
