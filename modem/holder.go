package modem

import (
	"fmt"
	"strings"
)

// Process is a running program.
type Process struct {
	PID  int
	Name string
}

// HeldError says that a port belongs to another program, and which. Two programs on one port take
// each other's answers, so that neither knows what became of a text: such a port is never used.
type HeldError struct {
	Port Port
	By   []Process // empty where this user may not see it
	// ModemManager is set where that program takes care of this device, whether or not it has the
	// port open at the moment: it opens what it takes care of again and again.
	ModemManager bool
	Self         bool // this process has it open already
}

const modemManager = "ModemManager"

func (e *HeldError) Error() string {
	if e.ModemManager {
		text := e.Port.Path + " is held by ModemManager"
		if !e.has(modemManager) {
			text = e.Port.Path + " is one of those that ModemManager takes care of"
		}
		if e.Port.USB.Vendor == "" {
			return text + ": sudo systemctl disable --now ModemManager"
		}
		return text + ": " + strings.Join(e.commands(), "; ")
	}
	if e.Self {
		return e.Port.Path + " is in use by this omsbox already: name each modem once"
	}
	if len(e.By) == 0 {
		return e.Port.Path + " is held by another program (another omsbox, ModemManager, minicom?): stop that one"
	}
	if e.has("omsbox") {
		return fmt.Sprintf("%s is held by %s: name the modem as `omsbox get status` does, or stop that one", e.Port.Path, e.holders())
	}
	return fmt.Sprintf("%s is held by %s: stop that one", e.Port.Path, e.holders())
}

func (e *HeldError) has(name string) bool {
	for _, p := range e.By {
		if p.Name == name {
			return true
		}
	}
	return false
}

// holders names the programs.
func (e *HeldError) holders() string {
	var names []string
	for _, p := range e.By {
		names = append(names, fmt.Sprintf("%s (process %d)", p.Name, p.PID))
	}
	return strings.Join(names, " and ")
}

// rules is where udev's rule for ModemManager goes: before ModemManager's own 80-mm-candidate.rules.
const rules = "/etc/udev/rules.d/78-omsbox.rules"

// rule has ModemManager leave all devices of this make alone.
func (e *HeldError) rule() string {
	return fmt.Sprintf(`ATTRS{idVendor}=="%s", ATTRS{idProduct}=="%s", ENV{ID_MM_DEVICE_IGNORE}="1"`, e.Port.USB.Vendor, e.Port.USB.ID)
}

// commands are what to type.
func (e *HeldError) commands() []string {
	return []string{
		fmt.Sprintf("echo '%s' | sudo tee -a %s", e.rule(), rules),
		"sudo udevadm control --reload", "sudo udevadm trigger", "sudo systemctl restart ModemManager",
	}
}

// Remedy says at length how the port becomes free.
func (e *HeldError) Remedy() string {
	switch {
	case !e.ModemManager:
		return ""
	case e.Port.USB.Vendor == "":
		return "If nothing else here needs ModemManager:\n  sudo systemctl disable --now ModemManager\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "To have ModemManager leave this device alone, put this line into %s:\n  %s\nand have it heeded:\n", rules, e.rule())
	for _, c := range e.commands()[1:] {
		fmt.Fprintf(&b, "  %s\n", c)
	}
	b.WriteString("Or, if nothing else here needs ModemManager:\n  sudo systemctl disable --now ModemManager\n")
	return b.String()
}
