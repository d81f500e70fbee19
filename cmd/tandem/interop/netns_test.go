//go:build linux

package interop_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// namePrefix marks the network namespaces of these tests; the process that
// made one follows, so that those of a killed run can be told.
const namePrefix = "tandem-interop-"

// network is a network namespace that is joined to this host by a virtual
// cable. The switch has the host's end of it, the peers the other.
type network struct {
	t       *testing.T
	name    string
	link    string // the host's end
	host    netip.Addr
	phones  netip.Addr
	carrier netip.Addr
}

// newNetwork makes a network, or skips the test where that cannot be done or a
// program is missing.
func newNetwork(t *testing.T, programs ...string) *network {
	t.Helper()
	needs(t, append(programs, "ip")...)
	removeAbandoned(t)
	subnet := freeSubnet(t)
	id := fmt.Sprintf("%d-%d", os.Getpid(), subnet.As4()[2])
	n := &network{
		t: t, name: namePrefix + id, link: "ti" + id,
		host: subnet.Next(), phones: subnet.Next().Next(), carrier: subnet.Next().Next().Next(),
	}
	if out, err := ip("netns", "add", n.name); err != nil {
		t.Skipf("needs network namespaces: %v: %s", err, out)
	}
	t.Cleanup(func() {
		_, _ = ip("link", "del", n.link)
		if out, err := ip("netns", "del", n.name); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
	for _, step := range []string{
		"link add " + n.link + " type veth peer name eth0 netns " + n.name,
		"addr add " + n.host.String() + "/29 dev " + n.link,
		"link set " + n.link + " up",
		"-n " + n.name + " addr add " + n.phones.String() + "/29 dev eth0",
		"-n " + n.name + " addr add " + n.carrier.String() + "/29 dev eth0",
		"-n " + n.name + " link set lo up",
		"-n " + n.name + " link set eth0 up",
	} {
		if out, err := ip(strings.Fields(step)...); err != nil {
			t.Fatalf("ip %s: %v: %s", step, err, out)
		}
	}
	return n
}

// needs skips the test unless it runs as root and all programs are there.
func needs(t *testing.T, programs ...string) {
	t.Helper()
	var missing []string
	if os.Geteuid() != 0 {
		missing = append(missing, "root")
	}
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			missing = append(missing, p)
		}
	}
	if len(missing) > 0 {
		t.Skipf("needs %s", strings.Join(missing, ", "))
	}
}

// freeSubnet picks one of 256 /29 networks, which no interface has, within the
// range for tests of network devices (RFC 2544).
func freeSubnet(t *testing.T) netip.Addr {
	t.Helper()
	taken, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, third := range rand.Perm(256) {
		subnet := netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 18, byte(third), 0}), 29)
		free := true
		for _, a := range taken {
			p, err := netip.ParsePrefix(a.String())
			free = free && (err != nil || !p.Overlaps(subnet))
		}
		if free {
			return subnet.Addr()
		}
	}
	t.Skip("needs a free network within 198.18.0.0/16")
	return netip.Addr{}
}

// removeAbandoned deletes the namespaces of test processes that are no more.
func removeAbandoned(t *testing.T) {
	t.Helper()
	names, err := filepath.Glob("/run/netns/" + namePrefix + "*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		name = filepath.Base(name)
		pid, _, _ := strings.Cut(strings.TrimPrefix(name, namePrefix), "-")
		if _, err := strconv.Atoi(pid); err != nil {
			continue
		}
		if _, err := os.Stat("/proc/" + pid); os.IsNotExist(err) {
			_, _ = ip("netns", "del", name)
		}
	}
}

func ip(args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return exec.CommandContext(ctx, "ip", args...).CombinedOutput()
}
