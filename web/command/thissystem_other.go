//go:build !linux

package command

func thisSystem() (system, error) { return otherSystem() }
