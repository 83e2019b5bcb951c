//go:build unix

package dns_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"omsbox/web/dns"
)

// newExec is a provider that calls a shell script with these lines; the script's directory is in $dir.
func newExec(t *testing.T, lines string) (p *dns.Exec, dir string) {
	dir = t.TempDir()
	script := filepath.Join(dir, "hook")
	check(t, os.WriteFile(script, []byte("#!/bin/sh\ndir="+dir+"\n"+lines+"\n"), 0o700))
	provider, err := dns.New("exec " + script)
	check(t, err)
	return provider.(*dns.Exec), dir
}

func TestExecCallsTheProgram(t *testing.T) {
	t.Setenv("OMSBOX_SECRET", "s3cret")
	p, dir := newExec(t, `echo "$@ ${OMSBOX_SECRET-hidden}" >>$dir/calls`)
	_, err := p.AppendRecords(t.Context(), zone, proof(value))
	check(t, err)
	_, err = p.DeleteRecords(t.Context(), zone, proof(value))
	check(t, err)
	got, err := os.ReadFile(filepath.Join(dir, "calls"))
	check(t, err)
	call := " _acme-challenge.sms.example.org " + value + " hidden\n"
	if want := "present" + call + "cleanup" + call; string(got) != want {
		t.Errorf("the program saw\n%swant\n%s", got, want)
	}
}

func TestExecTellsWhatIsWrong(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, lines string
		want        []string
	}{
		{"it fails", "echo the zone is locked >&2; exit 3", []string{"hook: present", "exit status 3", `"the zone is locked"`}},
		{"it says too much", "yes no | head -c 100000; exit 1", []string{"exit status 1", `no\nno\n`, "…"}},
		{"it takes too long", "echo waiting; exec sleep 60", []string{"longer than 100ms", `"waiting"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, _ := newExec(t, c.lines)
			if c.name == "it takes too long" {
				p.Limit = 100 * time.Millisecond
			}
			_, err := p.AppendRecords(t.Context(), zone, proof(value))
			says(t, err, "", c.want...)
			if len(err.Error()) > 500 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
		})
	}
	gone, err := dns.New("exec " + filepath.Join(t.TempDir(), "gone"))
	check(t, err)
	_, err = gone.AppendRecords(t.Context(), zone, proof(value))
	says(t, err, "", "gone: present", "no such file")
}
