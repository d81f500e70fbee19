package peer

import "context"

// Carrier is a phone company's end of a trunk: it places calls of outside people into the switch and takes the calls
// that the switch sends out. With Accounts it demands digest and is the registrar of trunks that register.
type Carrier struct{ *Agent }

// NewCarrier opens a carrier. Server is the switch; without it each call names its own in CallOptions.
func NewCarrier(o Options) (*Carrier, error) {
	if o.Name == "" && o.User == "" {
		o.Name = "carrier"
	}
	a, err := NewAgent(o)
	if err != nil {
		return nil, err
	}
	return &Carrier{a}, nil
}

// Call places a call into the switch; From and To are numbers. It returns once the INVITE is sent.
func (c *Carrier) Call(ctx context.Context, o CallOptions) (*Call, error) { return c.Dial(ctx, o) }
