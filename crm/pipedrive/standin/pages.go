package standin

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// sizeOf returns how many entries a page may have.
func sizeOf(query url.Values, preset, most int) (int, error) {
	if !query.Has("limit") {
		return preset, nil
	}
	n, err := strconv.Atoi(query.Get("limit"))
	if err != nil || n < 1 || n > most {
		return 0, fmt.Errorf("limit: must be between 1 and %d", most)
	}
	return n, nil
}

// list answers with one page of entries, in the order that was asked for. Its
// cursor is the place where the next page begins.
func list[T any](query url.Values, entries []T, orders map[string]func(a, b T) int) reply {
	by := query.Get("sort_by")
	if by == "" {
		by = "id"
	}
	order, known := orders[by]
	if !known {
		return refuse(http.StatusBadRequest, "sort_by: not a field to sort by")
	}
	size, err := sizeOf(query, 100, 500)
	if err != nil {
		return refuse(http.StatusBadRequest, err.Error())
	}
	slices.SortStableFunc(entries, order)
	if query.Get("sort_direction") == "desc" {
		slices.Reverse(entries)
	}
	start, _ := strconv.Atoi(query.Get("cursor"))
	start = min(max(start, 0), len(entries))
	end := min(start+size, len(entries))
	answer := ok(entries[start:end])
	answer.more = map[string]any{"next_cursor": nil}
	if end < len(entries) {
		answer.more = map[string]any{"next_cursor": strconv.Itoa(end)}
	}
	return answer
}
