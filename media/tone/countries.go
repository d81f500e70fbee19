package tone

// plan is the set of tones of one country.
type plan struct {
	ringback, busy, congestion Pattern
}

func single(hz float64, cadence ...int) Pattern {
	return Pattern{Hz: []float64{hz}, Cadence: cadence}
}

func dual(a, b float64, cadence ...int) Pattern {
	return Pattern{Hz: []float64{a, b}, Cadence: cadence}
}

// ituPlan is what ITU-T E.180 recommends.
func ituPlan() plan {
	return plan{single(425, 1000, 4000), single(425, 500, 500), single(425, 250, 250)}
}

func northAmerica() plan {
	return plan{dual(440, 480, 2000, 4000), dual(480, 620, 500, 500), dual(480, 620, 250, 250)}
}

func britain() plan {
	return plan{
		dual(400, 450, 400, 200, 400, 2000),
		single(400, 375, 375),
		single(400, 400, 350, 225, 525),
	}
}

// planOf returns the tones of a country after the national tables that the ITU
// collects in its supplement to E.180. Pauses are in milliseconds.
func planOf(country string) (plan, bool) {
	switch country {
	case "US", "CA", "PR", "DO", "JM", "BS", "TT":
		return northAmerica(), true
	case "GB", "GG", "JE", "IM", "GI", "MT", "CY":
		return britain(), true
	case "ES":
		return plan{
			single(425, 1500, 3000),
			single(425, 200, 200),
			single(425, 200, 200, 200, 200, 200, 600),
		}, true
	case "FR":
		return plan{single(440, 1500, 3500), single(440, 500, 500), single(440, 250, 250)}, true
	case "DE":
		return plan{single(425, 1000, 4000), single(425, 480, 480), single(425, 240, 240)}, true
	case "IT":
		return plan{single(425, 1000, 4000), single(425, 500, 500), single(425, 200, 200)}, true
	case "PT":
		return plan{single(425, 1000, 5000), single(425, 500, 500), single(425, 200, 200)}, true
	case "MX":
		return plan{single(425, 1000, 4000), single(425, 250, 250), single(425, 250, 250)}, true
	case "AR":
		return plan{single(425, 1000, 4500), single(425, 300, 200), single(425, 300, 400)}, true
	case "CO":
		return plan{single(425, 1000, 4500), single(425, 320, 280), single(425, 200, 200)}, true
	case "CL":
		return plan{single(400, 1000, 3000), single(400, 500, 500), single(400, 200, 200)}, true
	case "PE":
		return plan{single(425, 1000, 4000), single(425, 500, 500), single(425, 200, 200)}, true
	case "BR":
		return plan{single(425, 1000, 4000), single(425, 250, 250), single(425, 250, 250, 750, 250)}, true
	case "NL":
		return plan{single(425, 1000, 4000), single(425, 500, 500), single(425, 250, 250)}, true
	case "BE":
		return plan{single(425, 1000, 3000), single(425, 500, 500), single(425, 167, 167)}, true
	case "CH":
		return plan{single(425, 1000, 4000), single(425, 500, 500), single(425, 200, 200)}, true
	case "AT":
		return plan{single(420, 1000, 5000), single(420, 400, 400), single(420, 200, 200)}, true
	case "IE":
		return plan{dual(400, 450, 400, 200, 400, 2000), single(425, 500, 500), single(425, 250, 250)}, true
	case "SE":
		return plan{single(425, 1000, 5000), single(425, 250, 250), single(425, 250, 750)}, true
	case "NO":
		return plan{single(425, 1000, 4000), single(425, 500, 500), single(425, 200, 200)}, true
	case "DK":
		return plan{single(425, 1000, 4000), single(425, 250, 250), single(425, 450, 450)}, true
	case "FI":
		return plan{single(425, 1000, 4000), single(425, 300, 300), single(425, 200, 200)}, true
	case "PL":
		return plan{single(425, 1000, 4000), single(425, 500, 500), single(425, 500, 500)}, true
	case "CZ":
		return plan{single(425, 1000, 4000), single(425, 330, 330), single(425, 165, 165)}, true
	case "AU":
		return plan{
			dual(400, 417, 400, 200, 400, 2000),
			single(425, 375, 375),
			single(425, 375, 375),
		}, true
	case "NZ":
		return plan{dual(400, 450, 400, 200, 400, 2000), single(400, 500, 500), single(400, 250, 250)}, true
	case "IN":
		return plan{
			Pattern{Hz: []float64{400, 25}, Cadence: []int{400, 200, 400, 2000}, Modulated: true},
			single(400, 750, 750),
			single(400, 250, 250),
		}, true
	case "JP":
		return plan{
			Pattern{Hz: []float64{400, 16}, Cadence: []int{1000, 2000}, Modulated: true},
			single(400, 500, 500),
			single(400, 500, 500),
		}, true
	}
	return plan{}, false
}
