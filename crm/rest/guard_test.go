package rest

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"tandem/crm"
)

func TestPublicAddresses(t *testing.T) {
	for address, public := range map[string]bool{
		"104.16.1.1": true, "2606:4700::1111": true, "64:ff9b::6810:101": true,
		"127.0.0.1": false, "127.9.9.9": false, "10.1.2.3": false, "172.16.0.1": false, "192.168.1.1": false,
		"169.254.169.254": false, "0.0.0.0": false, "0.1.2.3": false, "224.0.0.1": false, "255.255.255.255": false,
		"100.64.0.1": false, "198.18.0.1": false, "240.0.0.1": false, "192.0.2.1": false,
		"::1": false, "::": false, "fe80::1": false, "fe80::1%eth0": false, "fc00::1": false, "ff02::1": false,
		"::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false, "::127.0.0.1": false, "64:ff9b::7f00:1": false,
		"64:ff9b::a00:1": false, "2002:7f00:1::": false, "2001:db8::1": false, "2001:0:1::": false,
	} {
		if got := isPublic(netip.MustParseAddr(address)); got != public {
			t.Errorf("isPublic(%s) = %t", address, got)
		}
	}
}

// TestPrivateAddress refuses a name that leads to this machine only once it is
// looked up, which is what a rebinding attack does.
func TestPrivateAddress(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("a request came")
	}))
	defer server.Close()
	for _, base := range []string{server.URL, strings.Replace(server.URL, "127.0.0.1", "localhost", 1)} {
		var outcomes counted
		client, err := New(Options{Vendor: "Acme", BaseURL: base, Authorize: bearer, Count: outcomes.count})
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.Do(t.Context(), Request{Method: http.MethodGet, Path: "/x"}, nil)
		if fault := faultOf(t, err); fault.Kind != crm.FaultAccess || !strings.Contains(fault.Say, "crm.allow_private") {
			t.Errorf("%s: %v", base, err)
		}
		outcomes.want(t, "access")
	}
}
