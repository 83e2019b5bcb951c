package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Per is a kind of things each of which may have a value of its own of a setting, beside the one of
// the whole box.
type Per int

const (
	PerBox     Per = iota // there is one value
	PerSIM                // KEY/IMSI and KEY/ICCID
	PerUser               // KEY/LOGIN
	PerService            // KEY/NAME, with a name of the setting services
)

// String is one of the kind, for people.
func (p Per) String() string { return [...]string{"box", "SIM", "user", "service"}[p] }

// example is how people write a key for one of its kind.
func (k Setting) example() string {
	return k.Key + [...]string{"", "/262011234567890 with its IMSI or ICCID", "/ann with the user's name", "/sales with the service's name"}[k.Per]
}

// form tells people how the key for one of its kind is written; "" where there is none.
func (k Setting) form() string {
	switch {
	case k.Per == PerBox:
		return ""
	case k.Named:
		return "; write it as " + k.example()
	}
	return "; for one " + k.Per.String() + " alone: " + k.Key + [...]string{"", "/IMSI", "/ID", "/NAME"}[k.Per]
}

// own checks the name in KEY/NAME, and returns it as rows hold it.
func (k Setting) own(name string) (string, error) {
	switch k.Per {
	case PerBox:
		return "", fmt.Errorf("%w setting %q: there is one for all; write it as %s", ErrInvalid, k.Key+"/"+clip(name, 60), k.Key)
	case PerSIM:
		if simName(name) != nil {
			return "", fmt.Errorf("%w setting %q: for one SIM write it as %s", ErrInvalid, k.Key+"/"+clip(name, 60), k.example())
		}
		return name, nil
	}
	if name == "" {
		return "", fmt.Errorf("%w setting %q: for one %s write it as %s", ErrInvalid, k.Key+"/", k.Per, k.example())
	}
	return strings.ToLower(name), nil // as they are known whatever their case
}

// exists refuses a name that nothing of its kind has. A SIM may come later.
func (s *Store) exists(ctx context.Context, per Per, name string) error {
	switch per {
	case PerUser:
		_, err := s.UserByLogin(ctx, name)
		return err
	case PerService:
		if !s.HasService(name) {
			return fmt.Errorf("%w: there is no service %q: the setting services names those beside the one of the box", ErrNotFound, name)
		}
	}
	return nil
}

// ownSetting returns the value of a setting for the first of these names that has its own, else that of all.
func (s *Store) ownSetting(per Per, key string, names ...string) string {
	if per == PerSIM {
		return s.SIMSetting(key, names...)
	}
	values := *s.values.Load()
	for _, name := range names {
		if v, ok := values[key+"/"+strings.ToLower(name)]; ok && name != "" {
			return v
		}
	}
	return s.Setting(key)
}

// SIMSetting returns the value of a setting that each SIM may have its own of. names are those of
// the SIM: its IMSI, its ICCID, or both. The one that belongs to the other is known where the SIM
// was met.
func (s *Store) SIMSetting(key string, names ...string) string {
	values, sims := *s.values.Load(), *s.sims.Load()
	for _, name := range names {
		for _, name := range []string{name, sims[name]} {
			if v, ok := values[key+"/"+name]; ok && name != "" {
				return v
			}
		}
	}
	return s.Setting(key)
}

// UserSetting returns the value of a setting that each user may have its own of.
func (s *Store) UserSetting(key, login string) string { return s.ownSetting(PerUser, key, login) }

// ServiceSetting returns the value of a setting that each service may have its own of; "" is the
// service of the box.
func (s *Store) ServiceSetting(key, service string) string {
	return s.ownSetting(PerService, key, service)
}

// anySet says whether one of these settings was set, for whomever.
func anySet(values map[string]string, keys ...string) bool {
	for key := range values {
		base, _, _ := strings.Cut(key, "/")
		if slices.Contains(keys, base) {
			return true
		}
	}
	return false
}
