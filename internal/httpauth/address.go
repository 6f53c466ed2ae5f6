package httpauth

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// ParsePrefixes reads addresses and CIDR blocks (trusted_proxies,
// allowed_cidrs and the like). An address stands for itself alone; bits below
// the mask are cleared; IPv4-mapped IPv6 becomes IPv4. All problems are
// reported at once.
func ParsePrefixes(texts []string) ([]netip.Prefix, error) {
	prefixes, problems := make([]netip.Prefix, 0, len(texts)), []error(nil)
	for _, text := range texts {
		prefix, err := parsePrefix(strings.TrimSpace(text))
		if err != nil {
			problems = append(problems, err)
			continue
		}
		prefixes = append(prefixes, prefix)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return prefixes, nil
}

func parsePrefix(text string) (netip.Prefix, error) {
	if prefix, err := netip.ParsePrefix(text); err == nil {
		return unmap(prefix).Masked(), nil
	}
	addr, err := netip.ParseAddr(text)
	if err != nil || addr.Zone() != "" {
		return netip.Prefix{}, fmt.Errorf("%q is neither an IP address nor a CIDR block such as 10.0.0.0/8 or fd00::/8 (host names are not looked up)", text)
	}
	addr = addr.Unmap()
	return netip.PrefixFrom(addr, addr.BitLen()), nil
}

// unmap turns a block of IPv4-mapped IPv6 addresses into the IPv4 one.
func unmap(prefix netip.Prefix) netip.Prefix {
	const mappedBits = 96 // ::ffff:0:0/96
	if prefix.Addr().Is4In6() && prefix.Bits() >= mappedBits {
		return netip.PrefixFrom(prefix.Addr().Unmap(), prefix.Bits()-mappedBits)
	}
	return prefix
}

// Allowed reports whether addr lies in one of the blocks. An IPv4 address
// never lies in an IPv6 block, "::/0" included; the zero Addr lies in none.
func Allowed(addr netip.Addr, blocks []netip.Prefix) bool {
	addr = plain(addr)
	return slices.ContainsFunc(blocks, func(block netip.Prefix) bool { return unmap(block).Contains(addr) })
}

// plain takes off what hides an address from netip.Prefix.Contains: the form
// in which a dual-stack listener shows IPv4, and the zone of a link-local
// address.
func plain(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }

// ClientAddr returns where a request came from. That is the connection's peer,
// unless the peer is a trusted proxy: then it is the last entry of
// X-Forwarded-For that is not itself a trusted proxy, or the first entry when
// all are. Entries further left are the client's own claim and are not looked
// at. When the header is missing or not understood, the peer's address is
// returned; the zero Addr when even that has none (a Unix socket), which no
// scope allows.
func ClientAddr(r *http.Request, trusted []netip.Prefix) netip.Addr {
	peer, ok := parseHop(r.RemoteAddr)
	if !ok || !Allowed(peer, trusted) {
		return peer
	}
	client := peer
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		addr, ok := parseHop(strings.TrimSpace(hop))
		if !ok {
			return peer
		}
		client = addr
		if !Allowed(addr, trusted) {
			break
		}
	}
	return client
}

// parseHop reads an address as proxies write it: alone, in brackets, or with a
// port.
func parseHop(text string) (netip.Addr, bool) {
	if port, err := netip.ParseAddrPort(text); err == nil {
		return plain(port.Addr()), true
	}
	if inner, ok := strings.CutPrefix(text, "["); ok {
		text, ok = strings.CutSuffix(inner, "]")
		if !ok {
			return netip.Addr{}, false
		}
	}
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}, false
	}
	return plain(addr), true
}
