package modem_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"omsbox/modem"
	"omsbox/modem/simulator"
)

// No other test runs beside it: a process that is started has, for a moment, all ports of this one open.
func TestAPortThatAnotherProgramHasIsLeftAlone(t *testing.T) {
	b := newBox(t)
	heard := make(chan string, 16)
	b.plug(huawei("1-1.2", answering(t, func(_ line, command string) []string {
		heard <- command
		return []string{"OK"}
	})), "ttyUSB0")
	port, err := os.OpenFile(b.Dev+"/ttyUSB0", os.O_RDWR|unix.O_NOCTTY, 0)
	check(t, err)
	other := exec.Command("sleep", "60")
	other.ExtraFiles = []*os.File{port}
	check(t, other.Start())
	port.Close()
	defer func() {
		other.Process.Kill()
		other.Wait()
	}()
	contains(t, b.detect(), "held by sleep (process ", "No modem was found")
	open, err := b.Opener(b.Dev + "/ttyUSB0")
	check(t, err)
	_, err = open(soon(t))
	var held *modem.HeldError
	if !errors.As(err, &held) || len(held.By) != 1 || held.By[0].PID != other.Process.Pid {
		t.Errorf("opening it gives %v", err)
	}
	select {
	case got := <-heard:
		t.Errorf("it was disturbed by %q", got)
	default:
	}
}

func TestAStickOfWhichAPortIsInUseIsLeftAlone(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	heard := make(chan string, 16)
	port, _ := simulated(t, simulator.Options{})
	b.plug(huawei("1-1.2", answering(t, func(_ line, command string) []string {
		heard <- command
		return []string{"OK"}
	}), port), "ttyUSB0", "ttyUSB1")
	open, err := b.Opener(b.Dev + "/ttyUSB1")
	check(t, err)
	p, err := open(soon(t))
	check(t, err)
	contains(t, b.detect(), "in use by this omsbox", "left alone, since "+b.Dev+"/ttyUSB1 of the same stick is held")
	select {
	case got := <-heard:
		t.Errorf("its other port was disturbed by %q", got)
	default:
	}
	if _, err := open(soon(t)); err == nil || !strings.Contains(err.Error(), "in use by this omsbox already") {
		t.Errorf("opening it twice gives %v", err)
	}
	check(t, p.Close())
	contains(t, b.detect(), "omsbox Simulator")
}

func TestALockFileIsHeeded(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	port, _ := simulated(t, simulator.Options{})
	b.plug(huawei("1-1.2", port), "ttyUSB0")
	b.write("         1", b.Run, "lock/LCK..ttyUSB0") // the first process is always there
	contains(t, b.detect(), "held by ", "(process 1)")
	b.write(" 999999999", b.Run, "lock/LCK..ttyUSB0")
	contains(t, b.detect(), "omsbox Simulator")
}

func TestModemManagerIsNamedWithTheRuleThatFreesTheStick(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	port, _ := simulated(t, simulator.Options{})
	b.plug(huawei("1-1.2", port), "ttyUSB0")
	b.Proc = filepath.Join(filepath.Dir(b.Sys), "proc") // where ModemManager runs, and shows its files to root alone
	b.write("ModemManager", b.Proc, "512", "comm")
	b.write("E:ID_MM_CANDIDATE=1", b.Run, "udev/data/c188:0")
	const rule = `ATTRS{idVendor}=="12d1", ATTRS{idProduct}=="1506", ENV{ID_MM_DEVICE_IGNORE}="1"`
	contains(t, b.detect(), "held by ModemManager", "/etc/udev/rules.d/78-omsbox.rules", rule, "sudo udevadm control --reload", "sudo udevadm trigger",
		"sudo systemctl disable --now ModemManager")
	open, err := b.Opener(b.Dev + "/ttyUSB0")
	check(t, err)
	_, err = open(soon(t))
	if err == nil {
		t.Fatal("a stick of ModemManager's was opened")
	}
	contains(t, err.Error(), "ModemManager", rule)
	if n := len(strings.Replace(err.Error(), b.Dev, "/dev", 1)); n > 300 {
		t.Errorf("too long for a row: %d characters", n)
	}

	b.write("E:ID_MM_CANDIDATE=1\nE:ID_MM_DEVICE_IGNORE=1", b.Run, "udev/data/c188:0")
	contains(t, b.detect(), "omsbox Simulator")
}
