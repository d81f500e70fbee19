package rest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tandem/crm"
)

// network is a Transport made of a function.
type network func(*http.Request) (*http.Response, error)

func (n network) RoundTrip(r *http.Request) (*http.Response, error) { return n(r) }

func answer(status int, after string) *http.Response {
	return &http.Response{
		StatusCode: status, Header: http.Header{"Retry-After": {after}}, Body: io.NopCloser(strings.NewReader("{}")),
	}
}

func paced(t *testing.T, way network) *Client {
	t.Helper()
	client, err := New(Options{
		Vendor: "Acme", BaseURL: "https://api.example.com", Transport: way,
		Limits: map[Class]Limit{ClassAny: {PerSecond: 8, Burst: 8}, "search": {PerSecond: 4, Burst: 4}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// TestPace asks forty times at once: the vendor sees no more in a second than
// it was agreed, and everybody in the order in which they came.
func TestPace(t *testing.T) {
	for class, most := range map[Class]int{ClassAny: 8, "search": 4} {
		synctest.Test(t, func(t *testing.T) {
			begun := time.Now()
			var mu sync.Mutex
			var order []string
			perSecond := make(map[int]int)
			client := paced(t, func(r *http.Request) (*http.Response, error) {
				mu.Lock()
				defer mu.Unlock()
				order = append(order, r.URL.Path)
				perSecond[int(time.Since(begun)/time.Second)]++
				return answer(http.StatusOK, ""), nil
			})
			var all sync.WaitGroup
			for i := range 40 {
				all.Go(func() {
					_, err := client.Do(t.Context(), Request{Class: class, Method: http.MethodGet, Path: "/" + string(rune('A'+i))}, nil)
					if err != nil {
						t.Error(err)
					}
				})
				synctest.Wait()
			}
			all.Wait()
			if len(order) != 40 || !slices.IsSorted(order) {
				t.Errorf("class %q came as %v", class, order)
			}
			for second, n := range perSecond {
				if second > 0 && n > most {
					t.Errorf("class %q: %d requests in second %d", class, n, second)
				}
			}
		})
	}
}

// TestSilence is what Retry-After does to everybody.
func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		var at []time.Duration
		refuse := "10"
		client := paced(t, func(*http.Request) (*http.Response, error) {
			at = append(at, time.Since(begun))
			if refuse != "" {
				return answer(http.StatusTooManyRequests, refuse), nil
			}
			return answer(http.StatusOK, ""), nil
		})
		get := func() error {
			_, err := client.Do(t.Context(), Request{Method: http.MethodGet}, nil)
			return err
		}
		if fault := faultOf(t, get()); fault.After != 10*time.Second {
			t.Errorf("got %+v", fault)
		}
		refuse = ""
		if err := get(); err != nil || !slices.Equal(at, []time.Duration{0, 10 * time.Second}) {
			t.Errorf("asked at %v, %v", at, err)
		}
		refuse = "600"
		_ = get()
		refuse = ""
		fault := faultOf(t, get())
		if fault.Kind != crm.FaultRetry || fault.After != 10*time.Minute || len(at) != 3 {
			t.Errorf("during a long silence: %+v, asked at %v", fault, at)
		}
		time.Sleep(fault.After)
		if err := get(); err != nil {
			t.Error(err)
		}
	})
}

// TestPatience ends what takes too long, and what its caller does not want any more.
func TestPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := paced(t, func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		begun := time.Now()
		_, err := client.Do(t.Context(), Request{Method: http.MethodGet, Path: "/x"}, nil)
		if fault := faultOf(t, err); fault.Kind != crm.FaultRetry || time.Since(begun) != answerTimeout || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after %v: %v", time.Since(begun), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := client.Do(ctx, Request{Method: http.MethodGet}, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the caller's end: %v", err)
		}
		ended, end := context.WithCancel(t.Context())
		end()
		if _, err := client.Do(ended, Request{Method: http.MethodGet}, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("a caller who has gone: %v", err)
		}
	})
}
