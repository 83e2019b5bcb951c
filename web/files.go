package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"time"
)

//go:embed static
var staticFiles embed.FS

const filesPath = "/static/"

// files are what pages load: style, script, icon. Their address carries the checksum of all of
// them, so that a browser may keep them for good and still sees a new version at once.
type files struct {
	sum     string
	content map[string][]byte
}

// contentTypes are those of files; the system's own table may be wrong.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	return ""
}

func readFiles(from fs.FS) (files, error) {
	all := files{content: map[string][]byte{}}
	sum := sha256.New()
	entries, err := fs.ReadDir(from, "static")
	if err != nil {
		return files{}, fmt.Errorf("files of the pages: %w", err)
	}
	for _, e := range entries {
		content, err := fs.ReadFile(from, "static/"+e.Name())
		if err != nil {
			return files{}, fmt.Errorf("files of the pages: %w", err)
		}
		if contentType(e.Name()) == "" {
			return files{}, fmt.Errorf("files of the pages: %s is of no known type", e.Name())
		}
		all.content[e.Name()] = content
		fmt.Fprintf(sum, "%s %d\n%s", e.Name(), len(content), content)
	}
	all.sum = hex.EncodeToString(sum.Sum(nil)[:6])
	return all, nil
}

// address returns where a page finds a file. It is the template function "file".
func (f files) address(name string) (string, error) {
	if _, ok := f.content[name]; !ok {
		return "", fmt.Errorf("no file %q", name)
	}
	return filesPath + f.sum + "/" + name, nil
}

func (s *Server) file(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	content, ok := s.files.content[name]
	if !ok || r.PathValue("sum") != s.files.sum {
		s.notFound(w, r)
		return
	}
	w.Header().Set("Content-Type", contentType(name))
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(content))
}
