package httpauth_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/httpauth"
)

func prefixes(t *testing.T, texts ...string) []netip.Prefix {
	t.Helper()
	parsed, err := httpauth.ParsePrefixes(texts)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func TestClientAddr(t *testing.T) {
	for _, c := range []struct {
		name, peer string
		forwarded  []string
		want       string // "" for no address
	}{
		{"no proxy", "198.51.100.7:1234", nil, "198.51.100.7"},
		{"proxy without header", "127.0.0.1:1", nil, "127.0.0.1"},
		{"untrusted peer's claim", "198.51.100.7:1", []string{"127.0.0.1"}, "198.51.100.7"},
		{"one hop", "127.0.0.1:1", []string{"203.0.113.5"}, "203.0.113.5"},
		{"the client's own claim before it", "127.0.0.1:1", []string{"10.0.0.1, 127.0.0.1, 203.0.113.5"}, "203.0.113.5"},
		{"two trusted proxies", "127.0.0.1:1", []string{"198.18.0.1, 203.0.113.5, 10.1.2.3"}, "203.0.113.5"},
		{"all trusted", "127.0.0.1:1", []string{"10.0.0.9, 10.0.0.8"}, "10.0.0.9"},
		{"several headers", "127.0.0.1:1", []string{"198.18.0.1", "203.0.113.5", "10.1.2.3"}, "203.0.113.5"},
		{"with port", "127.0.0.1:1", []string{"203.0.113.5:4711"}, "203.0.113.5"},
		{"IPv6", "[::1]:1", []string{"2001:db8::5"}, "2001:db8::5"},
		{"IPv6 in brackets", "[::1]:1", []string{"[2001:db8::5]"}, "2001:db8::5"},
		{"IPv6 with port", "[::1]:1", []string{"[2001:db8::5]:443"}, "2001:db8::5"},
		{"mapped peer", "[::ffff:127.0.0.1]:1", []string{"::ffff:203.0.113.5"}, "203.0.113.5"},
		{"mapped peer without header", "[::ffff:198.51.100.7]:1", nil, "198.51.100.7"},
		{"link-local peer", "[fe80::1%eth0]:1", []string{"203.0.113.5"}, "203.0.113.5"},
		{"garbage", "127.0.0.1:1", []string{"unknown"}, "127.0.0.1"},
		{"garbage behind a trusted hop", "127.0.0.1:1", []string{"203.0.113.5, _hidden, 10.0.0.8"}, "127.0.0.1"},
		{"garbage in the client's claim", "127.0.0.1:1", []string{"<script>, 203.0.113.5"}, "203.0.113.5"},
		{"empty entry", "127.0.0.1:1", []string{"203.0.113.5,"}, "127.0.0.1"},
		{"open bracket", "127.0.0.1:1", []string{"[2001:db8::5"}, "127.0.0.1"},
		{"Unix socket", "@", []string{"203.0.113.5"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			trusted := prefixes(t, "127.0.0.1", "::1", "10.0.0.0/8", "fe80::/10")
			request := &http.Request{RemoteAddr: c.peer, Header: http.Header{"X-Forwarded-For": c.forwarded}}
			var want netip.Addr
			if c.want != "" {
				want = netip.MustParseAddr(c.want)
			}
			if got := httpauth.ClientAddr(request, trusted); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

func TestAllowed(t *testing.T) {
	for _, c := range []struct {
		addr   string
		blocks []string
		want   bool
	}{
		{"203.0.113.5", []string{"0.0.0.0/0"}, true},
		{"203.0.113.5", []string{"::/0"}, false},
		{"2001:db8::1", []string{"0.0.0.0/0"}, false},
		{"2001:db8::1", []string{"0.0.0.0/0", "::/0"}, true},
		{"fe80::1%eth0", []string{"::/0"}, true},
		{"::ffff:10.1.1.1", []string{"10.0.0.0/8"}, true},
		{"10.1.1.1", []string{"::ffff:10.0.0.0/104"}, true},
		{"11.1.1.1", []string{"::ffff:10.0.0.0/104"}, false},
		{"11.1.1.1", []string{"10.0.0.0/8"}, false},
		{"10.0.0.1", nil, false},
	} {
		if got := httpauth.Allowed(netip.MustParseAddr(c.addr), prefixes(t, c.blocks...)); got != c.want {
			t.Errorf("Allowed(%s, %v) = %t", c.addr, c.blocks, got)
		}
	}
	if httpauth.Allowed(netip.Addr{}, dffmpeg.AnyAddress()) {
		t.Error("no address is allowed")
	}
	mapped := []netip.Prefix{netip.MustParsePrefix("::ffff:10.0.0.0/104")} // not from ParsePrefixes
	if !httpauth.Allowed(netip.MustParseAddr("10.1.1.1"), mapped) {
		t.Error("a mapped block does not hold its addresses")
	}
}

func TestParsePrefixes(t *testing.T) {
	got := prefixes(t, "127.0.0.1", " 10.1.2.3/8 ", "::1", "fd00::5/8", "::ffff:192.168.1.1", "::ffff:10.0.0.0/104", "0.0.0.0/0")
	var texts []string
	for _, p := range got {
		texts = append(texts, p.String())
	}
	want := []string{"127.0.0.1/32", "10.0.0.0/8", "::1/128", "fd00::/8", "192.168.1.1/32", "10.0.0.0/8", "0.0.0.0/0"}
	if diff := cmp.Diff(want, texts); diff != "" {
		t.Error(diff)
	}
}

func TestParsePrefixesReportsEveryProblem(t *testing.T) {
	wrong := []string{"proxy.lan", "10.0.0.0/33", "fe80::1%eth0", "10.0.0", "", "10.0.0.0/8/8"}
	got, err := httpauth.ParsePrefixes(append(wrong, "10.0.0.0/8"))
	if err == nil || got != nil {
		t.Fatalf("got %v, error %v", got, err)
	}
	for _, text := range wrong {
		if !strings.Contains(err.Error(), `"`+text+`"`) {
			t.Errorf("the error does not mention %q: %v", text, err)
		}
	}
}

func FuzzClientAddr(f *testing.F) {
	f.Add("127.0.0.1:1", "203.0.113.5, 10.0.0.1")
	f.Add("[::1]:1", "[2001:db8::5]:443,unknown")
	f.Add("@", ",,[")
	trusted := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	f.Fuzz(func(t *testing.T, peer, forwarded string) {
		request := &http.Request{RemoteAddr: peer, Header: http.Header{"X-Forwarded-For": {forwarded}}}
		bare := &http.Request{RemoteAddr: peer}
		got, own := httpauth.ClientAddr(request, trusted), httpauth.ClientAddr(bare, trusted)
		if got != own && !httpauth.Allowed(own, trusted) {
			t.Errorf("the header of an untrusted peer %s was believed: %s", own, got)
		}
		if got.Is4In6() || got.Zone() != "" {
			t.Errorf("address %s is not in its plain form", got)
		}
	})
}
