//go:build unix

package certificate_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"omsbox/store"
	"omsbox/web/certificate"
)

func TestAPipeInTheFilesPlaceIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	pair, dir := publicCA(t).pairFor(t, 60), t.TempDir()
	config := certificate.Config{Mode: certificate.Files, Data: dir, Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
	replace(t, config.Cert, certificatePEM(pair.chain...))
	replace(t, config.Key, pair.keyPEM(t))
	b := startWith(t, dir, time.Now, config)
	b.health(t, func(h store.Health) bool { return h.OK })
	check(t, syscall.Mkfifo(config.Cert+".pipe", 0o600))
	check(t, os.Rename(config.Cert+".pipe", config.Cert))
	b.health(t, func(h store.Health) bool { return !h.OK && strings.Contains(h.Text, config.Cert+" is no file") })
	replace(t, config.Cert, certificatePEM(pair.chain...))
	b.health(t, func(h store.Health) bool { return h.OK })
}
