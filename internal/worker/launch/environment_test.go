package launch

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEnvironment(t *testing.T) {
	e := Environment{
		Own: []string{
			"PATH=/bin", "LIBVA_DRIVER_NAME=iHD", "KEPT=a=b", "FIXED=own",
			"DFFMPEG_HMAC_KEY=secret", "NOTIFY_SOCKET=/run/x", "CREDENTIALS_DIRECTORY=/run/y",
		},
		Set:    map[string]string{"FIXED": "set"},
		Accept: []string{"LIBVA_DRIVER_NAME", "FIXED", "NOT_BROUGHT"},
	}
	brought := map[string]string{"LIBVA_DRIVER_NAME": "radeonsi", "FIXED": "brought", "LD_PRELOAD": "/evil.so", "PATH": "/evil"}
	want := []string{"FIXED=set", "KEPT=a=b", "LIBVA_DRIVER_NAME=radeonsi", "PATH=/bin"}
	if diff := cmp.Diff(want, e.of(brought)); diff != "" {
		t.Error(diff)
	}
}
