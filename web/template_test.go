package web

import (
	"strings"
	"testing"
	"testing/fstest"
)

func TestStartFailsIfATemplateIsNotAsDeclared(t *testing.T) {
	t.Parallel()
	whole := func() fstest.MapFS {
		all := fstest.MapFS{"templates/layout.html": {Data: []byte(`<html>{{template "main" .}}</html>`)}}
		for _, name := range pageNames() {
			all["templates/"+name+".html"] = &fstest.MapFile{Data: []byte(`{{define "main"}}` + name + `{{end}}`)}
		}
		return all
	}
	for _, c := range []struct {
		name   string
		change func(fstest.MapFS)
		want   string // in the error; "" for none
	}{
		{"as declared", func(fstest.MapFS) {}, ""},
		{"a page is missing", func(all fstest.MapFS) { delete(all, "templates/home.html") }, "template home.html"},
		{"the layout is missing", func(all fstest.MapFS) { delete(all, "templates/layout.html") }, "template layout.html"},
		{"one is not declared", func(all fstest.MapFS) { all["templates/extra.html"] = &fstest.MapFile{} }, "template extra.html belongs to no page"},
		{"one does not parse", func(all fstest.MapFS) { all["templates/home.html"].Data = []byte(`{{define "main"}}{{if}}`) }, "template home.html"},
		{"one has no content", func(all fstest.MapFS) { all["templates/home.html"].Data = nil }, `template home.html: it defines no "main"`},
		{"an unknown function", func(all fstest.MapFS) { all["templates/home.html"].Data = []byte(`{{define "main"}}{{shout}}{{end}}`) }, "template home.html"},
	} {
		t.Run(c.name, func(t *testing.T) {
			all := whole()
			c.change(all)
			_, err := parseTemplates(all, func(string) (string, error) { return "", nil })
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got error %v, want %q", err, c.want)
			}
		})
	}
}

func TestStartFailsIfAFileIsOfNoKnownType(t *testing.T) {
	t.Parallel()
	_, err := readFiles(fstest.MapFS{"static/notes.txt": {Data: []byte("x")}})
	if err == nil || !strings.Contains(err.Error(), "notes.txt") {
		t.Errorf("got error %v, want one about notes.txt", err)
	}
}

func TestFilesMoveWhenTheyChange(t *testing.T) {
	t.Parallel()
	address := func(css string) string {
		f, err := readFiles(fstest.MapFS{"static/style.css": {Data: []byte(css)}})
		if err != nil {
			t.Fatal(err)
		}
		a, err := f.address("style.css")
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	if a, b := address("a{}"), address("b{}"); a == b || a != address("a{}") {
		t.Errorf("got %s and %s", a, b)
	}
}
