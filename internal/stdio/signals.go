package stdio

import "syscall"

// SignalName returns how a signal is called on the wire, false for one that is not
// passed on.
func SignalName(sig syscall.Signal) (string, bool) {
	switch sig { //nolint:exhaustive // the rest is not passed on
	case syscall.SIGHUP:
		return "HUP", true
	case syscall.SIGINT:
		return "INT", true
	case syscall.SIGQUIT:
		return "QUIT", true
	case syscall.SIGTERM:
		return "TERM", true
	case syscall.SIGUSR1:
		return "USR1", true
	case syscall.SIGUSR2:
		return "USR2", true
	default:
		return "", false
	}
}

// SignalNamed returns the signal of a name.
func SignalNamed(name string) (syscall.Signal, bool) {
	for _, sig := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGUSR2} {
		if own, known := SignalName(sig); known && own == name {
			return sig, true
		}
	}
	return 0, false
}
