package modem_test

import (
	"testing"

	"omsbox/modem/simulator"
)

func TestCheckSaysInShortWhatModemsThereAre(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	look := func(ok bool, want ...string) {
		t.Helper()
		found := b.Check(soon(t))
		if len(found) != 1 || found[0].OK != ok || found[0].Part != "modem" {
			t.Fatalf("got %+v, want one that is ok %v", found, ok)
		}
		contains(t, found[0].Text, want...)
	}
	look(false, "no serial port at all", "omsbox modem detect")
	unplug := b.plug(huawei("1-1.1", silent(t)), "ttyUSB1")
	look(false, "does not answer AT commands")
	unplug()
	port, _ := simulated(t, simulator.Options{IMEI: imei1})
	b.plug(huawei("1-1.2", port), "ttyUSB0")
	look(true, "omsbox Simulator at "+b.Dev+"/ttyUSB0")
}
