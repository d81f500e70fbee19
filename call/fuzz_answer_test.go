package call

// result is what an effect comes back with in the same turn.
func (w *world) result(f Effect) []Input {
	cause := Cause{Kind: CauseFailed, Code: 488, Q850: 88}
	switch f := f.(type) {
	case AskPlan:
		return []Input{w.plan()}
	case AskPlace:
		return []Input{w.place(f.Origination)}
	case AskDirection:
		return []Input{w.direct(f)}
	case AskPartner:
		n := w.draw.n(4)
		if f.Leg.Call() == stageID || n == 1 { // there is no such call
			return []Input{Handed{For: f.Leg}}
		}
		if n != 2 { // it never answers
			w.partners = append(w.partners, f.Leg)
		}
	case OpenMedia:
		if w.fails() {
			return []Input{MediaFailed{Leg: f.Leg, Cause: cause}}
		}
		w.legs[f.Leg].port = true
		return []Input{MediaOpened{Leg: f.Leg, SDP: []byte("sdp")}}
	case AcceptMedia:
		if !w.legs[f.Leg].port || w.fails() {
			return []Input{MediaFailed{Leg: f.Leg, Cause: cause}}
		}
		return []Input{MediaReady{Leg: f.Leg}}
	case Reanswer:
		if w.draw.n(8) == 1 { // the offer is no good
			return nil
		}
		return []Input{LegHeld{Leg: f.Leg, On: w.draw.n(2) == 1}}
	case CloseMedia:
		return []Input{MediaClosed{Leg: f.Leg, Quality: Quality{MOS: 4.4}}}
	}
	return nil
}

// fails reports whether a media operation is to fail.
func (w *world) fails() bool {
	now := w.failures & 1
	w.failures >>= 1
	return now == 1
}

// plan draws a plan that keeps what routing promises, or a refusal.
func (w *world) plan() Input {
	if w.draw.n(16) == 1 {
		return Refused{Cause: Cause{Kind: CauseFailed, Code: 404}}
	}
	in := w.draw.input(Planned{}).(Planned)
	in.Plan.TaskID, in.Plan.Playbook = "task", "sales"
	in.Plan.Reception.Music = "music"
	if c := in.Plan.Closed; c != nil {
		c.Message = "closed"
		if c.Redirect != nil {
			*c.Redirect = w.outside(*c.Redirect)
		}
	}
	w.durable, w.saved = true, Record{ID: stageID}
	return in
}

// place draws a placement that keeps what routing promises, or a refusal.
func (w *world) place(in Origination) Input {
	phone := in.Leg != ""
	switch n := w.draw.n(12); {
	case n == 1:
		return Refused{Cause: Cause{Kind: CauseFailed, Code: 404}}
	case n == 2 && phone:
		return Placed{Placement{Service: SoundConfirm}}
	case n == 3 && phone:
		w.pickup = in.User
		p := Placement{Pickup: "WAITING"}
		if w.draw.n(2) == 1 {
			p.Coaching = &Coaching{User: in.User}
		}
		return Placed{p}
	}
	placed := w.draw.input(Placed{}).(Placed)
	p := &placed.Placement
	p.Service, p.Pickup, p.Coaching, p.Music, p.To = "", "", nil, "music", "+34600111222"
	w.reserved[in.User] = calling
	if w.free(p.Route.User) {
		p.Route = Route{User: p.Route.User, RingTimeout: p.Route.RingTimeout}
		w.reserved[p.Route.User] = offered
	} else {
		p.Route = w.outside(p.Route)
	}
	w.durable, w.saved = true, Record{ID: stageID}
	return placed
}

// outside makes a drawn route one to a number.
func (w *world) outside(r Route) Route {
	return Route{
		Number: "+34600999888", CallerID: "+34910000001", RingTimeout: r.RingTimeout,
		Trunks: []string{"carrier", "backup"}[:1+w.draw.n(2)],
	}
}

// direct draws where a call is passed on to. What comes back to its user comes
// back to nobody else.
func (w *world) direct(f AskDirection) Input {
	in := w.draw.input(Directed{}).(Directed)
	d := &in.Destination
	user, kind := d.Route.User, w.draw.n(4)
	if f.By == "" {
		user, kind = f.To, min(kind, 1)
	}
	switch {
	case kind == 1 && w.free(user):
		w.reserved[user] = offered
		*d = Destination{Route: Route{User: user, RingTimeout: d.Route.RingTimeout}}
		return in
	case kind == 2:
		d.Route, d.Playbook, d.Queue.Music = Route{}, "support", "music"
		return in
	case kind == 3:
		*d = Destination{Route: w.outside(d.Route)}
		return in
	}
	return Undirected{Cause: Cause{Kind: CauseFailed, Code: 404}}
}
