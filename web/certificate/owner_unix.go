//go:build unix

package certificate

import (
	"os"
	"syscall"
)

// giveToOwnerOf makes a file in dir, and dir, belong to whom data belongs to, where root made them.
// That user may change what lies there meanwhile, so no link is followed.
func giveToOwnerOf(data *os.Root, dir string, file *os.File) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := data.Stat(".")
	if err != nil {
		return err
	}
	owner := info.Sys().(*syscall.Stat_t)
	if err := data.Lchown(dir, int(owner.Uid), int(owner.Gid)); err != nil {
		return err
	}
	return file.Chown(int(owner.Uid), int(owner.Gid))
}

// syncDir makes the names in a directory below data outlive a power cut.
func syncDir(data *os.Root, dir string) error {
	d, err := data.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
