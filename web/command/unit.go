package command

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"omsbox/store"
)

// unit is the text of the service's systemd unit.
//
// The service is its own user with one privilege, to open ports below 1024. What is not here is not
// here on purpose: PrivateDevices and a DevicePolicy would take the serial ports away, whose drivers
// are too many to name; ProtectClock would take adjtimex, which tells whether a time server has set
// the clock; SystemCallArchitectures=native would end a program for 32 bits on a Raspberry Pi whose
// system has 64, which otherwise runs; and time-sync.target is not awaited, since without Internet
// it never comes, and omsbox knows a clock that it cannot trust.
func unit(p plan, groups []string) (string, error) {
	var line strings.Builder
	for i, arg := range append([]string{p.program, "serve"}, p.args...) {
		word, err := quote(arg)
		if err != nil {
			return "", err
		}
		if i > 0 {
			line.WriteByte(' ')
		}
		line.WriteString(word)
	}
	var own strings.Builder
	if len(groups) > 0 {
		fmt.Fprintf(&own, "SupplementaryGroups=%s\n", strings.Join(groups, " "))
	}
	mounts := ""
	if p.data == store.SystemData() {
		own.WriteString("StateDirectory=" + name + "\nStateDirectoryMode=0700\n")
	} else {
		path, err := quote(p.data)
		if err != nil {
			return "", err
		}
		path = strings.ReplaceAll(path, "$$", "$") // variables mean nothing in a path
		own.WriteString("ReadWritePaths=" + path + "\n")
		mounts = "RequiresMountsFor=" + path + "\n"
	}
	return `# Written by "omsbox install", which replaces it. Changes of your own belong into a file
# of their own, which "sudo systemctl edit omsbox" opens.
[Unit]
Description=omsbox, a texting appliance
Wants=network-online.target
After=network-online.target
` + mounts + `StartLimitIntervalSec=0

[Service]
Type=exec
` + start + line.String() + `
User=` + name + `
Group=` + name + `
` + own.String() + `Restart=always
RestartSec=5
TimeoutStopSec=60
UMask=0077

# Ports below 1024, and nothing else of what root may do.
AmbientCapabilities=CAP_NET_BIND_SERVICE
CapabilityBoundingSet=CAP_NET_BIND_SERVICE
NoNewPrivileges=yes

ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallFilter=@system-service @clock
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
`, nil
}

// start begins the line of a unit that says what is started.
const start = "ExecStart="

// quote writes an argument as ExecStart= has it: systemd.service(5), "Command lines", and
// systemd.unit(5), "Specifiers".
func quote(arg string) (string, error) {
	if !utf8.ValidString(arg) || strings.ContainsFunc(arg, unicode.IsControl) {
		return "", fmt.Errorf("%q holds characters that a service cannot be started with", arg)
	}
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:@,=+"
	if arg != "" && strings.Trim(arg, plain) == "" {
		return arg, nil
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `%`, `%%`, `$`, `$$`).Replace(arg) + `"`, nil
}

var errUnit = errors.New("how it is started was changed by hand")

// flagsOf returns the flags of serve that a unit starts the service with.
func flagsOf(text string) ([]string, error) {
	for line := range strings.Lines(text) {
		rest, ok := strings.CutPrefix(strings.TrimRight(line, "\r\n"), start)
		if !ok {
			continue
		}
		words, err := unquote(rest)
		if err != nil || len(words) < 2 || words[1] != "serve" {
			return nil, errUnit
		}
		return words[2:], nil
	}
	return nil, errUnit
}

// unquote reads what quote wrote, word by word.
func unquote(line string) (words []string, err error) {
	for line = strings.TrimLeft(line, " "); line != ""; line = strings.TrimLeft(line, " ") {
		var word strings.Builder
		quoted := line[0] == '"'
		if quoted {
			line = line[1:]
		}
		ended := false
		for line != "" && !ended {
			c := line[0]
			line = line[1:]
			switch {
			case c == '"' && quoted && (line == "" || line[0] == ' '), c == ' ' && !quoted:
				ended = true
			case quoted && line != "" && (c == line[0] && strings.IndexByte(`\%$`, c) >= 0 || c == '\\' && line[0] == '"'):
				word.WriteByte(line[0])
				line = line[1:]
			case strings.IndexByte(`"\%$`, c) >= 0, c == '\'' && !quoted:
				return nil, errUnit // systemd would read it in its own way
			default:
				word.WriteByte(c)
			}
		}
		if quoted && !ended {
			return nil, errUnit
		}
		words = append(words, word.String())
	}
	return words, nil
}
