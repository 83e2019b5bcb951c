//go:build !linux

package modem

// Tree is where the system shows its devices: here, in calls of its own.
type Tree struct{}

// SystemTree is the only one there is.
func SystemTree() Tree { return Tree{} }

// Port returns the port that people named by its name.
func (t Tree) Port(device string) (port Port, ok bool) {
	ports, err := t.Ports()
	if err != nil {
		return Port{}, false
	}
	for _, p := range ports {
		if p.Path == device {
			return p, true
		}
	}
	return Port{}, false
}

// tags would be udev's properties of a device.
func (t Tree) tags(string) (tags map[string]string, ok bool) { return nil, false }

// Portless returns nothing: only ports are listed here.
func (t Tree) Portless([]Port) []Portless { return nil }
