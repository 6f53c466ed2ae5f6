package config

import (
	"errors"
	"net/netip"
	"slices"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/config/strictyaml"
)

// Networks is a list of addresses and networks (CIDR): an address stands for
// itself alone, "*" for everyone.
type Networks []netip.Prefix

// Contain reports whether address is in one of the networks. An IPv4 address
// may come in its IPv6 form.
func (n Networks) Contain(address netip.Addr) bool {
	address = address.Unmap().WithZone("")
	return slices.ContainsFunc(n, func(p netip.Prefix) bool { return p.Contains(address) })
}

// UnmarshalNode reads the list.
func (n *Networks) UnmarshalNode(node *strictyaml.Node) Problems {
	var texts []string
	if err := node.Decode(&texts); err != nil {
		return asProblems(err)
	}
	if node.Kind() == strictyaml.Null {
		return Problems{node.Problem("the key has no value; write [] for nobody, or remove the key to get the default")}
	}
	var problems Problems
	networks := Networks{}
	for i, text := range texts {
		if text == "*" {
			networks = append(networks, dffmpeg.AnyAddress()...)
			continue
		}
		network, ok := parseNetwork(text)
		if !ok {
			problems = append(problems, node.Items()[i].Problem("expected an address or a network such as 192.168.1.0/24 or fd00::/8"))
			continue
		}
		networks = append(networks, network)
	}
	*n = networks
	return problems
}

// parseNetwork reads an address or a network; bits beyond the mask are ignored.
func parseNetwork(text string) (netip.Prefix, bool) {
	if address, err := netip.ParseAddr(text); err == nil {
		address = address.Unmap().WithZone("")
		return netip.PrefixFrom(address, address.BitLen()), true
	}
	network, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, false
	}
	return network.Masked(), true
}

// asProblems returns an error of package strictyaml as what it is.
func asProblems(err error) Problems {
	if problems, ok := errors.AsType[Problems](err); ok || err == nil {
		return problems
	}
	return Problems{{Message: err.Error()}}
}
