package command

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"omsbox/store"
)

// A backup is a tar archive, in one file: first a manifest, then the files of the data directory, the database
// among them, then the digests of all of these. Without the digests it is cut short. Where it is encrypted, the
// archive is what age (https://age-encryption.org/v1) encrypted to a passphrase: other programs can open it too.
const (
	manifestName = "omsbox-backup.json"
	digestsName  = "omsbox-digests.json"
	ownCert      = "own/cert.pem" // what -cert and -key name
	ownKey       = "own/key.pem"

	archiveFormat = 1
	mostFiles     = 10_000
	longestFile   = 1 << 20 // of any file but the database
)

// copied are the directories of the data directory that a backup has: the box's own CA, and what public CAs gave.
var copied = []string{"ca", "acme"}

// manifest says what a backup is.
type manifest struct {
	Format  int       `json:"format"`
	Made    time.Time `json:"made"`
	Program string    `json:"program"` // version of omsbox
	Flags   []string  `json:"flags"`   // of serve
}

// digest is that of a file in an archive.
type digest struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
}

// archive writes a backup.
type archive struct {
	ctx     context.Context
	to      *tar.Writer
	made    time.Time
	digests []digest
}

func (a *archive) add(name string, size int64, from io.Reader) error {
	at := a.made.Truncate(time.Second)
	if err := a.to.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600, ModTime: at}); err != nil {
		return err
	}
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(a.to, sum), reading{a.ctx, from}); err != nil {
		return err
	}
	a.digests = append(a.digests, digest{name, hex.EncodeToString(sum.Sum(nil))})
	return nil
}

func (a *archive) addText(name string, text []byte) error {
	return a.add(name, int64(len(text)), bytes.NewReader(text))
}

func (a *archive) addJSON(name string, value any) error {
	text, err := json.MarshalIndent(value, "", "\t")
	if err != nil {
		return err
	}
	return a.addText(name, append(text, '\n'))
}

// addTree adds the files below a directory of data. No link is followed: whose directory it is may have put one there.
func (a *archive) addTree(data *os.Root, dir string) error {
	err := fs.WalkDir(data.FS(), dir, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // it came and went, or there never was one
		case err != nil:
			return err
		case entry.IsDir() && name == "acme/locks": // of the service that runs
			return fs.SkipDir
		case entry.IsDir():
			return nil
		case !entry.Type().IsRegular():
			return fmt.Errorf("%s is no regular file: remove it, or put the file itself there", filepath.Join(data.Name(), name))
		}
		text, err := readSmall(data.Open(name))
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if len(a.digests) >= mostFiles {
			return fmt.Errorf("%s holds more than %d files", data.Name(), mostFiles)
		}
		return a.addText(name, text)
	})
	return err
}

// readSmall reads a file that cannot be large.
func readSmall(file *os.File, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, longestFile+1))
	if err == nil && len(text) > longestFile {
		err = fmt.Errorf("%s is larger than %d octets", file.Name(), longestFile)
	}
	return text, err
}

// end writes the digests.
func (a *archive) end() error {
	digests := a.digests
	if err := a.addJSON(digestsName, digests); err != nil {
		return err
	}
	return a.to.Close()
}

// errNoBackup: what was named is none.
var errNoBackup = errors.New("it is no backup of omsbox")

// errCut: a backup is not whole.
var errCut = errors.New("the backup is cut short or damaged: use another one")

// unpacking puts the files of a backup into a directory.
type unpacking struct {
	ctx      context.Context
	from     *tar.Reader
	to       *os.Root
	manifest manifest
	digests  []digest
}

// unpack reads a backup whole. It makes no file but those that a backup has, each once, and no links.
func unpack(ctx context.Context, from io.Reader, to *os.Root) (manifest, error) {
	u := &unpacking{ctx: ctx, from: tar.NewReader(reading{ctx, from}), to: to}
	if err := u.first(); err != nil {
		return manifest{}, err
	}
	for {
		header, err := u.from.Next()
		if err != nil {
			return manifest{}, cutShort(err)
		}
		if header.Name == digestsName {
			break
		}
		if err := u.file(header); err != nil {
			return manifest{}, err
		}
	}
	var want []digest
	err := json.NewDecoder(io.LimitReader(u.from, mostFiles*1000)).Decode(&want)
	if err != nil || !slices.Equal(want, u.digests) {
		return manifest{}, errCut
	}
	// What is encrypted proves at its end that nothing is missing.
	if n, err := io.Copy(io.Discard, io.LimitReader(reading{ctx, from}, 1<<20)); err != nil || n == 1<<20 {
		return manifest{}, cutShort(err)
	}
	return u.manifest, nil
}

// first reads the manifest.
func (u *unpacking) first() error {
	header, err := u.from.Next()
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF) || err != nil && u.ctx.Err() != nil:
		return cutShort(err)
	case err != nil || header.Name != manifestName:
		return errNoBackup
	}
	text, err := io.ReadAll(io.LimitReader(u.from, longestFile))
	if err != nil {
		return cutShort(err)
	}
	if err := json.Unmarshal(text, &u.manifest); err != nil {
		return errNoBackup
	}
	if u.manifest.Format > archiveFormat {
		return fmt.Errorf("the backup was made by a newer omsbox (%s): restore it with that one", u.manifest.Program)
	}
	if u.manifest.Format < 1 || u.manifest.Made.IsZero() {
		return errNoBackup
	}
	sum := sha256.Sum256(text)
	u.digests = append(u.digests, digest{manifestName, hex.EncodeToString(sum[:])})
	return nil
}

// file puts one file in its place.
func (u *unpacking) file(header *tar.Header) error {
	name := header.Name
	switch {
	case header.Typeflag != tar.TypeReg || !isOurs(name):
		return fmt.Errorf("the backup holds %q, which no backup of omsbox has: nothing was restored", name)
	case len(u.digests) > mostFiles:
		return fmt.Errorf("the backup holds more than %d files: nothing was restored", mostFiles)
	case name != store.File && header.Size > longestFile:
		return fmt.Errorf("the backup holds %q with %d octets, which is too large: nothing was restored", name, header.Size)
	case name == store.File:
		if err := store.RoomFor(u.to.Name(), uint64(header.Size)); err != nil {
			return err
		}
	}
	if err := u.to.MkdirAll(path.Dir(name), 0o700); err != nil {
		return err
	}
	file, err := u.to.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(file, sum), u.from)
	if err == nil && n != header.Size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return errors.Join(cutShort(err), file.Close())
	}
	u.digests = append(u.digests, digest{name, hex.EncodeToString(sum.Sum(nil))})
	return errors.Join(file.Sync(), file.Close())
}

// isOurs reports whether a backup may have a file of that name.
func isOurs(name string) bool {
	if name == store.File || name == ownCert || name == ownKey {
		return true
	}
	top, _, below := strings.Cut(name, "/")
	return below && slices.Contains(copied, top) && path.Clean(name) == name && !strings.ContainsAny(name, "\\\x00") &&
		filepath.IsLocal(filepath.FromSlash(name))
}

// cutShort says of what could not be read that the backup is not whole, unless the disk or a person is the reason.
func cutShort(err error) error {
	var trouble *fs.PathError
	if errors.As(err, &trouble) || errors.Is(err, errInterrupted) {
		return err
	}
	return errCut
}

var errInterrupted = errors.New("interrupted: nothing was done")

// reading reads until ctx ends.
type reading struct {
	ctx  context.Context
	from io.Reader
}

func (r reading) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, errInterrupted
	}
	return r.from.Read(p)
}
