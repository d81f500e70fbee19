package sip

import (
	"net/netip"
	"strconv"
	"strings"

	wire "github.com/emiago/sipgo/sip"
)

// fresh marks a request whose To tag is the one that stamp chose for our
// answers. It sits in a field that no message from the wire can set.
const fresh = "fresh"

// stamp looks at every message before the transaction layer does. It gives an
// INVITE outside a dialog our To tag, so that all responses to it carry one
// and the same, those that the transaction layer makes by itself included
// (RFC 3261 section 8.2.6.2), and notes in its Via where it really came from
// (section 18.2.1).
func (a *Agent) stamp(msg wire.Message) {
	req, ok := msg.(*wire.Request)
	if !ok {
		return
	}
	a.meter.received(req.Method)
	if via := req.Via(); via != nil {
		if from := sourceOf(req).Addr(); from.IsValid() && strings.Trim(via.Host, "[]") != from.String() {
			via.Params.Add("received", from.String())
		}
	}
	if from := req.From(); from != nil && !from.Params.Has("tag") {
		from.Params.Add("tag", "") // RFC 2543; the library needs one for its key, serve takes it off
	}
	if to := req.To(); req.IsInvite() && to != nil && !to.Params.Has("tag") {
		to.Params.Add("tag", wire.GenerateTagN(16))
		req.Laddr.Hostname = fresh
	}
}

// sourceOf returns the address that a request came from.
func sourceOf(req *wire.Request) netip.AddrPort { return parseSource(req.Source()) }

func parseSource(source string) netip.AddrPort {
	ap, err := netip.ParseAddrPort(source)
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// hopOf returns the way back to where a request came from.
func hopOf(req *wire.Request) hop {
	return hop{transport: strings.ToLower(req.Transport()), addr: sourceOf(req)}
}

// tagOf returns the tag of a From or To header.
func tagOf(params wire.HeaderParams) string {
	tag, _ := params.Get("tag")
	return tag
}

// outside reports whether a request belongs to no dialog.
func outside(req *wire.Request) bool {
	return req.Laddr.Hostname == fresh || tagOf(req.To().Params) == ""
}

// allowed reports whether we take a method.
func allowed(m wire.RequestMethod) bool {
	switch m {
	case wire.INVITE, wire.ACK, wire.CANCEL, wire.BYE, wire.OPTIONS, wire.REGISTER, wire.UPDATE, wire.INFO, wire.REFER, wire.PRACK:
		return true
	}
	return false
}

// known reports whether a method is one that we understand but do not take.
func known(m wire.RequestMethod) bool {
	switch m {
	case wire.SUBSCRIBE, wire.NOTIFY, wire.MESSAGE, wire.PUBLISH:
		return true
	}
	return false
}

const (
	allowValue  = "INVITE, ACK, CANCEL, PRACK, BYE, OPTIONS, UPDATE, INFO, REFER"
	acceptValue = "application/sdp"
)

// refusalOf is a status and the header that explains it.
type refusalOf struct {
	status int
	header wire.Header
}

func header(name, value string) wire.Header { return wire.NewHeader(name, value) }

// validate checks what the parser lets pass (RFC 3261 section 8.2); nil means
// that the request is sound.
func validate(req *wire.Request) *refusalOf {
	if r := malformed(req); r != nil {
		return r
	}
	if scheme := req.Recipient.Scheme; scheme != "sip" && scheme != "sips" && scheme != "tel" {
		return &refusalOf{status: 416}
	}
	if !allowed(req.Method) {
		if known(req.Method) {
			return &refusalOf{405, header("Allow", allowValue)}
		}
		return &refusalOf{status: 501}
	}
	if req.IsAck() || req.IsCancel() {
		return nil // neither can be refused (sections 8.2.2.3, 17)
	}
	if h := req.MaxForwards(); h != nil && h.Val() == 0 && req.Method != wire.OPTIONS {
		return &refusalOf{status: 483}
	}
	if missing := unsupported(req); missing != "" {
		return &refusalOf{420, header("Unsupported", missing)}
	}
	switch req.Method {
	case wire.PRACK:
		return body(req)
	case wire.INVITE, wire.UPDATE:
		if refused := brief(req); refused != nil {
			return refused
		}
		return body(req)
	}
	return nil
}

// supported reports whether we have an extension.
func supported(tag string) bool {
	return strings.EqualFold(tag, reliably) || strings.EqualFold(tag, "timer") || strings.EqualFold(tag, "norefersub")
}

// maxIdentifier bounds what we keep of a peer's Call-ID and tag.
const maxIdentifier = 512

// malformed finds headers that are missing or contradict the request line.
func malformed(req *wire.Request) *refusalOf {
	bad := &refusalOf{status: 400}
	if req.SipVersion != "SIP/2.0" {
		return &refusalOf{status: 505}
	}
	cseq := req.CSeq()
	if req.From() == nil || req.To() == nil || req.CallID() == nil || req.Via() == nil || cseq == nil {
		return bad
	}
	if !strings.EqualFold(strings.TrimSpace(string(cseq.MethodName)), string(req.Method)) {
		return bad
	}
	for _, written := range []string{req.From().Value(), req.To().Value()} {
		if _, _, readable := parseNameAddr(written); !readable {
			return bad // nor could anybody read our requests to them
		}
	}
	for _, name := range []string{"From", "To", "Call-ID", "CSeq", "Max-Forwards"} {
		if len(req.GetHeaders(name)) > 1 {
			return bad
		}
	}
	if h := req.MaxForwards(); h == nil && req.GetHeader("Max-Forwards") != nil || h != nil && h.Val() > 255 {
		return bad
	}
	if len(*req.CallID()) > maxIdentifier || len(tagOf(req.From().Params)) > maxIdentifier {
		return bad
	}
	return nil
}

// unsupported lists the extensions that a request needs and we do not have.
func unsupported(req *wire.Request) string {
	var missing []string
	for _, h := range req.GetHeaders("Require") {
		for _, tag := range splitList(h.Value()) {
			if tag != "" && !supported(tag) {
				missing = append(missing, clean(tag, maxName))
			}
		}
	}
	return strings.Join(missing, ", ")
}

// body refuses what is not SDP.
func body(req *wire.Request) *refusalOf {
	if len(req.Body()) == 0 {
		return nil
	}
	if encoding := req.GetHeader("Content-Encoding"); encoding != nil && !strings.EqualFold(encoding.Value(), "identity") {
		return &refusalOf{415, header("Accept-Encoding", "identity")}
	}
	if contentType(req) != acceptValue {
		return &refusalOf{415, header("Accept", acceptValue)}
	}
	return nil
}

// contentType returns the type of a body in lower case, without parameters.
func contentType(req *wire.Request) string {
	h := req.ContentType()
	if h == nil {
		return ""
	}
	kind, _, _ := strings.Cut(h.Value(), ";")
	return strings.ToLower(strings.TrimSpace(kind))
}

// sdpOf returns the SDP of a message, nil when there is none.
func sdpOf(msg wire.Message) []byte {
	if len(msg.Body()) == 0 {
		return nil
	}
	return msg.Body()
}

// mergeKey names a request whatever way it took to us: two INVITEs with the
// same key and different branches are one that was forked on its way (RFC 3261
// section 8.2.2.2).
func mergeKey(req *wire.Request) string {
	return mergeKeyOf(req.CallID().Value(), tagOf(req.From().Params), req.CSeq().SeqNo)
}

func mergeKeyOf(callID, tag string, seq uint32) string {
	return callID + "\x00" + tag + "\x00" + strconv.FormatUint(uint64(seq), 10)
}
