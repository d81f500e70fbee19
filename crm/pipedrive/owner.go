package pipedrive

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"tandem/crm"
)

// ownerOf returns the user whose call it is; 0: nobody was named.
func ownerOf(a crm.Activity) (int, error) {
	if a.Owner == "" {
		return 0, nil
	}
	id, err := strconv.Atoi(a.Owner)
	if err != nil || id <= 0 {
		return 0, &crm.Fault{Kind: crm.FaultRefused, Say: fmt.Sprintf("the user's crm_owner %.40q is not the number of a Pipedrive user: "+
			"set it to the number in the address of the user's page in Pipedrive, and retry", a.Owner)}
	}
	return id, nil
}

// blameOwner tells what to do when Pipedrive refused a request because of the
// owner that it named.
func blameOwner(err error, owner int) error {
	fault, ours := errors.AsType[*crm.Fault](err)
	if !ours || owner == 0 || !forbidden(err) && !dislikesOwner(err) {
		return err
	}
	return &crm.Fault{Kind: crm.FaultRefused, Err: err, Say: fmt.Sprintf("%s. The request names user %d as owner: "+
		"crm_owner has to be an active user of Pipedrive to whom the token's user may give activities", fault.Say, owner)}
}

func dislikesOwner(err error) bool {
	why := strings.ToLower(err.Error())
	return statusOf(err) == http.StatusBadRequest && (strings.Contains(why, "owner") || strings.Contains(why, "user"))
}
