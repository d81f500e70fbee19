package web

import (
	"cmp"
	"reflect"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"tandem/routing"
)

// Paging is the part of a query that every list takes.
type Paging struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"50" doc:"Items per page"`
	Cursor string `query:"cursor" maxLength:"200" doc:"next of the page before; absent: the first page"`
}

// page returns the place in a store's listing.
func (p Paging) page() routing.Page { return routing.Page{Limit: p.Limit, Cursor: p.Cursor} }

// List is one page of a list.
type List[T any] struct {
	Items []T    `json:"items" nullable:"false"`
	Next  string `json:"next" doc:"cursor of the next page; empty on the last"`
}

// listing is a List as an operation returns it.
type listing[T any] struct{ Body List[T] }

// listed returns a page of items that the store cut.
func listed[T any](items []T, next string) *listing[T] {
	if items == nil {
		items = []T{}
	}
	return &listing[T]{Body: List[T]{Items: items, Next: next}}
}

// cut returns a page of items that are at hand, in ascending order of their
// keys (descending with newestFirst). An item that vanished between two pages
// makes no gap: the page begins behind the cursor's key.
func cut[T any](items []T, p Paging, key func(T) string, newestFirst bool) *listing[T] {
	behind := func(k string) bool { return k > p.Cursor }
	if newestFirst {
		behind = func(k string) bool { return k < p.Cursor }
	}
	page := make([]T, 0, min(p.Limit, len(items)))
	for _, item := range items {
		if p.Cursor != "" && !behind(key(item)) {
			continue
		}
		if len(page) == p.Limit {
			return listed(page, key(page[len(page)-1]))
		}
		page = append(page, item)
	}
	return listed(page, "")
}

// sortBy puts items into the ascending order that cut wants.
func sortBy[T any](items []T, key func(T) string) {
	slices.SortFunc(items, func(a, b T) int { return cmp.Compare(key(a), key(b)) })
}

// Optional is a query parameter that may be absent.
type Optional[T any] struct {
	Value T
	Set   bool
}

// Schema describes the parameter as its value.
func (o Optional[T]) Schema(r huma.Registry) *huma.Schema {
	return huma.SchemaFromType(r, reflect.TypeFor[T]())
}

// Receiver is where the parameter is parsed into.
func (o *Optional[T]) Receiver() reflect.Value { return reflect.ValueOf(&o.Value).Elem() }

// OnParamSet notes that the parameter was given.
func (o *Optional[T]) OnParamSet(set bool, _ any) { o.Set = set }

// pointer returns the value, nil when the parameter was absent.
func (o Optional[T]) pointer() *T {
	if !o.Set {
		return nil
	}
	return &o.Value
}
